"""The real Cog server and cogfal, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from tests.modes import ON_NEWEST, ON_OLDEST, SHARED, first
from tests.server.asking import Pair, Start
from tests.server.projects import PLAIN, STREAMING, write_project
from tests.server.receiver import Receiver, receiver
from tests.server.servers import OurApp, OurCog, RealCog


@pytest.fixture(params=first(ON_NEWEST))
def start(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Start servers for one test; see `starting`."""
    with starting(tmp_path_factory) as both:
        yield partial(both, mode=request.param)


@pytest.fixture(scope="session")
def start_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start servers for all tests; see `starting`."""
    with starting(tmp_path_factory) as both:
        yield both


@contextmanager
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start both servers: `start(text, ref, their_arguments, our_arguments, **variables)`."""
    with ExitStack() as running:

        def both(
            text: str,
            ref: str = "predict.py:Runner",
            *,
            theirs: tuple[str, ...] = (),
            ours: tuple[str, ...] = (),
            mode: str = SHARED,
            wanted: str = "READY",
            whole: bool = False,
            **variables: str,
        ) -> Pair:
            place = tmp_path_factory.mktemp("project")
            real = RealCog(write_project(text, place / "theirs"), ref, *theirs, **variables)
            running.enter_context(real)
            our_ref = "predict.py:predict" if "--train" in ours else ref
            serve = OurApp if whole else OurCog
            our = serve(write_project(text, place / "ours"), our_ref, *ours, mode=mode, **variables)
            running.enter_context(our)
            for server in (real, our):
                server.until_health(wanted)
            return Pair(real, our)

        yield both


@pytest.fixture(scope="session", params=first(SHARED))
def plain(request: pytest.FixtureRequest, start_once: Start) -> Pair:
    """A sync predictor that does what its `mode` says; cogfal's is a whole App."""
    return start_once(PLAIN, "predict.py:Predictor", whole=True, mode=request.param)


@pytest.fixture(scope="session", params=first(ON_OLDEST))
def streaming(request: pytest.FixtureRequest, start_once: Start) -> Pair:
    """A sync generator with `@streaming`; cogfal's is a whole App."""
    return start_once(STREAMING, whole=True, mode=request.param)


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiver() as running:
        yield running
