//! Reading a dataset: whole, or as a stream of batches in bounded memory.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use remote_store_serializers::parquet::{Condition, Filter};
use remote_store_serializers::{SerializeError, Table};

use crate::error::{DatasetError, Result};
use crate::generation::Generation;
use crate::hive;
use crate::layout::Layout;
use crate::manifest::DatasetManifest;
use crate::read_options::ReadDatasetOptions;
use crate::run::{OpenedPart, PartPlan, Plan, Run};
use crate::store::DatasetStore;

/// Parts opened ahead of the one that is read.
const PARTS_AHEAD: usize = 16;
/// Runs of row groups fetched and decoded ahead of the caller.
const RUNS_AHEAD: usize = 3;
/// How often a reader that meets a removed part starts over with the new
/// manifest; more than that many commits during one read are not waited for.
const READ_TRIES: usize = 5;

/// The batches of a dataset, all of one generation and in order.
pub struct DatasetBatches {
    manifest: DatasetManifest,
    schema: SchemaRef,
    stream: BoxStream<'static, Result<RecordBatch>>,
}

impl std::fmt::Debug for DatasetBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatasetBatches")
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

impl DatasetBatches {
    /// The manifest of the generation that is read.
    pub fn manifest(&self) -> &DatasetManifest {
        &self.manifest
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch; `None` after the last.
    ///
    /// # Errors
    /// As [`DatasetStore::read`]; [`DatasetError::Replaced`] when another writer removed a part
    /// that was still to come. No batch of another generation is ever given.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        self.stream.next().await
    }

    /// The batches as a stream.
    pub fn into_stream(self) -> BoxStream<'static, Result<RecordBatch>> {
        self.stream
    }
}

impl DatasetStore {
    /// Reads a whole dataset, or the named columns of it (DAG-017).
    ///
    /// # Errors
    /// [`DatasetError::Incomplete`] when the marker or a part is missing;
    /// [`DatasetError::NotFound`] when the manifest is;
    /// [`DatasetError::ManifestCorrupted`] when it cannot be used or its row count
    /// is wrong; [`DatasetError::At`] for an unknown column or a damaged part;
    /// [`DatasetError::Replaced`] when writers replace it again and again.
    pub async fn read(&self, key: &str, columns: Option<&[String]>) -> Result<Table> {
        let options = ReadDatasetOptions {
            columns: columns.map(<[String]>::to_vec),
            ..ReadDatasetOptions::default()
        };
        self.read_where(key, &options).await
    }

    /// Reads the rows and columns that the options name.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    /// use remote_store_core::{Store, runtime};
    /// use remote_store_parquet_dataset::{DatasetStore, ReadDatasetOptions, WriteDatasetOptions};
    /// use remote_store_serializers::Table;
    /// use remote_store_serializers::parquet::{Comparison, Condition, Filter, FilterValue};
    ///
    /// let years: ArrayRef = Arc::new(Int64Array::from(vec![2012, 2013, 2013]));
    /// let delays: ArrayRef = Arc::new(Int64Array::from(vec![7, 11, -4]));
    /// let flights = Table::from(RecordBatch::try_from_iter([("year", years), ("delay", delays)])?);
    /// let datasets = DatasetStore::new(Store::memory());
    /// runtime::block_on(datasets.store().driver(), async {
    ///     let by_year = WriteDatasetOptions::default().with_partition_by(["year"]);
    ///     let manifest = datasets.write("flights", flights.reader(), by_year).await?;
    ///     assert!(manifest.parts[1].starts_with("year=2013/part-00001-"));
    ///
    ///     // The folder of 2012 is not looked at.
    ///     let year = Condition::new("year", Comparison::Equal, FilterValue::Int(2013));
    ///     let late = Condition::new("delay", Comparison::Greater, FilterValue::Int(0));
    ///     let options = ReadDatasetOptions::default().with_filter(Filter::all([year, late]));
    ///     assert_eq!(datasets.read_where("flights", &options).await?.num_rows(), 1);
    ///     Ok::<(), remote_store_parquet_dataset::DatasetError>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn read_where(&self, key: &str, options: &ReadDatasetOptions) -> Result<Table> {
        let mut tries = 0;
        loop {
            let batches = self.read_batches(key, options).await?;
            let schema = SchemaRef::clone(batches.schema());
            match batches.into_stream().try_collect().await {
                Ok(batches) => return Ok(Table::try_new(schema, batches)?),
                Err(DatasetError::Replaced { .. }) if tries < READ_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a dataset as a stream of batches, which are fetched and decoded some way ahead.
    ///
    /// What is in memory is bounded, however large the dataset and its parts are. All batches
    /// are of the generation that the manifest named in the beginning. Parts are not pinned: a
    /// writer that replaces the dataset removes them, and the stream then ends with
    /// [`DatasetError::Replaced`], never with rows of another generation.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_batches(
        &self,
        key: &str,
        options: &ReadDatasetOptions,
    ) -> Result<DatasetBatches> {
        let layout = Layout::new(key)?;
        let mut tries = 0;
        loop {
            let manifest = self.committed_manifest(&layout).await?;
            let opened = self.open_batches(&layout, manifest.clone(), options).await;
            match opened {
                Err(DatasetError::Replaced { .. }) if tries < READ_TRIES => tries += 1,
                other => return other,
            }
        }
    }

    async fn open_batches(
        &self,
        layout: &Layout,
        manifest: DatasetManifest,
        options: &ReadDatasetOptions,
    ) -> Result<DatasetBatches> {
        let generation = Generation {
            datasets: self.clone(),
            layout: layout.clone(),
            manifest: manifest.clone(),
        };
        let (plan, parts, all_opened) = self.plan(layout, &manifest, options)?;
        let rows = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&rows);
        let schema_only = parts.is_empty();
        let parts = if schema_only {
            // Nothing can be in it; one part tells the columns all the same.
            self.part_plans(layout, &manifest, &Filter::default(), true)?
                .into_iter()
                .take(1)
                .collect()
        } else {
            parts
        };
        let mut opened = stream::iter(parts.into_iter().enumerate())
            .map(move |(index, part)| OpenedPart::open(Arc::clone(&plan), part, index == 0))
            .buffered(PARTS_AHEAD)
            .boxed();
        let first = match opened.next().await {
            Some(Ok(first)) => first,
            Some(Err(error)) => return Err(generation.explained(error).await),
            None => return Err(self.corrupted(layout, "it names no parts".to_owned())),
        };
        let schema = first.schema()?;
        let first = stream::iter((!schema_only).then_some(Ok(first)));
        let columns = SchemaRef::clone(&schema);
        let batches = first
            .chain(opened)
            .and_then(move |part| {
                counted.fetch_add(part.rows(), Ordering::SeqCst);
                std::future::ready(part.fits(&columns).and_then(|()| part.runs()))
            })
            .map_ok(|runs| stream::iter(runs.into_iter().map(Ok)))
            .try_flatten()
            .map_ok(Run::load)
            .try_buffered(RUNS_AHEAD)
            .map_ok(|batches| stream::iter(batches.into_iter().map(Ok)))
            .try_flatten();
        let rows = all_opened.then_some(rows);
        let stream = generation.checked(batches.boxed(), rows);
        Ok(DatasetBatches {
            manifest,
            schema,
            stream,
        })
    }

    fn plan(
        &self,
        layout: &Layout,
        manifest: &DatasetManifest,
        options: &ReadDatasetOptions,
    ) -> Result<(Arc<Plan>, Vec<PartPlan>, bool)> {
        let parts = self.part_plans(layout, manifest, &options.filter, options.prune_only)?;
        let all_opened = parts.len() == manifest.parts.len();
        let mut asked = options.columns.clone().unwrap_or_default();
        asked.extend(options.filter.columns());
        let plan = Plan {
            store: self.store().clone(),
            backend: self.backend().to_owned(),
            key: layout.key().to_owned(),
            columns: options.columns.clone(),
            asked,
            partition_columns: manifest.partition_columns.clone().unwrap_or_default(),
            most_rows: manifest.row_count,
            is_exact: !options.prune_only,
            is_gated: options.as_pyarrow,
        };
        Ok((Arc::new(plan), parts, all_opened))
    }

    /// The parts that may hold a row that meets the filter; where a folder's value cannot be
    /// compared, that is an error unless the parts are only to be narrowed down.
    fn part_plans(
        &self,
        layout: &Layout,
        manifest: &DatasetManifest,
        filter: &Filter,
        prune_only: bool,
    ) -> Result<Vec<PartPlan>> {
        let paths = manifest.part_paths(layout, self.backend())?;
        let columns = manifest.partition_columns.as_deref().unwrap_or_default();
        let mut plans = Vec::with_capacity(paths.len());
        for (path, name) in paths.into_iter().zip(&manifest.parts) {
            let values =
                hive::values_of(name, columns).map_err(|reason| self.corrupted(layout, reason))?;
            let names = columns.iter().map(|column| column.name.as_str());
            let known = one_row(names, &values);
            let refused = Cell::new(None);
            let decide = |condition: &Condition| match decided(known.as_ref(), condition)? {
                Ok(holds) => Some(holds),
                Err(error) => {
                    refused.set(Some(error));
                    Some(true)
                }
            };
            let open = filter.decided(decide);
            if let Some(error) = refused.take().filter(|_| !prune_only) {
                return Err(error.into());
            }
            if let Some(filter) = open {
                plans.push(PartPlan {
                    path,
                    values,
                    filter,
                });
            }
        }
        Ok(plans)
    }

    /// The manifest and the bytes of its parts, in order and of one generation.
    ///
    /// # Errors
    /// As [`read`](Self::read), but nothing is decoded.
    pub async fn read_parts(&self, key: &str) -> Result<(DatasetManifest, Vec<Bytes>)> {
        let layout = Layout::new(key)?;
        let mut tries = 0;
        loop {
            let manifest = self.committed_manifest(&layout).await?;
            let paths = manifest.part_paths(&layout, self.backend())?;
            let parts = self.store().read_many(paths, PARTS_AHEAD);
            let generation = Generation {
                datasets: self.clone(),
                layout: layout.clone(),
                manifest: manifest.clone(),
            };
            let parts = generation.checked(parts.map_err(DatasetError::from).boxed(), None);
            match parts.try_collect().await {
                Ok(parts) => return Ok((manifest, parts)),
                Err(DatasetError::Replaced { .. }) if tries < READ_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

fn one_row<'a>(names: impl Iterator<Item = &'a str>, values: &[ArrayRef]) -> Option<RecordBatch> {
    let fields = names
        .zip(values)
        .map(|(name, value)| arrow_schema::Field::new(name, value.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, values.to_vec()).ok()
}

/// What the values of a folder say about a condition; nothing about other columns.
fn decided(
    known: Option<&RecordBatch>,
    condition: &Condition,
) -> Option<Result<bool, SerializeError>> {
    let known = known?;
    known.column_by_name(&condition.column)?;
    let rows = Filter::all([condition.clone()]).rows(known);
    Some(rows.map(|rows| rows.true_count() == 1))
}
