"""Plan what fal needs for a Cog project: environment, machine, files, and the report of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from cogfal.environments import ModelEnvironment, interpreter_of
from cogfal.project.cog_dockerfile import python_of
from cogfal.project.config import CogConfig
from cogfal.project.environment_choice import Decision, decide_on_fal
from cogfal.project.file_choice import Choice, choose_files
from cogfal.project.image import image_reasons
from cogfal.project.installer import install_arguments, without_cog
from cogfal.project.key_reports import (
    report_decision,
    report_made_by_runner,
    report_observability,
    report_requirements,
    report_rest,
    split_weights,
    uses_hub,
)
from cogfal.project.machine_choice import (
    MachineChoice,
    choose_gpu,
    cpu_machine,
    frameworks,
    report_cpu_wheels,
    wheel_sources,
)
from cogfal.project.model_environment import (
    check_telemetry,
    model_environment,
    read_model_requirements,
    with_tracing,
)
from cogfal.project.pip_commands import installed
from cogfal.project.plan_settings import PlanSettings, minor
from cogfal.project.report import Report, ReportLine
from cogfal.project.requirements import Package, RequirementSet, applying
from cogfal.project.variables import (
    cache_variables,
    tracing_requirements,
    tracing_variables,
    variables,
)
from cogfal.spec import Location, Weight

if TYPE_CHECKING:
    from cogfal.project.image import ImagePlan

APP_DIRECTORY: Final = "/app"
"""Where fal's own runtime puts the project's files."""

RUNNER_ENVIRONMENTS: Final = "/data/cogfal/environments"
"""Where runners keep the environments that they make themselves."""


class PlannedFiles(NamedTuple):
    """The project's files on their way to the runner.

    `context` is their directory on this machine; `include` and `ignore` are `app_files` and
    `app_files_ignore` (regular expressions) for fal's own runtime; `dockerignore` is the same
    choice as patterns for `ContainerImage`. `directory` is where they land on the runner. `names`
    are the files themselves and `size` their bytes.
    """

    context: str
    include: tuple[str, ...] = (".",)
    ignore: tuple[str, ...] = ()
    dockerignore: tuple[str, ...] = ()
    directory: str = APP_DIRECTORY
    names: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class PlannedEnvironment:
    """Everything that fal has to know of a project.

    `requirements` are installer arguments, flags and their values as separate strings; paths in
    them are relative to `files.context`, which is to be the `requirements_context_dir`. Where
    `kind` is "container", `dockerfile` is the text, and `build_secrets` are the `secrets` of
    `ContainerImage`: `$NAME` is a fal secret. `variables` are set on the runner before the
    author's code is imported; `caches` only where they are not set already and /data exists.
    `weights` are the files, by their path in the project, that the runner fetches itself.
    `app_name` is a hint.

    `decision` says whether the author's code has an environment of its own, and why. Where it
    has, `interpreter` is the path of its Python on the runner, `python_version` and `requirements`
    are fal's side alone, and `model` describes the author's side; `made_by_runner` says that the
    runner makes it from that description, else it is in the image.
    """

    kind: Literal["virtualenv", "container"]
    requirements: tuple[str, ...]
    python_version: str
    machine_type: str | tuple[str, ...]
    num_gpus: int | None
    max_multiplexing: int | None
    files: PlannedFiles
    dockerfile: str | None = None
    build_secrets: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    server_variables: tuple[tuple[str, str], ...] = ()
    caches: tuple[tuple[str, str], ...] = ()
    weights: tuple[tuple[str, Weight], ...] = ()
    app_name: str | None = None
    decision: Decision = Decision(own=False)  # noqa: RUF009  # a value
    interpreter: str | None = None
    model: ModelEnvironment | None = None
    made_by_runner: bool = False
    report: tuple[ReportLine, ...] = field(default=(), compare=False)


def plan_environment(
    config: CogConfig, root: Path, settings: PlanSettings | None = None
) -> PlannedEnvironment:
    """Plan what fal needs for the project in `root`.

    Args:
        config: Its cog.yaml.
        root: The project's directory. Files in it are read; nothing of it is imported or run.
        settings: What the App class asks for.

    Raises:
        ConfigError: Something cannot work on fal; the error says where, and what to do.
    """
    return _Plan(config, root.resolve(), settings or PlanSettings()).environment()


class _Plan:
    """The steps of one plan, which share the report."""

    def __init__(self, config: CogConfig, root: Path, settings: PlanSettings) -> None:
        self._config = config
        self._root = root
        needed = (*settings.requirements, *tracing_requirements(config))
        self._settings = replace(settings, requirements=needed)
        self._report = Report()

    def environment(self) -> PlannedEnvironment:
        config, settings, report = self._config, self._settings, self._report
        python = self._python()
        decision, requirements = self._decided(python)
        there = applying(requirements, python)
        machine = self._machine(there)
        sources = wheel_sources(there, machine.index)
        requirements = requirements._replace(lines=(*sources, *requirements.lines))
        weights = split_weights(config, settings, report)
        choice = choose_files(
            self._root, report, exclude=[*settings.exclude, *(path for path, _ in weights)]
        )
        check_telemetry(config, self._root, None if settings.own_image else choice.names)
        image = self._wants_image(there, decision)
        plan = self._image(requirements, python, decision) if image else None
        report_rest(config, settings, report)
        model = self._model(python, requirements, decision, plan)
        made_by_runner = decision.own and not image and not settings.own_image
        if made_by_runner:
            report_made_by_runner(report)
        return PlannedEnvironment(
            kind="container" if plan else "virtualenv",
            requirements=self._requirements(requirements, decision, python, in_image=image),
            python_version=self._server_python(python, decision, in_image=image),
            machine_type=machine.machines if len(machine.machines) > 1 else machine.machines[0],
            num_gpus=settings.num_gpus,
            max_multiplexing=self._multiplexing(),
            files=self._files(choice, plan),
            dockerfile=plan.dockerfile if plan else None,
            build_secrets=plan.build_secrets if plan else (),
            variables=variables(config),
            server_variables=tracing_variables(config),
            caches=cache_variables(settings.cache_directory),
            weights=weights,
            app_name=app_name(config.image),
            decision=decision,
            interpreter=self._interpreter(plan, model, machine),
            model=model,
            made_by_runner=made_by_runner,
            report=report.lines(),
        )

    def _decided(self, python: str) -> tuple[Decision, RequirementSet]:
        """Return where the author's code runs, and what is installed for it; both are reported."""
        config, settings, report = self._config, self._settings, self._report
        requirements = without_cog(self._read(), report)
        packages = (*requirements.packages(), *self._run())
        where = config.where("build.python_version")
        decision = decide_on_fal(requirements, packages, python, settings, where)
        report_decision(decision, python, settings, report)
        report_requirements(config, requirements, report)
        report_observability(config, decision, report)
        return decision, with_tracing(requirements, config) if decision.own else requirements

    def _server_python(self, python: str, decision: Decision, *, in_image: bool) -> str:
        if decision.own:
            return self._settings.client_python
        return python if in_image else self._minor(python)

    def _model(
        self,
        python: str,
        requirements: RequirementSet,
        decision: Decision,
        plan: ImagePlan | None,
    ) -> ModelEnvironment | None:
        if not decision.own:
            return None
        place = Path(plan.directory if plan else APP_DIRECTORY)
        installs = [words for each in self._settings.layers if (words := tuple(each))]
        return model_environment(python, requirements, place, installs, root=self._root)

    def _interpreter(
        self, plan: ImagePlan | None, model: ModelEnvironment | None, machine: MachineChoice
    ) -> str | None:
        """Where the model's Python is on the runner, None where it is fal's."""
        if self._settings.own_image:
            return self._settings.interpreter
        if plan is not None or model is None:
            return plan.interpreter if plan else None
        cpu = not any(name.startswith("GPU-") for name in machine.machines)
        return str(interpreter_of(model, Path(RUNNER_ENVIRONMENTS), cpu=cpu))

    def _multiplexing(self) -> int | None:
        wanted = self._settings.max_multiplexing or self._config.max_concurrency
        return wanted if self._settings.asynchronous else None

    def _read(self) -> RequirementSet:
        return read_model_requirements(self._config, self._root, self._settings.environ)

    def _run(self) -> Iterator[Package]:
        """Yield what the commands of cog.yaml install by themselves."""
        for key in ("pre_install", "run"):
            for i, each in enumerate(getattr(self._config.build, key)):
                where = self._config.where(f"build.{key}[{i}]")
                yield from (Package(found, where=where) for found in installed(each.command))

    def _python(self) -> str:
        config, settings = self._config, self._settings
        version = settings.python_version or config.build.python_version
        if settings.dockerfile is not None and (
            found := python_of(self._root / settings.dockerfile)
        ):
            name = settings.dockerfile.name
            self._report.kept("build.python_version", f"Python {found}", where=name)
            return found
        if version is None:
            self._report.changed(
                "build.python_version",
                f"Python {settings.client_python}",
                "cog.yaml names none, and the App travels as this interpreter's bytecode",
            )
            return settings.client_python
        where = config.where("build.python_version")
        self._report_python(version, where)
        return version

    def _report_python(self, version: str, where: Location | str) -> None:
        asked = self._config.build.python_version
        if asked in (None, version):
            self._report.kept("build.python_version", f"Python {version}", where=where)
        else:
            self._report.changed(
                "build.python_version", f"Python {version}", "the App's setting wins", where=where
            )

    def _wants_image(self, requirements: RequirementSet, decision: Decision) -> bool:
        settings = self._settings
        if settings.own_image:
            return False
        reasons = image_reasons(self._config, requirements)
        if decision.own and settings.kind != "virtualenv":
            reasons = ("the model's own environment", *reasons)
        if settings.dockerfile is not None:
            reasons = (*reasons, f"the Dockerfile {settings.dockerfile.name}")
        if settings.kind == "container":
            reasons = (*reasons, "the App's kind")
        if settings.kind == "virtualenv" and reasons:
            for reason in reasons:
                self._report.unsupported(
                    reason, "left out", 'remove kind = "virtualenv" to have an image built'
                )
            return False
        if reasons:
            self._report.changed(
                "build", "built as a container image", f"because of {', '.join(reasons)}"
            )
        return bool(reasons)

    def _machine(self, requirements: RequirementSet) -> MachineChoice:
        config, settings, report = self._config, self._settings, self._report
        asked = settings.machine_type
        wanted = (asked,) if isinstance(asked, str) else tuple(asked or ())
        where = config.where("build.gpu")
        if not wanted and not config.build.gpu:
            name = cpu_machine(requirements)
            report.kept("build.gpu", f"a CPU machine, {name}", where=where)
            return MachineChoice((name,))
        cuda = self._asked_cuda()
        choice = choose_gpu(
            wanted or (settings.gpu_machine_type,),
            bool(wanted),
            frameworks(requirements, cuda),
            report,
        )
        if config.build.gpu and not any(name.startswith("GPU-") for name in choice.machines):
            report.changed(
                "build.gpu", "a machine without a GPU", "the App's machine_type wins", where=where
            )
        else:
            report_cpu_wheels(requirements, report)
        report.kept("build.gpu", ", ".join(choice.machines), where=where)
        return choice

    def _minor(self, version: str) -> str:
        newest = minor(version)
        if newest != version:
            self._report.changed(
                "build.python_version",
                f"the newest Python {newest}",
                'fal\'s own runtime has one of each; set kind = "container" for the exact patch',
                where=self._config.where("build.python_version"),
            )
        return newest

    def _asked_cuda(self) -> tuple[int, int] | None:
        if self._config.build.cuda is None:
            return None
        major, minor = self._config.build.cuda.split(".")[:2]
        return int(major), int(minor)

    def _image(self, requirements: RequirementSet, python: str, decision: Decision) -> ImagePlan:
        from cogfal.project.image import plan_image  # noqa: PLC0415  # few projects need an image

        return plan_image(
            self._config,
            requirements,
            self._settings,
            self._report,
            root=self._root,
            python_version=python,
            own=decision.own,
        )

    def _requirements(
        self,
        requirements: RequirementSet,
        decision: Decision,
        python: str,
        *,
        in_image: bool,
    ) -> tuple[str, ...]:
        own = self._settings.requirements
        if uses_hub(self._config, self._settings):
            own = (*own, "huggingface_hub")
        if decision.own and not in_image:
            return (*own, "uv")
        if in_image:
            return own
        arguments = install_arguments(requirements, self._root, self._report, python)
        return (*arguments, *own)

    def _files(self, choice: Choice, plan: ImagePlan | None) -> PlannedFiles:
        return PlannedFiles(
            context=str(self._root),
            ignore=choice.regexes(),
            dockerignore=choice.patterns(),
            directory=plan.directory if plan else APP_DIRECTORY,
            names=choice.names,
            size=choice.size,
        )


def app_name(image: str | None) -> str | None:
    """Return a name for the app from cog.yaml's `image`, in the form that fal takes."""
    if image is None:
        return None
    last = image.split("@")[0].rpartition("/")[2].partition(":")[0]
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-") or None
