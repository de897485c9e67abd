//! Signed links, made by the client of the service.

use std::time::Duration;

use object_store::signer::Method;

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::signed::UrlMethod;

use super::Inner;

impl Inner {
    pub(super) async fn signed_url(
        &self,
        key: &ObjectKey,
        method: UrlMethod,
        expires_in: Duration,
    ) -> Result<String> {
        let method = match method {
            UrlMethod::Get => Method::GET,
            UrlMethod::Head => Method::HEAD,
            UrlMethod::Put => Method::PUT,
            UrlMethod::Delete => Method::DELETE,
        };
        let location = self.location(key)?;
        let client = self.client()?;
        match client.signed_url(method, &location, expires_in).await {
            Ok(url) => Ok(url.into()),
            // The clients tell a credential that cannot sign in words of their own only.
            Err(object_store::Error::Generic { .. }) => Err(Error::Unsupported {
                reason: format!(
                    "cannot sign links with the credential it has; use one that can ({}), or read the object through the store",
                    self.words().signs_with
                ),
                backend: self.name().into(),
            }),
            Err(err) => Err(self.failure(key.as_str(), &err)),
        }
    }
}
