"""The three ways to run a gateway, as the examples have them."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.examples.conftest import EXAMPLES
from tests.forking import command, commands
from tests.gateway.gateways import python_client
from tests.gateway.inside import asked
from tests.local_run import LocalRun
from tests.processes import Process, free_port

CALL = """
import replicate
print(replicate.run("acme/greeter", input={"name": "Ada"}))
"""


def test_a_laptop_answers_programs_from_an_app_beside_it(tmp_path: Path) -> None:
    """The script leads to a local app, and Replicate's client finds it by its variable."""
    shutil.copytree(EXAMPLES / "hello-text", tmp_path / "hello-text")
    path = os.pathsep.join(map(str, (commands(), Path(sys.executable).parent, os.environ["PATH"])))
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FAL_")}

    with LocalRun("app.py::App", cwd=tmp_path / "hello-text", home=tmp_path) as app:
        settings = {"GREETER": app.url, "PORT": str(free_port()), "PATH": path, "NO_COLOR": "1"}
        script = EXAMPLES / "gateway-laptop" / "gateway.sh"
        with Process([script], cwd=tmp_path, env={**clean, **settings}) as gateway:
            url = gateway.wait_for(r"serving at (http://\S+):")[1]
            done = subprocess.run(
                [python_client("1.0.7"), "-c", CALL],
                env={**clean, "REPLICATE_BASE_URL": url},
                capture_output=True,
                text=True,
                check=False,
            )

    assert "Ada" in done.stdout, done.stderr


def test_a_site_lets_its_own_people_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted behind a login, with a key that no caller has."""
    monkeypatch.setenv("GATEWAY_FAL_KEY", "id:secret")
    site = runpy.run_path(str(EXAMPLES / "gateway-mounted" / "company.py"))

    async def ask(client: httpx.AsyncClient) -> list[object]:
        path = "/models/v1/account"
        stranger = await client.get(path)
        ada = await client.get(path, headers={"Authorization": "Bearer token-of-ada"})
        return [stranger.status_code, ada.json()["username"], (await client.get("/")).status_code]

    assert asked(ask, site["app"]) == [401, "ada", 200]


def test_a_machine_of_fals_serves_one(tmp_path: Path) -> None:
    """The function runs as it is; where it listens is fal's to know, so that is changed here."""
    port = free_port()
    text = (EXAMPLES / "gateway-fal" / "app.py").read_text("utf-8")
    (tmp_path / "app.py").write_text(text.replace("8080", str(port)))

    served: list[str | Path] = [command("fal"), "run", "--local", "app.py::gateway"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FAL_")}
    with Process(served, cwd=tmp_path, env={**clean, "HOME": str(tmp_path)}) as run:
        run.wait_for(rf"Uvicorn running on http://0\.0\.0\.0:{port}")
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/account")

    assert answer.status_code == 401
