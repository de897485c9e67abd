//! The service as its users see it, without a socket.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use remote_store_core::{Store, WriteOptions};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::router;

async fn warehouse() -> Store {
    let store = Store::memory();
    for (path, content) in [
        ("daily/1.json", "[1]"),
        ("daily/2.json", "[2]"),
        ("report.txt", "0123456789"),
    ] {
        store
            .write(path, content.into(), &WriteOptions::create())
            .await
            .unwrap();
    }
    store
}

async fn answer(method: Method, uri: &str, range: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("range", range);
    let service = router(warehouse().await);
    let response = service
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, headers, body.to_vec())
}

async fn listing(uri: &str) -> Value {
    let (status, _, body) = answer(Method::GET, uri, "").await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn assets_are_listed_page_by_page() {
    let first = listing("/assets?limit=2").await;
    let paths: Vec<&Value> = first["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| &asset["path"])
        .collect();
    assert_eq!(paths, ["daily/1.json", "daily/2.json"]);
    assert_eq!(first["next"], "daily/2.json");

    let second = listing("/assets?limit=2&after=daily/2.json").await;
    assert_eq!(second["assets"][0]["path"], "report.txt");
    assert_eq!(second["assets"][0]["size"], 10);
    assert_eq!(second["next"], Value::Null);
}

#[tokio::test]
async fn a_prefix_is_a_folder() {
    assert_eq!(
        listing("/assets?prefix=daily").await["assets"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(listing("/assets?prefix=dai").await["assets"], json!([]));
}

#[tokio::test]
async fn an_asset_is_streamed_whole_or_in_part() {
    let (status, headers, body) = answer(Method::GET, "/assets/report.txt", "").await;
    assert_eq!(
        (status, body.as_slice()),
        (StatusCode::OK, b"0123456789".as_slice())
    );
    assert_eq!(headers["content-length"], "10");

    let (status, headers, body) = answer(Method::GET, "/assets/report.txt", "bytes=2-4").await;
    assert_eq!(
        (status, body.as_slice()),
        (StatusCode::PARTIAL_CONTENT, b"234".as_slice())
    );
    assert_eq!(headers["content-range"], "bytes 2-4/10");

    let (status, headers, _) = answer(Method::GET, "/assets/report.txt", "bytes=10-").await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers["content-range"], "bytes */10");
}

#[tokio::test]
async fn head_describes_without_a_body() {
    let (status, headers, body) = answer(Method::HEAD, "/assets/report.txt", "").await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-length"], "10");
}

#[tokio::test]
async fn a_missing_asset_is_named_and_a_bad_name_refused() {
    let (status, _, body) = answer(Method::GET, "/assets/absent.json", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let error: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(error["error"], "not-found");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("File not found: absent.json")
    );

    let (status, _, _) = answer(Method::GET, "/assets/a/%2e%2e/%2e%2e/etc/passwd", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
