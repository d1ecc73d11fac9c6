"""Execute generated projects, once for every answer of unknown code, and read them."""

from __future__ import annotations

import contextlib
import enum
import importlib
import io
import json
import os
import sys
import tempfile
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from cogfal.errors import PredictorError
from cogfal.reading.annotations import to_json
from cogfal.reading.interpreter import Interpreter
from cogfal.reading.source import Project
from cogfal.reading.unknown import GivenUp, Touched, Unresolved

UNKNOWN = "outside"
"""The package that is not part of a project; everything in it is unknown."""

ANSWERS = ("true", "false", "raise", "change", "call")
MAX_EXECUTIONS = 48

OWN = frozenset({"first", "pkg", "predict", "registry", "second"})
"""The modules of generated projects."""


class NotJson(Exception):
    """Says that a value has no JSON form."""


def plain(value: Any, depth: int = 0) -> Any:
    """Return the JSON form of a live value, as a schema shows it."""
    if depth > 20:
        raise NotJson
    match value:
        case enum.Enum():
            return plain(value.value, depth + 1)
        case None | bool() | int() | float() | str():
            return value
        case dict() if all(isinstance(key, str) for key in value):
            return {key: plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | range():
            return [plain(item, depth + 1) for item in value]
        case set() | frozenset():
            return [plain(item, depth + 1) for item in sorted(value, key=repr)]
        case _ if type(value).__module__.partition(".")[0] in OWN and hasattr(value, "__dict__"):
            return plain(vars(value), depth + 1)
    raise NotJson


@dataclass
class Answers:
    """Answers of unknown code: those that are prescribed, and those that were given."""

    prescribed: list[int] = field(default_factory=list)
    given: list[int] = field(default_factory=list)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        place = len(self.given)
        answer = self.prescribed[place] if place < len(self.prescribed) else 0
        self.given.append(answer)
        match ANSWERS[answer]:
            case "true":
                return True
            case "false":
                return False
            case "raise":
                raise ValueError("unknown code")
            case "change":
                for argument in arguments:
                    _change(argument)
                return 0
        for argument in arguments:
            if callable(argument):
                with contextlib.suppress(TypeError):
                    argument()
        return None

    def next(self) -> list[int] | None:
        """Return the answers of the next execution."""
        left = list(self.given)
        while left and left[-1] + 1 >= len(ANSWERS):
            left.pop()
        return None if not left else [*left[:-1], left[-1] + 1]


def _change(value: Any, depth: int = 0) -> None:
    if isinstance(value, list | tuple | dict) and depth < 3:
        for item in list(value.values() if isinstance(value, dict) else value):
            _change(item, depth + 1)
    if isinstance(value, list):
        value.append("changed")
    elif isinstance(value, dict):
        value["changed"] = 1
    elif isinstance(value, set):
        value.add("changed")
    elif isinstance(value, types.FunctionType | type):
        return
    elif hasattr(value, "__dict__"):
        for name in list(vars(value)):
            setattr(value, name, "changed")


@contextlib.contextmanager
def project(files: Mapping[str, str]) -> Iterator[Path]:
    """Write a project, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        root = Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
        yield root


def executed(root: Path, answers: Answers) -> dict[str, Any] | None:
    """Import `predict.py` with these answers; return its names in JSON, None where it fails."""
    outside: Any = types.ModuleType(UNKNOWN)
    outside.u = answers
    outside.passed_on = lambda value: value
    before, path, folder = set(sys.modules), list(sys.path), Path.cwd()
    environ = dict(os.environ)
    sys.modules[UNKNOWN] = outside
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        os.chdir(root)
        with contextlib.redirect_stdout(io.StringIO()):
            module = importlib.import_module("predict")
        return {name: _json(value) for name, value in vars(module).items() if name[0] != "_"}
    except (Exception, SystemExit):  # whatever the generated program raises
        return None
    finally:
        sys.path[:] = path
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        for name in set(sys.modules) - before:
            del sys.modules[name]


def _json(value: Any) -> Any:
    try:
        return plain(value)
    except NotJson:
        return NotJson


def executions(root: Path, random: Random) -> list[dict[str, Any]]:
    """Return the names of every execution that ends well, or of many where there are very many."""
    found: list[dict[str, Any]] = []
    following: list[int] | None = []
    for _ in range(MAX_EXECUTIONS):
        assert following is not None
        answers = Answers(following)
        names = executed(root, answers)
        if names is not None:
            found.append(names)
        following = answers.next()
        if following is None:
            return found
    for _ in range(MAX_EXECUTIONS):
        names = executed(root, Answers([random.randrange(len(ANSWERS)) for _ in range(40)]))
        if names is not None:
            found.append(names)
    return found


def told(root: Path) -> dict[str, Any] | PredictorError:
    """Return the names of `predict.py` that the reader knows, in JSON, or its refusal."""
    readings: list[dict[str, Any]] = []
    source = Project(root, sys.version_info[:2], lambda _: None)
    for turn in range(3):
        world = Interpreter(source, turn=turn)
        try:
            scope = world.modules.main(source.open("predict.py"))
        except PredictorError as error:
            return error
        except (Exception, GivenUp, Touched) as error:  # the program's own
            return PredictorError(f"importing it raises {type(error).__name__}")
        names: dict[str, Any] = {}
        for name, value in scope.names.items():
            with contextlib.suppress(Unresolved, Touched, GivenUp):
                world.budget.next_statement()
                names[name] = to_json(world, value)
        readings.append(names)
        if not world.orders.asked:
            return names
    first, *others = readings
    return {
        name: value for name, value in first.items()
        if all(name in other and alike(other[name], value) for other in others)
    }  # fmt: skip


def alike(left: Any, right: Any) -> bool:
    """Whether two values have one JSON text."""
    return json.dumps(left) == json.dumps(right)


@dataclass
class Verdict:
    """What came of one program: `wrong` names what is told otherwise than Python has it."""

    told: int = 0
    possible: int = 0
    failed: bool = False
    refused: str = ""
    wrong: list[str] = field(default_factory=list)


def _agrees(run: Mapping[str, Any], name: str, value: Any) -> bool:
    there = run.get(name, NotJson)
    return there is not NotJson and value is not NotJson and alike(there, value)


def judge(files: Mapping[str, str], random: Random) -> Verdict:
    """Compare what is told of a project with every execution of it."""
    verdict = Verdict()
    with project(files) as root:
        runs = executions(root, random)
        found = told(root)
    verdict.failed = not runs
    if isinstance(found, PredictorError):
        verdict.refused = str(found)
        if runs and "importing it raises" in str(found):
            verdict.wrong.append(f"said to fail, and does not: {found}")
        return verdict
    for name, value in found.items():
        for run in runs:
            if name[0] != "_" and not _agrees(run, name, value):
                verdict.wrong.append(f"{name} is told as {value!r} and is {run.get(name)!r}")
                break
    if runs:
        certain = [n for n, v in runs[0].items() if all(_agrees(run, n, v) for run in runs)]
        verdict.possible = len(certain)
        verdict.told = sum(name in found for name in certain)
    return verdict
