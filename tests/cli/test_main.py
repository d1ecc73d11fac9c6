"""The command as a whole: help, speed, completion, Cog's own commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from cogfal.cli import COMMANDS
from cogfal.version import __version__
from tests.cli.conftest import COMMAND, Cogfal, environment

PAINTS = """
from enum import Enum
from typing import Literal
from cog import BasePredictor, Input, Path

STYLES = ["oil", "ink"]

class Paper(Enum):
    ROUGH = "rough"
    SMOOTH = "smooth"

class Paints(BasePredictor):
    def predict(
        self,
        prompt: str,
        photo: Path = Input(default=None),
        style: str = Input(default="oil", choices=STYLES),
        bright: bool = False,
        size: Literal[1, 2] = 1,
        paper: Paper = Paper.ROUGH,
        old: str = Input(default="", deprecated=True),
    ) -> str:
        return prompt
"""


def test_help_lists_every_command(cogfal: Cogfal) -> None:
    """Each has one line that says what it is for."""
    ended = cogfal("--help")

    assert ended.status == 0
    assert [name for name in COMMANDS if name not in ended.out] == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(cogfal: Cogfal, name: str) -> None:
    """Its options are described."""
    ended = cogfal(name, "--help")

    assert ended.status == 0
    assert f"cogfal {name}" in ended.out


def test_the_version_is_told(cogfal: Cogfal) -> None:
    """It is the package's."""
    assert cogfal("--version").out == f"cogfal {__version__}\n"


def test_no_command_is_a_usage_error(cogfal: Cogfal) -> None:
    """Help is shown, and scripts notice."""
    ended = cogfal()

    assert ended.status == 2
    assert "Usage" in ended.out


@pytest.mark.parametrize(
    ("word", "hint"),
    [("pridict", "did you mean predict?"), ("docter", "doctor?"), ("frobnicate", "there are init")],
)
def test_an_unknown_command_is_a_usage_error(cogfal: Cogfal, word: str, hint: str) -> None:
    """The nearest is named, or all of them."""
    ended = cogfal(word)

    assert ended.status == 2
    assert f"there is no command {word!r}; " in ended.err
    assert hint in ended.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict", "--bogus"), "unrecognized arguments: --bogus"),
        (("check", ".", "twice"), "unrecognized arguments: twice"),
        (("predict", "--setup-timeout", "-1"), "'-1' is no number of seconds"),
        (("train", "--setup-timeout", "soon"), "'soon' is no number of seconds"),
    ],
)
def test_a_wrong_option_is_told_with_what_the_command_takes(
    cogfal: Cogfal, words: tuple[str, ...], message: str
) -> None:
    """The usage is the command's own."""
    ended = cogfal(*words)

    assert ended.status == 2
    assert ended.err.startswith(f"Usage: cogfal {words[0]} ")
    assert message in ended.err


@pytest.mark.parametrize(
    ("name", "shows"),
    [("run", "cogfal predict"), ("doctor", "cogfal check"), ("playground", "cogfal serve")],
)
def test_cogs_new_names_are_the_same_commands(cogfal: Cogfal, name: str, shows: str) -> None:
    """As Cog calls them today."""
    ended = cogfal(name, "--help")

    assert ended.status == 0
    assert shows in ended.out


def test_words_for_fal_are_refused_where_nobody_takes_them(cogfal: Cogfal) -> None:
    """What follows `--` is not lost in silence."""
    ended = cogfal("check", "--", "--auth", "public")

    assert ended.status == 2
    assert "cogfal check: error: it takes nothing after --: --auth public" in ended.err


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("build", "cogfal deploy"),
        ("push", "fal deploy"),
        ("login", "fal auth login"),
        ("debug", "cogfal dockerfile"),
    ],
)
def test_cogs_own_commands_name_what_to_use(cogfal: Cogfal, command: str, instead: str) -> None:
    """Whatever follows the command, the answer is the same."""
    ended = cogfal(command, "-t", "x", "python", "train.py")

    assert ended.status == 2
    assert instead in ended.err


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """Neither fal nor what reads projects; how long it takes is measured by the benchmarks."""
    command = [sys.executable, "-X", "importtime", "-m", "cogfal", "--help"]

    done = subprocess.run(
        command, env=environment(tmp_path), check=True, capture_output=True, text=True
    )

    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "cogfal.cli" in imported
    assert not imported & {"fal", "pydantic", "yaml", "httpx", "cogfal.reading"}


@pytest.mark.parametrize("command", ["check", "migrate", "schema", "dockerfile", "predict"])
def test_a_broken_cog_yaml_is_told_with_its_line(
    cogfal: Cogfal, project: Path, command: str
) -> None:
    """Every command that reads it says the same."""
    (project / "cog.yaml").write_text("build:\n  gpu: maybe\n")

    ended = cogfal(command)

    assert ended.status == 1
    assert "cog.yaml:2" in ended.err
    assert "remedy" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", ["predict", "check", "dockerfile", "schema", "migrate"])
def test_an_empty_directory_is_no_project(cogfal: Cogfal, project: Path, command: str) -> None:
    """Every command says what makes one, and writes nothing."""
    for path in project.iterdir():
        path.unlink()

    ended = cogfal(command)

    assert ended.status == 1
    assert "there is no cog.yaml and no predict.py" in ended.err
    assert "cogfal init" in ended.err
    assert ended.out == ""
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("schema",),
        ("migrate", "-o", "-"),
        ("check", "--json"),
        ("client", "-o", "-"),
        ("predict", "--here", "-i", "name=Ada"),
    ],
    ids=" ".join,
)
def test_a_full_device_is_told_without_a_traceback(
    cogfal: Cogfal, arguments: tuple[str, ...]
) -> None:
    """What could not be written is an error, also where it was still in a buffer at the end."""
    ended = cogfal(*arguments, stdout="/dev/full")

    assert ended.status == 1
    assert "error: No space left on device" in ended.err
    assert "Traceback" not in ended.err
    assert "Exception ignored" not in ended.err


@pytest.mark.parametrize("arguments", [("schema",), ("check", "--json")], ids=" ".join)
def test_nobody_who_reads_on_is_no_mistake(cogfal: Cogfal, arguments: tuple[str, ...]) -> None:
    """As with `| head`: nothing is told, and the status says so."""
    ended = cogfal(*arguments, unread=True)

    assert ended.status == 141
    assert "Broken" not in ended.err
    assert "Traceback" not in ended.err


def test_a_closed_output_is_no_mistake(project: Path, tmp_path: Path) -> None:
    """Where a command has nothing to write there."""
    command = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "cogfal", "weights"]

    done = subprocess.run(
        command,
        cwd=project,
        env=environment(tmp_path),
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert (done.returncode, "no weights are named" in done.stderr) == (0, True), done.stderr


IMPORTS_OF_EACH: Final = """
import importlib, sys
import cogfal.cli
for module in sys.argv[1:]:
    importlib.import_module(f"cogfal.cli.{module}")
    print(module, *(n for n in ("fal", "grpc", "fal_client") if n in sys.modules))
"""


def test_only_serving_imports_fal() -> None:
    """A command that does not need fal does not wait for it."""
    light = sorted({module for module, _ in COMMANDS.values()} - {"serve"})

    done = subprocess.run(
        [sys.executable, "-c", IMPORTS_OF_EACH, *light], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == light


def test_commands_and_options_can_be_completed(tmp_path: Path) -> None:
    """The shell is answered with what fits."""
    assert {"predict", "playground"} & _completions("cogfal pre", tmp_path) == {"predict"}
    assert "--playground" in _completions("cogfal serve --play", tmp_path)


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("", {"style=", "bright=", "photo=", "prompt=", "size=", "paper="}),
        ("st", {"style="}),
        ("style=", {"style=oil", "style=ink"}),
        ("bright=t", {"bright=true"}),
        ("size=", {"size=1", "size=2"}),
        ("paper=", {"paper=rough", "paper=smooth"}),
        ("photo=", {"photo=@cog.yaml", "photo=@predict.py", "photo=@pictures/"}),
        ("photo=@pictures/", {"photo=@pictures/a.png"}),
        ("prompt=", set()),
        ("nothing=", set()),
    ],
)
def test_inputs_can_be_completed(tmp_path: Path, begun: str, offered: set[str]) -> None:
    """Names and choices come from the predictor's text; files are offered as `@path`."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").touch()
    (tmp_path / "cog.yaml").write_text("predict: predict.py:Paints")
    (tmp_path / "predict.py").write_text(PAINTS)

    assert _completions(f"cogfal predict -i {begun}", tmp_path) == offered


def test_a_project_that_cannot_be_read_completes_nothing(tmp_path: Path) -> None:
    """No message disturbs the prompt."""
    (tmp_path / "cog.yaml").write_text("predict: [")

    assert _completions("cogfal predict -i ", tmp_path) == set()


def _completions(line: str, home: Path) -> set[str]:
    answer = home / ".answer"
    variables = environment(
        home,
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_STDOUT_FILENAME=str(answer),
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_COMP_WORDBREAKS=" ",
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
    )
    subprocess.run(COMMAND, cwd=home, env=variables, check=False, capture_output=True)
    return set(answer.read_text().split())
