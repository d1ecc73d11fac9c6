"""Predictions are traced where the project asks for it, and pass their trace on in any case."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from cogfal.engine.prediction import Prediction
from cogfal.errors import SettingError
from cogfal.server.tracing import Tracing, trace_headers
from tests.server.predictions import Play
from tests.server.receiver import Receiver

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}


def asked(hooks: Receiver, **more: str) -> dict[str, str]:
    """Return the variables by which tracing to a receiver is asked for."""
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"{hooks.url}/ok/collector?key=1"}
    return {"COG_TRACE_CONFIGURED": "true", **endpoint, **more}


def traced(
    environment: Mapping[str, str], headers: Mapping[str, str], *, error: str = ""
) -> dict[str, str]:
    """Trace one prediction and send its spans; return the headers that tell others of it."""

    async def main() -> dict[str, str]:
        tracing, play = Tracing(), Play()
        tracing.start(environment)
        told: dict[str, str] = {}

        def submit(trace: dict[str, str]) -> Prediction:
            told.update(trace)
            return play.prediction

        tracing.around(headers, submit)
        play.start()
        for phase, seconds in (("queue", 0.001), ("predict", 0.5), ("upload", 0.25)):
            play.prediction.add_time(phase, seconds)
        if error:
            play.fail(error)
        else:
            play.succeed()
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.to_thread(tracing.close)
        return told

    return asyncio.run(main())


def spans(hooks: Receiver) -> dict[str, Span]:
    """Return what the receiver was sent."""
    found: dict[str, Span] = {}
    for request in hooks.requests:
        assert request.path == "/ok/collector/v1/traces?key=1"
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            for scope in resource.scope_spans:
                found |= {span.name: span for span in scope.spans}
    return found


def test_a_prediction_is_a_span_with_its_phases_inside(hooks: Receiver) -> None:
    """In the caller's trace, and what is told to others continues it."""
    told = traced(asked(hooks), HEADERS)

    found = spans(hooks)
    whole = found.pop("cog.prediction")
    phases = ["queue", "predict", "upload"]
    assert sorted(found) == sorted(f"cog.prediction.{name}" for name in phases)
    assert {span.parent_span_id for span in found.values()} == {whole.span_id}
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, PARENT)
    assert told["traceparent"] == f"00-{TRACE}-{whole.span_id.hex()}-01"
    predict = found["cog.prediction.predict"]
    assert predict.end_time_unix_nano - predict.start_time_unix_nano == pytest.approx(5e8, rel=0.01)


def test_a_failed_prediction_is_a_failed_span(hooks: Receiver) -> None:
    """Its status and its error's text stand in it."""
    traced(asked(hooks), HEADERS, error="no weights")

    whole = spans(hooks)["cog.prediction"]
    attributes = {each.key: each.value.string_value for each in whole.attributes}
    assert attributes["cog.prediction.status"] == "failed"
    assert (whole.status.code, whole.status.message) == (2, "no weights")


@pytest.mark.parametrize(
    "changed",
    [
        {"COG_TRACE_CONFIGURED": ""},
        {"COG_TRACE_ENABLED": "false"},
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"COG_TRACE_SAMPLER": "always_off"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "COG_TRACE_SAMPLER_ARG": "0"},
    ],
    ids=" ".join,
)
def test_nothing_is_sent_that_is_not_asked_for(hooks: Receiver, changed: dict[str, str]) -> None:
    """Each of the variables that turn it off does."""
    traced(asked(hooks, **changed), HEADERS)

    assert hooks.requests == []


def test_a_sampler_may_begin_a_trace(hooks: Receiver) -> None:
    """By default only a caller's trace is continued; `always_on` begins one."""
    traced(asked(hooks), {})
    silent = len(hooks.requests)
    told = traced(asked(hooks, COG_TRACE_SAMPLER="always_on"), {})

    assert silent == 0
    assert spans(hooks)["cog.prediction"].trace_id.hex() in told["traceparent"]


def test_a_sampler_that_is_none_is_refused(hooks: Receiver) -> None:
    """The remedy names those that there are."""
    with pytest.raises(SettingError, match=r"'a: b'.* is no sampler") as refused:
        Tracing().start(asked(hooks, COG_TRACE_SAMPLER="a: b"))

    assert "parentbased_always_on" in (refused.value.remedy or "")


def test_a_variable_of_opentelemetrys_that_makes_no_sense_is_told(
    hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that OpenTelemetry says of it."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "a: b")

    with pytest.raises(SettingError, match="got a: b; look at"):
        Tracing().start(asked(hooks))


def test_a_trace_is_passed_on_without_tracing() -> None:
    """As the caller said it."""
    assert traced({}, HEADERS) == HEADERS


@pytest.mark.parametrize(
    ("form", "value"),
    [("w3c", HEADERS["traceparent"]), ("jaeger", f"{TRACE}:{PARENT}:0:1")],
)
def test_a_trace_may_come_in_another_header(form: str, value: str) -> None:
    """In either of the forms that Cog takes there."""
    variables = {"COG_TRACE_HEADER": "x-trace", "COG_TRACE_HEADER_FORMAT": form}

    assert traced(variables, {"x-trace": value}) == {"traceparent": HEADERS["traceparent"]}


@pytest.mark.parametrize("value", ["", "00-é", "x" * 5_000, f"00-{TRACE}-{PARENT}", "a\nb"])
def test_what_is_no_trace_is_not_passed_on(value: str) -> None:
    """It could be no header of a webhook."""
    assert trace_headers({"traceparent": value, "tracestate": "a=1"}) == {}
