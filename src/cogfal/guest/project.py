"""Make a project the place where the author's code runs: imports, arguments, input, children."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType

CHILDREN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "importable")
"""A directory that holds `cog` and nothing else, for the processes that the author starts."""


def enter_project(path: str, root: str) -> Callable[[], None]:
    """Make the project the working directory and an import root; returns how to leave it.

    The directory of the predictor, at `path` in the project, is an import root too, as Python does
    for a script. Both come first, before packages that have the names of the project's modules.
    `sys.argv` is the program's name alone and `sys.stdin` is empty, and children find `cog`.
    Leaving restores all this, whatever the author's code made of it, and forgets the project's
    modules, so that another project's of the same names are found.
    """
    known = set(sys.modules)
    before = os.getcwd(), sys.path[:], sys.argv, sys.stdin, dict(os.environ)
    roots = list(dict.fromkeys([root, os.path.dirname(os.path.join(root, path))]))
    os.chdir(root)
    sys.path[:0] = [*roots, CHILDREN]
    sys.argv = [path]
    sys.stdin = empty = open(os.devnull)  # noqa: SIM115  # closed when it is left
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [CHILDREN, os.environ.get("PYTHONPATH")])
    )

    def leave() -> None:
        directory, sys.path[:], sys.argv, sys.stdin, variables = before
        os.chdir(directory)
        empty.close()
        for name in set(os.environ) - set(variables):
            del os.environ[name]
        os.environ.update(variables)
        for name in set(sys.modules) - known:
            if _is_of(sys.modules[name], root):
                del sys.modules[name]

    return leave


def _is_of(module: ModuleType, root: str) -> bool:
    """Tell whether a module is the project's own, not of an environment that lies in it."""
    file = getattr(module, "__file__", None) or os.devnull
    return file.startswith(os.path.join(root, "")) and "site-packages" not in file.split(os.sep)
