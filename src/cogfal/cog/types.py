"""The types that authors annotate with: files, secrets and iterators.

Cog's classes were Pydantic types once, so these fit into an author's own models of either Pydantic;
Pydantic itself is never imported here.
"""

from __future__ import annotations

import importlib
import io
import os
import pathlib
import sys
import urllib.parse
from abc import abstractmethod
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, AsyncIterator, ClassVar, Iterator, TypeVar, Union

if TYPE_CHECKING:
    from collections.abc import Callable


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

_MAX_BYTES = 200
"""Longest file name in bytes; file systems take 255, and temporary names add to it."""
_MASK = "**********"
_TIMEOUT_SECONDS = 10.0


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


class _InModels:
    """What both Pydantics ask a type for; `validate` makes a value of it, `str` writes it."""

    _schema: ClassVar[dict[str, Any]] = {}

    @classmethod
    def validate(cls, value: Any) -> Any:
        """Return `value` as one of this type; raises ValueError where it is none."""
        raise NotImplementedError

    @classmethod
    def __get_validators__(cls) -> Iterator[Callable[[Any], Any]]:
        yield cls.validate

    @classmethod
    def __modify_schema__(cls, schema: dict[str, Any]) -> None:
        schema.update(cls._schema)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> dict[str, Any]:
        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": cls.validate},
            "serialization": {"type": "to-string"},
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return dict(cls._schema)


class File(_InModels, io.IOBase):
    """A binary file; `Path` is what Cog recommends instead."""

    _schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "uri"}

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


class Path(_InModels, pathlib.PosixPath):
    """A file on disk; as an input or output of a model it travels as a URL."""

    _schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "uri"}

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
        self.filename = _truncated(filename)
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
        if self._converted is None:
            return
        try:
            self._converted.unlink()
        except FileNotFoundError:
            if not missing_ok:
                raise

    def __str__(self) -> str:
        return self.source


Weights = Union[File, Path, str]


@dataclass(frozen=True, repr=False)
class Secret(_InModels):
    """A string that shows itself nowhere by accident: it prints as asterisks."""

    secret_value: str | None = None

    _schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "format": "password",
        "x-cog-secret": True,
    }

    @classmethod
    def validate(cls, value: Any) -> Secret:
        """Return `value` as a secret.

        Raises:
            ValueError: It is neither a string nor a secret.
        """
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise ValueError("a secret has to be a string")  # noqa: TRY004 - Pydantic wants it
        return cls(value)

    def get_secret_value(self) -> str | None:
        """Return the plain text."""
        return self.secret_value

    def __str__(self) -> str:
        return _MASK if self.secret_value is not None else ""

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __len__(self) -> int:
        return len(self.secret_value or "")

    def __bool__(self) -> bool:
        return self.secret_value is not None


if TYPE_CHECKING:  # so that a function that yields may be annotated with them
    ConcatenateIterator = Iterator
    AsyncConcatenateIterator = AsyncIterator
else:

    class ConcatenateIterator(Iterator[Item]):
        """An output that arrives as pieces of one text."""

        @abstractmethod
        def __next__(self) -> Item: ...

    class AsyncConcatenateIterator(AsyncIterator[Item]):
        """An output of an async function that arrives as pieces of one text."""

        @abstractmethod
        async def __anext__(self) -> Item: ...


def get_filename(url: str) -> str:
    """Return a plain file name for an http, https or data URL."""
    parsed = urllib.parse.urlparse(url)
    if parsed.scheme == "data":
        media_type = parsed.path.partition(",")[0].partition(";")[0]
        mimetypes = importlib.import_module("mimetypes")  # not loaded with each predictor
        return "file" + (mimetypes.guess_extension(media_type or "text/plain") or "")
    name = urllib.parse.unquote_plus(parsed.path.rpartition("/")[2])
    return _truncated(name).replace("\0", "_").replace("/", "_")


def _truncated(name: str) -> str:
    """Shorten a name to `_MAX_BYTES`, keeping its extension and marking the cut with `~`."""
    if len(name.encode()) <= _MAX_BYTES:
        return name
    suffix = pathlib.PurePosixPath(name).suffix
    room = max(_MAX_BYTES - len(suffix.encode()) - 1, 0)
    stem = name[: len(name) - len(suffix)].encode()[:room].decode(errors="ignore")
    return f"{stem}~{suffix}"


def _data_of(url: str) -> bytes:
    head, comma, data = url.partition(",")
    if not comma:
        raise ValueError("a data URL has a comma before its data")
    raw = urllib.parse.unquote_to_bytes(data)
    if not head.lower().endswith(";base64"):
        return raw
    try:
        base64 = importlib.import_module("base64")  # not loaded with each predictor
        return base64.b64decode(b"".join(raw.split()), validate=True)  # type: ignore[no-any-return]
    except ValueError as error:
        raise ValueError(f"the data URL is not valid base64: {error}") from error


class URLFile(io.IOBase):
    """A binary file at an http or https URL, fetched lazily; it survives pickling.

    The author's code opens it, with the author's trust in the URL; files that callers send are
    downloaded elsewhere, with limits.

    Raises:
        ValueError: The URL is neither http nor https.
    """

    __slots__ = ("__target__", "__url__", "name")

    def __init__(self, url: str, filename: str | None = None) -> None:
        parsed = urllib.parse.urlparse(url)
        if parsed.scheme not in ("http", "https"):
            raise ValueError("URLFile requires URL to conform to HTTP or HTTPS protocol")
        object.__setattr__(self, "name", filename or parsed.path.rpartition("/")[2])
        object.__setattr__(self, "__url__", url)

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "url": object.__getattribute__(self, "__url__")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "name", state["name"])
        object.__setattr__(self, "__url__", state["url"])

    @property
    def __wrapped__(self) -> Any:
        try:
            return object.__getattribute__(self, "__target__")
        except AttributeError:
            response = _open(object.__getattribute__(self, "__url__"))
            object.__setattr__(self, "__target__", response)
            return response

    def __getattr__(self, name: str) -> Any:
        if name in ("__target__", "__wrapped__", "__url__"):
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all of them."""
        data: bytes = self.__wrapped__.read(None if size < 0 else size)
        return data

    def readable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Close the connection, where one was opened."""
        try:
            target = object.__getattribute__(self, "__target__")
        except AttributeError:
            return
        target.close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.__wrapped__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {object.__getattribute__(self, '__url__')!r}>"


def _open(url: str) -> Any:
    agent = os.environ.get("COG_USER_AGENT")
    headers = {"User-Agent": agent} if agent else {}
    # Loaded here because it would be a third of what importing the authoring API costs.
    http = importlib.import_module("urllib.request")
    return http.urlopen(http.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)
