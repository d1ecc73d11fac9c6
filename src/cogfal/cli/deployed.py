"""Call an app that is deployed on fal, through cogfal's client."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from cogfal import client
from cogfal.cli.inputs import read_inputs
from cogfal.cli.remote import downloaded
from cogfal.cli.results import ResultWriter


def call_app(arguments: argparse.Namespace) -> int:
    """Call the app named by `--app` through fal's queue; local files are uploaded first."""
    answer = client.run(arguments.app, read_inputs(arguments, None))
    with tempfile.TemporaryDirectory(prefix="cogfal-") as folder:
        ResultWriter(sys.stdout, arguments.output).whole(_local(answer, Path(folder)))
    return 0


def _local(value: Any, folder: Path) -> Any:
    match value:
        case client.FileOutput():
            return downloaded(value.url, value.file_name, folder)
        case list():
            return [_local(one, folder) for one in value]
        case dict():
            return {name: _local(one, folder) for name, one in value.items()}
        case _:
            return value
