"""What cannot be had through an output, and through the files that the app serves itself."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.hostile.target import Target

OUTSIDE = ["itself", "symlink", "directory", "dots", "descriptor", "fifo"]
TARGETS = ["/etc/passwd", "/proc/self/environ", "/proc/version", "/dev/zero"]
DOTS = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "x/../../etc/passwd",
    "%00",
    "",
    "*",
]


@pytest.mark.parametrize("way", OUTSIDE)
def test_a_system_file_is_never_an_output(returning: Target, way: str) -> None:
    """Named outright, through links, dots or a descriptor: an error that names the place."""
    for target in TARGETS:
        for answer in (
            returning.ask({"way": way, "target": target}),
            returning.predict({"way": way, "target": target}),
        ):
            failed = answer.status_code == 500 or answer.json().get("status") == "failed"
            assert (target, failed) == (target, True)
            assert "root:" not in answer.text
    assert returning.is_well()


def test_the_project_itself_may_be_returned(returning: Target) -> None:
    """What the author chose to return is delivered; this is the control for the test above."""
    answer = returning.ask({"way": "normal"}).json()["output"]

    assert httpx.get(answer["url"]).text == "mine"
    assert answer["file_name"] == "out.txt"


@pytest.mark.parametrize("path", DOTS)
def test_the_apps_own_files_are_looked_up_not_opened(returning: Target, path: str) -> None:
    """A path of a caller's is a key in a table, whatever is in it."""
    kept = returning.ask({"way": "normal"}).json()["output"]["url"]
    token = urlsplit(kept).path.split("/")[3]

    for place in (path, f"{token}x/{path}", f"{quote(token[:-1])}/{path}"):
        answer = httpx.get(f"{returning.url}/cogfal/files/{place}")

        assert answer.status_code in (307, 404)
        assert "root:" not in answer.text


def test_urls_of_results_cannot_be_guessed(returning: Target) -> None:
    """Each has 192 random bits, and there is no list of them."""
    urls = [returning.ask({"way": "normal"}).json()["output"]["url"] for _ in range(5)]
    tokens = {urlsplit(url).path.split("/")[3] for url in urls}

    assert len(tokens) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", token) for token in tokens)
    assert httpx.get(returning.url + "/cogfal/files/").status_code == 404
    assert httpx.get(returning.url + "/cogfal/files").status_code == 404


def test_the_host_header_leads_a_result_nowhere(returning: Target) -> None:
    """A forged name is refused, so no answer's URL points to somebody else's server."""
    answer = returning.ask({"way": "normal"}, Host="evil.example")

    assert answer.status_code == 403
    assert "url" not in answer.text


def test_nothing_is_removed_that_is_the_authors(returning: Target) -> None:
    """A link that was an output goes; what it pointed to stays."""
    victim = returning.project / "victim.txt"
    victim.write_text("stays")

    returning.ask({"way": "symlink", "target": str(victim)})

    assert victim.read_text() == "stays"
    assert Path(returning.project / "predict.py").exists()
