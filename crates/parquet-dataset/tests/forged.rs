//! Footers that claim more rows than there are.
#![allow(
    clippy::unwrap_used,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use remote_store_parquet_dataset::DatasetStore;
use shared::{columns, get, in_folders, in_manifest, put};

/// So many rows that their number stands nowhere else in a footer.
const ROWS: i64 = 77_777;

/// A number as Thrift's compact protocol writes it.
fn varint(number: i64) -> Vec<u8> {
    let mut rest = (number << 1 ^ number >> 63).cast_unsigned();
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// Which of the places where a footer says its rows are forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// All of them.
    Everywhere,
    /// The last one: what the row group says of itself.
    RowGroup,
}

/// The file with `rows` in its footer turned into another number.
fn forged(file: &[u8], rows: i64, claimed: i64, lie: Lie) -> Vec<u8> {
    let (rest, magic) = file.split_at(file.len() - 4);
    let (rest, length) = rest.split_at(rest.len() - 4);
    let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
    let (pages, mut footer) = rest.split_at(rest.len() - length);
    let (old, new) = (varint(rows), varint(claimed));
    let (mut made, mut places) = (Vec::new(), 0);
    let all = footer.windows(old.len()).filter(|at| *at == old).count();
    while let Some((first, after)) = footer.split_first() {
        if let Some(after) = footer.strip_prefix(&old[..]) {
            places += 1;
            let is_forged = lie == Lie::Everywhere || places == all;
            made.extend_from_slice(if is_forged { &new } else { &old });
            footer = after;
        } else {
            made.push(*first);
            footer = after;
        }
    }
    assert!(places >= 2, "the footer says {rows} at {places} places");
    let length = u32::try_from(made.len()).unwrap().to_le_bytes();
    [pages, &made, &length, magic].concat()
}

/// Whatever columns are asked for, those of folders alone and none among them.
fn assert_claim_is_refused(datasets: &DatasetStore, part: &str, claimed: i64) {
    for wanted in [&["group"][..], &["id"], &["id", "group"], &[]] {
        let error = columns(datasets, wanted).unwrap_err();
        assert_eq!(error.kind(), "manifest-corrupted", "{error}");
        let told = format!("{part} claims {claimed} rows, of at most {ROWS}");
        assert!(error.to_string().contains(&told), "{error}");
    }
}

#[test]
fn rows_that_a_footer_only_claims_are_refused_before_they_are_made() {
    let (datasets, part) = in_folders(ROWS);
    let file = get(&datasets, &part);
    for claimed in [i64::from(u32::MAX) + 9, 1 << 40, i64::MAX - 1] {
        put(
            &datasets,
            &part,
            forged(&file, ROWS, claimed, Lie::Everywhere),
        );
        assert_claim_is_refused(&datasets, &part, claimed);
        // The same lie in the manifest does not help.
        in_manifest(&datasets, &ROWS.to_string(), &claimed.to_string());
        for nothing_to_decode in [&["group"][..], &[]] {
            let error = columns(&datasets, nothing_to_decode).unwrap_err();
            assert_eq!(error.kind(), "manifest-corrupted", "{error}");
            let told = "of at most 4294967296";
            assert!(error.to_string().contains(told), "{error}");
        }
        // Decoding shows how many there are: so many rows alone are no damage.
        for decoded in [&["id"][..], &["id", "group"]] {
            let error = columns(&datasets, decoded).unwrap_err();
            assert_eq!(error.kind(), "decode-failed", "{error}");
            let told = format!("hold {ROWS} rows, its footer says {claimed}");
            assert!(error.to_string().contains(&told), "{error}");
        }
        in_manifest(&datasets, &claimed.to_string(), &ROWS.to_string());
    }
    // A lie that could be true costs no memory to speak of.
    let claimed = 1 << 28;
    put(
        &datasets,
        &part,
        forged(&file, ROWS, claimed, Lie::Everywhere),
    );
    in_manifest(&datasets, &ROWS.to_string(), &claimed.to_string());
    let table = columns(&datasets, &["group"]).unwrap();
    assert_eq!(table.num_rows(), 1 << 28);
    assert!(
        table
            .batches()
            .iter()
            .all(|batch| batch.num_rows() <= 1 << 16)
    );
    let error = columns(&datasets, &["id"]).unwrap_err().to_string();
    assert!(
        error.contains("hold 77777 rows, its footer says 268435456"),
        "{error}"
    );
}

#[test]
fn rows_that_only_a_row_group_claims_are_refused_as_well() {
    let (datasets, part) = in_folders(ROWS);
    let file = get(&datasets, &part);
    for claimed in [1 << 30, 1 << 50] {
        put(
            &datasets,
            &part,
            forged(&file, ROWS, claimed, Lie::RowGroup),
        );
        assert_claim_is_refused(&datasets, &part, claimed);
    }
}
