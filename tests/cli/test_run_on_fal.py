"""`cogfal predict --app`: a deployed app, called through fal's queue on a loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Cogfal
from tests.client.loopback import Loopback, serving


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Fal's queue and direct calls, for all tests of the module."""
    with serving(tmp_path_factory.mktemp("tls")) as loopback:
        yield loopback


def test_a_deployed_app_is_called(cogfal: Cogfal, loopback: Loopback) -> None:
    """The inputs go as they are, the output is printed."""
    ended = cogfal("predict", "--app", "me/app", "-i", "prompt=hi", **_fal(loopback))

    assert '"prompt": "hi"' in ended.out, ended.err


def test_an_app_that_streams_is_followed(cogfal: Cogfal, loopback: Loopback) -> None:
    """Its pieces are one text, written once; fal's queue has no part in it."""
    before = len(loopback.cloud.calls)

    ended = cogfal("predict", "--app", "me/writer", "-i", "prompt=hi", **_fal(loopback))

    assert (ended.status, ended.out) == (0, "a picture\n"), ended.err
    assert len(loopback.cloud.calls) == before


def test_a_stream_that_breaks_is_told(cogfal: Cogfal, loopback: Loopback) -> None:
    """What has come is written, and what went wrong."""
    ended = cogfal("predict", "--app", "me/writer", "-i", "do=fail", **_fal(loopback))

    assert ended.status == 1
    assert ended.out.startswith("a ")
    assert "error: it broke" in ended.err


def test_its_files_are_written_here(cogfal: Cogfal, loopback: Loopback, project: Path) -> None:
    """They get Cog's names."""
    ended = cogfal("predict", "--app", "me/app", "-i", "do=paint", **_fal(loopback))

    assert ended.status == 0, ended.err
    assert (project / "output.0.png").read_bytes() == b"picture"


def test_its_refusal_is_told(cogfal: Cogfal, loopback: Loopback) -> None:
    """The input is named."""
    ended = cogfal("predict", "--app", "me/app", "-i", "do=refuse", **_fal(loopback))

    assert ended.status == 1
    assert "error: steps: Input should be at least 1" in ended.err


def _fal(loopback: Loopback) -> dict[str, str]:
    names = ("FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_KEY", "SSL_CERT_FILE")
    return {name: loopback.environment[name] for name in names}
