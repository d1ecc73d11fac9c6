"""Enter a project, import the author's file, and find in it what the specification names."""

from __future__ import annotations

import importlib.util
import inspect
import os
import pathlib
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from cogfal.cog import alias
from cogfal.cog.exceptions import CancelationException
from cogfal.cog.types import Path as CogPath
from cogfal.guest.faults import Mismatch, SetupFailed, summary

if TYPE_CHECKING:
    from cogfal.spec import PredictorSpec


CHILDREN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "importable")
"""A directory that holds `cog` and nothing else, for the processes that the author starts."""


def enter_project(path: str, root: str) -> Callable[[], None]:
    """Make the project the working directory and an import root; returns how to leave it.

    The directory of the predictor, at `path` in the project, is an import root too, as Python does
    for a script. Both come first, before packages that have the names of the project's modules.
    `sys.argv` is the program's name alone and `sys.stdin` is empty, and children find `cog`.
    Leaving restores all this, whatever the author's code made of it, and forgets the project's
    modules, so that another project's of the same names are found.
    """
    known = set(sys.modules)
    before = os.getcwd(), sys.path[:], sys.argv, sys.stdin, dict(os.environ)
    roots = list(dict.fromkeys([root, os.path.dirname(os.path.join(root, path))]))
    os.chdir(root)
    sys.path[:0] = [*roots, CHILDREN]
    sys.argv = [path]
    sys.stdin = empty = open(os.devnull)  # noqa: SIM115  # closed when it is left
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [CHILDREN, os.environ.get("PYTHONPATH")])
    )

    def leave() -> None:
        directory, sys.path[:], sys.argv, sys.stdin, variables = before
        os.chdir(directory)
        empty.close()
        for name in set(os.environ) - set(variables):
            del os.environ[name]
        os.environ.update(variables)
        for name in set(sys.modules) - known:
            if _is_of(sys.modules[name], root):
                del sys.modules[name]

    return leave


def _is_of(module: ModuleType, root: str) -> bool:
    """Tell whether a module is the project's own, not of an environment that lies in it."""
    file = getattr(module, "__file__", None) or os.devnull
    return file.startswith(os.path.join(root, "")) and "site-packages" not in file.split(os.sep)


class Predictor(NamedTuple):
    """The author's code, imported and, where it is a class, instantiated.

    `cancellation` is the exception class that its author would catch, `weights` the form in which
    `setup` wants its weights.
    """

    method: Callable[..., Any]
    setup: Callable[..., Any] | None
    healthcheck: Callable[[], Any] | None
    teardown: Callable[[], Any] | None
    cancellation: type[BaseException]
    weights: str

    def bind_setup(self, weights: str | None) -> Callable[[], Any]:
        """Return the call of the author's `setup`; `weights` is a path, or a URL as text."""
        if self.setup is None:
            return _nothing
        return partial(self.setup, **weights_arguments(self.setup, self.weights, weights))


def import_object(path: str, name: str, root: str) -> Any:
    """Import the file at `path` of a project that was entered; return what `name` is in it.

    Raises:
        SetupFailed: It cannot be imported; the author's exception is chained.
        Mismatch: There is nothing of that name.
    """
    alias.install()
    target = getattr(_import(path, root), name, None)
    if target is None:
        raise Mismatch(f"{path} defines no {name!r} once imported")
    return target


def adopt(spec: PredictorSpec, target: Any) -> Predictor:
    """Bring up a predictor class or function that is at hand.

    Raises:
        SetupFailed: The class cannot be instantiated; the author's exception is chained.
        Mismatch: It is not what its text said.
    """
    owner = _instance(spec, target)
    method = owner if spec.method is None else getattr(owner, spec.method, None)
    if not callable(method):
        raise Mismatch(f"{spec.ref} has no {spec.method}() once imported")
    setup = _optional(owner, "setup")
    return Predictor(
        method,
        setup,
        _optional(owner, "healthcheck"),
        _optional(owner, "teardown"),
        _cancellation(method),
        weights_form(setup),
    )


def _import(path: str, root: str) -> ModuleType:
    file = os.path.join(root, path)
    if not os.path.isfile(file):
        raise SetupFailed(f"{file} does not exist; is it among the files sent to the runner?")
    name = _module_name(file)
    known = sys.modules.get(name)
    if known is not None:  # another module of the project's has imported it, or this did before
        return known
    found = importlib.util.spec_from_file_location(name, file)
    if found is None or found.loader is None:
        raise SetupFailed(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        raise SetupFailed(f"{path} cannot be imported: {summary(error)}", _remedy(error)) from error
    return module


def _remedy(error: BaseException) -> str | None:
    """Say what to do about a package that is missing where the model runs."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    return (
        "install its package into this environment, or, on fal, name it in cog.yaml or in the "
        "App's requirements"
    )


def _module_name(file: str) -> str:
    """Return a name for the module: the file's own, by which siblings and children can import it.

    Where another module has that name, or it would mean a package, one that nobody else has.
    """
    name = os.path.splitext(os.path.basename(file))[0]
    taken = sys.modules.get(name)
    if "." not in name and (taken is None or getattr(taken, "__file__", None) == file):
        return name
    return f"cogfal_predictor_{name.replace('.', '_')}"


def _instance(spec: PredictorSpec, target: Any) -> Any:
    if not inspect.isclass(target):
        return target
    try:
        return target()
    except BaseException as error:
        raise SetupFailed(f"{spec.ref} cannot be instantiated: {summary(error)}") from error


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


def _nothing() -> None:
    """Stand in for a missing `setup`."""


VARIABLE = "COG_WEIGHTS"
DIRECTORY = "weights"

NONE, TEXT, PATH, FILE = "none", "text", "path", "file"
"""No weights; as COG_WEIGHTS says; a path; a binary file."""


def weights_form(setup: Callable[..., Any] | None) -> str:
    """Read the parameters of `setup`.

    Raises:
        SetupFailed: It needs something other than weights.
    """
    if setup is None:
        return NONE
    parameters = inspect.signature(setup).parameters
    for name, parameter in parameters.items():
        if name != "weights" and _is_required(parameter):
            raise SetupFailed(
                f"setup() needs {name!r}, which nobody can give", "give the parameter a default"
            )
    return _form(setup) if "weights" in parameters else NONE


def weights_source(form: str, root: str, environ: Mapping[str, str]) -> str | None:
    """Return the URL or path of the weights: `COG_WEIGHTS`, else the project's own `weights`."""
    if form == NONE:
        return None
    source = environ.get(VARIABLE)
    if not source and form != TEXT and os.path.exists(os.path.join(root, DIRECTORY)):
        return DIRECTORY
    return source or None


def must_be_fetched(form: str, source: str | None) -> bool:
    """Tell whether the weights are a URL whose content `setup` wants."""
    return source is not None and form != TEXT and source.startswith(("http://", "https://"))


def weights_arguments(setup: Callable[..., Any], form: str, source: str | None) -> dict[str, Any]:
    """Return what to call `setup` with."""
    if form == NONE:
        return {}
    if source is None:
        required = _is_required(inspect.signature(setup).parameters["weights"])
        return {"weights": None} if required else {}
    if form == TEXT:
        return {"weights": source}
    if form == PATH:
        return {"weights": CogPath(source)}
    return {"weights": pathlib.Path(source).open("rb")}


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def _form(setup: Callable[..., Any]) -> str:
    kinds = set(_members(_annotation(setup)))
    if not kinds or str in kinds:
        return TEXT
    if any(isinstance(kind, type) and issubclass(kind, os.PathLike) for kind in kinds):
        return PATH
    return FILE


def _annotation(setup: Callable[..., Any]) -> Any:
    try:
        return typing.get_type_hints(setup).get("weights")
    except (NameError, TypeError):  # written for a type checker only
        return None


def _members(annotation: Any) -> tuple[Any, ...]:
    if annotation is None or annotation is Any:
        return ()
    # `typing.get_args` is of 3.8; a plain class has no `__args__`.
    members = getattr(annotation, "__args__", None) or (annotation,)
    return tuple(member for member in members if member is not type(None))
