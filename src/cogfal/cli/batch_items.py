"""Read what a batch runs: the lines of a file of inputs, or the files of a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cogfal.cli.inputs import BadArgument
from cogfal.spec import FileType, PathType, PredictorSpec, holds

FORM: Final = "write --batch inputs.jsonl, or --batch FOLDER:INPUT"


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
    """Return the items of a batch, in order.

    Args:
        named: What `--batch` says.
        spec: The predictor.
        common: Inputs that every item has that says nothing else.

    Raises:
        BadArgument: There is no such file or folder, or no such input for files.
    """
    folder, colon, name = named.rpartition(":")
    if colon and Path(folder).is_dir():
        return _of_folder(Path(folder), name, spec, common)
    path = Path(named)
    if path.is_dir():
        raise BadArgument(f"--batch {named} is a folder; say for which input: {named}:INPUT")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadArgument(f"--batch {named} cannot be read: {error}; {FORM}") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    return [_of_line(number, line, path, spec, common) for number, line in numbered]


def _of_folder(
    folder: Path, name: str, spec: PredictorSpec, common: Mapping[str, Any]
) -> list[Item]:
    files = sorted(each for each in folder.iterdir() if each.is_file() and each.name[0] != ".")
    fitting = [each.name for each in spec.inputs if holds(each.type, PathType, FileType)]
    if name not in fitting:
        raise BadArgument(
            f"--batch {folder}:{name}: the inputs that take files are "
            f"{', '.join(fitting) or 'none'}"
        )
    return [_item(each.name, {**common, name: each.resolve()}) for each in files]


def _of_line(
    number: int, line: str, path: Path, spec: PredictorSpec, common: Mapping[str, Any]
) -> Item:
    name = f"{number:04}"
    try:
        given = json.loads(line)
    except ValueError as error:
        return Item(name, problem=f"{path.name}:{number}: it is not JSON: {error}")
    if not isinstance(given, dict):
        return Item(name, problem=f"{path.name}:{number}: write the inputs as an object")
    files = {each.name for each in spec.inputs if holds(each.type, PathType, FileType)}
    try:
        values = {n: _placed(v, path.parent) if n in files else v for n, v in given.items()}
    except BadArgument as error:
        return Item(name, problem=f"{path.name}:{number}: {error}")
    return _item(name, {**common, **values})


def _placed(value: Any, folder: Path) -> Any:
    """Put a path in place of each "@FILE", which is relative to the file of inputs."""
    if isinstance(value, list):
        return [_placed(one, folder) for one in value]
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    path = (folder / value[1:]).resolve()
    if not path.is_file():
        raise BadArgument(f"{value}: there is no such file; it is relative to {folder.resolve()}")
    return path


def _item(name: str, values: Mapping[str, Any]) -> Item:
    text = json.dumps(values, sort_keys=True, default=str)
    return Item(name, values, hashlib.sha256(text.encode()).hexdigest()[:16])
