"""A traced app, from a caller's header to the spans of its author's code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.local_run import LocalRun
from tests.project_files import write_project
from tests.server.receiver import Receiver, receiver

Serve = Callable[..., LocalRun]

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
CONFIG = f"""
    build:
      python_version: "{sys.version_info.major}.{sys.version_info.minor}"
    predict: predict.py:Predictor
    environment:
      - OTEL_EXPORTER_OTLP_ENDPOINT={{url}}/ok/collector
    observability:
      traces:
        enabled: true
"""
APP = """
    import cogfal

    App = cogfal.App.from_cog(
        "cog.yaml", environment="shared", isolate={isolate}, allow_private_hosts=True
    )
"""
PREDICT = """
    from cog import BasePredictor, current_scope
    from opentelemetry import trace

    tracer = trace.get_tracer("author")

    class Predictor(BasePredictor):
        {kind} predict(self, name: str) -> str:
            with tracer.start_as_current_span(name):
                return current_scope().context["traceparent"]
"""
TELEMETRY = """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry import trace

    def create_tracer_provider():
        provider = TracerProvider(resource=Resource.create({{"service.name": "author's"}}))
        exporter = OTLPSpanExporter("{url}/ok/author")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        return provider

    def configure_instrumentation():
        with trace.get_tracer("author").start_as_current_span("instrumented"):
            pass
"""


@pytest.fixture
def collector() -> Iterator[Receiver]:
    """What spans and webhooks are sent to."""
    with receiver() as running:
        yield running


def spans(collector: Receiver, path: str) -> dict[str, list[Span]]:
    """Return what came to a path, by name."""
    found: dict[str, list[Span]] = {}
    for request in collector.at(path):
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    found.setdefault(span.name, []).append(span)
    return found


@pytest.mark.parametrize(
    "case",
    [(False, "def", True), (True, "def", False), (True, "async def", True)],
    ids=["shared, telemetry.py", "own", "own, async, telemetry.py"],
)
def test_the_author_s_spans_continue_the_caller_s_trace(
    case: tuple[bool, str, bool], tmp_path: Path, serve: Serve, collector: Receiver
) -> None:
    """Those of cogfal's server lie between; webhooks carry the trace on."""
    isolate, kind, own = case
    config = CONFIG.format(url=collector.url) + ("      config: telemetry.py\n" if own else "")
    project = write_project(
        tmp_path / "project",
        cog_yaml=config,
        app_py=APP.format(isolate=isolate),
        predict_py=PREDICT.format(kind=kind),
        telemetry_py=TELEMETRY.format(url=collector.url),
    )
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    hook = {"webhook": f"{collector.url}/ok/hook", "webhook_events_filter": ["completed"]}

    with serve("app.py::App", cwd=project) as run, httpx.Client(base_url=run.url) as client:
        flat = client.post("/", json={"name": "flat"}, headers=headers).json()
        body = {"input": {"name": "cog"}, **hook}
        enveloped = client.post("/predictions", json=body, headers=headers).json()
        (told,) = collector.wait_for_end("/ok/hook")
        run.stop()

    ours = spans(collector, "/ok/collector/v1/traces")
    authors = spans(collector, "/ok/author") if own else ours
    assert len(ours["cog.prediction"]) == 2
    for name, told_author in (("flat", flat["output"]), ("cog", enveloped["output"])):
        (span,) = authors[name]
        (whole,) = (s for s in ours["cog.prediction"] if s.span_id == span.parent_span_id)
        assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, PARENT)
        assert told_author == f"00-{TRACE}-{whole.span_id.hex()}-01"
    assert told.headers["traceparent"] == enveloped["output"]
    assert len(authors.get("instrumented", ())) == own
