"""`cogfal client`: write a typed client for an app."""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from cogfal.answers import OUTPUT, streaming
from cogfal.app_file import open_project
from cogfal.cli.console import CommandFailed, Sign, say
from cogfal.cli.run_elsewhere import client_module
from cogfal.cli.targets import document_of
from cogfal.spec import JSON, IteratorType

UNKNOWN: Final = "your-name/{}"
EPILOG = """\
examples:
  cogfal client --app you/painter -o painter.py
  cogfal client . --app you/painter -o painter.py    # from the project's text; fal is not asked
then:
  import painter
  painter.predict(prompt="a red square", image=Path("photo.png"))
"""

_HEAD: Final = '''\
"""Call {app} on fal with typed functions.

`cogfal client` made this from the app's schema: make it anew when the app changes. It needs
fal-client and its credentials: `pip install fal-client`, and a key in FAL_KEY.
"""

from __future__ import annotations

{imports}

import fal_client

APP = {literal}
'''
_UPLOADED: Final = '''\
def _uploaded(value: Any) -> Any:
    """Upload every path, and put the file's URL in its place."""
    if isinstance(value, PathLike):
        return fal_client.upload_file(value)
    if isinstance(value, dict):
        return {name: _uploaded(one) for name, one in value.items()}
    return [_uploaded(one) for one in value] if isinstance(value, (list, tuple)) else value
'''
_IMPORTS: Final = (
    ("collections.abc", ("Iterator", "Sequence")),
    ("os", ("PathLike",)),
    ("typing", ("Any", "Literal", "TypedDict")),
)
_WIDTH: Final = 96
STDOUT: Final = Path("-")


def add_client(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal client`."""
    parser.epilog = EPILOG
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        metavar="DIR",
        help="the project (default: the working directory, or what the app on fal says)",
    )
    parser.add_argument("--app", metavar="OWNER/NAME", help="the app as fal names it")
    parser.add_argument(
        "--ref",
        metavar="REF",
        help="an App of the project, app.py::App (default: that of app.py or fal_app.py)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the module to write, or - for stdout",
    )
    parser.add_argument("--force", action="store_true", help="replace another file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the module of a typed client."""
    target: Path = arguments.output
    if target != STDOUT:
        _refuse_foreign(target, force=arguments.force)
    app, document, streams = _described(arguments)
    text = write_client(app, document, streams=streams)
    if target == STDOUT:
        sys.stdout.write(text)
        return 0
    target.write_text(text, encoding="utf-8")
    say(f"{target} calls {app}", Sign.GOOD)
    if arguments.app is None:
        say(f"set APP in {target} to the name that fal gave the app, or give --app", Sign.NOTE)
    return 0


def _described(arguments: argparse.Namespace) -> tuple[str, Mapping[str, JSON], bool]:
    if arguments.app and arguments.directory is None and arguments.ref is None:
        document = client_module().document(arguments.app)
        return arguments.app, document, streaming(document)[0]
    project = open_project(arguments.directory or Path(), arguments.ref)
    streams = isinstance(project.read().output, IteratorType)
    app = arguments.app or UNKNOWN.format(project.root.name)
    return app, document_of(project), streams


def _refuse_foreign(target: Path, *, force: bool) -> None:
    """Replace only what this command wrote, unless it is asked for."""
    if force or not target.exists():
        return
    if target.is_dir() or "`cogfal client` made this" not in target.read_text(errors="replace"):
        raise CommandFailed(
            f"{target} is there already, and `cogfal client` did not make it; give another name, "
            "or --force to replace it"
        )


SUMMARIES: Final = {
    "predict": "Run the model, and return its output.",
    "stream": "Run the model, and yield its output as it is made.",
    "train": "Train the model, and return its output.",
}
"""What each function does, where the app says nothing."""


def write_client(app: str, document: Mapping[str, JSON], *, streams: bool) -> str:
    """Return the text of the module; `streams` tells whether the app has `/stream`.

    Raises:
        CommandFailed: The document describes no endpoint, or an input that is no Python name.
    """
    types = PythonTypes(document.get("components", {}).get("schemas", {}))
    parts = []
    for path, name in (("/", "predict"), ("/train", "train")):
        operation = document.get("paths", {}).get(path, {}).get("post")
        if operation is not None:
            parts.append(_function(name, path.strip("/"), operation, types))
            if streams and name == "predict":
                parts.append(_stream(operation, types))
    if not parts:
        raise CommandFailed(f"{app} describes no endpoint at /; name an app that answers there")
    code = "\n\n".join([*types.definitions, _UPLOADED, *parts])
    used = {module: [name for name in names if name in code] for module, names in _IMPORTS}
    imports = [f"from {each} import {', '.join(names)}" for each, names in used.items() if names]
    head = _HEAD.format(app=_line(app), literal=written(app), imports="\n".join(imports))
    return f"{head}\n\n{code}"


def _function(name: str, path: str, operation: JSON, types: PythonTypes) -> str:
    """Write a function that waits for the whole answer, and takes a lone output out of it."""
    schema = _content(operation["responses"]["200"])
    fields = types.resolved(schema).get("properties") or {}
    lone = set(fields) == {OUTPUT}
    answer = types.of(fields[OUTPUT] if lone else schema)
    place = f", path={written(path)}" if path else ""
    return (
        f"{_head(name, operation, types, answer)}"
        f"    _answer: Any = fal_client.subscribe(APP, _uploaded(_inputs){place})\n"
        f"    _output: {answer} = _answer{f'[{written(OUTPUT)}]' if lone else ''}\n"
        "    return _output\n"
    )


def _stream(operation: JSON, types: PythonTypes) -> str:
    """Write the function that yields; each event has the answer's only key."""
    schema = types.resolved(_content(operation["responses"]["200"]))
    (name, whole), *_ = schema["properties"].items()
    piece = types.of(whole["items"]) if whole.get("type") == "array" else types.of(whole)
    return (
        f"{_head('stream', operation, types, f'Iterator[{piece}]')}"
        "    for _event in fal_client.stream(APP, _uploaded(_inputs)):\n"
        '        if "error" in _event:\n'
        '            raise RuntimeError(_event["error"])\n'
        '        if not _event.get("completed"):\n'
        f"            yield _event[{written(name)}]\n"
    )


def _content(body: JSON) -> JSON:
    return body["content"]["application/json"]["schema"]


def _head(name: str, operation: JSON, types: PythonTypes, answer: str) -> str:
    """Return the signature, the docstring, and the inputs as they are sent."""
    schema = types.resolved(_content(operation["requestBody"]))
    inputs = [
        _Input.of(key, each, types, required=key in (schema.get("required") or ()))
        for key, each in (schema.get("properties") or {}).items()
    ]
    taken = [f"    {i.name}: {i.type}{f' = {i.default}' if i.default else ''},\n" for i in inputs]
    parameters = "".join(["\n    *,\n", *taken]) if taken else ""
    lines = [f"def {name}({parameters}) -> {answer}:\n"]
    lines.append(_docstring(operation.get("description") or SUMMARIES[name], inputs))
    lines.append("    _inputs: dict[str, Any] = {\n")
    lines += [f"        {written(i.name)}: {i.name},\n" for i in inputs if not i.left_out]
    lines.append("    }\n")
    lines += [
        f"    if {i.name} is not None:\n        _inputs[{written(i.name)}] = {i.name}\n"
        for i in inputs
        if i.left_out
    ]
    return "".join(lines)


class _Input(NamedTuple):
    """A parameter: its type, its default as it is written, and whether None leaves it out."""

    name: str
    type: str
    default: str | None
    left_out: bool
    about: str

    @classmethod
    def of(cls, name: str, schema: JSON, types: PythonTypes, *, required: bool) -> _Input:
        if not is_name(name):
            raise CommandFailed(f"the input {name!r} cannot be a parameter in Python")
        kind, about = types.of_input(schema), _line(schema.get("description") or "")
        if required:
            return cls(name, kind, None, False, about)
        default = schema.get("default")
        if default is None or isinstance(default, (list, dict)):
            kind = kind if kind == "Any" or kind.endswith("None") else f"{kind} | None"
            return cls(name, kind, "None", True, about)
        return cls(name, kind, written(default), False, about)


def _docstring(text: str, inputs: list[_Input]) -> str:
    lines = textwrap.wrap(_line(text), _WIDTH) or [""]
    told = [f"{each.name}: {each.about}" for each in inputs if each.about]
    lines += ["", "Args:"] if told else []
    for each in told:
        lines += textwrap.wrap(each, _WIDTH - 4, initial_indent=" " * 4, subsequent_indent=" " * 6)
    if len(lines) == 1:
        return f'    """{lines[0]}"""\n'
    below = "".join(f"    {line}\n" if line else "\n" for line in lines[1:])
    return f'    """{lines[0]}\n{below}    """\n'


def _line(text: str) -> str:
    """Make one line of a text that may stand in a docstring."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', "'")


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
    """The annotations of one document, whose `components.schemas` are given.

    `definitions` is the text of each TypedDict that an annotation returned so far names, in an
    order in which they can stand.
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
        kind, values = schema.get("type"), schema.get("additionalProperties")
        if members:
            found = _union([self.of(each) for each in members])
        elif kind == "array":
            found = f"list[{self.of(schema.get('items') or {})}]"
        elif kind == "object":
            found = f"dict[str, {self.of(values) if isinstance(values, dict) else _ANYTHING}]"
        else:
            found = _PLAIN.get(str(kind), _ANYTHING)
        return _union([found, "None"]) if schema.get("nullable") else found

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
