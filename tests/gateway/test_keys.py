"""Who may come in, and that what is a caller's is nobody else's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from cogfal.errors import SettingError
from cogfal.gateway import application
from tests.gateway.gateways import Served, gateway_to_fal
from tests.gateway.inside import NOWHERE, TOKENS, as_caller, asked

ROUTES = [
    ("GET", "predictions"),
    ("POST", "predictions"),
    ("GET", "predictions/x"),
    ("POST", "predictions/x/cancel"),
    ("POST", "models/me/model/predictions"),
    ("GET", "models/me/model"),
    ("GET", "models/me/model/versions"),
    ("POST", "deployments/me/model/predictions"),
    ("GET", "deployments/me/model"),
    ("GET", "trainings"),
    ("POST", "models/me/model/versions/1/trainings"),
    ("POST", "files"),
    ("GET", "files"),
    ("GET", "files/x"),
    ("DELETE", "files/x"),
    ("GET", "webhooks/default/secret"),
    ("GET", "account"),
]
STRANGERS = [
    {},
    {"Authorization": "Bearer wrong-token-0123456789"},
    {"Authorization": f"Bearer {TOKENS['alice']}x"},
    {"Authorization": f"Basic {TOKENS['alice']}"},
    {"Authorization": "Bearer "},
    {"Authorization": TOKENS["alice"]},
]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file of tokens that only its owner may read."""
    path = tmp_path / "tokens"
    path.write_text("# who may come in\n" + "".join(f"{n} {t}\n" for n, t in TOKENS.items()))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("headers", STRANGERS, ids=range(len(STRANGERS)))
def test_strangers_find_every_door_closed(token_file: Path, headers: dict[str, str]) -> None:
    """Whatever they send, the answer is 401, and it says nothing of what there is."""

    async def ask(client: httpx.AsyncClient) -> set[int]:
        answers = [await client.request(m, f"/v1/{path}", headers=headers) for m, path in ROUTES]
        return {answer.status_code for answer in answers}

    assert asked(ask, application(NOWHERE, token_file=token_file)) == {401}


def test_each_caller_has_a_secret_and_files_of_their_own(token_file: Path) -> None:
    """What one has is not there for the other."""

    async def ask(client: httpx.AsyncClient) -> list[Any]:
        alice, bob = as_caller("alice"), as_caller("bob")
        kept = await client.post("/v1/files", headers=alice, files={"content": b"mine"})
        name = kept.json()["id"]
        secrets = [
            (await client.get("/v1/webhooks/default/secret", headers=who)).json()["key"]
            for who in (alice, bob, alice)
        ]
        return [
            (await client.get(f"/v1/files/{name}", headers=bob)).status_code,
            (await client.delete(f"/v1/files/{name}", headers=bob)).status_code,
            (await client.get("/v1/files", headers=bob)).json()["results"],
            (await client.get(f"/v1/files/{name}", headers=alice)).status_code,
            secrets[0] == secrets[2],
            secrets[0] == secrets[1],
            (await client.get("/v1/account", headers=bob)).json()["username"],
        ]

    found = asked(ask, application(NOWHERE, token_file=token_file))

    assert found == [404, 404, [], 200, True, False, "bob"]


def test_callers_who_share_a_key_do_not_share_predictions(tmp_path: Path, token_file: Path) -> None:
    """Fal knows only the gateway's key, so the id itself is of one caller."""
    with gateway_to_fal(tmp_path, "--token-file", str(token_file)) as served:
        begun = _post(served, "alice", "models/me/model/predictions", {"input": {"do": "hold"}})
        other = _get(served, "bob", f"predictions/{begun.json()['id']}")
        own = _get(served, "alice", f"predictions/{begun.json()['id']}")

    assert served.cloud is not None
    assert {asked.key for asked in served.cloud.asked.values()} == {"Key gateway:secret-key"}
    assert (begun.status_code, other.status_code, own.json()["status"]) == (201, 404, "processing")


def _post(served: Served, who: str, path: str, body: object) -> httpx.Response:
    return httpx.post(f"{served.url}/v1/{path}", headers=as_caller(who), json=body, timeout=120)


def _get(served: Served, who: str, path: str) -> httpx.Response:
    return httpx.get(f"{served.url}/v1/{path}", headers=as_caller(who), timeout=120)


def test_a_gateway_behind_a_login_asks_the_application(tmp_path: Path) -> None:
    """Mounted under a path, it lets in whom a function names, and tells addresses below it."""

    async def allow(request: Request) -> str | None:
        return request.headers.get("x-user")

    mounted = Starlette(routes=[Mount("/replicate", application(NOWHERE, allow=allow))])

    async def ask(client: httpx.AsyncClient) -> list[Any]:
        body: dict[str, Any] = {"input": {}}
        path = "/replicate/v1/models/me/model/predictions"
        ada = {"x-user": "ada"}
        begun = (await client.post(path, headers=ada, json=body)).json()
        return [
            (await client.post(path, json=body)).status_code,
            begun["urls"]["get"],
            (await client.get(begun["urls"]["get"], headers=ada)).status_code,
            (await client.get(begun["urls"]["get"], headers={"x-user": "bob"})).status_code,
        ]

    stranger, address, own, other = asked(ask, mounted)

    assert address.startswith("http://gateway.invalid/replicate/v1/predictions/q")
    assert (stranger, own, other) == (401, 200, 404)


def test_a_token_may_hold_what_begins_a_remark(token_file: Path) -> None:
    """Only `#` after a blank does; a token is never cut."""
    token_file.write_text("ada token#0123456789#x  # hers\n")

    async def ask(client: httpx.AsyncClient) -> list[int]:
        tokens = ("token#0123456789#x", "token#0123456789", "token")
        headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
        return [(await client.get("/v1/account", headers=each)).status_code for each in headers]

    assert asked(ask, application(NOWHERE, token_file=token_file)) == [200, 401, 401]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_of_tokens_that_others_may_use_is_refused(token_file: Path, mode: int) -> None:
    """With the command that puts it right."""
    token_file.chmod(mode)

    with pytest.raises(SettingError, match=f"chmod 600 {token_file}"):
        application(NOWHERE, token_file=token_file)


@pytest.mark.parametrize("text", ["", "# nobody\n", "ada short\n", "ada token-0123456789 more\n"])
def test_a_file_of_tokens_has_to_hold_tokens(token_file: Path, text: str) -> None:
    """None at all, and lines that are none, are errors at the start that show no token."""
    token_file.write_text(text)

    with pytest.raises(SettingError, match=str(token_file)) as refused:
        application(NOWHERE, token_file=token_file)

    assert "0123456789" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"key": "id:secret"}, "nobody says who may use it"),
        ({"allow": lambda _: "x", "token_file": "tokens"}, "keep one"),
        ({"token_file": os.devnull + "/no"}, "cannot be read"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], said: str
) -> None:
    """A key that anybody could use, most of all."""
    with pytest.raises(SettingError, match=said):
        application({"me/model": "fal-owner/app"} | NOWHERE, **settings)


def test_apps_on_fal_need_a_key() -> None:
    """Where the gateway says who may come in, it is the gateway's."""
    with pytest.raises(SettingError, match="no fal key"):
        application({"me/model": "fal-owner/app"}, allow=lambda _: "x")
