//! The bytes of an open local file.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::runtime::yield_now;

/// One read: large enough that system calls do not count, small enough that a
/// waiting signal is answered soon.
const CHUNK_BYTES: u64 = 4 << 20;

/// An open file and how much of it is still wanted.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: File,
    remaining: u64,
    path: String,
    backend: String,
}

impl FileBody {
    /// `file` stands at the first byte wanted.
    pub(crate) fn new(file: File, remaining: u64, path: &str, backend: &str) -> Self {
        Self {
            file,
            remaining,
            path: path.to_owned(),
            backend: backend.to_owned(),
        }
    }

    fn failed(&self, err: &io::Error) -> Error {
        Error::BackendUnavailable {
            message: format!("Reading {} failed", self.path),
            path: Some(self.path.clone()),
            backend: self.backend.clone(),
            source: None,
        }
        .caused_by(err)
    }

    /// Appends at most one chunk to `out`.
    fn fill(&mut self, out: &mut Vec<u8>) -> Result<usize> {
        let want = self.remaining.min(CHUNK_BYTES);
        let got = (&self.file)
            .take(want)
            .read_to_end(out)
            .map_err(|err| self.failed(&err))?;
        if (got as u64) < want {
            // Only a foreign program changes a file in place; a part must not pass for the whole.
            self.remaining = 0;
            return Err(self.failed(&shorter()));
        }
        self.remaining -= want;
        Ok(got)
    }

    pub(crate) fn read_chunk(&mut self) -> Result<Option<Bytes>> {
        if self.remaining == 0 {
            return Ok(None);
        }
        let mut out =
            Vec::with_capacity(usize::try_from(self.remaining.min(CHUNK_BYTES)).unwrap_or(0));
        let got = self.fill(&mut out)?;
        Ok((got > 0).then(|| Bytes::from(out)))
    }

    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        let chunk = self.read_chunk()?;
        if self.remaining > 0 {
            yield_now().await;
        }
        Ok(chunk)
    }

    /// Fills `out`, which is as long as what remains.
    pub(crate) async fn read_into(self, out: &mut [u8]) -> Result<()> {
        let mut chunks = out.chunks_mut(usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX));
        while let Some(chunk) = chunks.next() {
            let read = (&self.file).read_exact(chunk);
            read.map_err(|err| self.failed(&told(err)))?;
            if chunks.len() > 0 {
                yield_now().await;
            }
        }
        Ok(())
    }

    pub(crate) async fn read_all(mut self) -> Result<Bytes> {
        let mut out = self.reserve(self.remaining)?;
        while self.remaining > 0 {
            self.fill(&mut out)?;
            if self.remaining > 0 {
                yield_now().await;
            }
        }
        Ok(Bytes::from(out))
    }

    fn reserve(&self, length: u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let room = usize::try_from(length).unwrap_or(usize::MAX);
        out.try_reserve_exact(room).map_err(|_too_large| {
            Error::unavailable(
                self.backend.clone(),
                format!(
                    "{length} bytes of {} are more than memory allows; read it as a stream",
                    self.path
                ),
            )
        })?;
        Ok(out)
    }
}

/// Parts of an open local file, wherever they lie; several threads may read at a time.
///
/// A file that is replaced stays what it was for whoever has opened it.
///
/// ```
/// use std::sync::Arc;
/// use remote_store_core::backends::{LocalBackend, LocalOptions};
/// use remote_store_core::{Prefix, Store, WriteOptions, runtime};
///
/// let folder = tempfile::tempdir()?;
/// let backend = LocalBackend::new(LocalOptions::new(folder.path()))?;
/// let store = Store::new(Arc::new(backend), Prefix::root());
/// let opened = runtime::block_on(store.driver(), async {
///     store.write("a.txt", "hello, you".into(), &WriteOptions::create()).await?;
///     store.read("a.txt").await
/// })??;
/// let parts = opened.into_file_parts().map_err(|_other| "not a file")?;
/// assert_eq!(parts.read(7..10)?, "you");
/// assert_eq!(parts.read(0..5)?, "hello");
/// assert!(parts.read(8..20).is_err());
/// parts.check_unchanged()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileParts {
    body: FileBody,
    /// What the file was when it was opened.
    opened: Option<State>,
}

/// Length and time of a file: what a program that overwrites it in place changes.
type State = (u64, Option<SystemTime>);

fn state(file: &File) -> Option<State> {
    let metadata = file.metadata().ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

impl FileParts {
    pub(super) fn new(body: FileBody) -> Self {
        Self {
            opened: state(&body.file),
            body,
        }
    }

    /// How many bytes the file has.
    pub fn size(&self) -> u64 {
        self.body.remaining
    }

    /// Whether the parts that were read are all of one content.
    ///
    /// # Errors
    /// [`Error::Conflict`] when something overwrote the file in place since it was opened.
    pub fn check_unchanged(&self) -> Result<()> {
        if self.opened.is_some() && state(&self.body.file) == self.opened {
            return Ok(());
        }
        Err(Error::conflict(&self.body.path, &self.body.backend))
    }

    /// The bytes of a range of the file; waits for the disk.
    ///
    /// # Errors
    /// [`Error::BackendUnavailable`] when the disk fails, or the file has no such range.
    pub fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let length = range.end.saturating_sub(range.start);
        if range.end > self.body.remaining {
            let none = format!("it has no bytes {} to {}", range.start, range.end);
            return Err(self.body.failed(&io::Error::other(none)));
        }
        let mut out = self.body.reserve(length)?;
        out.resize(usize::try_from(length).unwrap_or_default(), 0);
        let read = read_exact_at(&self.body.file, &mut out, range.start);
        read.map_err(|err| self.body.failed(&told(err)))?;
        Ok(Bytes::from(out))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, start)
}

/// Elsewhere a file has one place at which all its readers read.
#[cfg(not(unix))]
fn read_exact_at(mut file: &File, out: &mut [u8], start: u64) -> io::Result<()> {
    use std::io::Seek;
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(io::SeekFrom::Start(start))?;
    file.read_exact(out)
}

fn told(err: io::Error) -> io::Error {
    if err.kind() == io::ErrorKind::UnexpectedEof {
        shorter()
    } else {
        err
    }
}

fn shorter() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the file became shorter while it was read",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_becomes_shorter_while_it_is_read_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let size = 2 * CHUNK_BYTES + 1;
        file.as_file().set_len(size).unwrap();
        let mut body = FileBody::new(file.reopen().unwrap(), size, "x", "local");
        assert!(body.read_chunk().unwrap().is_some());
        file.as_file().set_len(CHUNK_BYTES + 1).unwrap();
        assert!(body.read_chunk().is_err(), "a part is not the whole");
        let body = FileBody::new(file.reopen().unwrap(), size, "x", "local");
        let mut out = vec![0; usize::try_from(size).unwrap()];
        let read =
            crate::runtime::block_on(crate::Driver::Inline, body.read_into(&mut out)).unwrap();
        let error = std::error::Error::source(&read.unwrap_err())
            .unwrap()
            .to_string();
        assert!(error.contains("became shorter"), "{error}");
    }

    #[test]
    fn parts_of_a_file_that_is_overwritten_in_place_are_a_conflict() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "hello").unwrap();
        let open = || FileParts::new(FileBody::new(File::open(&path).unwrap(), 5, "a", "local"));
        let (replaced, longer) = (open(), open());
        replaced.check_unchanged().unwrap();
        std::fs::write(&beside, "world").unwrap();
        std::fs::rename(&beside, &path).unwrap();
        assert_eq!(replaced.read(1..5).unwrap(), "ello");
        replaced.check_unchanged().unwrap();
        longer.check_unchanged().unwrap();
        let now = open();
        std::fs::write(&path, "worlds").unwrap();
        let error = now.check_unchanged().unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
    }
}
