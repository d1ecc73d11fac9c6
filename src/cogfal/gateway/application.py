"""Make the ASGI application of a gateway: the requests of Replicate's API, and their answers."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from cogfal.errors import NotReady, SettingError
from cogfal.gateway import replicate_messages as messages
from cogfal.gateway.call import GatewayCall, State
from cogfal.gateway.callers import (
    Allow,
    Authenticate,
    Caller,
    by_fal_key,
    by_function,
    by_token,
    read_tokens,
)
from cogfal.gateway.catalogue import Catalogue, Kind, Version
from cogfal.gateway.memory import Limits
from cogfal.gateway.predictions import Gateway
from cogfal.gateway.replicate_messages import Refusal, invalid, not_found
from cogfal.server.caller import Body, BodyRefused, wait_for_disconnect
from cogfal.server.responses import JsonResponse
from cogfal.spec import JSON

Handler: TypeAlias = Callable[[Request, Caller], Any]
"""Returns what a request is answered with, or what is awaited for it."""

_HOST: Final = re.compile(r"[\w.\[\]:-]{1,255}", re.ASCII)

STRANGER: Final = "Send a valid token: `Authorization: Bearer TOKEN`."
ABSENT: Final = (
    "This is a gateway of cogfal: it answers for its own models, their predictions, trainings, "
    "versions and deployments, for files, and for webhooks' secrets. Hardware, billing, "
    "collections and search are fal's, not here."
)


class Application(Starlette):
    """A gateway as an ASGI application.

    Mounted in another application, whose lifespan it does not see, it begins with its first
    request; `await aclose()` ends what is under way in it. `open` says that nobody needs a token.
    """

    def __init__(self, gateway: Gateway, authenticate: Authenticate, *, open: bool) -> None:  # noqa: A002  # to all
        self.open = open
        self._gateway = gateway
        self._authenticate = authenticate
        self._since = datetime.now(timezone.utc).isoformat()
        super().__init__(
            routes=self._every_route(),
            exception_handlers={404: _absent, 405: _other_method},
            lifespan=self._lifespan,
        )

    async def aclose(self) -> None:
        """End what is under way here; calls on fal's queue go on there."""
        await self._gateway.aclose()

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.aclose()

    def _every_route(self) -> list[Route]:
        get, post, delete = (partial(self._route, method) for method in ("GET", "POST", "DELETE"))
        model, deployment = "/v1/models/{owner}/{name}", "/v1/deployments/{owner}/{name}"
        version, files = f"{model}/versions/{{id}}", self._gateway.files
        predict = partial(self._begin, Kind.PREDICTION)
        return [
            post("/v1/predictions", predict, 201),
            post(f"{model}/predictions", predict, 201),
            post(f"{deployment}/predictions", predict, 201),
            post(f"{version}/trainings", partial(self._begin, Kind.TRAINING), 201),
            *self._calls(Kind.PREDICTION),
            *self._calls(Kind.TRAINING),
            Route("/v1/streams/{ticket}", self._stream, methods=["GET"]),
            get("/v1/models", self._models),
            get(model, self._get_model),
            get(f"{model}/versions", self._versions),
            get(version, lambda r, c: self._version_body(self._version_named(r, None), c)),
            get("/v1/deployments", self._deployments),
            get(deployment, lambda r, c: messages.deployment(self._latest(r), c, self._since)),
            post("/v1/files", lambda r, caller: files.create(r, caller, base_of(r)), 201),
            get("/v1/files", lambda _, caller: messages.page(files.of(caller))),
            get("/v1/files/{id}", lambda r, caller: files.get(r.path_params["id"], caller)),
            delete("/v1/files/{id}", lambda r, c: files.delete(r.path_params["id"], c), 204),
            Route("/v1/files/{id}/download", self._download, methods=["GET"]),
            get("/v1/webhooks/default/secret", lambda _, caller: {"key": caller.webhook_secret}),
            get("/v1/account", lambda _, caller: messages.account(caller)),
        ]

    def _calls(self, kind: Kind) -> list[Route]:
        path = f"/v1/{kind.value}"

        async def listed(request: Request, caller: Caller) -> JSON:
            return messages.page(await self._gateway.list(kind, caller, base_of(request)))

        async def one(ask: Any, request: Request, caller: Caller) -> JSON:
            found: tuple[GatewayCall, State] = await ask(kind, request.path_params["id"], caller)
            return messages.prediction(*found, base_of(request))

        return [
            self._route("GET", path, listed),
            self._route("GET", f"{path}/{{id}}", partial(one, self._gateway.find)),
            self._route("POST", f"{path}/{{id}}/cancel", partial(one, self._gateway.cancel)),
        ]

    def _route(self, method: str, path: str, handler: Handler, status: int = 200) -> Route:
        async def answer(request: Request) -> Response:
            caller = await self._authenticate(request)
            if caller is None:
                return Refusal(401, "Unauthenticated", STRANGER).response()
            try:
                found = handler(request, caller)
                value = await found if inspect.isawaitable(found) else found
            except Refusal as refusal:
                return refusal.response()
            return Response(status_code=204) if status == 204 else JsonResponse(value, status)

        return Route(path, answer, methods=[method])

    async def _begin(self, kind: Kind, request: Request, caller: Caller) -> JSON:
        base = base_of(request)
        try:
            with Body(self._gateway.bodies) as body:
                await body.read(request)
                wanted = await body.process(messages.read_request, body.chunks)
                version = self._version_named(request, wanted.version)
                stream = self._gateway.limits.stream
                call = GatewayCall(kind, version, caller, base=base, stream=stream)
                await self._gateway.begin(call, wanted, body)
        except BodyRefused as error:
            again = 5 if error.status == 429 else None
            raise Refusal(error.status, "Not taken", str(error), retry_after=again) from error
        except NotReady as error:
            raise Refusal(503, "Not taken", str(error)) from error
        state = await self._outcome_in_time(call, request)
        return messages.prediction(call, state, base)

    async def _outcome_in_time(self, call: GatewayCall, request: Request) -> State:
        """Return the outcome of a call; where it is not there in time, that it is starting.

        Both clients take anything else for the outcome, and Python's would not yield the pieces
        of the output that it finds in the first answer. Leaving ends the waiting, not the call.
        """
        seconds = messages.wait_seconds(request)
        if seconds is None:
            return State()
        self._gateway.follow(call)
        ended = asyncio.ensure_future(call.ended.wait())
        gone = asyncio.ensure_future(wait_for_disconnect(request.receive))
        try:
            await asyncio.wait({ended, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            gone.cancel()
        return call.state if call.ended.is_set() else State()

    def _version_named(self, request: Request, reference: str | None) -> Version:
        """Return the version that the address of a request or its body names."""
        catalogue = self._gateway.catalogue
        if "id" in request.path_params:
            found = catalogue.find(f"{_model_name(request)}:{request.path_params['id']}")
        elif "owner" in request.path_params:
            found = catalogue.latest(_model_name(request))
        elif reference is None:
            raise invalid("version: name it, as an id or owner/name:id")
        else:
            found = catalogue.find(reference)
            if found is None:
                raise invalid(
                    "version: this gateway does not know it. "
                    "Its operator adds it with owner/name:VERSION=TARGET."
                )
        return _or_not_found(found)

    async def _stream(self, request: Request) -> Response:
        call = self._gateway.memory.streamed(request.path_params["ticket"])
        if call is None:
            return not_found(
                "There is no such stream, or this gateway did not begin it."
            ).response()
        self._gateway.follow(call)
        events = messages.frames(call, messages.last_seen(request))
        return StreamingResponse(
            events, media_type="text/event-stream", headers=messages.STREAM_HEADERS
        )

    def _models(self, request: Request, caller: Caller) -> JSON:
        return messages.page(
            [self._model_body(each, request, caller) for each in self._gateway.catalogue]
        )

    def _model_body(self, version: Version, request: Request, caller: Caller) -> JSON:
        schema = self._gateway.documents.known(version, caller)
        latest = None if schema is None else messages.version_body(version, schema, self._since)
        return messages.model(version, latest, base_of(request))

    async def _get_model(self, request: Request, caller: Caller) -> JSON:
        version = self._latest(request)
        await self._gateway.documents.get(version, caller)
        return self._model_body(version, request, caller)

    async def _versions(self, request: Request, caller: Caller) -> JSON:
        versions = self._gateway.catalogue.versions(_model_name(request))
        if not versions:
            raise not_found("This gateway has no such model.")
        return messages.page([await self._version_body(each, caller) for each in versions])

    async def _version_body(self, version: Version, caller: Caller) -> JSON:
        schema = await self._gateway.documents.get(version, caller)
        return messages.version_body(version, schema, self._since)

    def _deployments(self, _request: Request, caller: Caller) -> JSON:
        every = self._gateway.catalogue
        return messages.page([messages.deployment(each, caller, self._since) for each in every])

    def _latest(self, request: Request) -> Version:
        return _or_not_found(self._gateway.catalogue.latest(_model_name(request)))

    async def _download(self, request: Request) -> Response:
        signature = request.query_params.get("signature", "")
        try:
            kept = self._gateway.files.download(request.path_params["id"], signature)
        except Refusal as refusal:
            return refusal.response()
        assert kept.path is not None
        # As an attachment that is not sniffed: what callers upload must not become pages here.
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f"attachment; filename*=utf-8''{quote(kept.name)}",
        }
        return FileResponse(kept.path, media_type=kept.content_type, headers=headers)


async def _absent(_request: Request, _error: Exception) -> Response:
    """Answer with 404, and say what a gateway has."""
    return not_found(ABSENT).response()


async def _other_method(_request: Request, _error: Exception) -> Response:
    return Refusal(405, "Not allowed", "This has another method.").response()


def base_of(request: Request) -> str:
    """Return the address of the gateway as its caller knows it, wherever it is mounted."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = "localhost"
    return f"{request.url.scheme}://{host}{request.scope.get('root_path', '')}/"


def _model_name(request: Request) -> str:
    return f"{request.path_params['owner']}/{request.path_params['name']}"


def _or_not_found(version: Version | None) -> Version:
    if version is None:
        raise not_found("This gateway has no such model or version.")
    return version


def application(
    targets: Mapping[str, str],
    *,
    allow: Allow | None = None,
    token_file: str | Path | None = None,
    key: str | None = None,
    limits: Limits | None = None,
    allow_private_hosts: bool = False,
) -> Application:
    """Make a gateway: an ASGI application that speaks Replicate's HTTP API.

    Without `allow` and `token_file` each caller's token is their own fal key. With one of them the
    gateway calls fal with `key`, and strangers are answered with 401.

    Args:
        targets: Maps `owner/name`, or `owner/name:version` for the version ids that callers name,
            to an app on fal (`owner/app`) or to the address of one cogfal app or Cog server.
        allow: Returns the name of whoever sent a request, or None for a stranger; may be async.
        token_file: A file that only its owner may read, with a line `name token` for each caller.
        key: The fal key of the gateway, `id:secret`.
        limits: Bounds of what is kept and taken.
        allow_private_hosts: Whether webhooks may go to private and loopback addresses.

    Raises:
        SettingError: A target, the file of tokens or the key is missing or wrong.
    """
    catalogue = Catalogue(targets)
    authenticate = _authenticate(catalogue, allow, token_file, key)
    gateway = Gateway(catalogue, limits or Limits(), allow_private_hosts=allow_private_hosts)
    unguarded = allow is None and token_file is None and not catalogue.on_fal
    return Application(gateway, authenticate, open=unguarded)


def _authenticate(
    catalogue: Catalogue, allow: Allow | None, token_file: str | Path | None, key: str | None
) -> Authenticate:
    if allow is not None and token_file is not None:
        raise SettingError(
            "both a function and a file of tokens say who may come in", remedy="keep one"
        )
    if allow is None and token_file is None:
        if key is not None:
            raise SettingError(
                "the gateway has a fal key, and nobody says who may use it",
                remedy="give `allow` or `token_file`, or leave the key to each caller",
            )
        return by_fal_key(needed=catalogue.on_fal)
    if key is None and catalogue.on_fal:
        raise SettingError(
            "the gateway says who may come in, and has no fal key to call with",
            remedy="give it one: `key`, or FAL_KEY for the command",
        )
    if allow is not None:
        return by_function(allow, key)
    assert token_file is not None
    return by_token(read_tokens(Path(token_file)), key)
