//! A service whose log cannot show a credential: every line goes through a writer that
//! takes out the secrets it was configured with, and whatever looks like one besides.
//!
//! ```sh
//! cargo run -p remote-store-credential-masking --example masked_log
//! some-program 2>&1 | cargo run -p remote-store-credential-masking --example masked_log -- -
//! ```

use std::error::Error;
use std::io::{self, BufRead, Write};

use remote_store_credential_masking::{Redactor, Secret, mask_value, must_wrap, redact_text};

/// The options of a service, as they come from a file or the environment.
const OPTIONS: [(&str, &str); 4] = [
    ("bucket", "lake"),
    (
        "endpoint_url",
        "https://proxy:0penS3same@gateway.example:8443",
    ),
    ("key", "minio-reader"),
    ("secret", "correct/horse battery+staple"),
];

/// Option values, the sensitive ones wrapped before anything else sees them.
#[derive(Debug)]
enum OptionValue {
    Plain(String),
    Secret(Secret),
}

/// Writes lines without their credentials.
struct MaskedLog<W> {
    redactor: Redactor,
    out: W,
}

impl<W: Write> MaskedLog<W> {
    fn line(&mut self, line: &str) -> io::Result<()> {
        // Known secrets first: they are found for certain, the rest is a guess.
        let line = self.redactor.redact(line);
        writeln!(self.out, "{}", redact_text(&line))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("-") {
        let mut log = MaskedLog {
            redactor: Redactor::default(),
            out: io::stdout().lock(),
        };
        for line in io::stdin().lock().lines() {
            log.line(&line?)?;
        }
        return Ok(());
    }

    let mut redactor = Redactor::default();
    let mut options = Vec::new();
    for (name, value) in OPTIONS {
        if must_wrap(name) {
            let secret = Secret::new(value);
            redactor.add(&secret);
            options.push((name, OptionValue::Secret(secret)));
        } else {
            options.push((name, OptionValue::Plain(value.to_owned())));
        }
    }

    let mut log = MaskedLog {
        redactor,
        out: Vec::new(),
    };
    for (name, value) in &options {
        let shown = match value {
            OptionValue::Plain(text) => mask_value(name, text).into_owned(),
            OptionValue::Secret(secret) => secret.to_string(),
        };
        log.line(&format!("option {name} is {shown}"))?;
    }
    // What clients and servers answer: encoded, nested, in XML.
    log.line("GET /lake/a?user=minio-reader&pw=correct%2Fhorse%20battery%2Bstaple: 403")?;
    log.line("Authorization: Basic bWluaW8tcmVhZGVyOmNvcnJlY3QvaG9yc2UgYmF0dGVyeStzdGFwbGU=")?;
    log.line("<Error><AWSAccessKeyId>other-id</AWSAccessKeyId><Key>a/b</Key></Error>")?;
    log.line(r#"retrying {"client": {"session_token": "FwoGZXIvYXdzEBY"}, "attempt": 2}"#)?;
    log.line("File not found: reports/2024-01-01.parquet")?;

    let text = String::from_utf8(log.out)?;
    io::stdout().lock().write_all(text.as_bytes())?;

    // Run in CI: a leak, or a line that says nothing any more, fails the build.
    for leaked in [
        "0penS3same",
        "minio-reader",
        "horse",
        "staple",
        "bWluaW8",
        "other-id",
        "FwoG",
    ] {
        if text.contains(leaked) {
            return Err("a credential stands in the log".into());
        }
    }
    if !text.contains("reports/2024-01-01.parquet") || !text.contains("<Key>a/b</Key>") {
        return Err("the log lost what it should say".into());
    }
    Ok(())
}
