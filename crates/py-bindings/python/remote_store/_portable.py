"""Stores by URL, out of and into other libraries, copied and pickled."""

from __future__ import annotations

import copy
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from remote_store import _native
from remote_store._secret import Secret

if TYPE_CHECKING:
    from remote_store._backend import Backend
    from remote_store._core import Core

__all__ = ["Portable"]


class Portable:
    """How a `Store` is named by a URL, exchanged with obstore, copied and pickled.

    A copy shares the backend and does not close it. A pickle holds the configuration, credentials
    included: guard it like them.
    """

    _backend: Backend
    _core: Core
    _owns_backend: bool

    def __init__(self, backend: Backend, root_path: Any = "") -> None:  # pragma: no cover - the store's own
        raise NotImplementedError

    def close(self) -> None:  # pragma: no cover - the store's own
        """Release what the backend holds, when the store owns it."""
        raise NotImplementedError

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Open the store that a URL names, or the absolute path of a folder.

        Schemes: ``s3``, ``s3a``, ``gs``, ``gcs``, ``az``, ``azure``, ``abfs``, ``abfss``, ``wasb``,
        ``wasbs``, ``file``, ``memory``, ``sftp``, ``http``, ``https`` (read-only; hosts of Azure's
        storage accounts are Azure) and ``fsspec+<protocol>``. Names are taken as they stand, ``%``
        included, except in ``file`` and ``http`` URLs.

        Args:
            url: Where the store is. A query gives options, e.g. ``?region_name=eu-central-1``.
            options: Further options of the backend, such as credentials.

        Raises:
            TypeError: The URL is no str.
            ValueError: The scheme is not known, the URL lacks something, an option is not valid or is
                given twice. The message never repeats the URL, in which a credential may stand.

        Examples:
            >>> from remote_store import Store
            >>> Store.from_url("s3://lake/raw", key="AKIA", secret="s3cr3t")
            Store(backend='s3', root_path='raw')
            >>> Store.from_url("s4://lake")
            Traceback (most recent call last):
            ...
            ValueError: Unknown URL scheme 's4'. Known schemes: abfs, ... Did you mean 's3'?
        """
        from remote_store._registry import create_backend

        if not isinstance(url, str):
            raise TypeError(f"url must be a str, got {type(url).__name__}")
        backend_type, found, root_path = _native.parse_url(url)
        for name in options:
            if name in found:
                raise ValueError(f"Option '{name}' is given twice, in the URL and beside it; give it once")
        base_url = found.get("base_url")
        if isinstance(base_url, Secret):
            # The constructor of the backend takes a login out of its URL itself.
            found["base_url"] = base_url.reveal()
        return cls(create_backend(backend_type, found | options), root_path)

    @classmethod
    def from_obstore(cls, store: Any, root_path: str = "") -> Self:
        """Make a store of the place that a store of obstore names; ``Store(obstore_store)`` does it too.

        Those of S3, Azure, Google Cloud and local folders are rebuilt natively when their configuration
        says everything; others (memory, credential providers) are called as they are.

        Raises:
            TypeError: It is no store of obstore.
        """
        from remote_store._obstore import is_obstore

        if not is_obstore(store):
            raise TypeError(f"from_obstore takes a store of obstore, got {type(store).__name__}")
        return cls(store, root_path)

    def to_obstore(self) -> Any:
        """Make a store of obstore for the same place, credentials handed over.

        Raises:
            ImportError: obstore is not installed.
            CapabilityNotSupported: The backend has no counterpart there.
        """
        from remote_store._obstore import to_obstore

        return to_obstore(self._backend, self._core.root_path)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(backend={self._core.backend_name!r}, root_path={self._core.root_path!r})"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made._owns_backend = False  # noqa: SLF001 - our own copy
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        if made._backend is self._backend:  # noqa: SLF001 - our own copy
            made._owns_backend = False  # noqa: SLF001 - our own copy
        return made

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        core = state.pop("_core")
        state["_root_path"] = core.root_path
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        from remote_store._core import core_over

        fields = dict(state)
        root_path = fields.pop("_root_path")
        self.__dict__.update(fields)
        self._core = core_over(self._backend, root_path)
