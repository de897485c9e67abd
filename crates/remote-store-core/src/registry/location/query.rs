//! Options out of a query, and beside a URL.

use remote_store_credential_masking::{Secret, must_wrap};

use crate::error::Result;
use crate::registry::{self, OptionKind, OptionSpec, OptionValue, Options};

use super::parts::{Parts, decoded};
use super::{Location, refuse};

/// Adds the options of the query, with the types that the backend asks for.
pub(super) fn apply(mut location: Location, parts: &Parts<'_>) -> Result<Location> {
    let specs = specs_of(&location);
    let pairs = parts.query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, text) = (decoded(name)?, decoded(text)?);
        let spec = find(&specs, &name);
        let value = typed(&name, text, spec)?;
        insert(&mut location.options, main_name(&name, spec), value)?;
    }
    Ok(location)
}

/// Adds the options that were given beside the URL.
pub(super) fn merge(mut location: Location, given: &Options) -> Result<Location> {
    let specs = specs_of(&location);
    for (name, value) in given {
        let name = main_name(name, find(&specs, name));
        insert(&mut location.options, name, value.clone())?;
    }
    Ok(location)
}

/// What the backend takes; nothing is known of one that is not compiled in or written in Python.
fn specs_of(location: &Location) -> Vec<OptionSpec> {
    registry::spec(&location.backend_type).map_or_else(|_unknown| Vec::new(), |spec| spec.options)
}

fn find<'s>(specs: &'s [OptionSpec], name: &str) -> Option<&'s OptionSpec> {
    let mut all = specs.iter();
    all.find(|spec| spec.name == name || spec.aliases.iter().any(|alias| alias == name))
}

fn main_name(name: &str, spec: Option<&OptionSpec>) -> String {
    spec.map_or(name, |spec| spec.name.as_str()).to_owned()
}

fn insert(options: &mut Options, name: String, value: OptionValue) -> Result<()> {
    if value == OptionValue::Null {
        return Ok(());
    }
    if options.contains_key(&name) {
        return Err(refuse(format!(
            "Option '{name}' is given twice, in the URL and in its query or beside it; give it once"
        )));
    }
    options.insert(name, value);
    Ok(())
}

fn typed(name: &str, text: String, spec: Option<&OptionSpec>) -> Result<OptionValue> {
    let wrong = |wanted: &str| refuse(format!("Option '{name}' in the URL takes {wanted}"));
    let secret = spec.map_or_else(|| must_wrap(name), |spec| spec.secret);
    if secret {
        return Ok(OptionValue::Secret(Secret::new(text)));
    }
    match spec.map(|spec| &spec.kind) {
        Some(OptionKind::Bool) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(OptionValue::Bool(true)),
            "false" | "0" => Ok(OptionValue::Bool(false)),
            _ => Err(wrong("true or false")),
        },
        Some(OptionKind::Int) => {
            let number = text.parse().map_err(|_no_number| wrong("a whole number"))?;
            Ok(OptionValue::Int(number))
        }
        Some(OptionKind::Float) => {
            let number = text.parse().map_err(|_no_number| wrong("a number"))?;
            Ok(OptionValue::Float(number))
        }
        Some(OptionKind::List | OptionKind::Map(_)) => Err(refuse(format!(
            "Option '{name}' cannot be written in a URL; pass it beside"
        ))),
        _ => Ok(OptionValue::Text(text)),
    }
}
