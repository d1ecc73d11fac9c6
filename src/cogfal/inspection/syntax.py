"""Tell what a piece of syntax does, without evaluating it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from typing import Final

from cogfal.inspection.values import External, FunctionValue, Raised, Scope

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_PASS_THROUGH: Final = frozenset({"functools.wraps", "functools.update_wrapper"})


def inside_function(scope: Scope) -> bool:
    """Whether a body is that of a function."""
    return scope.parent is not None and not scope.is_class


def own_nodes(node: ast.AST) -> Iterable[ast.AST]:
    """Yield the nodes of a statement, without those of functions and classes inside it."""
    yield node
    if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        for child in ast.iter_child_nodes(node):
            yield from own_nodes(child)


def fails(body: Sequence[ast.stmt]) -> bool:
    """Whether a branch ends in an exception, so that a working predictor never takes it."""
    return bool(body) and isinstance(body[-1], ast.Raise)


def handles(handler: ast.ExceptHandler, error: Raised) -> bool:
    """Whether an `except` clause catches an exception."""
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    raised = getattr(builtins, error.exception, Exception)
    caught = (getattr(builtins, t.id, None) for t in types if isinstance(t, ast.Name))
    return any(isinstance(c, type) and issubclass(raised, c) for c in caught)


def loaded(target: ast.expr) -> ast.expr:
    """Return the expression that reads what a target writes."""
    match target:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Attribute(value=value, attr=attr):
            return ast.Attribute(value, attr, ast.Load())
        case ast.Subscript(value=value, slice=index):
            return ast.Subscript(value, index, ast.Load())
    return target


def passes_on(wrapper: FunctionValue) -> bool:
    """Whether a wrapper's parameters are those of what it wraps."""
    args = wrapper.node.args
    named = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs) if a.arg != "self"]
    wraps = any(isinstance(d, External) and d.name in _PASS_THROUGH for d in wrapper.decorators)
    return wraps or (not named and args.kwarg is not None)


def yields(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    """Whether a function's own body, not a function inside it, contains `yield`."""
    pending: list[ast.AST] = list(node.body) if isinstance(node.body, list) else [node.body]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(part))
    return False
