"""The calls of uv: choose versions, and fill an empty directory with a Python and packages."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from cogfal.environments.interpreters import FoundPython, find_interpreter, find_uv
from cogfal.errors import SetupError
from cogfal.version import minor

if TYPE_CHECKING:
    from cogfal.environments.making import ModelEnvironment

TORCH_INDEX: Final = "COGFAL_TORCH_INDEX"
"""Names another place for the CPU builds of torch than PyTorch's own."""

_TORCH_INDEX_LINE: Final = re.compile(r"--(extra-)?index-url .*/whl/(nightly/|test/)?cu\d+/?$")
_CUDA_LABEL: Final = re.compile(r"\+cu\d+\b")
_SAID: Final = 30  # lines of uv's that an error repeats
_TOLD: Final = ("Resolved", "Downloading", "Building", "Updating", "Installed", "warning")
_FLAGS: Final = {
    "--pre": ("--prerelease", "allow"),
    "--prefer-binary": (),
    "--require-hashes": ("--require-hashes",),
}
_VALUED: Final = {"--trusted-host": "--allow-insecure-host"}
_IGNORED: Final = ("--use-feature",)


def fill(
    environment: ModelEnvironment, place: Path, tell: Callable[[str], None], *, cpu: bool
) -> None:
    """Make a virtualenv at `place`, which can be moved afterwards, with everything in it.

    Raises:
        SetupError: The Python cannot be had, or a package cannot be installed.
    """
    found = find_interpreter(environment.python)
    tell(
        f"making an environment for the model, once: Python {found.version} and "
        f"{environment.counted()}"
    )
    if not found.fits(environment.python):
        tell(f"Python {environment.python} is not on this machine: {found.version} is taken")
    _run(["venv", "--relocatable", "--python", str(found.path), str(place)])
    installer = _Installer(place / "bin/python", tell, cpu=cpu)
    installer.seed(found)
    installer.lines(environment.requirements, environment.constraints)
    for words in environment.installs:
        installer.words(words)


class _Installer:
    """Installs into one virtualenv."""

    def __init__(self, python: Path, tell: Callable[[str], None], *, cpu: bool) -> None:
        self._start = ["pip", "install", "--python", str(python)]
        self._tell = tell
        self._cpu = cpu

    def seed(self, found: FoundPython) -> None:
        """Install what a Python brings along for its own virtualenvs: pip, to 3.11 setuptools."""
        bundled = (
            found.path.resolve().parent.parent
            / f"lib/python{minor(found.version)}/ensurepip/_bundled"
        )
        names = sorted({path.name.partition("-")[0] for path in bundled.glob("*.whl")})
        if names:  # a distribution's Python has none
            links = ["--no-index", "--no-deps", "--find-links", str(bundled)]
            _run([*self._start, *links, *names])

    def lines(self, requirements: Sequence[str], constraints: Sequence[str]) -> None:
        """Install the lines of a requirements file; some options uv takes as words only."""
        if not requirements:
            return
        options: list[str] = []
        kept: list[str] = []
        for line in _for_cpu(requirements) if self._cpu else requirements:
            name, _, value = line.partition(" ")
            if name in _FLAGS:
                options += _FLAGS[name]
            elif name in _VALUED:
                options += [_VALUED[name], value]
            elif name not in _IGNORED:
                kept.append(line)
        with TemporaryDirectory(prefix="cogfal-") as directory:
            file, limits = Path(directory, "requirements.txt"), Path(directory, "constraints.txt")
            file.write_text("\n".join(kept) + "\n", encoding="utf-8")
            limits.write_text("\n".join(constraints) + "\n", encoding="utf-8")
            named = ["-r", str(file), *(["-c", str(limits)] if constraints else [])]
            self._install([*options, *named], "the requirements")

    def words(self, words: Sequence[str]) -> None:
        """Install what a plain line of `run` gives to pip."""
        self._install(_as_uv_takes(words), f"`pip install {shlex.join(words)}` of build.run")

    def _install(self, words: Sequence[str], what: str) -> None:
        torch = _cpu_builds() if self._cpu else []
        _run(
            [*self._start, "--index-strategy", "unsafe-best-match", *torch, *words],
            what,
            self._tell,
        )


def _cpu_builds() -> list[str]:
    """Where no GPU is, torch's wheels for CUDA are gigabytes that nothing would use."""
    index = os.environ.get(TORCH_INDEX)
    return ["--extra-index-url", index] if index else ["--torch-backend", "cpu"]


def _for_cpu(lines: Iterable[str]) -> Iterator[str]:
    """Ask for the same versions, not built for CUDA."""
    for line in lines:
        if not _TORCH_INDEX_LINE.search(line):
            yield _CUDA_LABEL.sub("", line)


def _as_uv_takes(words: Sequence[str]) -> list[str]:
    """Turn pip's words into uv's; what only concerns pip's own ways is left out."""
    found: list[str] = []
    left = deque(words)
    while left:
        word = left.popleft()
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            found += _FLAGS[word]
        elif name in _VALUED:
            found += [_VALUED[name], value if equals else left.popleft()]
        elif word not in PIP_ALONE:
            found.append(word)
    return found


PIP_ALONE: Final = frozenset(
    {"-q", "--quiet", "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--user"}
    | {"-v", "--verbose", "--progress-bar=off", "--root-user-action=ignore", "--ignore-installed"}
    | {"--break-system-packages", "--no-warn-script-location", "-I"}
)


def _run(
    words: Sequence[str], what: str = "a Python", tell: Callable[[str], None] | None = None
) -> None:
    """Run uv, and pass on what it says; raises SetupError where it fails."""
    said: deque[str] = deque(maxlen=_SAID)
    environ = {**os.environ, "NO_COLOR": "1"}
    for name in ("VIRTUAL_ENV", "UV_PYTHON", "UV_SYSTEM_PYTHON", "PYTHONPATH", "PYTHONHOME"):
        environ.pop(name, None)
    with subprocess.Popen(  # noqa: S603  # uv, with the words of cog.yaml
        [find_uv(), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environ,
        cwd="/",  # where no project has settings for uv
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said.append(line.rstrip())
                if tell is not None and line.startswith(_TOLD):
                    tell(line.rstrip())
        except BaseException:  # an interruption, too: uv must not write on in what is removed
            process.kill()
            raise
    if process.returncode != 0:
        raise SetupError(
            f"uv could not install {what} for the model:\n" + "\n".join(said),
            remedy="correct what it names; COGFAL_HERE=1 runs the model in the present environment",
        )


class Resolution(NamedTuple):
    """What uv answered: the `text` of its choice, or in `trouble` why it made none."""

    text: str = ""
    trouble: str | None = None


def resolve(
    lines: Sequence[str], python: str, *options: str, seconds: float, longest: int
) -> Resolution:
    """Return what uv chooses for the lines of a requirements file.

    Args:
        lines: The lines.
        python: The runner's minor version.
        options: How uv is to write its choice.
        seconds: How long it may take.
        longest: Characters of its explanation.

    Raises:
        SetupError: uv is not installed.
    """
    with TemporaryDirectory(prefix="cogfal-") as directory:
        file = Path(directory, "requirements.in")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [find_uv(), "pip", "compile", "--quiet", "--no-build", *options]
        command += ["--index-strategy", "unsafe-best-match", "--python-platform", "linux"]
        command += ["--python-version", python, str(file)]
        try:
            done = subprocess.run(  # noqa: S603  # uv
                command,
                capture_output=True,
                text=True,
                errors="replace",
                cwd=directory,
                env={**os.environ, "UV_HTTP_RETRIES": "0", "NO_COLOR": "1"},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Resolution(trouble="uv did not answer in time")
    if done.returncode:
        return Resolution(trouble=_brief(done.stderr, longest) or "uv failed")
    return Resolution(done.stdout)


def _brief(text: str, longest: int) -> str:
    words = " ".join(text.replace("cause:", "").split()).removeprefix("error: ")
    return words if len(words) <= longest else words[: longest - 3] + "..."
