"""Import the author's file and find in it what the specification names."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cogfal.cog import alias
from cogfal.cog.exceptions import CancelationException
from cogfal.engine.execution import Call
from cogfal.engine.members import Members, members_of
from cogfal.engine.weights import WeightsForm, weights_arguments, weights_form
from cogfal.errors import PredictorError, PredictorMismatch, SetupError
from cogfal.guest.differences import differences
from cogfal.guest.live import read_live
from cogfal.spec import PredictorSpec


class Predictor(NamedTuple):
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


def enter_project(path: str, root: Path) -> Callable[[], None]:
    """Make the project the working directory and an import root; returns how to leave it.

    Leaving forgets the project's modules, so that another project's of the same names are found.

    The directory of the predictor, at `path` in the project, is an import root too, as Python does
    for a script. Both come first, before packages that have the names of the project's modules.
    """
    before, known = Path.cwd(), set(sys.modules)
    roots = list(dict.fromkeys([str(root), str((root / path).parent)]))
    os.chdir(root)
    sys.path[:0] = roots

    def leave() -> None:
        os.chdir(before)
        for entry in roots:
            if entry in sys.path:
                sys.path.remove(entry)
        for name in set(sys.modules) - known:
            if _is_of(sys.modules[name], root):
                del sys.modules[name]

    return leave


def _is_of(module: ModuleType, root: Path) -> bool:
    """Tell whether a module is the project's own, not of an environment that lies in it."""
    file = Path(getattr(module, "__file__", None) or os.devnull)
    return file.is_relative_to(root) and "site-packages" not in file.parts


def import_object(path: str, name: str, root: Path) -> Any:
    """Import the file at `path` of a project that was entered; return what `name` is in it.

    Raises:
        SetupError: It cannot be imported; the author's exception is chained.
        PredictorMismatch: There is nothing of that name.
    """
    alias.install()
    target = getattr(_import(path, root), name, None)
    if target is None:
        raise PredictorMismatch(f"{path} defines no {name!r} once imported")
    return target


def load(spec: PredictorSpec, root: Path) -> Predictor:
    """Import the predictor of a project that was entered, and instantiate it.

    Raises:
        SetupError: The file cannot be imported, or the class not instantiated; the author's
            exception is chained.
        PredictorMismatch: It is not what its text said.
    """
    target = import_object(spec.path, spec.name, root)
    _verify(spec, target)
    return adopt(spec, target)


def adopt(spec: PredictorSpec, target: Any) -> Predictor:
    """Bring up a predictor class or function that is at hand; raises as `load` does."""
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
        cancellation=_cancellation(method),
        weights=weights_form(setup),
        members=members_of(spec, method),
    )


def _import(path: str, root: Path) -> ModuleType:
    file = root / path
    if not file.is_file():
        raise SetupError(f"{file} does not exist; is it among the files sent to the runner?")
    name = _module_name(file)
    found = importlib.util.spec_from_file_location(name, file)
    if found is None or found.loader is None:
        raise SetupError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        what = f"{path} cannot be imported: {_summary(error)}"
        raise SetupError(what, remedy=_remedy(error)) from error
    return module


def _remedy(error: BaseException) -> str | None:
    """Say what to do about a package that is missing where the model runs."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    return (
        "install its package into this environment, or, on fal, name it in cog.yaml or in the "
        "App's requirements"
    )


def _module_name(file: Path) -> str:
    """Return a name for the module: the file's own, so that siblings can import it, if free."""
    name = re.sub(r"\W", "_", file.stem)
    taken = sys.modules.get(name)
    if taken is None or getattr(taken, "__file__", None) == str(file):
        return name
    return f"cogfal_predictor_{name}"


def _verify(spec: PredictorSpec, target: Any) -> None:
    """Compare what was imported with what its text said, on which schema and validation rest.

    What cannot be read of the object, and what depends on the environment, is only told.
    """
    try:
        live = read_live(target, path=spec.path, name=spec.name, role=spec.role)
    except PredictorError as error:
        sys.stderr.write(f"cogfal: the signature cannot be checked once imported: {error}\n")
        return
    found = differences(spec, live)
    if found and spec.deploy_time:
        sys.stderr.write(f"cogfal: {spec.ref} depends on {', '.join(spec.deploy_time)}: {found}\n")
    elif found:
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


def _cancellation(method: Callable[..., Any]) -> type[BaseException]:
    """Return the CancelationException that the author's module refers to: ours, or real Cog's."""
    function = inspect.unwrap(getattr(method, "__func__", method))
    for value in _reachable(getattr(function, "__globals__", {})):
        if _is_cancellation(value):
            found: type[BaseException] = value
            return found
    return CancelationException


def _reachable(names: Mapping[str, Any]) -> Iterator[Any]:
    for value in list(names.values()):
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
