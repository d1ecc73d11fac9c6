"""Write a Dockerfile for what fal's own runtime cannot provide.

Instructions are made by functions that quote what they are given, so that no value can end its
instruction and begin another. COPY starts at the first column because fal's reader looks only
there. There is nothing of Cog's runtime, no EXPOSE and no CMD: fal brings its own.

The base image's Python is the model's, as under Cog, and its packages lie below the project's
files. Where the model has an environment of its own, fal's interpreter is put beside it and comes
first on the PATH in the last instruction, so that fal's own last layer, which runs pip, meets it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogfal.errors import ConfigError
from cogfal.project.config import Command, Mount
from cogfal.project.hardware import CUDA_IMAGES, NEWEST_CUDA, CudaImage
from cogfal.project.installer import PROJECT_DIRECTORY
from cogfal.project.plan_settings import minor
from cogfal.spec import Location

FAL_DIRECTORY: Final = "/opt/fal"
"""Where fal's own interpreter lies beside the model's."""

MODEL_PYTHON: Final = "/opt/model/python"
"""Starts the Python of an image whose Dockerfile is not written here."""

_PYTHON_DIRECTORY: Final = "/opt/python"
_OWN_VARIABLES: Final = (
    "DEBIAN_FRONTEND",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_VISIBLE_DEVICES",
    "PYTHONUNBUFFERED",
)
_PIP_DIRECTORY: Final = "/opt/requirements"
_MAX_INSTRUCTION: Final = 16_000
_UV_IMAGE: Final = "ghcr.io/astral-sh/uv:0.9.7"
_CACHE_MOUNTS: Final = re.compile(
    r"(?:--mount=type=(?:cache|tmpfs)"
    r"(?:,(?:target|id|sharing|size|mode|uid|gid)=[\w./-]+)+ )+(?=\S)"
)
"""Docker's flags for directories that are kept between builds, or that are in memory."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./(\"'${][ -~]*[^\s\\]|[A-Za-z0-9]")
_APT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+~:*-]+)?[+-]?")
_APT_OPTION: Final = re.compile(r"--?[a-z][a-z-]*(=[A-Za-z0-9.:/-]+)?")
_APT_REDIRECTED: Final = re.compile(r"[<>]=?[A-Za-z0-9.+~:*-]*$")
_APT_RENAMED: Final = {"libgl1-mesa-glx": "libgl1", "python-dev": "python3-dev"}
_BASE_PACKAGES: Final = (
    "build-essential ca-certificates cmake curl ffmpeg findutils git libavcodec-dev libcairo2-dev "
    "libfontconfig1 libgirepository1.0-dev libgl1 libglib2.0-0 libglx-mesa0 libopencv-dev libsm6 "
    "libsndfile1 libssl-dev libunistring-dev libxext6 libxrender1 sox sudo unzip wget xz-utils "
    "zip zstd"
)
BASE_PACKAGES: Final = tuple(_BASE_PACKAGES.split())
"""What the base images of Cog hold, which authors use without naming it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What goes into the image, in the order of its layers.

    `secrets` are the ids of build secrets that hold values for `${NAME}` in the requirements;
    `folders` are directories of packages in the project, copied before the requirements are
    installed; `locals` are requirements inside the project, installed after it is copied. `layers`
    are further requirements, installed one after the other. `fal_python` is the version of fal's
    own interpreter where it is not the image's.
    """

    python_version: str
    gpu: bool = False
    cuda: CudaImage | None = None
    system_packages: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    pre_install: tuple[Command, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    run: tuple[Command, ...] = ()
    locals: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    layers: tuple[tuple[str, ...], ...] = ()
    fal_python: str | None = None

    @property
    def interpreter(self) -> str:
        """The path of the model's Python in the image that is written here."""
        return f"{_PYTHON_DIRECTORY}/bin/python" if self.cuda else "/usr/local/bin/python"


def write_dockerfile(recipe: Recipe) -> str:
    """Return the text of the Dockerfile."""
    lines = [
        *_base(recipe),
        *_beside(recipe),
        *(_variable(name, value) for name, value in recipe.variables),
        *_folders(recipe),
        *_pip(recipe),
        *(run(command.command, command.mounts) for command in recipe.run),
        *(run(command.command, command.mounts) for command in recipe.pre_install),
        *_layers(recipe),
        *_project(recipe),
        *_last(recipe),
    ]
    return "\n".join(lines) + "\n"


def project_layers(recipe: Recipe) -> list[str]:
    """Return what follows on a Dockerfile that is there already.

    Its own Python is remembered before fal's comes first on the PATH.
    """
    start = f'mkdir -p {Path(MODEL_PYTHON).parent} && printf \'#!/bin/sh\\nexec "%s" "$@"\\n\' '
    find = '"$(python -c "import sys; print(sys.executable)")"'
    remember = run(f"{start}{find} > {MODEL_PYTHON} && chmod +x {MODEL_PYTHON}")
    own = [remember] if recipe.fal_python else []
    beside = [*_beside(recipe), *own]
    return [
        *beside,
        *_folders(recipe),
        *_pip(recipe),
        *_layers(recipe),
        *_project(recipe),
        *_last(recipe),
    ]


def run(command: str, mounts: Sequence[Mount] = ()) -> str:
    """Return a RUN instruction that gives `command` to the shell, whatever it contains.

    A command of one plain line stays readable; any other is written as a JSON array, which Docker
    neither expands nor continues. Mounts of caches that an author wrote in front of the command
    stay flags, as they are for Cog, since they reach nothing outside of the build.
    """
    flags = "".join(f"--mount=type=secret,id={mount.id},target={mount.target} " for mount in mounts)
    text = command.strip()
    caches = _CACHE_MOUNTS.match(text)
    if caches is not None:
        flags, text = flags + caches[0], text[caches.end() :]
    if _PLAIN.fullmatch(text) and "<<" not in text:
        return f"RUN {flags}{text}"
    array = json.dumps(["/bin/sh", "-c", text]).replace("<", "\\u003c")
    return f"RUN {flags}{array}"


def env(name: str, value: str) -> str:
    """Return an ENV instruction; `value` is taken literally and must be one line."""
    quoted = re.sub(r'(["$\\])', r"\\\1", value)
    return f'ENV {name}="{quoted}"'


def _variable(name: str, value: str) -> str:
    """Let the commands that follow see a variable, and nobody afterwards."""
    text = env(name, value)
    return text if name in _OWN_VARIABLES else f"ARG {text.removeprefix('ENV ')}"


def copy(source: str, target: str) -> str:
    """Return a COPY instruction in its JSON form."""
    return "COPY " + json.dumps([source, target])


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


def _base(recipe: Recipe) -> list[str]:
    if recipe.cuda is None:
        lines = [f"FROM python:{recipe.python_version}-slim-bookworm"]
    else:
        lines = [f"FROM nvidia/cuda:{recipe.cuda.tag}"]
    if recipe.gpu:
        lines += [env("NVIDIA_VISIBLE_DEVICES", "all"), env("NVIDIA_DRIVER_CAPABILITIES", "all")]
    lines += [env("DEBIAN_FRONTEND", "noninteractive"), env("PYTHONUNBUFFERED", "1")]
    lines.append(_apt(BASE_PACKAGES))
    if recipe.cuda is not None:
        lines += _python(recipe.python_version)
    if recipe.system_packages:
        lines.append(_apt(recipe.system_packages, recommended=True))
    return lines


def _apt(names: Sequence[str], *, recommended: bool = False) -> str:
    flags = "" if recommended else "--no-install-recommends "
    packages = " ".join(map(shlex.quote, names))
    return run(
        f"apt-get update -qq && apt-get install -qqy {flags}{packages} "
        "&& rm -rf /var/lib/apt/lists/*"
    )


def _python(version: str) -> list[str]:
    """CUDA's images have no Python: a virtualenv, so that pip may write to it."""
    versions = dict.fromkeys(
        [version, minor(version)]
    )  # not every patch was ever built to be portable
    commands = (_venv(v, _PYTHON_DIRECTORY) for v in versions)
    return [
        f"COPY --from={_UV_IMAGE} /uv /usr/local/bin/uv",
        run(" || ".join(commands)),
        _seed(_PYTHON_DIRECTORY),
        f'ENV PATH="{_PYTHON_DIRECTORY}/bin:$PATH"',
    ]


def _venv(version: str, directory: str) -> str:
    return f"UV_PYTHON_INSTALL_DIR=/opt/uv uv venv --managed-python -p {version} {directory}"


def _seed(directory: str) -> str:
    """Give a virtualenv the pip, and to 3.11 the setuptools, that its Python brings along."""
    return run(f"{directory}/bin/python -m ensurepip --default-pip")


def _beside(recipe: Recipe) -> list[str]:
    """Fal's interpreter; seeded, as a Python of uv's own refuses the pip of fal's last layer."""
    if recipe.fal_python is None:
        return []
    uv = [] if recipe.cuda else [f"COPY --from={_UV_IMAGE} /uv /usr/local/bin/uv"]
    return [*uv, run(_venv(recipe.fal_python, FAL_DIRECTORY)), _seed(FAL_DIRECTORY)]


def _last(recipe: Recipe) -> list[str]:
    return [f'ENV PATH="{FAL_DIRECTORY}/bin:$PATH"'] if recipe.fal_python else []


def _folders(recipe: Recipe) -> list[str]:
    return [copy(f"{each}/", f"{PROJECT_DIRECTORY}/{each}/") for each in recipe.folders]


def _layers(recipe: Recipe) -> list[str]:
    words = (" ".join(map(shlex.quote, layer)) for layer in recipe.layers)
    return [run(f"python -m pip install --no-cache-dir {each}") for each in words]


def _pip(recipe: Recipe) -> list[str]:
    if not recipe.requirements:
        return []
    files = {f"{_PIP_DIRECTORY}/requirements.txt": recipe.requirements}
    flags = f"-r {_PIP_DIRECTORY}/requirements.txt"
    if recipe.constraints:
        files[f"{_PIP_DIRECTORY}/constraints.txt"] = recipe.constraints
        flags += f" -c {_PIP_DIRECTORY}/constraints.txt"
    exports = [f'export {name}="$(cat /run/secrets/{name})"' for name in recipe.secrets]
    install = " && ".join([*exports, f"python -m pip install --no-cache-dir {flags}"])
    mounts = [Mount(name, f"/run/secrets/{name}") for name in recipe.secrets]
    return [
        run(f"mkdir -p {_PIP_DIRECTORY}"),
        *(text for path, lines in files.items() for text in _write(path, lines)),
        run(install, mounts),
    ]


def _write(path: str, lines: Iterable[str]) -> list[str]:
    """Instructions that write lines to a file; Docker takes no line of more than 64 KiB."""
    chunks: list[list[str]] = [[]]
    for line in map(shlex.quote, lines):
        if sum(map(len, chunks[-1])) + len(line) > _MAX_INSTRUCTION:
            chunks.append([])
        chunks[-1].append(line)
    return [run(f"printf '%s\\n' {' '.join(chunk)} >> {path}") for chunk in chunks]


def _project(recipe: Recipe) -> list[str]:
    lines = [f"WORKDIR {PROJECT_DIRECTORY}", copy(".", f"{PROJECT_DIRECTORY}/")]
    if recipe.locals:
        paths = " ".join(map(shlex.quote, recipe.locals))
        lines.append(run(f"python -m pip install --no-cache-dir {paths}"))
    return lines
