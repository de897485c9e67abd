//! The columns of one row group, encoded in parallel.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterPropertiesPtr;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::SchemaDescriptor;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, SchemaRef};

use super::checksum::ChecksumPages;
use super::coded::CodedChunk;
use super::words::{self, Worth};
use super::{FORMAT, ParquetOptions, Statistics, threads};
use crate::SerializeError;

/// Encodes row group after row group of one schema.
pub(crate) struct RowGroupEncoder<'a> {
    schema: SchemaRef,
    descriptor: Arc<SchemaDescriptor>,
    options: &'a ParquetOptions,
    usual: LibraryColumns,
    /// Writers without dictionaries, made when a column is found that has no use for one.
    plain: OnceLock<LibraryColumns>,
    properties: WriterPropertiesPtr,
}

/// Column writers of the Parquet library and where their pages go.
struct LibraryColumns {
    factory: ArrowRowGroupWriterFactory,
    pages: Option<ChecksumPages>,
}

impl LibraryColumns {
    fn new<W: Write + Send>(
        writer: &SerializedFileWriter<W>,
        schema: &SchemaRef,
        options: &ParquetOptions,
    ) -> Self {
        let mut factory = ArrowRowGroupWriterFactory::new(writer, Arc::clone(schema));
        let pages = options.checksums.then(ChecksumPages::default);
        if let Some(pages) = &pages {
            factory = factory.with_page_store_factory(Arc::new(pages.clone()));
        }
        Self { factory, pages }
    }
}

/// A finished column chunk.
pub(crate) enum Chunk {
    /// Of the Parquet library, with or without dictionary.
    Library(ArrowColumnChunk, Dictionary),
    Coded(CodedChunk),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dictionary {
    Usual,
    Never,
}

impl<'a> RowGroupEncoder<'a> {
    pub(crate) fn new<W: Write + Send>(
        writer: &SerializedFileWriter<W>,
        schema: SchemaRef,
        options: &'a ParquetOptions,
    ) -> Self {
        Self {
            usual: LibraryColumns::new(writer, &schema, options),
            plain: OnceLock::new(),
            descriptor: Arc::new(writer.schema_descr().clone()),
            properties: Arc::clone(writer.properties()),
            schema,
            options,
        }
    }

    /// Encodes the columns of `batches`, as row group number `index`.
    pub(crate) fn encode(
        &self,
        index: usize,
        batches: &[RecordBatch],
        rows: usize,
    ) -> Result<Vec<Chunk>, SerializeError> {
        let writers = self
            .usual
            .factory
            .create_column_writers(index)
            .map_err(failed)?;
        let mut writers = writers.into_iter();
        let mut plain = None;
        let mut jobs = Vec::with_capacity(self.schema.fields().len());
        let mut first_leaf = 0;
        for (position, field) in self.schema.fields().iter().enumerate() {
            let arrays: Vec<ArrayRef> = batches
                .iter()
                .filter_map(|batch| batch.columns().get(position).cloned())
                .collect();
            let leaves = leaf_count(field, &arrays)?;
            let mut job = ColumnJob {
                position,
                first_leaf,
                field,
                bytes: arrays_bytes(&arrays),
                worth: self.worth(leaves, &arrays),
                arrays,
                writers: writers.by_ref().take(leaves).collect(),
            };
            if job.worth == Worth::Useless {
                let plain = self.plain_writers(&mut plain, index).map_err(failed)?;
                job.writers = plain
                    .get_mut(first_leaf)
                    .and_then(Option::take)
                    .into_iter()
                    .collect();
            }
            jobs.push(job);
            first_leaf += leaves;
        }
        let threads = threads::thread_count(self.options.threads, rows, jobs.len());
        // The largest first: a large column begun last would run alone at the end.
        jobs.sort_by_key(|job| std::cmp::Reverse(job.cost()));
        let mut columns = threads::run("writing", threads, jobs, |job: ColumnJob<'_>| {
            let position = job.position;
            self.column(job).map(|chunks| (position, chunks))
        })?;
        columns.sort_by_key(|(position, _)| *position);
        Ok(columns.into_iter().flat_map(|(_, chunks)| chunks).collect())
    }

    /// Joins finished chunks to their row group.
    pub(crate) fn append<W: Write + Send>(
        &self,
        chunks: Vec<Chunk>,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        for (leaf, chunk) in chunks.into_iter().enumerate() {
            match chunk {
                Chunk::Coded(chunk) => row_group.append_column(&chunk.pages, chunk.close)?,
                Chunk::Library(chunk, dictionary) => {
                    let pages = match dictionary {
                        Dictionary::Usual => self.usual.pages.as_ref(),
                        Dictionary::Never => {
                            self.plain.get().and_then(|plain| plain.pages.as_ref())
                        }
                    };
                    match pages {
                        Some(pages) => pages.append(leaf, &chunk, row_group)?,
                        None => chunk.append_to_row_group(row_group)?,
                    }
                }
            }
        }
        for columns in [Some(&self.usual), self.plain.get()].into_iter().flatten() {
            if let Some(pages) = &columns.pages {
                pages.clear();
            }
        }
        Ok(())
    }

    fn worth(&self, leaves: usize, arrays: &[ArrayRef]) -> Worth {
        if self.options.dictionary && leaves == 1 {
            words::worth(arrays)
        } else {
            Worth::Unknown
        }
    }

    /// Codes what is better coded here, leaves the rest to the library.
    fn column(&self, job: ColumnJob<'_>) -> Result<Vec<Chunk>, SerializeError> {
        if let Some(chunk) = self.categories(&job)? {
            return Ok(vec![chunk]);
        }
        // The page index is the library's; codes are written without.
        if job.worth == Worth::Few
            && self.options.statistics != Statistics::Page
            && let Some(column) = words::coded(&job.arrays)
        {
            return self.coded(&job, &column).map(|chunk| vec![chunk]);
        }
        let dictionary = if job.worth == Worth::Useless {
            Dictionary::Never
        } else {
            Dictionary::Usual
        };
        let chunks = job.encode()?.into_iter();
        Ok(chunks
            .map(|chunk| Chunk::Library(chunk, dictionary))
            .collect())
    }

    fn categories(&self, job: &ColumnJob<'_>) -> Result<Option<Chunk>, SerializeError> {
        if !matches!(job.field.data_type(), DataType::Dictionary(_, _)) {
            return Ok(None);
        }
        let column = words::categories(&job.arrays);
        column.map(|column| self.coded(job, &column)).transpose()
    }

    fn coded(
        &self,
        job: &ColumnJob<'_>,
        column: &super::coded::CodedColumn<'_>,
    ) -> Result<Chunk, SerializeError> {
        let descriptor = self.descriptor.column(job.first_leaf);
        column
            .encode(&descriptor, self.options)
            .map(Chunk::Coded)
            .map_err(|error| job.failed(error))
    }

    /// Writers without dictionaries for all columns, made once for a row group.
    fn plain_writers<'w>(
        &self,
        made: &'w mut Option<Vec<Option<ArrowColumnWriter>>>,
        row_group: usize,
    ) -> Result<&'w mut Vec<Option<ArrowColumnWriter>>, ParquetError> {
        if made.is_none() {
            let plain = if let Some(plain) = self.plain.get() {
                plain
            } else {
                let columns = self.plain_columns()?;
                self.plain.get_or_init(|| columns)
            };
            let writers = plain.factory.create_column_writers(row_group)?;
            *made = Some(writers.into_iter().map(Some).collect());
        }
        Ok(made.get_or_insert_default())
    }

    /// The factory takes its properties from a file; this one is never written.
    fn plain_columns(&self) -> Result<LibraryColumns, ParquetError> {
        let properties = (*self.properties).clone().into_builder();
        let properties = properties.set_dictionary_enabled(false).build();
        let nowhere = SerializedFileWriter::new(
            std::io::sink(),
            self.descriptor.root_schema_ptr(),
            Arc::new(properties),
        )?;
        Ok(LibraryColumns::new(&nowhere, &self.schema, self.options))
    }
}

/// One top-level column of a row group, with the writers of its leaves.
struct ColumnJob<'a> {
    position: usize,
    first_leaf: usize,
    field: &'a FieldRef,
    worth: Worth,
    arrays: Vec<ArrayRef>,
    bytes: usize,
    writers: Vec<ArrowColumnWriter>,
}

impl ColumnJob<'_> {
    /// How long it takes, about: nested values and text take longer than their bytes say.
    fn cost(&self) -> usize {
        let data_type = self.field.data_type();
        if data_type.is_nested() {
            self.bytes.saturating_mul(6)
        } else if data_type.primitive_width().is_none() {
            self.bytes.saturating_mul(3)
        } else {
            self.bytes
        }
    }

    fn failed(&self, error: ParquetError) -> SerializeError {
        SerializeError::Encode {
            format: FORMAT,
            reason: format!(
                "column '{}' of type {}: {error}",
                self.field.name(),
                self.field.data_type()
            ),
            source: Some(Box::new(error)),
        }
    }

    fn encode(mut self) -> Result<Vec<ArrowColumnChunk>, SerializeError> {
        for array in std::mem::take(&mut self.arrays) {
            let leaves = compute_leaves(self.field, &array).map_err(|error| self.failed(error))?;
            for (index, leaf) in leaves.into_iter().enumerate() {
                let written = self
                    .writers
                    .get_mut(index)
                    .map(|writer| writer.write(&leaf));
                if let Some(Err(error)) = written {
                    return Err(self.failed(error));
                }
            }
        }
        std::mem::take(&mut self.writers)
            .into_iter()
            .map(|writer| writer.close().map_err(|error| self.failed(error)))
            .collect()
    }
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

pub(crate) fn arrays_bytes(arrays: &[ArrayRef]) -> usize {
    arrays
        .iter()
        .map(|array| array.to_data().get_slice_memory_size().unwrap_or_default())
        .sum()
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
