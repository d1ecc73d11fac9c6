"""What is wrong with an author's `telemetry.py` fails setup, with the reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from opentelemetry import trace

from cogfal.errors import SettingError
from cogfal.guest.faults import SetupFailed
from cogfal.guest.tracing import AuthorTracing
from cogfal.server.tracing import Tracing

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
