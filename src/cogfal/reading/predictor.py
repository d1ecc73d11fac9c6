"""Read a predictor or trainer from the text of its file."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from cogfal.errors import PredictorError, UnresolvedExpression, UnsupportedSignature
from cogfal.guest.type_names import METHODS, yielded
from cogfal.reading.annotations import read_type
from cogfal.reading.classes import Outside
from cogfal.reading.decorations import concurrency, old_inputs, streams
from cogfal.reading.functions import Function
from cogfal.reading.interpreter import Interpreter
from cogfal.reading.scopes import Scope, yields
from cogfal.reading.signature import Signature
from cogfal.reading.source import Find, Module, Project
from cogfal.reading.unknown import (
    Touched,
    Unknown,
    UnknownError,
    Value,
    bare,
    known,
    needed,
    refused,
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
    project = Project(root, _numbers(python_version), find or _present)
    module = project.open(path.strip())
    reading = _Readings(project, module, role, name.strip())
    try:
        with needed(f"the predictor {name}", Location(module.relative, 1)):
            return reading.spec()
    except RecursionError as error:
        raise PredictorError("nested too deeply", where=module.relative) from error


def _numbers(version: str | None) -> tuple[int, int]:
    if version is None:
        return sys.version_info[:2]
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _present(version: tuple[int, int]) -> Path | None:
    found = importlib.import_module("cogfal.environments").present_interpreter(
        ".".join(map(str, version))
    )
    return None if found is None else Path(found.path)


class _Readings:
    """The readings of one predictor: one, and more where it depends on what may differ."""

    def __init__(self, project: Project, module: Module, role: Role, name: str) -> None:
        self._project, self._module, self._role, self._name = project, module, role, name

    def spec(self) -> PredictorSpec:
        """Return the spec that all readings agree on, and what it depends on."""
        world, spec, failed = self._attempt()
        asked = world.environment.read | world.files.missing
        if spec is None and asked:
            _, spec, again = self._attempt(doubted=frozenset(asked))
            failed = (
                again if spec is None and not isinstance(failed, UnresolvedExpression) else failed
            )
            asked = set()
        if spec is None:
            assert failed is not None
            raise failed
        if world.orders.asked:
            self._check_orders(spec)
        return replace(spec, deploy_time=self._depends(spec, asked))

    def _attempt(
        self, *, doubted: frozenset[str] = frozenset(), turn: int = 0, given: str = ""
    ) -> tuple[Interpreter, PredictorSpec | None, PredictorError | None]:
        world = Interpreter(self._project, doubted=doubted, turn=turn)
        if given:
            world.environment.given[given] = _MARK
        try:
            return world, _Reading(world, self._module, self._role).spec(self._name), None
        except PredictorError as error:
            return world, None, error

    def _check_orders(self, spec: PredictorSpec) -> None:
        for turn in (1, 2):
            _, other, _ = self._attempt(turn=turn)
            if other != spec:
                raise UnresolvedExpression(
                    "the inputs depend on an order that Python leaves open, that of a set or a "
                    "folder",
                    source="",
                    where=spec.location,
                    remedy="put the items in order with sorted()",
                )

    def _depends(self, spec: PredictorSpec, asked: set[str]) -> tuple[str, ...]:
        """Return the variables and files without which the spec would not be told."""
        if not asked or self._attempt(doubted=frozenset(asked))[1] == spec:
            return ()
        found = [n for n in sorted(asked) if self._attempt(doubted=frozenset({n}))[1] != spec]
        for name in found:
            if _CREDENTIAL.search(name):
                self._check_credential(name, spec)
        return tuple(found)

    def _check_credential(self, name: str, spec: PredictorSpec) -> None:
        _, marked, _ = self._attempt(given=name)
        if marked is None or _MARK in repr(marked):
            raise PredictorError(
                f"the inputs show the value of the environment variable {name}",
                where=spec.location,
                remedy="read it in setup() or predict(); its name says that it is a credential",
            )


class _Reading:
    """One reading of one predictor."""

    def __init__(self, world: Interpreter, module: Module, role: Role) -> None:
        self._world, self._module, self._role = world, module, role
        self._start = Location(module.relative, 1)

    def spec(self, name: str) -> PredictorSpec:
        """Return the spec of the class or function called `name`."""
        scope = self._imported()
        self._world.budget.next_statement()
        if not name:
            wanted = NAMES[self._role]
            name = next((n for n in wanted if n in scope.names), "")
            if not name:
                raise self._nameless(wanted)
        target = self._target(name, scope)
        if isinstance(target, type):
            return self._of_class(name, target)
        return self._spec(name, None, target, None)

    def _imported(self) -> Scope:
        try:
            return self._world.modules.main(self._module)
        except Exception as error:  # the author's: importing the file would raise it
            raise self._raised(error) from error

    def _raised(self, error: Exception) -> PredictorError:
        if isinstance(error, PredictorError):
            return error
        error = bare(error)
        node, module = vars(error).get("_cogfal_place", (None, self._module))
        where = self._start if node is None else module.location(node)
        if isinstance(error, UnknownError):
            told = f"importing it raises an exception ({error.unknown.reason})"
        else:
            told = f"importing it raises {type(error).__name__}: {_text(error)}"
        return PredictorError(told, where=where, remedy="correct it; Python raises it as well")

    def _nameless(self, wanted: tuple[str, ...]) -> PredictorError:
        return PredictorError(
            f"neither {wanted[0]} nor {wanted[1]} is defined",
            where=self._start,
            remedy=f'name the class or function: "{self._module.relative}:Name"',
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
        values = [(n, v) for n, v in scope.names.items() if isinstance(v, type | Function)]
        own = [n for n, v in values if v.__module__ == self._module.name]
        there = own or [n for n, v in values if isinstance(v, Function) or v in
                        self._world.classes.nodes]  # fmt: skip
        if not there:
            remedy = f"define {name} in it, or name another file"
        else:
            remedy = f"name one that it has: {', '.join(there[:20])}"
        return PredictorError(f"has no {name}", where=self._module.relative, remedy=remedy)

    def _of_class(self, name: str, cls: type) -> PredictorSpec:
        return self._spec(name, *self._method(name, cls), cls)

    def _where(self, cls: type) -> Location:
        found = self._world.classes.nodes.get(cls)
        return self._start if found is None else found[1].location(found[0])

    def _method(self, name: str, cls: type) -> tuple[str, Function]:
        wanted = METHODS[self._role]
        found = {m: f for m in wanted if (f := self._find(cls, m)) is not None}
        known = {m: f for m, f in found.items() if not isinstance(f, _MayBe)}
        where = self._where(cls)
        if self._role is Role.PREDICT and len(known) > 1:
            raise PredictorError(
                f"{name} defines both run() and predict()",
                where=where,
                remedy="keep one of them and rename the other",
            )
        if not known:
            doubt = next((f for f in found.values() if isinstance(f, _MayBe)), None)
            if doubt is not None:
                with needed(f"the predictor {name}", self._start):
                    raise refused(doubt.reason)
            names = " or ".join(f"{method}()" for method in wanted[:2])
            raise PredictorError(
                f"{name} defines no {names}", where=where, remedy="define the method that Cog calls"
            )
        method, function = next(iter(known.items()))
        return method, self._function(function, f"{name}.{method}", where)

    def _find(self, cls: type, name: str) -> Value:
        """Return what a class has under a name, None where it has nothing of the author's."""
        if id(cls) in self._world.choices.tainted:
            return self._world.choices.tainted[id(cls)][1]
        for base in cls.__mro__:
            if Outside in base.__bases__:
                return _MayBe(vars(base)["unknown"])
            if base in self._world.classes.nodes and name in vars(base):
                return vars(base)[name]
        return None

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
        function = _layers(outer)[-1]
        module, node = function.scope.module, function.node
        where = module.location(node)
        for layer in _layers(outer):
            replaced = vars(layer).get("__replaced__")
            if isinstance(replaced, Unknown):
                with needed(f"the signature of {layer.name}()", where):
                    known(replaced.at(node, module))
        bound = method is not None and not any(layer.is_static for layer in _layers(outer))
        old = old_inputs(self._world, function, where)
        inputs = old
        if inputs is None:
            inputs = Signature(self._world, function).inputs(method=bound)
        shape = _shape(outer).around(_shape(function))
        output = self._output(function, shape, where)
        return PredictorSpec(
            path=self._module.relative,
            name=name,
            method=method,
            inputs=inputs,
            output=output,
            shape=shape,
            role=self._role,
            setup=self._setup(cls),
            healthcheck=cls is not None and self._has(cls, "healthcheck"),
            teardown=cls is not None and self._has(cls, "teardown"),
            streaming=any(streams(f) for f in _layers(outer)),
            max_concurrency=concurrency(_layers(outer), where),
            description=_description(function) or (None if cls is None else _description(cls)),
            location=where,
        )

    def _has(self, cls: type, name: str) -> bool:
        found = self._find(cls, name)
        return found is not None and not isinstance(found, _MayBe)

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
        found = None if cls is None or not self._has(cls, "setup") else self._find(cls, "setup")
        if found is None:
            return None
        outer = self._function(found, "setup", self._start)
        function = _layers(outer)[-1]
        args = function.node.args
        plain = [*args.posonlyargs, *args.args, *args.kwonlyargs]
        names = {arg.arg for arg in plain}
        if not function.is_static:
            plain = plain[1:]
        for arg in plain:
            if arg.arg != "weights" and arg.arg not in function.defaults:
                raise UnsupportedSignature(
                    f"setup() asks for {arg.arg!r}, which nobody gives",
                    where=function.scope.module.location(arg),
                    remedy="give it a default; only `weights` is passed to setup()",
                )
        return SetupSpec("weights" in names, isinstance(function.node, ast.AsyncFunctionDef))


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Touched as touched:
        return f"({touched.unknown.reason})"


class _MayBe:
    """Says that a base from outside may have a method."""

    def __init__(self, base: Unknown) -> None:
        shown = base.dotted or base.reason
        self.reason = f"it may come from {shown}, which is not part of the project"


def _layers(outer: Function) -> list[Function]:
    layers = [outer]
    while (inner := _inner(layers[-1])) is not None:
        layers.append(inner)
    return layers


def _inner(function: Function) -> Function | None:
    """Return the function that this one passes its arguments on to."""
    wrapped = vars(function).get("__wrapped__")
    return wrapped if isinstance(wrapped, Function) else function.wraps


def _description(value: type | Function) -> str | None:
    """Return the docstring, None where there is none or it is empty."""
    text = vars(value).get("__doc__")
    generated = isinstance(value, type) and str(text).startswith(f"{value.__name__}(")
    if not isinstance(text, str) or generated:
        return None
    return inspect.cleandoc(text) or None


def _shape(function: Function) -> Shape:
    node = function.node
    if isinstance(node, ast.AsyncFunctionDef):
        return Shape.ASYNC_GENERATOR if yields(node) else Shape.COROUTINE
    return Shape.GENERATOR if yields(node) else Shape.FUNCTION
