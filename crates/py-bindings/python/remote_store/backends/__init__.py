"""The backends that stores stand on."""

from remote_store.backends._azure import AzureBackend
from remote_store.backends._fsspec import FsspecBackend
from remote_store.backends._gcs import GCSBackend
from remote_store.backends._http import ReadOnlyHttpBackend
from remote_store.backends._local import LocalBackend
from remote_store.backends._memory import MemoryBackend
from remote_store.backends._s3 import S3Backend
from remote_store.backends._sftp import HostKeyPolicy, SFTPBackend, SFTPUtils

# Two ways to the same service there; here there is one.
S3PyArrowBackend = S3Backend

__all__ = [
    "AzureBackend",
    "FsspecBackend",
    "GCSBackend",
    "HostKeyPolicy",
    "LocalBackend",
    "MemoryBackend",
    "ReadOnlyHttpBackend",
    "S3Backend",
    "S3PyArrowBackend",
    "SFTPBackend",
    "SFTPUtils",
]
