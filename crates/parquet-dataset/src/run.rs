//! A part that is being read: opened, and its row groups fetched and decoded run by run.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use remote_store_core::{ObjectInfo, ReadRange, Store};
use remote_store_serializers::parquet::{Filter, footer_len};
use remote_store_serializers::{ParquetFile, SerializeError};

use crate::difference::{check_names, difference};
use crate::error::{DatasetError, Result};
use crate::hive::{self, PartitionColumn, Repeated};
use crate::layout::{Layout, PartOrigin, part_origin};
use crate::object::{TAIL_BYTES, is_same};

/// A part up to this size is fetched in one request.
const WHOLE_PART_BYTES: u64 = 4 << 20;
/// Rows of a part at most that are made without decoding anything: nothing else shows then whether
/// the footer is forged.
const MOST_ROWS: u64 = 1 << 32;
/// Rows of a batch that was made without decoding anything.
const BATCH_ROWS: usize = 1 << 16;
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
    /// Those, and the columns that the filter looks at.
    pub(crate) asked: Vec<String>,
    pub(crate) partition_columns: Vec<PartitionColumn>,
    /// Rows of the dataset: no part has more.
    pub(crate) most_rows: u64,
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
    /// Reads the footer; what is not in the first part is not in the dataset.
    pub(crate) async fn open(plan: Arc<Plan>, part: PartPlan, is_first: bool) -> Result<Self> {
        let path = part.path.clone();
        let opened = Self::open_unnamed(plan, part, is_first).await;
        opened.map_err(|error| error.at(path))
    }

    async fn open_unnamed(plan: Arc<Plan>, part: PartPlan, is_first: bool) -> Result<Self> {
        let (file, info) = plan.open(&part).await?;
        check_names(&plan, &file, &part, is_first)?;
        plan.check_rows(&file, &part, &info).await?;
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
        let all = self.plan.without_rows(&self.file, &self.part)?;
        Ok(projected(all, self.plan.columns.as_deref())?.schema())
    }

    /// Whether its columns are those of the parts before it.
    pub(crate) fn fits(&self, columns: &SchemaRef) -> Result<()> {
        match difference(columns, &*self.schema()?) {
            None => Ok(()),
            Some(reason) => Err(DatasetError::PartsDiffer {
                path: self.part.path.clone(),
                reason,
            }),
        }
    }

    /// Row groups that are fetched together, in order.
    pub(crate) fn runs(self) -> Result<Vec<Run>> {
        let path = self.part.path.clone();
        self.runs_unnamed().map_err(|error| error.at(path))
    }

    fn runs_unnamed(self) -> Result<Vec<Run>> {
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
        let path = self.part.path.clone();
        self.load_unnamed().await.map_err(|error| error.at(path))
    }

    async fn load_unnamed(self) -> Result<Vec<RecordBatch>> {
        let columns = self.columns.as_deref();
        let file = if self.file.whole().is_some() {
            self.file.clone()
        } else {
            let ranges = self.file.column_ranges(columns)?;
            let (store, path) = (&self.plan.store, &self.part.path);
            let fetched = store.get_ranges(path, &ranges).await;
            // First: what is wrong with the ranges may be that they are another object's.
            self.plan.check_same(path, &self.info).await?;
            let bytes = fetched?;
            let starts = ranges.iter().map(|range| range.start);
            self.file.clone().with_ranges(starts.zip(bytes).collect())
        };
        let fields = file.schema().fields().iter().enumerate();
        let is_kept = |name: &String| columns.is_none_or(|columns| columns.contains(name));
        let kept: Vec<usize> = fields
            .filter_map(|(index, field)| is_kept(field.name()).then_some(index))
            .collect();
        let table = file.decode(columns)?;
        if table.num_rows() != file.num_rows() {
            let (there, said) = (table.num_rows(), file.num_rows());
            let reason = format!("its pages hold {there} rows, its footer says {said}");
            return Err(damaged(reason).into());
        }
        let mut batches = Vec::with_capacity(table.batches().len());
        let mut repeated = Repeated::new(&self.plan.partition_columns, &self.part.values);
        for batch in table.into_batches().into_iter().flat_map(of_usual_size) {
            let batch = if self.plan.is_exact && !self.part.filter.is_empty() {
                let rows = self.part.filter.rows(&batch)?;
                filter_record_batch(&batch, &rows).map_err(inconsistent)?
            } else {
                batch
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let batch = repeated.restored(&batch, &kept)?;
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
            let end = store.open(&part.path, suffix).await?;
            if !is_same(end.info(), &info) {
                return Err(self.replaced());
            }
            tail = end.bytes().await?;
        }
        Ok((ParquetFile::open_tail(info.size, tail)?, info))
    }

    /// That a part overwritten in place is not taken for damage.
    async fn check_same(&self, path: &str, info: &ObjectInfo) -> Result<()> {
        if has_a_name_of_its_own(path) || is_same(&self.store.head(path).await?, info) {
            return Ok(());
        }
        Err(self.replaced())
    }

    /// Rows that need no bytes of the part would otherwise be as many as its footer claims.
    async fn check_rows(
        &self,
        file: &ParquetFile,
        part: &PartPlan,
        info: &ObjectInfo,
    ) -> Result<()> {
        let rows = file.num_rows() as u64;
        if rows <= self.most_rows.min(MOST_ROWS) {
            return Ok(());
        }
        let most = if self.decodes_nothing(file, &part.filter)? {
            self.most_rows.min(MOST_ROWS)
        } else {
            self.most_rows
        };
        if rows <= most {
            return Ok(());
        }
        self.check_same(&part.path, info).await?;
        let path = &part.path;
        let reason = format!("{path} claims {rows} rows, of at most {most}");
        Err(DatasetError::ManifestCorrupted {
            path: Layout::new(&self.key)?.manifest(),
            backend: self.backend.clone(),
            reason,
        })
    }

    /// All columns of a part, those of its folders too.
    pub(crate) fn without_rows(&self, file: &ParquetFile, part: &PartPlan) -> Result<RecordBatch> {
        let nothing = RecordBatch::new_empty(SchemaRef::clone(file.schema()));
        let kept: Vec<usize> = (0..nothing.num_columns()).collect();
        hive::restored(&nothing, &kept, &self.partition_columns, &part.values)
    }

    fn decodes_nothing(&self, file: &ParquetFile, filter: &Filter) -> Result<bool, SerializeError> {
        let columns = self.columns_of_part(file, filter)?;
        Ok(
            columns.map_or(file.schema().fields().is_empty(), |columns| {
                columns.is_empty()
            }),
        )
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

/// A batch without columns holds all rows of its part.
fn of_usual_size(batch: RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let rows = batch.num_rows();
    let most = if batch.num_columns() == 0 {
        BATCH_ROWS
    } else {
        rows.max(1)
    };
    (0..rows)
        .step_by(most)
        .map(move |start| batch.slice(start, most.min(rows - start)))
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

fn damaged(reason: String) -> SerializeError {
    SerializeError::Decode {
        format: "Parquet",
        reason,
        source: None,
    }
}

fn inconsistent(error: arrow_schema::ArrowError) -> SerializeError {
    SerializeError::Decode {
        format: "Parquet",
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}
