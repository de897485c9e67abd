"""Spans and metrics of store operations, through OpenTelemetry.

Examples::

    from remote_store.ext.otel import otel_observe

    store = otel_observe(store)

Raises:
    ModuleNotFoundError: On import, when the API of OpenTelemetry is not installed.
"""

from __future__ import annotations

try:
    from opentelemetry import metrics as _metrics
    from opentelemetry import trace as _trace
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "OpenTelemetry is required for remote_store.ext.otel. "
        "Install it with: pip install 'remote-store[otel]'",
        name=error.name,
    ) from error

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from remote_store._native import masking
from remote_store._store import Store
from remote_store.ext.observe import ObservedStore, StoreEvent, observe

__all__ = ["otel_hooks", "otel_observe"]


def otel_hooks(
    *,
    tracer_name: str = "remote_store",
    meter_name: str = "remote_store",
    tracer: Any | None = None,
    meter: Any | None = None,
) -> dict[str, Any]:
    """Make the hooks that `observe` takes, to be merged with others: ``observe(store, **otel_hooks())``.

    Each operation is a client span ``store.<operation>`` with the attributes ``remote_store.operation``,
    ``remote_store.backend`` and ``remote_store.path``. Counted are ``remote_store.operations`` and
    ``remote_store.errors``, timed is ``remote_store.operation.duration`` in seconds; a file or a listing
    counts when it is closed. Texts of errors go out with credentials masked.

    Args:
        tracer_name: The name of the tracer to get.
        meter_name: The name of the meter to get.
        tracer: A tracer to use instead.
        meter: A meter to use instead.

    Returns:
        ``{"around": …, "on_any": …}``.
    """
    used_tracer: Any = _trace.get_tracer(tracer_name) if tracer is None else tracer
    used_meter: Any = _metrics.get_meter(meter_name) if meter is None else meter
    return {"around": _spans(used_tracer), "on_any": _counts(used_meter)}


def _spans(tracer: Any) -> Callable[[str, str, str], AbstractContextManager[None]]:
    @contextmanager
    def around(operation: str, path: str, backend: str) -> Iterator[None]:
        attributes = {
            "remote_store.operation": operation,
            "remote_store.backend": backend,
            "remote_store.path": path,
        }
        with tracer.start_as_current_span(
            f"store.{operation}",
            kind=_trace.SpanKind.CLIENT,
            attributes=attributes,
            # Below, with credentials masked.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                _record(span, error)
                raise

    return around


def _record(span: Any, error: BaseException) -> None:
    kind = type(error).__name__
    message = masking.redact_text(str(error))
    trail = masking.redact_text("".join(traceback.format_exception(error)))
    span.set_attribute("error.type", kind)
    span.record_exception(error, attributes={"exception.message": message, "exception.stacktrace": trail})
    span.set_status(_trace.Status(_trace.StatusCode.ERROR, f"{kind}: {message}"))


def _counts(meter: Any) -> Callable[[StoreEvent], None]:
    operations = meter.create_counter("remote_store.operations", unit="1", description="Store operations")
    failures = meter.create_counter("remote_store.errors", unit="1", description="Failed store operations")
    durations = meter.create_histogram(
        "remote_store.operation.duration", unit="s", description="How long store operations took"
    )

    def on_any(event: StoreEvent) -> None:
        # No paths: each would be a time series of its own.
        which = {"operation": event.operation, "backend": event.backend}
        failed = {} if event.error is None else {"error.type": type(event.error).__name__}
        operations.add(1, {**which, "status": "error" if failed else "ok"})
        durations.record(event.duration_ms / 1000, {**which, **failed})
        if failed:
            failures.add(1, {**which, **failed})

    return on_any


def otel_observe(
    store: Store,
    *,
    tracer_name: str = "remote_store",
    meter_name: str = "remote_store",
    tracer: Any | None = None,
    meter: Any | None = None,
) -> ObservedStore:
    """Put spans and metrics before a store; the arguments are those of `otel_hooks`."""
    hooks = otel_hooks(tracer_name=tracer_name, meter_name=meter_name, tracer=tracer, meter=meter)
    return observe(store, **hooks)
