"""Take over a Dockerfile that `cog debug` printed: leave out what belongs to Cog's server.

What is left out follows fal's guide "Migrate from Replicate": Cog's wheel and its requirements,
EXPOSE, CMD and the copy of the project, for which cogfal's own lines stand at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogfal.errors import ConfigError
from cogfal.project.dockerfile import Recipe, project_layers
from cogfal.project.place import read_text
from cogfal.project.report import Report
from cogfal.spec import Location

_DIRECTIVE: Final = re.compile(r"#\s*syntax\s*=")
_HEREDOC: Final = re.compile(r"<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_FILLS: Final = re.compile(r"\bpip install\b.*\s-t\s+/dep\b", re.DOTALL)
_COPIES: Final = re.compile(r"\bsource=/dep\b")
_PYTHONS: Final = re.compile(
    r"pyenv install(?:-latest)? \"?(3\.\d+(?:\.\d+)?)|uv python install (3\.\d+(?:\.\d+)?)"
    r"|^FROM \S*(?:python:|-python)(3\.\d+(?:\.\d+)?)",
    re.MULTILINE,
)
_LEFT_OUT: Final = (
    (
        ("EXPOSE", "CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL"),
        re.compile(""),
        "fal starts the app itself",
    ),
    (
        ("COPY",),
        re.compile(r"\s\.\s+/src/?\s*$"),
        "the project is copied last, by cogfal's own line",
    ),
    (
        ("COPY", "ADD"),
        re.compile(r"(^|[\s\"'/])\.cog/"),
        "Cog's temporary files do not exist on fal",
    ),
    (
        ("RUN",),
        re.compile(r"\bcog(let)?-[\w.+!]+-[\w.-]+\.whl|\bcog(let)?=="),
        "cogfal takes the place of Cog's server",
    ),
    (
        ("RUN",),
        re.compile(r"\bpip install\b.*\s-r\s+/tmp/requirements\.txt\b", re.DOTALL),
        "the requirements are installed below",
    ),
    (("LABEL",), re.compile("cog"), "it describes Cog's image"),
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its name in capitals, and its lines as they stand in the file."""

    name: str
    text: str
    line: int


def take_over(path: Path, recipe: Recipe, report: Report) -> str:
    """Return the text of a Dockerfile, fit for fal.

    Args:
        path: The Dockerfile.
        recipe: The project's requirements, which replace those that Cog wrote into files.
        report: Told of every instruction that is left out.

    Raises:
        ConfigError: The file cannot be read, or is not a Dockerfile.
    """
    found, kept = _checked(path)
    remaining = any(_FILLS.search(each.text) and _reason(each) is None for each in found)
    for instruction in found:
        reason = _reason(instruction)
        if reason is None and not remaining and _COPIES.search(instruction.text):
            reason = "nothing is left that fills /dep"
        if reason is None:
            kept.append(instruction.text)
        else:
            report.changed(
                f"{instruction.name} {_short(instruction)}",
                "left out",
                reason,
                where=Location(path.name, instruction.line),
            )
    return "\n".join([*kept, *project_layers(recipe)]) + "\n"


def python_of(path: Path) -> str | None:
    """Return the version of the Python that a Dockerfile installs last, None where it is unclear.

    Raises:
        ConfigError: The file cannot be read.
    """
    found = _PYTHONS.findall(read_text(path))
    return next(filter(None, found[-1])) if found else None


def instructions(text: str) -> Iterator[Instruction]:
    """Split a Dockerfile into instructions, continuation lines and heredocs included."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = [line]
        while _continues(parts[-1]):
            following = next(lines, None)
            if following is None:
                break
            parts.append(following[1])
        for _, word in _HEREDOC.findall("\n".join(parts)):
            parts.extend(_heredoc(lines, word))
        parts[0] = parts[0].lstrip()
        name = parts[0].split(None, 1)[0].upper()
        yield Instruction(name, "\n".join(parts), number)


def _checked(path: Path) -> tuple[list[Instruction], list[str]]:
    """The instructions, and the parser directives that stand before them."""
    text = read_text(path)
    found = list(instructions(text))
    directives = [line for line in text.splitlines()[:1] if _DIRECTIVE.match(line)]
    if not any(instruction.name == "FROM" for instruction in found):
        raise ConfigError(
            "has no FROM instruction",
            where=path.name,
            remedy="write it with `cog debug > Dockerfile`",
        )
    return found, directives


def _continues(line: str) -> bool:
    comment = line.lstrip().startswith("#")
    return comment or not line.strip() or bool(re.search(r"\\[ \t]*$", line))


def _heredoc(lines: Iterator[tuple[int, str]], word: str) -> Iterator[str]:
    for _, line in lines:
        yield line
        if line.strip("\t") == word:
            return


def _reason(instruction: Instruction) -> str | None:
    """Why fal's guide leaves an instruction out, None where it stays."""
    for names, pattern, reason in _LEFT_OUT:
        if instruction.name in names and pattern.search(instruction.text):
            return reason
    return None


def _short(instruction: Instruction) -> str:
    words = " ".join(instruction.text.split()[1:])
    return words if len(words) <= 60 else words[:57] + "..."
