"""Read a predictor or trainer from the text of its file."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from cogfal.errors import PredictorError, UnsupportedSignature
from cogfal.guest.combining import yielded
from cogfal.guest.naming import METHODS
from cogfal.inspection import attributes
from cogfal.inspection.annotations import Annotations
from cogfal.inspection.decorations import concurrency, old_inputs, streams
from cogfal.inspection.interpreter import Interpreter
from cogfal.inspection.objects import description
from cogfal.inspection.signature import Signature
from cogfal.inspection.source import Module, Project
from cogfal.inspection.syntax import yields
from cogfal.inspection.values import (
    BoundMethod,
    ClassValue,
    External,
    FunctionValue,
    Imported,
    Raised,
    Unresolved,
    Value,
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


def read_predictor(ref: str, root: Path, *, role: Role = Role.PREDICT) -> PredictorSpec:
    """Return what the text of a predictor says, importing and running none of it.

    `ref` is `path.py:Name` relative to `root`; without a name, Cog's usual names are tried.

    Raises:
        PredictorError: There is no such predictor, or its file is not Python.
        UnresolvedExpression: The text does not tell a value that the signature needs.
        UnsupportedSignature: The signature can be read but not served.
    """
    path, _, name = ref.partition(":")
    project = Project(root)
    module = project.open(path.strip())
    return _Reading(project, module, role).spec(name.strip())


class _Reading:
    """One reading of one predictor."""

    def __init__(self, project: Project, module: Module, role: Role) -> None:
        self._world = Interpreter(project)
        self._annotations = Annotations(self._world)
        self._module = module
        self._role = role
        self._start = Location(module.relative, 1)

    def spec(self, name: str) -> PredictorSpec:
        """Return the spec of the class or function called `name`."""
        scope = self._world.load(self._module)
        self._world.state.budget.next_statement()
        if not name:
            wanted = NAMES[self._role]
            found = (n for n in wanted if n in scope.names)
            name = next(found, "")
            if not name:
                raise self._nameless(wanted)
        target = self._target(name)
        if isinstance(target, ClassValue):
            return self._of_class(name, target)
        return self._spec(name, None, target, None)

    def _nameless(self, wanted: tuple[str, ...]) -> PredictorError:
        return PredictorError(
            f"neither {wanted[0]} nor {wanted[1]} is defined",
            where=self._start,
            remedy=f'name the class or function: "{self._module.relative}:Name"',
        )

    def _target(self, name: str) -> ClassValue | FunctionValue:
        assert self._module.scope is not None
        try:
            value = self._world.look_up(name, self._module.scope)
        except Raised as error:
            raise self._missing(name) from error
        except Unresolved as error:
            raise error.to_error(f"the predictor {name}", self._start) from error
        if isinstance(value, External):
            outside = Unresolved(f"{value.name} is not part of the project")
            raise outside.to_error(f"the predictor {name}", self._start)
        if not isinstance(value, ClassValue | FunctionValue):
            raise PredictorError(f"{name} is neither a class nor a function", where=self._start)
        return value

    def _missing(self, name: str) -> PredictorError:
        """Say what the file has of its own; what it imports from the project comes after that."""
        assert self._module.scope is not None
        values = self._module.scope.names.items()
        own = [n for n, v in values if isinstance(v, ClassValue | FunctionValue)]
        there = own or [n for n, v in values if isinstance(v, Imported)]
        if not there:
            remedy = f"define {name} in it, or name another file"
        else:
            remedy = f"name one that it has: {', '.join(there[:20])}"
        return PredictorError(f"has no {name}", where=self._module.relative, remedy=remedy)

    def _of_class(self, name: str, cls: ClassValue) -> PredictorSpec:
        try:
            return self._spec(name, *self._method(name, cls), cls)
        except Unresolved as error:
            raise error.to_error(f"the predictor {name}", self._start) from error

    def _method(self, name: str, cls: ClassValue) -> tuple[str, FunctionValue]:
        wanted = METHODS[self._role]
        found = {m: f for m in wanted if (f := self._find(cls, m)) is not None}
        where = cls.module.location(cls.node)
        if self._role is Role.PREDICT and len(found) > 1:
            raise PredictorError(
                f"{name} defines both run() and predict()",
                where=where,
                remedy="keep one of them and rename the other",
            )
        if not found:
            names = " or ".join(f"{method}()" for method in wanted[:2])
            raise PredictorError(
                f"{name} defines no {names}", where=where, remedy="define the method that Cog calls"
            )
        method, function = next(iter(found.items()))
        return method, _function(function, f"{name}.{method}", where)

    def _find(self, cls: ClassValue, name: str) -> Value:
        try:
            return attributes.find_in_class(self._world, cls, name)
        except Raised:
            return None
        except Unresolved as error:
            if error.node is None and name != METHODS[self._role][-1]:
                return None
            raise

    def _spec(
        self, name: str, method: str | None, outer: FunctionValue, cls: ClassValue | None
    ) -> PredictorSpec:
        function = _layers(outer)[-1]
        where = function.scope.module.location(function.node)
        for layer in _layers(outer):
            if layer.replaced is not None:
                raise layer.replaced.to_error(f"the signature of {layer.name}()", where)
        self._world.state.reads = set()
        bound = method is not None and not function.has_decorator("builtins.staticmethod")
        old = old_inputs(self._world, self._annotations, function, where)
        signature = Signature(self._world, self._annotations, function)
        inputs = old if old is not None else signature.inputs(method=bound)
        shape = _shape(outer).around(_shape(function))
        output = self._output(function, shape, where)
        node = function.node
        told = None if isinstance(node, ast.Lambda) else description(node)
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
            description=told or (description(cls.node) if cls is not None else None),
            deploy_time=tuple(sorted(self._world.state.reads)),
            location=where,
        )

    def _has(self, cls: ClassValue, name: str) -> bool:
        try:
            return attributes.find_in_class(self._world, cls, name) is not None
        except Unresolved:
            return False

    def _output(self, function: FunctionValue, shape: Shape, where: Location) -> Type:
        node = function.node
        annotation = None if isinstance(node, ast.Lambda) else node.returns
        try:
            output = self._annotations.read(annotation, function.scope)
        except Unresolved as error:
            raise error.to_error("the output", where) from error
        if shape.yields:
            return yielded(output)
        if not isinstance(output, IteratorType) and holds(output, IteratorType):
            raise UnsupportedSignature("the output holds an iterator inside", where=where)
        return output if annotation is not None else AnyType()

    def _setup(self, cls: ClassValue | None) -> SetupSpec | None:
        found = None if cls is None or not self._has(cls, "setup") else self._find(cls, "setup")
        if found is None:
            return None
        outer = _function(found, "setup", self._start)
        function = _layers(outer)[-1]
        args = function.node.args
        plain = [*args.posonlyargs, *args.args, *args.kwonlyargs]
        names = {arg.arg for arg in plain}
        if not function.has_decorator("builtins.staticmethod"):
            plain = plain[1:]
        for arg in plain:
            if arg.arg != "weights" and arg.arg not in function.defaults:
                raise UnsupportedSignature(
                    f"setup() asks for {arg.arg!r}, which nobody gives",
                    where=function.scope.module.location(arg),
                    remedy="give it a default; only `weights` is passed to setup()",
                )
        return SetupSpec("weights" in names, isinstance(function.node, ast.AsyncFunctionDef))


def _function(value: Value, name: str, where: Location) -> FunctionValue:
    if isinstance(value, BoundMethod):
        value = value.function
    if isinstance(value, FunctionValue):
        return value
    raise PredictorError(f"{name} is not a function", where=where)


def _layers(outer: FunctionValue) -> list[FunctionValue]:
    layers = [outer]
    while layers[-1].wraps is not None:
        layers.append(layers[-1].wraps)
    return layers


def _shape(function: FunctionValue) -> Shape:
    if isinstance(function.node, ast.AsyncFunctionDef):
        return Shape.ASYNC_GENERATOR if yields(function.node) else Shape.COROUTINE
    return Shape.GENERATOR if yields(function.node) else Shape.FUNCTION
