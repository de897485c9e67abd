"""Files in any store: local folders, memory and S3 behind one interface.

Examples:
    >>> from remote_store import Store
    >>> from remote_store.backends import MemoryBackend
    >>> with Store(MemoryBackend()) as store:
    ...     _ = store.write("greeting.txt", b"hello")
    ...     store.read_text("greeting.txt")
    'hello'
"""

import logging as _logging

from remote_store._backend import Backend
from remote_store._capabilities import Capability, CapabilitySet
from remote_store._config import (
    BackendConfig,
    RegistryConfig,
    RetryPolicy,
    Secret,
    SecretRedactionFilter,
    StoreProfile,
    resolve_env,
)
from remote_store._errors import (
    AlreadyExists,
    BackendUnavailable,
    CapabilityNotSupported,
    Conflict,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RemoteStoreError,
    ResourceLocked,
)
from remote_store._info import BackendInfo, ExtensionInfo, InfoResult, info
from remote_store._models import (
    ContentDigest,
    FileInfo,
    FolderEntry,
    FolderInfo,
    PathEntry,
    ResolutionPlan,
    WriteResult,
)
from remote_store._native import __version__
from remote_store._path import RemotePath
from remote_store._proxy import ProxyStore
from remote_store._registry import Registry, register_backend
from remote_store._store import Store
from remote_store.ext.batch import BatchResult, batch_copy, batch_delete, batch_exists
from remote_store.ext.cache import CacheBackend, CachedStore, CacheStats, MemoryCache, cache
from remote_store.ext.glob import glob_files
from remote_store.ext.integrity import checksum, content_digest, verify, verify_hex
from remote_store.ext.observe import (
    BufferedObserver,
    ObservedStore,
    StoreEvent,
    observe,
    set_correlation_id,
)
from remote_store.ext.partition import ParsedPartition, parse_partition, partition_path
from remote_store.ext.streams import (
    ChecksumReader,
    ChecksumWriter,
    ProgressReader,
    ProgressWriter,
    read_with_progress,
)
from remote_store.ext.transfer import download, transfer, upload
from remote_store.ext.write import HashingAtomicWriter, open_atomic_with_hash, write_with_hash

__all__ = [
    "AlreadyExists",
    "Backend",
    "BackendConfig",
    "BackendInfo",
    "BackendUnavailable",
    "BatchResult",
    "BufferedObserver",
    "CacheBackend",
    "CacheStats",
    "CachedStore",
    "Capability",
    "CapabilityNotSupported",
    "CapabilitySet",
    "ChecksumReader",
    "ChecksumWriter",
    "Conflict",
    "ContentDigest",
    "DirectoryNotEmpty",
    "ExtensionInfo",
    "FileInfo",
    "FolderEntry",
    "FolderInfo",
    "HashingAtomicWriter",
    "InfoResult",
    "InvalidPath",
    "MemoryCache",
    "NotFound",
    "ObservedStore",
    "ParsedPartition",
    "PathEntry",
    "PermissionDenied",
    "ProgressReader",
    "ProgressWriter",
    "ProxyStore",
    "Registry",
    "RegistryConfig",
    "RemotePath",
    "RemoteStoreError",
    "ResolutionPlan",
    "ResourceLocked",
    "RetryPolicy",
    "Secret",
    "SecretRedactionFilter",
    "Store",
    "StoreEvent",
    "StoreProfile",
    "WriteResult",
    "__version__",
    "batch_copy",
    "batch_delete",
    "batch_exists",
    "cache",
    "checksum",
    "content_digest",
    "download",
    "glob_files",
    "info",
    "observe",
    "open_atomic_with_hash",
    "parse_partition",
    "partition_path",
    "read_with_progress",
    "register_backend",
    "resolve_env",
    "set_correlation_id",
    "transfer",
    "upload",
    "verify",
    "verify_hex",
    "write_with_hash",
]

_logging.getLogger("remote_store").addHandler(_logging.NullHandler())
