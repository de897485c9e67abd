//! What `redact_text` hides and what it leaves, shape by shape.

use remote_store_credential_masking::redact_text;

#[track_caller]
fn hides(text: &str, expected: &str) {
    assert_eq!(redact_text(text), expected);
}

#[track_caller]
fn leaves(text: &str) {
    assert_eq!(redact_text(text), text);
}

#[test]
fn dag_033_python_reprs_are_masked() {
    hides(
        "S3Backend(bucket='lake', key='AK', secret='hunter2', client_options={'password': 'a'})",
        "S3Backend(bucket='lake', key='***', secret='***', client_options={'password': '***'})",
    );
    hides(
        "{'account_key': \"it's\", 'n': 1}",
        "{'account_key': \"***\", 'n': 1}",
    );
    hides("('sas_token', 'sv=1')", "('sas_token', '***')");
    hides("{'secret': b'\\x00abc'}", "{'secret': b'***'}");
    hides(
        "['--password', 'hunter2', '--host', 'h']",
        "['--password', '***', '--host', 'h']",
    );
}

#[test]
fn dag_033_nested_values_are_masked_whole() {
    hides(
        r#"{"connection_string": {"a": ["hunter2", "}"], "b": 1}, "bucket": "lake"}"#,
        r#"{"connection_string": ***, "bucket": "lake"}"#,
    );
    hides(
        "Login { password: Some(\"a)b\"), user: \"me\" }",
        "Login { password: ***, user: \"me\" }",
    );
    hides(
        "password: Text(\n    \"x\",\n),\nuser: me",
        "password: ***,\nuser: me",
    );
    hides(
        "secret: Inner { value: \"hunter2\" }, n: 1",
        "secret: ***, n: 1",
    );
}

#[test]
fn a_pair_torn_out_of_a_map_is_masked() {
    hides(
        "got 'password': 'hunter2', then",
        "got 'password': '***', then",
    );
    hides("got \"secret\":hunter2}", "got \"secret\":***}");
    hides("got 'pin_secret': 12345}", "got 'pin_secret': ***}");
    hides("{'secret': hunter, 'n': 1}", "{'secret': ***, 'n': 1}");
}

#[test]
fn text_cut_off_inside_a_value_is_masked_to_its_end() {
    hides(r#"got {"secret": "hunter2 and"#, r#"got {"secret": "***"#);
    hides(
        r#"got {"secret": {"a": "hunter2", "b"#,
        r#"got {"secret": ***"#,
    );
}

#[test]
fn json_inside_json_is_masked_at_each_level() {
    hides(
        r#"{"body": "{\"password\": \"a\\\"b\", \"n\": 1}"}"#,
        r#"{"body": "{\"password\": \"***\", \"n\": 1}"}"#,
    );
    hides(
        r#""{\"body\": \"{\\\"token\\\": \\\"hunter2\\\", \\\"n\\\": 1}\"}""#,
        r#""{\"body\": \"{\\\"token\\\": \\\"***\\\", \\\"n\\\": 1}\"}""#,
    );
}

#[test]
fn a_value_that_ends_in_a_backslash_ends_at_its_quote() {
    hides(
        r#"{"secret": "a\\", "bucket": "b"}"#,
        r#"{"secret": "***", "bucket": "b"}"#,
    );
}

#[test]
fn urls_lose_their_user_part() {
    hides(
        "to https://me:pw@host:80/a failed",
        "to https://***@host:80/a failed",
    );
    hides("postgres://me:p/w@d#x@host/db", "postgres://***@host/db");
    hides("https://ghp_token@github.com/x", "https://***@github.com/x");
    hides("sftp://me:pw@host/a", "sftp://***@host/a");
    hides(
        "(http://a:b@c),(http://d:e@f)",
        "(http://***@c),(http://***@f)",
    );
}

#[test]
fn urls_without_credentials_stay() {
    leaves("https://host:9000/bucket/a@b?c=d@e");
    leaves("abfss://container@account.dfs.core.windows.net/x");
    leaves("sftp://me@host/a");
    leaves("http://[::1]:9000/a@b");
    leaves("s3://bucket/key with space@x");
}

#[test]
fn query_parameters_are_masked() {
    hides(
        "?X-Amz-Credential=AK%2F2024&X-Amz-Date=2024&X-Amz-Signature=cafe",
        "?X-Amz-Credential=***&X-Amz-Date=2024&X-Amz-Signature=***",
    );
    hides("?sv=2024&sig=a%2Bb%3D&se=x", "?sv=2024&sig=***&se=x");
    hides(
        "next=%3Fsv%3D1%26sig%3Dcafe%26se%3Dx",
        "next=%3Fsv%3D1%26sig%3D***%26se%3Dx",
    );
    hides(
        "%253Fa%253D1%2526sig%253Dcafe%2526b",
        "%253Fa%253D1%2526sig%253D***%2526b",
    );
    hides(
        "%7B%22password%22%3A%22hunter2%22%7D",
        "%7B%22password%22%3A%22***%22%7D",
    );
}

#[test]
fn connection_strings_are_masked() {
    hides(
        "DefaultEndpointsProtocol=https;AccountName=me;AccountKey=abc/d+e==;EndpointSuffix=x",
        "DefaultEndpointsProtocol=https;AccountName=me;AccountKey=***;EndpointSuffix=x",
    );
    hides(
        "host=h password='it''s x' dbname=d",
        "host=h password='***' dbname=d",
    );
}

#[test]
fn headers_are_masked_to_the_end_of_the_line() {
    hides(
        "Authorization: Bearer a.b c\nHost: h",
        "Authorization: ***\nHost: h",
    );
    hides(
        "{\"authorization\": \"AWS4-HMAC-SHA256 Credential=AK/x, Signature=cafe\"}",
        "{\"authorization\": \"***\"}",
    );
    hides(
        "x-amz-security-token:FwoG/x==\nhost:h",
        "x-amz-security-token:***\nhost:h",
    );
    hides(
        "headers[\"authorization\"] = \"abc\"",
        "headers[\"authorization\"] = \"***\"",
    );
}

#[test]
fn configuration_files_are_masked() {
    hides(
        "  password: correct horse, battery\n  bucket: b",
        "  password: ***\n  bucket: b",
    );
    hides("- secret: hunter2\n- key: AK", "- secret: ***\n- key: ***");
    hides(
        "secret = correct horse\nbucket = b",
        "secret = ***\nbucket = b",
    );
    hides(
        "private_key: |\n  line one\n  line two\nbucket: b",
        "private_key: ***\nbucket: b",
    );
    hides(
        "credentials:\n  user: me\n  code: hunter2\nbucket: b",
        "credentials:\n  ***\nbucket: b",
    );
}

#[test]
fn flags_are_masked() {
    hides(
        "tool --password hunter2 --host h",
        "tool --password *** --host h",
    );
    hides("tool --secret-key=hunter2 run", "tool --secret-key=*** run");
    leaves("tool --password --host h");
}

#[test]
fn elements_of_error_documents_are_masked() {
    hides(
        "<Error><AWSAccessKeyId>AK</AWSAccessKeyId><Key>a/b</Key></Error>",
        "<Error><AWSAccessKeyId>***</AWSAccessKeyId><Key>a/b</Key></Error>",
    );
    hides(
        "<a:Password x=\"1\">hunter2</a:Password>",
        "<a:Password x=\"1\">***</a:Password>",
    );
    leaves("<SessionToken/><Host>h</Host>");
}

#[test]
fn tokens_are_known_by_their_shape() {
    hides("got Bearer abc123.def, then", "got Bearer ***, then");
    hides("Basic YTpodW50ZXIy!", "Basic ***!");
    hides("id AKIAIOSFODNN7EXAMPLE used", "id *** used");
    hides("token eyJhbGciOi.eyJzdWIi.c2ln_x-y end", "token *** end");
    hides(
        "push with ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "push with ***",
    );
    hides(
        "-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\nx",
        "-----BEGIN EC PRIVATE KEY-----***-----END EC PRIVATE KEY-----\nx",
    );
    hides(
        "-----BEGIN PRIVATE KEY-----\nabc",
        "-----BEGIN PRIVATE KEY-----***",
    );
}

#[test]
fn ordinary_sentences_stay() {
    for text in [
        "",
        "File not found: reports/2024-01-01.parquet",
        "object key: foo/bar.json of asset key: [\"a\", \"b\"]",
        "unexpected token: expected a number",
        "Basic authentication is not supported; use Bearer tokens.",
        "partition_key='2024-01-01' asset_key=\"a/b\"",
        "Unknown backend type 's4'. Registered types: ['local', 'memory', 's3']",
        "Backend 's3' rejected the provided options ['sekret']: did you mean `secret`?",
        "remote_store::secret::Secret at 12:30:05",
        "Backend 's3' rejected the provided options ['key', 'secret']: expected texts",
        "missing options [secret]: give them",
        "the option 'secret': expected a text, got a number",
        "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
        "schlüssel=wert 鍵: 値",
        "max-keys=1000&list-type=2&prefix=a%2Fb",
    ] {
        leaves(text);
    }
}

#[test]
fn what_gives_nothing_away_stays() {
    leaves("S3Backend(key=None, secret='', token=null, skip_signature=true)");
    leaves("{'secret': Secret('***'), 'key': '***'}");
}

#[test]
fn long_hostile_texts_are_read_in_about_one_pass() {
    // No clock: reading each of these once for every repetition would take this test
    // from a second to minutes.
    for piece in [
        "a://b:c/",
        "a-",
        "eyJa-",
        "ghp_-",
        "Bearer a-",
        "\"a\": ",
        "= ",
        "  ",
        "{[(",
        "%3D",
        "<a",
        "<password>",
        "secret:",
        "--secret ",
        "-----BEGIN ",
        "'x': {",
        "\\\"",
        "a.b=",
        "a://b:c@/",
        "a://:",
        "eyJa.",
        "'a':",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        assert!(redact_text(&text).len() <= text.len() + 3);
    }
}
