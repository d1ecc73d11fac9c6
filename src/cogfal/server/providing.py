"""Give a project what its author's code expects on the machine, its own Python included."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cogfal.engine.leftovers import marking
from cogfal.engine.submission import Interpreter
from cogfal.environments import guest_variables
from cogfal.provision import make_model_environment, provide
from cogfal.spec import ProjectSpec


class Provided(NamedTuple):
    """What was given: how to take it away again, and the Python of the author's own process.

    Without an `interpreter` the author's code runs in this process.
    """

    withdraw: Callable[[], None]
    interpreter: Interpreter | None = None


def provide_on_runner(project: ProjectSpec, root: Path) -> Provided:
    """Provide for a project on a runner, where its plan says which Python the model has.

    Where nothing has made that Python's environment yet, it is made.

    Raises:
        SetupError: Weights cannot be fetched, or the environment cannot be made.
    """
    if project.interpreter is None:
        os.environ.update(marking())  # the next server here ends what outlives this one
        return Provided(provide(project, root))
    python = Path(project.interpreter)
    if project.model_environment is not None:
        python = make_model_environment(project.model_environment, project.interpreter)
    return provide_own(project, root, python)


def provide_own(project: ProjectSpec, root: Path, python: Path) -> Provided:
    """Provide for a project whose code runs in a process of its own.

    Its variables are that process's, and not the server's.
    """
    environ = dict(os.environ)
    withdraw = provide(project, root, environ)
    return Provided(withdraw, Interpreter(str(python), guest_variables(python, environ)))
