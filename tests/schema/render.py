"""Write a spec as the source text of a predictor, for the real Cog to read."""

from __future__ import annotations

from collections.abc import Iterator

from cogfal.spec import (
    MISSING,
    AnyType,
    BooleanType,
    DictType,
    EnumType,
    FieldSpec,
    FileType,
    FloatType,
    InputSpec,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    NullType,
    ObjectFlavour,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    PredictorSpec,
    Role,
    SecretType,
    StringType,
    Type,
    UnionType,
)

_HEADER = """\
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Dict, Iterator, List, Literal, Optional, Union

from cog import BaseModel, BasePredictor, ConcatenateIterator, File, Input, Path, Secret
"""

_SIMPLE = {
    StringType: "str",
    IntegerType: "int",
    FloatType: "float",
    BooleanType: "bool",
    AnyType: "Any",
    NullType: "None",
    PathType: "Path",
    FileType: "File",
    SecretType: "Secret",
    OpaqueType: "Annotated[dict, Opaque]",
}


def render(spec: PredictorSpec) -> str:
    """Return a module that defines what the spec describes."""
    kinds = [each.type for each in spec.inputs] + [spec.output]
    classes: dict[str, str] = {}
    for kind in kinds:
        for part in _parts(kind):
            if isinstance(part, ObjectType | EnumType):
                classes.setdefault(part.name, _class(part))
    arguments = [_argument(each) for each in spec.inputs]
    returned = f" -> {annotation(spec.output)}: ..."
    if spec.role is Role.TRAIN:
        body = f"def {spec.name}({', '.join(arguments)}){returned}\n"
    else:
        method = f"def predict({', '.join(['self', *arguments])}){returned}"
        body = f"class {spec.name}(BasePredictor):\n    {method}\n"
    return "\n\n".join([_HEADER, *classes.values(), body])


def annotation(kind: Type) -> str:  # noqa: PLR0911 - one line per kind
    """Return a type as an annotation."""
    match kind:
        case LiteralType(values):
            return f"Literal[{', '.join(map(repr, values))}]"
        case EnumType(name=name) | ObjectType(name=name):
            return name
        case ListType(item):
            return f"List[{annotation(item)}]"
        case DictType(AnyType()):
            return "dict"
        case DictType(value):
            return f"Dict[str, {annotation(value)}]"
        case OptionalType(inner):
            return f"Optional[{annotation(inner)}]"
        case UnionType(members):
            return f"Union[{', '.join(map(annotation, members))}]"
        case IteratorType(_, True):
            return "ConcatenateIterator[str]"
        case IteratorType(item):
            return f"Iterator[{annotation(item)}]"
        case _:
            return _SIMPLE[type(kind)]


def _parts(kind: Type) -> Iterator[Type]:
    """Yield a type and those inside of it, the innermost first."""
    match kind:
        case ListType(inner) | DictType(inner) | OptionalType(inner) | IteratorType(inner):
            yield from _parts(inner)
        case UnionType(members):
            for member in members:
                yield from _parts(member)
        case ObjectType(fields=fields):
            for each in fields:
                yield from _parts(each.type)
        case _:
            pass
    yield kind


def _argument(each: InputSpec) -> str:
    given = {
        "default": each.default,
        "description": each.description,
        "ge": each.ge,
        "le": each.le,
        "min_length": each.min_length,
        "max_length": each.max_length,
        "regex": each.regex,
        "choices": None if each.choices is None else list(each.choices),
        "deprecated": each.deprecated or None,
        "accept": each.accept,
    }
    told = {
        name: value
        for name, value in given.items()
        if value is not MISSING and (value is not None or name == "default")
    }
    call = ", ".join(f"{name}={value!r}" for name, value in told.items())
    return f"{each.name}: {annotation(each.type)} = Input({call})"


def _class(kind: ObjectType | EnumType) -> str:
    if isinstance(kind, EnumType):
        members = "".join(f"    {name} = {value!r}\n" for name, value in kind.members)
        return f"class {kind.name}(Enum):\n{members}"
    heads = {
        ObjectFlavour.DATACLASS: f"@dataclass\nclass {kind.name}:\n",
        ObjectFlavour.COG: f"class {kind.name}(BaseModel):\n",
    }
    text = f"    {kind.description!r}\n" if kind.description else ""
    fields = "".join(_field(each) for each in kind.fields)
    return heads[kind.flavour] + text + (fields or "    pass\n")


def _field(each: FieldSpec) -> str:
    default = "" if each.default is MISSING else f" = {each.default!r}"
    return f"    {each.name}: {annotation(each.type)}{default}\n"
