"""The sample app on a loopback port and one headless Chromium for all tests of the playground."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from selenium.webdriver import Chrome

from tests.browser import chromium
from tests.playground.sample import Sample


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
    """One for all tests."""
    with chromium("--window-size=1320,1250") as chrome:
        yield chrome
