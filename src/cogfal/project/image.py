"""Plan a container image: what goes into its Dockerfile, and which secrets its build needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import tomli

from cogfal.errors import ConfigError
from cogfal.project.config import CogConfig, Command, PlanSettings
from cogfal.project.dockerfile import (
    BASE_PACKAGES,
    MODEL_PYTHON,
    Recipe,
    take_over,
    write_dockerfile,
)
from cogfal.project.frameworks import tensorflow_release, with_commands
from cogfal.project.hardware import (
    CUDA_COMPILED,
    CUDA_IMAGES,
    FIRST_ON_BOOKWORM,
    NEWEST_CUDA,
    OLDEST_MANAGED,
    TENSORFLOW,
    CudaImage,
    dotted,
)
from cogfal.project.installer import PROJECT_DIRECTORY, file_lines
from cogfal.project.model_environment import installed
from cogfal.project.place import read_text
from cogfal.project.report import Report
from cogfal.project.requirements import Link, Local, Option, RequirementSet
from cogfal.spec import Location
from cogfal.version import minor

_IMAGE_KEYS: Final = ("system_packages", "pre_install", "run", "cuda", "cudnn")
_APT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+~:*-]+)?[+-]?")
_APT_OPTION: Final = re.compile(r"--?[a-z][a-z-]*(=[A-Za-z0-9.:/-]+)?")
_APT_REDIRECTED: Final = re.compile(r"[<>]=?[A-Za-z0-9.+~:*-]*$")
_APT_RENAMED: Final = {"libgl1-mesa-glx": "libgl1", "python-dev": "python3-dev"}
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
    if config.build.gpu and tensorflow_release(requirements, config) is not None:
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
    return tuple(each.name for each in requirements.packages() if each.name in CUDA_COMPILED)


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
    try:
        return "name" in tomli.loads(read_text(pyproject)).get("project", {})
    except tomli.TOMLDecodeError:
        return False


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """A Dockerfile, and its build secrets by mount id as references to fal secrets.

    `interpreter` is the path of the model's Python in the image, where fal's is another.
    """

    dockerfile: str
    build_secrets: tuple[tuple[str, str], ...] = ()
    interpreter: str | None = None


@dataclass(frozen=True, slots=True)
class ImagePlanner:
    """Plans the image of a project that fal's own runtime cannot serve, and reports each part.

    `python` is the version of the model's Python; `own` says whether fal's is put beside it.
    """

    config: CogConfig
    requirements: RequirementSet
    settings: PlanSettings
    report: Report
    root: Path
    python: str
    own: bool

    def plan(self) -> ImagePlan:
        """Return the plan.

        Raises:
            ConfigError: Something in cog.yaml or the requirements cannot be built.
        """
        recipe = self._recipe()
        secrets = tuple(self._secrets())
        if self.settings.dockerfile is not None:
            text = take_over(self.root / self.settings.dockerfile, recipe, self.report)
            python = self.settings.interpreter or MODEL_PYTHON
        else:
            self.report.changed(
                "build",
                f"{len(BASE_PACKAGES)} system packages of Cog's base images installed",
                "git, curl, ffmpeg, libgl1 and so on, which authors use without naming them",
            )
            text, python = write_dockerfile(recipe), recipe.interpreter
        return ImagePlan(text, secrets, interpreter=python if self.own else None)

    def _recipe(self) -> Recipe:
        lines, constraints = file_lines(self.requirements, self.root)
        cuda = self._cuda()
        return Recipe(
            self._python_version(cuda),
            gpu=self.config.build.gpu,
            cuda=cuda,
            system_packages=self._system_packages(),
            variables=tuple(self._variables()),
            pre_install=self._commands("pre_install"),
            requirements=lines,
            constraints=constraints,
            secrets=self.requirements.secrets,
            run=self._commands("run"),
            locals=tuple(self._locals()),
            directories=tuple(
                line.directory.relative_to(self.root).as_posix()
                for line in self.requirements.lines
                if isinstance(line, Option) and line.directory is not None
            ),
            layers=self.settings.layers if self.own else (),
            fal_python=self.settings.client_python if self.own else None,
        )

    def _secrets(self) -> Iterator[tuple[str, str]]:
        """Yield each secret of the build, and what it is on fal."""
        commands = self.config.build.pre_install + self.config.build.run
        ids = [mount.id for command in commands for mount in command.mounts]
        for name in dict.fromkeys([*ids, *self.requirements.secrets]):
            given = self.settings.build_secrets.get(name)
            secret = given or re.sub(r"[^A-Z0-9]+", "_", name.upper())
            self.report.changed(
                f"secret {name}",
                f"the fal secret {secret}",
                f"`fal secrets set {secret}=...` replaces `cog build --secret id={name},...`",
            )
            yield name, f"${secret}"

    def _python_version(self, cuda: CudaImage | None) -> str:
        """Return the version of which there is an image, or a build of uv's."""
        version = self.python
        numbers = tuple(map(int, version.split(".")))
        if self.settings.dockerfile is not None:
            return version
        if cuda is not None and numbers[:2] < OLDEST_MANAGED:
            raise ConfigError(
                f"no Python {version} can be had for an image of NVIDIA's",
                where=self.config.where("build.python_version"),
                remedy="use Python 3.8 or newer, leave out `cuda`, or set "
                '`dockerfile = "Dockerfile"` on the App, to a Dockerfile that installs it',
            )
        first = FIRST_ON_BOOKWORM.get(numbers[:2])
        if cuda is not None or len(numbers) < 3 or (first is not None and numbers[2] >= first):
            return version
        newest = dotted(numbers[:2])
        self.report.changed(
            self.config.at("build.python_version"),
            f"the newest Python {newest}",
            f"the images of {version} stand on a Debian whose packages are no longer served; Cog's "
            "own base images have the newest patch, too",
        )
        return newest

    def _cuda(self) -> CudaImage | None:
        """Return the image to build on, for the CUDA that is asked for or that something needs."""
        build = self.config.build
        asked = bool(build.cuda or build.cudnn)
        cuda, cudnn = (build.cuda, build.cudnn) if asked else self._implied_cuda()
        if cuda is None and cudnn is None:
            return None
        image = cuda_image(cuda, cudnn)
        key = self.config.at("build.cuda" if build.cuda else "build.cudnn")
        if image is None:
            known = ", ".join(map(dotted, sorted({image.cuda[:2] for image in CUDA_IMAGES})))
            raise ConfigError(
                f"there is no CUDA {cuda} image", where=key.where, remedy=f"use one of {known}"
            )
        found = dotted(image.cuda)
        if not asked:
            self.report.changed(
                self.config.at("build.gpu"),
                f"built on nvidia/cuda:{image.tag}",
                "something in it loads or compiles against CUDA",
            )
        elif cuda is not None and not f"{found}.".startswith(f"{cuda}."):
            why = f"NVIDIA has no {cuda} image" + (f" with cuDNN {cudnn}" if cudnn else "")
            self.report.changed(key, f"CUDA {found}", why)
        else:
            self.report.kept(key, f"nvidia/cuda:{image.tag}")
        if cudnn is not None and cudnn.partition(".")[0] != str(image.cudnn):
            self.report.changed(
                self.config.at("build.cudnn"),
                f"cuDNN {image.cudnn}",
                f"the image of CUDA {found} has no other",
            )
        return image

    def _implied_cuda(self) -> tuple[str | None, str | None]:
        """The CUDA that TensorFlow loads, or that code compiled in the image must match."""
        if not self.config.build.gpu:
            return None, None
        release = tensorflow_release(self.requirements, self.config)
        if release is not None:
            cuda, cudnn = TENSORFLOW[release]
            return dotted(cuda), str(cudnn)
        if tuple(map(int, minor(self.python).split("."))) < OLDEST_MANAGED:
            return None, None  # NVIDIA's images cannot have it; wheels bring their own CUDA
        if needs_compiler(self.config, self.requirements) or of_nvidia(self.config):
            known = [each.cuda for each in with_commands(self.config, self.requirements)]
            return dotted((known or [NEWEST_CUDA])[0]), None
        return None, None

    def _system_packages(self) -> tuple[str, ...]:
        key = self.config.at("build.system_packages")
        asked = self.config.build.system_packages
        names = apt_names(asked, key.where)
        if asked:
            self.report.kept(key, ", ".join(names))
        for word in dict.fromkeys(part for text in asked for part in text.split()):
            name = _APT_REDIRECTED.sub("", word)
            if name != word:
                self.report.changed(
                    key,
                    f"{word} installed as {name}, in whatever version there is",
                    "a shell takes the rest for a redirection, with Cog too; write name=version",
                )
            if name not in names:
                self.report.changed(key, f"{name} replaced", "Debian renamed it")
        return names

    def _variables(self) -> Iterator[tuple[str, str]]:
        """Yield what the build may see; the rest is set when the runner starts."""
        for name, value in self.config.variables():
            key = self.config.at_variable(name)
            if _SECRET_NAME.search(name):
                self.report.changed(
                    key,
                    "kept out of the image",
                    f"it looks like a secret; better still, `fal secrets set {name}=...`",
                )
            elif value.isprintable():
                yield name, value
            else:
                self.report.changed(
                    key,
                    "set on the runner but not during the build",
                    "a Dockerfile has no values of several lines",
                )

    def _commands(self, stage: Literal["run", "pre_install"]) -> tuple[Command, ...]:
        for key, each in self.config.commands(stage):
            if any(found.name.lower() == "cog" for found in installed(each.command)):
                self.report.unsupported(key, "installs Cog", "remove it: cogfal provides it")
            else:
                self.report.kept(key, "a RUN instruction")
        return tuple(each for _, each in self.config.commands(stage))

    def _locals(self) -> Iterator[str]:
        """Yield the words that install the requirements inside of the project."""
        for line in self.requirements.lines:
            if not isinstance(line, Local):
                continue
            if not line.path.is_relative_to(self.root):
                raise ConfigError(
                    f"{line.path.name} lies outside the project",
                    where=line.where,
                    remedy="copy it into the project: an image is built from the project's files "
                    "alone",
                )
            relative = line.path.relative_to(self.root).as_posix()
            path = PROJECT_DIRECTORY if relative == "." else f"{PROJECT_DIRECTORY}/{relative}"
            if line.editable:
                yield "-e"
            yield f"{path}{line.extras}"


def apt_names(names: Iterable[str], where: Location | str) -> tuple[str, ...]:
    """Return the words for apt-get: names, with a version where one is given, and options.

    A shell takes `name>=1.2` for a name and a redirection, so that Cog installs just that name.

    Raises:
        ConfigError: One is neither.
    """
    found = []
    for word in (part for text in names for part in text.split()):
        name = _APT_REDIRECTED.sub("", word)
        if not _APT_NAME.fullmatch(name) and not _APT_OPTION.fullmatch(name):
            raise ConfigError(
                f"{word!r} is not the name of a system package",
                where=where,
                remedy="write names such as ffmpeg or libgl1, or ffmpeg=7:5.1.6",
            )
        found.append(_APT_RENAMED.get(name, name.removesuffix("t64")))
    return tuple(dict.fromkeys(found))


def cuda_image(cuda: str | None, cudnn: str | None) -> CudaImage | None:
    """Return the image nearest to what is asked for, None where there is none.

    CUDA counts more than cuDNN: within one major version newer CUDA libraries serve older
    programs, so the next higher version is taken before a lower one.
    """
    wanted = tuple(map(int, cuda.split("."))) if cuda else None
    major = int(cudnn.partition(".")[0]) if cudnn else None
    images = [image for image in CUDA_IMAGES if wanted is None or image.cuda[0] == wanted[0]]
    if major is not None:
        images = [image for image in images if image.cudnn == major] or images
    if wanted is None:
        images = [image for image in images if image.cuda[:2] <= NEWEST_CUDA] or images
        return images[-1] if images else None
    exact = [image for image in images if image.cuda[: len(wanted)] == wanted]
    higher = [image for image in images if image.cuda >= wanted]
    return next(iter(exact[-1:] or higher[:1] or images[-1:]), None)
