//! What sets one service apart from the others: its client, its options, a few words.

use std::borrow::Cow;
use std::fmt;

use object_store::ObjectStore;
use object_store::list::PaginatedListStore;
use object_store::signer::Signer;

use crate::error::{Error, Result, Subject};

use super::transport::{TransportOptions, refuse};

/// A client of a service.
pub trait Client: ObjectStore + PaginatedListStore + Signer {}

impl<T: ObjectStore + PaginatedListStore + Signer> Client for T {}

/// What one service does and another does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    /// Without a static credential, its client asks an identity service for a token.
    AsksForTokens,
    /// The end of an object can be read without knowing its size.
    ReadsSuffixes,
    /// A copy can refuse a taken destination by itself.
    CopiesConditionally,
    /// Putting the parts of an upload together can refuse a taken name.
    CompletesConditionally,
    /// A conditional update names the version to replace, not the tag.
    ComparesVersions,
}

/// The words with which a service is spoken of.
#[derive(Debug)]
pub struct Words {
    /// The type name of the backend, also the first part of its messages.
    pub name: &'static str,
    /// The scheme of its locations.
    pub scheme: &'static str,
    /// Its name in a sentence.
    pub service: &'static str,
    /// Where it is when no endpoint is given.
    pub home: &'static str,
    /// What holds the objects, and the option that names it.
    pub bucket: &'static str,
    /// The same as the subject of errors.
    pub holds: Subject,
    /// What to check when access is denied.
    pub credentials: &'static str,
    /// What to do when no credential was given or found.
    pub no_credentials: &'static str,
    /// The credentials that can sign links.
    pub signs_with: &'static str,
    /// The option that names the endpoint.
    pub endpoint_option: &'static str,
    /// The option that names the region.
    pub region_option: Option<&'static str>,
    /// What it does and another does not.
    pub traits: &'static [Trait],
    /// How many parts of an upload are under way at once.
    pub parts_in_flight: usize,
}

impl Words {
    /// Whether the service does it.
    pub fn has(&self, wanted: Trait) -> bool {
        self.traits.contains(&wanted)
    }
}

/// What the options of every service name, each under the name that its users know.
#[derive(Debug, Clone, Copy)]
pub struct Place<'o> {
    /// The bucket or container.
    pub bucket: &'o str,
    /// How the service is reached.
    pub transport: &'o TransportOptions,
    /// Requests go without a credential, and none is looked for: without one there is nothing to
    /// sign with, and the clients would look for one on the network.
    pub anonymous: bool,
    /// Refuse to write below an object.
    pub rejects_write_under_file_ancestor: bool,
}

/// The options of a service, and what they make of it.
pub trait Service: fmt::Debug + Send + Sync + 'static {
    /// How it is spoken of.
    fn words(&self) -> &'static Words;

    /// Where the objects are, and how they are reached.
    fn place(&self) -> Place<'_>;

    /// The endpoint with its scheme, when it is not the service's own.
    fn endpoint(&self) -> Option<String>;

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`](crate::Error::InvalidConfig) for options that cannot work together.
    fn validate(&self) -> Result<()>;

    /// Builds the client. Opens no connection.
    ///
    /// # Errors
    /// For options that the client refuses, and without credentials.
    fn connect(&self) -> Result<Box<dyn Client>>;

    /// For `repr`: what was given, credentials masked.
    fn describe(&self) -> Vec<(String, String)>;

    /// How many parts of an upload are under way at once.
    fn parts_in_flight(&self) -> usize {
        self.words().parts_in_flight
    }

    /// Not every server of this kind begins a listing where it was asked to.
    fn filters_offsets(&self) -> bool {
        false
    }

    /// The name under which the service keeps a piece of user metadata.
    fn stored_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        Cow::Borrowed(name)
    }

    /// The way back from [`stored_name`](Self::stored_name).
    fn given_name<'n>(&self, stored: &'n str) -> Cow<'n, str> {
        Cow::Borrowed(stored)
    }
}

/// Installs the TLS implementation. Only the first installation counts; one by
/// the application is as good.
pub(in crate::backends) fn install_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// The client refuses its options.
pub(in crate::backends) fn cannot_be_set_up(words: &Words, bucket: &str) -> Error {
    refuse(
        words.name,
        format!(
            "Backend '{}' for the {} '{bucket}' cannot be set up; check its options",
            words.name, words.bucket
        ),
    )
}

/// There is no credential: `what` says how so.
pub(in crate::backends) fn no_credentials(words: &Words, bucket: &str, what: &str) -> Error {
    Error::PermissionDenied {
        message: format!(
            "{what} for backend '{}'. {}",
            words.name, words.no_credentials
        ),
        path: bucket.to_owned(),
        backend: words.name.into(),
        source: None,
    }
}
