//! A part that the caller encodes and sends in pieces.

use bytes::Bytes;
use remote_store_core::{ObjectWriter, WriteOptions};

use crate::error::Result;
use crate::writer::DatasetWriter;

/// A part on its way to storage; begun with [`DatasetWriter::begin_part`], and a part of the
/// dataset once [`finish`](Self::finish) has told its rows to the writer.
#[derive(Debug)]
pub struct PartUpload {
    name: String,
    upload: Box<dyn ObjectWriter>,
}

impl PartUpload {
    /// Sends the next bytes of the Parquet file.
    ///
    /// # Errors
    /// [`DatasetError::Store`](crate::DatasetError::Store) when the store fails; the part is to
    /// be [aborted](Self::abort) then.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        Ok(self.upload.write(bytes).await?)
    }

    /// Ends the part, a whole Parquet file of `rows` rows by now.
    ///
    /// # Errors
    /// [`DatasetError::Conflict`](crate::DatasetError::Conflict) when another first writer gave
    /// its part the same name meanwhile, and
    /// [`DatasetError::Store`](crate::DatasetError::Store) when the store fails.
    pub async fn finish(self, writer: &mut DatasetWriter, rows: u64) -> Result<()> {
        let finished = self.upload.finish().await;
        finished.map_err(|error| writer.lost(error.into()))?;
        writer.note_part(self.name, rows);
        Ok(())
    }

    /// Gives up; what was sent is cleaned up.
    pub async fn abort(self) {
        let _given_up_anyway = self.upload.abort().await;
    }
}

impl DatasetWriter {
    /// Begins a part that is sent in pieces, because it is large; see
    /// [`add_part`](Self::add_part) for small ones.
    ///
    /// # Errors
    /// As [`PartUpload::finish`].
    ///
    /// ```
    /// use bytes::Bytes;
    /// use remote_store_core::{Store, runtime};
    /// use remote_store_parquet_dataset::{DatasetStore, WriteDatasetOptions};
    ///
    /// let datasets = DatasetStore::new(Store::memory());
    /// runtime::block_on(datasets.store().driver(), async {
    ///     let mut writer = datasets.begin("t", WriteDatasetOptions::default()).await?;
    ///     let mut part = writer.begin_part().await?;
    ///     part.write(Bytes::from_static(b"PAR1")).await?;
    ///     part.write(Bytes::from_static(b"...PAR1")).await?;
    ///     part.finish(&mut writer, 3).await?;
    ///     let manifest = writer.commit().await?;
    ///     assert_eq!((manifest.parts, manifest.row_count), (vec!["data.parquet".to_owned()], 3));
    ///
    ///     // Nothing is left of a part that is given up.
    ///     let mut writer = datasets.begin("u", WriteDatasetOptions::default()).await?;
    ///     let mut part = writer.begin_part().await?;
    ///     part.write(Bytes::from_static(b"PAR1")).await?;
    ///     part.abort().await;
    ///     writer.abort().await;
    ///     assert!(!datasets.store().is_folder("u").await?);
    ///     Ok::<(), remote_store_parquet_dataset::DatasetError>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_part(&mut self) -> Result<PartUpload> {
        let is_only =
            self.options.max_rows_per_file.is_none() && self.options.max_bytes_per_file.is_none();
        let is_first = !self.has_parts();
        let name = self.reserve("", is_only && is_first).await?;
        let (store, path) = (self.store(), self.path(&name));
        let upload = store.writer(&path, &WriteOptions::create()).await;
        let upload = upload.map_err(|error| self.lost(error.into()))?;
        Ok(PartUpload { name, upload })
    }
}
