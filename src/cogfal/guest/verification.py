"""Compare a predictor that was imported with what its text said of it."""

from __future__ import annotations

import contextlib
import inspect
import sys
import warnings
from typing import TYPE_CHECKING, Any

from cogfal.errors import PredictorError
from cogfal.guest.faults import Mismatch
from cogfal.guest.live import Live, innermost, is_base, read_live
from cogfal.spec import (
    INPUT_DETAILS,
    MISSING,
    DictType,
    EnumType,
    InputSpec,
    IteratorType,
    ListType,
    LiteralType,
    ObjectFlavour,
    ObjectType,
    OptionalType,
    PredictorSpec,
    Role,
    Type,
    UnionType,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def verify(spec: PredictorSpec, target: Live) -> None:
    """Compare what was imported with what its text said, on which schema and validation rest.

    What cannot be read of the object, and what depends on variables of the environment, is only
    written to stderr.

    Raises:
        Mismatch: They differ.
    """
    _warn_of_old_names(spec, target)
    try:
        live = read_live(target, path=spec.path, name=spec.name, role=spec.role)
    except PredictorError as error:
        sys.stderr.write(f"cogfal: the signature cannot be checked once imported: {error}\n")
        return
    found = differences(spec, live)
    if found and spec.deploy_time:
        sys.stderr.write(f"cogfal: {spec.ref} depends on {', '.join(spec.deploy_time)}: {found}\n")
    elif found:
        raise Mismatch(
            f"{spec.ref} is not what its text said; {'; '.join(found)}. Write the signature out, "
            "or set read_by_importing = True"
        )


def _warn_of_old_names(spec: PredictorSpec, target: Live) -> None:
    """Warn at the author's own line, once, of what Cog calls otherwise today."""
    if not inspect.isclass(target) or spec.role is Role.TRAIN or spec.method is None:
        return
    told = []
    if spec.method == "predict":
        told.append(f"{spec.name}.predict() is deprecated; use run() instead")
    if any(is_base(base) and base.__name__ == "BasePredictor" for base in target.__mro__[1:]):
        told.append("BasePredictor is deprecated; use BaseRunner instead")
    function = innermost(getattr(target, spec.method, None))
    code: Live = getattr(function, "__code__", None)
    for text in told if code is not None else ():
        # Where warnings are errors, a spelling that works is none.
        with contextlib.suppress(DeprecationWarning):
            warnings.warn_explicit(
                text,
                DeprecationWarning,
                code.co_filename,
                code.co_firstlineno,
                function.__module__,
                function.__globals__.setdefault("__warningregistry__", {}),
            )


def differences(text: PredictorSpec, live: PredictorSpec) -> list[str]:
    """Return a sentence for each difference that callers could notice, both sides in each.

    The real Cog's `Input(default=None)` looks like an `Input()` without a default once it is
    imported, so that is no difference; neither is what only one side can know.
    """
    return [*_inputs(text, live), *_predictor(text, live)]


def _difference(what: str, text: object, live: object) -> str:
    return f"{what}: the text says {text}, the imported predictor says {live}"


def _inputs(text: PredictorSpec, live: PredictorSpec) -> Iterator[str]:
    told = {i.name: i for i in text.inputs}
    found = {i.name: i for i in live.inputs}
    if list(told) != list(found):
        yield _difference("inputs", ", ".join(told) or "none", ", ".join(found) or "none")
    for name in told.keys() & found.keys():
        yield from _input(told[name], found[name])


def _input(text: InputSpec, live: InputSpec) -> Iterator[str]:
    ambiguous = text.default is None and live.default is MISSING
    if not ambiguous and text.default != live.default:
        yield _difference(
            f'default of "{text.name}"', _default(text.default), _default(live.default)
        )
    if describe(text.type) != describe(live.type):
        yield _difference(f'type of "{text.name}"', describe(text.type), describe(live.type))
    for name in INPUT_DETAILS:
        one, other = getattr(text, name), getattr(live, name)
        if one != other and not _reordered(one, other):
            yield _difference(f'{name} of "{text.name}"', _shown(one), _shown(other))


def _reordered(one: Any, other: Any) -> bool:
    """Whether only the order differs, as it may where a folder's files are the choices."""
    both = isinstance(one, tuple) and isinstance(other, tuple)
    return both and sorted(map(repr, one)) == sorted(map(repr, other))


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)


def _default(value: object) -> str:
    return "required" if value is MISSING else repr(value)


def _predictor(text: PredictorSpec, live: PredictorSpec) -> Iterator[str]:
    if text.method != live.method:
        yield _difference("method", text.method or "a function", live.method or "a function")
    if describe(text.output) != describe(live.output):
        yield _difference("output", describe(text.output), describe(live.output))
    if text.shape is not live.shape:
        yield _difference("kind of function", text.shape.value, live.shape.value)
    if text.setup != live.setup:
        yield _difference("setup()", _setup(text), _setup(live))
    if text.max_concurrency != live.max_concurrency and live.max_concurrency is not None:
        yield _difference("concurrency", text.max_concurrency or "none", live.max_concurrency)


def _setup(spec: PredictorSpec) -> str:
    if spec.setup is None:
        return "none"
    kind = "async def" if spec.setup.asynchronous else "def"
    return f"{kind} setup({'weights' if spec.setup.takes_weights else ''})"


def describe(type_: Type) -> str:
    """Return a type in words close to how an author writes it."""
    if isinstance(type_, OptionalType):
        return f"Optional[{describe(type_.inner)}]"
    if isinstance(type_, UnionType):
        return " | ".join(describe(member) for member in type_.members)
    if isinstance(type_, LiteralType):
        return f"Literal[{', '.join(map(repr, type_.values))}]"
    if isinstance(type_, EnumType):
        return f"{type_.name}({', '.join(f'{n}={v!r}' for n, v in type_.members)})"
    if isinstance(type_, IteratorType):
        name = "ConcatenateIterator" if type_.concatenate else "Iterator"
        return f"{name}[{describe(type_.item)}]"
    if isinstance(type_, ObjectType):
        return f"{type_.name}({', '.join(_field(type_))})"
    name = type(type_).__name__[: -len("Type")]
    if isinstance(type_, ListType):
        return f"{name}[{describe(type_.item)}]"
    return f"{name}[{describe(type_.value)}]" if isinstance(type_, DictType) else name


def _field(type_: ObjectType) -> Iterator[str]:
    # Python 3.8 forgets in which order a TypedDict's bases name theirs.
    unordered = type_.flavour is ObjectFlavour.TYPED_DICT
    ordered = sorted(type_.fields, key=lambda each: each.name) if unordered else type_.fields
    for field in ordered:
        default = "" if field.default is MISSING else f" = {field.default!r}"
        yield f"{field.name}: {describe(field.type)}{default}"
