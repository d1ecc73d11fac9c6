"""The types that authors annotate with: files, secrets and iterators.

Cog's classes were Pydantic types once, so these fit into an author's own Pydantic models; Pydantic
itself is never imported here.
"""

from __future__ import annotations

import base64
import binascii
import io
import pathlib
import sys
import urllib.parse
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any, TypeVar, Union

from cogfal.cog.filenames import get_filename, truncated
from cogfal.cog.pydantic_hooks import core_schema, json_schema
from cogfal.cog.remote import URLFile
from cogfal.cog.secret import Secret

__all__ = [
    "AsyncConcatenateIterator",
    "AsyncIterator",
    "ConcatenateIterator",
    "ExperimentalFeatureWarning",
    "File",
    "Opaque",
    "Path",
    "Secret",
    "URLFile",
    "URLPath",
    "Weights",
    "get_filename",
]

Item = TypeVar("Item")


class ExperimentalFeatureWarning(FutureWarning):
    """Category that older Cog warned with; nothing warns with it any more."""


class _OpaqueMarker:
    """Type of `Opaque`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "cog.Opaque"

    def __reduce__(self) -> str:
        return "Opaque"


Opaque = _OpaqueMarker()
"""In `Annotated[T, Opaque]`: a JSON object that passes through as it is."""


class File(io.IOBase):
    """A binary file; `Path` is what Cog recommends instead."""

    @classmethod
    def validate(cls, value: Any) -> Any:
        """Return a file object for a file object, or for an http, https or data URL.

        Raises:
            ValueError: `value` is none of them.
        """
        if hasattr(value, "read"):
            return value
        scheme = urllib.parse.urlparse(value).scheme if isinstance(value, str) else ""
        if scheme == "data":
            return io.BytesIO(_data_of(value))
        if scheme in ("http", "https"):
            return URLFile(value)
        raise ValueError(
            f"'{scheme}' is not a valid URL scheme. 'data', 'http', or 'https' is supported."
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> dict[str, Any]:
        return core_schema(cls.validate)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return json_schema("uri")


class Path(pathlib.PosixPath):
    """A file on disk; as an input or output of a model it travels as a URL."""

    @classmethod
    def validate(cls, value: Any) -> pathlib.Path:
        """Return a path for a path or a string; for a URL one that `convert()` downloads.

        Raises:
            ValueError: `value` is neither a path nor a string.
        """
        if isinstance(value, pathlib.Path):
            return value
        if not isinstance(value, str):
            raise ValueError("a path has to be a string or a path")  # noqa: TRY004 - for Pydantic
        if urllib.parse.urlparse(value).scheme in ("data", "http", "https"):
            return URLPath(source=value, filename=get_filename(value), fileobj=File.validate(value))
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> dict[str, Any]:
        return core_schema(cls.validate)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return json_schema("uri")


class URLPath(pathlib.PosixPath):
    """A path whose content is still at a URL; `convert()` downloads it."""

    source: str
    filename: str
    fileobj: IO[bytes]
    _converted: Path | None

    def __new__(cls, *, filename: str, **_: Any) -> URLPath:  # noqa: PYI034, D102 - no Self in 3.10
        return super().__new__(cls, filename)

    def __init__(self, *, source: str, filename: str, fileobj: IO[bytes]) -> None:
        # From Python 3.12 on the segments are taken here, before it in __new__.
        if sys.version_info >= (3, 12):
            super().__init__(filename)
        self.source = source
        self.filename = truncated(filename)
        self.fileobj = fileobj
        self._converted = None

    def convert(self) -> Path:
        """Download to a temporary file, once, and return its path; `unlink()` removes it."""
        if self._converted is None:
            import shutil  # noqa: PLC0415 - few need these two, and they take long to import
            import tempfile  # noqa: PLC0415

            with tempfile.NamedTemporaryFile(suffix=self.filename, delete=False) as target:
                shutil.copyfileobj(self.fileobj, target)
            self._converted = Path(target.name)
        return self._converted

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the temporary file, where there is one."""
        if self._converted is not None:
            self._converted.unlink(missing_ok=missing_ok)

    def __str__(self) -> str:
        return self.source


Weights = Union[File, Path, str]  # noqa: UP007 - authors' tools expect a typing.Union


class ConcatenateIterator(Iterator[Item]):
    """An output that arrives as pieces of one text."""

    @abstractmethod
    def __next__(self) -> Item: ...


class AsyncConcatenateIterator(AsyncIterator[Item]):
    """An output of an async function that arrives as pieces of one text."""

    @abstractmethod
    async def __anext__(self) -> Item: ...


def _data_of(url: str) -> bytes:
    head, comma, data = url.partition(",")
    if not comma:
        raise ValueError("a data URL has a comma before its data")
    raw = urllib.parse.unquote_to_bytes(data)
    if not head.lower().endswith(";base64"):
        return raw
    try:
        return base64.b64decode(b"".join(raw.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the data URL is not valid base64: {error}") from error
