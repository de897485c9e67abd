//! Credentials that come from elsewhere and expire: a [`CredentialSource`] is asked when a backend
//! needs one, and again before what it gave has run out.
//!
//! ```
//! use remote_store_core::credential::{Credential, CredentialSource, Lease, SharedCredentialSource};
//!
//! /// Asks a vault of one's own.
//! #[derive(Debug)]
//! struct Vault;
//!
//! #[async_trait::async_trait]
//! impl CredentialSource for Vault {
//!     async fn fetch(&self) -> remote_store_core::Result<Lease> {
//!         let key = Credential::access_key("AKIA…".to_owned(), "hunter2".to_owned(), None);
//!         Ok(Lease::new(key).until(chrono::Utc::now() + chrono::TimeDelta::hours(1)))
//!     }
//! }
//!
//! let shared = SharedCredentialSource::new(Vault);
//! assert_eq!(format!("{shared:?}"), "SharedCredentialSource(***)");
//! ```

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use remote_store_credential_masking::Secret;

use crate::error::Result;

/// A credential of one of the clouds. Its `Debug` shows nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// An access key of AWS, or of a service that speaks S3.
    AccessKey {
        /// The access key id.
        key: Secret,
        /// The secret access key.
        secret: Secret,
        /// The token of temporary credentials.
        session_token: Option<Secret>,
    },
    /// A key of an Azure storage account.
    AccountKey(Secret),
    /// A shared access signature of Azure.
    SharedAccessSignature(Secret),
    /// An OAuth token, for Azure and Google.
    Bearer(Secret),
}

impl Credential {
    /// An access key of AWS.
    pub fn access_key(
        key: impl Into<Secret>,
        secret: impl Into<Secret>,
        session_token: Option<Secret>,
    ) -> Self {
        Self::AccessKey {
            key: key.into(),
            secret: secret.into(),
            session_token,
        }
    }

    /// What it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccessKey { .. } => "an access key",
            Self::AccountKey(_) => "an account key",
            Self::SharedAccessSignature(_) => "a shared access signature",
            Self::Bearer(_) => "a bearer token",
        }
    }
}

/// A credential and how long it may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The credential.
    pub credential: Credential,
    /// When it ends; never when absent.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Lease {
    /// A credential that does not expire.
    pub const fn new(credential: Credential) -> Self {
        Self {
            credential,
            expires_at: None,
        }
    }

    /// One that ends at a time; the source is asked again before.
    #[must_use]
    pub const fn until(mut self, expires_at: DateTime<Utc>) -> Self {
        self.expires_at = Some(expires_at);
        self
    }
}

/// Gives credentials whenever a backend needs new ones.
#[async_trait]
pub trait CredentialSource: fmt::Debug + Send + Sync + 'static {
    /// A credential that is valid now. Called for the first request, then when the last lease is
    /// about to end; never twice at once by one client. Must not block the thread: blocking work
    /// belongs on one of its own.
    ///
    /// # Errors
    /// [`PermissionDenied`](crate::Error::PermissionDenied) when there is none to be had; it reaches the
    /// caller of the store as it is. No error may contain a credential.
    async fn fetch(&self) -> Result<Lease>;
}

/// A source as options hold it: cheap to clone, equal only to itself, shown as `***`.
#[derive(Clone)]
pub struct SharedCredentialSource(Arc<dyn CredentialSource>);

impl SharedCredentialSource {
    /// Shares a source.
    pub fn new(source: impl CredentialSource) -> Self {
        Self(Arc::new(source))
    }

    /// Asks the source.
    ///
    /// # Errors
    /// As [`CredentialSource::fetch`].
    pub async fn fetch(&self) -> Result<Lease> {
        self.0.fetch().await
    }
}

impl PartialEq for SharedCredentialSource {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedCredentialSource {}

impl fmt::Debug for SharedCredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedCredentialSource(***)")
    }
}
