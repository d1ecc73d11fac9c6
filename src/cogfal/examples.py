"""Read and write examples.yaml: named inputs of a model, and what it answered.

The one format for the page's examples, the cases of a comparison, recordings and pytest:

    - name: a red square
      input:
        prompt: a red square
        image: "@inputs/square.png"     # a file, beside this one
      output: "@outputs/square.png"     # where it is known
      tolerance: 0.02                   # or by field: {scores: 0.001, image: 0.02}
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from cogfal.errors import ProjectError
from cogfal.nested import map_leaves
from cogfal.spec import JSON

EXAMPLES: Final = "examples.yaml"
Tolerance: TypeAlias = "float | Mapping[str, float]"
_KEYS: Final = frozenset({"name", "input", "output", "tolerance"})


class ExamplesError(ProjectError):
    """Report an examples.yaml that cannot be used."""


@dataclass(frozen=True)
class Example:
    """One set of inputs; files are paths, in `output` too.

    Attributes:
        name: What it is called; unique in its file.
        input: The inputs by name.
        output: What the model answered, None where that is not known.
        tolerance: How far an answer may be from the output: one number, or one for each field.
        recorded: Whether there is an output, which may be None itself.
    """

    name: str
    input: Mapping[str, Any]
    output: Any = None
    tolerance: Tolerance = field(default=0.0)
    recorded: bool = False


def read_examples(path: Path) -> list[Example]:
    """Return the examples of a file.

    Raises:
        ExamplesError: It cannot be read, is not a list of examples, or names a file that is not
            there or lies outside its directory.
    """
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ExamplesError(
            f"it cannot be read: {error}", where=path.name, remedy="write a list of examples"
        ) from error
    if not isinstance(entries, list):
        raise ExamplesError(
            "it is not a list", where=path.name, remedy="begin each example with `- name: ...`"
        )
    examples = [_example(entry, number, path) for number, entry in enumerate(entries, 1)]
    names = Counter(each.name for each in examples)
    twin = next((name for name, count in names.items() if count > 1), None)
    if twin is not None:
        raise ExamplesError(
            f"two examples are called {twin!r}",
            where=path.name,
            remedy="give each a name of its own",
        )
    return examples


def find_examples(root: Path) -> list[Example]:
    """Return the examples that a project has beside its cog.yaml; none where it has no such file.

    Raises:
        ExamplesError: As `read_examples`.
    """
    path = root / EXAMPLES
    return read_examples(path) if path.is_file() else []


def entry_of(example: Example, folder: Path) -> dict[str, JSON]:
    """Return an example as a file in `folder` would have it, with `@path` for each file."""
    entry: dict[str, JSON] = {"name": example.name, "input": _with_names(example.input, folder)}
    if example.recorded:
        entry["output"] = _with_names(example.output, folder)
    if example.tolerance:
        tolerance = example.tolerance
        entry["tolerance"] = dict(tolerance) if isinstance(tolerance, Mapping) else tolerance
    return entry


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples whose files lie in the directory of `path`."""
    entries = [entry_of(example, path.parent) for example in examples]
    path.write_text(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True), "utf-8")


def _example(entry: object, number: int, path: Path) -> Example:
    place = f"{path.name}, example {number}"
    if not isinstance(entry, dict) or not isinstance(entry.get("input", {}), dict):
        raise ExamplesError(
            "it has no inputs", where=place, remedy="write `name: ...` and `input: {name: value}`"
        )
    unknown = sorted(map(str, set(entry) - _KEYS))
    if unknown:
        raise ExamplesError(
            f"there is no field {', '.join(unknown)}",
            where=place,
            remedy=f"an example has {', '.join(sorted(_KEYS))}",
        )
    return Example(
        name=str(entry.get("name", number)),
        input=_with_paths(entry.get("input", {}), path.parent, place),
        output=_with_paths(entry.get("output"), path.parent, place),
        tolerance=_tolerance(entry.get("tolerance", 0.0), place),
        recorded="output" in entry,
    )


def _tolerance(value: object, place: str) -> Tolerance:
    if isinstance(value, dict):
        return {str(name): _number(each, place) for name, each in value.items()}
    return _number(value, place)


def _number(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ExamplesError(
            f"the tolerance {value!r} is no number of 0 or more",
            where=place,
            remedy="write a number, or one for each field: {scores: 0.001}",
        )
    return float(value)


def _with_paths(value: Any, folder: Path, place: str) -> Any:
    """Return a value with a path in place of each text that begins with `@`; `@@` is an `@`."""
    match value:
        case str() if value.startswith("@@"):
            return value[1:]
        case str() if value.startswith("@"):
            return _inside(value[1:], folder, place)
        case list():
            return [_with_paths(one, folder, place) for one in value]
        case dict():
            return {str(name): _with_paths(one, folder, place) for name, one in value.items()}
        case _:
            return value


def _inside(name: str, folder: Path, place: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ExamplesError(
            f"there is no file {name} beside it",
            where=place,
            remedy="name a file below the directory of examples.yaml",
        )
    return path


def _with_names(value: Any, folder: Path) -> JSON:
    def named(leaf: Any) -> JSON:
        if isinstance(leaf, Path):
            return f"@{leaf.resolve().relative_to(folder.resolve()).as_posix()}"
        return f"@{leaf}" if isinstance(leaf, str) and leaf.startswith("@") else leaf

    return map_leaves(value, named)


def keep_files(
    value: Any, folder: Path, keep: Callable[[Path, Path], object] = shutil.copyfile
) -> Any:
    """Copy each file in a value into `folder`; return the value with the files' new paths.

    Files of one name do not meet: each item and each field has a directory of its own.
    """
    match value:
        case Path():
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / value.name
            keep(value, place)
            return place
        case list():
            return [keep_files(one, folder / str(n), keep) for n, one in enumerate(value)]
        case Mapping():
            return {n: keep_files(one, folder / _plain(n), keep) for n, one in value.items()}
        case _:
            return value


def _plain(name: object) -> str:
    """Return a directory's name for a field's, which may be a server's choice."""
    return re.sub(r"[^\w-]", "_", str(name))[:80] or "_"
