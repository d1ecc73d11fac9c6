"""Projects whose Python or packages are not fal's, each in an environment of its own."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.interpreters import INTERPRETERS
from tests.local_run import LocalRun

pytestmark = pytest.mark.timeout(600)

Serve = Callable[[str], LocalRun]


def needs(python: str) -> pytest.MarkDecorator:
    """Return the mark of a test for which this machine has to have a Python."""
    return pytest.mark.skipif(python not in INTERPRETERS, reason=f"there is no Python {python}")


@needs("3.7")
def test_an_old_python_serves_without_any_package(serve_example: Serve) -> None:
    """What the answer says of the Python is that of cog.yaml."""
    url = serve_example("python37").url

    answer = httpx.post(url, json={"text": "a b a", "most": 1}, timeout=120).json()

    assert answer == {"python": "3.7", "words": [{"text": "a", "count": 2}]}


@needs("3.8")
def test_old_pins_of_fals_own_packages_are_kept(serve_example: Serve) -> None:
    """All three are used, in spellings that newer ones have no more; the picture is delivered."""
    url = serve_example("old-pins").url

    answer = httpx.post(url, json={"size": 40, "colour": "blue"}, timeout=120).json()
    picture = answer.pop("picture")

    assert answer == {
        "versions": {"pydantic": "1.10.13", "pillow": "9.5.0", "fastapi": "0.98.0"},
        "request": {"size": "40", "colour": "blue"},
    }
    assert (picture["content_type"], picture["width"], picture["height"]) == ("image/png", 40, 40)
    assert httpx.get(picture["url"]).content.startswith(b"\x89PNG")


@needs("3.12")
def test_a_newer_python_than_this_serves_and_streams(serve_example: Serve) -> None:
    """The laptop's Python does not matter, under the older one of two either."""
    url = serve_example("python312").url

    answer = httpx.post(url, json={"text": "a b c", "width": 2}, timeout=120).json()
    with httpx.stream("POST", f"{url}/stream", json={"text": "a b"}, timeout=120) as stream:
        events = [line for line in stream.iter_lines() if line.startswith("data: ")]

    assert answer == {"output": "Python 3.12\na b\nc\n"}
    assert len(events) == 3
