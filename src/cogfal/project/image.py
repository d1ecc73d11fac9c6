"""Plan a container image: what goes into its Dockerfile, and which secrets its build needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from cogfal.errors import ConfigError
from cogfal.project.cog_dockerfile import take_over
from cogfal.project.config import CogConfig, Command
from cogfal.project.dockerfile import (
    BASE_PACKAGES,
    MODEL_PYTHON,
    Recipe,
    apt_names,
    cuda_image,
    write_dockerfile,
)
from cogfal.project.hardware import (
    CUDA_COMPILED,
    CUDA_IMAGES,
    FIRST_ON_BOOKWORM,
    NEWEST_CUDA,
    OLDEST_MANAGED,
    CudaImage,
    dotted,
)
from cogfal.project.installer import PROJECT_DIRECTORY, file_lines
from cogfal.project.machine_choice import frameworks, tensorflow_release
from cogfal.project.pip_commands import installed
from cogfal.project.place import read_text
from cogfal.project.plan_settings import PlanSettings
from cogfal.project.report import Report
from cogfal.project.requirements import Link, Local, Option, Package, RequirementSet
from cogfal.project.variables import variables

_IMAGE_KEYS: Final = ("system_packages", "pre_install", "run", "cuda", "cudnn")
_SECRET_NAME: Final = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIALS?)(?:_|$)"
)


def image_reasons(config: CogConfig, requirements: RequirementSet) -> tuple[str, ...]:
    """Return what fal's own runtime cannot provide; empty where it does for everything."""
    reasons = [f"build.{key}" for key in _IMAGE_KEYS if getattr(config.build, key)]
    if config.build.gpu and of_nvidia(config):
        reasons.append("system packages of NVIDIA's")
    if config.build.gpu:
        reasons += [f"{name}, which compiles CUDA code" for name in compiled(requirements)]
    if requirements.secrets:
        reasons.append("credentials for the package index")
    if config.build.gpu and tensorflow_release(requirements) is not None:
        reasons.append("tensorflow, which loads CUDA from the system")
    reasons += [
        f"the packages in {line.value}"
        for line in requirements.lines
        if isinstance(line, Option) and line.directory is not None
    ]
    reasons += [
        f"the local requirement {line.path.name}"
        for line in requirements.lines
        if isinstance(line, Local) and not buildable(line.path)
    ]
    return tuple(dict.fromkeys(reasons))


def of_nvidia(config: CogConfig) -> bool:
    """Whether a system package is NVIDIA's, which only images that stand on theirs can install."""
    return any(
        name.startswith(("cuda-", "libcudnn", "libcublas", "libnccl"))
        for text in config.build.system_packages
        for name in text.split()
    )


def compiled(requirements: RequirementSet) -> tuple[str, ...]:
    """Return the requirements that need CUDA's compiler to be installed."""
    names = (canonicalize_name(package.requirement.name) for package in requirements.packages())
    return tuple(name for name in names if name in CUDA_COMPILED)


def needs_compiler(config: CogConfig, requirements: RequirementSet) -> bool:
    """Whether the image of a GPU project may have to compile CUDA code while it is built."""
    build = config.build
    links = any(isinstance(line, Link | Local) for line in requirements.lines)
    return build.gpu and bool(build.run or build.pre_install or links or compiled(requirements))


def buildable(path: Path) -> bool:
    """Whether fal can send a local requirement by itself: a directory with a `[project]` name."""
    pyproject = path / "pyproject.toml"
    if not pyproject.is_file():
        return False
    text = read_text(pyproject)
    section = text.partition("[project]")[2].partition("\n[")[0]
    return any(line.split("=")[0].strip() == "name" for line in section.splitlines())


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """A Dockerfile, and its build secrets by mount id as references to fal secrets.

    `interpreter` is the path of the model's Python in the image, where fal's is another.
    """

    dockerfile: str
    build_secrets: tuple[tuple[str, str], ...] = ()
    directory: str = PROJECT_DIRECTORY
    interpreter: str | None = None


def plan_image(
    config: CogConfig,
    requirements: RequirementSet,
    settings: PlanSettings,
    report: Report,
    *,
    root: Path,
    python_version: str,
    own: bool = False,
) -> ImagePlan:
    """Plan the image of a project that fal's own runtime cannot serve.

    Args:
        config: Its cog.yaml.
        requirements: Its requirements.
        settings: What the App class asks for.
        report: Told what becomes of everything.
        root: The project's directory.
        python_version: The version of the model's Python.
        own: Whether fal's interpreter is put beside the model's.

    Raises:
        ConfigError: Something in cog.yaml or the requirements cannot be built.
    """
    lines, constraints = file_lines(requirements, root)
    cuda = _cuda(config, requirements, report, python_version)
    recipe = Recipe(
        _image_python(config, python_version, cuda, settings, report),
        gpu=config.build.gpu,
        cuda=cuda,
        system_packages=_system_packages(config, requirements, report),
        variables=_variables(config, report),
        pre_install=_commands(config, "pre_install", config.build.pre_install, report),
        requirements=lines,
        constraints=constraints,
        secrets=requirements.secrets,
        run=_commands(config, "run", config.build.run, report),
        locals=_locals(requirements, root),
        folders=_folders(requirements, root),
        layers=settings.layers if own else (),
        fal_python=settings.client_python if own else None,
    )
    secrets = _secrets(config, requirements, settings, report)
    if settings.dockerfile is not None:
        text = take_over(root / settings.dockerfile, recipe, report)
        found = settings.interpreter or MODEL_PYTHON
    else:
        _report_tools(report)
        text, found = write_dockerfile(recipe), recipe.interpreter
    return ImagePlan(text, secrets, interpreter=found if own else None)


def _image_python(
    config: CogConfig,
    version: str,
    cuda: CudaImage | None,
    settings: PlanSettings,
    report: Report,
) -> str:
    """Return the version of which there is an image, or a build of uv's."""
    where = config.where("build.python_version")
    numbers = tuple(map(int, version.split(".")))
    if settings.dockerfile is not None:
        return version
    if cuda is not None and numbers[:2] < OLDEST_MANAGED:
        raise ConfigError(
            f"no Python {version} can be had for an image of NVIDIA's",
            where=where,
            remedy='use Python 3.8 or newer, leave out `cuda`, or set `dockerfile = "Dockerfile"` '
            "on the App, to a Dockerfile that installs it",
        )
    first = FIRST_ON_BOOKWORM.get(numbers[:2])
    if cuda is not None or len(numbers) < 3 or (first is not None and numbers[2] >= first):
        return version
    newest = dotted(numbers[:2])
    report.changed(
        "build.python_version",
        f"the newest Python {newest}",
        f"the images of {version} stand on a Debian whose packages are no longer served; Cog's own "
        "base images have the newest patch, too",
        where=where,
    )
    return newest


def _report_tools(report: Report) -> None:
    report.changed(
        "build",
        f"{len(BASE_PACKAGES)} system packages of Cog's base images installed",
        "git, curl, ffmpeg, libgl1 and so on, which authors use without naming them",
    )


def _folders(requirements: RequirementSet, root: Path) -> tuple[str, ...]:
    """Return the directories of packages that `--find-links` names, relative to the project."""
    named = (line.directory for line in requirements.lines if isinstance(line, Option))
    return tuple(each.relative_to(root).as_posix() for each in named if each is not None)


def _cuda(
    config: CogConfig, requirements: RequirementSet, report: Report, python: str
) -> CudaImage | None:
    cuda, cudnn = config.build.cuda, config.build.cudnn
    if cuda is None and cudnn is None:
        cuda, cudnn = _implied_cuda(config, requirements, python)
    if cuda is None and cudnn is None:
        return None
    image = cuda_image(cuda, cudnn)
    key = "build.cuda" if config.build.cuda else "build.cudnn"
    where = config.where(key)
    if image is None:
        known = map(dotted, sorted({image.cuda[:2] for image in CUDA_IMAGES}))
        raise ConfigError(
            f"there is no CUDA {cuda} image", where=where, remedy=f"use one of {', '.join(known)}"
        )
    found = dotted(image.cuda)
    if config.build.cuda is None and config.build.cudnn is None:
        report.changed(
            "build.gpu",
            f"built on nvidia/cuda:{image.tag}",
            "something in it loads or compiles against CUDA",
            where=config.where("build.gpu"),
        )
    elif cuda is not None and not f"{found}.".startswith(f"{cuda}."):
        report.changed(key, f"CUDA {found}", f"NVIDIA has no {cuda} image", where=where)
    else:
        report.kept(key, f"nvidia/cuda:{image.tag}", where=where)
    if cudnn is not None and cudnn.partition(".")[0] != str(image.cudnn):
        report.changed(
            "build.cudnn",
            f"cuDNN {image.cudnn}",
            f"the image of CUDA {found} has no other",
            where=config.where("build.cudnn"),
        )
    return image


def _implied_cuda(
    config: CogConfig, requirements: RequirementSet, python: str
) -> tuple[str | None, str | None]:
    """The CUDA that TensorFlow loads, or that code compiled in the image must match."""
    if not config.build.gpu:
        return None, None
    release = tensorflow_release(requirements)
    if release is not None:
        return dotted(release.cuda), str(release.cudnn)
    if tuple(map(int, python.split(".")[:2])) < OLDEST_MANAGED:
        return None, None  # NVIDIA's images cannot have it; wheels bring their own CUDA
    if needs_compiler(config, requirements) or of_nvidia(config):
        known = [framework.cuda for framework in frameworks(requirements, None)]
        return dotted((known or [NEWEST_CUDA])[0]), None
    return None, None


def _system_packages(
    config: CogConfig, requirements: RequirementSet, report: Report
) -> tuple[str, ...]:
    where = config.where("build.system_packages")
    asked = config.build.system_packages
    names = apt_names(asked, where)
    if asked:
        report.kept("build.system_packages", ", ".join(names), where=where)
    missing = [name for text in asked for name in text.split() if name not in names]
    for name in dict.fromkeys(missing):
        report.changed(
            "build.system_packages", f"{name} replaced", "Debian renamed it", where=where
        )
    if "git" not in names and any(_from_git(line) for line in requirements.lines):
        report.changed("build.system_packages", "git added", "a requirement is a Git repository")
        names = ("git", *names)
    return names


def _from_git(line: object) -> bool:
    match line:
        case Link(url=url):
            return url.startswith("git+")
        case Package(requirement=requirement):
            return (requirement.url or "").startswith("git+")
        case _:
            return False


def _variables(config: CogConfig, report: Report) -> tuple[tuple[str, str], ...]:
    """What the build may see; the rest is set when the runner starts."""
    found = []
    for name, value in variables(config):
        if _SECRET_NAME.search(name):
            report.changed(
                f"environment.{name}",
                "kept out of the image",
                f"it looks like a secret; better still, `fal secrets set {name}=...`",
                where=config.where(f"environment.{name}"),
            )
        elif value.isprintable():
            found.append((name, value))
        else:
            report.changed(
                f"environment.{name}",
                "set on the runner but not during the build",
                "a Dockerfile has no values of several lines",
                where=config.where(f"environment.{name}"),
            )
    return tuple(found)


def _commands(
    config: CogConfig, key: str, commands: tuple[Command, ...], report: Report
) -> tuple[Command, ...]:
    for i, command in enumerate(commands):
        where = config.where(f"build.{key}[{i}]")
        if any(found.name.lower() == "cog" for found in installed(command.command)):
            report.unsupported(
                f"build.{key}[{i}]", "installs Cog", "remove it: cogfal provides it", where=where
            )
        else:
            report.kept(f"build.{key}[{i}]", "a RUN instruction", where=where)
    return commands


def _locals(requirements: RequirementSet, root: Path) -> tuple[str, ...]:
    found = []
    for line in requirements.lines:
        if not isinstance(line, Local):
            continue
        if not line.path.is_relative_to(root):
            raise ConfigError(
                f"{line.path.name} lies outside the project",
                where=line.where,
                remedy="copy it into the project: an image is built from the project's files alone",
            )
        relative = line.path.relative_to(root).as_posix()
        path = PROJECT_DIRECTORY if relative == "." else f"{PROJECT_DIRECTORY}/{relative}"
        found += (["-e"] if line.editable else []) + [f"{path}{line.extras}"]
    return tuple(found)


def _secrets(
    config: CogConfig, requirements: RequirementSet, settings: PlanSettings, report: Report
) -> tuple[tuple[str, str], ...]:
    commands = config.build.pre_install + config.build.run
    ids = [mount.id for command in commands for mount in command.mounts]
    found: dict[str, str] = {}
    for name in [*ids, *requirements.secrets]:
        secret = settings.build_secrets.get(name) or re.sub(r"[^A-Z0-9]+", "_", name.upper())
        found[name] = f"${secret}"
        report.changed(
            f"secret {name}",
            f"the fal secret {secret}",
            f"`fal secrets set {secret}=...` replaces `cog build --secret id={name},...`",
        )
    return tuple(found.items())
