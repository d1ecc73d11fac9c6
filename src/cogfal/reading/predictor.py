"""Read a predictor or trainer from the text of its file."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import warnings
from collections import ChainMap
from dataclasses import replace
from pathlib import Path
from typing import Final

from cogfal.errors import PredictorError, UnresolvedExpression, UnsupportedSignature
from cogfal.guest.type_names import METHODS, yielded
from cogfal.reading.annotations import read_type
from cogfal.reading.classes import Outside
from cogfal.reading.functions import Function
from cogfal.reading.interpreter import Interpreter
from cogfal.reading.scopes import Scope, bindings, yields
from cogfal.reading.signature import concurrency, inputs_of, is_mark, old_inputs
from cogfal.reading.source import Find, Module, Project
from cogfal.reading.unknown import (
    ABSENT,
    Possible,
    Touched,
    Unknown,
    UnknownError,
    Value,
    bare,
    known,
    needed,
)
from cogfal.spec import (
    AnyType,
    IteratorType,
    Location,
    PredictorSpec,
    Role,
    SetupSpec,
    Shape,
    Type,
    holds,
)

NAMES: Final = {Role.PREDICT: ("Runner", "Predictor"), Role.TRAIN: ("train", "Trainer")}

_CREDENTIAL: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
_MARK: Final = "cogfal-credential"


def read_predictor(
    ref: str,
    root: Path,
    *,
    role: Role = Role.PREDICT,
    python_version: str | None = None,
    find: Find | None = None,
) -> PredictorSpec:
    """Return what the text of a predictor says, importing and running none of it.

    `ref` is `path.py:Name` relative to `root`; without a name, Cog's usual names are tried.
    `python_version` is the model's Python, `3.12` or `3.12.1`, by default this one; `find` returns
    an interpreter of such a version, for syntax that this one does not know.

    Raises:
        PredictorError: There is no such predictor, its file is not Python, or importing it fails.
        UnresolvedExpression: The text does not tell a value that the signature needs.
        UnsupportedSignature: The signature can be read but not served.
    """
    path, _, name = ref.partition(":")
    version = python_version or ".".join(map(str, sys.version_info[:2]))
    major, minor = map(int, version.split(".")[:2])
    project = Project(root, (major, minor), find or _present)
    module = project.open(path.strip())
    reading = _Readings(project, module, role, name.strip())
    try:
        with (
            warnings.catch_warnings(),
            needed(f"the predictor {name}", Location(module.relative, 1)),
        ):
            warnings.simplefilter("ignore")  # which are about what the text does, here or there
            return reading.spec()
    except RecursionError as error:
        raise PredictorError("nested too deeply", where=module.relative) from error


def _present(version: tuple[int, int]) -> Path | None:
    found = importlib.import_module("cogfal.environments.interpreters").present_interpreter(
        ".".join(map(str, version))
    )
    return None if found is None else Path(found.path)


class _Readings:
    """The readings of one predictor: one, and more where it depends on what may differ."""

    def __init__(self, project: Project, module: Module, role: Role, name: str) -> None:
        self._project, self._module, self._role, self._name = project, module, role, name

    def spec(self) -> PredictorSpec:
        """Return the spec that all readings agree on, and what it depends on."""
        world, told = self._read()
        asked = frozenset(world.environment.read | world.files.missing)
        if isinstance(told, PredictorError) and asked:
            _, again = self._read(doubted=asked)
            if not (isinstance(told, UnresolvedExpression) and isinstance(again, PredictorError)):
                told = again
            asked = frozenset()
        if isinstance(told, PredictorError):
            raise told
        for turn in (1, 2) if world.orders.asked else ():
            _, other = self._read(turn=turn)
            if other != told:
                raise _disordered(told, other)
        return replace(told, deploy_time=self._depends(told, asked))

    def _read(
        self, *, doubted: frozenset[str] = frozenset(), turn: int = 0, given: str = ""
    ) -> tuple[Interpreter, PredictorSpec | PredictorError]:
        world = Interpreter(self._project, doubted=doubted, turn=turn)
        world.environment.given.update({given: _MARK} if given else {})
        try:
            return world, _Reading(world, self._module, self._role).spec(self._name)
        except PredictorError as error:
            return world, error

    def _depends(self, spec: PredictorSpec, asked: frozenset[str]) -> tuple[str, ...]:
        """Return the variables and files without which the spec would not be told."""
        if not asked or self._read(doubted=asked)[1] == spec:
            return ()
        found = [n for n in sorted(asked) if self._read(doubted=frozenset({n}))[1] != spec]
        for name in filter(_CREDENTIAL.search, found):
            _, marked = self._read(given=name)
            if isinstance(marked, PredictorError) or _MARK in repr(marked):
                raise PredictorError(
                    f"the inputs show the value of the environment variable {name}",
                    where=spec.location,
                    remedy="read it in setup() or predict(); its name says that it is a credential",
                )
        return tuple(found)


class _MayBe(Unknown):
    """What a class perhaps has, of a base from outside."""

    __slots__ = ()


def _disordered(told: PredictorSpec, other: PredictorSpec | PredictorError) -> PredictorError:
    """Return the error for two readings that differ by an order, with the first input that does."""
    others = other.inputs if isinstance(other, PredictorSpec) else told.inputs
    found = next((each for each in told.inputs if each not in others), None)
    what = f"the predictor {told.name}" if found is None else f'the input "{found.name}"'
    return UnresolvedExpression(
        f"{what} depends on an order that Python leaves open, that of a set or a folder",
        source="",
        where=(told if found is None else found).location,
        remedy="put the items in order with sorted()",
    )


class _Reading:
    """One reading of one predictor."""

    def __init__(self, world: Interpreter, module: Module, role: Role) -> None:
        self._world, self._module, self._role = world, module, role
        self._start = Location(module.relative, 1)

    def spec(self, name: str) -> PredictorSpec:
        """Return the spec of the class or function called `name`."""
        try:
            scope = self._world.modules.main(self._module)
        except PredictorError:
            raise
        except Exception as error:  # the author's: importing the file would raise it
            raise self._raised(bare(error)) from error
        self._world.budget.next_statement()
        if not name:
            first, second = NAMES[self._role]
            if not {first, second} & {*scope.names}:
                raise PredictorError(
                    f"neither {first} nor {second} is defined",
                    where=self._start,
                    remedy=f'name the class or function: "{self._module.relative}:Name"',
                )
            name = first if first in scope.names else second
        target = self._target(name, scope)
        if isinstance(target, type):
            return self._spec(name, *self._method(name, target), target)
        return self._spec(name, None, target, None)

    def _raised(self, error: Exception) -> PredictorError:
        if isinstance(error, UnknownError):
            told = f"an exception ({error.unknown.reason})"
        else:
            try:
                told = f"{type(error).__name__}: {error}"
            except Touched as touched:
                told = f"{type(error).__name__}: ({touched.unknown.reason})"
        return PredictorError(
            f"importing it raises {told}",
            where=vars(error).get("_cogfal_place", self._start),
            remedy="correct it; Python raises it as well",
        )

    def _target(self, name: str, scope: Scope) -> type | Function:
        try:
            value = self._world.modules.member(self._module, name)
        except AttributeError as error:
            raise self._missing(name, scope) from error
        with needed(f"the predictor {name}", self._start):
            known(value)
        if not isinstance(value, type | Function) or value.__module__ == "builtins":
            raise PredictorError(f"{name} is neither a class nor a function", where=self._start)
        return value

    def _missing(self, name: str, scope: Scope) -> PredictorError:
        """Say what the file has of its own; what it imports from the project comes after that."""
        nodes = self._world.classes.nodes
        there = {
            n: v for n, v in scope.names.items()
            if isinstance(v, Function) or (isinstance(v, type) and v in nodes)
        }  # fmt: skip
        own = [n for n, value in there.items() if value.__module__ == self._module.name]
        remedy = f"define {name} in it, or name another file"
        if there:
            remedy = f"name one that it has: {', '.join((own or [*there])[:20])}"
        return PredictorError(f"has no {name}", where=self._module.relative, remedy=remedy)

    def _method(self, name: str, cls: type) -> tuple[str, Function]:
        node, module = self._world.classes.nodes.get(cls) or (self._module.tree, self._module)
        where = module.location(node)
        wanted = METHODS[self._role]
        found = {m: f for m in wanted if (f := self._find(cls, m)) is not ABSENT}
        certain = [m for m, f in found.items() if not isinstance(f, _MayBe)]
        if self._role is Role.PREDICT and len(certain) > 1:
            raise PredictorError(
                f"{name} defines both run() and predict()",
                where=where,
                remedy="keep one of them and rename the other",
            )
        if not certain:
            with needed(f"the predictor {name}", self._start):
                for doubtful in found.values():
                    known(doubtful)
            names = " or ".join(f"{method}()" for method in wanted[:2])
            raise PredictorError(
                f"{name} defines no {names}", where=where, remedy="define the method that Cog calls"
            )
        return certain[0], self._function(found[certain[0]], f"{name}.{certain[0]}", where)

    def _find(self, cls: type, name: str) -> Value:
        """Return what a class has under a name, `ABSENT` where it has nothing of the author's."""
        if id(cls) in self._world.choices.tainted:
            return self._world.choices.tainted[id(cls)][1]
        for base in cls.__mro__:
            if Outside in base.__bases__:
                unknown = vars(base)["unknown"]
                shown = unknown.dotted or unknown.reason
                return _MayBe(f"it may come from {shown}, which is not part of the project")
            if base in self._world.classes.nodes and name in vars(base):
                return vars(base)[name]
        return ABSENT

    def _own(self, cls: type | None, name: str) -> Value:
        """Return what a class certainly has under a name, `ABSENT` where there is no such thing."""
        found = ABSENT if cls is None else self._find(cls, name)
        return ABSENT if isinstance(found, _MayBe) else found

    def _function(self, value: Value, name: str, where: Location) -> Function:
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        with needed(name, where):
            known(value)
        if isinstance(value, Function):
            return value
        raise PredictorError(f"{name} is not a function", where=where)

    def _spec(
        self, name: str, method: str | None, outer: Function, cls: type | None
    ) -> PredictorSpec:
        world, layers = self._world, _layers(outer)
        function = layers[-1]
        where = function.scope.module.location(function.node)
        for layer in layers:
            replaced = vars(layer).get("__replaced__")
            if isinstance(replaced, Unknown):
                with needed(f"the signature of {layer.name}()", where):
                    known(replaced.at(function.node, function.scope.module))
        bound = method is not None and not any(layer.is_static for layer in layers)
        inputs = old_inputs(world, function, where)
        if inputs is None:
            inputs = inputs_of(world, function, method=bound)
        shape = _shape(outer).around(_shape(function))
        return PredictorSpec(
            path=self._module.relative,
            name=name,
            method=method,
            inputs=inputs,
            output=self._output(function, shape, where),
            shape=shape,
            role=self._role,
            setup=self._setup(cls),
            healthcheck=self._own(cls, "healthcheck") is not ABSENT,
            teardown=self._own(cls, "teardown") is not ABSENT,
            streaming=any(is_mark(d, "streaming") for each in layers for d in each.decorators),
            max_concurrency=concurrency(layers, where),
            description=_description(function) or (None if cls is None else _description(cls)),
            location=where,
        )

    def _output(self, function: Function, shape: Shape, where: Location) -> Type:
        output: Type = AnyType()
        if "return" in function.annotations:
            node = getattr(function.node, "returns", None) or function.node
            told, module = function.annotations["return"], function.scope.module
            with needed("the output", where):
                output = read_type(self._world, told, node, module)
        if shape.yields:
            return yielded(output)
        if not isinstance(output, IteratorType) and holds(output, IteratorType):
            raise UnsupportedSignature("the output holds an iterator inside", where=where)
        return output

    def _setup(self, cls: type | None) -> SetupSpec | None:
        found = self._own(cls, "setup")
        if found is ABSENT:
            return None
        function = _layers(self._function(found, "setup", self._start))[-1]
        args = function.node.args
        plain = [*args.posonlyargs, *args.args, *args.kwonlyargs]
        for arg in plain if function.is_static else plain[1:]:
            if arg.arg != "weights" and arg.arg not in function.defaults:
                raise UnsupportedSignature(
                    f"setup() asks for {arg.arg!r}, which nobody gives",
                    where=function.scope.module.location(arg),
                    remedy="give it a default; only `weights` is passed to setup()",
                )
        weights = any(arg.arg == "weights" for arg in plain)
        return SetupSpec(weights, isinstance(function.node, ast.AsyncFunctionDef))


def _layers(outer: Function) -> list[Function]:
    """Return a function, and those that it passes its arguments on to, the innermost last."""
    layers: list[Function] = []
    inner: Value = outer
    while isinstance(inner, Function):
        layers.append(inner)
        wrapped = vars(inner).get("__wrapped__")
        inner = wrapped if isinstance(wrapped, Function) else _passed_on_to(inner)
    return layers


def _passed_on_to(wrapper: Function) -> Function | None:
    """Return the one function around a wrapper that it mentions, if it names no parameters."""
    args, node = wrapper.node.args, wrapper.node
    named = {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)} - {"self"}
    if named or args.kwarg is None:
        return None
    free = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - bindings(node).bound
    around = ChainMap(*(s.names for s in wrapper.scope.outwards() if s.kind == "function"))
    values = [around[name] for name in free if name in around]
    for value in values:
        if isinstance(value, Possible):
            known(value)
    functions = [value for value in values if isinstance(value, Function)]
    return functions[0] if len(functions) == 1 else None


def _description(value: type | Function) -> str | None:
    """Return the docstring, None where there is none or it is empty."""
    text = vars(value).get("__doc__")
    generated = isinstance(value, type) and str(text).startswith(f"{value.__name__}(")
    return inspect.cleandoc(text) or None if isinstance(text, str) and not generated else None


def _shape(function: Function) -> Shape:
    several = yields(function.node)
    if isinstance(function.node, ast.AsyncFunctionDef):
        return Shape.ASYNC_GENERATOR if several else Shape.COROUTINE
    return Shape.GENERATOR if several else Shape.FUNCTION
