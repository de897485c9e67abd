//! Lists of plain numbers, decoded from their levels without a branch for each level.
//!
//! The lengths of lists are hard to predict, and the Parquet library asks at each level whether a
//! list begins; that took most of the time of such columns. What is unusual goes to the library.

use std::ops::Range;
use std::sync::Arc;

use ::parquet::basic::{Repetition, Type as PhysicalType};
use ::parquet::column::page::PageReader;
use ::parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use ::parquet::data_type::{DataType as ParquetType, DoubleType, FloatType, Int32Type, Int64Type};
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::serialized_reader::SerializedPageReader;
use arrow_array::{ListArray, PrimitiveArray, RecordBatch};
use arrow_array::{types, types::ArrowPrimitiveType};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, FieldRef, Schema};

use super::decode::{BATCH_ROWS, ParquetFile};

/// What the definition levels of a list mean.
#[derive(Clone, Copy)]
struct Levels {
    /// The list is there; one less is a list that is null.
    list: i16,
    /// The list has an item.
    item: i16,
    /// The item is there.
    value: i16,
}

impl ParquetFile {
    /// The batches of one column of lists of numbers; none when the library has to read it, which
    /// also tells what is wrong.
    pub(crate) fn number_lists(
        &self,
        column: usize,
        row_groups: Range<usize>,
    ) -> Option<Vec<RecordBatch>> {
        let field = self.schema().fields().get(column)?;
        let DataType::List(item) = field.data_type() else {
            return None;
        };
        let (leaf, levels) = self.list_levels(column)?;
        let physical = self.metadata.parquet_schema().column(leaf).physical_type();
        let lists = Lists {
            file: self,
            field,
            item,
            leaf,
            levels,
            row_groups,
        };
        match (item.data_type(), physical) {
            (DataType::Int32, PhysicalType::INT32) => lists.read::<Int32Type, types::Int32Type>(),
            (DataType::Int64, PhysicalType::INT64) => lists.read::<Int64Type, types::Int64Type>(),
            (DataType::Float32, PhysicalType::FLOAT) => {
                lists.read::<FloatType, types::Float32Type>()
            }
            (DataType::Float64, PhysicalType::DOUBLE) => {
                lists.read::<DoubleType, types::Float64Type>()
            }
            _ => None,
        }
    }

    /// The leaf of a column that is a list of three levels, as all writers make them today.
    fn list_levels(&self, column: usize) -> Option<(usize, Levels)> {
        let schema = self.metadata.parquet_schema();
        let mut leaves = 0..schema.num_columns();
        let leaf = leaves.find(|leaf| schema.get_column_root_idx(*leaf) == column)?;
        if leaves.any(|leaf| schema.get_column_root_idx(leaf) == column) {
            return None;
        }
        let descriptor = schema.column(leaf);
        let root = schema.get_column_root(leaf);
        let [repeated] = root.get_fields() else {
            return None;
        };
        let is_repeated = repeated.get_basic_info().repetition() == Repetition::REPEATED;
        if descriptor.path().parts().len() != 3 || !is_repeated || descriptor.max_rep_level() != 1 {
            return None;
        }
        let list = i16::from(root.get_basic_info().repetition() == Repetition::OPTIONAL);
        let (item, value) = (list + 1, descriptor.max_def_level());
        let levels = Levels { list, item, value };
        (value == item || value == item + 1).then_some((leaf, levels))
    }
}

struct Lists<'a> {
    file: &'a ParquetFile,
    field: &'a FieldRef,
    item: &'a FieldRef,
    leaf: usize,
    levels: Levels,
    row_groups: Range<usize>,
}

/// Levels and values of the rows of a batch so far.
struct Rows<T> {
    count: usize,
    definition: Vec<i16>,
    repetition: Vec<i16>,
    values: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            count: 0,
            definition: Vec::new(),
            repetition: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl Lists<'_> {
    fn read<P, A>(&self) -> Option<Vec<RecordBatch>>
    where
        P: ParquetType<T = A::Native>,
        A: ArrowPrimitiveType,
    {
        let schema = self.file.schema();
        let metadata = schema.metadata().clone();
        let schema = Schema::new_with_metadata(vec![Arc::clone(self.field)], metadata);
        let schema = Arc::new(schema);
        let mut batches = Vec::new();
        let mut rows = Rows::default();
        let mut finish = |rows: &mut Rows<A::Native>| {
            let lists = self.lists::<A>(rows)?;
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(lists)]);
            batches.push(batch.ok()?);
            Some(())
        };
        let row_groups = self.file.metadata.metadata().row_groups();
        for row_group in row_groups.get(self.row_groups.clone())? {
            let chunk = row_group.columns().get(self.leaf)?;
            let expected = usize::try_from(row_group.num_rows()).ok()?;
            let mut reader = self.reader::<P>(chunk, expected)?;
            let mut left = expected;
            while left > 0 {
                let wanted = left.min(BATCH_ROWS - rows.count);
                let (definition, repetition) = (&mut rows.definition, &mut rows.repetition);
                let read = reader.read_records(
                    wanted,
                    Some(definition),
                    Some(repetition),
                    &mut rows.values,
                );
                let (count, ..) = read.ok()?;
                if count == 0 {
                    return None;
                }
                rows.count += count;
                left -= count;
                if rows.count == BATCH_ROWS {
                    finish(&mut rows)?;
                }
            }
            // More rows than the footer says: what that comes to, the library decides.
            let nothing = reader.read_records(1, Some(&mut vec![]), Some(&mut vec![]), &mut vec![]);
            if nothing.ok()?.2 > 0 {
                return None;
            }
        }
        if rows.count > 0 {
            finish(&mut rows)?;
        }
        Some(batches)
    }

    fn reader<P: ParquetType>(
        &self,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Option<ColumnReaderImpl<P>> {
        if chunk.column_type() != P::get_physical_type() {
            return None;
        }
        let source = Arc::new(self.file.source.clone());
        let pages = SerializedPageReader::new(source, chunk, rows, None).ok()?;
        let pages: Box<dyn PageReader> = Box::new(pages);
        let descriptor = self.file.metadata.parquet_schema().column(self.leaf);
        Some(get_typed_column_reader(get_column_reader(
            descriptor, pages,
        )))
    }

    /// The lists of the rows, which are empty afterwards; none when the levels are wrong.
    fn lists<A: ArrowPrimitiveType>(&self, rows: &mut Rows<A::Native>) -> Option<ListArray> {
        let levels = self.levels;
        let begun = Begun::of(rows.count, &rows.definition, &rows.repetition, levels)?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(begun.offsets));
        let values = std::mem::take(&mut rows.values);
        let (values, nulls) = if values.len() == begun.items {
            (values, None)
        } else {
            spread(&values, begun.items, &rows.definition, levels)?
        };
        let items = PrimitiveArray::<A>::try_new(ScalarBuffer::from(values), nulls).ok()?;
        let is_null = |list: &i16| *list < levels.list;
        let nulls = begun.lists.iter().any(is_null).then(|| {
            let is_valid = |row: usize| begun.lists.get(row).is_some_and(|list| !is_null(list));
            NullBuffer::new(BooleanBuffer::collect_bool(rows.count, is_valid))
        });
        (rows.count, rows.definition, rows.repetition) = Default::default();
        ListArray::try_new(Arc::clone(self.item), offsets, Arc::new(items), nulls).ok()
    }
}

/// Where lists begin among the levels.
struct Begun {
    /// Of each list among the items, and the end of the last one.
    offsets: Vec<i32>,
    /// The definition level at which each list begins.
    lists: Vec<i16>,
    items: usize,
}

impl Begun {
    fn of(count: usize, definition: &[i16], repetition: &[i16], levels: Levels) -> Option<Self> {
        if definition.len() != repetition.len() || repetition.first() != Some(&0) {
            return None;
        }
        // One place more than there are lists: what is no beginning is written there, and over.
        let mut offsets = vec![0_i32; count + 1];
        let mut lists = vec![0_i16; count + 1];
        let (mut begun, mut items) = (0_usize, 0_i32);
        for (definition, repetition) in definition.iter().zip(repetition) {
            *offsets.get_mut(begun)? = items;
            *lists.get_mut(begun)? = *definition;
            // The levels of an item that is not the first belong to the list before.
            begun += usize::from(*repetition == 0);
            items = items.checked_add(i32::from(*definition >= levels.item))?;
        }
        *offsets.last_mut()? = items;
        lists.pop();
        (begun == count).then_some(Self {
            offsets,
            lists,
            items: usize::try_from(items).ok()?,
        })
    }
}

/// Values in the places of the items that are there.
fn spread<T: Copy + Default>(
    values: &[T],
    items: usize,
    definition: &[i16],
    levels: Levels,
) -> Option<(Vec<T>, Option<NullBuffer>)> {
    let mut spread = Vec::with_capacity(items);
    let mut is_there = Vec::with_capacity(items);
    let mut values = values.iter();
    for level in definition.iter().filter(|level| **level >= levels.item) {
        let there = *level == levels.value;
        spread.push(if there { *values.next()? } else { T::default() });
        is_there.push(there);
    }
    values.as_slice().is_empty().then_some(())?;
    Some((spread, Some(NullBuffer::from(is_there))))
}

#[cfg(test)]
mod tests {
    use ::parquet::arrow::ArrowWriter;
    use ::parquet::file::properties::{WriterProperties, WriterVersion};
    use arrow_array::Array;
    use arrow_array::builder::{ListBuilder, PrimitiveBuilder};
    use arrow_schema::Field;
    use proptest::prelude::*;

    use super::*;

    type Rows = Vec<Option<Vec<Option<i32>>>>;

    fn file(lists: &ListArray, is_nullable: bool, properties: WriterProperties) -> ParquetFile {
        let field = Field::new("c", lists.data_type().clone(), is_nullable);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(lists.clone())]);
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
        writer.write(&batch.unwrap()).unwrap();
        ParquetFile::open(writer.into_inner().unwrap().into()).unwrap()
    }

    fn lists<A: ArrowPrimitiveType>(
        rows: &Rows,
        item_is_nullable: bool,
        value: impl Fn(i32) -> A::Native,
    ) -> ListArray {
        let item = Field::new("element", A::DATA_TYPE, item_is_nullable);
        let mut builder = ListBuilder::new(PrimitiveBuilder::<A>::new()).with_field(item);
        for row in rows {
            for item in row.iter().flatten() {
                builder.values().append_option(item.map(&value));
            }
            builder.append(row.is_some());
        }
        builder.finish()
    }

    /// Both ways give the same batches, cut alike.
    fn check(file: &ParquetFile) -> Vec<RecordBatch> {
        let all = 0..file.num_row_groups();
        let found = file.number_lists(0, all.clone()).unwrap();
        assert_eq!(found, file.library_batches(&[0], Some(all)).unwrap());
        found
    }

    fn any_rows() -> impl Strategy<Value = (Rows, bool, bool)> {
        let row = prop::collection::vec(prop::option::weighted(0.8, -9..9), 0..5);
        let rows = prop::collection::vec(prop::option::weighted(0.8, row), 1..300);
        (rows, any::<bool>(), any::<bool>()).prop_map(|(mut rows, list_nulls, item_nulls)| {
            for row in &mut rows {
                if !list_nulls {
                    row.get_or_insert_default();
                }
                let items = row.iter_mut().flatten().filter(|_| !item_nulls);
                items.for_each(|item| *item = item.or(Some(0)));
            }
            (rows, list_nulls, item_nulls)
        })
    }

    proptest! {
        #[test]
        fn lists_are_those_of_the_library(
            (rows, list_nulls, item_nulls) in any_rows(),
            (page_rows, row_group_rows) in (1_usize..80, 20_usize..300),
            (version_2, dictionary, kind) in (any::<bool>(), any::<bool>(), 0..4),
        ) {
            let lists = match kind {
                0 => lists::<types::Int32Type>(&rows, item_nulls, |value| value),
                1 => lists::<types::Int64Type>(&rows, item_nulls, i64::from),
                2 => lists::<types::Float32Type>(&rows, item_nulls, |value| if value < 0 { -0.5 } else { 1.5 }),
                _ => lists::<types::Float64Type>(&rows, item_nulls, f64::from),
            };
            let version = if version_2 { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
            let properties = WriterProperties::builder()
                .set_writer_version(version)
                .set_dictionary_enabled(dictionary)
                .set_data_page_row_count_limit(page_rows)
                .set_write_batch_size(7)
                .set_max_row_group_row_count(Some(row_group_rows));
            let found = check(&file(&lists, list_nulls, properties.build()));
            prop_assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), rows.len());
        }
    }

    #[test]
    fn batches_go_across_row_groups() {
        let rows: Rows = (0..150_000_usize)
            .map(|row| Some(vec![Some(7); row % 4]))
            .collect();
        let lists = lists::<types::Int32Type>(&rows, true, |value| value);
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(50_000));
        let found = check(&file(&lists, true, properties.build()));
        let cuts: Vec<_> = found.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(cuts, [BATCH_ROWS, BATCH_ROWS, 150_000 - 2 * BATCH_ROWS]);
    }

    #[test]
    fn levels_that_no_list_has_are_left_to_the_library() {
        let levels = Levels {
            list: 1,
            item: 2,
            value: 3,
        };
        let begun = |count, definition: &[i16], repetition: &[i16]| {
            Begun::of(count, definition, repetition, levels).map(|begun| begun.offsets)
        };
        assert_eq!(
            begun(3, &[3, 2, 0, 1], &[0, 1, 0, 0]),
            Some(vec![0, 2, 2, 2])
        );
        assert_eq!(
            begun(1, &[3, 3], &[1, 0]),
            None,
            "a row that begins in its middle"
        );
        assert_eq!(begun(1, &[3, 3], &[0, 0]), None, "more rows than there are");
        assert_eq!(begun(3, &[3, 3], &[0, 0]), None, "fewer rows");
        assert_eq!(begun(1, &[3], &[0, 1]), None, "levels of different numbers");
        assert!(
            spread(&[1], 2, &[3, 3], levels).is_none(),
            "a value is missing"
        );
        assert!(
            spread(&[1, 2], 1, &[3, 2], levels).is_none(),
            "a value too many"
        );
    }
}
