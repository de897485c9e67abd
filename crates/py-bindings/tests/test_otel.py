"""Spans and metrics of store operations."""

import pytest

pytest.importorskip("opentelemetry.sdk", reason="these tests use OpenTelemetry's SDK")


from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from remote_store import NotFound, ProxyStore, observe
from remote_store.ext.otel import otel_hooks, otel_observe


class Telemetry:
    def __init__(self):
        self._spans = InMemorySpanExporter()
        self._provider = TracerProvider()
        self._provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider(metric_readers=[self._reader])
        self.tracer = self._provider.get_tracer("test")
        self.meter = self._meters.get_meter("test")

    def spans(self):
        return self._spans.get_finished_spans()

    def points(self, name):
        (resource,) = self._reader.get_metrics_data().resource_metrics
        metrics = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
        return {tuple(point.attributes.items()): point for point in metrics[name].data.data_points}


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
def store(memory, telemetry):
    return otel_observe(memory, tracer=telemetry.tracer, meter=telemetry.meter)


def test_an_operation_is_a_client_span_with_its_path(store, telemetry):
    with telemetry.tracer.start_as_current_span("step"):
        store.write("a/b", b"123")
    span, step = telemetry.spans()
    assert (span.name, span.kind) == ("store.write", SpanKind.CLIENT)
    assert dict(span.attributes) == {
        "remote_store.operation": "write",
        "remote_store.backend": "memory",
        "remote_store.path": "a/b",
    }
    assert span.parent.span_id == step.context.span_id
    assert span.status.status_code is StatusCode.UNSET


def test_a_failure_is_recorded_once_in_the_span(store, telemetry):
    with pytest.raises(NotFound):
        store.read_bytes("none")
    (span,) = telemetry.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "NotFound"
    assert [event.name for event in span.events] == ["exception"]
    assert "File not found: none" in span.events[0].attributes["exception.message"]


def test_operations_are_counted_and_timed_without_paths(store, telemetry):
    store.write("a", b"1")
    for _ in range(2):
        store.read_bytes("a")
    with pytest.raises(NotFound):
        store.read_bytes("none")
    with store.read("a") as file:
        file.read()
    read = (("operation", "read_bytes"), ("backend", "memory"))
    counts = telemetry.points("remote_store.operations")
    assert counts[(*read, ("status", "ok"))].value == 2
    assert counts[(*read, ("status", "error"))].value == 1
    assert counts[(("operation", "read"), ("backend", "memory"), ("status", "ok"))].value == 1
    assert telemetry.points("remote_store.operation.duration")[read].count == 2
    assert telemetry.points("remote_store.errors")[(*read, ("error.type", "NotFound"))].value == 1


def test_no_credential_leaves_in_a_span(memory, telemetry):
    class Leaky(ProxyStore):
        def read_bytes(self, path):
            raise ValueError("GET https://user:hunter2@127.0.0.1/a?X-Amz-Signature=hunter2hunter2")

    store = otel_observe(Leaky(memory), tracer=telemetry.tracer, meter=telemetry.meter)
    with pytest.raises(ValueError, match="GET"):
        store.read_bytes("a")
    assert "hunter2" not in telemetry.spans()[0].to_json()


def test_the_hooks_can_stand_beside_others(memory, telemetry):
    hooks = otel_hooks(tracer=telemetry.tracer, meter=telemetry.meter)
    assert hooks.keys() == {"around", "on_any"}
    seen = []
    store = observe(memory, **hooks, on_write=seen.append)
    store.write("a", b"")
    assert len(seen) == len(telemetry.spans()) == 1


def test_without_a_provider_nothing_happens(memory):
    store = otel_observe(memory)
    store.write("a", b"1")
    assert store.read_bytes("a") == b"1"
