//! A web server on loopback that answers as a test tells it to, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::Setup;

/// A request: its first line and its headers, names in lower case.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// What stands after it, quoted as it came.
    pub target: String,
    /// What was sent with it; chunked bodies are left out.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Request {
    /// A header, when it was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The same request, as a server takes it that does not know this header.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut same = self.clone();
        same.headers.retain(|(known, _)| known != name);
        same
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = reader.by_ref().lines().map_while(Result::ok);
        let first = lines.next()?;
        let mut words = first.split(' ');
        let mut request = Self {
            method: words.next()?.to_owned(),
            target: words.next()?.to_owned(),
            ..Self::default()
        };
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            let pair = (name.to_ascii_lowercase(), value.trim().to_owned());
            request.headers.push(pair);
        }
        drop(lines);
        let length = request.header("content-length");
        if let Some(length) = length.and_then(|length| length.parse().ok()) {
            request.body = vec![0; length];
            reader.read_exact(&mut request.body).ok()?;
        }
        Some(request)
    }
}

/// The server. Each connection carries one request; the thread ends with the process.
#[derive(Debug)]
pub struct Scripted {
    /// Where it listens, without a slash at the end.
    pub url: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    /// Serves what `answer` makes of each request and of how many came before it. The text is
    /// sent as it is, so it may promise more than it holds; an empty one drops the connection.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(
        answer: impl Fn(&Request, usize) -> String + Send + Sync + 'static,
    ) -> Setup<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::new(Mutex::new(Vec::<Request>::new()));
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Ok(Self { url, asked })
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Request> {
        let all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request, usize) -> String,
) {
    let Some(request) = Request::read(&stream) else {
        return;
    };
    let before = {
        let mut all = seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(request.clone());
        all.len() - 1
    };
    // Whoever went away does not want the rest.
    drop(stream.write_all(answer(&request, before).as_bytes()));
}

/// An answer: status, headers, body. The length of the body is told unless the headers tell one.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    let told = ["content-length", "transfer-encoding"];
    if !headers
        .iter()
        .any(|(name, _)| told.contains(&name.to_ascii_lowercase().as_str()))
    {
        text += &["Content-Length: ", &body.len().to_string(), "\r\n"].concat();
    }
    for (name, value) in headers {
        text += &[name, ": ", value, "\r\n"].concat();
    }
    text.push_str("\r\n");
    text.push_str(body);
    text
}
