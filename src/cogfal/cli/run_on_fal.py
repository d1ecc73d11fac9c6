"""Call an app that is deployed on fal, through cogfal's client."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from cogfal import client
from cogfal.cli.display import Display, open_display
from cogfal.cli.given_inputs import read_inputs
from cogfal.cli.results import Destination, ResultWriter
from cogfal.cli.run_at_url import downloaded, streaming
from cogfal.errors import CallFailed
from cogfal.nested import map_leaves


def call_app(arguments: argparse.Namespace) -> int:
    """Call the app named by `--app`; local files are uploaded first.

    An app that streams is called directly and shown as it goes, any other through fal's queue.
    """
    values = read_inputs(arguments, None)
    destination = Destination(arguments.output)
    with (
        tempfile.TemporaryDirectory(prefix="cogfal-") as folder,
        open_display(sys.stderr, bars=arguments.json_input is None) as display,
    ):
        writer = ResultWriter(sys.stdout, destination, display)
        try:
            _call(arguments.app, values, writer, display, Path(folder))
        except httpx.HTTPError as error:
            raise CallFailed(f"a file of the output cannot be had: {error}") from error
    return 0


def _call(
    app: str, values: Mapping[str, Any], writer: ResultWriter, display: Display, folder: Path
) -> None:
    display.phase("Waiting for fal")
    streams, joined = _streaming(app)
    if not streams:
        writer.whole(_local(client.run(app, values), folder, display))
        return
    pieces: list[Any] = []
    for index, piece in enumerate(client.stream(app, values)):
        pieces.append(_local(piece, folder, display))
        writer.piece(pieces[-1], index, joined=joined)
    writer.whole("".join(map(str, pieces)) if joined else pieces)


def _streaming(app: str) -> tuple[bool, bool]:
    """Ask the app's document whether and how it streams; one without a document does not."""
    try:
        return streaming(client.document(app))
    except CallFailed as error:
        if error.status is None:
            raise
        return False, False


def _local(value: Any, folder: Path, display: Display) -> Any:
    def download(leaf: Any) -> Any:
        if not isinstance(leaf, client.FileOutput):
            return leaf
        return downloaded(leaf.url, leaf.file_name, folder, display)

    return map_leaves(value, download)
