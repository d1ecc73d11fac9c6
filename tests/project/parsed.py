"""Read a Dockerfile with published parsers, independent of the code that wrote it."""

from __future__ import annotations

import json
import shlex
from io import BytesIO
from typing import Any

from dockerfile_parse import DockerfileParser
from fal.container import DockerfileParser as FalReader


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions and their values, as dockerfile-parse sees them."""
    file: Any = BytesIO(text.encode())  # bytes, whatever the stubs say
    parser = DockerfileParser(fileobj=file)
    return [(part["instruction"], part["value"]) for part in parser.structure]


def commands(text: str) -> list[str]:
    """What each RUN gives to the shell."""
    found = []
    for name, value in instructions(text):
        if name == "RUN":
            bare = value
            while bare.startswith("--mount="):
                bare = bare.partition(" ")[2]
            found.append(json.loads(bare)[2] if bare.startswith("[") else bare)
    return found


def mounts(text: str) -> list[str]:
    """The mounts of all RUN instructions."""
    values = (value for name, value in instructions(text) if name == "RUN")
    return [word for value in values for word in value.split() if word.startswith("--mount=")]


def variables(text: str) -> dict[str, str]:
    """The values of ENV and ARG, with Docker's quoting undone by the shell's equal rules."""
    found = {}
    for name, value in instructions(text):
        if name in ("ENV", "ARG"):
            [word] = shlex.split(value)
            key, _, content = word.partition("=")
            found[key] = content.replace("\\$", "$")
    return found


def copied(text: str) -> list[str]:
    """The files that fal would upload for COPY and ADD."""
    return FalReader(content=text).parse_copy_add_sources()


def requirement_lines(text: str, path: str) -> list[str]:
    """What the image's requirements file holds once its RUN instructions have run."""
    found: list[str] = []
    for command in commands(text):
        words = shlex.split(command)
        if words[:1] == ["printf"] and words[-2:] == [">>", path]:
            found += words[2:-2]
    return found
