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

__all__ = [
    "AlreadyExists",
    "Backend",
    "BackendConfig",
    "BackendUnavailable",
    "Capability",
    "CapabilityNotSupported",
    "CapabilitySet",
    "Conflict",
    "ContentDigest",
    "DirectoryNotEmpty",
    "FileInfo",
    "FolderEntry",
    "FolderInfo",
    "InvalidPath",
    "NotFound",
    "PathEntry",
    "PermissionDenied",
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
    "StoreProfile",
    "WriteResult",
    "__version__",
    "register_backend",
    "resolve_env",
]

_logging.getLogger("remote_store").addHandler(_logging.NullHandler())
