//! Row groups that are worth reading, by the statistics of the footer.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "types that are not named here are not compared"
)]

use std::cmp::Ordering;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ColumnOrder, LogicalType, TimeUnit as FileUnit};
use ::parquet::data_type::AsBytes;
use ::parquet::file::metadata::{FileMetaData, RowGroupMetaData};
use ::parquet::file::statistics::Statistics;
use arrow_schema::{DataType, TimeUnit};

use super::columns::positions;
use super::decode::{ParquetFile, damaged};
use super::filter::{Comparison, Condition, Filter, FilterValue, Held};
use super::panics::caught;
use crate::SerializeError;

/// Integers beyond it are no exact floats.
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

impl ParquetFile {
    /// Those row groups that may hold a row that meets the filter, in order.
    ///
    /// The footer's smallest and largest values decide; what they cannot decide is kept.
    ///
    /// # Errors
    /// [`SerializeError::UnknownColumn`] for a column that the file does not have.
    ///
    /// ```
    /// use std::{num::NonZeroUsize, sync::Arc};
    /// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    /// use remote_store_serializers::parquet::{self, Comparison, Condition, Filter, FilterValue};
    /// use remote_store_serializers::{ParquetFile, ParquetOptions, Table};
    ///
    /// let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..30));
    /// let table = Table::from(RecordBatch::try_from_iter([("id", ids)])?);
    /// let options = ParquetOptions::default().with_row_group_rows(NonZeroUsize::new(10).unwrap());
    /// let file = ParquetFile::open(parquet::encode_table(&table, &options)?)?;
    /// let filter = Filter::all([Condition::new("id", Comparison::GreaterEqual, FilterValue::Int(15))]);
    /// let kept = file.row_groups_where(&filter)?;
    /// assert_eq!(kept, [1, 2]);
    /// assert_eq!(file.with_row_groups(&kept)?.decode(None)?.num_rows(), 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn row_groups_where(&self, filter: &Filter) -> Result<Vec<usize>, SerializeError> {
        positions(self.schema(), &filter.columns())?;
        caught("reading", || {
            let row_groups = self.metadata.metadata().row_groups().iter().enumerate();
            let kept = row_groups.filter(|(_, row_group)| {
                filter.evaluate(|condition| self.may_hold(row_group, condition))
            });
            Ok(kept.map(|(index, _)| index).collect())
        })
    }

    /// The same file with some of its row groups only, as if the others were not in it.
    ///
    /// # Errors
    /// [`SerializeError::Decode`] when the footer is damaged.
    pub fn with_row_groups(&self, kept: &[usize]) -> Result<Self, SerializeError> {
        let all = self.metadata.metadata();
        let row_groups: Vec<RowGroupMetaData> = kept
            .iter()
            .filter_map(|index| all.row_groups().get(*index).cloned())
            .collect();
        let file = all.file_metadata();
        let rows = row_groups.iter().map(RowGroupMetaData::num_rows);
        let metadata = FileMetaData::new(
            file.version(),
            rows.fold(0, i64::saturating_add),
            file.created_by().map(str::to_owned),
            file.key_value_metadata().cloned(),
            file.schema_descr_ptr(),
            file.column_orders().cloned(),
        );
        let metadata = ::parquet::file::metadata::ParquetMetaData::new(metadata, row_groups);
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(self.schema()));
        let metadata =
            ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(damaged)?;
        Ok(Self {
            source: self.source.clone(),
            metadata,
            is_signed: self.is_signed,
        })
    }

    fn may_hold(&self, row_group: &RowGroupMetaData, condition: &Condition) -> bool {
        let schema = self.metadata.parquet_schema();
        let Ok((root, field)) = self.schema().fields().find_or(&condition.column) else {
            return true;
        };
        let chunk = row_group
            .columns()
            .iter()
            .enumerate()
            .find(|(leaf, chunk)| {
                schema.get_column_root_idx(*leaf) == root && chunk.column_path().parts().len() == 1
            });
        let Some((leaf, chunk)) = chunk else {
            return true;
        };
        let Some(statistics) = chunk.statistics() else {
            return true;
        };
        let nulls = statistics.null_count_opt();
        if nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(row_group.num_rows())) {
            return condition.comparison == Comparison::NotIn;
        }
        let orders = self.metadata.metadata().file_metadata().column_orders();
        let order = orders.and_then(|orders| orders.get(leaf).copied());
        let logical = chunk.column_descr().logical_type_ref();
        match bounds(statistics, order, field, logical) {
            Some((min, max)) => may_lie_between(&min, &max, condition, field),
            None => true,
        }
    }
}

/// Finding a field by its name, with its place.
trait FindOr {
    fn find_or(&self, name: &str) -> Result<(usize, &DataType), ()>;
}

impl FindOr for arrow_schema::Fields {
    fn find_or(&self, name: &str) -> Result<(usize, &DataType), ()> {
        self.find(name)
            .map(|(index, field)| (index, field.data_type()))
            .ok_or(())
    }
}

fn may_lie_between(
    min: &Held<'_>,
    max: &Held<'_>,
    condition: &Condition,
    column: &DataType,
) -> bool {
    if condition
        .values
        .iter()
        .any(|value| !is_exact(value, column))
    {
        return true;
    }
    // No order is no knowledge.
    let before = |value: &FilterValue| min.compare(value).is_none_or(Ordering::is_le);
    let after = |value: &FilterValue| max.compare(value).is_none_or(Ordering::is_ge);
    let Some(value) = condition.values.first() else {
        return true;
    };
    match condition.comparison {
        Comparison::Equal | Comparison::In => condition
            .values
            .iter()
            .any(|value| before(value) && after(value)),
        Comparison::Less => min.compare(value).is_none_or(Ordering::is_lt),
        Comparison::LessEqual => before(value),
        Comparison::Greater => max.compare(value).is_none_or(Ordering::is_gt),
        Comparison::GreaterEqual => after(value),
        // Bounds of text may be cut, and those of floats leave NaN out.
        Comparison::NotEqual => !matches!(
            (min.compare(value), max.compare(value), min),
            (
                Some(Ordering::Equal),
                Some(Ordering::Equal),
                Held::Int(_) | Held::Bool(_) | Held::Nanos(_)
            )
        ),
        Comparison::NotIn => true,
    }
}

/// Whether a value keeps its meaning whichever of both sides is cast for the comparison.
fn is_exact(value: &FilterValue, column: &DataType) -> bool {
    match value {
        FilterValue::Float(number) if column.is_integer() => number.abs() < EXACT_FLOAT,
        FilterValue::Float(number) if column == &DataType::Float32 => {
            // The lower bits of the fraction are those that a narrower number drops.
            number.to_bits().trailing_zeros() >= 29 && number.is_normal() || number.to_bits() == 0
        }
        FilterValue::Float(number) => !number.is_nan(),
        FilterValue::Int(number) if column.is_floating() => {
            let bound = if column == &DataType::Float32 {
                1 << 24
            } else {
                1 << 53
            };
            number.abs() < bound
        }
        _ => true,
    }
}

/// The smallest and the largest value, where the footer tells them in a way that is understood.
fn bounds<'a>(
    statistics: &'a Statistics,
    order: Option<ColumnOrder>,
    column: &DataType,
    logical: Option<&LogicalType>,
) -> Option<(Held<'a>, Held<'a>)> {
    if order == Some(ColumnOrder::UNKNOWN) {
        return None;
    }
    // Writers from before 2017, and those that do not tell the order, may have compared unsigned
    // numbers and bytes as signed ones.
    let is_old = statistics.is_min_max_deprecated()
        || !matches!(order, Some(ColumnOrder::TYPE_DEFINED_ORDER(_)));
    let instant = |min: i64, max: i64, nanos: i128| {
        let held = |value: i64| Held::Nanos(i128::from(value) * nanos);
        (held(min), held(max))
    };
    match (statistics, column) {
        (Statistics::Boolean(known), DataType::Boolean) => {
            Some((Held::Bool(*known.min_opt()?), Held::Bool(*known.max_opt()?)))
        }
        (Statistics::Int32(known), DataType::UInt8 | DataType::UInt16 | DataType::UInt32)
            if !is_old =>
        {
            let held = |value: i32| Held::Int(value.cast_unsigned().into());
            Some((held(*known.min_opt()?), held(*known.max_opt()?)))
        }
        (Statistics::Int32(known), DataType::Int8 | DataType::Int16 | DataType::Int32) => Some((
            Held::Int((*known.min_opt()?).into()),
            Held::Int((*known.max_opt()?).into()),
        )),
        (Statistics::Int32(known), DataType::Date32) => {
            let days = |value: i32| Held::Nanos(i128::from(value) * 86_400 * 1_000_000_000);
            Some((days(*known.min_opt()?), days(*known.max_opt()?)))
        }
        (Statistics::Int64(known), DataType::UInt64) if !is_old => {
            let held = |value: i64| Held::Int(value.cast_unsigned().into());
            Some((held(*known.min_opt()?), held(*known.max_opt()?)))
        }
        (Statistics::Int64(known), DataType::Int64) => Some((
            Held::Int((*known.min_opt()?).into()),
            Held::Int((*known.max_opt()?).into()),
        )),
        (Statistics::Int64(known), DataType::Timestamp(unit, _)) => {
            let nanos = same_unit(*unit, logical)?;
            Some(instant(*known.min_opt()?, *known.max_opt()?, nanos))
        }
        (Statistics::Float(known), DataType::Float32) => {
            floats((*known.min_opt()?).into(), (*known.max_opt()?).into())
        }
        (Statistics::Double(known), DataType::Float64) => {
            floats(*known.min_opt()?, *known.max_opt()?)
        }
        (Statistics::ByteArray(known), _) if !is_old => {
            let (min, max) = (known.min_opt()?.as_bytes(), known.max_opt()?.as_bytes());
            words(min, max, column)
        }
        _ => None,
    }
}

fn floats<'a>(min: f64, max: f64) -> Option<(Held<'a>, Held<'a>)> {
    (!min.is_nan() && !max.is_nan()).then_some((Held::Float(min), Held::Float(max)))
}

fn words<'a>(min: &'a [u8], max: &'a [u8], column: &DataType) -> Option<(Held<'a>, Held<'a>)> {
    match column {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some((
            Held::Text(std::str::from_utf8(min).ok()?),
            Held::Text(std::str::from_utf8(max).ok()?),
        )),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            Some((Held::Bytes(min), Held::Bytes(max)))
        }
        DataType::Dictionary(_, values) => words(min, max, values),
        _ => None,
    }
}

/// Nanoseconds of a column's unit, when the file counts in the same.
fn same_unit(unit: TimeUnit, logical: Option<&LogicalType>) -> Option<i128> {
    let Some(LogicalType::Timestamp(written)) = logical else {
        return None;
    };
    match (unit, &written.unit) {
        (TimeUnit::Millisecond, FileUnit::MILLIS) => Some(1_000_000),
        (TimeUnit::Microsecond, FileUnit::MICROS) => Some(1_000),
        (TimeUnit::Nanosecond, FileUnit::NANOS) => Some(1),
        _ => None,
    }
}
