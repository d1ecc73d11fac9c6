"""Gateways as processes, what they lead to, and the real clients that use them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.client.loopback import serving
from tests.gateway.double import FalCloud
from tests.local_run import LocalRun
from tests.processes import Process
from tests.virtualenvs import CACHE, alone

PROJECT: Final = Path(__file__).parents[1] / "projects" / "gateway"
"""Two apps, and programs that use Replicate's clients."""

ALICE: Final = "alice:secret-key"
BOB: Final = "bob:secret-key"
ON_FAL: Final = (
    "me/model=me/model",
    "me/words:words-1=me/words",
    "me/streams=me/streams",
    "me/pieces=me/pieces",
    "me/absent=me/absent",
    "me/moved=me/moved",
)
NODE_PACKAGE: Final = "replicate@1.4.0"

_START: Final = """
import os, sys
import fal_client.client
fal_client.client.REST_URL = fal_client.client.CDN_URL = "https://" + os.environ["FAL_RUN_HOST"]
from cogfal.cli import main
sys.exit(main(["gateway", *sys.argv[1:]]))
"""


@dataclass(frozen=True)
class Served:
    """A gateway that runs; `cloud` is fal's double behind it, where it leads there."""

    url: str
    process: Process
    environment: Mapping[str, str]
    cloud: FalCloud | None = None

    def variables(self, token: str = ALICE) -> dict[str, str]:
        """Return the environment of a client that uses the gateway."""
        inherited = {k: v for k, v in self.environment.items() if not k.startswith("FAL_")}
        own = {"REPLICATE_BASE_URL": self.url, "REPLICATE_API_TOKEN": token}
        trust = {"NODE_EXTRA_CA_CERTS": inherited.get("SSL_CERT_FILE", "")}
        return {**inherited, **own, **trust}


@contextmanager
def gateway(
    folder: Path, environment: Mapping[str, str], *arguments: str, cloud: FalCloud | None = None
) -> Iterator[Served]:
    """Run `cogfal gateway` at any free port."""
    start = ["-m", "cogfal", "gateway"] if cloud is None else ["-c", _START]
    command = [sys.executable, "-W", "error", *start, *arguments, "--port", "0"]
    env = {**environment, "NO_COLOR": "1", "COLUMNS": "200", "HOME": str(folder)}
    with Process(command, cwd=folder, env=env) as process:
        url = process.wait_for(r"serving at (http://\S+):")[1]
        yield Served(url, process, environment, cloud)


@contextmanager
def gateway_to_fal(folder: Path, *more: str, targets: tuple[str, ...] = ON_FAL) -> Iterator[Served]:
    """Run a gateway to the double of fal, and the double."""
    cloud = FalCloud()
    with serving(folder, cloud) as loopback:
        arguments = [*targets, "--allow-private-hosts", *more]
        environment = {**loopback.environment, "FAL_KEY": "gateway:secret-key"}
        with gateway(folder, environment, *arguments, cloud=cloud) as served:
            yield served


@contextmanager
def gateway_to_apps(folder: Path) -> Iterator[Served]:
    """Run a gateway to two apps that `fal run --local` serves, and the apps."""
    project = folder / "project"
    shutil.copytree(PROJECT, project)
    with ExitStack() as stack:
        apps = [
            stack.enter_context(LocalRun(f"app.py::{name}", cwd=project, home=folder))
            for name in ("Anything", "Words")
        ]
        anything, words = (app.url for app in apps)
        targets = [f"me/model={anything}", f"me/words:words-1={words}", f"me/streams={words}"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FAL_")}
        yield stack.enter_context(gateway(folder, clean, *targets, "--allow-private-hosts"))


def python_client(version: str) -> Path:
    """Return the Python of an environment that has Replicate's client and nothing else."""
    return alone(f"replicate=={version}")


def node_modules() -> Path:
    """Return a folder with Replicate's JavaScript client; skip where there is no node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed (Debian: apt-get install nodejs npm)")
    folder = CACHE / "node" / NODE_PACKAGE
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            command = ["npm", "install", "--silent", "--no-audit", "--prefix", str(folder)]
            subprocess.run([*command, NODE_PACKAGE], check=True, stdin=subprocess.DEVNULL)
            (folder / "complete").touch()
    return folder / "node_modules"


def said(command: list[str], served: Served, **variables: str) -> dict[str, Any]:
    """Run a table of calls and return what each gave, or raised."""
    done = subprocess.run(
        command,
        env={**served.variables(), **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line.pop("case"): line for line in lines}
