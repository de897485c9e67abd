//! Dictionaries at the edges of what Parquet readers take: full, empty, with repeated words, too many.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, Int8Type, Int16Type, UInt8Type};
use arrow_array::{
    Array, ArrayRef, ArrowNativeTypeOp, DictionaryArray, Int8Array, PrimitiveArray, RecordBatch,
    StringArray,
};
use remote_store_serializers::parquet::encode_table;
use remote_store_serializers::{ParquetFile, ParquetOptions, Table};

fn table(batches: Vec<ArrayRef>) -> Table {
    let batch = |column| RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap();
    let batches: Vec<RecordBatch> = batches.into_iter().map(batch).collect();
    Table::try_new(batches[0].schema(), batches).unwrap()
}

fn file(table: &Table) -> ParquetFile {
    ParquetFile::open(encode_table(table, &ParquetOptions::default()).unwrap()).unwrap()
}

fn words(count: usize, prefix: &str) -> ArrayRef {
    let words = (0..count).map(|word| format!("{prefix}{word}"));
    Arc::new(StringArray::from_iter_values(words))
}

/// As many words as keys of that type count, each once.
fn full<K: ArrowDictionaryKeyType>(count: usize) -> ArrayRef
where
    K::Native: ArrowNativeTypeOp + TryFrom<usize>,
{
    let keys = (0..count).map(|key| K::Native::try_from(key).ok());
    let keys: PrimitiveArray<K> = keys.collect();
    Arc::new(DictionaryArray::new(keys, words(count, "v")))
}

fn text(array: &ArrayRef) -> Vec<Option<String>> {
    let array = array.as_any_dictionary();
    let words = array.values().as_string::<i32>();
    let keys = array.normalized_keys();
    let word = |row: usize| {
        let is_value = array.keys().is_valid(row);
        is_value.then(|| words.value(keys[row]).to_owned())
    };
    (0..array.len()).map(word).collect()
}

#[test]
fn a_dictionary_that_fills_the_type_of_its_keys_comes_back() {
    for column in [
        full::<Int8Type>(128),
        full::<UInt8Type>(256),
        full::<Int16Type>(1 << 15),
    ] {
        let table = table(vec![column]);
        assert_eq!(file(&table).decode(None).unwrap(), table);
    }
}

#[test]
fn a_dictionary_without_words_comes_back_without_words() {
    let column: DictionaryArray<Int8Type> =
        DictionaryArray::new(Int8Array::from(vec![None, None]), words(0, ""));
    let table = table(vec![Arc::new(column)]);
    let back = file(&table).decode(None).unwrap();
    let back = back.batches()[0].column(0).as_dictionary::<Int8Type>();
    assert_eq!((back.null_count(), back.values().len()), (2, 0));
}

#[test]
fn an_empty_word_that_no_row_has_stays_in_the_dictionary() {
    let empty: ArrayRef = Arc::new(StringArray::from(vec![""]));
    let column: DictionaryArray<Int8Type> =
        DictionaryArray::new(Int8Array::from(vec![None, None]), empty);
    let table = table(vec![Arc::new(column)]);
    assert_eq!(file(&table).decode(None).unwrap(), table);
}

#[test]
fn a_word_that_stands_twice_in_a_dictionary_is_written_once() {
    let twice: ArrayRef = Arc::new(StringArray::from(vec!["x", "unused", "x", "y"]));
    let keys = Int8Array::from(vec![Some(0), Some(2), None, Some(3)]);
    let column: DictionaryArray<Int8Type> = DictionaryArray::new(keys, twice);
    let back = file(&table(vec![Arc::new(column)])).decode(None).unwrap();
    let back = back.batches()[0].column(0);
    let owned = |word: &str| Some(word.to_owned());
    assert_eq!(text(back), [owned("x"), owned("x"), None, owned("y")]);
    let words = back.as_any_dictionary().values();
    let words: Vec<_> = words.as_string::<i32>().iter().flatten().collect();
    assert_eq!(words, ["x", "unused", "y"]);
}

#[test]
fn batches_whose_words_together_are_more_than_their_keys_count_come_back() {
    let keys = Int8Array::from_iter_values(0..100);
    let column = |prefix: &str| -> ArrayRef {
        let column: DictionaryArray<Int8Type> =
            DictionaryArray::new(keys.clone(), words(100, prefix));
        Arc::new(column)
    };
    let table = table(vec![column("v"), column("w"), column("w"), column("x")]);
    let file = file(&table);
    assert_eq!(file.num_row_groups(), 3);
    let back = file.decode(None).unwrap();
    let all = |table: &Table| -> Vec<_> {
        let columns = table.batches().iter().map(|batch| batch.column(0));
        columns.flat_map(text).collect()
    };
    assert_eq!(all(&back), all(&table));
}

#[test]
fn batches_whose_words_fit_together_share_a_row_group() {
    let column = |prefix: &str| -> ArrayRef {
        let keys = Int8Array::from_iter_values(0..60);
        let column: DictionaryArray<Int8Type> = DictionaryArray::new(keys, words(60, prefix));
        Arc::new(column)
    };
    let table = table(vec![column("v"), column("w")]);
    assert_eq!(file(&table).num_row_groups(), 1);
}
