"""Parse a file with another Python than this one, where its syntax is newer; nothing is run."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 30

_SCRIPT: Final = """
import ast, json, sys

def told(node):
    if isinstance(node, ast.AST):
        kinds = [kind.__name__ for kind in type(node).__mro__[:-2]]
        parts = {name: told(part) for name, part in vars(node).items()}
        return {"kinds": kinds, "fields": list(node._fields), "parts": parts}
    if isinstance(node, list):
        return [told(part) for part in node]
    if isinstance(node, (str, bool, type(None))):
        return {"plain": node}
    return {"literal": repr(node)}

try:
    tree = ast.parse(sys.stdin.buffer.read())
    compile(tree, "predict.py", "exec", dont_inherit=True)
    print(json.dumps(told(tree)))
except SyntaxError as error:
    print(json.dumps({"error": error.msg, "line": error.lineno, "text": error.text}))
"""


def parse_with(python: Path, data: bytes) -> ast.Module:
    """Return the syntax of a file as another Python reads it.

    Raises:
        SyntaxError: As that Python does, or it does not answer.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a Python of this machine, which runs ast alone
            [python, "-I", "-S", "-c", _SCRIPT], input=data, capture_output=True, check=True,
            timeout=SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise SyntaxError(f"{python} does not parse it") from error
    found = json.loads(done.stdout)
    if "error" in found:
        raise SyntaxError(found["error"], ("", found["line"], 1, found["text"]))
    tree = _built(found)
    assert isinstance(tree, ast.Module)
    return tree


def _built(told: Any) -> Any:
    if isinstance(told, list):
        return [_built(part) for part in told]
    if "plain" in told:
        return told["plain"]
    if "literal" in told:
        return ... if told["literal"] == "Ellipsis" else ast.literal_eval(told["literal"])
    node = _kind(told["kinds"], told["fields"])()
    for name, part in told["parts"].items():
        setattr(node, name, _built(part))
    return node


def _kind(names: list[str], fields: list[str]) -> Callable[[], ast.AST]:
    """Return the class of a node; one that this Python has not gets a class of its own."""
    known = next((name for name in names if hasattr(ast, name)), "AST")
    kind: type[ast.AST] = getattr(ast, known)
    return kind if known == names[0] else type(names[0], (kind,), {"_fields": tuple(fields)})
