"""Whatever the package imports is installed with it, because somebody promises so."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = Path(__file__).parents[1] / "src" / "cogfal"
ELSEWHERE = {
    "av": ("compare/measures.py",),
    "fal-client": ("client/", "gateway/"),
    "huggingface-hub": ("provision/hub.py",),
    "opentelemetry": ("guest/tracing.py", "server/tracing.py"),
    "pytest": ("testing/plugin.py",),
}
"""What only those who asked for it have, and the only places that may import it."""

THROUGH = {
    "anyio": "starlette",
    "httpcore": "httpx",
    "pydantic-core": "pydantic",
    "starlette": "fastapi",
}
"""What is not promised by cogfal's or fal's own dependencies, and which of these needs it."""


def imported() -> Iterator[tuple[str, str]]:
    """Yield the distribution of every import of a third party, and the file it is in."""
    known = {**packages_distributions(), "opentelemetry": ["opentelemetry"]}  # it has many
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for module in _modules(node):
                if module not in sys.stdlib_module_names and module != "cogfal":
                    name = canonicalize_name(known.get(module, [module])[0])
                    yield name, file.relative_to(PACKAGE).as_posix()


def _modules(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names):
            return [alias.name.partition(".")[0] for alias in names]
        case ast.ImportFrom(str(module), _, 0):
            return [module.partition(".")[0]]
        case _:
            return []


def needed_by(distribution: str) -> set[str]:
    """Return what a distribution is always installed with."""
    needs = [Requirement(each) for each in requires(distribution) or []]
    return {
        canonicalize_name(need.name)
        for need in needs
        if need.marker is None or need.marker.evaluate({"extra": ""})
    }


def test_every_import_is_of_something_that_is_always_there() -> None:
    """Cogfal's own dependencies, fal and what fal itself needs; the rest is named above."""
    promised = needed_by("cogfal") | needed_by("fal")
    found = set(imported())

    stray = {
        (name, file)
        for name, file in found
        if name not in promised | set(THROUGH)
        and not file.startswith(ELSEWHERE.get(name, ("nowhere",)))
    }

    assert stray == set()
    assert {name for name, _ in found} >= set(THROUGH)


def test_what_comes_through_others_still_does() -> None:
    """A release that drops one of them is noticed here first."""
    promised = needed_by("cogfal") | needed_by("fal")

    for name, through in THROUGH.items():
        assert name in needed_by(through)
        assert through in promised | set(THROUGH)
