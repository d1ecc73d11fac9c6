"""The cloud served on a loopback port with TLS, and scripts that use it."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import uvicorn

from tests.client.cloud import Cloud
from tests.forking import command

PRELUDE = """
import asyncio, io, json, os, pathlib
import fal_client.client
host = os.environ["FAL_RUN_HOST"]
fal_client.client.REST_URL = fal_client.client.CDN_URL = f"https://{host}"
from cogfal import client
from cogfal.errors import CallFailed

def show(value):
    print(json.dumps(value, default=str))
"""


@dataclass(frozen=True)
class Loopback:
    """The cloud and what a process needs to know to use it."""

    cloud: Cloud
    environment: dict[str, str]

    def script(self, text: str, cwd: Path) -> list[Any]:
        """Run a script and return what it showed."""
        done = subprocess.run(
            [command("python"), "-c", PRELUDE + text],
            env={**self.environment, "PYTHONWARNINGS": "error"},
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def serving(directory: Path, cloud: Cloud | None = None) -> Iterator[Loopback]:
    """Serve a cloud with a certificate of its own authority, kept in `directory`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        directory / "server.pem"
    )
    cloud = cloud or Cloud()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(cloud.app, log_level="warning", ws="none")
    config.load()
    config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    config.ssl.load_cert_chain(directory / "server.pem")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    host = f"localhost:{listener.getsockname()[1]}"
    try:
        yield Loopback(
            cloud,
            {
                **os.environ,
                "FAL_RUN_HOST": host,
                "FAL_QUEUE_RUN_HOST": host,
                "FAL_KEY": "id:secret",
                "SSL_CERT_FILE": str(directory / "ca.pem"),
            },
        )
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
