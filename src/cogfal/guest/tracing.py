"""Give the author's code OpenTelemetry's tracer provider where the project asks, as Cog does.

Either the one that the project's `telemetry.py` makes, or one that sends spans where Cog's and
OpenTelemetry's variables say. OpenTelemetry is imported only then: what is not traced has not got
it. The server makes its own provider of the same parts.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any

from cogfal.guest.faults import SetupFailed, summary

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import Sampler

CONFIG = "COG_OBSERVABILITY_CONFIG"
"""The variable that names the project's `telemetry.py`."""
FLUSH_TIME = 3000
"""Milliseconds within which the last spans are sent."""
_GLOBAL = "_TRACER_PROVIDER"
_MARK = "cogfal"
_NO = frozenset({"0", "false", "no"})
_YES = frozenset({"1", "true", "yes"})
_TRACES = "/v1/traces"


class NoSampler(ValueError):
    """Report a sampler that there is not; `remedy` says which there are."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


class AuthorTracing:
    """The tracing of the author's own spans; its methods are called on the author's thread.

    `started` tells whether there is any.
    """

    def __init__(self) -> None:
        self.started = False
        self._provider: TracerProvider | None = None
        self._restore: Callable[[], None] = _nothing

    def start(self, root: str, environ: Mapping[str, str] = os.environ) -> None:
        """Install the provider, before anything of the project is imported.

        What else is installed, as fal's own in its command, makes room until `stop`.

        Raises:
            SetupFailed: `telemetry.py` cannot be used, or a variable makes no sense.
        """
        config = environ.get(CONFIG)
        if not is_enabled(environ) or not (config or exports(environ)):
            return
        try:
            from opentelemetry import trace  # noqa: PLC0415  # see the module

            self.started = True
            if not hasattr(trace.get_tracer_provider(), _MARK):  # a trainer's beside the predictor
                self._install(config, root, environ, trace)
        except Exception as error:
            self.stop()
            raise _cannot(config or "tracing", error) from error

    def enter(self, context: Context, headers: Mapping[str, str]) -> None:
        """Have the spans of what runs in a context continue a request's trace; once started."""
        from opentelemetry.context import attach  # noqa: PLC0415  # see the module
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        context.run(attach, TraceContextTextMapPropagator().extract(dict(headers)))

    def stop(self) -> None:
        """Send what has not been sent; blocks while that lasts."""
        provider, self._provider = self._provider, None
        if provider is not None:
            # It may stay installed, and makes room for the next one then.
            delattr(provider, _MARK)
            self._restore()
            provider.force_flush(FLUSH_TIME)
            provider.shutdown()

    def _install(
        self, config: str | None, root: str, environ: Mapping[str, str], trace: Any
    ) -> None:
        module = _imported(os.path.join(root, config)) if config else None
        provider = _made_by(module) if config else new_provider(environ, "worker")
        setattr(provider, _MARK, True)
        self._provider, self._restore = provider, _nothing
        self._restore = _put(provider, trace)
        configure = getattr(module, "configure_instrumentation", None)
        if configure is not None:
            configure()


def _put(provider: TracerProvider, trace: Any) -> Callable[[], None]:
    """Make it the process's provider; returns how to put back what was there.

    OpenTelemetry lets nobody replace one, so its variable is set; that this works is looked at.
    """
    before = trace.get_tracer_provider()
    if isinstance(before, trace.ProxyTracerProvider):
        trace.set_tracer_provider(provider)
        return _nothing
    vars(trace)[_GLOBAL] = provider
    if trace.get_tracer_provider() is not provider:
        raise RuntimeError(f"{before!r} is installed in this process; set isolate = True")
    return lambda: vars(trace).update({_GLOBAL: before})


def _nothing() -> None:
    """Leave it there."""


def is_enabled(environ: Mapping[str, str]) -> bool:
    """Whether tracing was asked for, and is not turned off."""

    def said(name: str, words: frozenset[str]) -> bool:
        return environ.get(name, "").lower() in words

    return (
        said("COG_TRACE_CONFIGURED", _YES)
        and not said("COG_TRACE_ENABLED", _NO)
        and not said("OTEL_SDK_DISABLED", _YES)
    )


def exports(environ: Mapping[str, str]) -> bool:
    """Whether spans have somewhere to go."""
    wanted = environ.get("OTEL_TRACES_EXPORTER", "otlp") != "none"
    return wanted and endpoint_of(environ) is not None


def endpoint_of(environ: Mapping[str, str]) -> str | None:
    """Return where spans go: OTLP over HTTP, the way that every collector takes."""
    exact = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if exact:
        return exact
    base, separator, query = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").partition("?")
    if not base:
        return None
    path = base.rstrip("/")
    path = path if path.endswith(_TRACES) else path + _TRACES
    return f"{path}{separator}{query}"


def new_provider(environ: Mapping[str, str], role: str) -> TracerProvider:
    """Make what sends spans, those of one of Cog's roles: `server` or `worker`.

    Raises:
        ImportError: OpenTelemetry is not installed.
        NoSampler: There is none of this name, or not with this argument.
        ValueError: Another variable makes no sense.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  # see above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    name = environ.get("OTEL_SERVICE_NAME", "cog")
    resource = Resource.create({"service.name": name, "cog.process.role": role})
    provider = TracerProvider(_sampler(environ), resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint_of(environ))))
    return provider


def _sampler(environ: Mapping[str, str]) -> Sampler:
    from opentelemetry.sdk.trace import sampling  # noqa: PLC0415  # see the module

    kinds: dict[str, Callable[[], Sampler]] = {
        "always_on": lambda: sampling.ALWAYS_ON,
        "always_off": lambda: sampling.ALWAYS_OFF,
        "parentbased_always_on": lambda: sampling.DEFAULT_ON,
        "parentbased_always_off": lambda: sampling.DEFAULT_OFF,
        "traceidratio": lambda: sampling.TraceIdRatioBased(ratio),
        "parentbased_traceidratio": lambda: sampling.ParentBasedTraceIdRatio(ratio),
    }
    cogs = environ.get("COG_TRACE_SAMPLER", "parentbased_always_off")
    name = environ.get("OTEL_TRACES_SAMPLER", cogs)
    argument = environ.get("COG_TRACE_SAMPLER_ARG", "1")
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", argument)
    try:
        ratio = float(argument)
        return kinds[name]()
    except (KeyError, ValueError) as error:
        raise NoSampler(
            f"COG_TRACE_SAMPLER {name!r} with the argument {argument!r} is no sampler",
            f"name one of {', '.join(kinds)}, the ratio between 0 and 1",
        ) from error


def _imported(path: str) -> Any:
    found = importlib.util.spec_from_file_location("_cog_telemetry", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def _made_by(module: Any) -> TracerProvider:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # see the module

    make = getattr(module, "create_tracer_provider", None)
    if not callable(make):
        raise TypeError("it must define create_tracer_provider()")
    provider = make()
    if not isinstance(provider, TracerProvider):
        raise TypeError("create_tracer_provider() must return a TracerProvider of OpenTelemetry's")
    return provider


def _cannot(what: str, error: Exception) -> SetupFailed:
    if isinstance(error, NoSampler):
        return SetupFailed(f"{what} cannot be used: {error}", error.remedy)
    missing = isinstance(error, ModuleNotFoundError) and "opentelemetry" in str(error)
    packages = "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"
    remedy = f"install {packages} where the model runs" if missing else None
    return SetupFailed(f"{what} cannot be used: {summary(error)}", remedy)
