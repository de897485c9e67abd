//! Every documented option of every backend with values of every other type: the error names option,
//! expected type and backend, and shows no value.

use async_trait::async_trait;
use remote_store_core::credential::{CredentialSource, Lease, SharedCredentialSource};
use remote_store_core::registry::{
    self, OptionKind, OptionSpec, OptionValue, Options, build_backend,
};
use remote_store_core::{Error, ErrorKind, Result};

/// A source that is never asked.
#[derive(Debug)]
struct Unasked;

#[async_trait]
impl CredentialSource for Unasked {
    async fn fetch(&self) -> Result<Lease> {
        Err(Error::invalid_config("nobody asks"))
    }
}

/// A value of each type.
fn values() -> Vec<OptionValue> {
    vec![
        OptionValue::Bool(true),
        OptionValue::Int(7),
        OptionValue::Float(7.5),
        OptionValue::Text("hunter2".into()),
        OptionValue::Secret("hunter2".into()),
        OptionValue::List(vec!["hunter2".into()]),
        OptionValue::Map(Options::new()),
        OptionValue::Source(SharedCredentialSource::new(Unasked)),
    ]
}

/// The option given inside of the ones around it.
fn nested(around: &[&str], name: &str, value: OptionValue) -> Options {
    let innermost = Options::from([(name.to_owned(), value)]);
    around.iter().rev().fold(innermost, |inner, outer| {
        Options::from([((*outer).to_owned(), OptionValue::Map(inner))])
    })
}

/// How many refusals were seen.
fn check(backend: &str, around: &[&str], specs: &[OptionSpec]) -> usize {
    let mut count = 0;
    for spec in specs {
        for value in values() {
            if spec.kind.accepts(&value) {
                continue;
            }
            let got = value.type_name();
            let given = nested(around, &spec.name, value);
            let built = build_backend(backend, &given);
            assert!(built.is_err(), "{backend} takes {got} as '{}'", spec.name);
            let Some(error) = built.err() else { continue };
            let path = [around, &[spec.name.as_str()]].concat().join(".");
            let expected = format!(
                "Option '{path}' of backend '{backend}' takes {}, got {got}",
                spec.kind
            );
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert_eq!(error.to_string(), expected);
            count += 1;
        }
        if let OptionKind::Map(inner) = &spec.kind {
            count += check(backend, &[around, &[spec.name.as_str()]].concat(), inner);
        }
    }
    count
}

#[test]
fn a_value_of_the_wrong_type_names_option_type_and_backend() {
    let mut seen = Vec::new();
    for name in registry::registered() {
        let spec = registry::spec(&name).expect("it is registered");
        // An alias is the same backend.
        if spec.name == name {
            let refused = check(&name, &[], &spec.options);
            assert_eq!(refused == 0, spec.options.is_empty(), "{name}");
            seen.push(name);
        }
    }
    for always in ["local", "memory"] {
        assert!(
            seen.iter().any(|name| name == always),
            "{always} is missing"
        );
    }
}
