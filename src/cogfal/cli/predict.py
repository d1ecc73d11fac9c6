"""`cogfal predict` and `cogfal train`: run a model here, once or in a batch, or call an app."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from cogfal.cli.console import CommandFailed, Sign, say
from cogfal.cli.given_inputs import (
    read_inputs,
    read_variables,
    refuse_missing,
    validate,
    with_files,
)
from cogfal.cli.options import add_cogs_own, add_here, add_input_options, add_root, seconds
from cogfal.cli.results import BATCH_RESULTS, Destination, ResultWriter
from cogfal.cli.run_elsewhere import call_elsewhere
from cogfal.cli.run_here import LocalRun, local_run, prepare_project
from cogfal.engine.prediction import Event, Output
from cogfal.errors import PredictionCancelled, PredictionError, RequestError
from cogfal.examples import keep_files
from cogfal.local.session import Session
from cogfal.nested import map_leaves
from cogfal.spec import FileType, IteratorType, PathType, PredictorSpec, Role, Type, holds

EPILOG = """\
examples:
  cogfal predict -i prompt="a red square" -i image=@photo.png
  cogfal predict --json @inputs.json -o result.png
  cogfal predict -i prompt=hi --url http://127.0.0.1:8080
  cogfal predict -i prompt=hi --app you/your-model
  cogfal predict --batch inputs.jsonl -o results/
  cogfal predict --batch photos:image -i scale=2 -o results/
"""
TRAIN_EPILOG = """\
example:
  cogfal train -i data=@dataset.zip -i steps=100 -o weights.tar
"""
STEMS: Final = {Role.PREDICT: "output", Role.TRAIN: "weights"}
"""What a lone file of the output is called, as with Cog."""
FORM: Final = "write --batch inputs.jsonl, or --batch FOLDER:INPUT"


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal predict`."""
    parser.epilog = EPILOG
    _add_project_options(parser, Role.PREDICT)
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument("--url", help="call the app that runs at this URL")
    elsewhere.add_argument("--app", metavar="OWNER/NAME", help="call this app on fal")
    elsewhere.add_argument(
        "--batch",
        metavar="FILE|DIR:INPUT",
        help="a prediction for each line of inputs.jsonl, or each file of a folder; -o DIR gets "
        "the results, and the same command again goes on where it stopped",
    )
    parser.set_defaults(run=predict)


def add_train(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal train`."""
    parser.epilog = TRAIN_EPILOG
    _add_project_options(parser, Role.TRAIN)
    parser.set_defaults(run=partial(run_once, role=Role.TRAIN))


def _add_project_options(parser: argparse.ArgumentParser, role: Role) -> None:
    """Declare the options that predict and train share."""
    add_input_options(parser, role)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="the file that the output goes to, or a directory for its files, made if it ends in /",
    )
    add_root(parser, "the project (default: the working directory)")
    parser.add_argument(
        "-f", "--file", metavar="COG_YAML", help="another cog.yaml, in the project's directory"
    )
    parser.add_argument(
        "--setup-timeout", type=seconds, metavar="SECONDS", help="for import and setup"
    )
    parser.add_argument(
        "--progress",
        choices=["auto", "plain", "tty", "quiet"],
        default="auto",
        help="how progress is shown: with bars on a terminal, in lines, or not at all",
    )
    add_here(parser)
    add_cogs_own(parser, "--gpus", "--use-replicate-token")
    name = "training function" if role is Role.TRAIN else "predictor"
    parser.add_argument(
        "--ref",
        metavar="REF",
        help=f"an App, app.py::App, whose settings hold, or another {name}, file.py:Name, with "
        "none (default: the App in app.py or fal_app.py, else cog.yaml)",
    )


def predict(arguments: argparse.Namespace) -> int:
    """Run one prediction, or a batch of them, where the options say."""
    if arguments.url or arguments.app:
        return call_elsewhere(arguments)
    if arguments.batch:
        return run_batch(arguments)
    return run_once(arguments, Role.PREDICT)


def run_once(arguments: argparse.Namespace, role: Role) -> int:
    """Bring the project up in this process, run it once, and return the exit status."""
    project = prepare_project(arguments)
    spec = project.read(role)
    values, variables = read_inputs(arguments, spec), read_variables(arguments)
    refuse_missing(values, spec)
    # Inputs that do not fit are refused, and a place that takes no output, before minutes of setup.
    validate(values, spec)
    destination = Destination(arguments.output, STEMS[role])
    with local_run(arguments, project, spec, variables) as run:
        writer = ResultWriter(run.relay.out, destination, run.display)
        asyncio.run(_run(run, values, writer))
    return 0


async def _run(run: LocalRun, values: Mapping[str, Any], writer: ResultWriter) -> None:
    kind = run.spec.output
    async with run.session(log_limit=2**40) as session:

        def write(event: Event) -> None:
            if isinstance(event, Output) and isinstance(kind, IteratorType):
                piece = session.files.with_paths(event.chunk)
                writer.piece(piece, event.number, joined=kind.concatenate)

        run.display.phase("Running")
        writer.whole(await run.predict(session, values, write))


def run_batch(arguments: argparse.Namespace) -> int:
    """Run what is left of a batch, and return the exit status: 1 where an item failed."""
    if arguments.output is None:
        raise CommandFailed("--batch needs -o DIR, where the results go")
    if arguments.json_input is not None:
        raise CommandFailed("--batch and --json exclude each other; -i gives all items an input")
    project = prepare_project(arguments)
    spec = project.read(Role.PREDICT)
    items = read_items(arguments.batch, spec, read_inputs(arguments, spec))
    results = BatchResults(Path(arguments.output))
    left = [item for item in items if not results.has(item)]
    if done := len(items) - len(left):
        say(f"{done} of {len(items)} are in {results.file} already")
    with local_run(arguments, project, spec, read_variables(arguments)) as run:
        failed = asyncio.run(_run_all(run, results, left))
    say(
        f"{len(items) - failed} of {len(items)} succeeded: {results.file}",
        Sign.BAD if failed else Sign.GOOD,
    )
    return 1 if failed else 0


class BatchResults:
    """The results in a directory: a line of `results.jsonl` for each item, the last one counts.

    What a killed run has left is whole: a line is written last, once the item's files are there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / BATCH_RESULTS
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
            if text and not text.endswith("\n"):  # the last writer was killed in its last line
                self._append("\n")
        except OSError as error:
            raise CommandFailed(f"-o {folder}: {error.strerror}; name a directory") from error
        self._known: dict[str, dict[str, Any]] = {}
        for line in text.splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut off counts not
                value = json.loads(line)
                self._known[value["item"]] = value

    def has(self, item: Item) -> bool:
        """Whether an item succeeded before, with the same inputs."""
        known = self._known.get(item.name, {})
        return known.get("status") == "succeeded" and known.get("key") == item.key

    def succeeded(self, item: Item, output: Any, seconds: float) -> None:
        """Keep an output, its files in a directory of the item's own."""
        kept = keep_files(output, self.folder / item.name, shutil.move)
        shown = map_leaves(kept, self._shown)
        self._write(item, {"status": "succeeded", "output": shown, "seconds": round(seconds, 3)})

    def failed(self, item: Item, error: str) -> None:
        """Keep why there is no output."""
        self._write(item, {"status": "failed", "error": error})

    def _shown(self, value: Any) -> Any:
        """Return a file's path below the results' directory, and anything else as it is."""
        return value.relative_to(self.folder).as_posix() if isinstance(value, Path) else value

    def _write(self, item: Item, told: Mapping[str, Any]) -> None:
        line = {"item": item.name, "key": item.key, "input": dict(item.values), **told}
        self._append(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def _append(self, text: str) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(text)


async def _run_all(run: LocalRun, results: BatchResults, items: Sequence[Item]) -> int:
    """Run the items one after the other, with one setup; return how many failed."""
    able = [item for item in items if item.problem is None]
    failed = len(items) - len(able)
    for item in items:
        if item.problem is not None:
            results.failed(item, item.problem)
            run.display.tell(f"{item.name}: failed: {item.problem}")
    if able:
        async with run.session() as session:
            for number, item in enumerate(able, 1):
                place = f"{item.name} ({number} of {len(able)})"
                failed += not await _run_item(run, results, session, item, place)
    return failed


async def _run_item(
    run: LocalRun, results: BatchResults, session: Session, item: Item, place: str
) -> bool:
    run.display.phase(f"Running {place}")
    begun = time.monotonic()
    try:
        output = await run.predict(session, item.values)
    except PredictionCancelled:
        run.display.tell(f"{place}: interrupted; the same command goes on here")
        raise
    except (PredictionError, RequestError) as error:
        why = str(error) or type(error).__name__
        results.failed(item, why)
        run.display.tell(f"{item.name}: failed: {why}")
        return False
    seconds = time.monotonic() - begun
    results.succeeded(item, output, seconds)
    run.display.tell(f"{place}: succeeded, {seconds:.1f} s")
    return True


@dataclass(frozen=True, slots=True)
class Item:
    """One prediction of a batch.

    `name` is unique in the batch, and names the directory of its files. `key` changes when the
    inputs do. `problem` says why it cannot be run, None where it can.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    problem: str | None = None


def read_items(named: str, spec: PredictorSpec, common: Mapping[str, Any]) -> list[Item]:
    """Return the items of what `--batch` names, in order; each has the `common` inputs, too.

    Raises:
        CommandFailed: There is no such file or folder, or no such input for files.
    """
    types = {each.name: each.type for each in spec.inputs}
    files = [name for name, kind in types.items() if holds(kind, PathType, FileType)]
    folder, colon, name = named.rpartition(":")
    if colon and Path(folder).is_dir():
        if name not in files:
            given = ", ".join(files) or "none"
            raise CommandFailed(f"--batch {named}: the inputs that take files are {given}")
        found = sorted(each for each in Path(folder).iterdir() if each.is_file())
        shown = [each for each in found if each.name[0] != "."]
        return [_item(each.name, {**common, name: each.resolve()}) for each in shown]
    path = Path(named)
    if path.is_dir():
        raise CommandFailed(f"--batch {named} is a folder; say for which input: {named}:INPUT")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"--batch {named} cannot be read: {error}; {FORM}") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    return [_item_of_line(number, line, path, types, common) for number, line in numbered]


def _item_of_line(
    number: int, line: str, path: Path, types: Mapping[str, Type], common: Mapping[str, Any]
) -> Item:
    name, place = f"{number:04}", f"{path.name}:{number}"
    try:
        given = json.loads(line)
        if not isinstance(given, dict):
            return Item(name, problem=f"{place}: write the inputs as an object")
        values = {
            n: with_files(v, types[n], path.parent) if n in types else v for n, v in given.items()
        }
    except ValueError as error:
        return Item(name, problem=f"{place}: it is not JSON: {error}")
    except CommandFailed as error:
        return Item(name, problem=f"{place}: {error}")
    return _item(name, {**common, **values})


def _item(name: str, values: Mapping[str, Any]) -> Item:
    text = json.dumps(values, sort_keys=True, default=str)
    return Item(name, values, hashlib.sha256(text.encode()).hexdigest()[:16])
