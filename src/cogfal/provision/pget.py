"""A stand-in for Replicate's `pget`, which predictors call to download their weights.

`pget [-x] [-f] [...] URL DEST` and `pget multifile [...] LIST` work as there, except that what is
downloaded is kept in `COGFAL_DOWNLOADS`, so that the next runner finds it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cogfal.errors import SetupError
from cogfal.provision.archives import unpack
from cogfal.provision.weights import fetch_once

_IGNORED: Final = (
    ("-c", "--concurrency"),
    ("-m", "--minimum-chunk-size"),
    ("-o", "--output-consumer"),
    ("-r", "--retries"),
    ("--chunk-size",),
    ("--connect-timeout",),
    ("--log-level",),
    ("--max-chunks",),
    ("--max-concurrent-files",),
    ("--max-conn-per-host",),
    ("--pid-file",),
    ("--resolve",),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    multifile = bool(words) and words[0] in ("multifile", "multi-file")
    options = _parser(multifile=multifile).parse_args(words[1:] if multifile else words)
    store = Path(os.environ.get("COGFAL_DOWNLOADS") or tempfile.gettempdir()) / "pget"
    pairs = _listed(options.list) if multifile else [(options.url, Path(options.dest))]
    try:
        for url, target in pairs:
            _get(url, target, store, extract=options.extract, force=options.force)
    except (SetupError, OSError) as error:
        sys.stderr.write(f"pget: {error}\n")
        return 1
    return 0


def _parser(*, multifile: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pget", description=__doc__)
    parser.add_argument("-x", "--extract", action="store_true")
    parser.add_argument("-f", "--force", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true")
    for names in _IGNORED:
        parser.add_argument(*names, dest=f"ignored_{names[-1]}")
    if multifile:
        parser.add_argument("list")
    else:
        parser.add_argument("url")
        parser.add_argument("dest")
    return parser


def _listed(name: str) -> Iterable[tuple[str, Path]]:
    text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.strip():
            url, _, target = line.strip().partition(" ")
            yield url, Path(target.strip())


def _get(url: str, target: Path, store: Path, *, extract: bool, force: bool) -> None:
    if target.exists() and not force:
        raise SetupError(f"{target} exists already")
    source = fetch_once(url, store)
    if extract:
        unpack(source, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source)
