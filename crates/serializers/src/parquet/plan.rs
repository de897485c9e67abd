//! What a file needs of its schema and its options, worked out once for files that are alike.
//!
//! For a table of a few rows this takes longer than its values do, and tables of one asset or one
//! dataset are alike: a thread remembers what its last file needed.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use ::parquet::arrow::ArrowSchemaConverter;
use ::parquet::file::properties::WriterPropertiesPtr;
use ::parquet::schema::types::SchemaDescriptor;
use arrow_schema::{Field, SchemaRef};

use super::properties::properties;
use super::row_group::failed;
use super::{ParquetOptions, gate, precast};
use crate::SerializeError;

thread_local! {
    /// Of one thread alone: there is no lock that a forked child could find locked.
    static LAST: Cell<Option<Rc<Plan>>> = const { Cell::new(None) };
}

/// How tables of one schema become files.
pub(crate) struct Plan {
    /// The schema that tables come in, and the options, for which the rest holds.
    source: SchemaRef,
    options: ParquetOptions,
    /// The Arrow schema of the file.
    pub(crate) schema: SchemaRef,
    /// The same as Parquet says it.
    pub(crate) parquet_schema: Arc<SchemaDescriptor>,
    pub(crate) properties: WriterPropertiesPtr,
}

impl Plan {
    /// The plan for tables of this schema.
    ///
    /// # Errors
    /// [`SerializeError::Unsupported`] when a column cannot be written,
    /// [`SerializeError::Encode`] when an option is not valid.
    pub(crate) fn of(
        source: &SchemaRef,
        options: &ParquetOptions,
    ) -> Result<Rc<Self>, SerializeError> {
        let last = LAST.try_with(Cell::take).ok().flatten();
        let fits = |last: &Rc<Self>| last.options == *options && is_same(&last.source, source);
        let plan = match last.filter(fits) {
            Some(plan) => plan,
            None => Rc::new(Self::new(source, options)?),
        };
        // A thread that ends keeps nothing.
        let _ended = LAST.try_with(|last| last.set(Some(Rc::clone(&plan))));
        Ok(plan)
    }

    fn new(source: &SchemaRef, options: &ParquetOptions) -> Result<Self, SerializeError> {
        gate::refuse_wrong_for_writing(source)?;
        let schema = precast::schema(source);
        let parquet_schema = ArrowSchemaConverter::new()
            .with_coerce_types(true)
            .convert(&schema)
            .map_err(failed)?;
        let properties = properties(&schema, &parquet_schema, options)?;
        Ok(Self {
            source: Arc::clone(source),
            options: options.clone(),
            schema,
            parquet_schema: Arc::new(parquet_schema),
            properties: Arc::new(properties),
        })
    }
}

/// Whether files of both have one schema; to Arrow, fields are equal whether or not their categories
/// have an order.
fn is_same(left: &SchemaRef, right: &SchemaRef) -> bool {
    let is_ordered = |schema: &SchemaRef| -> Vec<Option<bool>> {
        let fields = schema.flattened_fields().into_iter();
        fields.map(Field::dict_is_ordered).collect()
    };
    left == right && (Arc::ptr_eq(left, right) || is_ordered(left) == is_ordered(right))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow_schema::{DataType, Schema};

    use super::*;
    use crate::Compression;

    #[test]
    fn a_plan_is_kept_for_what_is_alike_and_for_nothing_else() {
        let of = |name: &str, metadata: &[(&str, &str)]| {
            let pairs = metadata
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()));
            let fields = vec![Field::new(name, DataType::Int64, true)];
            let metadata: HashMap<String, String> = pairs.collect();
            Arc::new(Schema::new_with_metadata(fields, metadata))
        };
        let (snappy, plain) = (
            ParquetOptions::default(),
            ParquetOptions::default().with_compression(Compression::None),
        );
        let first = Plan::of(&of("id", &[]), &snappy).unwrap();
        assert!(Rc::ptr_eq(
            &first,
            &Plan::of(&of("id", &[]), &snappy).unwrap()
        ));
        for (schema, options) in [
            (of("key", &[]), &snappy),
            (of("id", &[("owner", "me")]), &snappy),
            (of("id", &[]), &plain),
        ] {
            let other = Plan::of(&schema, options).unwrap();
            assert!(!Rc::ptr_eq(&first, &other));
            assert_eq!((&other.schema, &other.options), (&schema, options));
            Plan::of(&of("id", &[]), &snappy).unwrap();
        }
    }

    #[test]
    fn categories_with_an_order_are_other_ones_than_those_without() {
        let of = |is_ordered| {
            let words = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
            let field = Field::new("size", words, true).with_dict_is_ordered(is_ordered);
            let holder = Field::new_struct("of", vec![field.clone()], true);
            [Schema::new(vec![field]), Schema::new(vec![holder])].map(Arc::new)
        };
        let options = ParquetOptions::default();
        for (plain, ordered) in of(false).into_iter().zip(of(true)) {
            for schema in [&plain, &ordered, &plain] {
                let plan = Plan::of(schema, &options).unwrap();
                let fields = plan.schema.flattened_fields();
                let found = fields.iter().find_map(|field| field.dict_is_ordered());
                let given = schema.flattened_fields();
                assert_eq!(
                    found,
                    given.iter().find_map(|field| field.dict_is_ordered())
                );
                assert!(found.is_some());
            }
        }
    }

    #[test]
    fn a_schema_that_is_refused_is_refused_again() {
        let days = Field::new_list_field(DataType::Date64, true);
        let schema = Arc::new(Schema::new(vec![Field::new_list("day", days, true)]));
        for _ in 0..2 {
            assert!(Plan::of(&schema, &ParquetOptions::default()).is_err());
        }
    }
}
