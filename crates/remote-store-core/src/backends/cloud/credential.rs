//! A credential source as the clients of the clouds take it: asked again before a lease ends.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use object_store::CredentialProvider;
use tokio::sync::Mutex;

use crate::credential::{Credential, Lease, SharedCredentialSource};
use crate::error::{Error, Result};

/// A lease is renewed this long before its end, so that no request runs out on its way.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// How long the last credential serves before a renewal that failed is tried again.
const PAUSE: TimeDelta = TimeDelta::seconds(20);

/// Turns a credential into what one client takes.
pub(in crate::backends) type Convert<C> = fn(Credential) -> Result<C>;

/// Keeps what a source gave until shortly before its end.
pub(in crate::backends) struct Renewed<C> {
    source: SharedCredentialSource,
    store: &'static str,
    convert: Convert<C>,
    held: Mutex<Option<Held<C>>>,
}

struct Held<C> {
    credential: Arc<C>,
    renew_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

impl<C> Renewed<C> {
    pub(in crate::backends) fn new(
        store: &'static str,
        source: SharedCredentialSource,
        convert: Convert<C>,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            store,
            convert,
            held: Mutex::new(None),
        })
    }

    /// The credential at a time; one caller asks the source, the others wait for its answer.
    async fn at(&self, now: DateTime<Utc>) -> Result<Arc<C>> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref()
            && held.renew_at.is_none_or(|renew_at| now < renew_at)
        {
            return Ok(Arc::clone(&held.credential));
        }
        let fetched = self.source.fetch().await.and_then(|lease| {
            let (renew_at, expires_at) = (renew_at(now, &lease), lease.expires_at);
            Ok(Held {
                credential: Arc::new((self.convert)(lease.credential)?),
                renew_at,
                expires_at,
            })
        });
        match fetched {
            Ok(fresh) => {
                let credential = Arc::clone(&fresh.credential);
                *held = Some(fresh);
                Ok(credential)
            }
            // What is still valid serves until its end.
            Err(error) => match held.as_mut() {
                Some(old) if old.expires_at.is_some_and(|end| now < end) => {
                    // Not with every request: each would wait for a source that is slow to fail.
                    old.renew_at = Some(now + PAUSE);
                    tracing::warn!(%error, "a credential could not be renewed; the last one is still valid");
                    Ok(Arc::clone(&old.credential))
                }
                _ => Err(error),
            },
        }
    }
}

/// Five minutes before the end, for short leases after half of the time.
fn renew_at(now: DateTime<Utc>, lease: &Lease) -> Option<DateTime<Utc>> {
    lease.expires_at.map(|end| {
        let left = (end - now).max(TimeDelta::zero());
        now + (left - MARGIN).max(left / 2)
    })
}

impl<C> fmt::Debug for Renewed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewed(***)")
    }
}

#[async_trait]
impl<C: Send + Sync> CredentialProvider for Renewed<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        self.at(Utc::now())
            .await
            .map_err(|error| object_store::Error::Generic {
                store: self.store,
                source: Box::new(error),
            })
    }
}

/// A source gave something that this cloud does not take.
pub(in crate::backends) fn wrong_kind(backend: &str, given: &Credential, wanted: &str) -> Error {
    denied(
        backend,
        format!(
            "The credential source of backend '{backend}' gave {}; it takes {wanted}",
            given.kind()
        ),
    )
}

/// There is no credential, and why.
pub(in crate::backends) fn denied(backend: &str, message: impl Into<String>) -> Error {
    Error::PermissionDenied {
        message: message.into(),
        path: String::new(),
        backend: backend.to_owned(),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::CredentialSource;
    use crate::runtime;
    use remote_store_credential_masking::Secret;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Leases of an hour, until the third call fails.
    #[derive(Debug, Default)]
    struct Hourly(Arc<AtomicUsize>);

    #[async_trait]
    impl CredentialSource for Hourly {
        async fn fetch(&self) -> Result<Lease> {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            if count > 1 {
                return Err(denied("s3", "the vault is shut"));
            }
            let token = Credential::Bearer(Secret::new(format!("token {count}")));
            Ok(Lease::new(token).until(start() + TimeDelta::hours(if count == 0 { 1 } else { 2 })))
        }
    }

    fn start() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn text(given: Credential) -> Result<String> {
        if let Credential::Bearer(token) = given {
            Ok(token.reveal().to_owned())
        } else {
            Err(wrong_kind("test", &given, "a bearer token"))
        }
    }

    #[test]
    fn a_lease_is_used_until_shortly_before_its_end_and_an_old_one_while_it_is_valid() {
        let calls = Arc::new(AtomicUsize::new(0));
        let source = SharedCredentialSource::new(Hourly(Arc::clone(&calls)));
        let renewed = Renewed::new("test", source, text);
        let at = |minutes: i64| {
            let now = start() + TimeDelta::minutes(minutes);
            runtime::block_on(crate::Driver::Inline, renewed.at(now)).unwrap()
        };
        assert_eq!(*at(0).unwrap(), "token 0");
        assert_eq!(*at(54).unwrap(), "token 0");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(*at(56).unwrap(), "token 1");
        assert_eq!(*at(114).unwrap(), "token 1");
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        // The source fails now, but the lease has five minutes left.
        assert_eq!(*at(117).unwrap(), "token 1");
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        // The next request does not wait for it again; a later one asks once more.
        assert_eq!(*at(117).unwrap(), "token 1");
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        assert_eq!(*at(118).unwrap(), "token 1");
        assert_eq!(calls.load(Ordering::Relaxed), 4);
        let err = at(121).unwrap_err();
        assert!(err.to_string().contains("the vault is shut"), "{err}");
    }

    #[test]
    fn a_credential_of_another_cloud_is_named_and_not_shown() {
        let key = Credential::access_key("AKIA".to_owned(), "hunter2".to_owned(), None);
        let message = text(key).unwrap_err().to_string();
        assert!(message.contains("gave an access key"), "{message}");
        assert!(!message.contains("hunter2"));
    }
}
