"""Import small projects with stand-ins for what is not theirs, once for every answer."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import io
import os
import sys
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cogfal import cog
from cogfal.cog import alias
from cogfal.guest.live import read_live
from cogfal.spec import PredictorSpec
from tests.reading.oracle.execution import project

MAX_ANSWERS: Final = 32


class StandIn:
    """Anything that is not the project's: it is called, decorates, is extended, is true or not."""

    def __init__(self, answers: Answers, name: str) -> None:
        self.__dict__.update(_answers=answers, _name=name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(self._answers, f"{self._name}.{name}")

    def __enter__(self) -> Any:
        return self

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        decorated = len(arguments) == 1 and not keywords and callable(arguments[0])
        return arguments[0] if decorated else StandIn(self._answers, f"{self._name}()")

    def __mro_entries__(self, bases: object) -> tuple[type, ...]:
        return (type(self._name.rpartition(".")[2], (), {}),)

    def __bool__(self) -> bool:
        answers: Answers = self._answers
        return answers.next_answer()

    def __exit__(self, *_: object) -> None: ...


class Answers:
    """Whether each question is answered with yes; further ones are not."""

    def __init__(self, prescribed: Sequence[bool]) -> None:
        self.given: list[bool] = []
        self._prescribed = prescribed

    def next_answer(self) -> bool:
        """Return the answer to a question."""
        place = len(self.given)
        self.given.append(self._prescribed[place] if place < len(self._prescribed) else True)
        return self.given[-1]

    def following(self) -> list[bool] | None:
        """Return the answers of the next import."""
        left = list(self.given)
        while left and not left[-1]:
            left.pop()
        return None if not left else [*left[:-1], False]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for every module that nothing else finds."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec:
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        stand_in = StandIn(self._answers, spec.name)
        module.__getattr__ = lambda name: getattr(stand_in, name)  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None: ...


@contextlib.contextmanager
def _standing_in(root: Path, answers: Answers, own: set[str]) -> Iterator[None]:
    hidden = {n: m for n, m in sys.modules.items() if n.partition(".")[0] in own}
    before, path, folder = set(sys.modules) - set(hidden), list(sys.path), Path.cwd()
    finders, environ, offered = list(sys.meta_path), dict(os.environ), set(vars(cog))
    for name in hidden:
        del sys.modules[name]
    alias.install()
    sys.path.insert(0, str(root))
    sys.meta_path.append(_Finder(answers))
    importlib.invalidate_caches()
    os.chdir(root)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.path[:], sys.meta_path[:] = path, finders
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        for name in set(sys.modules) - before:
            del sys.modules[name]
        sys.modules.update(hidden)
        for name in set(vars(cog)) - offered:  # a stand-in for a submodule
            delattr(cog, name)


def imported(files: Mapping[str, str], name: str = "Predictor") -> list[PredictorSpec]:
    """Return what a predictor of `predict.py` is in every import that ends well."""
    own = {"cog", *(Path(name).parts[0].removesuffix(".py") for name in files)}
    found: list[PredictorSpec] = []
    following: list[bool] | None = []
    with project(files) as root:
        for _ in range(MAX_ANSWERS):
            if following is None:
                break
            answers = Answers(following)
            with contextlib.suppress(Exception), _standing_in(root, answers, own):
                module = importlib.import_module("predict")
                found.append(read_live(getattr(module, name), path="predict.py", name=name))
            following = answers.following()
    return found
