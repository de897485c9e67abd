//! The columns of one row group, encoded in parallel.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::SchemaDescriptor;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, SchemaRef};

use super::checksum::ChecksumPages;
use super::levels::Levels;
use super::numbers::Kind;
use super::pages::FinishedChunk;
use super::plan::Plan;
use super::sizes::arrays_bytes;
use super::words::{self, Worth};
use super::{FORMAT, ParquetOptions, coded, numbers, threads};
use crate::SerializeError;

/// Encodes row group after row group of one schema.
pub(crate) struct RowGroupEncoder<'a> {
    schema: SchemaRef,
    descriptor: Arc<SchemaDescriptor>,
    options: &'a ParquetOptions,
    factory: ArrowRowGroupWriterFactory,
    pages: Option<ChecksumPages>,
}

/// A finished column chunk.
enum Chunk {
    /// Of the Parquet library, as it is.
    Library(ArrowColumnChunk),
    Finished(FinishedChunk),
}

/// The column writers of the Parquet library for one row group, made when the first is needed.
struct LibraryWriters<'a> {
    factory: &'a ArrowRowGroupWriterFactory,
    row_group: usize,
    made: Mutex<Option<Vec<Option<ArrowColumnWriter>>>>,
}

impl LibraryWriters<'_> {
    fn take(&self, leaves: Range<usize>) -> Result<Vec<ArrowColumnWriter>, ParquetError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.is_none() {
            let writers = self.factory.create_column_writers(self.row_group)?;
            *made = Some(writers.into_iter().map(Some).collect());
        }
        let writers = made.get_or_insert_default().get_mut(leaves);
        let writers = writers.unwrap_or_default().iter_mut();
        Ok(writers.filter_map(Option::take).collect())
    }
}

impl<'a> RowGroupEncoder<'a> {
    pub(crate) fn new<W: Write + Send>(
        writer: &SerializedFileWriter<W>,
        plan: &Plan,
        options: &'a ParquetOptions,
    ) -> Self {
        let mut factory = ArrowRowGroupWriterFactory::new(writer, Arc::clone(&plan.schema));
        let pages = options.checksums.then(ChecksumPages::default);
        if let Some(pages) = &pages {
            factory = factory.with_page_store_factory(Arc::new(pages.clone()));
        }
        Self {
            factory,
            pages,
            descriptor: Arc::clone(&plan.parquet_schema),
            schema: Arc::clone(&plan.schema),
            options,
        }
    }

    /// Encodes the columns of `batches` into row group number `index`; a column is written as soon
    /// as those before it are, while later ones are still being encoded.
    pub(crate) fn encode<W: Write + Send>(
        &self,
        index: usize,
        batches: &[RecordBatch],
        rows: usize,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), SerializeError> {
        let writers = LibraryWriters {
            factory: &self.factory,
            row_group: index,
            made: Mutex::new(None),
        };
        let mut jobs = Vec::with_capacity(self.schema.fields().len());
        let mut first_leaf = 0;
        for (position, field) in self.schema.fields().iter().enumerate() {
            let arrays: Vec<ArrayRef> = batches
                .iter()
                .filter_map(|batch| batch.columns().get(position).cloned())
                .collect();
            let leaves = leaf_count(field, &arrays)?;
            jobs.push(ColumnJob {
                leaves: first_leaf..first_leaf + leaves,
                field,
                arrays,
            });
            first_leaf += leaves;
        }
        let threads = threads::thread_count(self.options.threads, rows, jobs.len());
        let work = |job: ColumnJob<'_>| {
            let chunks = match self.own(&job) {
                Ok(Some(chunk)) => Ok(vec![Chunk::Finished(chunk)]),
                Ok(None) => self.library(&job, &writers),
                Err(error) => Err(error),
            };
            chunks.map_err(|error| job.failed(error))
        };
        let encoded =
            threads::run_in_order("writing", threads, jobs, ColumnJob::cost, work, |chunks| {
                append(chunks, row_group).map_err(failed)
            });
        if let Some(pages) = &self.pages {
            pages.clear();
        }
        encoded
    }

    /// Encodes a column here; none when it is left to the library.
    fn own(&self, job: &ColumnJob<'_>) -> Result<Option<FinishedChunk>, ParquetError> {
        if job.leaves.len() != 1 {
            return self.categories(job);
        }
        let descriptor = self.descriptor.column(job.leaves.start);
        if let DataType::List(element) | DataType::LargeList(element) = job.field.data_type() {
            let Some(kind) = Kind::of(element.data_type()) else {
                return Ok(None);
            };
            let Some((levels, values)) = Levels::of_lists(job.field, element, &job.arrays) else {
                return Ok(None);
            };
            let worth = self.worth(&values);
            return numbers::encode(kind, &values, worth, &levels, &descriptor, self.options);
        }
        let kind = Kind::of(job.field.data_type());
        let is_text = matches!(job.field.data_type(), DataType::Utf8 | DataType::LargeUtf8);
        if kind.is_none() && !is_text {
            return self.categories(job);
        }
        let Some(levels) = Levels::flat(&job.arrays, descriptor.max_def_level()) else {
            return Ok(None);
        };
        let worth = self.worth(&job.arrays);
        if let Some(kind) = kind {
            return numbers::encode(kind, &job.arrays, worth, &levels, &descriptor, self.options);
        }
        if worth == Worth::Useless || !self.options.dictionary {
            return coded::plain_words(&job.arrays, &levels, &descriptor, self.options);
        }
        let few = worth == Worth::Few || levels.rows < words::LEAST_ROWS;
        let Some(column) = few.then(|| words::coded(&job.arrays)).flatten() else {
            return Ok(None);
        };
        if column.is_longer_than_plain() {
            return coded::plain_words(&job.arrays, &levels, &descriptor, self.options);
        }
        let chunk = column.encode(&levels, &descriptor, self.options);
        chunk.map(Some)
    }

    fn worth(&self, arrays: &[ArrayRef]) -> Worth {
        if self.options.dictionary {
            words::worth(arrays)
        } else {
            Worth::Useless
        }
    }

    fn categories(&self, job: &ColumnJob<'_>) -> Result<Option<FinishedChunk>, ParquetError> {
        if !matches!(job.field.data_type(), DataType::Dictionary(_, _)) {
            return Ok(None);
        }
        let descriptor = self.descriptor.column(job.leaves.start);
        let Some(column) = words::categories(&job.arrays) else {
            return Ok(None);
        };
        let Some(levels) = Levels::flat(&job.arrays, descriptor.max_def_level()) else {
            return Ok(None);
        };
        column.encode(&levels, &descriptor, self.options).map(Some)
    }

    fn library(
        &self,
        job: &ColumnJob<'_>,
        writers: &LibraryWriters<'_>,
    ) -> Result<Vec<Chunk>, ParquetError> {
        let mut writers = writers.take(job.leaves.clone())?;
        for array in &job.arrays {
            for (leaf, writer) in compute_leaves(job.field, array)?.iter().zip(&mut writers) {
                writer.write(leaf)?;
            }
        }
        let finished = writers.into_iter().zip(job.leaves.clone());
        let finished = finished.map(|(writer, leaf)| {
            let chunk = writer.close()?;
            Ok(match &self.pages {
                Some(pages) => Chunk::Finished(pages.finish(leaf, &chunk)?),
                None => Chunk::Library(chunk),
            })
        });
        finished.collect()
    }
}

/// One top-level column of a row group, and which leaves it has.
struct ColumnJob<'a> {
    leaves: Range<usize>,
    field: &'a FieldRef,
    arrays: Vec<ArrayRef>,
}

impl ColumnJob<'_> {
    /// How long it takes, about: nested values and text take longer than their bytes say.
    fn cost(&self) -> usize {
        let data_type = self.field.data_type();
        let weight = if data_type.is_nested() {
            6
        } else if data_type.primitive_width().is_none() {
            3
        } else {
            1
        };
        arrays_bytes(&self.arrays).saturating_mul(weight)
    }

    fn failed(&self, error: ParquetError) -> SerializeError {
        let field = self.field;
        SerializeError::Encode {
            format: FORMAT,
            reason: format!(
                "column '{}' of type {}: {error}",
                field.name(),
                field.data_type()
            ),
            source: Some(Box::new(error)),
        }
    }
}

/// Joins finished chunks to their row group.
fn append<W: Write + Send>(
    chunks: Vec<Chunk>,
    row_group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    for chunk in chunks {
        match chunk {
            Chunk::Finished(chunk) => row_group.append_column(&chunk.pages, chunk.close)?,
            Chunk::Library(chunk) => chunk.append_to_row_group(row_group)?,
        }
    }
    Ok(())
}

/// How many leaf columns a field has: as many as its (empty) array gives.
fn leaf_count(field: &FieldRef, arrays: &[ArrayRef]) -> Result<usize, SerializeError> {
    if !field.data_type().is_nested() {
        return Ok(1);
    }
    let empty = arrays.first().map_or_else(
        || arrow_array::new_empty_array(field.data_type()),
        |array| array.slice(0, 0),
    );
    Ok(compute_leaves(field, &empty).map_err(failed)?.len())
}

/// An error of the library; what the destination said comes out as it was.
pub(crate) fn failed(error: ParquetError) -> SerializeError {
    let reason = error.to_string();
    let source: Box<dyn std::error::Error + Send + Sync> =
        if let ParquetError::External(source) = error {
            source
        } else {
            Box::new(error)
        };
    match source.downcast::<std::io::Error>() {
        Ok(io) => SerializeError::Io(*io),
        Err(source) => SerializeError::Encode {
            format: FORMAT,
            reason,
            source: Some(source),
        },
    }
}
