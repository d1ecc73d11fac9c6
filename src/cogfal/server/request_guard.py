"""Refuse requests before anybody looks at them: endless heads, and at home those of foreign pages.

fal lets every page read an app's answers (CORS), which is right behind fal's gateway, where a
caller needs a key. `fal run --local` and `cogfal serve` ask for none: without this guard any page
that the user visits could drive the predictor, by asking `localhost` or by a name of its own that
it turns to this machine (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

TRUSTED: Final = "COGFAL_TRUSTED_HOSTS"
"""Names added to the App's `trusted_hosts`, separated by commas."""

ON_A_RUNNER: Final = ("IS_ISOLATE_AGENT", "FAL_JOB_ID", "FAL_APP_ID")
"""Variables that fal sets on its runners, each before any code of the app is imported."""

PRIVATE_DOMAINS: Final = (".localhost", ".local", ".internal", ".test", ".home.arpa")
"""Domains in which nobody on the internet can have a name."""

MOST_HEADERS: Final = 256
"""Headers that a request may have: each layer of an app looks through all of them."""

FEW: Final = 16
"""Names that are remembered: reading one takes a good part of the time of a small request."""

_AUTHORITY: Final = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^:/@]*))(?::\d*)?")
_PLAIN: Final = re.compile(r"[\w.:\[\]/-]{1,255}", re.ASCII)
_REMEDY: Final = "name it in the App's trusted_hosts, or in the variable " + TRUSTED


def on_a_runner(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this process is a runner of fal's; ask when the app is imported.

    Later the answer is always yes: fal sets one of the variables itself when it serves locally.
    """
    return any(environment.get(name) for name in ON_A_RUNNER)


def trusted_hosts(
    declared: Iterable[str], environment: Mapping[str, str] = os.environ
) -> frozenset[str]:
    """Join what an App declares and what the environment adds."""
    names = (*declared, *environment.get(TRUSTED, "").split(","))
    return frozenset(name.strip().lower() for name in names if name.strip())


class RequestGuard:
    """ASGI middleware that refuses requests, also for websockets.

    Of more than `MOST_HEADERS` headers none passes (431). Where only this machine's pages may ask,
    one passes whose `Host` no name in the public DNS can be, and whose `Origin`, which browsers
    add, is the app itself or a page of this machine (else 403). Programs send no `Origin`.

    Args:
        app: What to guard; it has to include what answers CORS preflights.
        trusted: Host names, in lower case, that pass as `Host` and `Origin` too; `*` lets all pass.
    """

    def __init__(self, app: ASGIApp, trusted: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._trusted = trusted
        self._open = "*" in trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        status, reason = 431, f"a request has at most {MOST_HEADERS} headers"
        if len(scope.get("headers", ())) <= MOST_HEADERS:
            status, reason = 403, "" if self._open else self._objection(scope)
        if not reason:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, reason)(scope, receive, send)
        else:
            await JSONResponse({"detail": reason}, status)(scope, receive, send)

    def _objection(self, scope: Scope) -> str:
        """Return why a page may not ask; nothing where it may, or no page asks."""
        if scope["type"] not in ("http", "websocket"):
            return ""
        headers = Headers(scope=scope)
        host = headers.get("host", "localhost")
        if not self._is_own(_name(host)):
            return f"this app is not served under the name {_shown(host)}; {_REMEDY}"
        origin = headers.get("origin")
        if origin is not None and not self._is_welcome(origin, host):
            return f"pages of {_shown(origin)} may not call this app; {_REMEDY}"
        return ""

    def _is_own(self, name: str) -> bool:
        """Tell whether a name cannot be somebody else's: an address, or not in public DNS."""
        return (
            "." not in name
            or name.endswith(PRIVATE_DOMAINS)
            or _address(name) is not None
            or name in self._trusted
        )

    def _is_welcome(self, origin: str, host: str) -> bool:
        scheme, separator, authority = origin.partition("://")
        if not separator:
            return False  # `null`: a sandboxed frame, which any page can make
        if scheme in ("http", "https") and authority.lower() == host.lower():
            return True
        name = _name(authority)
        return _is_loopback(name) or name in self._trusted


@lru_cache(FEW)
def _name(authority: str) -> str:
    """Return the host of `host:port` in lower case; of anything else a name that nobody has."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return "."
    return (found["v6"] or found["name"] or "").lower().rstrip(".")


@lru_cache(FEW)
def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_loopback(name: str) -> bool:
    address = _address(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")


def _shown(text: str) -> str:
    """Quote a name or an origin; what can be neither is not repeated."""
    return repr(text) if _PLAIN.fullmatch(text) else "<no host name>"
