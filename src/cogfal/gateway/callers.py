"""Authenticate callers: who may come in, whose fal key pays, and what secrets belong to them."""

from __future__ import annotations

import base64
import hmac
import inspect
import re
import secrets
import stat
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

from starlette.requests import Request

from cogfal.errors import SettingError

Allow: TypeAlias = Callable[[Request], "str | Awaitable[str | None] | None"]
"""Return the name of whoever sent a request, or None for somebody who may not come in."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")
_SCHEMES: Final = frozenset({"bearer", "token"})  # clients until 0.25 say "Token"
_REMARK: Final = re.compile(r"(?:^|\s)#.*")
_LINE: Final = re.compile(r"(?:(?P<name>[\w.@-]{1,128})[ \t]+)?(?P<token>[\x21-\x7e]{16,4096})")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may come in.

    `name` is what belongs to them is kept under. `key` is the fal key that their calls are made
    with, if there is one. `seal` is what their secrets are derived from. `shared` says that others
    use the same fal key, so that fal cannot tell whose a request is.
    """

    name: str
    key: str | None = field(repr=False)
    seal: bytes = field(repr=False)
    shared: bool

    @property
    def webhook_secret(self) -> str:
        """What webhooks to this caller are signed with, in the form of Replicate's secrets."""
        key = hmac.digest(self.seal, b"webhooks", "sha256")
        return f"whsec_{base64.b64encode(key).decode()}"

    def tag(self, text: bytes) -> bytes:
        """Return five bytes that only the gateways of this caller can make of `text`.

        Where fal itself tells callers apart they say nothing of the caller, so that one account's
        keys may ask for each other's predictions.
        """
        key = hmac.digest(self.seal, b"ids", "sha256") if self.shared else b"ids"
        return hmac.digest(key, text, "sha256")[:5]


Authenticate: TypeAlias = Callable[[Request], Awaitable[Caller | None]]
"""Return who sent a request, None for strangers."""


def by_fal_key(*, needed: bool) -> Authenticate:
    """Let in everybody with a fal key of their own as token; fal says what it is good for.

    Where nothing is on fal, nobody needs one, and those without are one caller.
    """
    nobodys = secrets.token_bytes(32)

    async def authenticate(request: Request) -> Caller | None:
        token = bearer(request)
        if token is not None:
            seal = hmac.digest(token.encode(), b"cogfal gateway", "sha256")
            return Caller(f"key-{sha256(seal).hexdigest()[:16]}", token, seal, shared=False)
        if needed or "authorization" in request.headers:
            return None
        return Caller("anybody", None, nobodys, shared=True)

    return authenticate


def by_token(names: Mapping[bytes, str], key: str | None) -> Authenticate:
    """Let in whom the operator's list of tokens names; the gateway's own fal key pays.

    `names` maps the SHA-256 of each token to its caller's name.
    """

    async def authenticate(request: Request) -> Caller | None:
        token = bearer(request)
        # Looked up by digest, so that the time it takes says nothing about the tokens.
        name = names.get(sha256(token.encode()).digest()) if token is not None else None
        if token is None or name is None:
            return None
        seal = hmac.digest(token.encode(), (key or "").encode(), "sha256")
        return Caller(name, key, seal, shared=True)

    return authenticate


def by_function(judge: Allow, key: str | None) -> Authenticate:
    """Let in whom a function of the application names; the gateway's own fal key pays.

    Callers' secrets derive from that key, so that they are the same on every gateway that has it.
    """
    own = hmac.digest(key.encode(), b"callers", "sha256") if key else secrets.token_bytes(32)

    async def authenticate(request: Request) -> Caller | None:
        found = judge(request)
        name = await found if inspect.isawaitable(found) else found
        if not name:
            return None
        return Caller(name, key, hmac.digest(own, name.encode(), "sha256"), shared=True)

    return authenticate


def read_tokens(path: Path) -> dict[bytes, str]:
    """Read a file of tokens: a line each, `name token` or the token alone.

    The names are returned by the SHA-256 of their tokens. `#` at the beginning of a line or after
    a blank begins a remark.

    Raises:
        SettingError: It cannot be read, others may read it, or a line has not that form.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the tokens cannot be read: {error}", where=str(path)) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingError(
            "others than its owner may use the file of tokens",
            where=str(path),
            remedy=f"chmod 600 {path}",
        )
    lines = enumerate((_REMARK.sub("", line).strip() for line in text.splitlines()), 1)
    names: dict[bytes, str] = {}
    for number, entry in lines:
        if not entry:
            continue
        found = _LINE.fullmatch(entry)
        if found is None:
            raise SettingError(
                "this is no token",
                where=f"{path}:{number}",
                remedy="write `name token`, 16 characters or more",
            )
        digest = sha256(found["token"].encode()).digest()
        names[digest] = found["name"] or f"token-{digest.hex()[:16]}"
    if not names:
        raise SettingError("there is no token", where=str(path), remedy="write one on each line")
    return names


def bearer(request: Request) -> str | None:
    """Return the token of a request, or None where it has none that could be one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in _SCHEMES or not _TOKEN.fullmatch(token.strip()):
        return None
    return token.strip()
