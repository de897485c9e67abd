//! How logs are kept beyond what Dagster's own managers know: segments, and compressed at rest.

use crate::LogStore;

/// How a log is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// As it was written; a finished log is the object that every reader of Dagster's layout knows.
    #[default]
    None,
    /// With zstd, in frames that can be read alone; a finished log ends in `.out.zst`.
    #[cfg(feature = "zstd")]
    Zstd {
        /// From 1, fast, to 22, small.
        level: i32,
    },
}

/// The level that costs about as much time as writing the log does.
#[cfg(feature = "zstd")]
pub const DEFAULT_ZSTD_LEVEL: i32 = 3;

impl Compression {
    /// Zstd at [`DEFAULT_ZSTD_LEVEL`].
    #[cfg(feature = "zstd")]
    pub fn zstd() -> Self {
        Self::Zstd {
            level: DEFAULT_ZSTD_LEVEL,
        }
    }

    pub(crate) fn level(self) -> Option<i32> {
        match self {
            Self::None => None,
            #[cfg(feature = "zstd")]
            Self::Zstd { level } => Some(level),
        }
    }
}

impl LogStore {
    /// Keeps running logs as segments, each with what was added since the last upload, so that
    /// writing costs the log once and not once for each upload; `compression` applies to them
    /// and to the final object.
    ///
    /// Such a store reads what one without streaming wrote. The other way round, finished logs
    /// are read when they are not compressed; segments of running ones are not seen.
    ///
    /// ```
    /// use remote_store_compute_log::{Compression, LogStore};
    /// use remote_store_core::{Store, runtime};
    /// use remote_store_dagster_paths::{IoType, LogKey};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster").with_streaming(Compression::zstd());
    /// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
    /// let dir = tempfile::tempdir()?;
    /// let out = dir.path().join("step_a.out");
    /// runtime::block_on(logs.store().driver(), async {
    ///     std::fs::write(&out, "one\n").unwrap();
    ///     logs.upload(&key, IoType::Stdout, &out, true).await?;
    ///     std::fs::write(&out, "one\ntwo\n").unwrap();
    ///     logs.upload(&key, IoType::Stdout, &out, true).await?; // four bytes of log
    ///     let running = logs.read_chunk(&key, IoType::Stdout, 4, 1024).await?;
    ///     assert_eq!((&running.data[..], running.complete), (&b"two\n"[..], false));
    ///
    ///     logs.finish(&key, &[(IoType::Stdout, &out)]).await.into_result()?;
    ///     let all = logs.read_chunk(&key, IoType::Stdout, 0, 1024).await?;
    ///     assert_eq!((&all.data[..], all.complete), (&b"one\ntwo\n"[..], true));
    ///
    ///     // Another store of the plain kind does not know the compressed object.
    ///     let plain = LogStore::new(logs.store().clone(), "dagster");
    ///     assert!(!plain.has_logs(&key, IoType::Stdout, false).await?);
    ///     Ok::<(), remote_store_compute_log::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_streaming(mut self, compression: Compression) -> Self {
        self.streaming = Some(compression);
        self
    }

    /// The forms in which a finished log may be here, the likelier one first.
    pub(crate) fn final_forms(&self) -> &'static [Form] {
        match self.streaming {
            None => &[Form::Plain],
            Some(compression) if compression.level().is_none() => &[Form::Plain, Form::Compressed],
            Some(_) => &[Form::Compressed, Form::Plain],
        }
    }

    /// The form in which this store writes finished logs.
    pub(crate) fn written_form(&self) -> Form {
        match self.level() {
            Some(_) => Form::Compressed,
            None => Form::Plain,
        }
    }

    pub(crate) fn level(&self) -> Option<i32> {
        self.streaming.and_then(Compression::level)
    }
}

/// How a final object is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Compressed,
}

impl Form {
    /// The path of the object, from the path of the plain one.
    pub(crate) fn path(self, final_path: &str) -> String {
        match self {
            Self::Plain => final_path.to_owned(),
            Self::Compressed => format!("{final_path}{}", crate::segments::COMPRESSED_SUFFIX),
        }
    }
}
