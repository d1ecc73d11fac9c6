"""The sessions in the guide to Cog's API are what happens."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.server.projects import write_project
from tests.server.receiver import Receiver
from tests.server.servers import REPOSITORY, OurCog

GUIDE = REPOSITORY / "docs" / "guide" / "cog-api.md"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions(text: str) -> list[tuple[str, str]]:
    """Return each command of the console blocks with what it should print."""
    blocks = [body for kind, body in BLOCK.findall(text) if kind == "console"]
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    return [(first, rest) for first, _, rest in (step.partition("\n") for step in steps if step)]


def as_pattern(expected: str) -> str:
    """Turn `...` into anything; everything else has to be there."""
    return re.escape(expected.strip()).replace(re.escape("..."), ".*?")


def under_way(command: str) -> bool:
    """Tell whether a command is about the prediction that the page leaves running."""
    starts = "respond-async" in command
    return command.startswith("sleep") or ("night-2" in command and not starts)


def test_the_sessions_in_the_guide_are_what_happens(tmp_path: Path, hooks: Receiver) -> None:
    """Every command of the page prints what the page says, in order."""
    text = GUIDE.read_text()
    (predictor,) = (body for kind, body in BLOCK.findall(text) if kind == "python")
    steps = sessions(text)

    with OurCog(write_project(predictor, tmp_path / "project"), "predict.py:Runner") as server:
        for command, expected in steps:
            server.until_health(*(("BUSY",) if under_way(command) else ("READY",)))
            here = command.replace("http://localhost:8080", server.url)
            here = here.replace("http://localhost:9090", f"{hooks.url}/ok")
            done = subprocess.run(
                ["bash", "-c", here], capture_output=True, text=True, timeout=120, check=True
            )
            assert re.fullmatch(as_pattern(expected), done.stdout.strip()), (here, done.stdout)

    assert len(steps) >= 10
    told = [each.json["status"] for each in hooks.wait("/ok/hook", 2)]
    assert told == ["processing", "succeeded"]
