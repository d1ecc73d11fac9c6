"""fal's settings of an App class, as they follow from the plan of its environment.

The project's files always travel, with what .dockerignore leaves out left out; what the App names
in its own `app_files` settings comes in addition, and what it ignores stays behind in addition.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, Final

from fal.container import ContainerImage
from packaging.requirements import InvalidRequirement, Requirement

from cogfal.errors import SettingError
from cogfal.outputs.delivery import may_hold_file
from cogfal.project.file_choice import PlannedFiles, exact_pattern
from cogfal.project.plan import PlannedEnvironment
from cogfal.settings import EnvironmentSettings
from cogfal.spec import PredictorSpec, ProjectSpec

RUNNER_REQUIREMENTS: Final = ("pillow",)
"""What cogfal's own code needs on a runner beyond the packages that fal installs there."""

_SECRETS: Final = r"(^|/)\.env$"
"""What no directory that the App names may bring along."""

_WORKDIR: Final = re.compile(r"^\s*WORKDIR\s", re.IGNORECASE | re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def fal_settings(
    environment: PlannedEnvironment,
    project: ProjectSpec,
    wanted: EnvironmentSettings,
    declared: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the attributes that are to be set on the class.

    Where the class declares one itself, that holds, but the project's files and what cogfal needs
    come in addition.
    """
    spec = project.predictor
    machine = environment.machine_type
    settings: dict[str, Any] = {"machine_type": machine if isinstance(machine, str) else [*machine]}
    multiplexing = environment.max_multiplexing or spec.max_concurrency
    if multiplexing is not None and spec.shape.asynchronous:
        settings["max_multiplexing"] = multiplexing
    missing = {name: value for name, value in settings.items() if name not in declared}
    if declared.get("image") is not None:
        files: dict[str, Any] = {"image": with_project(declared["image"], environment.files, spec)}
    elif environment.kind == "virtualenv":
        files = {
            "app_files": list(environment.files.include),
            "app_files_ignore": list(environment.files.ignore),
            "app_files_context_dir": environment.files.context,
            "requirements_context_dir": declared.get("requirements_context_dir", project.root),
        }
    else:
        files = _container(environment, wanted)
    requirements = list(environment.requirements)
    if not environment.decision.own:  # else what is declared is the model's
        requirements = declared.get("requirements", requirements)
    needed = runner_requirements(*filter(None, (spec, project.trainer)))
    return {**missing, **files, "requirements": _with(requirements, needed)}


def runner_requirements(*specs: PredictorSpec) -> tuple[str, ...]:
    """Return what cogfal's own code needs on the runner of these.

    Pillow looks at pictures that are delivered, and at nothing else.
    """
    return RUNNER_REQUIREMENTS if any(may_hold_file(spec.output) for spec in specs) else ()


def _with(requirements: list[Any], needed: Sequence[str]) -> list[Any]:
    """Add what is needed to an App's requirements, flat or in layers, unless it is named."""
    names = map(_NAME.match, flat(requirements))
    named = {name[0].lower() for name in names if name is not None}
    added = [each for each in needed if each not in named]
    if not added:
        return requirements
    return [*requirements, added] if _in_layers(requirements) else [*requirements, *added]


def is_requirement(line: str) -> bool:
    """Tell a requirement from an option, an option's value, and a path."""
    try:
        Requirement(line)
    except InvalidRequirement:
        return False
    return True


def flat(requirements: Sequence[Any]) -> list[str]:
    """Return the lines of all layers; the values of options, which are no lines, among them."""
    return [line for layer in layers_of(requirements) for line in layer]


def layers_of(requirements: Sequence[Any]) -> list[list[str]]:
    """Return an App's requirements as fal installs them, one list after the other."""
    return list(requirements) if _in_layers(requirements) else [list(requirements)]


def _in_layers(requirements: Sequence[Any]) -> bool:
    return any(isinstance(each, list) for each in requirements)


def fal_keywords(environment: PlannedEnvironment, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of the class statement."""
    if "python_version" in declared and not environment.decision.own:
        return {"python_version": declared["python_version"]}
    return {"python_version": environment.python_version}


def _container(environment: PlannedEnvironment, wanted: EnvironmentSettings) -> dict[str, Any]:
    files = environment.files
    assert environment.dockerfile is not None
    image = ContainerImage.from_dockerfile_str(
        environment.dockerfile,
        context_dir=Path(files.context),
        dockerignore=list(files.dockerignore),
        secrets=dict(environment.build_secrets),
        build_args=dict(wanted.build_args),
        registries={name: dict(each) for name, each in wanted.registries.items()},
        **({} if wanted.compression is None else {"compression": wanted.compression}),
    )
    # fal takes no app_files beside an image; what the class names is among what is copied
    return {"image": image, "app_files": [], "app_files_context_dir": None}


def with_project(image: ContainerImage, files: PlannedFiles, spec: PredictorSpec) -> ContainerImage:
    """Return an author's own image with the project in it, which is added where nothing copies it.

    What is added is said on stderr: `COPY . .`, in `/app` where the image names no directory.
    """
    sources = image.get_copy_add_sources()
    if any(map(partial(_covers, spec.path), sources)):
        return image
    if sources and Path(image.context_dir).resolve() != Path(files.context):
        return image
    text = image.dockerfile_str.rstrip()
    added = ["COPY . ."] if _WORKDIR.search(text) else ["WORKDIR /app", "COPY . ."]
    sys.stderr.write(
        f"cogfal: the App's image copies no {spec.path}, so the project's files are added to it: "
        f"{', '.join(added)}\n"
    )
    ignore: dict[str, Any] = {}
    if image.dockerignore_path is None:
        ignore = {"dockerignore": [*(image.dockerignore or []), *files.dockerignore]}
    return replace(
        image,
        dockerfile_str="\n".join([text, *added, ""]),
        context_dir=Path(files.context),
        **ignore,
    )


def _covers(path: str, source: str) -> bool:
    """Whether what a COPY names has a file of the project in it."""
    source = source.removeprefix("./").rstrip("/")
    return source in ("", ".", path) or path.startswith(f"{source}/") or fnmatch(path, source)


def with_declared_files(
    files: PlannedFiles, declared: Mapping[str, Any], app_file: Path, *, in_image: bool
) -> PlannedFiles:
    """Return the project's files with what the App's class says of them, relative to its file.

    Raises:
        SettingError: A path is not there, or the context does not hold the project.
    """
    ignore: Sequence[str] = declared.get("app_files_ignore") or ()
    if not (ignore or declared.get("app_files") or declared.get("app_files_context_dir")):
        return files
    root = Path(files.context)
    base = _base(declared, app_file, root)
    named = [_there(base / each, app_file) for each in declared.get("app_files") or ()]
    context = base if declared.get("app_files_context_dir") else root
    context = Path(os.path.commonpath([context, root, *named]))
    if in_image:
        return _in_image(files, named, ignore, app_file)
    prefix = root.relative_to(context)
    kept = [_exempting(_below(rule, prefix), named, context) for rule in files.ignore]
    rules = (*kept, _SECRETS, *ignore)
    further = [each for each in named if not each.is_relative_to(root)]
    include = [prefix.as_posix(), *(each.relative_to(context).as_posix() for each in further)]
    names = tuple(_names([root, *further], context, rules))
    return files._replace(
        context=str(context),
        include=tuple(include),
        ignore=rules,
        directory=str(Path(files.directory, prefix)),
        names=names,
        size=sum((context / name).stat().st_size for name in names),
    )


def _base(declared: Mapping[str, Any], app_file: Path, root: Path) -> Path:
    """Return what the App's paths are relative to."""
    named = declared.get("app_files_context_dir")
    base = (app_file.parent / (named or ".")).resolve()
    if named is not None and not root.is_relative_to(base):
        raise SettingError(
            f"app_files_context_dir is {named!r}, which does not hold the project {root}",
            where=app_file.name,
            remedy="name a directory above the project, or remove it",
        )
    return base


def _there(path: Path, app_file: Path) -> Path:
    if not path.exists():
        raise SettingError(
            f"app_files names {path}, which is not there",
            where=app_file.name,
            remedy="correct the path, which is relative to the App's file or to "
            "app_files_context_dir",
        )
    return path.parent.resolve() / path.name  # a link belongs where it lies


def _below(rule: str, prefix: Path) -> str:
    """Move a rule that begins at the project's directory to where that is in the context."""
    if not rule.startswith("^") or prefix == Path():
        return rule
    return f"^{re.escape(prefix.as_posix())}/{rule[1:]}"


def _exempting(rule: str, named: Iterable[Path], context: Path) -> str:
    """Let a rule that leaves out all of a named path not hold for it."""
    if not rule.startswith("^"):
        return rule
    for each in named:
        path = each.relative_to(context).as_posix()
        if re.match(rule, f"{path}/") or re.match(rule, path):
            rule = f"^(?!{re.escape(path)}(?:/|$)){rule[1:]}"
    return rule


def _names(places: Iterable[Path], context: Path, rules: Sequence[str]) -> Iterator[str]:
    left_out = [re.compile(rule) for rule in rules]
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            name = path.relative_to(context).as_posix()
            if path.is_file() and not any(rule.search(name) for rule in left_out):
                yield name


def _in_image(
    files: PlannedFiles, named: list[Path], ignore: Sequence[str], app_file: Path
) -> PlannedFiles:
    """Say the same in the notation of a .dockerignore."""
    root = Path(files.context)
    patterns = list(files.dockerignore)
    for each in named:
        if not each.is_relative_to(root):
            raise SettingError(
                f"app_files names {each}, and an image is built of the project {root}",
                where=app_file.name,
                remedy="move it into the project",
            )
        path = f"/{each.relative_to(root).as_posix()}"
        patterns = [rule for rule in patterns if rule not in (path, f"{path}/")]
    left_out = [re.compile(rule) for rule in ignore]
    stays = {name for name in files.names if any(rule.search(name) for rule in left_out)}
    exact = map(exact_pattern, sorted(stays))
    names = tuple(name for name in files.names if name not in stays)
    return files._replace(
        dockerignore=(*patterns, *exact),
        names=names,
        size=sum((root / name).stat().st_size for name in names),
    )
