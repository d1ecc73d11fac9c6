"""What happens when an App class is defined: its settings are checked, and its project is read.

What follows is set on the class. Nothing of this travels; on a runner the class arrives settled.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import new_class
from typing import Any, Final, TypeVar

from cogfal.app_base import AppBase, Overridable
from cogfal.app_making.app_builder import AppRequest, build_app
from cogfal.app_making.settings_validation import check_settings, place_of, unknown_setting
from cogfal.errors import SettingError
from cogfal.fal_files import choose_store
from cogfal.outputs.delivery import may_hold_file
from cogfal.server.stores import choose_without_fal
from cogfal.settings import NAMES, AppSettings
from cogfal.source_bundle import BY_VALUE, ExtraPackage

HEALTH: Final = "check_health"
OPEN: Final = frozenset({HEALTH, "app_file", "given"})
"""What a class may have of its own although cogfal's has it, beside what is fal's."""
COG_PATHS: Final = frozenset(
    {"/predictions", "/trainings", "/health-check", "/openapi.json", "/shutdown", "/health"}
)
FALS_INTERNAL: Final = frozenset(
    {"health_check_config", "host_kwargs", "isolate_channel", "local_file_path"}
)
"""What fal keeps on a class without anybody's setting it."""

A = TypeVar("A", bound=AppBase)

_KEYWORDS = frozenset({"name", "python_version"})
"""What fal takes as keywords of the class alone."""


def check_endpoints(cls: type[AppBase], base: type[AppBase]) -> None:
    """Refuse attributes and endpoints that would take the place of cogfal's own.

    Raises:
        SettingError: The name or the path of one is taken, or it is a second health check.
    """
    assert cls.app_file is not None
    app_file, taken = Path(cls.app_file), _own_names(base)
    routes = {*COG_PATHS, *_paths(base)}
    for name, value in vars(cls).items():
        path = _path(value)
        if name in taken:
            kind = "an endpoint" if path else "an attribute"
            raise SettingError(
                f"{name} is the name of cogfal's own, and {kind} would take its place",
                where=place_of(name, app_file),
                remedy=f"use another name; taken are {', '.join(sorted(taken))}",
            )
        if name == HEALTH or path is None:
            continue
        if value.route_signature.health_check is not None:
            raise SettingError(
                f"{name} is a second health check, and fal takes one",
                where=place_of(name, app_file),
                remedy=f"name it {HEALTH}, await super().{HEALTH}() in it, and leave its path "
                "at /health",
            )
        if path in routes:
            raise SettingError(
                f"{name} has the path {path}, which cogfal serves itself",
                where=place_of(name, app_file),
                remedy=f"use another path; taken are {', '.join(sorted(routes))}",
            )
    own = vars(cls).get(HEALTH)
    if own is not None and _path(own) is None:  # it names no path, and so has cogfal's
        own.route_signature = getattr(base, HEALTH).route_signature


def _own_names(base: type[AppBase]) -> frozenset[str]:
    """Return the public names of cogfal's classes that are neither settings nor fal's nor open."""
    ours = {name for each in base.__mro__ if _is_ours(each) for name in vars(each)}
    fals = {name for each in base.__mro__ if not _is_ours(each) for name in vars(each)}
    return frozenset(name for name in ours - fals - NAMES - OPEN if not name.startswith("_"))


def _is_ours(each: type) -> bool:
    return each.__module__.startswith("cogfal.")


def _paths(base: type[AppBase]) -> Iterator[str]:
    for each in base.__mro__:
        yield from filter(None, map(_path, vars(each).values()))


def _path(value: object) -> str | None:
    signature: Any = getattr(value, "route_signature", None)
    return None if signature is None else str(signature.path)


def calling_module() -> tuple[str, Path]:
    """Return the name and file of the module that called the calling function."""
    names = sys._getframe(2).f_globals  # noqa: SLF001  # as collections.namedtuple does
    return names["__name__"], _file_of(names)


def make_app(
    base: type[A],
    name: str,
    own: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    module: str,
    file: Path,
) -> type[A]:
    """Make a subclass of an App that belongs to a module; refuse settings that nobody knows."""
    known = _known(base)
    for each in settings:
        if each not in known:
            raise unknown_setting(each, known, place_of(each, file))
    keywords = {key: value for key, value in settings.items() if key == "name"}
    attributes = {key: value for key, value in settings.items() if key != "name"}
    body = {**own, **attributes, "__module__": module, "app_file": str(file)}
    made: type[A] = new_class(name, (base,), keywords, lambda names: names.update(body))
    return made


def settle(cls: type[AppBase], base: type[AppBase], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Check the class, read its project, and set on it what follows; returns fal's keywords.

    `base` is `cogfal.App` itself.

    Raises:
        ProjectError: A setting or the project is wrong; the error says where.
    """
    if cls.app_file is None or "predictor" in vars(cls) or "cog_yaml" in vars(cls):
        cls.app_file = vars(cls).get("app_file") or str(_defining_file(cls))
    # What the author wrote is looked at before any of it is replaced.
    check_endpoints(cls, base)
    allow_overrides(cls, base)
    known = _known(base)
    own = {name: value for name, value in vars(cls).items() if name not in vars(AppBase)}
    check_settings({**own, **kwargs}, known, Path(cls.app_file))
    # Before anything keeps what the class says, which travels: the credentials stay here.
    if "registries" in own:
        cls.registries = own["registries"] = StaysHere(cls.registries)
    said = {**own, **kwargs}
    cls.own_settings = {name: said[name] for name in said if name in known and name != "name"}
    cls.checked_settings = AppSettings.of(cls)
    if cls.predictor or cls.cog_yaml or cls.given:
        declared: dict[str, Any] = {}  # here, and by the classes between this and `base`
        for each in reversed(cls.__mro__[: cls.__mro__.index(base)]):
            names = vars(each)
            declared |= names.get("own_settings", {k: v for k, v in names.items() if k in known})
        kwargs = {**kwargs, **_build(cls, declared)}
    return kwargs


def allow_overrides(cls: type, base: type) -> None:
    """Make what a class overrides of `base` behave as described, and end with cogfal's teardown."""
    for name, last in (("setup", None), ("teardown", vars(base)["teardown"].function)):
        above = cls.__mro__[: cls.__mro__.index(base)]  # the class, its bases and mixins
        function = next((vars(each)[name] for each in above if name in vars(each)), None)
        if function is None or isinstance(function, Overridable):
            continue
        if last or not inspect.iscoroutinefunction(function):
            setattr(cls, name, Overridable(function, last))


def _build(cls: type[AppBase], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Read the project and set on the class what follows from it; returns further keywords."""
    assert cls.app_file is not None
    given = cls.given[0] if cls.given else None
    built = build_app(
        AppRequest(Path(cls.app_file), cls.__name__, cls.checked_settings, declared, given)
    )
    cls.project = built.project
    for name, value in built.settings.items():
        setattr(cls, name, value)
    cls.checked_settings = AppSettings.of(cls)
    if cls.predictor is not None:  # its file travels instead
        cls.given = ()
    carried = {"playground": cls.playground, "environments": cls.project.model_environment}
    cls.extra_packages = tuple(ExtraPackage(name) for name in carried if carried[name])
    cls.choose_store = choose_store if _needs_fal(cls) else choose_without_fal
    added = [name for name in cls.local_python_modules if name not in BY_VALUE]
    cls.local_python_modules = [*BY_VALUE, *added]
    return built.keywords


def _known(base: type[AppBase]) -> frozenset[str]:
    """Return the names of all settings, cogfal's and fal's."""
    annotated = {name for each in base.__mro__ for name in vars(each).get("__annotations__", {})}
    found = {*annotated, *base.host_kwargs, *_KEYWORDS} - _own_names(base) - OPEN - FALS_INTERNAL
    return frozenset(name for name in found if not name.startswith("_"))


def _needs_fal(cls: type[AppBase]) -> bool:
    """Whether output files may have to go where only fal.toolkit can bring them."""
    if cls.files is not None:
        return cls.files not in ("local", "in_memory")
    assert cls.project is not None
    specs = (cls.project.predictor, cls.project.trainer)
    return any(may_hold_file(spec.output) for spec in specs if spec is not None)


class StaysHere(dict[str, Any]):
    """A dictionary of credentials, which is empty wherever it is pickled to."""

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[()]]:
        return dict, ()


def _defining_file(cls: type) -> Path:
    """Return the file whose class statement is being executed."""
    frame = sys._getframe()  # noqa: SLF001  # the module is not in sys.modules under fal's runpy
    while frame.f_globals.get("__name__") != cls.__module__ and frame.f_back is not None:
        frame = frame.f_back
    return _file_of(frame.f_globals)


def _file_of(names: Mapping[str, Any]) -> Path:
    file = names.get("__file__")
    return Path(file).resolve() if file else Path.cwd() / "app.py"
