"""`cogfal predict` and `cogfal train`: run a model here, or call an app that runs elsewhere."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from cogfal.cli.batch import run_batch
from cogfal.cli.given_inputs import read_inputs, read_variables, refuse_missing
from cogfal.cli.options import add_cogs_own, add_here, add_input_options, add_root, seconds
from cogfal.cli.results import Destination, ResultWriter
from cogfal.cli.run_elsewhere import call_elsewhere
from cogfal.cli.run_here import LocalRun, local_run, prepare_project
from cogfal.engine.prediction import Event, Output
from cogfal.local.session import GIVEN
from cogfal.nested import map_leaves
from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.spec import IteratorType, Role

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
        "-f",
        "--file",
        metavar="COG_YAML",
        help="another cog.yaml, in the project's directory",
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
    add_cogs_own(parser, gpus="GPUS", use_replicate_token=None)
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
    addressed = map_leaves(values, lambda each: GIVEN if isinstance(each, Path) else each)
    Validator(spec, Dialect.FAL).parse(addressed)
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
