//! A part that is being read: opened, and its row groups fetched and decoded run by run.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use remote_store_core::{ObjectInfo, ReadRange, Store};
use remote_store_serializers::parquet::{Filter, footer_len};
use remote_store_serializers::{ParquetFile, SerializeError};

use crate::error::{DatasetError, Result};
use crate::hive::{self, PartitionColumn};
use crate::layout::{PartOrigin, part_origin};
use crate::object::TAIL_BYTES;

/// A part up to this size is fetched in one request.
const WHOLE_PART_BYTES: u64 = 4 << 20;
/// Bytes of a part that are fetched together.
const RUN_BYTES: u64 = 8 << 20;

/// What is read of every part.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) store: Store,
    pub(crate) backend: String,
    /// The dataset's key.
    pub(crate) key: String,
    /// Columns of the table that are asked for; none for all.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) partition_columns: Vec<PartitionColumn>,
    /// Whether rows are filtered here, or only left out where that is free.
    pub(crate) is_exact: bool,
    /// Whether parts that pyarrow reads otherwise are refused.
    pub(crate) is_gated: bool,
}

/// One part to read.
#[derive(Debug)]
pub(crate) struct PartPlan {
    pub(crate) path: String,
    /// One value of each partition column.
    pub(crate) values: Vec<ArrayRef>,
    /// What is left to ask of its rows.
    pub(crate) filter: Filter,
}

/// A part whose footer is known.
#[derive(Debug)]
pub(crate) struct OpenedPart {
    plan: Arc<Plan>,
    part: Arc<PartPlan>,
    file: ParquetFile,
    info: ObjectInfo,
    kept: Vec<usize>,
}

impl OpenedPart {
    pub(crate) async fn open(plan: Arc<Plan>, part: PartPlan) -> Result<Self> {
        let (file, info) = plan.open(&part).await?;
        if plan.is_gated
            && let Some(reason) = file.read_support().fallback_reason()
        {
            return Err(DatasetError::NeedsPyarrow {
                path: part.path,
                reason: reason.to_owned(),
            });
        }
        if plan.is_exact {
            part.filter.check(file.schema())?;
        }
        let kept = file.row_groups_where(&part.filter)?;
        Ok(Self {
            plan,
            part: Arc::new(part),
            file,
            info,
            kept,
        })
    }

    /// How many rows the part holds, read or not.
    pub(crate) fn rows(&self) -> u64 {
        self.file.num_rows() as u64
    }

    /// The columns that its batches have.
    pub(crate) fn schema(&self) -> Result<SchemaRef> {
        let nothing = RecordBatch::new_empty(SchemaRef::clone(self.file.schema()));
        let kept: Vec<usize> = (0..nothing.num_columns()).collect();
        let columns = &self.plan.partition_columns;
        let restored = hive::restored(&nothing, &kept, columns, &self.part.values)?;
        Ok(projected(restored, self.plan.columns.as_deref())?.schema())
    }

    /// Row groups that are fetched together, in order.
    pub(crate) fn runs(self) -> Result<Vec<Run>> {
        let columns = self.plan.columns_of_part(&self.file, &self.part.filter)?;
        let is_whole = self.file.whole().is_some();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut bytes = u64::MAX;
        for row_group in &self.kept {
            let size = if is_whole {
                0
            } else {
                let alone = self.file.with_row_groups(&[*row_group])?;
                let ranges = alone.column_ranges(columns.as_deref())?;
                ranges.iter().map(|range| range.end - range.start).sum()
            };
            match groups.last_mut() {
                Some(last) if bytes.saturating_add(size) <= RUN_BYTES => {
                    last.push(*row_group);
                    bytes = bytes.saturating_add(size);
                }
                _ => {
                    groups.push(vec![*row_group]);
                    bytes = size;
                }
            }
        }
        let runs = groups.into_iter().map(|kept| {
            Ok(Run {
                plan: Arc::clone(&self.plan),
                part: Arc::clone(&self.part),
                file: self.file.with_row_groups(&kept)?,
                info: self.info.clone(),
                columns: columns.clone(),
            })
        });
        runs.collect()
    }
}

/// Neighbouring row groups of one part.
#[derive(Debug)]
pub(crate) struct Run {
    plan: Arc<Plan>,
    part: Arc<PartPlan>,
    file: ParquetFile,
    info: ObjectInfo,
    columns: Option<Vec<String>>,
}

impl Run {
    /// Fetches and decodes it.
    pub(crate) async fn load(self) -> Result<Vec<RecordBatch>> {
        let columns = self.columns.as_deref();
        let file = if self.file.whole().is_some() {
            self.file.clone()
        } else {
            let ranges = self.file.column_ranges(columns)?;
            let (store, path) = (&self.plan.store, &self.part.path);
            let bytes = store.get_ranges(path, &ranges).await?;
            if !has_a_name_of_its_own(path) {
                let now = store.head(path).await?;
                if !is_same(&now, &self.info) {
                    return Err(self.plan.replaced());
                }
            }
            let starts = ranges.iter().map(|range| range.start);
            self.file.clone().with_ranges(starts.zip(bytes).collect())
        };
        let fields = file.schema().fields().iter().enumerate();
        let is_kept = |name: &String| columns.is_none_or(|columns| columns.contains(name));
        let kept: Vec<usize> = fields
            .filter_map(|(index, field)| is_kept(field.name()).then_some(index))
            .collect();
        let table = file.decode(columns)?;
        let mut batches = Vec::with_capacity(table.batches().len());
        for batch in table.into_batches() {
            let batch = if self.plan.is_exact && !self.part.filter.is_empty() {
                let rows = self.part.filter.rows(&batch)?;
                filter_record_batch(&batch, &rows).map_err(inconsistent)?
            } else {
                batch
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let columns = &self.plan.partition_columns;
            let batch = hive::restored(&batch, &kept, columns, &self.part.values)?;
            batches.push(projected(batch, self.plan.columns.as_deref())?);
        }
        Ok(batches)
    }
}

impl Plan {
    async fn open(&self, part: &PartPlan) -> Result<(ParquetFile, ObjectInfo)> {
        let store = &self.store;
        if self.columns.is_none() && part.filter.is_empty() {
            let opened = store.open(&part.path, ReadRange::All).await?;
            let info = opened.info().clone();
            if info.size <= WHOLE_PART_BYTES {
                return Ok((ParquetFile::open(opened.bytes().await?)?, info));
            }
        }
        let end = store
            .open(&part.path, ReadRange::Suffix(TAIL_BYTES))
            .await?;
        let info = end.info().clone();
        let mut tail = end.bytes().await?;
        if tail.len() as u64 == info.size {
            return Ok((ParquetFile::open(tail)?, info));
        }
        let needed = footer_len(&tail)?;
        if needed > tail.len() {
            let suffix = ReadRange::Suffix(needed as u64);
            tail = store.read_range(&part.path, suffix).await?;
        }
        Ok((ParquetFile::open_tail(info.size, tail)?, info))
    }

    /// The columns to decode: those asked for and those that the filter looks at.
    fn columns_of_part(
        &self,
        file: &ParquetFile,
        filter: &Filter,
    ) -> Result<Option<Vec<String>>, SerializeError> {
        let Some(columns) = &self.columns else {
            return Ok(None);
        };
        let is_folder = |name: &String| {
            let mut folders = self.partition_columns.iter();
            folders.any(|column| column.name == *name)
        };
        let mut names: Vec<String> = columns
            .iter()
            .filter(|name| !is_folder(name))
            .cloned()
            .collect();
        if self.is_exact {
            names.extend(filter.columns());
        }
        names.dedup();
        // A name that is not there is told before anything is fetched.
        file.column_ranges(Some(&names))?;
        Ok(Some(names))
    }

    fn replaced(&self) -> DatasetError {
        DatasetError::Replaced {
            key: self.key.clone(),
            backend: self.backend.clone(),
        }
    }
}

/// A name of a generation is given once; `data.parquet` comes again after a deletion, and with
/// every overwrite of the pure-Python package.
pub(crate) fn has_a_name_of_its_own(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    part_origin(name) == Some(PartOrigin::Generation)
}

fn is_same(one: &ObjectInfo, other: &ObjectInfo) -> bool {
    (one.size, &one.etag, one.modified) == (other.size, &other.etag, other.modified)
}

/// The named columns, in the order of the table; all when none are named.
fn projected(batch: RecordBatch, columns: Option<&[String]>) -> Result<RecordBatch> {
    let Some(columns) = columns else {
        return Ok(batch);
    };
    let fields = batch.schema_ref().fields().iter().enumerate();
    let kept: Vec<usize> = fields
        .filter(|(_, field)| columns.contains(field.name()))
        .map(|(index, _)| index)
        .collect();
    if kept.len() == batch.num_columns() {
        return Ok(batch);
    }
    Ok(batch.project(&kept).map_err(inconsistent)?)
}

fn inconsistent(error: arrow_schema::ArrowError) -> SerializeError {
    SerializeError::Decode {
        format: "Parquet",
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}
