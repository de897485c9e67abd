//! The profile of AWS's shared config and credentials files.

use std::path::PathBuf;

use crate::backends::cloud::environment::Environment;
use crate::backends::given::refuse;
use crate::error::Result;

use super::NAME;
use super::ini::{BadLine, Ini};

/// Both files, and which profile is meant.
#[derive(Clone, Default)]
pub(super) struct Profiles {
    config: Ini,
    credentials: Ini,
    /// Where they are, for messages.
    paths: [PathBuf; 2],
    /// The profile that is meant.
    pub(super) name: String,
    /// It was asked for by name in the options.
    pub(super) chosen: bool,
}

impl Profiles {
    /// Reads the files; one that is not there is empty.
    pub(super) fn read(profile: Option<&str>, environment: &Environment) -> Result<Self> {
        let named = environment.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]);
        let path = |variable: &str, file: &str| {
            let below_home = |home: PathBuf| home.join(".aws").join(file);
            match environment.get(variable) {
                Some(path) => match (path.strip_prefix("~/"), environment.home()) {
                    (Some(rest), Some(home)) => home.join(rest),
                    _ => PathBuf::from(path),
                },
                None => environment.home().map(below_home).unwrap_or_default(),
            }
        };
        let paths = [
            path("AWS_CONFIG_FILE", "config"),
            path("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ];
        let [config, credentials] = &paths;
        let profiles = Self {
            config: load(config)?,
            credentials: load(credentials)?,
            name: profile.or(named).unwrap_or("default").to_owned(),
            chosen: profile.is_some(),
            paths,
        };
        if (profiles.chosen || named.is_some()) && !profiles.has(&profiles.name) {
            return Err(profiles.unknown(&profiles.name));
        }
        Ok(profiles)
    }

    fn has(&self, profile: &str) -> bool {
        self.section(profile).is_some() || self.credentials.has(profile)
    }

    /// The section of a profile in the config file, which has two names for the first.
    fn section(&self, profile: &str) -> Option<String> {
        let long = format!("profile {profile}");
        if self.config.has(&long) {
            return Some(long);
        }
        (profile == "default" && self.config.has(profile)).then(|| profile.to_owned())
    }

    /// A profile that is in neither file.
    pub(super) fn unknown(&self, profile: &str) -> crate::Error {
        let in_config = self.config.sections().filter_map(|section| {
            let name = section.strip_prefix("profile ");
            name.or((section == "default").then_some(section))
        });
        let mut known: Vec<&str> = in_config.chain(self.credentials.sections()).collect();
        known.sort_unstable();
        known.dedup();
        let [config, credentials] = &self.paths;
        refuse(
            NAME,
            format!(
                "Backend 's3': profile '{}' is neither in {} nor in {}; these are: [{}]. Name one of them in 'profile' \
                 or AWS_PROFILE",
                profile.escape_debug(),
                config.display(),
                credentials.display(),
                known.join(", ")
            ),
        )
    }

    /// A value of a profile, out of the config file.
    pub(super) fn configured(&self, profile: &str, name: &str) -> Option<&str> {
        self.config.get(&self.section(profile)?, name)
    }

    /// A value of a profile, out of the credentials file.
    pub(super) fn credential(&self, profile: &str, name: &str) -> Option<&str> {
        self.credentials.get(profile, name)
    }

    /// A value of a profile, out of either file.
    pub(super) fn value(&self, profile: &str, name: &str) -> Option<&str> {
        self.credential(profile, name)
            .or_else(|| self.configured(profile, name))
    }

    /// Where a service is, as the profile that is meant says.
    pub(super) fn endpoint(&self, service: &str) -> Option<&str> {
        let services = self.configured(&self.name, "services");
        let own = services.and_then(|services| {
            let section = format!("services {services}");
            self.config
                .get(&section, &format!("{service}.endpoint_url"))
        });
        own.or_else(|| self.configured(&self.name, "endpoint_url"))
    }

    /// A profile is there at all.
    pub(super) fn check(&self, profile: &str) -> Result<()> {
        if self.has(profile) {
            Ok(())
        } else {
            Err(self.unknown(profile))
        }
    }
}

fn load(path: &PathBuf) -> Result<Ini> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if path.as_os_str().is_empty() || is_missing(&error) => {
            return Ok(Ini::default());
        }
        Err(error) => {
            let message = format!("Backend 's3': {} cannot be read", path.display());
            return Err(refuse(NAME, message).caused_by(&error));
        }
    };
    // The line itself may hold a credential.
    Ini::parse(&text).map_err(|BadLine(line)| {
        let place = format!("line {line} of {}", path.display());
        refuse(
            NAME,
            format!("Backend 's3': {place} is neither a [section] nor 'name = value'; correct it"),
        )
    })
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}
