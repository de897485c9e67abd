//! Filters of datasets as Python writes them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use remote_store_serializers::parquet::{Comparison, Condition, Filter, FilterValue};

/// A value to compare with, as `ext.parquet` hands it over: instants come as `("nanos", n)`.
#[derive(Debug, FromPyObject)]
pub(crate) enum Value {
    #[pyo3(transparent)]
    Instant((String, i128)),
    #[pyo3(transparent)]
    Text(String),
    #[pyo3(transparent)]
    Bytes(Vec<u8>),
    #[pyo3(transparent)]
    Bool(bool),
    #[pyo3(transparent)]
    Int(i128),
    #[pyo3(transparent)]
    Float(f64),
}

/// Column, operator and values of one condition.
pub(crate) type PyCondition = (String, String, Vec<Value>);

/// # Errors
/// `ValueError` for an operator that there is not.
pub(crate) fn filter(lists: Vec<Vec<PyCondition>>) -> PyResult<Filter> {
    let lists = lists.into_iter().map(|list| {
        let conditions = list.into_iter().map(condition);
        conditions.collect::<PyResult<Vec<_>>>()
    });
    Ok(Filter::any(lists.collect::<PyResult<Vec<_>>>()?))
}

fn condition((column, operator, values): PyCondition) -> PyResult<Condition> {
    let comparison = match operator.as_str() {
        "=" | "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        "in" => Comparison::In,
        "not in" => Comparison::NotIn,
        _ => {
            return Err(PyValueError::new_err(format!(
                "unknown operator '{operator}' in a filter; choose from ==, !=, <, <=, >, >=, in, not in"
            )));
        }
    };
    let values = values.into_iter().map(|value| match value {
        Value::Instant((_nanos, instant)) => FilterValue::Nanos(instant),
        Value::Text(text) => FilterValue::Text(text),
        Value::Bytes(bytes) => FilterValue::Bytes(bytes),
        Value::Bool(flag) => FilterValue::Bool(flag),
        Value::Int(number) => FilterValue::Int(number),
        Value::Float(number) => FilterValue::Float(number),
    });
    Ok(Condition {
        column,
        comparison,
        values: values.collect(),
    })
}
