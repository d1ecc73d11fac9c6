"""What is wrong with an author's `telemetry.py` fails setup, with the reason."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.util._once import Once

from cogfal.errors import SettingError
from cogfal.guest.faults import SetupFailed
from cogfal.guest.tracing import AuthorTracing
from cogfal.server.tracing import Tracing
from tests.engine.stage import ended, serving, submit

ASKED = {"COG_TRACE_CONFIGURED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.invalid"}
WRONG = {
    "no factory": ("x = 1", "it must define create_tracer_provider()"),
    "another thing": ("def create_tracer_provider(): return 3", "must return a TracerProvider"),
    "an error": ("1/0", "ZeroDivisionError"),
    "a missing package": ("import opentelemetry.nowhere", "opentelemetry.nowhere"),
}


@pytest.mark.parametrize(("text", "reason"), WRONG.values(), ids=WRONG)
def test_what_makes_no_provider_is_told(text: str, reason: str, tmp_path: Path) -> None:
    """With the name of the file; no provider is installed then."""
    (tmp_path / "telemetry.py").write_text(text)
    before = trace.get_tracer_provider()

    with pytest.raises(SetupFailed, match=r"^telemetry\.py cannot be used: ") as failed:
        AuthorTracing().start(str(tmp_path), {**ASKED, "COG_OBSERVABILITY_CONFIG": "telemetry.py"})

    assert reason in str(failed.value)
    assert trace.get_tracer_provider() is before


@pytest.fixture
def nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave OpenTelemetry as it is in a process in which nobody has installed a provider."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())


TELEMETRY = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

class Exporter(SpanExporter):
    def export(self, spans):
        with open("spans", "a") as file:
            file.writelines(f"{span.name}\\n" for span in spans)
        return SpanExportResult.SUCCESS

class Provider(TracerProvider):
    def shutdown(self):
        super().shutdown()
        LAST

def create_tracer_provider():
    provider = Provider()
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    return provider
"""
PREDICT = """
import asyncio
from cog import BasePredictor
from opentelemetry import trace

def span(name):
    with trace.get_tracer("author").start_as_current_span(name):
        pass

class Predictor(BasePredictor):
    KIND setup(self):
        span("setup")

    KIND predict(self) -> str:
        span("predict")
        return "done"

    KIND teardown(self):
        PAUSE
        span("teardown")
"""
KINDS = {"def": "pass", "async def": "await asyncio.sleep(0)"}


@pytest.mark.parametrize(("kind", "pause"), KINDS.items())
@pytest.mark.parametrize("last", ["pass", "raise OSError"])
@pytest.mark.usefixtures("nobodys")
def test_every_life_sends_all_its_spans(
    kind: str, pause: str, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teardown's, too, and also where an earlier life has ended in this process, however."""
    (tmp_path / "telemetry.py").write_text(TELEMETRY.replace("LAST", last))
    monkeypatch.chdir(tmp_path)
    for name, value in {**ASKED, "COG_OBSERVABILITY_CONFIG": "telemetry.py"}.items():
        monkeypatch.setenv(name, value)
    source = PREDICT.replace("KIND", kind).replace("PAUSE", pause)

    async def live() -> None:
        async with serving(tmp_path, source) as service:
            assert (await ended(submit(service))).error is None

    for _ in range(3):
        asyncio.run(live())

    assert (tmp_path / "spans").read_text().split() == ["setup", "predict", "teardown"] * 3


@pytest.mark.usefixtures("nobodys")
def test_a_setup_that_failed_leaves_no_provider_in_use(tmp_path: Path) -> None:
    """The next one installs its own."""
    (tmp_path / "telemetry.py").write_text(TELEMETRY.replace("LAST", "pass"))
    broken = TELEMETRY.replace("LAST", "pass") + "def configure_instrumentation(): 1/0"
    (tmp_path / "broken.py").write_text(broken)
    with pytest.raises(SetupFailed, match="ZeroDivisionError"):
        AuthorTracing().start(str(tmp_path), {**ASKED, "COG_OBSERVABILITY_CONFIG": "broken.py"})
    failed = trace.get_tracer_provider()
    tracing = AuthorTracing()

    tracing.start(str(tmp_path), {**ASKED, "COG_OBSERVABILITY_CONFIG": "telemetry.py"})
    installed = trace.get_tracer_provider()
    tracing.stop()

    assert installed is not failed


@pytest.mark.parametrize("off", ["COG_TRACE_CONFIGURED", "COG_TRACE_ENABLED"])
def test_what_is_not_asked_for_is_not_run(
    off: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `telemetry.py` stays unread then."""
    (tmp_path / "telemetry.py").write_text("from pathlib import Path; Path('run').touch()")
    monkeypatch.chdir(tmp_path)
    variables = {**ASKED, "COG_OBSERVABILITY_CONFIG": "telemetry.py", off: "false"}
    tracing = AuthorTracing()

    tracing.start(str(tmp_path), variables)
    tracing.stop()

    assert not (tmp_path / "run").exists()


def test_a_machine_without_opentelemetry_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The server's and the model's, which may be two environments."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(SettingError, match=r"cogfal\[tracing\]"):
        Tracing().start(ASKED)
    with pytest.raises(SetupFailed) as failed:
        AuthorTracing().start(str(tmp_path), ASKED)

    assert "opentelemetry-exporter-otlp-proto-http" in str(failed.value.remedy)
