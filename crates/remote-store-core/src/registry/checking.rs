//! Options against their descriptions: unknown, missing, of the wrong type.

use remote_store_credential_masking::Secret;

use crate::error::{Error, Result};

use super::nearest::nearest;
use super::value::{OptionKind, OptionSpec, OptionValue, Options};

/// The options under their main names, secrets wrapped, nulls left out.
pub(super) fn check(backend: &str, specs: &[OptionSpec], given: &Options) -> Result<Options> {
    let mut checked = Options::new();
    check_into(backend, "", specs, given, &mut checked)?;
    Ok(checked)
}

fn refuse(backend: &str, message: String) -> Error {
    Error::InvalidConfig {
        message,
        backend: Some(backend.to_owned()),
        source: None,
    }
}

fn check_into(
    backend: &str,
    path: &str,
    specs: &[OptionSpec],
    given: &Options,
    out: &mut Options,
) -> Result<()> {
    for (name, value) in given {
        let shown = format!("{path}{name}");
        let spec = specs
            .iter()
            .find(|spec| spec.name == *name || spec.aliases.contains(name))
            .ok_or_else(|| unknown(backend, path, name, specs))?;
        if *value == OptionValue::Null {
            continue;
        }
        if !spec.kind.accepts(value) {
            return Err(refuse(
                backend,
                format!(
                    "Option '{shown}' of backend '{backend}' takes {}, got {}",
                    spec.kind,
                    value.type_name()
                ),
            ));
        }
        let value = match (&spec.kind, value) {
            (OptionKind::Map(inner), OptionValue::Map(values)) if !inner.is_empty() => {
                let mut checked = Options::new();
                check_into(backend, &format!("{shown}."), inner, values, &mut checked)?;
                OptionValue::Map(checked)
            }
            (_, OptionValue::Text(text)) if spec.secret => {
                OptionValue::Secret(Secret::new(text.clone()))
            }
            (_, other) => other.clone(),
        };
        if out.insert(spec.name.clone(), value).is_some() {
            return Err(refuse(
                backend,
                format!(
                    "Option '{path}{}' of backend '{backend}' is given twice, once as '{shown}'",
                    spec.name
                ),
            ));
        }
    }
    match specs
        .iter()
        .find(|spec| spec.required && !out.contains_key(&spec.name))
    {
        Some(missing) => Err(refuse(
            backend,
            format!(
                "Backend '{backend}' needs the option '{path}{}' ({})",
                missing.name, missing.help
            ),
        )),
        None => Ok(()),
    }
}

fn unknown(backend: &str, path: &str, name: &str, specs: &[OptionSpec]) -> Error {
    let names = specs
        .iter()
        .flat_map(|spec| std::iter::once(&spec.name).chain(&spec.aliases));
    let hint = nearest(name, names.map(String::as_str)).map_or_else(
        || {
            let known: Vec<String> = specs
                .iter()
                .map(|spec| format!("'{path}{}'", spec.name))
                .collect();
            if known.is_empty() {
                "It takes none".to_owned()
            } else {
                format!("Choose from: {}", known.join(", "))
            }
        },
        |near| format!("Did you mean '{path}{near}'?"),
    );
    refuse(
        backend,
        format!("Backend '{backend}' has no option '{path}{name}'. {hint}"),
    )
}
