//! A log as a local file, all of it or none (DAG-026).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use remote_store_dagster_paths::{IoType, LogKey};

use crate::{Error, LogStore, Result};

/// Start of the names of downloads under way; hidden, and no log's name.
const STAGED_PREFIX: &str = ".remote-store-";

/// Log that is unpacked at a time.
const DOWNLOAD_CHUNK_BYTES: u64 = 8 * 1024 * 1024;

impl LogStore {
    /// Streams a log into the local file `local` and gives its size; the parent folder is made
    /// when it is missing (DAG-026).
    ///
    /// The file appears whole or not at all: whoever reads it meanwhile sees the one before.
    ///
    /// # Errors
    /// [`Error::Store`] when the log is not there or the store fails; [`Error::LocalFile`] when
    /// the file cannot be written. In both cases nothing is left behind.
    ///
    /// ```
    /// use remote_store_compute_log::LogStore;
    /// use remote_store_core::{Store, runtime};
    /// use remote_store_dagster_paths::{IoType, LogKey};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
    /// let dir = tempfile::tempdir()?;
    /// let local = dir.path().join("step_a.out");
    /// let download = logs.download(&key, IoType::Stdout, false, &local);
    /// assert!(runtime::block_on(logs.store().driver(), download)?.unwrap_err().is_not_found());
    /// assert_eq!(std::fs::read_dir(dir.path())?.count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn download(
        &self,
        key: &LogKey,
        io: IoType,
        partial: bool,
        local: &Path,
    ) -> Result<u64> {
        if self.streaming.is_some() {
            return self.download_streamed(key, io, partial, local).await;
        }
        // Opened first: a log that is not there must not leave an empty folder either.
        let mut reader = self.store.read(&self.path(key, io, partial)?).await?;
        let mut staged = Staged::beside(local)?;
        let mut size_bytes = 0;
        while let Some(chunk) = reader.next_chunk().await? {
            staged
                .file
                .write_all(&chunk)
                .map_err(Error::local("write", local))?;
            size_bytes += chunk.len() as u64;
        }
        staged.publish(local)?;
        Ok(size_bytes)
    }

    /// Chunk by chunk, whatever form the log has; a compressed one is unpacked.
    async fn download_streamed(
        &self,
        key: &LogKey,
        io: IoType,
        partial: bool,
        local: &Path,
    ) -> Result<u64> {
        let final_path = self.path(key, io, false)?;
        let mut staged = None;
        let (mut offset, mut size_bytes) = (0, 0);
        loop {
            let range = offset..offset + DOWNLOAD_CHUNK_BYTES;
            let chunk = if partial {
                self.read_running(key, io, &final_path, &range).await?
            } else {
                self.read_final(&final_path, &range).await?
            };
            let Some(chunk) = chunk else {
                // Gives the error that names what is missing.
                let path = self.path(key, io, partial)?;
                self.store.head(&path).await?;
                return Ok(size_bytes);
            };
            let staged = match &mut staged {
                Some(staged) => staged,
                empty => empty.insert(Staged::beside(local)?),
            };
            let written = staged.file.write_all(&chunk.data);
            written.map_err(Error::local("write", local))?;
            size_bytes += chunk.data.len() as u64;
            offset = chunk.next_offset;
            if chunk.complete || chunk.data.is_empty() {
                break;
            }
        }
        if let Some(staged) = staged {
            staged.publish(local)?;
        }
        Ok(size_bytes)
    }
}

/// A file under a name that nobody looks for; removed when it is dropped unpublished.
#[derive(Debug)]
struct Staged {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Staged {
    fn beside(local: &Path) -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let folder = match local.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder).map_err(Error::local("create the folder of", local))?;
        // Process id and counter: unique among the living; a dead process's file is overwritten.
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = OsString::from(format!(
            "{STAGED_PREFIX}{}-{number}.download",
            std::process::id()
        ));
        let path = folder.join(name);
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        Ok(Self {
            file: opened.map_err(Error::local("write", local))?,
            path,
            published: false,
        })
    }

    fn publish(mut self, local: &Path) -> Result<()> {
        fs::rename(&self.path, local).map_err(Error::local("write", local))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            let _nothing_more_to_do = fs::remove_file(&self.path);
        }
    }
}
