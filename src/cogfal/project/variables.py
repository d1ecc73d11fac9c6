"""Give cog.yaml's environment variables the values that Docker would give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cogfal.project.config import CogConfig

IN_IMAGES: Final = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
"""What an image knows before cog.yaml adds to it."""

_REFERENCE: Final = re.compile(
    r"\\\$|\$(?P<name>[A-Za-z_]\w*)"
    r"|\$\{(?P<braced>[A-Za-z_]\w*)(?::(?P<operator>[-+])(?P<word>[^}]*))?\}"
)


def variables(
    config: CogConfig, known: Mapping[str, str] = IN_IMAGES
) -> tuple[tuple[str, str], ...]:
    """Return the variables of cog.yaml, those of the build first, with what they refer to put in.

    A value in quotes is what stands between them. `$NAME`, `${NAME}`, `${NAME:-other}` and
    `${NAME:+other}` are looked up among `known` and the variables before; what is nowhere is empty.
    """
    found = dict(known)
    names = []
    for name, value in config.build.environment + config.environment:
        found[name] = _expanded(value, found)
        names.append(name)
    return tuple((name, found[name]) for name in dict.fromkeys(names))


def _expanded(value: str, known: Mapping[str, str]) -> str:
    quote = value[:1]
    if len(value) > 1 and quote in ("'", '"') and value.endswith(quote):
        value = value[1:-1]
        if quote == "'":
            return value

    def put_in(match: re.Match[str]) -> str:
        name = match["name"] or match["braced"]
        if name is None:
            return "$"
        text, word = known.get(name, ""), match["word"] or ""
        if match["operator"] == "-":
            return text or word
        return (word if text else "") if match["operator"] == "+" else text

    return _REFERENCE.sub(put_in, value)
