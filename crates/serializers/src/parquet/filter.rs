//! Simple conditions on columns: which rows meet them, compared as pyarrow compares.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "types that are not named here are not compared"
)]

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};

use super::FORMAT;
use super::columns::positions;
use crate::SerializeError;

const NANOS_A_DAY: i128 = 86_400 * 1_000_000_000;

/// A value that a column is compared with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FilterValue {
    /// True or false.
    Bool(bool),
    /// Any integer.
    Int(i128),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A date or a time, in nanoseconds since 1970; in UTC where the column has a zone.
    Nanos(i128),
}

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`; a null is neither equal nor unequal.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// One of the values.
    In,
    /// None of the values; a null is none of them.
    NotIn,
}

/// One column compared with one value, or with several for `In` and `NotIn`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The column's name.
    pub column: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// What with.
    pub values: Vec<FilterValue>,
}

impl Condition {
    /// A column compared with one value.
    pub fn new(column: impl Into<String>, comparison: Comparison, value: FilterValue) -> Self {
        Self {
            column: column.into(),
            comparison,
            values: vec![value],
        }
    }
}

/// Conditions: all of a list hold, for at least one of the lists.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use remote_store_serializers::parquet::{Comparison, Condition, Filter, FilterValue};
///
/// let delay: ArrayRef = Arc::new(Int64Array::from(vec![Some(11), Some(-4), None]));
/// let batch = RecordBatch::try_from_iter([("delay", delay)])?;
/// let late = Filter::all([Condition::new("delay", Comparison::Greater, FilterValue::Int(0))]);
/// assert_eq!(late.rows(&batch)?.true_count(), 1);
///
/// let slip = Filter::all([Condition::new("dealy", Comparison::Greater, FilterValue::Int(0))]);
/// assert!(slip.rows(&batch).unwrap_err().to_string().contains("did you mean 'delay'?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    any_of: Vec<Vec<Condition>>,
}

impl Filter {
    /// Every condition holds.
    pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Self {
        Self::any([conditions.into_iter().collect()])
    }

    /// One of the lists holds whole: what pyarrow calls the disjunctive normal form.
    pub fn any(any_of: impl IntoIterator<Item = Vec<Condition>>) -> Self {
        Self {
            any_of: any_of.into_iter().collect(),
        }
    }

    /// The columns it looks at, each once.
    pub fn columns(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for condition in self.any_of.iter().flatten() {
            if !names.contains(&condition.column) {
                names.push(condition.column.clone());
            }
        }
        names
    }

    /// Whether one of the lists holds, by what `holds` says of each condition.
    pub fn evaluate(&self, mut holds: impl FnMut(&Condition) -> bool) -> bool {
        self.any_of.is_empty() || self.any_of.iter().any(|list| list.iter().all(&mut holds))
    }

    /// What is left to ask when some conditions are decided already; none when nothing can
    /// meet it any more.
    #[must_use]
    pub fn decided(&self, decide: impl Fn(&Condition) -> Option<bool>) -> Option<Self> {
        let mut any_of = Vec::new();
        for list in &self.any_of {
            if list
                .iter()
                .any(|condition| decide(condition) == Some(false))
            {
                continue;
            }
            let open = list.iter().filter(|condition| decide(condition).is_none());
            let open: Vec<Condition> = open.cloned().collect();
            if open.is_empty() {
                return Some(Self::default());
            }
            any_of.push(open);
        }
        (self.any_of.is_empty() || !any_of.is_empty()).then_some(Self { any_of })
    }

    /// True when it asks for nothing: every row meets it.
    pub fn is_empty(&self) -> bool {
        self.any_of.is_empty()
    }

    /// Which rows meet it.
    ///
    /// # Errors
    /// [`SerializeError::UnknownColumn`], and [`SerializeError::Unsupported`] for a column
    /// whose type cannot be compared with the value.
    pub fn rows(&self, batch: &RecordBatch) -> Result<BooleanArray, SerializeError> {
        if self.any_of.is_empty() {
            return Ok(BooleanArray::from(vec![true; batch.num_rows()]));
        }
        let mut any = vec![false; batch.num_rows()];
        for list in &self.any_of {
            let mut all = vec![true; batch.num_rows()];
            for condition in list {
                mark(batch, condition, &mut all)?;
            }
            for (any, all) in any.iter_mut().zip(all) {
                *any |= all;
            }
        }
        Ok(BooleanArray::from(any))
    }

    /// Whether every column is there and can be compared.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn check(&self, schema: &Schema) -> Result<(), SerializeError> {
        self.rows(&RecordBatch::new_empty(schema.clone().into()))
            .map(|_none| ())
    }
}

/// Leaves those rows that meet the condition.
fn mark(
    batch: &RecordBatch,
    condition: &Condition,
    rows: &mut [bool],
) -> Result<(), SerializeError> {
    let schema = batch.schema();
    let at = positions(&schema, std::slice::from_ref(&condition.column))?;
    let Some(column) = at.first().map(|at| batch.column(*at)) else {
        return Ok(());
    };
    let refuse = || SerializeError::Unsupported {
        format: FORMAT,
        what: format!(
            "a filter of column '{}' of type {} by this value",
            condition.column,
            column.data_type()
        ),
        way_out: "compare it with a value of its own type, or filter after reading".to_owned(),
    };
    let value_at = values(column.as_ref()).ok_or_else(refuse)?;
    if condition
        .values
        .iter()
        .any(|value| !is_comparable(column.data_type(), value))
    {
        return Err(refuse());
    }
    // Categories may be null, not only their codes.
    let nulls = column.logical_nulls();
    for (row, keep) in rows.iter_mut().enumerate().filter(|(_, keep)| **keep) {
        let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        *keep = if is_null {
            condition.comparison == Comparison::NotIn
        } else {
            let value = value_at(row);
            condition.holds(|other| value.compare(other))
        };
    }
    Ok(())
}

impl Condition {
    fn holds(&self, compare: impl Fn(&FilterValue) -> Option<Ordering>) -> bool {
        let one = || self.values.first().and_then(&compare);
        let is_in = || {
            let mut orders = self.values.iter().map(&compare);
            orders.any(|order| order == Some(Ordering::Equal))
        };
        match self.comparison {
            Comparison::Equal => one() == Some(Ordering::Equal),
            // What cannot be ordered, as NaN, is unequal.
            Comparison::NotEqual => one() != Some(Ordering::Equal),
            Comparison::Less => one() == Some(Ordering::Less),
            Comparison::LessEqual => one().is_some_and(Ordering::is_le),
            Comparison::Greater => one() == Some(Ordering::Greater),
            Comparison::GreaterEqual => one().is_some_and(Ordering::is_ge),
            Comparison::In => is_in(),
            Comparison::NotIn => !is_in(),
        }
    }
}

/// A value of a column, or a bound of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Held<'a> {
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Nanos(i128),
}

impl Held<'_> {
    /// Its order to a value; none where there is no order.
    pub(crate) fn compare(&self, other: &FilterValue) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), FilterValue::Bool(other)) => Some(one.cmp(other)),
            (Self::Int(one), FilterValue::Int(other))
            | (Self::Nanos(one), FilterValue::Nanos(other)) => Some(one.cmp(other)),
            (Self::Int(one), FilterValue::Float(other)) => float(*one).partial_cmp(other),
            (Self::Float(one), FilterValue::Float(other)) => one.partial_cmp(other),
            (Self::Float(one), FilterValue::Int(other)) => one.partial_cmp(&float(*other)),
            (Self::Text(one), FilterValue::Text(other)) => Some((*one).cmp(other.as_str())),
            (Self::Bytes(one), FilterValue::Bytes(other)) => Some((*one).cmp(other.as_slice())),
            _ => None,
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "numbers of both kinds are compared as floats, as pyarrow does"
)]
fn float(number: i128) -> f64 {
    number as f64
}

fn is_comparable(data_type: &DataType, value: &FilterValue) -> bool {
    match data_type {
        DataType::Boolean => matches!(value, FilterValue::Bool(_)),
        DataType::Date32 | DataType::Timestamp(..) => matches!(value, FilterValue::Nanos(_)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            matches!(value, FilterValue::Text(_))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            matches!(value, FilterValue::Bytes(_))
        }
        DataType::Dictionary(_, values) => is_comparable(values, value),
        numeric if numeric.is_integer() || numeric.is_floating() => {
            matches!(value, FilterValue::Int(_) | FilterValue::Float(_))
        }
        _ => false,
    }
}

type ValueAt<'a> = Box<dyn Fn(usize) -> Held<'a> + 'a>;

/// How to take a value out of a column; the row must not be null.
fn values(column: &dyn Array) -> Option<ValueAt<'_>> {
    fn primitive<'a, T: ArrowPrimitiveType>(
        column: &'a dyn Array,
        held: impl Fn(T::Native) -> Held<'a> + 'a,
    ) -> Option<ValueAt<'a>> {
        let column = column.as_primitive_opt::<T>()?;
        Some(Box::new(move |row| held(column.value(row))))
    }
    macro_rules! int {
        ($type:ty) => {
            primitive::<$type>(column, |value| Held::Int(value.into()))
        };
    }
    macro_rules! instant {
        ($type:ty, $nanos:expr) => {
            primitive::<$type>(column, |value| Held::Nanos(i128::from(value) * $nanos))
        };
    }
    macro_rules! array {
        ($array:expr, $held:path) => {{
            let column = $array?;
            Some(Box::new(move |row| $held(column.value(row))))
        }};
    }
    match column.data_type() {
        DataType::Int8 => int!(Int8Type),
        DataType::Int16 => int!(Int16Type),
        DataType::Int32 => int!(Int32Type),
        DataType::Int64 => int!(Int64Type),
        DataType::UInt8 => int!(UInt8Type),
        DataType::UInt16 => int!(UInt16Type),
        DataType::UInt32 => int!(UInt32Type),
        DataType::UInt64 => int!(UInt64Type),
        DataType::Float32 => primitive::<Float32Type>(column, |value| Held::Float(value.into())),
        DataType::Float64 => primitive::<Float64Type>(column, Held::Float),
        DataType::Date32 => instant!(Date32Type, NANOS_A_DAY),
        DataType::Timestamp(TimeUnit::Second, _) => instant!(TimestampSecondType, 1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            instant!(TimestampMillisecondType, 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => instant!(TimestampMicrosecondType, 1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => instant!(TimestampNanosecondType, 1),
        DataType::Boolean => array!(column.as_boolean_opt(), Held::Bool),
        DataType::Utf8 => array!(column.as_string_opt::<i32>(), Held::Text),
        DataType::LargeUtf8 => array!(column.as_string_opt::<i64>(), Held::Text),
        DataType::Utf8View => array!(column.as_string_view_opt(), Held::Text),
        DataType::Binary => array!(column.as_binary_opt::<i32>(), Held::Bytes),
        DataType::LargeBinary => array!(column.as_binary_opt::<i64>(), Held::Bytes),
        DataType::BinaryView => array!(column.as_binary_view_opt(), Held::Bytes),
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary_opt()?;
            // Without categories all rows are null, and there are no keys to ask for.
            let keys = if column.values().is_empty() {
                Vec::new()
            } else {
                column.normalized_keys()
            };
            let value_at = values(column.values().as_ref())?;
            Some(Box::new(move |row| {
                value_at(keys.get(row).copied().unwrap_or_default())
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    fn rows(column: ArrayRef, comparison: Comparison, values: &[FilterValue]) -> Vec<bool> {
        let batch = RecordBatch::try_from_iter([("c", column)]).unwrap();
        let condition = Condition {
            column: "c".to_owned(),
            comparison,
            values: values.to_vec(),
        };
        let rows = Filter::all([condition]).rows(&batch).unwrap();
        rows.iter().map(Option::unwrap).collect()
    }

    #[test]
    fn nulls_and_nan_are_compared_as_pyarrow_does() {
        let numbers = || -> ArrayRef {
            Arc::new(Float64Array::from(vec![
                Some(1.0),
                None,
                Some(f64::NAN),
                Some(-0.0),
            ]))
        };
        let zero = [FilterValue::Float(0.0)];
        for (comparison, expected) in [
            (Comparison::Equal, [false, false, false, true]),
            (Comparison::NotEqual, [true, false, true, false]),
            (Comparison::Greater, [true, false, false, false]),
            (Comparison::LessEqual, [false, false, false, true]),
            (Comparison::In, [false, false, false, true]),
            (Comparison::NotIn, [true, true, true, false]),
        ] {
            assert_eq!(rows(numbers(), comparison, &zero), expected);
        }
    }

    #[test]
    fn categories_are_compared_also_where_there_are_none_or_one_is_null() {
        let keys = |keys: Vec<Option<i8>>| arrow_array::Int8Array::from(keys);
        let words = |words: Vec<Option<&str>>| Arc::new(StringArray::from(words));
        let a = [FilterValue::Text("a".to_owned())];
        let column = arrow_array::DictionaryArray::new(
            keys(vec![Some(0), Some(1), None]),
            words(vec![None, Some("a")]),
        );
        let column: ArrayRef = Arc::new(column);
        let rows = |comparison| rows(Arc::clone(&column), comparison, &a);
        assert_eq!(rows(Comparison::Equal), [false, true, false]);
        assert_eq!(rows(Comparison::NotEqual), [false, false, false]);
        assert_eq!(rows(Comparison::NotIn), [true, false, true]);
        let none = arrow_array::DictionaryArray::new(keys(vec![None]), words(Vec::new()));
        let batch = RecordBatch::try_from_iter([("c", Arc::new(none) as ArrayRef)]).unwrap();
        let condition = Condition::new("c", Comparison::Equal, a[0].clone());
        let filter = Filter::all([condition]);
        assert_eq!(filter.rows(&batch).unwrap().true_count(), 0);
        assert!(filter.check(&batch.schema()).is_ok());
    }

    #[test]
    fn lists_are_joined_by_or_and_their_conditions_by_and() {
        let words: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d"]));
        let batch = RecordBatch::try_from_iter([("w", words)]).unwrap();
        let is = |comparison, text: &str| {
            Condition::new("w", comparison, FilterValue::Text(text.to_owned()))
        };
        let filter = Filter::any([
            vec![is(Comparison::Greater, "a"), is(Comparison::LessEqual, "b")],
            vec![is(Comparison::Equal, "d")],
        ]);
        let kept: Vec<_> = filter.rows(&batch).unwrap().iter().flatten().collect();
        assert_eq!(kept, [false, true, false, true]);
        assert_eq!(filter.columns(), ["w"]);
    }

    #[test]
    fn a_value_of_another_type_is_refused_by_name() {
        let words: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let batch = RecordBatch::try_from_iter([("w", words)]).unwrap();
        let filter = Filter::all([Condition::new("w", Comparison::Less, FilterValue::Int(3))]);
        let refused = filter.rows(&batch).unwrap_err().to_string();
        assert!(refused.contains("column 'w' of type Utf8"), "{refused}");
        assert!(filter.check(&batch.schema()).is_err());
    }
}
