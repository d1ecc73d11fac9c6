"""Files, secrets and iterators."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import pathlib
import pickle
from typing import Any

import pydantic
import pydantic.v1
import pytest

from cogfal.cog import BaseModel, File, Opaque, Path, Secret, URLFile, URLPath
from cogfal.cog.types import get_filename
from tests.file_server import PNG, file_server


class Segment(BaseModel):
    text: str
    start: float = 0.0


def test_path_is_a_pathlib_path() -> None:
    """A path's relatives are Cog's, and it survives pickling."""
    path = Path("/a/b.png")

    assert isinstance(path, pathlib.Path)
    assert isinstance(path.parent / "c", Path)
    assert pickle.loads(pickle.dumps(path)) == path


def test_path_of_a_url_is_downloaded_when_converted() -> None:
    """`validate` defers the download; `unlink` removes what it left."""
    url = "data:text/plain;base64,aGVsbG8="

    path = Path.validate(url)
    assert isinstance(path, URLPath)
    path.unlink()
    local = path.convert()
    text = local.read_text()
    again = path.convert()
    path.unlink()

    assert (str(path), text, local.exists()) == (url, "hello", False)
    assert again is local
    path.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        path.unlink()


def test_path_of_a_string_or_a_path() -> None:
    """`validate` takes paths as they are, and refuses what is none."""
    other = pathlib.Path("/x")

    assert Path.validate(other) is other
    assert Path.validate("/x") == Path("/x")
    with pytest.raises(ValueError, match="path"):
        Path.validate(3)


def test_file_of_a_data_url() -> None:
    """`validate` opens data URLs, with and without base64."""
    assert File.validate("data:,a%20b").read() == b"a b"
    assert File.validate("data:;base64,aGVsbG8=").read() == b"hello"
    stream = io.BytesIO()
    assert File.validate(stream) is stream


@pytest.mark.parametrize("value", ["ftp://x/y", "/etc/passwd", "data:x", "data:;base64,!", 3])
def test_file_refuses_other_values(value: Any) -> None:
    """Anything but a file object or an http, https or data URL is refused."""
    with pytest.raises(ValueError, match=r"scheme|comma|base64"):
        File.validate(value)


def test_url_file_is_fetched_when_read() -> None:
    """A URL file is opened by the first read, and a pickled one can be read again."""
    with file_server() as server:
        file = URLFile(server.url("/file/a.png"))
        again = pickle.loads(pickle.dumps(file))
        shown = (repr(file), file.readable())
        asked_before = list(server.requests)

        content = (file.name, file.read(4), file.read(), b"".join(again))
        file.close()
        again.close()

    assert asked_before == []
    assert shown == (f"<URLFile for {server.url('/file/a.png')!r}>", True)
    assert content == ("a.png", PNG[:4], PNG[4:], PNG)


def test_url_file_refuses_other_schemes() -> None:
    """Only http and https are opened."""
    with pytest.raises(ValueError, match="HTTP"):
        URLFile("file:///etc/passwd")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x/a/b.png?c=d", "b.png"),
        ("https://x/a%20b.png", "a b.png"),
        ("https://x/a%2Fb%00c.png", "a_b_c.png"),
        ("data:image/png;base64,AAAA", "file.png"),
        ("data:application/x-unknown-thing,AAAA", "file"),
        ("https://x/" + "é" * 300 + ".png", "é" * 97 + "~.png"),
    ],
)
def test_file_names_of_urls(url: str, name: str) -> None:
    """A URL names a plain file, short enough for any file system."""
    assert get_filename(url) == name


def test_secret_shows_itself_nowhere() -> None:
    """A secret prints as asterisks in every way of printing."""
    secret = Secret("hunter2")

    shown = f"{secret} {secret!r} {[secret]} {secret!s:>20}"

    assert "hunter2" not in shown
    assert secret.get_secret_value() == secret.secret_value == "hunter2"
    assert str(Secret()) == ""


def test_secret_is_no_json() -> None:
    """What would show the plain text is refused."""
    with pytest.raises(TypeError):
        json.dumps({"token": Secret("hunter2")})


def test_secret_is_a_value() -> None:
    """Secrets compare, hash, copy and travel as the text they hold, and do not change."""
    secret = Secret("a")

    assert secret == Secret("a") != Secret("b")
    assert len({secret, Secret("a")}) == 1
    assert copy.deepcopy(secret) == pickle.loads(pickle.dumps(secret)) == secret
    assert Secret.validate(secret) is secret
    assert (len(secret), bool(secret), bool(Secret())) == (1, True, False)
    assert dataclasses.replace(secret, secret_value="b") == Secret("b")
    with pytest.raises(AttributeError):
        secret.secret_value = "b"  # type: ignore[misc]  # the mistake under test


def test_types_fit_into_pydantic_models() -> None:
    """An author's own Pydantic model may have fields of Cog's types."""

    class Model(pydantic.BaseModel):
        path: Path
        secret: Secret
        file: File

    model = Model.model_validate({"path": "/x", "secret": "hunter2", "file": "data:,a"})
    schema = Model.model_json_schema()["properties"]

    assert (model.path, model.secret) == (Path("/x"), Secret("hunter2"))
    assert model.file.read() == b"a"
    assert "hunter2" not in model.model_dump_json(exclude={"file"})
    assert [schema[name]["format"] for name in schema] == ["uri", "password", "uri"]
    with pytest.raises(pydantic.ValidationError):
        Model.model_validate({"path": 3, "secret": 3, "file": 3})


def test_types_fit_into_models_of_pydantic_1() -> None:
    """The same holds for the older Pydantic, which asks in another way."""

    class Model(pydantic.v1.BaseModel):
        path: Path
        secret: Secret
        file: File
        segment: Segment

        class Config:
            arbitrary_types_allowed = True

    given = {"path": "/x", "secret": "hunter2", "file": "data:,a", "segment": Segment("a")}

    model = Model.parse_obj(given)
    schema = Model.schema()["properties"]

    assert (model.path, model.secret) == (Path("/x"), Secret("hunter2"))
    assert (model.file.read(), model.segment) == (b"a", Segment("a", 0.0))
    assert [schema[name]["format"] for name in given if name != "segment"] == [
        "uri",
        "password",
        "uri",
    ]
    with pytest.raises(pydantic.v1.ValidationError):
        Model.parse_obj({**given, "path": 3})


def test_opaque_is_one_marker() -> None:
    """The marker stays the same object through a pickle."""
    assert pickle.loads(pickle.dumps(Opaque)) is Opaque
    assert repr(Opaque) == "cog.Opaque"
