"""Run the real Cog server, and cogfal's routes, for one project each."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from cogfal.reading import read_predictor
from cogfal.schema.document import document
from cogfal.spec import Role
from tests.forking import command
from tests.modes import SHARED, cog_yaml
from tests.processes import Process, free_port
from tests.project_files import write_project as write_files
from tests.waiting import SOON

REPOSITORY = Path(__file__).parents[2]
FOREIGN = ("COG", "FAL_", "WEBHOOK")
"""Beginnings of the variables of this environment that a server must not see."""

APP = """
import cogfal


class App(cogfal.App):
    predictor = "%s"
    data_urls = True
    allow_private_hosts = True
"""


class Server(Process):
    """A running server of Cog's HTTP API; `url` is where, `client` asks it."""

    def __init__(
        self, command: Sequence[str | Path], port: int, root: Path, **variables: str
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
        super().__init__(
            command,
            cwd=root,
            env={**inherited, "PATH": path, "PYTHONPATH": str(REPOSITORY), **variables},
        )
        self.client = httpx.Client(base_url=self.url, timeout=SOON)

    def until_health(self, *wanted: str, timeout: float = SOON) -> dict[str, Any]:
        """Return the first answer of `/health-check` whose status is one of `wanted`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                health: dict[str, Any] = self.client.get("/health-check").json()
            except httpx.TransportError:
                health = {"status": None}
            if health["status"] in wanted:
                return health
            time.sleep(0.02)
        raise TimeoutError(f"not {wanted} after {timeout:g} s:\n{self.output}")

    def stop(self, grace: float = 5) -> int:
        """End the server and its client."""
        self.client.close()
        return super().stop(grace)


class RealCog(Server):
    """The real server, `python -m cog.server.http`, with the schema that `cog build` writes."""

    def __init__(self, root: Path, ref: str, *arguments: str, **variables: str) -> None:
        training = "train" in arguments
        role = Role.TRAIN if training else Role.PREDICT
        described = document(read_predictor(ref, root, role=role), title="Cog", version="0.1.0")
        (root / ".cog").mkdir(exist_ok=True)
        (root / ".cog" / "openapi_schema.json").write_text(json.dumps(described))
        port = free_port()
        stub = "COG_TRAIN_TYPE_STUB" if training else "COG_PREDICT_TYPE_STUB"
        command = [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1", *arguments]
        super().__init__(command, port, root, **{stub: ref, "PORT": str(port)}, **variables)
        self.client.event_hooks["response"].append(self._settle)

    def _settle(self, response: httpx.Response) -> None:
        """Wait for the slot, which this server may free after its answer."""
        told = response.request.method in ("POST", "PUT") and response.status_code == 200
        is_json = response.headers.get("content-type") == "application/json"
        if told and is_json and "metrics" in json.loads(response.read()):
            self.until_health("READY", "UNHEALTHY")


class OurCog(Server):
    """cogfal's routes, in a process of their own; the author's code runs in a mode."""

    def __init__(
        self, root: Path, ref: str, *arguments: str, mode: str = SHARED, **variables: str
    ) -> None:
        port = free_port()
        module = (str(command("python")), "-m", "tests.server.ours")
        serve = [*module, str(root), ref, str(port), "--mode", mode, *arguments]
        super().__init__(serve, port, root, **variables)


class OurApp(Server):
    """A whole App of cogfal, served by `fal run --local`; the author's code runs in a mode."""

    def __init__(self, root: Path, ref: str, *_: str, mode: str = SHARED, **variables: str) -> None:
        write_files(root, app_py=APP.lstrip() % ref, **cog_yaml(mode))
        port = free_port()
        ports = [f"--exposed-port={port}", f"--exposed-metrics-port={free_port()}"]
        settings = {"HOME": str(root.parent), "COLUMNS": "200", "NO_COLOR": "1"}
        run = [str(command("fal")), "run", "--local", *ports, "app.py::App"]
        super().__init__(run, port, root, **settings, **variables)
