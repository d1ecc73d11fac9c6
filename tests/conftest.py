"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import settings

from tests.forking.shared import share_authorities
from tests.local_run import LocalRun
from tests.loopback import Loopback
from tests.loopback.app_directory import APP, may_have_own_root
from tests.processes import free_port
from tests.spreading import Spread, rank
from tests.virtualenvs import CACHE
from tests.waiting import SOON

os.environ["COGFAL_RESOLVE"] = "0"  # no test, and nothing that one starts, asks a package index
os.environ["XDG_CACHE_HOME"] = str(CACHE / "user")  # environments of models outlive a run of tests
if (PYENV := Path("~/.pyenv").expanduser()).is_dir():
    os.environ.setdefault("PYENV_ROOT", str(PYENV))  # found by what is started with another home

# How long an example takes says how busy the machine is.
settings.register_profile("cogfal", deadline=None)
settings.load_profile("cogfal")


def pytest_configure() -> None:
    """Heed every signal, and let what tests start do so, however these tests were started.

    A shell lets what it runs in the background ignore some of them.
    """
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart() -> None:
    """Make clients quickly, and let them wait for a machine that is busy."""
    share_authorities()
    for step in ("connect", "read", "write", "pool"):
        setattr(DEFAULT_TIMEOUT_CONFIG, step, SOON)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage among what is collected neither meanwhile nor, for seconds, in each test."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long."""
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Spread:
    """Spread the tests over the cores."""
    return Spread(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Let two run on each core: for nearly half of its time a test waits for something."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture
def port() -> int:
    """A TCP port that nothing listens on."""
    return free_port()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., LocalRun]]:
    """Serve with `fal run --local`: `serve("app.py::App", cwd=...)`, stopped after the test."""
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as running:
        yield lambda ref, *, cwd, **settings: running.enter_context(
            LocalRun(ref, cwd=cwd, home=home, **settings)
        )


@pytest.fixture
def cloud() -> Iterator[Loopback]:
    """A loopback of fal's cloud."""
    _require_app_directory()
    with Loopback() as loopback:
        yield loopback


def _require_app_directory() -> None:
    if not (may_have_own_root() or APP.exists() or os.access(APP.parent, os.W_OK)):
        pytest.skip(f"{APP} cannot be created; the loopback needs root or a container")
