//! Signed links to objects.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::signed::{UrlMethod, check_life};

use super::Store;

impl Store {
    /// True when [`Store::signed_url`] can be asked for: on S3, Azure and Google Cloud Storage, unless they
    /// are read without a credential. A credential that turns out unable to sign is an error then.
    pub fn supports_signed_urls(&self) -> bool {
        self.backend.supports_signed_urls()
    }

    /// A link with which anyone may do `method` with the object until `expires_in` has passed. Nothing is
    /// asked whether the object exists. Whoever has the link has the right: keep it as a secret.
    ///
    /// ```
    /// use std::time::Duration;
    /// use remote_store_core::{ErrorKind, Store, UrlMethod, runtime};
    ///
    /// let store = Store::memory();
    /// assert!(!store.supports_signed_urls());
    /// let link = store.signed_url("a.txt", UrlMethod::Get, Duration::from_secs(60));
    /// let refused = runtime::block_on(store.driver(), link)?.unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::CapabilityNotSupported);
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the store, or its credential, cannot sign; [`Error::InvalidConfig`] for
    /// less than a second or more than seven days; [`Error::InvalidPath`] when `path` is no name.
    pub async fn signed_url(
        &self,
        path: &str,
        method: UrlMethod,
        expires_in: Duration,
    ) -> Result<String> {
        let key = self.full_key(path)?;
        if !self.supports_signed_urls() {
            return Err(Error::Unsupported {
                reason: "cannot sign links; read the object through the store".into(),
                backend: self.backend.name().to_owned(),
            });
        }
        check_life(expires_in, self.backend.name())?;
        self.backend.signed_url(&key, method, expires_in).await
    }
}
