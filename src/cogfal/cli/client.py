"""`cogfal client`: write a typed client for an app."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cogfal.answers import OUTPUT, streaming
from cogfal.app_file import open_project
from cogfal.cli.console import BadArgument, Sign, say
from cogfal.cli.python_types import PythonTypes, is_name, written
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
    if target == STDOUT:
        app, document, streams = _described(arguments)
        sys.stdout.write(write_client(app, document, streams=streams))
        return 0
    _refuse_foreign(target, force=arguments.force)
    app, document, streams = _described(arguments)
    target.write_text(write_client(app, document, streams=streams), encoding="utf-8")
    say(f"{target} calls {app}", Sign.GOOD)
    if arguments.app is None:
        say(f"set APP in {target} to the name that fal gave the app, or give --app", Sign.NOTE)
    return 0


def _described(arguments: argparse.Namespace) -> tuple[str, Mapping[str, JSON], bool]:
    if arguments.app and arguments.directory is None and arguments.ref is None:
        document = _asked(arguments.app)
        return arguments.app, document, streaming(document)[0]
    project = open_project(arguments.directory or Path(), arguments.ref)
    streams = isinstance(project.read().output, IteratorType)
    app = arguments.app or UNKNOWN.format(project.root.name)
    return app, document_of(project), streams


def _asked(app: str) -> dict[str, JSON]:
    try:
        from cogfal.client import document  # noqa: PLC0415  # needs an optional extra
    except ImportError as error:
        raise BadArgument(f"--app needs {error.name}: pip install 'cogfal[client]'") from error
    return document(app)


def _refuse_foreign(target: Path, *, force: bool) -> None:
    """Replace only what this command wrote, unless it is asked for."""
    if force or not target.exists():
        return
    if target.is_dir() or "`cogfal client` made this" not in target.read_text(errors="replace"):
        raise BadArgument(
            f"{target} is there already, and `cogfal client` did not make it; give another name, "
            "or --force to replace it"
        )


class _Endpoint(NamedTuple):
    """A path of the app and the function that calls it."""

    path: str
    function: str
    summary: str


_ENDPOINTS: Final = (
    _Endpoint("/", "predict", "Run the model, and return its output."),
    _Endpoint("/train", "train", "Train the model, and return its output."),
)


def write_client(app: str, document: Mapping[str, JSON], *, streams: bool) -> str:
    """Return the text of the module.

    Args:
        app: The app as fal names it.
        document: Its OpenAPI document.
        streams: Whether it has `/stream`.

    Raises:
        BadArgument: The document describes no endpoint, or an input that is no Python name.
    """
    types = PythonTypes(document.get("components", {}).get("schemas", {}))
    parts = []
    for each in _ENDPOINTS:
        operation = document.get("paths", {}).get(each.path, {}).get("post")
        if operation is not None:
            parts.append(_function(each, operation, types))
            if streams and each.path == "/":
                parts.append(_stream(operation, types))
    if not parts:
        raise BadArgument(f"{app} describes no endpoint at /; name an app that answers there")
    code = "\n\n".join([*types.definitions, _UPLOADED, *parts])
    return (
        _HEAD.format(app=_line(app), literal=written(app), imports=_imports(code)) + f"\n\n{code}"
    )


def _imports(code: str) -> str:
    lines = []
    for module, names in _IMPORTS:
        used = [name for name in names if name in code]
        lines += [f"from {module} import {', '.join(used)}"] if used else []
    return "\n".join(lines)


def _function(endpoint: _Endpoint, operation: JSON, types: PythonTypes) -> str:
    answer, key = _answer(operation, types)
    path = endpoint.path.strip("/")
    call = (
        f"fal_client.subscribe(APP, _uploaded(_inputs){f', path={written(path)}' if path else ''})"
    )
    return "".join(
        [
            *_head(endpoint, operation, types, answer),
            f"    _answer: Any = {call}\n",
            f"    _output: {answer} = _answer{f'[{written(key)}]' if key else ''}\n",
            "    return _output\n",
        ]
    )


def _stream(operation: JSON, types: PythonTypes) -> str:
    """Write the function that yields; each event has the answer's only key."""
    schema = types.resolved(_content(operation["responses"]["200"]))
    (name, whole), *_ = schema["properties"].items()
    piece = types.of(whole["items"]) if whole.get("type") == "array" else types.of(whole)
    endpoint = _Endpoint("/stream", "stream", "Run the model, and yield its output as it is made.")
    return "".join(
        [
            *_head(endpoint, operation, types, f"Iterator[{piece}]"),
            "    for _event in fal_client.stream(APP, _uploaded(_inputs)):\n",
            '        if "error" in _event:\n',
            '            raise RuntimeError(_event["error"])\n',
            '        if not _event.get("completed"):\n',
            f"            yield _event[{written(name)}]\n",
        ]
    )


def _answer(operation: JSON, types: PythonTypes) -> tuple[str, str | None]:
    """Return the type of the answer, and the key under which it stands where there is one."""
    schema = _content(operation["responses"]["200"])
    fields = types.resolved(schema).get("properties") or {}
    if set(fields) == {OUTPUT}:
        return types.of(fields[OUTPUT]), OUTPUT
    return types.of(schema), None


def _content(body: JSON) -> JSON:
    return body["content"]["application/json"]["schema"]


def _head(endpoint: _Endpoint, operation: JSON, types: PythonTypes, answer: str) -> Iterator[str]:
    """Yield the signature, the docstring, and the inputs as they are sent."""
    schema = types.resolved(_content(operation["requestBody"]))
    inputs = [
        _Input.of(name, each, types, required=name in (schema.get("required") or ()))
        for name, each in (schema.get("properties") or {}).items()
    ]
    yield f"def {endpoint.function}({_parameters(inputs)}) -> {answer}:\n"
    yield from _docstring(operation.get("description") or endpoint.summary, inputs)
    yield "    _inputs: dict[str, Any] = {\n"
    yield from (f"        {written(i.name)}: {i.name},\n" for i in inputs if not i.left_out)
    yield "    }\n"
    for each in inputs:
        if each.left_out:
            yield f"    if {each.name} is not None:\n"
            yield f"        _inputs[{written(each.name)}] = {each.name}\n"


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
            raise BadArgument(f"the input {name!r} cannot be a parameter in Python")
        kind, about = types.of_input(schema), _line(schema.get("description") or "")
        if required:
            return cls(name, kind, None, False, about)
        default = schema.get("default")
        if default is None or isinstance(default, (list, dict)):
            kind = kind if kind == "Any" or kind.endswith("None") else f"{kind} | None"
            return cls(name, kind, "None", True, about)
        return cls(name, kind, written(default), False, about)


def _parameters(inputs: list[_Input]) -> str:
    lines = [
        f"    {each.name}: {each.type}" + (f" = {each.default}" if each.default else "") + ",\n"
        for each in inputs
    ]
    return f"\n    *,\n{''.join(lines)}" if lines else ""


def _docstring(text: str, inputs: list[_Input]) -> Iterator[str]:
    told = [each for each in inputs if each.about]
    lines = textwrap.wrap(_line(text), _WIDTH) or [""]
    yield f'    """{lines[0]}' + ("" if len(lines) > 1 or told else '"""') + "\n"
    yield from (f"    {line}\n" for line in lines[1:])
    if told:
        yield "\n    Args:\n"
    for each in told:
        yield from _wrapped(f"{each.name}: {each.about}")
    if len(lines) > 1 or told:
        yield '    """\n'


def _wrapped(text: str) -> Iterator[str]:
    indent = " " * 8
    for line in textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  "):
        yield f"{line}\n"


def _line(text: str) -> str:
    """Make one line of a text that may stand in a docstring."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', "'")
