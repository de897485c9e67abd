"""What is done around each operation of a store: it is logged, and the backend has to be able to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from remote_store._capabilities import Capability
from remote_store._core import Core, PathLike, as_text

if TYPE_CHECKING:
    from remote_store._backend import Backend

__all__ = ["Operations"]

_log = logging.getLogger("remote_store")


class Operations:
    """The base of a `Store`: a backend, and the core that reaches its root."""

    _backend: Backend
    _core: Core

    def _require(self, capability: Capability) -> None:
        self._backend.capabilities.require(capability, backend=self._core.backend_name)

    def _begin(self, op: str, path: PathLike) -> str:
        key = as_text(path)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s path=%r", op, key, extra=self._log_fields(op, key))
        return key

    def _done(self, op: str, key: str) -> None:
        if _log.isEnabledFor(logging.INFO):
            _log.info("%s complete path=%r", op, key, extra=self._log_fields(op, key))

    def _log_fields(self, op: str, key: str) -> dict[str, str]:
        return {"op": op, "path": key, "backend": self._core.backend_name}
