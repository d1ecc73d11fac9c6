"""Answer the commands of Cog that have no meaning here with what to use instead."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cogfal.cli.console import say

ELSEWHERE: Final = MappingProxyType(
    {
        "build": "fal builds the environment when it is needed: `cogfal deploy`, or "
        "`fal run app.py::App` to build and try it without deploying. `cogfal dockerfile` shows "
        "what is built.",
        "push": "there is no registry to push to: `cogfal deploy` checks the project and deploys "
        "it, as `fal deploy app.py::App` does without the checks.",
        "login": "log in to fal with `fal auth login`, or set FAL_KEY.",
        "debug": "use `cogfal dockerfile`.",
    }
)
STATUS: Final = 2


def answer(command: str) -> int:
    """Say what to use instead of one of Cog's commands."""
    say(f"`cog {command}` has no counterpart in cogfal: {ELSEWHERE[command]}")
    return STATUS
