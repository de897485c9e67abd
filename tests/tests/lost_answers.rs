//! Requests that are carried out while their answer is lost: the client asks
//! again, and must know its own success from that of another writer.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use remote_store_core::{Error, ErrorKind, Revision, Store, WriteOptions, WriteResult};
use remote_store_tests::s3_server::over_scripted;
use remote_store_tests::scripted::{Request, Scripted, answer};
use remote_store_tests::wait;

/// More than one part.
const LARGE: usize = (8 << 20) + 100;
const FOREIGN: &str = "of another writer";

/// What becomes of the request whose answer is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lost {
    /// It is carried out.
    Done,
    /// It never arrives, and another writer takes the name meanwhile.
    Overtaken,
}

/// Whether a request is one of those that lose their answer.
type Chosen = fn(&Request) -> bool;

/// As much of S3 as writing on condition needs.
#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, (String, String)>,
    parts: BTreeMap<String, String>,
    upload: bool,
    tags: usize,
    /// Which requests lose their answer, once.
    losing: Option<(Chosen, Lost)>,
}

impl Bucket {
    fn put(&mut self, name: &str, body: String) -> String {
        self.tags += 1;
        let tag = format!("\"v{}\"", self.tags);
        self.objects.insert(name.to_owned(), (tag.clone(), body));
        answer("200 OK", &[("ETag", &tag)], "")
    }

    fn refuses(&self, request: &Request, name: &str) -> bool {
        let there = self.objects.get(name).map(|(tag, _)| tag.as_str());
        let taken = request.header("if-none-match") == Some("*") && there.is_some();
        let other = request
            .header("if-match")
            .is_some_and(|tag| there != Some(tag));
        taken || other
    }

    fn answer(&mut self, request: &Request) -> String {
        let (name, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let name = name.to_owned();
        let body = || String::from_utf8(request.body.clone()).unwrap();
        match request.method.as_str() {
            "GET" | "HEAD" => self.read(request, &name),
            "POST" if query.starts_with("uploads") => {
                self.upload = true;
                let told = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
                answer("200 OK", &[], told)
            }
            "PUT" if query.contains("partNumber=") => {
                self.parts.insert(query.to_owned(), body());
                answer("200 OK", &[("ETag", "\"part\"")], "")
            }
            "DELETE" => answer("204 No Content", &[], ""),
            "POST" if !self.upload => answer(
                "404 Not Found",
                &[],
                "<Error><Code>NoSuchUpload</Code></Error>",
            ),
            _ if self.refuses(request, &name) => answer(
                "412 Precondition Failed",
                &[],
                "<Error><Code>PreconditionFailed</Code></Error>",
            ),
            "POST" => {
                self.upload = false;
                let whole = std::mem::take(&mut self.parts).into_values().collect();
                self.put(&name, whole);
                let told = "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>";
                answer("200 OK", &[], told)
            }
            _ => self.put(&name, body()),
        }
    }

    fn read(&self, request: &Request, name: &str) -> String {
        let Some((tag, body)) = self.objects.get(name) else {
            let listing = "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";
            return match name {
                "/lake" => answer("200 OK", &[], listing),
                _ => answer("404 Not Found", &[], ""),
            };
        };
        let headers = [
            ("ETag", tag.as_str()),
            ("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT"),
        ];
        if request.method == "HEAD" {
            let size = body.len().to_string();
            return answer(
                "200 OK",
                &[headers[0], headers[1], ("Content-Length", &size)],
                "",
            );
        }
        let range = request
            .header("range")
            .and_then(|range| range.strip_prefix("bytes="));
        let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
            return answer("200 OK", &headers, body);
        };
        let (start, size) = (first.parse::<usize>().unwrap(), body.len());
        let end = (last.parse::<usize>().unwrap() + 1).min(size);
        let said = format!("bytes {start}-{}/{size}", end - 1);
        answer(
            "206 Partial Content",
            &[headers[0], headers[1], ("Content-Range", &said)],
            &body[start..end],
        )
    }
}

/// A bucket whose first request that `loses` picks has no answer.
fn bucket(loses: Chosen, lost: Lost) -> (Store, Arc<Mutex<Bucket>>, Scripted) {
    let bucket = Arc::new(Mutex::new(Bucket {
        losing: Some((loses, lost)),
        ..Bucket::default()
    }));
    let held = Arc::clone(&bucket);
    let server = Scripted::start(move |request, _| {
        let mut bucket = held.lock().unwrap();
        let Some((_, lost)) = bucket.losing.take_if(|(loses, _)| loses(request)) else {
            return bucket.answer(request);
        };
        match lost {
            Lost::Done => drop(bucket.answer(request)),
            Lost::Overtaken => drop(bucket.put("/lake/x", FOREIGN.to_owned())),
        }
        String::new()
    })
    .unwrap();
    (over_scripted(&server).unwrap(), bucket, server)
}

fn stored(bucket: &Mutex<Bucket>) -> String {
    let bucket = bucket.lock().unwrap();
    let (_tag, content) = bucket.objects.get("/lake/x").unwrap();
    content.clone()
}

fn creates(request: &Request) -> bool {
    request.method == "PUT" && request.header("if-none-match").is_some()
}

fn updates(request: &Request) -> bool {
    request.method == "PUT" && request.header("if-match").is_some()
}

fn completes(request: &Request) -> bool {
    request.method == "POST" && request.target.contains("uploadId=")
}

fn write(store: &Store, options: &WriteOptions) -> Result<WriteResult, Error> {
    wait(store.write("x", "my own".into(), options))
}

/// Large enough for parts.
fn write_in_parts(store: &Store, options: &WriteOptions) -> Result<WriteResult, Error> {
    wait(async {
        let mut writer = store.writer("x", options).await?;
        writer.write("m".repeat(LARGE).into()).await?;
        writer.finish().await
    })
}

#[test]
fn a_creation_whose_answer_is_lost_succeeded() {
    let (store, bucket, server) = bucket(creates, Lost::Done);
    let written = write(&store, &WriteOptions::create()).unwrap();
    assert_eq!(written.etag.as_deref(), Some("\"v1\""));
    assert_eq!(stored(&bucket), "my own");
    let puts = server.asked().iter().filter(|one| creates(one)).count();
    assert_eq!(puts, 2, "it was asked again");
}

#[test]
fn a_creation_that_another_writer_overtook_is_refused() {
    let (store, bucket, _server) = bucket(creates, Lost::Overtaken);
    let err = write(&store, &WriteOptions::create()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    assert_eq!(stored(&bucket), FOREIGN);
}

#[test]
fn an_update_whose_answer_is_lost_succeeded() {
    let (store, bucket, _server) = bucket(updates, Lost::Done);
    let first = write(&store, &WriteOptions::create()).unwrap();
    let options = WriteOptions::if_match(first.revision().unwrap());
    let second = wait(store.write("x", "changed".into(), &options)).unwrap();
    assert_eq!(stored(&bucket), "changed");
    // Its tag is the one that the next update has to name.
    let options = WriteOptions::if_match(second.revision().unwrap());
    wait(store.write("x", "again".into(), &options)).unwrap();
    assert_eq!(stored(&bucket), "again");
}

#[test]
fn an_update_that_another_writer_overtook_is_a_conflict() {
    let (store, bucket, _server) = bucket(updates, Lost::Overtaken);
    let first = write(&store, &WriteOptions::create()).unwrap();
    let revision: Revision = first.revision().unwrap();
    let err = write(&store, &WriteOptions::if_match(revision)).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Conflict);
    assert_eq!(stored(&bucket), FOREIGN);
}

#[test]
fn parts_that_were_put_together_without_an_answer_are_the_object() {
    for options in [WriteOptions::create(), WriteOptions::overwrite()] {
        let (store, bucket, server) = bucket(completes, Lost::Done);
        let written = write_in_parts(&store, &options).unwrap();
        assert_eq!(written.size, LARGE as u64);
        assert!(stored(&bucket) == "m".repeat(LARGE));
        let asked = server.asked().iter().filter(|one| completes(one)).count();
        assert_eq!(asked, 2, "it was asked again");
    }
}

#[test]
fn parts_whose_name_another_writer_took_are_refused_and_replace_nothing() {
    let (store, bucket, _server) = bucket(completes, Lost::Overtaken);
    let err = write_in_parts(&store, &WriteOptions::create()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    assert_eq!(stored(&bucket), FOREIGN);
}

#[test]
fn parts_that_are_gone_without_an_object_of_their_size_are_an_error() {
    // The upload is removed by somebody else, and the name holds another object.
    let (store, bucket, _server) = bucket(completes, Lost::Overtaken);
    let held = Arc::clone(&bucket);
    let written = wait(async {
        let mut writer = store.writer("x", &WriteOptions::overwrite()).await?;
        writer.write("m".repeat(LARGE).into()).await?;
        held.lock().unwrap().upload = false;
        writer.finish().await
    });
    assert!(written.is_err());
    assert_eq!(stored(&bucket), FOREIGN);
}

#[test]
fn parts_that_are_gone_above_an_older_object_of_their_size_are_an_error() {
    // The upload is removed by somebody else; what is there was there before.
    let (store, bucket, _server) = bucket(completes, Lost::Done);
    let older = "o".repeat(LARGE);
    bucket.lock().unwrap().put("/lake/x", older.clone());
    let held = Arc::clone(&bucket);
    let written = wait(async {
        let mut writer = store.writer("x", &WriteOptions::overwrite()).await?;
        writer.write("m".repeat(LARGE).into()).await?;
        held.lock().unwrap().upload = false;
        writer.finish().await
    });
    assert!(written.is_err());
    assert!(stored(&bucket) == older);
}

#[test]
fn parts_that_were_put_together_without_an_answer_replaced_an_older_object_of_their_size() {
    let (store, bucket, _server) = bucket(completes, Lost::Done);
    bucket.lock().unwrap().put("/lake/x", "o".repeat(LARGE));
    write_in_parts(&store, &WriteOptions::overwrite()).unwrap();
    assert!(stored(&bucket) == "m".repeat(LARGE));
}
