"""`cogfal env`: list the environments that were made for models here, and remove them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cogfal.cli.console import Sign, say, write_json
from cogfal.cli.options import BadArgument
from cogfal.environments import KeptEnvironment, kept_environments, remove_environment
from cogfal.files.progress import readable

DAY = 24 * 60 * 60  # seconds
EPILOG = """\
Environments are shared by projects that ask for the same Python and packages, and made anew when
they are needed. examples:
  cogfal env
  cogfal env --remove 3f2a
  cogfal env --remove-unused 30
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--remove", metavar="KEY", help="remove one, by the beginning of its key")
    chosen.add_argument(
        "--remove-unused", type=int, metavar="DAYS", help="remove those not used for so long"
    )
    chosen.add_argument("--remove-all", action="store_true", help="remove all of them")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def run(arguments: argparse.Namespace) -> int:
    """List environments, or remove them."""
    kept = kept_environments()
    unwanted = _unwanted(kept, arguments)
    for each in unwanted:
        remove_environment(each)
        say(f"{each.key} removed", Sign.GOOD)
    if unwanted or arguments.remove_all or arguments.remove_unused is not None:
        return 0
    if arguments.json:
        write_json([_facts(each) for each in kept])
    else:
        _show(kept)
    return 0


def _unwanted(
    kept: Sequence[KeptEnvironment], arguments: argparse.Namespace
) -> Sequence[KeptEnvironment]:
    if arguments.remove_all:
        return kept
    if arguments.remove_unused is not None:
        limit = time.time() - arguments.remove_unused * DAY
        return [each for each in kept if each.used < limit]
    if arguments.remove is None:
        return []
    found = [each for each in kept if each.key.startswith(arguments.remove)]
    if len(found) != 1:
        keys = ", ".join(each.key for each in found or kept) or "none"
        raise BadArgument(f"--remove {arguments.remove}: there are {keys}; name one")
    return found


def _facts(each: KeptEnvironment) -> dict[str, object]:
    used = datetime.fromtimestamp(each.used).astimezone().isoformat(timespec="seconds")
    return {
        "key": each.key,
        "python": each.environment.python,
        "packages": each.environment.packages,
        "bytes": each.size(),
        "used": used,
        "path": str(each.path),
    }


def _show(kept: Sequence[KeptEnvironment]) -> None:
    if not kept:
        say("there are none; `cogfal predict` makes one where cog.yaml asks for it")
        return
    table = Table("key", "Python", "packages", "size", "used", "where", box=None, pad_edge=False)
    for each in kept:
        facts = _facts(each)
        size, used = readable(each.size()), str(facts["used"]).replace("T", " ")[:16]
        cells = (each.key, each.environment.python, str(each.environment.packages), size, used)
        table.add_row(*map(escape, cells), escape(str(each.path)))
    Console(highlight=False).print(table)
