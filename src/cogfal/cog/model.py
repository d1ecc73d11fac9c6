"""`BaseModel`: a structured output, as old Cog (Pydantic) and new Cog (dataclasses) have it."""

from __future__ import annotations

import copy
import inspect
import json
import sys
import types
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DATACLASS_OPTIONS = {"eq", "frozen", "order", "repr", "unsafe_hash"}
if sys.version_info >= (3, 10):
    _DATACLASS_OPTIONS.add("match_args")


class BaseModel:
    """Base class of structured outputs; every subclass is a dataclass.

    Fields are given by keyword, or by position in their order. A field that is optional may be
    left out and is then None; values are taken as they are; what is no field is ignored. Options
    of Pydantic models in the class statement are accepted and ignored.

    Raises:
        TypeError: On creation, when a field without a default is missing. On subclassing, when the
            first base is no BaseModel or another one is a dataclass.
        ValueError: On subclassing, when `auto_dataclass=False` follows a base without it.
    """

    def __init_subclass__(
        cls, *, auto_dataclass: bool = True, init: bool = True, **options: Any
    ) -> None:
        super().__init_subclass__()
        _check_bases(cls)
        if not auto_dataclass:
            first = cls.__bases__[0]
            if first is not BaseModel and getattr(first, _AUTOMATIC):
                raise ValueError(_BROKEN_INHERITANCE.format(cls.__name__, first.__name__))
        setattr(cls, _AUTOMATIC, auto_dataclass)
        if not auto_dataclass:
            return
        for name in _own_annotations(cls):
            setattr(cls, name, _as_field(cls.__dict__.get(name, MISSING)))
        chosen = {name: value for name, value in options.items() if name in _DATACLASS_OPTIONS}
        dataclass(init=False, **chosen)(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = _field_names(self)
        if len(args) > len(names):
            raise TypeError(
                f"{type(self).__name__}() takes {len(names)} values but {len(args)} were given"
            )
        given = {**dict(zip(names, args)), **kwargs}
        missing = _fill(self, given) if names else []
        if missing:
            raise TypeError(f"{type(self).__name__}() lacks a value for {', '.join(missing)}")

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the fields as a dictionary, models in them too.

        Args:
            options: Pydantic's; `include`, `exclude` and `exclude_none` are followed.
        """
        values = {name: getattr(self, name) for name in _field_names(self)}
        include, exclude = options.get("include"), options.get("exclude") or ()
        return {
            name: _dumped(value)
            for name, value in values.items()
            if (include is None or name in include)
            and name not in exclude
            and not (options.get("exclude_none") and value is None)
        }

    def model_dump_json(self, **options: Any) -> str:
        """Return the fields as JSON text; paths become strings."""
        return json.dumps(BaseModel.model_dump(self, **options), default=_json_default)

    def model_copy(self, *, update: dict[str, Any] | None = None) -> Any:
        """Return a shallow copy with some fields replaced."""
        twin = copy.copy(self)
        for name, value in (update or {}).items():
            setattr(twin, name, value)
        return twin

    @classmethod
    def model_rebuild(cls, **names: Any) -> None:
        """Do nothing: what an annotation's text names is looked up when the class is read."""

    @classmethod
    def model_validate(cls, values: Mapping[str, Any]) -> Any:
        """Return a model of these values."""
        return cls(**values)

    dict = model_dump
    json = model_dump_json
    copy = model_copy
    update_forward_refs = model_rebuild
    parse_obj = model_validate


_AUTOMATIC = "_BaseModel__auto_dataclass"
_BROKEN_INHERITANCE = (
    'Primary base class of "{0}" ("{1}") has auto_dataclass=True, but "{0}" has '
    "auto_dataclass=False. This creates broken field inheritance."
)


def _check_bases(cls: type) -> None:
    """Refuse what Cog refuses: bases whose fields a dataclass would mix up."""
    if not issubclass(cls.__bases__[0], BaseModel):
        raise TypeError(f'Primary base class of "{cls.__name__}" must inherit from BaseModel')
    for base in cls.__bases__[1:]:
        if is_dataclass(base):
            raise TypeError(
                f'Cannot mixin dataclass "{base.__name__}" while inheriting from `BaseModel`'
            )


def _own_annotations(cls: type) -> dict[str, Any]:
    read = getattr(inspect, "get_annotations", None)  # since Python 3.10
    found: dict[str, Any] = read(cls) if read else vars(cls).get("__annotations__", {})
    return found


def _field_names(model: Any) -> list[str]:
    """Return the names of a model's fields; none for one that takes care of itself."""
    return [each.name for each in fields(model)] if is_dataclass(model) else []


def _as_field(default: Any) -> Any:
    """Return a dataclass field for what stands behind an annotated name, Pydantic's Field() too."""
    if isinstance(default, (Field, types.MemberDescriptorType)):
        return default
    if hasattr(default, "default") and hasattr(default, "default_factory"):
        return _from_pydantic(default.default, default.default_factory)
    if isinstance(default, (list, dict, set)):
        return field(default_factory=lambda: copy.deepcopy(default))
    return field(default=default)


def _from_pydantic(default: Any, factory: Callable[[], Any] | None) -> Any:
    if factory is not None:
        return field(default_factory=factory)
    if default is ... or type(default).__name__ in ("PydanticUndefinedType", "UndefinedType"):
        return field()
    return _as_field(default)


def _fill(model: Any, given: dict[str, Any]) -> list[str]:
    """Set every field of a new model; return the names of those that have no value."""
    missing = []
    for each in fields(model):
        if each.name in given:
            value = given[each.name]
        elif each.default_factory is not MISSING:
            value = each.default_factory()
        elif each.default is not MISSING:
            value = each.default
        elif _allows_none(each.type):
            value = None
        else:
            missing.append(each.name)
            continue
        object.__setattr__(model, each.name, value)
    if not missing and hasattr(model, "__post_init__"):
        model.__post_init__()
    return missing


def _allows_none(annotation: Any) -> bool:
    if isinstance(annotation, str):
        text = annotation.replace("typing.", "").strip()
        return text.startswith("Optional[") or "None" in (p.strip() for p in text.split("|"))
    # `A | B` of Python 3.10 and later has no `__origin__`.
    if getattr(annotation, "__origin__", Union) is not Union:
        return False
    return type(None) in getattr(annotation, "__args__", ())


def _dumped(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return BaseModel.model_dump(value)
    if isinstance(value, (list, tuple, set)):
        return type(value)(_dumped(item) for item in value)
    if isinstance(value, dict):
        return {name: _dumped(item) for name, item in value.items()}
    return value


def _json_default(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
