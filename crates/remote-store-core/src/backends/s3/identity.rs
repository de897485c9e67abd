//! Services that give credentials: what they are asked, and what they answer.

use futures_util::TryStreamExt;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use remote_store_credential_masking::{Secret, redact_text};

use crate::backends::cloud::credential::denied;
use crate::credential::{Credential, Lease};
use crate::error::{Error, Result};

use super::NAME;

/// Answers are a few hundred bytes.
const LONGEST_ANSWER_BYTES: usize = 1 << 20;

/// A service, by the name that messages give it.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) what: &'static str,
    pub(super) client: HttpClient,
    /// How often it is asked when it does not answer or is busy.
    pub(super) attempts: usize,
}

impl Identity {
    /// A request without a body.
    pub(super) fn request(
        &self,
        method: reqwest::Method,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<HttpRequest> {
        let refuse = |what: &str| Error::InvalidConfig {
            message: format!("The {what} of {} cannot be used", self.what),
            backend: Some(NAME.to_owned()),
            source: None,
        };
        // Credentials go to no URL that the client would read otherwise than it stands there.
        url.parse::<reqwest::Url>()
            .map_err(|_bad_url| refuse("URL"))?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().map_err(|_bad_url| refuse("URL"))?;
        for (name, value) in headers {
            let mut value = reqwest::header::HeaderValue::from_str(value)
                .map_err(|_not_ascii| refuse("token"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(*name, value);
        }
        Ok(request)
    }

    /// The text of a good answer; another one is an error with its code.
    pub(super) async fn ask(&self, request: &HttpRequest) -> Result<String> {
        let mut attempt = 1;
        loop {
            let (last, error) = match self.once(request.clone()).await {
                Ok((status, text)) if (200..300).contains(&status) => return Ok(text),
                Ok((status, text)) => (
                    attempt >= self.attempts || !(status == 429 || status >= 500),
                    self.refused(status, &text),
                ),
                Err(error) => (attempt >= self.attempts, error),
            };
            if last {
                return Err(error);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100 << attempt.min(5))).await;
            attempt += 1;
        }
    }

    async fn once(&self, request: HttpRequest) -> Result<(u16, String)> {
        let unreachable = |error: object_store::client::HttpError| {
            let message = format!("{} does not answer; check the network", self.what);
            Error::unavailable(NAME, message).caused_by(&error)
        };
        let answer = self.client.execute(request).await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let mut text = Vec::new();
        let mut body = answer.into_body().bytes_stream();
        while let Some(chunk) = body.try_next().await.map_err(unreachable)? {
            if text.len() + chunk.len() > LONGEST_ANSWER_BYTES {
                return Err(self.unreadable("more than a mebibyte"));
            }
            text.extend_from_slice(&chunk);
        }
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }

    fn refused(&self, status: u16, text: &str) -> Error {
        let code = between(text, "Code").or_else(|| json_text(text, &["Code", "code"]));
        let said = between(text, "Message").or_else(|| json_text(text, &["Message", "message"]));
        let code = code.map_or_else(String::new, |code| format!(" {code}"));
        let said = said.map_or_else(String::new, |said| format!(": {}", redact_text(&said)));
        denied(
            NAME,
            format!("{} gave no credential ({status}{code}){said}", self.what),
        )
    }

    fn unreadable(&self, what: &str) -> Error {
        // The answer itself may hold a credential.
        denied(
            NAME,
            format!("The answer of {} cannot be read: {what}", self.what),
        )
    }

    /// A lease out of JSON with the names that containers, machines and programs use.
    pub(super) fn lease_from_json(&self, text: &str) -> Result<Lease> {
        let get = |names: &[&str]| json_text(text, names);
        self.lease([
            get(&["AccessKeyId"]),
            get(&["SecretAccessKey"]),
            get(&["Token", "SessionToken"]),
            get(&["Expiration"]),
        ])
    }

    /// A lease out of the XML of the token service.
    pub(super) fn lease_from_xml(&self, text: &str) -> Result<Lease> {
        self.lease([
            between(text, "AccessKeyId"),
            between(text, "SecretAccessKey"),
            between(text, "SessionToken"),
            between(text, "Expiration"),
        ])
    }

    fn lease(&self, [key, secret, token, end]: [Option<String>; 4]) -> Result<Lease> {
        let (Some(key), Some(secret)) = (key, secret) else {
            return Err(self.unreadable("it has no AccessKeyId or no SecretAccessKey"));
        };
        let lease = Lease::new(Credential::access_key(key, secret, token.map(Secret::new)));
        match end.map(|end| chrono::DateTime::parse_from_rfc3339(&end)) {
            None => Ok(lease),
            Some(Ok(end)) => Ok(lease.until(end.to_utc())),
            Some(Err(_)) => Err(self.unreadable("its Expiration is no time in RFC 3339")),
        }
    }
}

/// The first text of these names in a JSON object.
fn json_text(text: &str, names: &[&str]) -> Option<String> {
    let object: serde_json::Value = serde_json::from_str(text).ok()?;
    let found = names.iter().find_map(|name| object.get(name)?.as_str());
    found.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The text of the first XML element of a name.
fn between(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    let value = value.trim().replace("&quot;", "\"").replace("&lt;", "<");
    let value = value.replace("&gt;", ">").replace("&amp;", "&");
    (!value.is_empty()).then_some(value)
}
