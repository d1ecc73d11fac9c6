"""Trace predictions with OpenTelemetry, where the project asks for it, as Cog does.

A prediction is a span with a child for each of its phases. The trace that a request belongs to is
taken from its headers and passed on, to the author's context and to webhooks, in any case.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cogfal.engine.prediction import Prediction
from cogfal.errors import SettingError
from cogfal.guest.tracing import NoSampler, exports, is_enabled, new_provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_FORMS: Final = {
    "traceparent": re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]{1,200})?"),
    "tracestate": re.compile(r"[ -~]{1,2000}"),
}
_JAEGER: Final = re.compile(r"([0-9a-f]{1,32}):([0-9a-f]{1,16}):[0-9a-f]*:([0-9a-f]{1,2})")


def trace_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what a caller says of its trace; what cannot be passed on as it is, is left out."""
    if not _FORMS["traceparent"].fullmatch(headers.get("traceparent", "")):
        return {}
    found = {name: headers.get(name, "") for name in _FORMS}
    return {name: value for name, value in found.items() if _FORMS[name].fullmatch(value)}


class Tracing:
    """Traces an app's predictions once it was started; until then passes on what callers say.

    Attributes:
        provider: Makes the spans, where the app is traced.
    """

    def __init__(self) -> None:
        self.provider: TracerProvider | None = None
        self._header: str | None = None
        self._jaeger = False

    def start(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read Cog's and OpenTelemetry's variables, and trace where they ask for it.

        OpenTelemetry is imported only then: an app that is not traced has not got it.

        Raises:
            SettingError: A variable has a value that makes no sense, or OpenTelemetry is missing.
        """
        self._header = environment.get("COG_TRACE_HEADER") or None
        self._jaeger = environment.get("COG_TRACE_HEADER_FORMAT", "w3c") == "jaeger"
        if not (is_enabled(environment) and exports(environment)):
            return
        try:
            self.provider = new_provider(environment, "server")
        except ImportError as error:
            raise SettingError(
                f"tracing is asked for, and cannot be had: {error}",
                remedy='`pip install "cogfal[tracing]"`, or set COG_TRACE_ENABLED to false',
            ) from error
        except NoSampler as error:
            raise SettingError(str(error), remedy=error.remedy) from error
        except ValueError as error:
            raise SettingError(
                f"tracing is asked for, and a variable of OpenTelemetry's makes no sense: {error}",
                remedy="look at those that begin with OTEL_",
            ) from error

    def around(
        self,
        headers: Mapping[str, str],
        submit: Callable[[dict[str, str]], Prediction],
        kind: str = "prediction",
    ) -> Prediction:
        """Submit a prediction, or training, in the trace of its request's headers.

        `submit` is given the headers that tell others of the trace. The span ends with the
        prediction, or at once where nothing is started.
        """
        said = trace_headers(headers)
        if not said and self._header is not None:
            said = self._said_elsewhere(headers.get(self._header, ""))
        if self.provider is None:
            return submit(said)
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - as in `start`
            TraceContextTextMapPropagator,
        )

        propagator = TraceContextTextMapPropagator()
        span = self.provider.get_tracer("cogfal").start_span(
            f"cog.{kind}", context=propagator.extract(said)
        )
        try:
            prediction = submit(_carried(span, propagator.inject) or said)
        except BaseException:
            span.end()
            raise
        ended = asyncio.ensure_future(prediction.wait())
        ended.add_done_callback(lambda _: self._end(span, prediction))
        return prediction

    def close(self) -> None:
        """Send what has not been sent; blocks while that lasts."""
        if self.provider is not None:
            self.provider.shutdown()

    def _said_elsewhere(self, value: str) -> dict[str, str]:
        if not self._jaeger:
            return trace_headers({"traceparent": value})
        found = _JAEGER.match(value)
        if found is None:
            return {}
        trace, span, flags = found.groups()
        return {"traceparent": f"00-{trace:0>32}-{span:0>16}-0{int(flags, 16) & 1}"}

    def _end(self, span: Span, prediction: Prediction) -> None:
        """End the span of a prediction, with its phases inside of it."""
        from opentelemetry.trace import (  # noqa: PLC0415 - as in `start`
            Status,
            StatusCode,
            set_span_in_context,
        )

        assert self.provider is not None
        tracer, around = self.provider.get_tracer("cogfal"), set_span_in_context(span)
        for name, begun, ended in prediction.phases:
            child = tracer.start_span(f"cog.prediction.{name}", around, start_time=_nanos(begun))
            child.end(_nanos(ended))
        span.set_attribute("cog.prediction.id", prediction.id)
        span.set_attribute("cog.prediction.status", prediction.status.value)
        if prediction.error is not None:
            span.set_status(Status(StatusCode.ERROR, prediction.error[:1000]))
        span.end()


def _carried(span: Span, inject: Callable[..., None]) -> dict[str, str]:
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415 - see `start`

    carrier: dict[str, str] = {}
    inject(carrier, set_span_in_context(span))
    return carrier


def _nanos(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
