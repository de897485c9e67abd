//! A Rust service that reads what Python stored: a pickle and a Parquet file.
//!
//! ```text
//! cargo run -p remote-store-serializers --example read_assets
//! ```
//!
//! Only this crate is needed; where the bytes come from is the service's own
//! business (here: files that CPython and pyarrow wrote, kept with the tests).
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use bytes::Bytes;
use remote_store_serializers::{ParquetFile, PickleSerializer, SerializeError, Serializer};
use serde::Deserialize;

/// python3: `pickle.dumps({"flights": 842, "late": [11, -4]})`
const SUMMARY: &[u8] =
    b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x07flights\x94MJ\x03\
    \x8c\x04late\x94]\x94(K\x0bJ\xfc\xff\xff\xffeu.";
/// Written with `DataFrame` and `pyarrow.parquet.write_table`, see `tests/fixtures/make.py`.
const DELAYS: &[u8] = include_bytes!("../tests/fixtures/pandas.parquet");

#[derive(Deserialize)]
struct Summary {
    flights: u32,
    late: Vec<i32>,
}

fn main() -> Result<(), SerializeError> {
    let summary: Summary = PickleSerializer::default()
        .deserialize(SUMMARY)?
        .deserialize_into()?;
    println!(
        "{} flights, {} of them late",
        summary.flights,
        summary.late.len()
    );

    let file = ParquetFile::open(Bytes::from_static(DELAYS))?;
    let delays = file.decode(Some(&["carrier".to_owned(), "delay".to_owned()]))?;
    println!(
        "{} rows of {} columns",
        delays.num_rows(),
        delays.num_columns()
    );
    for field in delays.schema().fields() {
        println!("  {}: {}", field.name(), field.data_type());
    }
    // A slip in a name says which column was meant.
    if let Err(error) = file.decode(Some(&["dealy".to_owned()])) {
        println!("as expected: {error}");
    }
    Ok(())
}
