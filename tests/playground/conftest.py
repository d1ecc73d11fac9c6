"""The sample app on a loopback port and one headless Chromium for all tests of the playground."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
import uvicorn
from selenium.webdriver import Chrome

from tests.browser import chromium
from tests.cli.serving import served as served_project
from tests.playground.sample import Sample
from tests.playground.studio import Studio, write_studio

ELSEWHERE: Final = "elsewhere.test"
ARGUMENTS: Final = (
    "--window-size=1320,1250",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
)
CLIPBOARD: Final = ["clipboardReadWrite", "clipboardSanitizedWrite"]


@dataclass(frozen=True)
class Served:
    """A running sample app and its address."""

    sample: Sample
    url: str


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """Serve the sample app from a thread."""
    sample = Sample()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(sample.app, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Served(sample, f"http://127.0.0.1:{listener.getsockname()[1]}")
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """One for all tests; it has a camera and a microphone, and knows this machine by a name too."""
    with chromium(*ARGUMENTS) as chrome:
        chrome.execute_cdp_cmd("Browser.grantPermissions", {"permissions": CLIPBOARD})
        yield chrome


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Serve the project with its page."""
    project = write_studio(tmp_path_factory.mktemp("projects") / "studio")
    os.mkfifo(project / "gate")
    with served_project(project, tmp_path_factory.mktemp("home"), "--playground") as url:
        yield Studio(project, url)
