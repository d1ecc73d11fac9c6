"""Report the settings of cog.yaml that no other step of a plan reports."""

from __future__ import annotations

from cogfal.project.config import TELEMETRY_KEYS, CogConfig, WeightSource
from cogfal.project.environment_choice import Decision
from cogfal.project.plan_settings import TRACING_PACKAGES, PlanSettings
from cogfal.project.report import Report
from cogfal.project.requirements import Option, RequirementSet
from cogfal.project.variables import variables
from cogfal.spec import Weight


def split_weights(
    config: CogConfig, settings: PlanSettings, report: Report
) -> tuple[tuple[str, Weight], ...]:
    """Return the weights that the runner fetches itself, each with its path in the project."""
    found = []
    for source in config.weights:
        where = config.where(source.key)
        sources = sum(each.key == source.key for each in config.weights)
        target = _place_of(source, several=sources > 1)
        if target is None:
            report.unsupported(
                source.key,
                f"{source.source} is not fetched",
                "give an https or hf URL as `source` and a path in the project as `target`",
                where=where,
            )
            continue
        found.append((target, Weight(source.source, None, source.include, source.exclude)))
        report.changed(
            source.key,
            f"{source.source} fetched by the runner and linked as {target}",
            "fal's disk /data keeps it for all runners",
            where=where,
        )
    own = [pair for pair in found if pair[0] not in settings.weights]
    return (*own, *settings.weights.items())


def uses_hub(config: CogConfig, settings: PlanSettings) -> bool:
    """Whether any weights come from the Hugging Face Hub, whose library is needed then."""
    urls = [each.source for each in config.weights if each.target]
    urls += [each.url for each in settings.weights.values()]
    return any(url.startswith("hf://") for url in urls)


def _place_of(source: WeightSource, *, several: bool) -> str | None:
    """Where a source is linked, None where it cannot be fetched or has no place in the project."""
    if source.target is None or not source.source.startswith(("https://", "http://", "hf://")):
        return None
    target = source.target.removeprefix("/src/").removeprefix("/src") or "."
    if target.startswith("/") or ".." in target.split("/"):
        return None
    if source.source.startswith("hf://") or not (several or target.endswith(("/", "."))):
        return target.rstrip("/")
    name = source.source.partition("?")[0].rstrip("/").rpartition("/")[2]
    return f"{target.rstrip('/')}/{name}"


def report_decision(
    decision: Decision, python: str, settings: PlanSettings, report: Report
) -> None:
    """Report where the author's code runs, and why."""
    if not decision.own:
        report.kept("environment", f"shared with fal's: {'; '.join(decision.reasons)}")
    else:
        what = f"the model's own, Python {python}, beside fal's, Python {settings.client_python}"
        report.changed("environment", what, "; ".join(decision.reasons))
    if decision.doubt is not None:
        report.unsupported(
            "environment",
            decision.doubt,
            'set environment = "own" on the App where its packages do not go with fal\'s',
        )


def report_observability(config: CogConfig, decision: Decision, report: Report) -> None:
    """Report where spans come from, and what is installed for them."""
    if config.observability is None:
        return
    where = config.where("observability")
    if not config.observability.enabled:
        report.kept("observability", "nothing is traced", where=where)
        return
    both = " and beside the model's" if decision.own else ""
    report.changed(
        "observability",
        "predictions are traced by fal's process, and the author's own spans by the model's",
        f"{' and '.join(TRACING_PACKAGES)} are installed beside fal's packages{both}",
        where=where,
    )
    if dict(variables(config)).get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc":
        report.changed(
            "environment.OTEL_EXPORTER_OTLP_PROTOCOL",
            "sent over HTTP",
            "spans are exported with OTLP over HTTP alone: the endpoint has to be a collector's "
            "for HTTP, whose port is usually 4318",
            where=config.where("environment.OTEL_EXPORTER_OTLP_PROTOCOL"),
        )
    if config.observability.config is not None:
        key = config.key_of(*TELEMETRY_KEYS)
        what = f"{config.observability.config} makes the provider of the author's spans"
        report.kept(key, what, where=config.where(key))


def report_made_by_runner(report: Report) -> None:
    """Report what it costs to make the environment on a runner instead of in an image."""
    report.changed(
        "kind",
        "the model's environment is made by the first runner when it starts, and kept on /data",
        'kind = "virtualenv" leaves no image to make it in: that start takes as long as installing '
        "everything, later ones as long as reading it from the disk",
    )


def report_requirements(config: CogConfig, requirements: RequirementSet, report: Report) -> None:
    """Report the key that the requirements come from, and how many there are."""
    key = "python_requirements" if config.build.python_requirements else "python_packages"
    count = sum(not isinstance(line, Option) for line in requirements.lines)
    if count:
        what = "1 requirement" if count == 1 else f"{count} requirements"
        report.kept(f"build.{key}", what, where=config.where(f"build.{key}"))


def report_rest(config: CogConfig, settings: PlanSettings, report: Report) -> None:
    """Report every key that no other step speaks of."""
    _report_kept(config, settings, report)
    build = config.build
    if build.python_overrides:
        report.unsupported(
            "build.python_overrides",
            "left out",
            "write the versions that you want into the requirements",
            where=config.where("build.python_overrides"),
        )
    if build.fast:
        _no_counterpart(config, "build.fast", "fal decides how images are stored", report)
    if build.cog_runtime:
        _no_counterpart(config, "build.cog_runtime", "cogfal is the runtime", report)
    if config.sdk_version:
        key = config.key_of("sdk_version", "build.sdk_version")
        _no_counterpart(config, key, "cogfal provides `import cog`", report)
    if config.tests:
        _no_counterpart(config, "tests", "`cogfal.testing` runs a predictor in a test", report)
    if "concurrency.default_target" in config.locations:
        _no_counterpart(
            config, "concurrency.default_target", "set concurrency_buffer on the App", report
        )


def _report_kept(config: CogConfig, settings: PlanSettings, report: Report) -> None:
    if config.predict:
        key = config.key_of("predict", "run")
        report.kept(key, config.predict, where=config.where(key))
    if config.image:
        key = config.key_of("image", "model")
        report.changed(key, "a name for the app", "fal has no registry", where=config.where(key))
    if config.train:
        report.kept("train", "served as /trainings", where=config.where("train"))
    if config.max_concurrency is not None:
        _report_concurrency(config, config.max_concurrency, settings, report)
    for key, given in (
        ("build.environment", config.build.environment),
        ("environment", config.environment),
    ):
        for name, _ in given:
            report.kept(f"{key}.{name}", "set on the runner", where=config.where(f"{key}.{name}"))


def _report_concurrency(
    config: CogConfig, most: int, settings: PlanSettings, report: Report
) -> None:
    key = "concurrency.max"
    where = config.where(key)
    if most > 1 and not settings.asynchronous:
        report.unsupported(
            key,
            "one prediction at a time, as the predictor is not async",
            f"write it as `async def`, or remove {key}; Cog does not start such a model",
            where=where,
        )
    elif settings.max_multiplexing is None:
        report.kept(key, f"max_multiplexing {most}", where=where)
    else:
        report.changed(
            key,
            f"max_multiplexing {settings.max_multiplexing}",
            "the App's setting wins",
            where=where,
        )


def _no_counterpart(config: CogConfig, key: str, remedy: str, report: Report) -> None:
    report.unsupported(key, "has no counterpart", remedy, where=config.where(key))
