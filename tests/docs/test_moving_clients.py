"""Each line of the table about moving clients does what it says, once it is moved."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.client.loopback import serving
from tests.docs.deployed import Deployed
from tests.docs.markdown import REPOSITORY
from tests.gateway.gateways import ALICE, Served, gateway_to_fal, node_modules, python_client
from tests.server.receiver import receiver

PAGE: Final = REPOSITORY / "docs" / "guide" / "moving-clients.md"
GATEWAY: Final = "http://localhost:8787"
TARGETS: Final = ("acme/greeter=me/model", "acme/writer:5c7d5dc6=me/streams")
PYTHON: Final = """
import asyncio, json, os, replicate
from replicate.webhook import Webhooks
TOKEN = os.environ["REPLICATE_API_TOKEN"]
headers, body = json.loads(os.environ["HOOK"])
"""
JAVASCRIPT: Final = """
import { createRequire } from "node:module";
const Replicate = createRequire(`${process.env.NODE_MODULES}/x.js`)("replicate");
const { validateWebhook } = Replicate;
const token = process.env.REPLICATE_API_TOKEN;
const [headers, body] = JSON.parse(process.env.HOOK);
let valid = null;
"""


def rows() -> list[tuple[str, str]]:
    """Return the language of each row, and the code that it has after the move."""
    lines = PAGE.read_text("utf-8").splitlines()
    start = lines.index("| in | before | after |") + 2
    cells = (line.strip("| ").split(" | ") for line in lines[start : lines.index("", start)])
    return [(language, _code(before, after)) for language, before, after in cells]


def _code(before: str, after: str) -> str:
    cell = before if after.startswith("the same") else after
    found = re.match(r"`([^`]+)`", cell)
    assert found, cell
    return found[1]


def moved(*languages: str) -> list[str]:
    """Return the lines of the languages, in their order."""
    return [code for language, code in rows() if language in languages]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The gateway that the page speaks of."""
    with gateway_to_fal(tmp_path_factory.mktemp("fal"), targets=TARGETS) as served:
        yield served


@pytest.fixture(scope="module")
def hook(served: Served) -> str:
    """The headers and the body of a webhook that it sent."""
    with receiver() as hooks:
        httpx.post(
            f"{served.url}/v1/models/acme/greeter/predictions",
            json={"input": {}, "webhook_completed": f"{hooks.url}/ok/page"},
            headers={"Authorization": f"Bearer {ALICE}"},
        ).raise_for_status()
        told = hooks.wait("/ok/page")[0]
    return json.dumps([{k.lower(): v for k, v in told.headers.items()}, told.body.decode()])


def run(command: list[str], served: Served, folder: Path, **variables: str) -> str:
    """Run a command beside a photo, as somebody with a token."""
    (folder / "photo.png").write_bytes(b"a photo")
    done = subprocess.run(
        [part.replace(GATEWAY, served.url) for part in command],
        cwd=folder,
        env={**served.variables(), "TOKEN": ALICE, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_row_is_in_a_language_that_is_run() -> None:
    """None of them escapes."""
    languages = {language for language, _ in rows()}

    assert languages == {
        *("Python", "JavaScript", "curl", "fal"),
        *("webhooks in Python", "webhooks in JavaScript"),
    }


def test_the_lines_in_python_work(served: Served, hook: str, tmp_path: Path) -> None:
    """One after the other, with Replicate's own client."""
    lines = [*moved("Python", "webhooks in Python"), "print(output, len(words), len(events))"]

    printed = run(
        [str(python_client("1.0.7")), "-c", "\n".join([PYTHON, *lines])],
        served,
        tmp_path,
        HOOK=hook,
    )

    assert printed.startswith("hi ")


def test_the_lines_in_javascript_work(served: Served, hook: str, tmp_path: Path) -> None:
    """One after the other, with Replicate's own client."""
    lines = [*moved("JavaScript", "webhooks in JavaScript"), "console.log(valid)"]
    script = tmp_path / "moved.mjs"
    script.write_text("\n".join([JAVASCRIPT, *lines]).replace(GATEWAY, served.url))

    modules = node_modules()
    printed = run(["node", str(script)], served, tmp_path, HOOK=hook, NODE_MODULES=str(modules))

    assert printed == "true\n"


@pytest.mark.parametrize("line", moved("curl"), ids=range(len(moved("curl"))))
def test_the_lines_with_curl_work(served: Served, line: str, tmp_path: Path) -> None:
    """Each of them, as it stands there."""
    printed = run(["bash", "-c", line], served, tmp_path)

    assert isinstance(json.loads(printed), dict)


def test_the_lines_over_fal_client_work(tmp_path: Path) -> None:
    """One after the other, with cogfal's own functions."""
    lines = "\n".join(moved("fal"))
    script = lines.replace("acme/greeter", "me/app").replace("acme/writer", "me/writer")

    with serving(tmp_path, Deployed()) as cloud:
        shown = cloud.script(f"{script}\nshow(pieces)\n", tmp_path)

    assert shown == [["a ", "picture"]]
