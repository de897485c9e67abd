use super::*;
use crate::error::ErrorKind;
use remote_store_credential_masking::Secret;

fn spec_for_tests() -> Vec<OptionSpec> {
    let retry = vec![OptionSpec::new(
        "max_attempts",
        OptionKind::Int,
        "how often",
    )];
    vec![
        OptionSpec::new("bucket", OptionKind::Text, "where")
            .required()
            .alias("bucket_name"),
        OptionSpec::new("secret", OptionKind::Text, "credential").secret(),
        OptionSpec::new("retry", OptionKind::Map(retry), "again"),
    ]
}

fn options<const N: usize>(pairs: [(&str, OptionValue); N]) -> Options {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[test]
fn each_bad_option_is_named_with_the_way_out() {
    let refused = |given| {
        checking::check("x", &spec_for_tests(), &given)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(options([])),
        "Backend 'x' needs the option 'bucket' (where)"
    );
    assert_eq!(
        refused(options([("bukket", "b".into())])),
        "Backend 'x' has no option 'bukket'. Did you mean 'bucket'?"
    );
    assert_eq!(
        refused(options([("bucket", 1.into())])),
        "Option 'bucket' of backend 'x' takes str, got int"
    );
    let nested = options([("max_attempt", 3.into())]);
    assert_eq!(
        refused(options([
            ("bucket", "b".into()),
            ("retry", OptionValue::Map(nested))
        ])),
        "Backend 'x' has no option 'retry.max_attempt'. Did you mean 'retry.max_attempts'?"
    );
    assert!(
        refused(options([
            ("bucket", "b".into()),
            ("bucket_name", "c".into())
        ]))
        .contains("twice")
    );
}

#[test]
fn the_value_of_an_option_never_appears() {
    let given = options([
        ("bucket", OptionValue::List(vec!["hunter2".into()])),
        ("secret", "hunter2".into()),
    ]);
    let err = checking::check("x", &spec_for_tests(), &given).unwrap_err();
    assert!(!format!("{err} {err:?}").contains("hunter2"));
}

#[test]
fn secrets_are_wrapped_and_aliases_get_their_main_name() {
    let given = options([
        ("bucket_name", "b".into()),
        ("secret", "s".into()),
        ("retry", OptionValue::Null),
    ]);
    let checked = checking::check("x", &spec_for_tests(), &given).unwrap();
    assert_eq!(
        checked,
        options([("bucket", "b".into()), ("secret", Secret::new("s").into())])
    );
}

#[test]
fn an_unknown_type_lists_the_known_ones() {
    let err = build_backend("memori", &Options::new()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::UnknownBackend);
    assert!(
        err.to_string()
            .starts_with("Unknown backend type 'memori'. Registered types: ['"),
        "{err}"
    );
    assert!(err.to_string().ends_with("Did you mean 'memory'?"), "{err}");
}

#[test]
fn the_last_registration_of_a_name_wins() {
    let refuse = |text: &'static str| move |_: &Options| Err(Error::invalid_config(text));
    register(
        BackendSpec::new("test-last-wins", refuse("first")).with_alias("test-last-wins-alias"),
    );
    register(BackendSpec::new("test-last-wins", refuse("second")));
    assert_eq!(
        build_backend("test-last-wins", &Options::new())
            .unwrap_err()
            .to_string(),
        "second"
    );
    assert!(registered().contains(&"test-last-wins".to_owned()));
    assert!(build_backend("test-last-wins-alias", &Options::new()).is_err());
}
