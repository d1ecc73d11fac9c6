"""`cogfal compare`: prove that a model does in one place what it does in another."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import anyio
from rich.console import Console

from cogfal.cli.console import CommandFailed, confirm, say, write_json
from cogfal.cli.given_inputs import read_inputs
from cogfal.cli.options import add_inputs
from cogfal.compare.cases import cases_of, read_cases, typed
from cogfal.compare.comparison import Comparison, Pair, calls, compare, open_pair
from cogfal.compare.presentation import as_json, show, write_page
from cogfal.compare.recording import RecordedEndpoint, refuse_filled, write_recording
from cogfal.compare.signatures import Verdict
from cogfal.examples import Example
from cogfal.files.progress import counted

EPILOG = """\
Each side is the directory of a project, which is run here; the URL of a Cog server or of an app;
app:OWNER/NAME on fal; replicate:OWNER/NAME[:VERSION], with REPLICATE_API_TOKEN; or a recording.
  cogfal compare replicate:me/model app:me/model --inputs examples.yaml --html report.html
  cogfal compare http://127.0.0.1:5000 . -i prompt="a red square" -i seed=42
  cogfal compare replicate:me/model --record before
The exit status is 0 where all is the same, 1 where answers differ, 3 where the schema breaks.
"""
DIFFERENT: Final = 1
BREAKS: Final = 3


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal compare`."""
    parser.epilog = EPILOG
    parser.add_argument("before", metavar="A", help="the model as it was")
    parser.add_argument("after", metavar="B", nargs="?", help="the model as it is to be")
    add_inputs(parser)
    parser.set_defaults(json_input=None)
    parser.add_argument(
        "--inputs",
        type=Path,
        metavar="FILE",
        help="cases: an examples.yaml, or a cog-safe-push.yaml (default: made from the schema)",
    )
    parser.add_argument(
        "--runs", type=int, default=1, metavar="N", help="how often A answers each case"
    )
    parser.add_argument(
        "--schema-only", action="store_true", help="compare signatures, run nothing"
    )
    parser.add_argument(
        "--record", type=Path, metavar="DIR", help="keep A's answers in a new folder"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--html", type=Path, metavar="REPORT", help="write a page with pictures")
    parser.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="for each call (default: 600)",
    )
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before calls that cost money"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare, report, and return the exit status."""
    if arguments.after is None and arguments.record is None:
        raise CommandFailed("there is nothing to compare with; name a second side, or --record DIR")
    if arguments.runs < 1:
        raise CommandFailed("--runs is how often A answers each case, at least once")
    if arguments.record is not None:
        refuse_filled(arguments.record)  # before calls that somebody pays for
    return anyio.run(_run, arguments)


async def _run(arguments: argparse.Namespace) -> int:
    async with (
        open_pair(arguments.before, arguments.after, arguments.timeout) as pair,
        anyio.TemporaryDirectory(prefix="cogfal-") as folder,
    ):
        if arguments.schema_only:
            result = pair.compare_signatures()
        else:
            result = await _answers(arguments, pair, Path(folder))
        await anyio.to_thread.run_sync(_report, arguments, result, pair)
    if result.verdict is Verdict.BREAKING:
        return BREAKS
    return 0 if result.same else DIFFERENT


async def _answers(arguments: argparse.Namespace, pair: Pair, folder: Path) -> Comparison:
    examples, runs = await _examples(arguments, pair), arguments.runs
    wrong = pair.wrong_inputs(examples[0].input)
    _ask(calls(pair, len(examples), len(wrong), runs), asked=not arguments.yes)
    return await compare(
        pair, examples, wrong, folder=folder, runs=runs, tell=lambda name: say(f"running {name}")
    )


async def _examples(arguments: argparse.Namespace, pair: Pair) -> Sequence[Example]:
    """Return the cases: those named, else a recording's or Replicate's, else made ones."""
    if arguments.inputs is not None:
        return read_cases(arguments.inputs)
    if arguments.input:
        return [Example("inputs", typed(read_inputs(arguments, None), pair.before.signature))]
    for endpoint in sorted(pair, key=lambda each: not isinstance(each, RecordedEndpoint)):
        if examples := await endpoint.examples():
            return examples
    return cases_of(pair.before.signature)


def _ask(counts: Mapping[str, int], *, asked: bool) -> None:
    """Ask before calls that cost money; raises CommandFailed where nobody agrees."""
    paid = [f"{counted(count, 'call')} of {label}" for label, count in counts.items()]
    if not paid or not asked:
        return
    question = f"{' and '.join(paid)} cost money"
    if not sys.stdin.isatty():
        raise CommandFailed(f"{question}; agree with --yes")
    if not confirm(f"{question}. Go on?"):
        raise CommandFailed("nothing was called")


def _report(arguments: argparse.Namespace, result: Comparison, pair: Pair) -> None:
    secrets = pair.before.signature.secrets | pair.after.signature.secrets
    if arguments.record is not None:
        recorded = [(case.example, case.before) for case in result.cases]
        write_recording(arguments.record, pair.before.document, secrets, recorded)
    if arguments.html is not None:
        write_page(result, arguments.html, secrets)
    if arguments.json:
        write_json(as_json(result))
    elif arguments.after is not None:
        show(result, Console(highlight=False))
