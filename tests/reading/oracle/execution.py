"""Execute generated projects, once for every answer of unknown code, and read them."""

from __future__ import annotations

import builtins
import contextlib
import enum
import importlib
import importlib.machinery
import io
import json
import os
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from typing_extensions import Self

from cogfal.cog import alias
from cogfal.errors import PredictorError
from cogfal.guest.live import read_live
from cogfal.guest.type_names import Unservable
from cogfal.reading import read_predictor
from cogfal.reading.annotations import to_json
from cogfal.reading.interpreter import Interpreter
from cogfal.reading.source import Project
from cogfal.reading.unknown import GivenUp, Touched, Unresolved
from cogfal.spec import PredictorSpec, to_plain

UNKNOWN = "outside"
"""The package that is not part of a project; everything in it is unknown."""

ANSWERS = ("true", "false", "raise", "change", "call")
MAX_EXECUTIONS = 32
"""How many executions of a program are made one after the other, and how many at random."""

_MEMORY = next((each for each in ("/dev/shm",) if Path(each).is_dir()), None)

OWN = frozenset({"aside", "deeper", "first", "pkg", "predict", "registry", "second", "sibling"})
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
    with tempfile.TemporaryDirectory(prefix="oracle-", dir=_MEMORY) as folder:
        root = Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8", newline="")
        yield root


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads modules of projects, each compiled once."""

    compiled: ClassVar[dict[str, types.CodeType]] = {}

    def get_code(self, fullname: str) -> types.CodeType | None:
        path = self.get_filename(fullname)
        if path not in self.compiled:
            self.compiled[path] = compile(self.get_data(path), path, "exec", dont_inherit=True)
        return self.compiled[path]


class Executions:
    """Executes the modules of one project again and again, each time as if for the first time."""

    def __init__(self, root: Path, own: AbstractSet[str]) -> None:
        self._root, self._own = root, own
        outside: Any = types.ModuleType(UNKNOWN)
        outside.passed_on = lambda value: value
        self._outside = outside

    def __enter__(self) -> Self:
        hiding = self._own | {"cog"}
        self._hidden = {n: m for n, m in sys.modules.items() if n.partition(".")[0] in hiding}
        for name in self._hidden:
            del sys.modules[name]
        self._before = dict(sys.modules)
        sys.modules[UNKNOWN] = self._outside
        alias.install()
        self._kept, self._cached = dict(sys.modules), set(sys.path_importer_cache)
        self._path, self._folder = list(sys.path), Path.cwd()
        self._environ, self._data = dict(os.environ), dict(os.environ._data)  # type: ignore[attr-defined]
        sys.path_hooks.insert(0, importlib.machinery.FileFinder.path_hook((_Loader, [".py"])))
        return self

    def __exit__(self, *_: object) -> None:
        self._kept = self._before
        self._reset()
        sys.path[:] = self._path
        os.chdir(self._folder)
        del sys.path_hooks[0]
        for name in set(sys.path_importer_cache) - self._cached:
            del sys.path_importer_cache[name]
        sys.modules.update(self._hidden)
        _Loader.compiled.clear()

    def _reset(self) -> None:
        """Put back what a program may have changed."""
        for name in sys.modules.keys() - self._kept.keys():
            del sys.modules[name]
        sys.modules.update(self._kept)
        vars(builtins).pop("added", None)
        sys.path[:] = [str(self._root), *self._path]
        os.chdir(self._root)
        if os.environ._data != self._data:  # type: ignore[attr-defined]
            os.environ.clear()
            os.environ.update(self._environ)

    def run(self, answers: Answers) -> types.ModuleType | None:
        """Import `predict.py` with these answers; return it, None where it fails."""
        self._outside.u = answers
        self._reset()
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return importlib.import_module("predict")
        except (Exception, SystemExit):  # whatever the generated program raises
            return None


def executed(root: Path, answers: Answers) -> dict[str, Any] | None:
    """Import `predict.py` with these answers; return its names in JSON, None where it fails."""
    with Executions(root, OWN) as executions:
        module = executions.run(answers)
        return None if module is None else _names(module)


def _names(module: types.ModuleType) -> dict[str, Any]:
    return {name: _json(value) for name, value in vars(module).items() if name[0] != "_"}


def _json(value: Any) -> Any:
    try:
        return plain(value)
    except NotJson:
        return NotJson


@dataclass
class Run:
    """What one execution gives: its names, and its predictor where there is one that is served."""

    names: dict[str, Any]
    spec: str | None


def shown(spec: PredictorSpec) -> str:
    """Return as text what has to be told alike of a predictor, wherever it is read."""
    inputs = tuple(replace(each, location=None) for each in spec.inputs)
    return json.dumps(to_plain(replace(spec, location=None, deploy_time=(), inputs=inputs)))


def _run(executions: Executions, answers: Answers) -> Run | None:
    module = executions.run(answers)
    if module is None:
        return None
    spec = None
    if hasattr(module, "Predictor"):
        with contextlib.suppress(PredictorError, Unservable):
            spec = shown(read_live(module.Predictor, path="predict.py", name="Predictor"))
    return Run(_names(module), spec)


def runs_of(root: Path, own: AbstractSet[str], random: Random) -> list[Run]:
    """Return every execution that ends well, or many where there are very many."""
    found: list[Run | None] = []
    following: list[int] | None = []
    with Executions(root, own) as executions:
        while following is not None and len(found) < MAX_EXECUTIONS:
            answers = Answers(following)
            found.append(_run(executions, answers))
            following = answers.next()
        for _ in range(MAX_EXECUTIONS if following is not None else 0):
            prescribed = [random.randrange(len(ANSWERS)) for _ in range(40)]
            found.append(_run(executions, Answers(prescribed)))
    return [run for run in found if run is not None]


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


def _agrees(run: Run, name: str, value: Any) -> bool:
    there = run.names.get(name, NotJson)
    return there is not NotJson and value is not NotJson and alike(there, value)


def judge(files: Mapping[str, str], random: Random) -> Verdict:
    """Compare what is told of a project with every execution of it."""
    verdict = Verdict()
    with project(files) as root:
        runs = runs_of(root, OWN, random)
        found = told(root)
        if "class Predictor" in files["predict.py"] and not isinstance(found, PredictorError):
            verdict.wrong += _wrong_spec(root, runs)
    verdict.failed = not runs
    if isinstance(found, PredictorError):
        verdict.refused = str(found)
        if runs and "importing it raises" in str(found):
            verdict.wrong.append(f"said to fail, and does not: {found}")
        return verdict
    for name, value in found.items():
        other = next((r for r in runs if name[0] != "_" and not _agrees(r, name, value)), None)
        if other is not None:
            there = other.names.get(name, "absent")
            verdict.wrong.append(f"{name} is told as {value!r} and is {there!r}")
    if runs:
        certain = [n for n, v in runs[0].names.items() if all(_agrees(run, n, v) for run in runs)]
        verdict.possible = len(certain)
        verdict.told = sum(name in found for name in certain)
    return verdict


def _wrong_spec(root: Path, runs: list[Run]) -> list[str]:
    """Return what is told otherwise of the predictor; a refusal is never wrong."""
    try:
        spec = shown(read_predictor("predict.py:Predictor", root))
    except PredictorError:
        return []
    others = [run.spec for run in runs if run.spec is not None and run.spec != spec]
    return [f"the predictor is told as {spec} and is {other}" for other in others[:1]]
