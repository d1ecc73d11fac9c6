"""Turn an app's JSON schemas into Python annotations, with a TypedDict for each object."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from typing import Any, Final

from cogfal.spec import JSON

FILE: Final = "str | PathLike[str]"
"""What a file input may be: a URL, or a path, which is uploaded."""

_ANYTHING: Final = "Any"
_PLAIN: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
_FILES: Final = frozenset({"image", "video", "audio", "file", "mask"})  # fields of fal's Playground
_REFERENCE: Final = "#/components/schemas/"


def is_name(text: str) -> bool:
    """Whether a text can be the name of a parameter or a field."""
    return text.isidentifier() and not keyword.iskeyword(text)


def written(value: JSON) -> str:
    """Return a plain value as Python writes it, texts in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


class PythonTypes:
    """The annotations of one document.

    `definitions` is the text of each TypedDict that an annotation returned so far names, in an
    order in which they can stand.

    Args:
        schemas: The document's `components.schemas`.
    """

    def __init__(self, schemas: Mapping[str, JSON]) -> None:
        self._schemas = schemas
        self._names: dict[str, str] = {}
        self.definitions: list[str] = []

    def resolved(self, schema: JSON) -> Mapping[str, JSON]:
        """Return a schema, or the one that it refers to."""
        reference = schema.get("$ref", "")
        found: Mapping[str, JSON] = self._schemas.get(reference.removeprefix(_REFERENCE), schema)
        return found

    def of_input(self, schema: JSON) -> str:
        """Return the annotation of an input."""
        if _is_file(schema):
            return self._listed(schema, FILE)
        return self.of(schema)

    def of(self, schema: JSON) -> str:
        """Return the annotation of an output."""
        if "$ref" in schema:
            return self._of_reference(schema["$ref"].removeprefix(_REFERENCE))
        if "enum" in schema:
            return f"Literal[{', '.join(map(written, schema['enum']))}]"
        members = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        found = _union([self.of(each) for each in members]) if members else self._of_kind(schema)
        return _union([found, "None"]) if schema.get("nullable") else found

    def _of_kind(self, schema: JSON) -> str:
        kind = schema.get("type")
        if kind == "array":
            return f"list[{self.of(schema.get('items') or {})}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {self.of(values) if isinstance(values, dict) else _ANYTHING}]"
        return _PLAIN.get(str(kind), _ANYTHING)

    def _listed(self, schema: JSON, file: str) -> str:
        """Put `file` where a schema has texts."""
        members = schema.get("anyOf")
        if members:
            return _union([self._listed(each, file) for each in members])
        if schema.get("type") == "array":
            return f"Sequence[{self._listed(schema.get('items') or {}, file)}]"
        return file if schema.get("type") == "string" else self.of(schema)

    def _of_reference(self, name: str) -> str:
        schema = self._schemas.get(name, {})
        fields = schema.get("properties") or {}
        if not fields or not all(map(is_name, fields)):
            return self.of({key: value for key, value in schema.items() if key != "properties"})
        if name not in self._names:
            self._names[name] = self._free(name)
            self._define(self._names[name], schema)
        return self._names[name]

    def _free(self, name: str) -> str:
        """Return a class's name that no other has."""
        wanted = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "Value"
        wanted = wanted if is_name(wanted) else f"{wanted}_"
        while wanted in self._names.values() or not is_name(wanted):
            wanted = f"Value{wanted}" if not is_name(wanted) else f"{wanted}_"
        return wanted

    def _define(self, name: str, schema: JSON) -> None:
        required = set(schema.get("required") or ())
        fields = {each: self.of(value) for each, value in schema["properties"].items()}
        needed = {each: kind for each, kind in fields.items() if each in required}
        others = {each: kind for each, kind in fields.items() if each not in required}
        if needed and others:
            self.definitions.append(_class(f"_{name}", "TypedDict", needed))
            self.definitions.append(_class(name, f"_{name}, total=False", others))
        else:
            self.definitions.append(
                _class(name, f"TypedDict{', total=False' if others else ''}", fields)
            )


def _class(name: str, bases: str, fields: Mapping[str, str]) -> str:
    return f"class {name}({bases}):\n" + "".join(f"    {n}: {kind}\n" for n, kind in fields.items())


def _is_file(schema: JSON) -> bool:
    if schema.get("format") == "uri" or schema.get("ui", {}).get("field") in _FILES:
        return True
    parts: list[Any] = [*(schema.get("anyOf") or ()), schema.get("items") or {}]
    return any(map(_is_file, filter(None, parts)))


def _union(members: list[str]) -> str:
    parts = dict.fromkeys(part for each in members for part in _split(each))
    return _ANYTHING if _ANYTHING in parts else " | ".join(parts)


def _split(annotation: str) -> list[str]:
    """Split a union at its own bars, not at those within brackets or texts."""
    return [annotation] if "[" in annotation else annotation.split(" | ")
