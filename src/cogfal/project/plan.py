"""Plan what fal needs for a Cog project: environment, machine, files, and the report of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from cogfal.environments import ModelEnvironment, interpreter_of
from cogfal.files.progress import counted
from cogfal.project.config import CogConfig, Key, PlanSettings
from cogfal.project.dockerfile import python_of
from cogfal.project.environment_choice import Decision, decide_on_fal, report_decision
from cogfal.project.file_choice import APP_DIRECTORY, PlannedFiles, choose_files
from cogfal.project.image import ImagePlan, ImagePlanner, image_reasons
from cogfal.project.installer import PROJECT_DIRECTORY, applying, install_arguments, without_cog
from cogfal.project.machine_choice import MachineChoice, choose_machine, wheel_sources
from cogfal.project.model_environment import (
    check_telemetry,
    model_environment,
    packages_of_commands,
    read_model_requirements,
    with_tracing,
)
from cogfal.project.report import Report, ReportLine, report_observability, report_rest
from cogfal.project.requirements import Option, RequirementSet
from cogfal.spec import Weight
from cogfal.version import minor

RUNNER_ENVIRONMENTS: Final = "/data/cogfal/environments"
"""Where runners keep the environments that they make themselves."""

_CACHES: Final = {
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
    "XDG_CACHE_HOME": "",
    "MODELSCOPE_CACHE": "modelscope",
    "NLTK_DATA": "nltk",
    "TFHUB_CACHE_DIR": "tfhub",
    "KERAS_HOME": "keras",
    "U2NET_HOME": "u2net",
    "YOLO_CONFIG_DIR": "ultralytics",
    "EASYOCR_MODULE_PATH": "easyocr",
    "COGFAL_DOWNLOADS": "downloads",
}


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
    """The steps of one plan; each stands on those before, and tells the report."""

    def __init__(self, config: CogConfig, root: Path, settings: PlanSettings) -> None:
        self._config = config
        self._root = root
        needed = (*settings.requirements, *config.tracing_requirements())
        self._settings = replace(settings, requirements=needed)
        self._report = Report()
        self._python = self._wanted_python()
        self._requirements = without_cog(
            read_model_requirements(config, root, settings.environ), self._report
        )
        self._decision = self._decided()

    def environment(self) -> PlannedEnvironment:
        config, settings, report = self._config, self._settings, self._report
        there = applying(self._requirements, self._python)
        machine = choose_machine(config, there, settings, report)
        options = wheel_sources(there, machine.index)  # they come first
        lines = (*options, *self._requirements.lines)
        self._requirements = self._requirements._replace(lines=lines)
        weights = self._weights()
        fetched = [path for path, _ in weights]
        files = choose_files(self._root, report, exclude=[*settings.exclude, *fetched])
        # After the choice: the author's provider of spans has to be among what travels.
        check_telemetry(config, self._root, None if settings.own_image else files.names)
        image = self._image(there)
        report_rest(config, settings, report)
        directory = PROJECT_DIRECTORY if image else APP_DIRECTORY
        model = self._model(Path(directory))
        made_by_runner = self._made_by_runner(image)
        return PlannedEnvironment(
            kind="container" if image else "virtualenv",
            requirements=self._arguments(image),
            python_version=self._server_python(image),
            machine_type=machine.machines if len(machine.machines) > 1 else machine.machines[0],
            max_multiplexing=self._multiplexing(),
            files=files._replace(directory=directory),
            dockerfile=image.dockerfile if image else None,
            build_secrets=image.build_secrets if image else (),
            variables=config.variables(),
            server_variables=config.tracing_variables(),
            caches=cache_variables(settings.cache_directory),
            weights=weights,
            app_name=app_name(config.image),
            decision=self._decision,
            interpreter=self._interpreter(image, model, machine),
            model=model,
            made_by_runner=made_by_runner,
            report=report.lines(),
        )

    def _wanted_python(self) -> str:
        config, settings, report = self._config, self._settings, self._report
        version = settings.python_version or config.build.python_version
        key = config.at("build.python_version")
        if settings.dockerfile is not None and (
            found := python_of(self._root / settings.dockerfile)
        ):
            report.kept(Key(key.name, settings.dockerfile.name), f"Python {found}")
            return found
        if version is None:
            report.changed(
                key.name,
                f"Python {settings.client_python}",
                "cog.yaml names none, and the App travels as this interpreter's bytecode",
            )
            return settings.client_python
        if config.build.python_version in (None, version):
            report.kept(key, f"Python {version}")
        else:
            report.changed(key, f"Python {version}", "the App's setting wins")
        return version

    def _decided(self) -> Decision:
        """Return where the author's code runs, which is reported, and add what it needs there."""
        config, report = self._config, self._report
        packages = (*self._requirements.packages(), *packages_of_commands(config))
        where = config.where("build.python_version")
        decision = decide_on_fal(self._requirements, packages, self._python, self._settings, where)
        report_decision(decision, self._python, self._settings, report)
        key = "python_requirements" if config.build.python_requirements else "python_packages"
        count = sum(not isinstance(line, Option) for line in self._requirements.lines)
        if count:
            report.kept(config.at(f"build.{key}"), counted(count, "requirement"))
        report_observability(config, report, own=decision.own)
        if decision.own:
            self._requirements = with_tracing(self._requirements, config)
        return decision

    def _weights(self) -> tuple[tuple[str, Weight], ...]:
        """Return the weights that the runner fetches itself, each with its path in the project."""
        for source, place in self._config.placed_weights():
            key = self._config.at(source.key)
            if place is None:
                self._report.unsupported(
                    key,
                    f"{source.source} is not fetched",
                    "give an https or hf URL as `source` and a path in the project as `target`",
                )
            else:
                self._report.changed(
                    key,
                    f"{source.source} fetched by the runner and linked as {place}",
                    "fal's disk /data keeps it for all runners",
                )
        return tuple({**dict(self._config.fetched_weights()), **self._settings.weights}.items())

    def _image(self, there: RequirementSet) -> ImagePlan | None:
        """Return the image that is built; None where fal's own runtime does, or the App has one."""
        settings = self._settings
        if settings.own_image:
            return None
        reasons = image_reasons(self._config, there)
        if self._decision.own and settings.kind != "virtualenv":
            reasons = ("the model's own environment", *reasons)
        if settings.dockerfile is not None:
            reasons = (*reasons, f"the Dockerfile {settings.dockerfile.name}")
        if settings.kind == "container":
            reasons = (*reasons, "the App's kind")
        if settings.kind == "virtualenv":
            remedy = 'remove kind = "virtualenv" to have an image built'
            for reason in reasons:
                self._report.unsupported(reason, "left out", remedy)
        if settings.kind == "virtualenv" or not reasons:
            return None
        because = f"because of {', '.join(reasons)}"
        self._report.changed("build", "built as a container image", because)
        return ImagePlanner(
            self._config,
            self._requirements,
            settings,
            self._report,
            self._root,
            self._python,
            self._decision.own,
        ).plan()

    def _model(self, directory: Path) -> ModelEnvironment | None:
        if not self._decision.own:
            return None
        installs = filter(None, self._settings.layers)
        return model_environment(
            self._python, self._requirements, directory, installs, root=self._root
        )

    def _made_by_runner(self, image: ImagePlan | None) -> bool:
        if not self._decision.own or image is not None or self._settings.own_image:
            return False
        self._report.changed(
            "kind",
            "the model's environment is made by the first runner when it starts, and kept on /data",
            'kind = "virtualenv" leaves no image to make it in: that start takes as long as '
            "installing everything, later ones as long as reading it from the disk",
        )
        return True

    def _arguments(self, image: ImagePlan | None) -> tuple[str, ...]:
        """Return what is installed for fal's process, and for the author's where it is shared."""
        own = self._settings.requirements
        urls = [each.source for each in self._config.weights if each.target]
        urls += [each.url for each in self._settings.weights.values()]
        if any(url.startswith("hf://") for url in urls):
            own = (*own, "huggingface_hub")
        if image is not None or (self._decision.own and self._settings.own_image):
            return own
        if self._decision.own:
            return (*own, "uv")
        found = install_arguments(self._requirements, self._root, self._report, self._python)
        return (*found, *own)

    def _server_python(self, image: ImagePlan | None) -> str:
        if self._decision.own:
            return self._settings.client_python
        newest = minor(self._python)
        if image is not None or newest == self._python:
            return self._python
        self._report.changed(
            self._config.at("build.python_version"),
            f"the newest Python {newest}",
            'fal\'s own runtime has one of each; set kind = "container" for the exact patch',
        )
        return newest

    def _multiplexing(self) -> int | None:
        wanted = self._settings.max_multiplexing or self._config.max_concurrency
        return wanted if self._settings.asynchronous else None

    def _interpreter(
        self, image: ImagePlan | None, model: ModelEnvironment | None, machine: MachineChoice
    ) -> str | None:
        """Where the model's Python is on the runner, None where it is fal's."""
        if self._settings.own_image:
            return self._settings.interpreter
        if image is not None or model is None:
            return image.interpreter if image else None
        place = Path(RUNNER_ENVIRONMENTS)
        return str(interpreter_of(model, place, cpu=not machine.has_gpu))


def cache_variables(directory: str | None) -> tuple[tuple[str, str], ...]:
    """Return the variables that make libraries download into `directory`; none for None.

    `COGFAL_DOWNLOADS` is read by cogfal's own `pget`.
    """
    if directory is None:
        return ()
    base = directory.rstrip("/")
    return tuple((name, f"{base}/{part}".rstrip("/")) for name, part in _CACHES.items())


def app_name(image: str | None) -> str | None:
    """Return a name for the app from cog.yaml's `image`, in the form that fal takes."""
    if image is None:
        return None
    last = image.split("@")[0].rpartition("/")[2].partition(":")[0]
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-") or None
