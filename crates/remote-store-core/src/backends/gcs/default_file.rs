//! The file of Google's application default credentials: which it is, and of which kind.

use std::path::PathBuf;

use object_store::gcp::GoogleCloudStorageBuilder;

use crate::backends::cloud::environment::Environment;
use crate::backends::given::refuse;
use crate::error::Result;

use super::NAME;
use super::client::renewed;
use super::options::GcsOptions;

/// Where `gcloud` writes it, below its folder.
const NAME_OF_FILE: &str = "application_default_credentials.json";

/// The kinds that the client knows.
const KNOWN: [&str; 2] = ["service_account", "authorized_user"];

/// A file that is there.
pub(super) struct DefaultFile {
    path: PathBuf,
    kind: String,
}

impl DefaultFile {
    /// The file that `GOOGLE_APPLICATION_CREDENTIALS` names, else the one of `gcloud` if any.
    ///
    /// # Errors
    /// `InvalidConfig` when the one that is named cannot be read, or is no JSON.
    pub(super) fn find(environment: &Environment) -> Result<Option<Self>> {
        let named = environment.get("GOOGLE_APPLICATION_CREDENTIALS");
        let path = match named {
            Some(path) => PathBuf::from(path),
            None => match folder(environment).map(|folder| folder.join(NAME_OF_FILE)) {
                Some(path) if path.exists() => path,
                _ => return Ok(None),
            },
        };
        let about = |what: &str| {
            let shown = path.display();
            refuse(
                NAME,
                format!("Backend 'gcs': the application default credentials {shown} {what}"),
            )
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| about("cannot be read").caused_by(&error))?;
        let content: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let kind = content.as_ref().and_then(|content| content.get("type"));
        let kind = kind
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| {
                about("are no JSON with a 'type'; write them anew with gcloud auth application-default login")
            })?
            .to_owned();
        Ok(Some(Self { path, kind }))
    }

    /// Gives it to the client, or has it read by who knows its kind.
    pub(super) fn give(
        self,
        builder: GoogleCloudStorageBuilder,
        options: &GcsOptions,
    ) -> Result<GoogleCloudStorageBuilder> {
        if KNOWN.contains(&self.kind.as_str()) {
            return Ok(builder.with_application_credentials(self.path.to_string_lossy()));
        }
        match &options.default_credential {
            Some(source) => Ok(builder.with_credentials(renewed(source))),
            None => Err(refuse(
                NAME,
                format!(
                    "Backend 'gcs': the application default credentials {} are of type '{}', which is not read here: \
                     in Python pip install google-auth, in Rust give the option 'credential'",
                    self.path.display(),
                    self.kind.escape_debug()
                ),
            )),
        }
    }
}

/// The folder in which `gcloud` keeps its files.
fn folder(environment: &Environment) -> Option<PathBuf> {
    if let Some(own) = environment.get("CLOUDSDK_CONFIG") {
        return Some(PathBuf::from(own));
    }
    if cfg!(windows) {
        return environment
            .get("APPDATA")
            .map(|data| PathBuf::from(data).join("gcloud"));
    }
    environment
        .home()
        .map(|home| home.join(".config").join("gcloud"))
}
