"""The settings of an App class as typed keywords, and the refusal of wrong ones when it is made.

Wrong are names that nobody knows, and values of another type. Only what a class says itself is
looked at; an author's own attributes stay theirs, unless their names are nearly those of settings.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Final, Literal, get_args, get_type_hints

from fal import ContainerImage
from fal.sdk import AuthModeLiteral, RetryConditionLiteral, RetryConfig, RetryConfigDict
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from cogfal.errors import SettingError
from cogfal.project.hardware import MACHINES
from cogfal.settings import Settings
from cogfal.spec import Location, Weight

STORES: Final = ("fal", "local", "in_memory", "fal_v3", "gcp_storage", "r2")
NEAR: Final = 0.85
"""How alike two names must be, of 1, for one to be taken for a slip of the other."""

_FALS_MATTER: Final = frozenset({"image", "version", "resolver", "retry_config"})
"""Settings that fal checks itself."""

_TAKEN: Final = {
    "machine_type": str | list[str] | tuple[str, ...],
    "kind": Literal["virtualenv", "container"] | None,
    "python_version": str | None,
    "skip_retry_conditions": list[str] | None,  # fal may add some tomorrow
}
"""What is taken where it is not what fal's annotation says."""

_NOT_DATA: Final = (type, staticmethod, classmethod, property, ModuleType)
_PLAIN_NUMBER: Final = {int: NonNegativeInt, float: NonNegativeFloat}


class FalKeywords(TypedDict, total=False):
    """The settings of `fal.App`."""

    name: str
    app_name: str | None
    app_auth: AuthModeLiteral | None
    machine_type: str | list[str]
    num_gpus: PositiveInt | None
    keep_alive: NonNegativeInt
    min_concurrency: NonNegativeInt | None
    max_concurrency: PositiveInt | None
    concurrency_buffer: NonNegativeInt | None
    concurrency_buffer_perc: NonNegativeInt | None
    scaling_delay: NonNegativeInt | None
    max_multiplexing: PositiveInt | None
    request_timeout: PositiveInt | None
    request_start_timeout: NonNegativeInt | None
    startup_timeout: PositiveInt | None
    termination_grace_period_seconds: NonNegativeInt | None
    metrics_port: PositiveInt | None
    kind: str | None
    image: ContainerImage | None
    python_version: str
    version: str
    resolver: str
    requirements: list[str] | list[list[str]]
    requirements_context_dir: str | None
    local_python_modules: list[str]
    app_files: list[str]
    app_files_ignore: list[str]
    app_files_context_dir: str | None
    regions: list[str] | None
    secrets: list[str] | None
    data_mounts: list[str] | None
    retry_config: RetryConfig | RetryConfigDict | None
    skip_retry_conditions: list[RetryConditionLiteral] | None


class AppKeywords(FalKeywords, total=False):
    """Everything that an App class can say; `cogfal.settings` says what each means."""

    trainer: str | None
    output_name: str
    read_by_importing: bool
    gpu_machine_type: str
    dockerfile: str | None
    interpreter: str | None
    build_args: Mapping[str, str]
    registries: Mapping[str, Mapping[str, str]]
    compression: str | None
    build_secrets: Mapping[str, str]
    exclude: Sequence[str]
    weights: Mapping[str, str | Weight]
    data_cache: str | None
    environment: Literal["auto", "shared", "own"]
    isolate: bool
    isolate_grace: float
    max_output_bytes: int
    stuck_after: float
    queue_limit: int
    timings: bool
    allow_private_hosts: bool
    max_body_bytes: int
    trusted_hosts: Sequence[str]
    max_files: int
    max_file_bytes: int
    max_request_bytes: int
    download_timeout: float
    file_cache: str | None
    files: Any
    output_places: Sequence[str]
    reserve_outputs: bool
    data_urls: bool
    upload_url: str | None
    allow_output_prefix: bool
    allow_shutdown: bool
    playground: bool


class FromCogKeywords(AppKeywords, total=False):
    """The keywords of `App.from_cog`."""

    predictor: str | None


class WrapKeywords(AppKeywords, total=False):
    """The keywords of `wrap`."""

    cog_yaml: str | None


def check_settings(declared: Mapping[str, Any], known: frozenset[str], app_file: Path) -> None:
    """Check the attributes and keywords of a class; `known` are all settings, fal's included.

    Raises:
        SettingError: A value is wrong, or a name is nearly that of a setting; says the nearest
            name or the values that are allowed, and the line in `app_file`.
    """
    for name, value in declared.items():
        if name in known:
            _check_value(name, value, app_file)
        elif not name.startswith("_"):
            code = isinstance(value, _NOT_DATA) or callable(value) or hasattr(value, "__get__")
            if not code:
                _check_name(name, known, app_file)


def unknown_setting(name: str, known: frozenset[str], where: Location | str) -> SettingError:
    """Return the error about a name that is none of `known`, with the nearest."""
    near = get_close_matches(name, known, 1)
    remedy = f"did you mean {near[0]!r}?" if near else "see cogfal.settings and fal.App"
    return SettingError(f"there is no setting {name!r}", where=where, remedy=remedy)


def place_of(name: str, app_file: Path) -> Location | str:
    """Return the line of the App's file that sets or defines `name`, or the file."""
    try:
        tree = ast.parse(app_file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return app_file.name
    for node in ast.walk(tree):
        for each in node.body if isinstance(node, ast.ClassDef) else ():
            targets = getattr(each, "targets", [getattr(each, "target", each)])
            if name in [getattr(one, "id", getattr(one, "name", None)) for one in targets]:
                return Location(app_file.name, each.lineno)
        for keyword in node.keywords if isinstance(node, ast.ClassDef | ast.Call) else ():
            if keyword.arg == name:
                return Location(app_file.name, keyword.value.lineno)
    return app_file.name


def _check_name(name: str, known: frozenset[str], app_file: Path) -> None:
    plain = {each.replace("_", ""): each for each in known}
    near = plain.get(name.replace("_", "").lower())
    near = near or next(iter(get_close_matches(name.lower(), known, 1, NEAR)), None)
    if near is not None:
        raise SettingError(
            f"there is no setting {name!r}",
            where=place_of(name, app_file),
            remedy=f"did you mean {near!r}? An attribute of your own needs a name less like it",
        )


def _check_value(name: str, value: object, app_file: Path) -> None:
    special, adapter = _SPECIAL.get(name), _adapter(name)
    remedy = special(value) if special is not None else None
    if remedy is None and adapter is not None:
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            remedy = _advice(value, error.errors(include_url=False))
    if remedy is not None:
        place = place_of(name, app_file)
        raise SettingError(f"{name} is {value!r}", where=place, remedy=remedy)


def _advice(value: object, problems: list[ErrorDetails]) -> str:
    said = dict.fromkeys(_may_be(each) for each in problems if each["type"] != "none_required")
    expected = problems[0].get("ctx", {}).get("expected", "")
    near = get_close_matches(str(value), re.findall(r"'([^']*)'", str(expected)), 1, 0.5)
    did = f"did you mean {near[0]!r}? " if near else ""
    return f"{did}make it {' or '.join(said)}"


def _may_be(problem: ErrorDetails) -> str:
    item = "".join(f"[{part}]" for part in problem["loc"] if isinstance(part, int))
    text = problem["msg"].removeprefix("Input should be ").replace("a valid ", "a ")
    if problem["type"] == "sequence_str":
        text = "a list of strings"
    return f"{text}{f' at {item}' if item else ''}"


@cache
def _hints() -> dict[str, Any]:
    fals = get_type_hints(FalKeywords, include_extras=True)
    checked = {name: hint for name, hint in fals.items() if name not in _FALS_MATTER}
    return {**get_type_hints(Settings), **checked, **_TAKEN}


@cache
def _adapter(name: str) -> TypeAdapter[Any] | None:
    hint = _hints().get(name)
    return None if hint is None else TypeAdapter(_checked(hint))


def _checked(hint: Any) -> Any:
    """Return what is checked for an annotation: numbers of cogfal's are never negative."""
    if getattr(hint, "__origin__", None) is ClassVar:
        hint = get_args(hint)[0]
    return _PLAIN_NUMBER.get(hint, hint)


def _files(value: object) -> str | None:
    """Return what to write instead of a wrong store; None for a right one."""
    if value is None or value in STORES or hasattr(value, "save_file"):
        return None
    near = get_close_matches(str(value), STORES, 1)
    listed = ", ".join(f'"{each}"' for each in STORES)
    did = f"did you mean {near[0]!r}? " if near else ""
    return f"{did}write one of {listed}, or a fal.toolkit FileRepository"


def _machine_type(value: object) -> str | None:
    named = value if isinstance(value, list | tuple) else [value]
    for each in named:
        near = nearly_machine(each) if isinstance(each, str) else None
        if near is not None:
            return f"did you mean {near!r}?"
    return None


def nearly_machine(name: str) -> str | None:
    """Return the machine type that an unknown name is a slip of.

    fal adds types, so another number or another family is none: a slip differs in case,
    separators, the part before the dash, or in digits that are doubled, left out or swapped.
    """
    if name in MACHINES:
        return None
    return next((known for known in MACHINES if _slip(name.upper(), known)), None)


def _slip(name: str, known: str) -> bool:
    shapes: list[Callable[[str], object]] = [
        lambda text: re.sub(r"[-_ ]", "", text),
        lambda text: re.sub(r"(\d)\1+", r"\1", text),
        sorted,
    ]
    family, _, kind = known.partition("-")
    own, dash, rest = name.partition("-")
    prefix = bool(dash) and rest == kind and bool(get_close_matches(own, [family], 1, 0.6))
    return prefix or any(shape(name) == shape(known) for shape in shapes)


_SPECIAL: Final[dict[str, Callable[[object], str | None]]] = {
    "files": _files,
    "machine_type": _machine_type,
    "gpu_machine_type": _machine_type,
}
