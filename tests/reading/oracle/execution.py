"""Execute generated projects, once for every answer of unknown code, and read them."""

from __future__ import annotations

import builtins
import contextlib
import enum
import gc
import importlib
import importlib.abc
import importlib.machinery
import io
import json
import os
import resource
import signal
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path, PurePath
from random import Random
from typing import Any, ClassVar, NoReturn

from typing_extensions import Self

from cogfal.cog import alias
from cogfal.errors import PredictorError
from cogfal.guest.live import read_live
from cogfal.guest.type_names import Unservable
from cogfal.guest.wire import to_plain
from cogfal.reading import read_predictor
from cogfal.reading.annotations import to_json
from cogfal.reading.interpreter import Interpreter
from cogfal.reading.journal import attributes_of, of_class
from cogfal.reading.source import Project
from cogfal.reading.unknown import Beyond, GivenUp, Touched, Unresolved
from cogfal.spec import PredictorSpec

UNKNOWN = "outside"
"""The package that is not part of a project; everything in it is unknown."""

ANSWERS = ("true", "false", "raise", "change", "call")
MAX_EXECUTIONS = 32

MEMORY = 2**29
"""Bytes that a program may have."""
"""How many executions of a program are made one after the other, and how many at random."""

MOST = 2.0
"""Seconds of the processor's that an execution may take."""

_MEMORY = next((each for each in ("/dev/shm",) if Path(each).is_dir()), None)

OWN = frozenset(
    {"aside", "asked", "deeper", "first", "pkg", "predict", "registry", "second", "sibling"}
)
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
        case None | bool() | int() | float() | str() | PurePath():
            return str(value) if isinstance(value, PurePath) else value
        case dict() if all(isinstance(key, str) for key in value):
            return {key: plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | range():
            return [plain(item, depth + 1) for item in value]
        case set() | frozenset():
            return [plain(item, depth + 1) for item in sorted(value, key=repr)]
        case _ if type(value).__module__.partition(".")[0] in OWN and any(
            "__dict__" in vars(base) for base in type(value).__mro__
        ):
            return plain(vars(value), depth + 1)
    raise NotJson


@dataclass
class Answers:
    """Answers to questions: those that are prescribed, and those that were given, of how many."""

    prescribed: Sequence[int] = ()
    given: list[tuple[int, int]] = field(default_factory=list)

    def choose(self, among: int = 2) -> int:
        """Return the answer to a question."""
        place = len(self.given)
        answer = self.prescribed[place] if place < len(self.prescribed) else 0
        self.given.append((answer % among, among))
        return self.given[-1][0]

    def next(self) -> list[int] | None:
        """Return the answers of the next execution."""
        left = list(self.given)
        while left and left[-1][0] + 1 >= left[-1][1]:
            left.pop()
        return None if not left else [*(answer for answer, _ in left[:-1]), left[-1][0] + 1]


def unknown(answers: Answers, *arguments: Any, **_: Any) -> Any:
    """Do what unknown code may do with what it is given."""
    match ANSWERS[answers.choose(len(ANSWERS))]:
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
        # Nobody's code takes a module's `__builtins__` away, without which nothing goes on.
        for name in [name for name in vars(value) if not name.startswith("__")]:
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


class Endless(BaseException):
    """Says that a program goes on for too long."""


@contextlib.contextmanager
def _little_memory() -> Iterator[None]:
    """Give a program less memory than the reader has, which it may fill, and go on."""
    most, hard = resource.getrlimit(resource.RLIMIT_AS)
    little = _addresses() + MEMORY
    if most != resource.RLIM_INFINITY:
        little = min(little, most)
    resource.setrlimit(resource.RLIMIT_AS, (little, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _addresses() -> int:
    """Return how many bytes of addresses this process has."""
    pages = Path("/proc/self/statm").read_text("ascii").partition(" ")[0]
    return int(pages) * resource.getpagesize()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _endless(*_: object) -> NoReturn:
    raise Endless


@cache
def _cog() -> dict[str, types.ModuleType]:
    """Return the modules of the authoring API, under the names by which programs import them."""
    alias.install()
    return {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "cog"}


StandingIn = Callable[[Answers], importlib.abc.MetaPathFinder]
"""Returns what finds the modules that nothing else finds, for the answers that it is given."""


class Executions:
    """Executes the modules of one project again and again, each time as if for the first time."""

    def __init__(
        self, root: Path, own: AbstractSet[str], standing_in: StandingIn | None = None
    ) -> None:
        self._root, self._own, self._standing_in = root, own, standing_in
        outside: Any = types.ModuleType(UNKNOWN)
        outside.passed_on = lambda value: value
        self._outside = outside
        self._addresses = _addresses()

    def __enter__(self) -> Self:
        hiding = self._own | {"cog"}
        self._hidden = {n: m for n, m in sys.modules.items() if n.partition(".")[0] in hiding}
        for name in self._hidden:
            del sys.modules[name]
        self._before = dict(sys.modules)
        if self._standing_in is None:
            sys.modules[UNKNOWN] = self._outside
        sys.modules.update(_cog())
        self._kept, self._cached = dict(sys.modules), set(sys.path_importer_cache)
        self._path, self._folder, self._finders = list(sys.path), Path.cwd(), list(sys.meta_path)
        self._environ, self._data = dict(os.environ), dict(os.environ._data)  # type: ignore[attr-defined]
        self._builtins = dict(vars(builtins))
        self._handler = signal.signal(signal.SIGVTALRM, _endless)
        sys.path_hooks.insert(0, importlib.machinery.FileFinder.path_hook((_Loader, [".py"])))
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGVTALRM, self._handler)
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
        """Put back what a program may have changed, and take back what it has filled."""
        for name in sys.modules.keys() - self._kept.keys():
            del sys.modules[name]
        if _addresses() > self._addresses + MEMORY // 2:
            gc.collect()
        sys.modules.update(self._kept)
        for name in vars(builtins).keys() - self._builtins.keys():
            delattr(builtins, name)
        vars(builtins).update(self._builtins)
        sys.path[:] = [str(self._root), *self._path]
        sys.meta_path[:] = self._finders
        os.chdir(self._root)
        if os.environ._data != self._data:  # type: ignore[attr-defined]
            os.environ.clear()
            os.environ.update(self._environ)

    def run(self, answers: Answers) -> types.ModuleType | None:
        """Import `predict.py` with these answers; return it, None where it fails.

        Raises:
            Endless: It goes on for too long.
        """
        self._outside.u = partial(unknown, answers)
        self._reset()
        if self._standing_in is not None:
            sys.meta_path.append(self._standing_in(answers))
        try:
            with _little_memory(), _silence():
                # Again and again, for what is raised in the program may be caught in it.
                signal.setitimer(signal.ITIMER_VIRTUAL, MOST, MOST)
                return importlib.import_module("predict")
        except (Exception, SystemExit):  # whatever the generated program raises
            return None
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def every(self, random: Random) -> Iterator[types.ModuleType]:
        """Yield what every execution gives that ends well, or many where there are very many.

        None follows one that goes on for too long.
        """
        with contextlib.suppress(Endless):
            yield from filter(None, self._each(random))

    def _each(self, random: Random) -> Iterator[types.ModuleType | None]:
        following: list[int] | None = []
        for _ in range(MAX_EXECUTIONS):
            answers = Answers(following or ())
            yield self.run(answers)
            following = answers.next()
            if following is None:
                return
        for _ in range(MAX_EXECUTIONS):
            yield self.run(Answers([random.randrange(len(ANSWERS)) for _ in range(40)]))


def executed(root: Path, answers: Answers) -> dict[str, Any] | None:
    """Import `predict.py` with these answers; return its names in JSON, None where it fails."""
    with Executions(root, OWN) as executions:
        module = executions.run(answers)
        return None if module is None else {n: _json(v) for n, v in vars(module).items()}


def _json(value: Any) -> Any:
    try:
        return plain(value)
    except NotJson:
        return NotJson


def shown(spec: PredictorSpec) -> str:
    """Return as text what has to be told alike of a predictor, wherever it is read."""
    inputs = tuple(replace(each, location=None) for each in spec.inputs)
    return json.dumps(to_plain(replace(spec, location=None, deploy_time=(), inputs=inputs)))


def served(module: types.ModuleType) -> str | None:
    """Return what the predictor of a module is, None where there is none that is served."""
    if hasattr(module, "Predictor"):
        with contextlib.suppress(PredictorError, Unservable):
            return shown(read_live(module.Predictor, path="predict.py", name="Predictor"))
    return None


def told(root: Path, orders: int) -> dict[str, Any] | PredictorError:
    """Return the names of `predict.py` that the reader knows, in JSON, or its refusal.

    What depends on an order that Python leaves open is read in so many of them.
    """
    readings: list[dict[str, Any]] = []
    source = Project(root, sys.version_info[:2], lambda _: None)
    for turn in range(orders):
        world = Interpreter(source, turn=turn)
        try:
            scope = world.modules.main(source.open("predict.py"))
        except PredictorError as error:
            return error
        except Beyond as error:
            return PredictorError(error.unknown.reason)
        except (Exception, GivenUp, Touched) as error:  # the program's own
            return PredictorError(f"importing it raises {type(error).__name__}")
        names: dict[str, Any] = {}
        for name, value in scope.names.items():
            with contextlib.suppress(Unresolved, Touched, GivenUp):
                world.budget.next_statement()
                names[name] = to_json(world, _opened(world, value))
        readings.append(names)
        if not world.orders.asked:
            return names
    first, *others = readings
    return {
        name: value for name, value in first.items()
        if all(name in other and _text(other[name]) == _text(value) for other in others)
    }  # fmt: skip


def _opened(world: Interpreter, value: Any, depth: int = 0) -> Any:
    """Return a value with the attributes of objects of the program's in place of these."""
    world.budget.spend()  # a list that holds itself twice is without end
    value = world.known(value)
    if depth > 20 or isinstance(value, enum.Enum):
        return value
    if type(value) is dict:
        return {key: _opened(world, item, depth + 1) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [_opened(world, item, depth + 1) for item in value]
    kind = type(value)
    if kind in world.classes.nodes and of_class(kind, "__dict__") is not None:
        plain = isinstance(value, (str, int, float, list, tuple, dict, set, PurePath))
        return value if plain else _opened(world, attributes_of(value), depth + 1)
    return value


def told_of_predictor(root: Path) -> str | PredictorError:
    """Return what the reader tells of the predictor, or its refusal."""
    try:
        return shown(read_predictor("predict.py:Predictor", root))
    except PredictorError as error:
        return error


def _text(value: Any) -> str:
    """Return a text that no other value has; of what has no JSON form, an empty one."""
    return "" if value is NotJson else json.dumps(value)


@dataclass
class Verdict:
    """What came of one program: `wrong` names what is told otherwise than Python has it."""

    told: int = 0
    possible: int = 0
    failed: bool = False
    refused: str = ""
    wrong: list[str] = field(default_factory=list)


def judge(files: Mapping[str, str], random: Random) -> Verdict:
    """Compare what is told of a project with every execution of it."""
    # In files of its own, as a program may change what the reader finds.
    with project(files) as root, Executions(root, OWN) as executions:
        failed = next(executions.every(copy(random)), None) is None
    with project(files) as root:
        # Where it fails there is nothing to compare, so that one reading is enough.
        found = told(root, 1 if failed else 3)
        if isinstance(found, PredictorError):
            return said_to_fail(found, failed)
        if failed:
            return Verdict(failed=True)
        spec = told_of_predictor(root) if "class Predictor" in files["predict.py"] else None
        with Executions(root, OWN) as executions:
            runs = executions.every(random)
            return _compared(found, spec if isinstance(spec, str) else None, runs)


def said_to_fail(refusal: PredictorError, failed: bool) -> Verdict:
    """Return the verdict on a refusal, wrong only where it says that importing fails."""
    wrong = [] if failed or "importing it raises" not in str(refusal) else [
        f"said to fail, and does not: {refusal}"
    ]  # fmt: skip
    return Verdict(failed=failed, refused=str(refusal), wrong=wrong)


def _compared(
    found: Mapping[str, Any], spec: str | None, runs: Iterable[types.ModuleType]
) -> Verdict:
    verdict = Verdict(failed=True)
    certain: dict[str, str] = {}
    expected = {name: _text(value) for name, value in found.items()}
    for module in runs:
        there = {name: value for name, value in vars(module).items() if name[0] != "_"}
        if verdict.failed:
            certain = {name: _text(_json(value)) for name, value in there.items()}
            texts, verdict.failed = certain, False
        else:
            asked = certain.keys() | expected.keys()
            texts = {n: _text(_json(there[n])) for n in asked if n in there}
            certain = {n: text for n, text in certain.items() if texts.get(n) == text}
        for name, text in [*expected.items()]:
            if name[0] != "_" and texts.get(name) != text:
                verdict.wrong.append(f"{name} is told as {text} and is {texts.get(name, 'absent')}")
                del expected[name]
        other = served(module) if spec is not None else None
        if other is not None and other != spec:
            verdict.wrong.append(f"the predictor is told as {spec} and is {other}")
            spec = None
    possible = [name for name, text in certain.items() if text]
    verdict.possible, verdict.told = len(possible), sum(name in found for name in possible)
    return verdict
