"""Import projects with stand-ins for what is not theirs, once for every answer."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from cogfal.errors import PredictorError
from cogfal.guest.live import read_live
from cogfal.spec import PredictorSpec
from tests.reading.oracle.execution import (
    OWN,
    Answers,
    Executions,
    Verdict,
    project,
    said_to_fail,
    served,
    told_of_predictor,
)


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
        return not answers.choose()

    def __exit__(self, *_: object) -> None: ...

    def _operated(self, other: object) -> Any:
        return NotImplemented if self._answers.choose() else StandIn(self._answers, "operated")

    __add__ = __radd__ = __sub__ = __mod__ = __lt__ = __gt__ = __eq__ = _operated

    def __getitem__(self, key: object) -> Any:
        return StandIn(self._answers, f"item {hash(key)}")

    def __setitem__(self, key: object, _: object) -> None:
        hash(key)

    __delitem__ = __contains__ = __getitem__
    __hash__ = object.__hash__
    __iter__ = None


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for every module that nothing else finds; a package is there or not."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._missing: dict[str, int] = {}

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        parent, package = sys.modules.get(name.rpartition(".")[0]), name.partition(".")[0]
        if parent is not None and getattr(parent.__spec__, "loader", None) is not self:
            return None
        if package not in self._missing:
            self._missing[package] = self._answers.choose()
        if self._missing[package]:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        stand_in = StandIn(self._answers, spec.name)
        module.__getattr__ = lambda name: getattr(stand_in, name)  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None: ...


def imported(files: Mapping[str, str], name: str = "Predictor") -> list[PredictorSpec]:
    """Return what a predictor of `predict.py` is in every import that ends well."""
    own = {Path(name).parts[0].removesuffix(".py") for name in files}
    found: list[PredictorSpec] = []
    with project(files) as root, Executions(root, own, _Finder) as executions:
        for module in executions.every(Random(0)):
            with contextlib.suppress(Exception):
                found.append(read_live(getattr(module, name), path="predict.py", name=name))
    return found


def judge_imported(files: Mapping[str, str], random: Random) -> Verdict:
    """Compare what is told of a project's predictor with what every import of it gives."""
    with project(files) as root:
        found = told_of_predictor(root)
        with Executions(root, OWN, _Finder) as executions:
            runs = executions.every(random)
            if isinstance(found, PredictorError):
                return said_to_fail(found, next(runs, None) is None)
            specs = {spec for spec in map(served, runs) if spec is not None}
    wrong = [f"the predictor is told as {found} and is {spec}" for spec in specs - {found}]
    return Verdict(int(specs == {found}), int(len(specs) == 1), not specs, wrong=wrong)
