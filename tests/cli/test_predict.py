"""`cogfal predict` and `cogfal train`, here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Cogfal, environment
from tests.cli.terminal import on_terminal
from tests.file_server import file_server
from tests.processes import Process


def test_text_is_all_there_is_on_stdout(cogfal: Cogfal) -> None:
    """What the predictor prints goes to stderr, cog.yaml's environment to the predictor."""
    ended = cogfal("predict", "-i", "name=Ada")

    assert (ended.status, ended.out) == (0, "Hello, Ada!\n")
    assert "greeting" in ended.err


def test_variables_of_the_command_line_win(cogfal: Cogfal) -> None:
    """`-e` replaces what cog.yaml says."""
    assert cogfal("predict", "-i", "name=Ada", "-e", "MARK=?").out == "Hello, Ada?\n"


def test_a_name_that_is_no_input_is_refused(cogfal: Cogfal) -> None:
    """The message names what was meant; with --allow-unknown it is left out, as the app does."""
    refused = cogfal("predict", "-i", "name=Ada", "-i", "tmes=2")
    allowed = cogfal("predict", "-i", "name=Ada", "-i", "zzz=1", "--allow-unknown")

    assert refused.status == 1
    assert "there is no input tmes; did you mean times?" in refused.err
    assert (allowed.status, allowed.out) == (0, "Hello, Ada!\n")
    assert "there is no input zzz, so it is left out; there are name, times, tags" in allowed.err


TEXTS = {
    "a JSON array": (('tags=["x", "y"]',), "Hello, Ada!xy"),
    "quotes": (('tags="q"',), "Hello, Ada!q"),
    "no array": (("tags=[x",), "Hello, Ada![x"),
}


@pytest.mark.parametrize(("inputs", "said"), TEXTS.values(), ids=TEXTS)
def test_texts_and_lists_are_read_as_cog_reads_them(
    cogfal: Cogfal, inputs: tuple[str, ...], said: str
) -> None:
    """JSON arrays for every list, and one pair of quotes is taken off."""
    given = [word for text in inputs for word in ("-i", text)]

    ended = cogfal("predict", "-i", "name=Ada", *given)

    assert ended.out == f"{said}\n", ended.err


@pytest.mark.parametrize("name", ["My Photo.txt", "tab\there.txt", "a%20b #?.txt"])
def test_a_file_may_have_any_name(cogfal: Cogfal, project: Path, name: str) -> None:
    """A blank, a tab, and what has a meaning in addresses."""
    (project / name).write_text("x")

    ended = cogfal(
        "predict", "--ref", "predict.py:Copies", "-i", f"source=@{name}", "-o", "out.txt"
    )

    assert ended.status == 0, ended.err
    assert (project / "out.txt").read_text() == "x"


def test_the_home_directory_may_be_written_short(
    cogfal: Cogfal, project: Path, tmp_path: Path
) -> None:
    """`@~/` begins there."""
    (tmp_path / "home.txt").write_text("x")

    ended = cogfal("predict", "--ref", "predict.py:Copies", "-i", "source=@~/home.txt", "-o", "o/")

    assert ended.status == 0, ended.err
    assert [path.read_text() for path in (project / "o").iterdir()] == ["x"]


def test_inputs_that_do_not_fit_are_told_before_setup(cogfal: Cogfal, project: Path) -> None:
    """A model that takes minutes to load is not loaded for them."""
    (project / "slow.py").write_text(
        "from cog import BasePredictor\n"
        "class Slow(BasePredictor):\n"
        "    def setup(self):\n"
        "        print('setting up', flush=True)\n"
        "    def predict(self, steps: int) -> int:\n"
        "        return steps\n"
    )

    ended = cogfal("predict", "--ref", "slow.py:Slow", "-i", "steps=abc")

    assert ended.status == 1
    assert "steps: Input should be a valid integer" in ended.err
    assert "setting up" not in ended.err + ended.out


def test_a_repeated_input_is_a_list(cogfal: Cogfal) -> None:
    """One is a list too, where the predictor wants one."""
    once = cogfal("predict", "-i", "name=Ada", "-i", "tags=x")
    twice = cogfal("predict", "-i", "name=Ada", "-i", "tags=x", "-i", "tags=y")

    assert (once.out, twice.out) == ("Hello, Ada!x\n", "Hello, Ada!xy\n")


@pytest.mark.parametrize("form", ["text", "file", "stdin", "cog-stdin"])
def test_inputs_may_be_json(cogfal: Cogfal, project: Path, form: str) -> None:
    """As text, from a file, or from stdin."""
    text = '{"name": "Ada", "times": 2}'
    (project / "inputs.json").write_text(text)
    given = {"text": text, "file": "@inputs.json", "stdin": "-", "cog-stdin": "@-"}[form]

    ended = cogfal("predict", "--json", given, stdin=text)

    assert ended.out == "Hello, Ada!Hello, Ada!\n"


def test_structured_inputs_are_json(cogfal: Cogfal) -> None:
    """Objects and lists of numbers are read as what they are, and objects printed as JSON."""
    ended = cogfal(
        *["predict", "--ref", "predict.py:Data"],
        *["-i", 'options={"a": [1]}', "-i", "ids=1", "-i", "ids=2"],
    )

    assert json.loads(ended.out) == {"options": {"a": [1]}, "sum": 3}


def test_json_may_come_from_a_file(cogfal: Cogfal, project: Path) -> None:
    """`@` before a file name gives an input that is neither text nor file what the file holds."""
    (project / "options.json").write_text('{"a": [1]}')

    ended = cogfal(
        *["predict", "--ref", "predict.py:Data", "-i", "options=@options.json", "-i", "ids=[1, 2]"]
    )

    assert json.loads(ended.out) == {"options": {"a": [1]}, "sum": 3}


def test_text_may_come_from_a_file(cogfal: Cogfal, project: Path) -> None:
    """`@` before a file name gives a text input the file's text."""
    (project / "name.txt").write_text("Ada")

    assert cogfal("predict", "-i", "name=@name.txt").out == "Hello, Ada!\n"


@pytest.mark.parametrize(
    ("output", "written"),
    [
        pytest.param([], "output.txt", id="default"),
        pytest.param(["-o", "made"], "made.txt", id="no-suffix"),
        pytest.param(["-o", "made.bin"], "made.bin", id="suffix"),
    ],
)
def test_a_file_is_written_under_cogs_name(
    cogfal: Cogfal, project: Path, output: list[str], written: str
) -> None:
    """The suffix is the predictor's where none is given."""
    (project / "in.txt").write_text("hello")

    ended = cogfal("predict", "--ref", "predict.py:Copies", "-i", "source=@in.txt", *output)

    assert (project / written).read_text() == "hello"
    assert f"Written output to {written}" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("name", ["Makes", "Many"])
def test_several_files_are_numbered(cogfal: Cogfal, project: Path, name: str) -> None:
    """A list at its end and an iterator as it goes give the same files."""
    cogfal("predict", "--ref", f"predict.py:{name}")

    assert [(project / f"output.{i}.txt").read_text() for i in range(2)] == ["0", "1"]


def test_an_existing_directory_takes_the_files(cogfal: Cogfal, project: Path) -> None:
    """They keep the names that the predictor gave them."""
    (project / "results").mkdir()

    cogfal("predict", "--ref", "predict.py:Makes", "-o", "results")

    assert {each.name for each in (project / "results").iterdir()} == {"0.txt", "1.txt"}


def test_an_object_is_printed_with_its_files_names(cogfal: Cogfal, project: Path) -> None:
    """Files are written under their field's name, which stands in the JSON."""
    ended = cogfal("predict", "--ref", "predict.py:Object")

    assert json.loads(ended.out) == {"text": "hi", "mask": "output.mask.txt"}
    assert (project / "output.mask.txt").read_text() == "m"


def test_text_is_written_where_asked(cogfal: Cogfal, project: Path) -> None:
    """`-o` takes text as well as files."""
    ended = cogfal("predict", "-i", "name=Ada", "-o", "greeting.txt")

    assert (project / "greeting.txt").read_text() == "Hello, Ada!\n"
    assert ended.out == ""


def test_joined_pieces_are_one_line(cogfal: Cogfal) -> None:
    """Streamed text is written as it comes, without repeating it at the end."""
    ended = cogfal("predict", "--ref", "predict.py:Streams")

    assert ended.out == "ab\n"


def test_what_was_printed_before_a_file_stands_before_it(cogfal: Cogfal) -> None:
    """Files are told in their order; the predictor may go on while one is written."""
    lines = cogfal("predict", "--ref", "predict.py:Many").err.splitlines()

    written = [f"Written output to output.{i}.txt" for i in range(2)]
    assert [line for line in lines if "Written" in line] == written
    assert [line for line in lines if "making" in line] == ["making 0", "making 1"]
    assert all(lines.index(f"making {i}") < lines.index(written[i]) for i in range(2))


def test_an_apps_settings_hold(cogfal: Cogfal, project: Path) -> None:
    """Its predictor and its isolation, unless a predictor is named."""
    (project / "app.py").write_text(
        "import cogfal\n"
        "class App(cogfal.App):\n"
        '    predictor = "predict.py:Where"\n'
        "    isolate = True\n"
    )

    served = cogfal("predict")
    named = cogfal("predict", "--ref", "app.py::App")
    alone = cogfal("predict", "--ref", "predict.py:Where")

    assert (served.out, named.out, alone.out) == ("another\n", "another\n", "main\n"), served.err


REMEMBERS = """\
import os
from cog import BasePredictor

class Remembers(BasePredictor):
    def predict(self) -> str:
        return os.environ["MODELS"]
"""
APPS = {
    "no-app": None,
    "from-cog": 'App = cogfal.App.from_cog("cog.yaml")\n',
    "at-hand": "from cogfal import BasePredictor\n"
    "class Own(BasePredictor):\n"
    "    def predict(self) -> str:\n"
    "        import os\n"
    "        return os.environ['MODELS']\n"
    'App = cogfal.wrap(Own, cog_yaml="cog.yaml")\n',
}


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
def test_variables_are_looked_up_on_this_machine(
    cogfal: Cogfal, project: Path, tmp_path: Path, app: str | None
) -> None:
    """What cog.yaml takes from the home directory is that of whoever runs it, not an image's."""
    (project / "cog.yaml").write_text(
        'predict: "remembers.py:Remembers"\nenvironment: ["MODELS=$HOME/models"]\n'
    )
    (project / "remembers.py").write_text(REMEMBERS)
    if app is not None:
        (project / "app.py").write_text(f"import cogfal\n{app}")

    ended = cogfal("predict")

    assert (ended.status, ended.out) == (0, f"{tmp_path}/models\n"), ended.err


WEIGHS = """\
from cog import BasePredictor

class Weighs(BasePredictor):
    def predict(self) -> int:
        with open("weights/model.bin", "rb") as file:
            return len(file.read())
"""


def weigh(project: Path, url: str) -> None:
    """Have the project's predictor weigh what is at `url`."""
    (project / "weighs.py").write_text(WEIGHS)
    (project / "cog.yaml").write_text(
        f'predict: "weighs.py:Weighs"\nweights: [{{source: "{url}", target: weights/model.bin}}]\n'
    )


def test_weights_are_fetched_without_an_app_too(cogfal: Cogfal, project: Path) -> None:
    """Those of cog.yaml are in their places before the predictor is there."""
    with file_server() as server:
        weigh(project, server.url("/bytes/model.bin?size=7"))
        ended = cogfal("predict")

    assert (ended.status, ended.out) == (0, "7\n"), ended.err


def test_weights_that_cannot_be_had_are_no_mistake_of_the_authors(
    cogfal: Cogfal, project: Path
) -> None:
    """There is no traceback, so none is spoken of."""
    with file_server() as server:
        url = server.url("/status/model.bin?code=404")
        weigh(project, url)
        ended = cogfal("predict")

    assert ended.status == 1
    assert f"error: {url} cannot be fetched" in ended.err
    assert "traceback" not in ended.err


def test_somebody_elses_app_file_is_not_run(cogfal: Cogfal, project: Path) -> None:
    """An app.py that knows nothing of cogfal, such as a demo that serves itself, is left alone."""
    (project / "app.py").write_text("raise SystemExit('run')\n")

    assert cogfal("predict", "-i", "name=Ada").out == "Hello, Ada!\n"


def test_a_failure_shows_the_authors_traceback(cogfal: Cogfal) -> None:
    """The status is 1, and stderr says where it happened."""
    ended = cogfal("predict", "--ref", "predict.py:Fails")

    assert ended.status == 1
    assert ended.err.count('raise ValueError("no luck")') == 1
    assert "error: no luck" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "it needs name; add -i name=...", id="missing"),
        pytest.param(["-i", "name=a", "-i", "times=9"], "times: Input should be", id="too-large"),
        pytest.param(["-i", "name"], "-i name: write it as NAME=VALUE", id="no-value"),
        pytest.param(["--json", "[1]"], "--json is not an object", id="no-object"),
        pytest.param(["--json", "{"], "--json is not JSON", id="no-json"),
        pytest.param(["-i", "name=@nope.txt"], "@nope.txt: there is no such file", id="no-text"),
        pytest.param(["-i", "name=@picture"], "it cannot be read as text: 'utf-8'", id="bytes"),
        pytest.param(["-e", "MARK"], "-e MARK: write it as NAME=VALUE", id="no-variable"),
        pytest.param(["-C", "nope"], "there is no such directory", id="no-project"),
        pytest.param(["-f", "no.yaml"], "-f no.yaml: there is no such file in .", id="no-config"),
        pytest.param(["--ref", "predict.py:Nope"], "Nope", id="no-predictor"),
        pytest.param(
            ["--ref", "predict.py:Copies", "-i", "source=@nope.png"],
            "@nope.png: there is no such file",
            id="no-file",
        ),
        pytest.param(
            ["--ref", "predict.py:Copies", "-i", "source=cog.yaml"],
            "-i source=cog.yaml: to give the file, write -i source=@cog.yaml",
            id="bare-path",
        ),
    ],
)
def test_a_wrong_command_line_is_explained(
    cogfal: Cogfal, project: Path, arguments: list[str], message: str
) -> None:
    """The status is 1 and the message names what is wrong, without a traceback."""
    (project / "picture").write_bytes(b"\xff")

    ended = cogfal("predict", *arguments)

    assert ended.status == 1
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_an_interruption_cancels(project: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches the predictor as a cancellation; the status is 130."""
    command = [sys.executable, "-m", "cogfal", "predict", "--ref", "predict.py:Waits"]
    with Process(command, cwd=project, env=environment(tmp_path)) as process:
        process.wait_for("waiting")

        os.kill(process.pid, signal.SIGINT)

        assert process.wait() == 130
        assert "Traceback" not in process.output


def test_an_output_that_nobody_reads_on_is_no_error(cogfal: Cogfal) -> None:
    """As with `| head`: it ends, without a traceback."""
    ended = cogfal("predict", "--ref", "predict.py:Streams", unread=True)

    assert ended.status == 141
    assert "Traceback" not in ended.err


TALKS = """
import sys
from cog import BasePredictor, ConcatenateIterator

class Talks(BasePredictor):
    def predict(self) -> ConcatenateIterator[str]:
        yield "one"
        print("!", file=sys.stderr)
        yield "two"
        print("?", end="", flush=True)
        yield "three"
"""
STEPS = ["predict", "--ref", "predict.py:Steps"]


def test_a_terminal_shows_the_models_progress(project: Path, tmp_path: Path) -> None:
    """A drawn bar becomes ours, with its own name; every other line stays."""
    command = [*COMMAND, *STEPS]
    variables = environment(tmp_path, TERM="xterm")

    status, out, shown = on_terminal(command, project, variables)

    assert (status, out) == (0, "done\n"), shown
    assert "Setting up" in shown
    assert re.search("Sampling [━╸ ]+0/4, 00:02 left", shown)
    assert "|##  |" not in shown
    assert "Step 1/2" in shown
    assert "at the end" in shown


@pytest.mark.parametrize("progress", [(), ("--progress", "plain")], ids=["bars", "plain"])
def test_what_is_printed_and_what_is_streamed_share_no_line(
    project: Path, tmp_path: Path, progress: tuple[str, ...]
) -> None:
    """Where both are on one terminal: each begins a line of its own, whoever was there."""
    (project / "talks.py").write_text(TALKS)
    command = [*COMMAND, "predict", "--ref", "talks.py:Talks", *progress]

    _, _, shown = on_terminal(command, project, environment(tmp_path, TERM="xterm"), whole=True)
    piped = subprocess.run(
        command, cwd=project, env=environment(tmp_path), capture_output=True, text=True, check=True
    )

    lines = [line.strip() for line in re.split(r"[\r\n]+", shown)]
    said = [line for line in lines if re.fullmatch(r"one|two|three|[!?]+( [!?]+)?", line)]
    assert said == ["one", "!", "two", "?", "three"], shown
    assert (piped.stdout, piped.stderr) == ("onetwothree\n", "!\n?")


def test_there_are_no_bars_for_scripts(project: Path, cogfal: Cogfal, tmp_path: Path) -> None:
    """Neither into a pipe nor with `--json`: what was printed is passed on as it is."""
    piped = cogfal(*STEPS).err
    variables = environment(tmp_path, TERM="xterm")
    _, _, shown = on_terminal([*COMMAND, *STEPS, "--json", "{}"], project, variables)

    assert "|##  | 3/4" in piped
    assert "|##  | 3/4" in shown
    assert "━" not in piped + shown


def test_training_runs_the_training_function(cogfal: Cogfal) -> None:
    """Inputs and output are treated as a prediction's."""
    assert cogfal("train", "-i", "steps=4").out == "8\n"


def test_a_project_without_training_says_so(cogfal: Cogfal, project: Path) -> None:
    """The remedy is the line that is missing."""
    (project / "cog.yaml").write_text('predict: "predict.py:Greets"\n')

    ended = cogfal("train")

    assert ended.status == 1
    assert 'add `train: "train.py:train"`' in ended.err


MISSING = {
    "a module": ("import cv2", "cog.yaml:3 asks for opencv-python==4.1"),
    "a module that nobody names": ("import nowhere", "name nowhere under build.python_packages"),
    "a program": (
        "import subprocess; subprocess.run(['nosuchprogram'])",
        "cog.yaml:5 asks for it; here `apt-get install nosuchprogram` brings it",
    ),
    "a module of a list": ("import yaml2", "requirements.txt:2 asks for yaml2==9"),
    "a program that nobody names": (
        "import subprocess; subprocess.run(['nosuchother'])",
        "name nosuchother under build.system_packages in cog.yaml; here `apt-get",
    ),
}


@pytest.mark.parametrize(("code", "remedy"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_named_with_its_line(
    cogfal: Cogfal, project: Path, code: str, remedy: str
) -> None:
    """The package's line of cog.yaml, or of its list, and what installs it."""
    packages = "packages:\n    - opencv-python==4.1"
    if "yaml2" in code:
        packages = "requirements:\n    requirements.txt"
        (project / "requirements.txt").write_text("numpy\nyaml2==9\n")
    (project / "cog.yaml").write_text(
        f"build:\n  python_{packages}\n  system_packages:\n"
        "    - nosuchprogram\npredict: predict.py:P\n"
    )
    (project / "predict.py").write_text(
        f"from cog import BasePredictor\n{code}\n"
        "class P(BasePredictor):\n    def predict(self) -> str:\n        return ''\n"
    )

    (project / "inputs.jsonl").write_text("{}\n")

    ended = cogfal("predict", "--here")
    batch = cogfal("predict", "--here", "--batch", "inputs.jsonl", "-o", "results")

    assert (ended.status, batch.status) == (1, 1)
    assert remedy in ended.err
    assert remedy in batch.err
