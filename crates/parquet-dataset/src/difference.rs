//! How the columns of a part differ from those of others, or from those asked for.

use arrow_schema::Schema;
use remote_store_serializers::ParquetFile;
use remote_store_serializers::parquet::unknown_column;

use crate::error::{DatasetError, Result};
use crate::run::{PartPlan, Plan};

/// The first column in which two parts differ, in words.
pub(crate) fn difference(expected: &Schema, found: &Schema) -> Option<String> {
    if expected.fields() == found.fields() {
        return None;
    }
    let missing = expected
        .fields()
        .iter()
        .find(|field| found.field_with_name(field.name()).is_err());
    if let Some(missing) = missing {
        return Some(format!("it has no column '{}'", missing.name()));
    }
    for (position, field) in found.fields().iter().enumerate() {
        let name = field.name();
        let Ok(before) = expected.field_with_name(name) else {
            return Some(format!("its column '{name}' is in none of them"));
        };
        if before.data_type() != field.data_type() {
            let (now, before) = (field.data_type(), before.data_type());
            return Some(format!(
                "its column '{name}' is {now}, and {before} in them"
            ));
        }
        if before.is_nullable() != field.is_nullable() {
            let (now, before) = if field.is_nullable() {
                ("may", "may not")
            } else {
                ("may not", "may")
            };
            return Some(format!(
                "its column '{name}' {now} hold nulls, and {before} in them"
            ));
        }
        if expected.fields().get(position).map(|field| field.name()) != Some(name) {
            return Some(format!("its column '{name}' stands in another place"));
        }
        if before != field.as_ref() {
            return Some(format!("its column '{name}' has other metadata"));
        }
    }
    Some("it has fewer columns".to_owned())
}

/// That every column asked for is in the part, or in the names of folders.
pub(crate) fn check_names(
    plan: &Plan,
    file: &ParquetFile,
    part: &PartPlan,
    is_first: bool,
) -> Result<()> {
    let in_part = file.schema().fields();
    let is_there = |name: &&String| {
        let mut folders = plan.partition_columns.iter();
        in_part.find(name).is_some() || folders.any(|column| column.name == **name)
    };
    let Some(missing) = plan.asked.iter().find(|name| !is_there(name)) else {
        return Ok(());
    };
    let all = plan.without_rows(file, part)?;
    let fields = all.schema_ref().fields().iter();
    let there: Vec<String> = fields.map(|field| field.name().clone()).collect();
    let place = if is_first {
        format!("dataset {}", plan.key)
    } else {
        part.path.clone()
    };
    Err(DatasetError::from(unknown_column(missing, &there)).at(place))
}
