"""What happens when an App class is defined: its project is read, and what follows is set on it.

Nothing of this travels; on a runner the class arrives settled.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import new_class
from typing import TYPE_CHECKING, Any

from cogfal.app_builder import AppRequest, build_app
from cogfal.errors import SettingError
from cogfal.fal_files import choose_store
from cogfal.outputs import may_hold_file
from cogfal.server.stores import choose_without_fal
from cogfal.source_bundle import BY_VALUE, ExtraPackage

if TYPE_CHECKING:
    from cogfal.app import App


class Caller:
    """The module that makes an App: its name and file."""

    def __init__(self, module: str, file: Path) -> None:
        self.module = module
        self.file = file

    @classmethod
    def above(cls) -> Caller:
        """Return the module that called the calling function."""
        names = sys._getframe(2).f_globals  # noqa: SLF001  # as collections.namedtuple does
        return cls(names["__name__"], _file_of(names))

    def make(
        self, base: type[App], name: str, own: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> type[App]:
        """Make a subclass that belongs to this module."""
        _refuse_unknown(base, settings)
        keywords = {key: value for key, value in settings.items() if key == "name"}
        attributes = {key: value for key, value in settings.items() if key != "name"}
        body = {**own, **attributes, "__module__": self.module, "app_file": str(self.file)}
        made: type[App] = new_class(name, (base,), keywords, lambda names: names.update(body))
        return made


def _refuse_unknown(base: type[App], settings: Mapping[str, Any]) -> None:
    known = {name for name in dir(base) if not name.startswith("_")} | set(base.host_kwargs)
    for name in settings:
        if name not in known | {"name", "python_version"}:
            near = get_close_matches(name, known, 1)
            raise SettingError(
                f"there is no setting {name!r}",
                remedy=f"did you mean {near[0]!r}?" if near else "see cogfal.settings and fal.App",
            )


def settle(cls: type[App], base: type[App], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Read the project and set on the class what follows from it; returns fal's keywords.

    `base` is `cogfal.App` itself.
    """
    declared = {**_declared(cls, base), **kwargs}
    if cls.app_file is None or "predictor" in vars(cls) or "cog_yaml" in vars(cls):
        cls.app_file = vars(cls).get("app_file") or str(_defining_file(cls))
    assembly = build_app(
        AppRequest(
            app_file=Path(cls.app_file),
            name=cls.__name__,
            predictor=cls.predictor,
            trainer=cls.trainer,
            cog_yaml=cls.cog_yaml,
            python_version=declared.get("python_version"),
            read_by_importing=cls.read_by_importing,
            given=cls.given[0] if cls.given else None,
            declared=declared,
            plan=_plan_request(cls),
        )
    )
    cls.project = assembly.project
    for name, value in assembly.settings.items():
        setattr(cls, name, value)
    cls.settled = frozenset(assembly.settings)
    if cls.predictor is not None:
        cls.given = ()
    cls.extra_packages = (ExtraPackage("playground"),) if cls.playground else ()
    cls.choose_store = choose_store if _needs_fal(cls) else choose_without_fal
    cls.local_python_modules = [*BY_VALUE, *_added(cls.local_python_modules)]
    return {**kwargs, **assembly.keywords}


def _needs_fal(cls: type[App]) -> bool:
    """Whether output files may have to go where only fal.toolkit can bring them."""
    if cls.files is not None:
        return cls.files not in ("local", "in_memory")
    assert cls.project is not None
    specs = (cls.project.predictor, cls.project.trainer)
    return any(may_hold_file(spec.output) for spec in specs if spec is not None)


def _plan_request(cls: type[App]) -> dict[str, Any]:
    names = ("gpu_machine_type", "build_secrets", "dockerfile", "exclude", "weights", "data_cache")
    return {name: getattr(cls, name) for name in names}


def _declared(cls: type[App], base: type[App]) -> dict[str, Any]:
    """Collect the attributes that the class, or one between it and `base`, sets itself."""
    declared: dict[str, Any] = {}
    for each in reversed(cls.__mro__[: cls.__mro__.index(base)]):
        settled = vars(each).get("settled", frozenset())
        declared |= {k: v for k, v in vars(each).items() if k not in settled}
    return declared


def _added(modules: list[str]) -> list[str]:
    return [name for name in modules if name not in BY_VALUE]


def _defining_file(cls: type) -> Path:
    """Return the file whose class statement is being executed."""
    frame = sys._getframe()  # noqa: SLF001  # the module is not in sys.modules under fal's runpy
    while frame.f_globals.get("__name__") != cls.__module__ and frame.f_back is not None:
        frame = frame.f_back
    return _file_of(frame.f_globals)


def _file_of(names: Mapping[str, Any]) -> Path:
    file = names.get("__file__")
    return Path(file).resolve() if file else Path.cwd() / "app.py"
