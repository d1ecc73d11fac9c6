"""`URLFile`: a file that is opened over HTTP when it is first read."""

from __future__ import annotations

import importlib
import io
import os
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_SECONDS = 10.0


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
