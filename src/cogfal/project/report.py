"""The report: what became of every line of cog.yaml, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from cogfal.project.config import TELEMETRY_KEYS, TRACING_PACKAGES, CogConfig, Key, PlanSettings
from cogfal.spec import Location


class SettingStatus(Enum):
    """What became of a setting on the way to fal."""

    KEPT = "kept"
    CHANGED = "changed"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One setting: its `key`, `what` became of it, and `why` (where unsupported: the remedy)."""

    key: str
    status: SettingStatus
    what: str
    why: str | None = None
    where: Location | str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where is not None else ""
        reason = f": {self.why}" if self.why else ""
        return f"{self.status.value:<11} {self.key}{place}: {self.what}{reason}"


class Report:
    """Collects lines while an environment is planned.

    A key of cog.yaml is told with its place; of anything else, `where` says it.
    """

    def __init__(self) -> None:
        self._lines: list[ReportLine] = []

    def kept(self, key: str | Key, what: str) -> None:
        """Say that a setting holds on fal as it did with Cog."""
        self._add(key, SettingStatus.KEPT, what)

    def changed(
        self, key: str | Key, what: str, why: str, *, where: Location | str | None = None
    ) -> None:
        """Say that a setting was replaced, and why."""
        self._add(key, SettingStatus.CHANGED, what, why, where)

    def unsupported(
        self, key: str | Key, what: str, remedy: str, *, where: Location | str | None = None
    ) -> None:
        """Say that a setting has no counterpart, and what to do."""
        self._add(key, SettingStatus.UNSUPPORTED, what, remedy, where)

    def lines(self) -> tuple[ReportLine, ...]:
        """Return what was said so far, in order, without repetitions."""
        return tuple(dict.fromkeys(self._lines))

    def _add(
        self,
        key: str | Key,
        status: SettingStatus,
        what: str,
        why: str | None = None,
        where: Location | str | None = None,
    ) -> None:
        name, place = key if isinstance(key, Key) else (key, where)
        self._lines.append(ReportLine(name, status, what, why, place))


def report_observability(config: CogConfig, report: Report, *, own: bool) -> None:
    """Report where spans come from, and what is installed for them.

    Args:
        config: The project's cog.yaml.
        report: Is told.
        own: Whether the model has an environment of its own.
    """
    if config.observability is None:
        return
    if not config.observability.enabled:
        report.kept(config.at("observability"), "nothing is traced")
        return
    both = " and beside the model's" if own else ""
    report.changed(
        config.at("observability"),
        "predictions are traced by fal's process, and the author's own spans by the model's",
        f"{' and '.join(TRACING_PACKAGES)} are installed beside fal's packages{both}",
    )
    if dict(config.variables()).get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc":
        report.changed(
            config.at_variable("OTEL_EXPORTER_OTLP_PROTOCOL"),
            "sent over HTTP",
            "spans are exported with OTLP over HTTP alone: the endpoint has to be a collector's "
            "for HTTP, whose port is usually 4318",
        )
    if config.observability.config is not None:
        what = f"{config.observability.config} makes the provider of the author's spans"
        report.kept(config.at(*TELEMETRY_KEYS), what)


def report_rest(config: CogConfig, settings: PlanSettings, report: Report) -> None:
    """Report every key that no step of a plan speaks of."""
    build = config.build
    if config.predict:
        report.kept(config.at("predict", "run"), config.predict)
    if config.image:
        report.changed(config.at("image", "model"), "a name for the app", "fal has no registry")
    if config.train:
        report.kept(config.at("train"), "served as /trainings")
    if config.max_concurrency is not None:
        _report_concurrency(config, config.max_concurrency, settings, report)
    for stanza, variables in (
        ("build.environment", build.environment),
        ("environment", config.environment),
    ):
        for name, _ in variables:
            report.kept(config.at(f"{stanza}.{name}"), "set on the runner")
    if build.python_overrides:
        remedy = "write the versions that you want into the requirements"
        report.unsupported(config.at("build.python_overrides"), "left out", remedy)
    target = "concurrency.default_target"
    rows: tuple[tuple[object, Key, str], ...] = (
        (build.fast, config.at("build.fast"), "fal decides how images are stored"),
        (build.cog_runtime, config.at("build.cog_runtime"), "cogfal is the runtime"),
        (
            config.sdk_version,
            config.at("sdk_version", "build.sdk_version"),
            "cogfal provides `import cog`",
        ),
        (config.tests, config.at("tests"), "`cogfal.testing` runs a predictor in a test"),
        (target in config.locations, config.at(target), "set concurrency_buffer on the App"),
    )
    strangers = (
        (name, config.at(name), "Cog has no such key: remove it") for name in config.unknown
    )
    for given, key, remedy in (*rows, *strangers):
        if given:
            report.unsupported(key, "has no counterpart", remedy)


def _report_concurrency(
    config: CogConfig, most: int, settings: PlanSettings, report: Report
) -> None:
    key = config.at("concurrency.max")
    if most > 1 and not settings.asynchronous:
        report.unsupported(
            key,
            "one prediction at a time, as the predictor is not async",
            f"write it as `async def`, or remove {key.name}; Cog does not start such a model",
        )
    elif settings.max_multiplexing is None:
        report.kept(key, f"max_multiplexing {most}")
    else:
        what = f"max_multiplexing {settings.max_multiplexing}"
        report.changed(key, what, "the App's setting wins")
