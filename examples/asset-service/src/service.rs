//! The routes: one lists, one streams.

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use remote_store_core::{Error, ErrorKind, ObjectInfo, PageToken, ReadRange, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::range;

const DEFAULT_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// `GET /assets` lists, `GET /assets/<path>` streams; `HEAD` gives the headers alone.
pub(crate) fn router(store: Store) -> Router {
    Router::new()
        .route("/assets", get(list))
        .route("/assets/{*path}", get(stream).head(describe))
        .with_state(store)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    prefix: String,
    after: Option<String>,
    limit: Option<usize>,
}

async fn list(
    State(store): State<Store>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Failure> {
    let token = page.after.as_deref().map(PageToken::parse).transpose()?;
    let limit = page.limit.unwrap_or(DEFAULT_PAGE).clamp(1, LARGEST_PAGE);
    let found = store.list_page(&page.prefix, token.as_ref(), limit).await?;
    let assets: Vec<Value> = found.objects.iter().map(listed).collect();
    let next = found.next.as_ref().map(PageToken::as_str);
    Ok(Json(json!({"assets": assets, "next": next})))
}

fn listed(info: &ObjectInfo) -> Value {
    json!({
        "path": info.key.as_str(),
        "size": info.size,
        "modified": info.modified.map(|time| time.to_rfc3339()),
    })
}

/// The bytes go out as they come in: no asset is held in memory.
async fn stream(
    State(store): State<Store>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let range = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let requested = range::requested(range);
    let partial = requested.is_some();
    let reader = store
        .open(&path, requested.unwrap_or(ReadRange::All))
        .await?;
    let (sent, size) = (reader.range(), reader.info().size);
    let mut headers = described(reader.info(), sent.end.saturating_sub(sent.start));
    if !partial {
        return Ok((headers, Body::from_stream(reader.into_stream())).into_response());
    }
    let Some(last) = sent.end.checked_sub(1).filter(|_| !sent.is_empty()) else {
        let unsatisfied = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, unsatisfied).into_response());
    };
    insert(
        &mut headers,
        header::CONTENT_RANGE,
        &format!("bytes {}-{last}/{size}", sent.start),
    );
    let body = Body::from_stream(reader.into_stream());
    Ok((StatusCode::PARTIAL_CONTENT, headers, body).into_response())
}

async fn describe(
    State(store): State<Store>,
    Path(path): Path<String>,
) -> Result<HeaderMap, Failure> {
    let info = store.head(&path).await?;
    Ok(described(&info, info.size))
}

fn described(info: &ObjectInfo, length: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::CONTENT_LENGTH, &length.to_string());
    insert(&mut headers, header::ACCEPT_RANGES, "bytes");
    let media_type = info
        .content_type
        .as_deref()
        .unwrap_or("application/octet-stream");
    insert(&mut headers, header::CONTENT_TYPE, media_type);
    if let Some(etag) = &info.etag {
        insert(&mut headers, header::ETAG, etag);
    }
    headers
}

/// A value that no header can carry is left out: it comes from whoever wrote the object.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

/// What went wrong, as a status and a message; messages of a store hold no credential.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let statuses = [
            (ErrorKind::NotFound, StatusCode::NOT_FOUND),
            (ErrorKind::InvalidPath, StatusCode::BAD_REQUEST),
            (ErrorKind::PermissionDenied, StatusCode::FORBIDDEN),
            (
                ErrorKind::BackendUnavailable,
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            (ErrorKind::Closed, StatusCode::SERVICE_UNAVAILABLE),
        ];
        let known = statuses.iter().find(|(kind, _)| *kind == self.0.kind());
        let status = known.map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status);
        let body = json!({"error": self.0.kind().as_str(), "message": self.0.to_string()});
        (status, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests;
