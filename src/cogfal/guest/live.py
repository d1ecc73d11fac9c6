"""Read a predictor from the imported class or function, as Python sees it.

`main(FILE, ROOT, PATH, NAME, ROLE)` does so in a process of the model's own Python, and writes JSON
to the file: a spec, or what is wrong.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from cogfal.errors import PredictorError, UnsupportedSignature
from cogfal.guest.annotations import (
    as_declared,
    check_members,
    distinct,
    is_field_info,
    plain,
    type_of,
)
from cogfal.guest.faults import Mismatch, SetupFailed
from cogfal.guest.hints import function_hints
from cogfal.guest.loading import enter_project, import_object
from cogfal.guest.type_names import COG_BASES, COG_ROOTS, METHODS, Unservable, optional, yielded
from cogfal.guest.wire import to_plain
from cogfal.spec import (
    INPUT_DETAILS,
    MISSING,
    InputSpec,
    IteratorType,
    Missing,
    NullType,
    OptionalType,
    PredictorSpec,
    Role,
    SetupSpec,
    Shape,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


Live = Any
"""An object of the author's."""

_TOLD = (*INPUT_DETAILS, "pattern")


def read_live(obj: Live, *, path: str, name: str, role: Role = Role.PREDICT) -> PredictorSpec:
    """Return the spec of an imported predictor class, or of a function.

    Cog's `Input(default=None)` cannot be told from an `Input()` without a default once it has been
    called; both are read as required here, as today's Cog does.

    Raises:
        PredictorError: The object is no predictor, or an annotation names what is not there.
        UnsupportedSignature: The signature cannot be served.
    """
    cls = obj if inspect.isclass(obj) else None
    method, outer = (None, obj) if cls is None else _method(cls, name, role)
    function = innermost(outer)
    hints = _hints(function, f"{path}:{name}")
    try:
        output = type_of(hints.get("return", Any if "return" not in hints else None))
        inputs = _inputs(function, hints, skip_first=_takes_self(cls, method))
    except Unservable as error:
        raise UnsupportedSignature(str(error), where=path) from error
    shape = _shape(outer).around(_shape(function))
    if shape.yields:
        output = yielded(output)
    described = inspect.cleandoc(function.__doc__ or (cls.__doc__ if cls else "") or "")
    return PredictorSpec(
        path=path,
        name=name,
        method=method,
        inputs=inputs,
        output=output,
        shape=shape,
        role=role,
        setup=_setup(cls),
        healthcheck=_own(cls, "healthcheck"),
        teardown=_own(cls, "teardown"),
        streaming=bool(_mark(outer, "__cog_streaming__")),
        max_concurrency=_mark(outer, "__cog_concurrent_max__"),
        description=described or None,
    )


def is_base(cls: type) -> bool:
    """Tell whether a class is one that Cog's package gives authors to derive from."""
    return cls.__module__.partition(".")[0] in COG_ROOTS and cls.__name__ in COG_BASES


def _owner(cls: type, name: str) -> type | None:
    for base in cls.__mro__:
        if name in vars(base) and not is_base(base):
            return base
    return None


def _own(cls: type | None, name: str) -> bool:
    return cls is not None and _owner(cls, name) is not None


def _takes_self(cls: type | None, method: str | None) -> bool:
    owner = None if cls is None or method is None else _owner(cls, method)
    return owner is not None and not isinstance(vars(owner)[str(method)], staticmethod)


def _method(cls: type, name: str, role: Role) -> tuple[str, Callable[..., Any]]:
    found = [method for method in METHODS[role] if _own(cls, method)]
    if not found or (role is Role.PREDICT and len(found) > 1):
        wanted = " or ".join(METHODS[role][:2])
        raise PredictorError(f"{name} must define either {wanted}", where=name)
    return found[0], getattr(cls, found[0])


def innermost(function: Live) -> Live:
    """Return the function whose parameters count: what decorators pass their arguments on to."""
    function = inspect.unwrap(function, stop=_is_described)
    while inspect.ismethod(function):
        function = function.__func__
    code: Live = getattr(function, "__code__", None)
    if code is None or not _passes_on(code) or _is_described(function):
        return function
    cells = (_content(cell) for cell in function.__closure__ or ())
    inner = [content for content in cells if inspect.isfunction(content)]
    return innermost(inner[0]) if len(inner) == 1 else function


def _is_described(function: Live) -> bool:
    """Whether `@cog.input` describes this function itself, and not one that it wraps."""
    return hasattr(function, "__cog_described__")


def _content(cell: Live) -> Live:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _passes_on(code: Live) -> bool:
    named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return bool(code.co_flags & inspect.CO_VARKEYWORDS) and not set(named) - {"self"}


def _hints(function: Live, where: str) -> dict[str, Live]:
    try:
        return function_hints(function)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise PredictorError(f"an annotation cannot be resolved: {error}", where=where) from error


def _inputs(
    function: Live, hints: Mapping[str, Live], *, skip_first: bool
) -> tuple[InputSpec, ...]:
    parameters = list(inspect.signature(function).parameters.values())[1 if skip_first else 0 :]
    names = getattr(function, "__cog_described__", None)
    inputs = [_input(p, hints) for p in parameters if names is None or p.name in names]
    for each in inputs:
        check_members(each.name, each.type, each.default)
    return tuple(inputs)


def _input(parameter: inspect.Parameter, hints: Mapping[str, Live]) -> InputSpec:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise Unservable(f"the parameter {parameter.name} names no input")
    declared = type_of(hints.get(parameter.name, Any))
    if isinstance(declared, IteratorType):
        raise Unservable(f'the input "{parameter.name}" is an iterator')
    given = parameter.default
    if is_field_info(given):
        return _described(parameter.name, declared, given)
    default = MISSING if given is parameter.empty else plain(given)
    return InputSpec(parameter.name, declared, with_default(declared, default))


def with_default(declared: Type, default: Live | Missing) -> Live | Missing:
    """Return the default, knowing that what may be None may be left out."""
    if default is MISSING and isinstance(declared, (OptionalType, NullType)):
        return None
    return as_declared(declared, default)


def _described(name: str, declared: Type, info: Live) -> InputSpec:
    default = info.default
    of_cog = type(info).__module__.partition(".")[0] in COG_ROOTS
    ambiguous = getattr(info, "without_default", of_cog and default is None)
    unset = default is ... or ambiguous or type(default).__name__.endswith("UndefinedType")
    default = with_default(declared, MISSING if unset else plain(default))
    told = _constraints(info)
    choices = None if told.get("choices") is None else [plain(c) for c in told["choices"]]
    if choices is not None and None in choices:
        declared = optional(declared)
    given = [as_declared(declared, choice) for choice in choices or () if choice is not None]
    kept = distinct(given, f'in the choices of "{name}"')
    return InputSpec(
        name,
        declared,
        default,
        description=told.get("description"),
        ge=told.get("ge"),
        le=told.get("le"),
        min_length=told.get("min_length"),
        max_length=told.get("max_length"),
        regex=told.get("regex", told.get("pattern")),
        choices=kept or None,
        deprecated=bool(told.get("deprecated")),
        accept=told.get("accept"),
    )


def _constraints(info: Live) -> dict[str, Live]:
    """Return what a FieldInfo says: Cog's own, or Pydantic's as older versions of Cog used it."""
    extra = getattr(info, "json_schema_extra", None) or getattr(info, "extra", None) or {}
    told = {"choices": extra.get("enum") or None}
    for source in (*(getattr(info, "metadata", None) or ()), info):
        found = {name: getattr(source, name, None) for name in _TOLD}
        told.update({name: value for name, value in found.items() if value is not None})
    return {**told, **{name: value for name, value in extra.items() if name in _TOLD}}


def _shape(function: Live) -> Shape:
    if inspect.isasyncgenfunction(function):
        return Shape.ASYNC_GENERATOR
    if inspect.iscoroutinefunction(function):
        return Shape.COROUTINE
    return Shape.GENERATOR if inspect.isgeneratorfunction(function) else Shape.FUNCTION


def _mark(function: Live, name: str) -> Live:
    while function is not None:
        if hasattr(function, name):
            return getattr(function, name)
        function = getattr(function, "__wrapped__", None)
    return None


def _setup(cls: type | None) -> SetupSpec | None:
    if cls is None or not _own(cls, "setup"):
        return None
    function = innermost(cls.setup)  # type: ignore[attr-defined]  # _own found it
    return SetupSpec(
        "weights" in inspect.signature(function).parameters, inspect.iscoroutinefunction(function)
    )


def main(file: str, root: str, path: str, name: str, role: str) -> None:
    """Read the predictor, and write what was found to `file`."""
    enter_project(path, root)
    try:
        found = read_live(import_object(path, name, root), path=path, name=name, role=Role(role))
        answer = {"spec": to_plain(found)}
    except (SetupFailed, Mismatch) as error:
        answer = {"failed": str(error)}
    except PredictorError as error:
        where = None if error.where is None else str(error.where)
        answer = {"wrong": [error.what, where, error.remedy]}
    with open(file, "w", encoding="utf-8") as target:
        json.dump(answer, target)
