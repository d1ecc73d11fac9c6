"""Make what the author's function receives of a request's values, which are plain JSON."""

from __future__ import annotations

import io
import os
from enum import Enum
from typing import TYPE_CHECKING, Any

from cogfal.cog.types import Path, Secret
from cogfal.guest.hints import arguments_of, function_hints
from cogfal.guest.live import innermost
from cogfal.spec import (
    BooleanType,
    DictType,
    EnumType,
    FileType,
    FloatType,
    IntegerType,
    ListType,
    LiteralType,
    ObjectType,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    StringType,
    Type,
    UnionType,
    holds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Keep = Callable[[Any], object]

_MADE = (PathType, FileType, SecretType, EnumType)
_ACCEPTS: dict[type, tuple[type, ...]] = {
    bool: (BooleanType,),
    int: (IntegerType, FloatType),
    float: (FloatType,),
    str: (StringType, SecretType),
    list: (ListType,),
    dict: (DictType, ObjectType),
}


class Arguments:
    """Makes the arguments of one predictor.

    Args:
        spec: What its inputs are.
        method: The function that will be called; its annotations name the Enum classes.
    """

    def __init__(self, spec: PredictorSpec, method: Callable[..., Any]) -> None:
        self._kinds = {each.name: each.type for each in spec.inputs if holds(each.type, *_MADE)}
        wanted = [name for name, kind in self._kinds.items() if holds(kind, EnumType)]
        hints = function_hints(innermost(method)) if wanted else {}
        found = [cls for name in wanted for cls in _enums(hints.get(name))]
        self._enums = {cls.__name__: cls for cls in found}

    def build(
        self, values: Mapping[str, Any], keep: Keep = lambda _: None, workspace: str = ""
    ) -> dict[str, Any]:
        """Return the arguments by name: paths, files, secrets and members in place of their texts.

        A relative path is the author's own default, and is taken as it was written.

        Args:
            values: The inputs; a file is the path at which it lies.
            keep: Called with each file object, which is to be closed when the call is over.
            workspace: The prediction's directory. Where an input may be a text as well, what lies
                in it is a file, and everything else a text.
        """
        made = dict(values)
        for name, kind in self._kinds.items():
            if name in made:
                made[name] = self._made(kind, made[name], keep, workspace)
        return made

    def _made(self, kind: Type, value: Any, keep: Keep, workspace: str) -> Any:
        if value is None:
            return None
        if isinstance(kind, OptionalType):
            return self._made(kind.inner, value, keep, workspace)
        if isinstance(kind, UnionType):
            chosen = _chosen(kind, value, workspace)
            return value if chosen is None else self._made(chosen, value, keep, workspace)
        if isinstance(value, list) and isinstance(kind, ListType):
            return [self._made(kind.item, each, keep, workspace) for each in value]
        if isinstance(value, dict):
            kinds = _kinds_of_keys(kind, value)
            return {
                key: self._made(kinds[key], each, keep, workspace) if key in kinds else each
                for key, each in value.items()
            }
        return self._scalar(kind, value, keep)

    def _scalar(self, kind: Type, value: Any, keep: Keep) -> Any:
        if isinstance(kind, EnumType):
            return self._member(kind, value)
        if not isinstance(value, str):
            return value
        if isinstance(kind, PathType):
            return Path(value)
        if isinstance(kind, SecretType):
            return Secret(value)
        if isinstance(kind, FileType):
            handle = io.BufferedReader(FileOnDemand(value))
            keep(handle)
            return handle
        return value

    def _member(self, kind: EnumType, value: Any) -> Any:
        cls = self._enums.get(kind.name)
        # Inside of an object, which nobody checks, there may be another value; it stays.
        if cls is None or all(value != each for _, each in kind.members):
            return value
        return cls(value)


class FileOnDemand(io.RawIOBase):
    """A file to read that is opened when it is first looked at, as many never are.

    Args:
        path: Where it lies.
    """

    mode = "rb"

    def __init__(self, path: str) -> None:
        self.name = path
        self._file: io.FileIO | None = None

    def _opened(self) -> io.FileIO:
        if self._file is None:
            if self.closed:
                raise ValueError("I/O operation on closed file")
            self._file = io.FileIO(self.name)
        return self._file

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read bytes into a buffer."""
        return self._opened().readinto(buffer)

    def readall(self) -> bytes:
        """Read all that is left."""
        return self._opened().readall()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, and return it."""
        if self._file is None and offset == 0 and whence != os.SEEK_END:
            return 0  # a buffer asks where its file is before anybody reads
        return self._opened().seek(offset, whence)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._opened().fileno()

    def close(self) -> None:
        """Close the file, where it was opened."""
        if self._file is not None:
            self._file.close()
        super().close()


def _chosen(union: UnionType, value: Any, workspace: str) -> Type | None:
    """Return the member of a union that a value is taken for, the author's order deciding."""
    if isinstance(value, str) and workspace and value.startswith(os.path.join(workspace, "")):
        files = [kind for kind in union.members if isinstance(kind, (PathType, FileType))]
        if files:
            return files[0]
    return next((kind for kind in union.members if _accepts(kind, value)), None)


def _accepts(kind: Type, value: Any) -> bool:
    if isinstance(kind, EnumType):
        return any(value == each and type(value) is type(each) for _, each in kind.members)
    if isinstance(kind, LiteralType):
        return value in kind.values
    return isinstance(kind, _ACCEPTS.get(type(value), ()))


def _kinds_of_keys(kind: Type, value: dict[str, Any]) -> dict[str, Type]:
    if isinstance(kind, DictType):
        return dict.fromkeys(value, kind.value)
    return {each.name: each.type for each in kind.fields} if isinstance(kind, ObjectType) else {}


def _enums(annotation: Any) -> Iterator[type[Enum]]:
    """Find the Enum classes in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield annotation
    for argument in arguments_of(annotation):
        yield from _enums(argument)
