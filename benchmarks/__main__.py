"""Measure everything and write docs/benchmarks: `python -m benchmarks [--quick] [WORK...]`."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.lab import Lab
from benchmarks.machine import description
from benchmarks.notebook import Notebook
from benchmarks.plan import FULL, QUICK
from benchmarks.plots import draw
from benchmarks.report import report
from benchmarks.work import (
    cancel,
    files,
    growth,
    images,
    imports,
    large,
    noop,
    own,
    pickling,
    reading,
    resident,
    startup,
    tokens,
    torch_model,
)

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks"
WORK: dict[str, Callable[[Lab], None]] = {
    "noop": noop.measure,
    "images": images.measure,
    "files": files.measure,
    "large": large.measure,
    "tokens": tokens.measure,
    "cancel": cancel.measure,
    "own": own.measure,
    "imports": imports.measure,
    "startup": startup.measure,
    "pickling": pickling.measure,
    "reading": reading.measure,
    "resident": resident.measure,
    "torch": torch_model.measure,
    "growth": growth.measure,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for, and write it down."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers end with this
    machine, notebook = description(), Notebook()
    with tempfile.TemporaryDirectory(prefix="cogfal-bench-") as directory:
        lab = Lab(QUICK if options.quick else FULL, notebook, Path(directory))
        for name in options.work or WORK:
            _measure(name, lab)
    _write(notebook, machine, options.out)
    if notebook.failures:
        sys.exit(f"could not be measured: {', '.join(notebook.failures)}")


def _measure(name: str, lab: Lab) -> None:
    """Measure one kind of work; where that fails, say so and keep the rest."""
    started = time.monotonic()
    try:
        WORK[name](lab)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        lab.notebook.failures[name] = str(error)
        print(f"{name} could not be measured: {error}", flush=True)
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("work", nargs="*", choices=[[], *WORK], help="by default all of it")
    parser.add_argument("--quick", action="store_true", help="measure less of everything")
    parser.add_argument("--out", type=Path, default=DOCS, help="where the report is written")
    return parser.parse_args(arguments)


def _write(notebook: Notebook, machine: dict[str, str], out: Path) -> None:
    (out / "raw").mkdir(parents=True, exist_ok=True)
    raw = {"machine": machine, **notebook.as_json()}
    stamp = machine["date"].replace(" UTC", "").replace(" ", "-").replace(":", "")
    (out / "raw" / f"{stamp}.json").write_text(json.dumps(raw, indent=1) + "\n")
    (out / "index.md").write_text(report(notebook, machine, draw(notebook, out)))
    print(f"{out / 'index.md'}")


if __name__ == "__main__":
    main()
