"""Import the author's file and find in it what the specification names."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from cogfal.cog import alias
from cogfal.cog.exceptions import CancelationException
from cogfal.engine.execution import Call
from cogfal.engine.members import Members, members_of
from cogfal.engine.weights import WeightsForm, weights_arguments, weights_form
from cogfal.errors import PredictorError, PredictorMismatch, SetupError
from cogfal.inspection import differences, read_live
from cogfal.spec import PredictorSpec


@dataclass(frozen=True, slots=True)
class Predictor:
    """The author's code, imported and, where it is a class, instantiated.

    `cancellation` is the exception class that its author would catch.
    """

    method: Callable[..., Any]
    setup: Callable[..., Any] | None
    healthcheck: Callable[[], Any] | None
    teardown: Callable[[], Any] | None
    cancellation: type[BaseException]
    weights: WeightsForm
    members: Members

    def bind(self, values: Mapping[str, Any]) -> Call:
        """Return the call of the author's function with these inputs, each by its name."""
        return partial(self.method, **self.members.fill(values))

    def bind_setup(self, weights: str | None) -> Call:
        """Return the call of the author's `setup`; `weights` is a path, or a URL as text."""
        if self.setup is None:
            return _nothing
        return partial(self.setup, **weights_arguments(self.setup, self.weights, weights))


def enter_project(spec: PredictorSpec, root: Path) -> Callable[[], None]:
    """Make the project the working directory and an import root; returns how to leave it.

    The predictor's own directory is an import root too, as Python does for a script.
    """
    before, path = Path.cwd(), list(sys.path)
    os.chdir(root)
    sys.path[:0] = _new_roots(spec, root)
    added = [entry for entry in sys.path if entry not in path]

    def leave() -> None:
        os.chdir(before)
        for entry in added:
            if entry in sys.path:
                sys.path.remove(entry)

    return leave


def load(spec: PredictorSpec, root: Path) -> Predictor:
    """Import the predictor of a project that was entered, and instantiate it.

    Raises:
        SetupError: The file cannot be imported, or the class not instantiated; the author's
            exception is chained.
        PredictorMismatch: It is not what its text said.
    """
    alias.install()
    module = _import(spec, root)
    target = getattr(module, spec.name, None)
    if target is None:
        raise PredictorMismatch(f"{spec.path} defines no {spec.name!r} once imported")
    _verify(spec, target)
    owner = _instance(spec, target)
    method = owner if spec.method is None else getattr(owner, spec.method, None)
    if not callable(method):
        raise PredictorMismatch(f"{spec.ref} has no {spec.method}() once imported")
    setup = _optional(owner, "setup")
    return Predictor(
        method=method,
        setup=setup,
        healthcheck=_optional(owner, "healthcheck"),
        teardown=_optional(owner, "teardown"),
        cancellation=_cancellation(module),
        weights=weights_form(setup),
        members=members_of(spec, method),
    )


def _new_roots(spec: PredictorSpec, root: Path) -> list[str]:
    roots = (str(root), str((root / spec.path).parent))
    return [entry for entry in dict.fromkeys(roots) if entry not in sys.path]


def _import(spec: PredictorSpec, root: Path) -> ModuleType:
    file = root / spec.path
    if not file.is_file():
        raise SetupError(f"{file} does not exist; is it among the files sent to the runner?")
    name = _module_name(file)
    found = importlib.util.spec_from_file_location(name, file)
    if found is None or found.loader is None:
        raise SetupError(f"{spec.path} is not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        raise SetupError(f"{spec.path} cannot be imported: {_summary(error)}") from error
    return module


def _module_name(file: Path) -> str:
    """Return a name for the module: the file's own, so that siblings can import it, if free."""
    name = re.sub(r"\W", "_", file.stem)
    taken = sys.modules.get(name)
    if taken is None or getattr(taken, "__file__", None) == str(file):
        return name
    return f"cogfal_predictor_{name}"


def _verify(spec: PredictorSpec, target: Any) -> None:
    """Compare what was imported with what its text said, on which schema and validation rest."""
    try:
        live = read_live(target, path=spec.path, name=spec.name, role=spec.role)
    except PredictorError as error:
        raise PredictorMismatch(f"{spec.ref} cannot be read once imported: {error}") from error
    found = differences(spec, live)
    if found:
        raise PredictorMismatch(
            f"{spec.ref} is not what its text said; {'; '.join(found)}. Write the signature out, "
            "or set read_by_importing = True"
        )


def _instance(spec: PredictorSpec, target: Any) -> Any:
    if not inspect.isclass(target):
        return target
    try:
        return target()
    except BaseException as error:
        raise SetupError(f"{spec.ref} cannot be instantiated: {_summary(error)}") from error


def _optional(owner: Any, name: str) -> Callable[..., Any] | None:
    method = getattr(owner, name, None)
    return method if callable(method) else None


def _cancellation(module: ModuleType) -> type[BaseException]:
    """Return the CancelationException that the module refers to: ours, or the real Cog's."""
    for value in _reachable(module):
        if _is_cancellation(value):
            found: type[BaseException] = value
            return found
    return CancelationException


def _reachable(module: ModuleType) -> Iterator[Any]:
    for value in list(vars(module).values()):
        yield value
        if inspect.ismodule(value) and value.__name__.partition(".")[0] in ("cog", "coglet"):
            yield getattr(value, CancelationException.__name__, None)


def _is_cancellation(value: Any) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, BaseException)
        and value.__name__ == CancelationException.__name__
    )


def _summary(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _nothing() -> None:
    """Stand in for a missing `setup`."""
