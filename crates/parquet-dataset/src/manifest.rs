//! The manifest: what a committed dataset consists of.

use std::collections::HashSet;
use std::io::{self, Write};

use bytes::Bytes;
use remote_store_core::ObjectKey;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Value};

use crate::error::{DatasetError, Result};
use crate::hive::PartitionColumn;
use crate::layout::Layout;

/// What `manifest.json` says; the same file as the pure-Python package writes.
///
/// ```
/// use remote_store_parquet_dataset::DatasetManifest;
///
/// let json = r#"{
///   "compression": "zstd",
///   "created_at_utc": "2026-01-01T00:00:00+00:00",
///   "dataset_key": "data/orders",
///   "parts": [
///     "data.parquet"
///   ],
///   "row_count": 3,
///   "schema_hash": "0123456789abcdef"
/// }"#;
/// let manifest = DatasetManifest::from_json(json.as_bytes()).unwrap();
/// assert_eq!(manifest.row_count, 3);
/// assert_eq!(manifest.to_json(), json.as_bytes());
/// assert!(DatasetManifest::from_json(b"{}").unwrap_err().contains("missing field"));
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DatasetManifest {
    /// The dataset's key in its store.
    pub dataset_key: String,
    /// Names of the parts below the key, in order.
    pub parts: Vec<String>,
    /// Rows of all parts.
    pub row_count: u64,
    /// The first 16 hex digits of the SHA-256 of the schema's text.
    pub schema_hash: String,
    /// The codec of the parts.
    pub compression: String,
    /// When it was written, ISO 8601.
    pub created_at_utc: String,
    /// The run that wrote it.
    #[serde(default)]
    pub run_id: Option<String>,
    /// What the writer wanted to keep with it.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// Columns that are in the folders' names and not in the parts; absent without any.
    #[serde(default)]
    pub partition_columns: Option<Vec<PartitionColumn>>,
    /// What tells the manifest that this one took the place of: how a writer whose answer was
    /// lost learns that its dataset was committed, and then replaced.
    #[serde(default)]
    pub replaces: Option<String>,
}

impl DatasetManifest {
    /// As `json.dumps(…, indent=2, sort_keys=True)`, absent values left out.
    pub fn to_json(&self) -> Bytes {
        let mut entries = Map::new();
        let mut put = |name: &str, value: Value| entries.insert(name.to_owned(), value);
        put("compression", self.compression.clone().into());
        put("created_at_utc", self.created_at_utc.clone().into());
        put("dataset_key", self.dataset_key.clone().into());
        if let Some(metadata) = &self.metadata {
            put("metadata", sorted(Value::Object(metadata.clone())));
        }
        if let Some(columns) = &self.partition_columns {
            let columns = columns.iter().map(|column| {
                let mut fields = Map::new();
                fields.insert("name".to_owned(), column.name.clone().into());
                fields.insert("position".to_owned(), column.position.into());
                fields.insert("type".to_owned(), column.data_type.clone().into());
                Value::Object(fields)
            });
            put("partition_columns", columns.collect::<Vec<_>>().into());
        }
        put("parts", self.parts.clone().into());
        if let Some(replaces) = &self.replaces {
            put("replaces", replaces.clone().into());
        }
        put("row_count", self.row_count.into());
        if let Some(run_id) = &self.run_id {
            put("run_id", run_id.clone().into());
        }
        put("schema_hash", self.schema_hash.clone().into());
        as_python_writes(&Value::Object(entries))
    }

    /// Reads it; fields that are not known are left aside.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        // An empty file is what a broken disk leaves; it deserves its own words.
        if json.is_empty() {
            return Err("the file is empty".to_owned());
        }
        serde_json::from_slice::<IgnoredAny>(json).map_err(|error| format!("not JSON: {error}"))?;
        serde_json::from_slice(json).map_err(|error| error.to_string())
    }

    /// Paths of the parts in the store.
    pub(crate) fn part_paths(&self, layout: &Layout, backend: &str) -> Result<Vec<String>> {
        let wrong = |part: &str, what: &str| DatasetError::ManifestCorrupted {
            path: layout.manifest(),
            backend: backend.to_owned(),
            reason: format!("the part name '{}' {what}", part.escape_debug()),
        };
        let mut named = HashSet::with_capacity(self.parts.len());
        let paths = self.parts.iter().map(|part| {
            // A part lies below its dataset: a manifest must not lead elsewhere.
            let key = ObjectKey::parse(part)
                .map_err(|error| wrong(part, &format!("is no path below the dataset ({error})")))?;
            let path = layout.path(key.as_str());
            // Its rows would be read twice.
            if !named.insert(path.clone()) {
                return Err(wrong(part, "stands there more than once"));
            }
            Ok(path)
        });
        paths.collect()
    }
}

/// As `json.dumps(…, indent=2)`.
pub(crate) fn as_python_writes(value: &Value) -> Bytes {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, PythonPretty::default());
    // Values in memory, written to memory: neither can fail.
    let written = serde::Serialize::serialize(value, &mut serializer);
    debug_assert!(written.is_ok(), "a manifest is plain JSON");
    out.into()
}

/// Keys of every object in order, as `sort_keys=True` puts them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<(String, Value)> = entries
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// Two spaces of indent, everything outside ASCII escaped.
#[derive(Default)]
struct PythonPretty {
    layout: PrettyFormatter<'static>,
}

macro_rules! as_pretty {
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $method<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.layout.$method(writer $(, $argument)*)
        })*
    };
}

impl Formatter for PythonPretty {
    as_pretty!(
        begin_array(), end_array(), begin_array_value(first: bool), end_array_value(),
        begin_object(), end_object(), begin_object_key(first: bool), begin_object_value(), end_object_value(),
    );

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            if (' '..='~').contains(&character) {
                write!(writer, "{character}")?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// python3: `json.dumps(…, indent=2, sort_keys=True)` of the same dictionary.
    const BY_PYTHON: &str = r#"{
  "compression": "zstd",
  "created_at_utc": "2026-01-01T00:00:00.000001+00:00",
  "dataset_key": "data/Zo\u00eb",
  "metadata": {
    "a": [],
    "b": {
      "x": null,
      "y": [
        1,
        2.5
      ]
    },
    "c": {}
  },
  "parts": [
    "part-00000.parquet",
    "part-00001.parquet"
  ],
  "row_count": 3,
  "run_id": "r1",
  "schema_hash": "0123456789abcdef"
}"#;

    #[test]
    fn dag_017_the_manifest_is_the_file_that_python_writes() {
        let manifest = DatasetManifest::from_json(BY_PYTHON.as_bytes()).unwrap();
        assert_eq!(manifest.dataset_key, "data/Zoë");
        assert_eq!(String::from_utf8_lossy(&manifest.to_json()), BY_PYTHON);
    }

    #[test]
    fn unknown_fields_are_left_aside_and_wrong_ones_named() {
        let newer = BY_PYTHON.replacen("{\n", "{\n  \"zone\": 1,\n", 1);
        assert!(DatasetManifest::from_json(newer.as_bytes()).is_ok());
        let wrong = BY_PYTHON.replace("\"row_count\": 3", "\"row_count\": \"three\"");
        assert!(
            DatasetManifest::from_json(wrong.as_bytes())
                .unwrap_err()
                .contains("invalid type")
        );
        assert!(
            DatasetManifest::from_json(b"")
                .unwrap_err()
                .contains("empty")
        );
        assert!(
            DatasetManifest::from_json(b"PAR1")
                .unwrap_err()
                .contains("not JSON")
        );
    }

    #[test]
    fn a_part_never_leads_out_of_its_dataset() {
        let layout = Layout::new("data/orders").unwrap();
        let mut manifest = DatasetManifest::from_json(BY_PYTHON.as_bytes()).unwrap();
        manifest.parts = vec!["year=2013/part-00000.parquet".to_owned()];
        assert_eq!(
            manifest.part_paths(&layout, "memory").unwrap(),
            ["data/orders/year=2013/part-00000.parquet"]
        );
        for hostile in ["../secret.parquet", "a/../../b", "", "x\0y"] {
            manifest.parts = vec![hostile.to_owned()];
            let error = manifest.part_paths(&layout, "memory").unwrap_err();
            assert_eq!(error.kind(), "manifest-corrupted", "{hostile}");
        }
    }

    #[test]
    fn a_part_that_is_named_twice_is_no_part_to_read_twice() {
        let layout = Layout::new("data/orders").unwrap();
        let mut manifest = DatasetManifest::from_json(BY_PYTHON.as_bytes()).unwrap();
        let parts = ["part-00000.parquet", "y=1/part-00000.parquet"];
        manifest.parts = parts.map(str::to_owned).to_vec();
        assert!(manifest.part_paths(&layout, "memory").is_ok());
        manifest.parts.push("part-00000.parquet".to_owned());
        let error = manifest.part_paths(&layout, "memory").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Dataset manifest is corrupted: data/orders/manifest.json: the part name \
             'part-00000.parquet' stands there more than once"
        );
    }
}
