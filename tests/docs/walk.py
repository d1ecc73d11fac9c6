"""Do what a page of the documentation says, in a project of its own.

Blocks that begin with `# name.ext` are files of that project. Python runs, `$ command` runs, and
what stands below a command is what it prints; `...` stands for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from typing_extensions import Self

from tests import forking
from tests.docs.markdown import Block
from tests.processes import Process, free_port

PORT: Final = 8080
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
PREDICTORS: Final = ("predict.py", "train.py", "run.py")
NEEDS_ACCOUNT: Final = re.compile(
    r"fal (run (?!--local)|deploy|secrets|auth|apps|runners|files)|cogfal deploy|.* --app "
    r"|cd path/to|cogfal gateway|git clone|pip install|make "
)
"""Commands that need fal, an index or the reader's own paths; they are not run."""

_IMPORT_PREDICTOR: Final = """
import runpy, sys
from pathlib import Path
from cogfal.cog.alias import install
install()
sys.path.insert(0, str(Path(sys.argv[1]).parent.resolve()))
runpy.run_path(sys.argv[1])
"""
_RUN_FILE: Final = "import runpy, sys; runpy.run_path(sys.argv[1])"


@dataclass
class Walk:
    """The reader's machine: a project, a home, and the server that was started last.

    Use it as a context manager; `variables` are added to the environment of unnamed Python.
    """

    project: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    prelude: str = ""
    replaced: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        self._server: Process | None = None
        self._url = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def follow(self, block: Block) -> None:
        """Do what one block says; raise AssertionError, naming its place, where that fails."""
        text = self._replaced(block.text)
        if block.file is not None:
            path = self.project / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        match block.language:
            case "python":
                self._python(block, text)
            case "console" | "bash":
                for command, expected in commands(text):
                    self._command(block, command, expected)
            case _:
                pass

    def _python(self, block: Block, text: str) -> None:
        name = Path(block.file or "").name
        if name.startswith("test_"):
            command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", name]
        elif name in PREDICTORS:
            command = ["-c", _IMPORT_PREDICTOR, str(block.file)]
        elif block.file is not None:
            command = ["-c", _RUN_FILE, block.file]
        else:
            self._succeed(
                block,
                [str(forking.command("python")), "-c", self.prelude + self._here(text)],
                self.variables,
            )
            return
        self._succeed(block, [str(forking.command("python")), *command])

    def _command(self, block: Block, command: str, expected: str) -> None:
        if NEEDS_ACCOUNT.match(command):
            return
        command = self._here(command)
        if re.match(r"fal run --local|cogfal serve", command):
            self._serve(command, expected)
            return
        printed = self._succeed(block, ["bash", "-c", command])
        expected = self._here(expected)
        if expected:
            assert re.fullmatch(as_pattern(expected), tidied(printed), re.DOTALL), (
                f"{block.place}: {command}\nprints\n{printed}\nbut the page says\n{expected}"
            )

    def _serve(self, command: str, expected: str) -> None:
        """Start a server, in place of the one before, and wait until it answers."""
        if self._server is not None:
            self._server.stop()
        port = free_port()
        command = command.partition(" #")[0].rstrip()
        if command.startswith("fal"):
            ports = f"--exposed-port={port} --exposed-metrics-port={free_port()}"
            command = command.replace("--local", f"--local {ports}", 1)
            ready = rf"Uvicorn running on http://0\.0\.0\.0:{port}"
        else:
            command += f" --port={port}"
            ready = f"serving at http://127.0.0.1:{port}"
        self._url = f"http://127.0.0.1:{port}"
        shell = ["bash", "-c", f"exec {command}"]
        self._server = self._stack.enter_context(
            Process(shell, cwd=self.project, env=self._environment())
        )
        self._server.wait_for(ready, 90)
        for line in filter(None, self._here(expected).splitlines()):
            self._server.wait_for(as_pattern(line), 120)

    def _succeed(
        self, block: Block, command: list[str], variables: Mapping[str, str] = NOTHING
    ) -> str:
        done = subprocess.run(
            command,
            cwd=self.project,
            env={**self._environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"{block.place}: {command[-1]}\n{done.stdout}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FAL_", "COG"))}
        folders = (str(forking.commands()), str(Path(sys.executable).parent), os.environ["PATH"])
        tools = os.pathsep.join(folders)
        shown = {"COLUMNS": "120", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        return {**inherited, **shown, "HOME": str(self.home), "PATH": tools}

    def _replaced(self, text: str) -> str:
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        return text

    def _here(self, text: str) -> str:
        """Name the port that the server really has."""
        if self._url:
            for name in ("localhost", "127.0.0.1"):
                for scheme in ("http", "ws"):
                    here = self._url.replace("http", scheme)
                    text = text.replace(f"{scheme}://{name}:{PORT}", here)
        return text


def commands(text: str) -> list[tuple[str, str]]:
    """Return each `$ command` of a session with what stands below it."""
    steps = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [_command_and_output(step) for step in steps]


def _command_and_output(step: str) -> tuple[str, str]:
    lines = step.splitlines()
    end = next(n for n, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[: end + 1]), "\n".join(lines[end + 1 :]).strip()


def tidied(text: str) -> str:
    """Reduce the blanks of tables to one, and drop those at the ends of lines."""
    return "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines()).strip()


def as_pattern(expected: str) -> str:
    """Turn `...` into anything; everything else has to be there."""
    return re.escape(tidied(expected)).replace(re.escape("..."), ".*?")
