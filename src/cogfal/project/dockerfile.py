"""Write a Dockerfile for what fal's own runtime cannot provide.

Instructions are made by functions that quote what they are given, so that no value can end its
instruction and begin another. COPY starts at the first column because fal's reader looks only
there. There is nothing of Cog's runtime, no EXPOSE and no CMD: fal brings its own.

The base image's Python is the model's, as under Cog, and its packages lie below the project's
files. Where the model has an environment of its own, fal's interpreter is put beside it and comes
first on the PATH in the last instruction, so that fal's own last layer, which runs pip, meets it.

A Dockerfile that `cog debug` printed is taken over instead. What belongs to Cog's server is left
out, as fal's guide "Migrate from Replicate" says: Cog's wheel and its requirements, EXPOSE, CMD and
the copy of the project, for which cogfal's own lines stand at the end.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogfal.errors import ConfigError
from cogfal.project.config import Command, Mount
from cogfal.project.hardware import CudaImage
from cogfal.project.installer import PROJECT_DIRECTORY
from cogfal.project.place import read_text
from cogfal.project.report import Report
from cogfal.spec import Location
from cogfal.version import minor

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
_PIP: Final = "python -m pip install --no-cache-dir"
_PIP_DIRECTORY: Final = "/opt/requirements"
_MAX_INSTRUCTION: Final = 16_000
_UV_IMAGE: Final = "ghcr.io/astral-sh/uv:0.9.7"
_CACHE_MOUNTS: Final = re.compile(
    r"(?:--mount=type=(?:cache|tmpfs)"
    r"(?:,(?:target|id|sharing|size|mode|uid|gid)=[\w./-]+)+ )+(?=\S)"
)
"""Docker's flags for directories that are kept between builds, or that are in memory."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./(\"'${][ -~]*[^\s\\]|[A-Za-z0-9]")
_BASE_PACKAGES: Final = (
    "build-essential ca-certificates cmake curl ffmpeg findutils git libavcodec-dev libcairo2-dev "
    "libfontconfig1 libgirepository1.0-dev libgl1 libglib2.0-0 libglx-mesa0 libopencv-dev libsm6 "
    "libsndfile1 libssl-dev libunistring-dev libxext6 libxrender1 sox sudo unzip wget xz-utils "
    "zip zstd"
)
BASE_PACKAGES: Final = tuple(_BASE_PACKAGES.split())
"""What the base images of Cog hold, which authors use without naming it."""

_DIRECTIVE: Final = re.compile(r"#\s*syntax\s*=")
_HEREDOC: Final = re.compile(r"<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_FILLS: Final = re.compile(r"\bpip install\b.*\s-t\s+/dep\b", re.DOTALL)
_COPIES: Final = re.compile(r"\bsource=/dep\b")
_PYTHONS: Final = re.compile(
    r"pyenv install(?:-latest)? \"?(3\.\d+(?:\.\d+)?)|uv python install (3\.\d+(?:\.\d+)?)"
    r"|^FROM \S*(?:python:|-python)(3\.\d+(?:\.\d+)?)",
    re.MULTILINE,
)
_LEFT_OUT: Final = (
    ("EXPOSE CMD ENTRYPOINT HEALTHCHECK STOPSIGNAL", "", "fal starts the app itself"),
    ("COPY", r"\s\.\s+/src/?\s*$", "the project is copied last, by cogfal's own line"),
    ("COPY ADD", r"(^|[\s\"'/])\.cog/", "Cog's temporary files do not exist on fal"),
    (
        "RUN",
        r"\bcog(let)?-[\w.+!]+-[\w.-]+\.whl|\bcog(let)?==",
        "cogfal takes the place of Cog's server",
    ),
    (
        "RUN",
        r"(?s)\bpip install\b.*\s-r\s+/tmp/requirements\.txt\b",
        "the requirements are installed below",
    ),
    ("LABEL", "cog", "it describes Cog's image"),
)
"""What of `cog debug`'s text stays behind: the instructions, what is in them, and why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What goes into the image, in the order of its layers.

    `secrets` are the ids of build secrets that hold values for `${NAME}` in the requirements;
    `directories` are those in the project that hold packages, copied before the requirements are
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
    directories: tuple[str, ...] = ()
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
        *_requirements(recipe),
        *(run(command.command, command.mounts) for command in recipe.run),
        *(run(command.command, command.mounts) for command in recipe.pre_install),
        *_project(recipe),
    ]
    return "\n".join(lines) + "\n"


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
    versions = dict.fromkeys([version, minor(version)])  # not every patch was built to be portable
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


def _requirements(recipe: Recipe) -> list[str]:
    directories = [copy(f"{each}/", f"{PROJECT_DIRECTORY}/{each}/") for each in recipe.directories]
    if not recipe.requirements:
        return directories
    files = {f"{_PIP_DIRECTORY}/requirements.txt": recipe.requirements}
    flags = f"-r {_PIP_DIRECTORY}/requirements.txt"
    if recipe.constraints:
        files[f"{_PIP_DIRECTORY}/constraints.txt"] = recipe.constraints
        flags += f" -c {_PIP_DIRECTORY}/constraints.txt"
    exports = [f'export {name}="$(cat /run/secrets/{name})"' for name in recipe.secrets]
    install = " && ".join([*exports, f"{_PIP} {flags}"])
    mounts = [Mount(name, f"/run/secrets/{name}") for name in recipe.secrets]
    return [
        *directories,
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
    """The App's further requirements, the project and its own, and which Python comes first."""
    lines = [_pip(layer) for layer in recipe.layers]
    lines += [f"WORKDIR {PROJECT_DIRECTORY}", copy(".", f"{PROJECT_DIRECTORY}/")]
    if recipe.locals:
        lines.append(_pip(recipe.locals))
    if recipe.fal_python:
        lines.append(f'ENV PATH="{FAL_DIRECTORY}/bin:$PATH"')
    return lines


def _pip(words: Iterable[str]) -> str:
    return run(f"{_PIP} {' '.join(map(shlex.quote, words))}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its name in capitals, and its lines as they stand in the file."""

    name: str
    text: str
    line: int


def take_over(path: Path, recipe: Recipe, report: Report) -> str:
    """Return the text of a Dockerfile, fit for fal.

    Args:
        path: The Dockerfile.
        recipe: The project's requirements, which replace those that Cog wrote into files.
        report: Told of every instruction that is left out.

    Raises:
        ConfigError: The file cannot be read, or is not a Dockerfile.
    """
    text = read_text(path)
    found = list(instructions(text))
    if not any(instruction.name == "FROM" for instruction in found):
        raise ConfigError(
            "has no FROM instruction",
            where=path.name,
            remedy="write it with `cog debug > Dockerfile`",
        )
    kept = [line for line in text.splitlines()[:1] if _DIRECTIVE.match(line)]
    remaining = any(_FILLS.search(each.text) and _reason(each) is None for each in found)
    for instruction in found:
        reason = _reason(instruction)
        if reason is None and not remaining and _COPIES.search(instruction.text):
            reason = "nothing is left that fills /dep"
        if reason is None:
            kept.append(instruction.text)
            continue
        where = Location(path.name, instruction.line)
        report.changed(f"{instruction.name} {_short(instruction)}", "left out", reason, where=where)
    remembered = [_remember_python()] if recipe.fal_python else []
    lines = [*kept, *_beside(recipe), *remembered, *_requirements(recipe), *_project(recipe)]
    return "\n".join(lines) + "\n"


def _remember_python() -> str:
    """Note where the image's own Python is, before fal's comes first on the PATH."""
    start = f'mkdir -p {Path(MODEL_PYTHON).parent} && printf \'#!/bin/sh\\nexec "%s" "$@"\\n\' '
    find = '"$(python -c "import sys; print(sys.executable)")"'
    return run(f"{start}{find} > {MODEL_PYTHON} && chmod +x {MODEL_PYTHON}")


def python_of(path: Path) -> str | None:
    """Return the version of the Python that a Dockerfile installs last, None where it is unclear.

    Raises:
        ConfigError: The file cannot be read.
    """
    found = _PYTHONS.findall(read_text(path))
    return next(filter(None, found[-1])) if found else None


def instructions(text: str) -> Iterator[Instruction]:
    """Split a Dockerfile into instructions, continuation lines and heredocs included."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = [line]
        while _continues(parts[-1]):
            following = next(lines, None)
            if following is None:
                break
            parts.append(following[1])
        for _, word in _HEREDOC.findall("\n".join(parts)):
            parts.extend(_heredoc(lines, word))
        parts[0] = parts[0].lstrip()
        name = parts[0].split(None, 1)[0].upper()
        yield Instruction(name, "\n".join(parts), number)


def _continues(line: str) -> bool:
    comment = line.lstrip().startswith("#")
    return comment or not line.strip() or bool(re.search(r"\\[ \t]*$", line))


def _heredoc(lines: Iterator[tuple[int, str]], word: str) -> Iterator[str]:
    for _, line in lines:
        yield line
        if line.strip("\t") == word:
            return


def _reason(instruction: Instruction) -> str | None:
    """Why fal's guide leaves an instruction out, None where it stays."""
    for names, pattern, reason in _LEFT_OUT:
        if instruction.name in names.split() and re.search(pattern, instruction.text):
            return reason
    return None


def _short(instruction: Instruction) -> str:
    words = " ".join(instruction.text.split()[1:])
    return words if len(words) <= 60 else words[:57] + "..."
