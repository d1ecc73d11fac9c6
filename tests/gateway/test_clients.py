"""Replicate's own clients, in the versions that programs have, use a gateway.

It leads once to apps that `fal run --local` serves, and once to a double of fal's queue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.gateway.double import FalCloud
from tests.gateway.gateways import (
    PROJECT,
    Served,
    gateway_to_apps,
    gateway_to_fal,
    node_modules,
    python_client,
    said,
)

WORDS: Final = "one two\nlines three"
PICTURE: Final = {"file": "picture"}
DATA: Final = "data:image/png;base64,cGljdHVyZQ=="
WRONG: Final = "- input.count: Input should be less than or equal to 5\n"
REFUSED: Final = "- input.steps: Input should be at least 1\n"

PYTHON: Final[dict[str, Any]] = {
    "run_text": "hi",
    "run_file_out": PICTURE,
    "run_list_out": [PICTURE, PICTURE],
    "run_file_in": "the bytes",
    "run_iterator": WORDS,
    "run_failing": "it broke",
    "run_wrong_input": [422, WRONG],
    "create_and_wait": [
        *("starting", None, "me/model", None),
        *("succeeded", "hi", "working on echo\n", True),
    ],
    "create_and_reload": [WORDS, "words-1"],
    "create_and_cancel": ["canceled", "canceled"],
    "list_predictions": [True, None, True],
    "stream": [WORDS, "done", True],
    "stream_failing": "it broke",
    "stream_of_a_prediction": WORDS,
    "asynchronous": ["hi", WORDS, WORDS, "canceled"],
    "get_model": ["me", "words", "words-1", "iterator", True],
    "deployment": ["me/model", "hi"],
    "train": ["succeeded", 8],
    "vanished": 404,
    "account": "user",
    "files": ["a.txt", "text/plain", 4, {"a": 1}, True, "kept", True],
    "secret": "whsec_",
}
OLD: Final[dict[str, Any]] = {
    "run_file_out": DATA,
    "run_list_out": [DATA, DATA],
    "files": None,
    "secret": None,
}
"""What the client of 2024 gives otherwise: it has neither file objects nor files nor secrets."""

JAVASCRIPT: Final[dict[str, Any]] = {
    "run_text": "hi",
    "run_polling": "hi",
    "run_file_out": PICTURE,
    "run_list_out": [PICTURE, PICTURE],
    "run_file_in": "the bytes",
    "run_version": WORDS,
    "run_failing": "Prediction failed: it broke",
    "create_and_wait": ["starting", None, "succeeded", "hi"],
    "create_and_cancel": ["canceled", "canceled"],
    "stream": [WORDS, "done"],
    "stream_unasked": [WORDS, "done"],
    "stream_failing": "it broke",
    "paginate": True,
    "get_model": ["words", "words-1", "array"],
    "deployment": ["me/model", "hi"],
    "train": ["succeeded", 8],
    "vanished": 404,
    "files": [4, {"a": 1}, True, "kept", True],
    "account": "user",
    "secret": "whsec_",
}
VERSIONS: Final = ("1.0.7", "0.25.2")


@pytest.fixture(scope="module")
def to_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway to two local apps."""
    with gateway_to_apps(tmp_path_factory.mktemp("apps")) as served:
        yield served


@pytest.fixture(scope="module")
def to_fal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway to fal's double."""
    with gateway_to_fal(tmp_path_factory.mktemp("fal")) as served:
        yield served


def from_python(version: str, served: Served) -> dict[str, Any]:
    """Return what each call of the Python client gives."""
    return said([str(python_client(version)), str(PROJECT / "python_client.py")], served)


def from_javascript(served: Served) -> dict[str, Any]:
    """Return what each call of the JavaScript client gives."""
    modules = node_modules()
    return said(["node", str(PROJECT / "javascript_client.mjs")], served, NODE_MODULES=str(modules))


def given(expected: dict[str, Any]) -> dict[str, Any]:
    """Return what a table says where every call gives what is expected."""
    return {name: {"gives": value} for name, value in expected.items()}


def cloud_of(served: Served) -> FalCloud:
    """Return the double behind a gateway."""
    assert served.cloud is not None
    return served.cloud


@pytest.mark.parametrize("version", VERSIONS)
def test_python_programs_go_on_working_with_apps(to_apps: Served, version: str) -> None:
    """Run, poll, stream, cancel, train, files and all the rest, with apps addressed directly."""
    expected = PYTHON | (OLD if version < "1" else {})

    found = from_python(version, to_apps)

    assert found == given(expected)


@pytest.mark.parametrize("version", VERSIONS)
def test_python_programs_go_on_working_with_fal(to_fal: Served, version: str) -> None:
    """The same over the queue, where wrong inputs are told when the app has seen them.

    The key goes to fal's own addresses only, and to none that an answer names.
    """
    expected = PYTHON | {"run_wrong_input": ["failed", REFUSED]}

    found = from_python(version, to_fal)

    made = f"{cloud_of(to_fal).base}files/made.png"
    if version < "1":
        expected |= OLD | {"run_file_out": made, "run_list_out": [made, made]}
    assert found == given(expected)
    assert {asked.key for asked in cloud_of(to_fal).asked.values()} == {"Key alice:secret-key"}
    assert cloud_of(to_fal).strays == []


def test_javascript_programs_go_on_working_with_apps(to_apps: Served) -> None:
    """The npm package, with apps addressed directly."""
    found = from_javascript(to_apps)

    wrong = found.pop("run_wrong_input")
    assert found == given(JAVASCRIPT)
    assert "422" in wrong["gives"]
    assert "less than or equal to 5" in wrong["gives"]


def test_javascript_programs_go_on_working_with_fal(to_fal: Served) -> None:
    """The npm package, over the queue."""
    refused = {"run_wrong_input": f"Prediction failed: {REFUSED}"}

    found = from_javascript(to_fal)

    assert found == given(JAVASCRIPT | refused)
