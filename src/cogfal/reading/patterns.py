"""The patterns of `match`: Python itself matches, and asks for the values that a pattern names."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

from cogfal.reading.unknown import GivenUp, Unknown, Value


class _Named(ast.NodeTransformer):
    """Replaces the values that a pattern names by attributes of itself, which are these values."""

    def __init__(self, evaluate: Callable[[ast.expr], Value]) -> None:
        self._evaluate, self._nodes = evaluate, list[ast.expr]()

    def __getattr__(self, name: str) -> Value:
        if not name.startswith("value "):
            raise AttributeError(name)
        return self._evaluate(self._nodes[int(name.removeprefix("value "))])

    def _attribute(self, node: ast.expr) -> ast.expr:
        self._nodes.append(node)
        name = f"value {len(self._nodes) - 1}"
        return ast.Attribute(ast.Name(" named", ast.Load()), name, ast.Load())

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return ast.MatchValue(self._attribute(node.value))

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.generic_visit(node)
        node.keys = [self._attribute(key) for key in node.keys]
        return node


def matches(
    pattern: ast.pattern, subject: Value, evaluate: Callable[[ast.expr], Value]
) -> dict[str, Value] | None:
    """Return the names that a pattern binds, None where it does not match."""
    if any(isinstance(part, ast.MatchClass) for part in ast.walk(pattern)):
        raise GivenUp(Unknown("a pattern of this kind is not evaluated"))
    named = _Named(evaluate)
    case = ast.match_case(named.visit(copy.deepcopy(pattern)), None, [_MATCHED])
    tree = ast.Module([ast.Match(ast.Name(" subject", ast.Load()), [case])], [])
    code = compile(ast.fix_missing_locations(tree), "<match>", "exec")
    bound: dict[str, Value] = {}
    exec(code, {" subject": subject, " named": named}, bound)  # noqa: S102 - only the pattern
    return bound if bound.pop(" matched", False) else None


_MATCHED = ast.Assign([ast.Name(" matched", ast.Store())], ast.Constant(True))
"""No name of the author's has a space."""
