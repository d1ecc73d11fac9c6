"""What is fuzzed: each target reads a text and may only fail as it promises to."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cogfal.errors import ConfigError, InvalidInput, ProjectError
from cogfal.files.data_urls import parse_data_url
from cogfal.files.http_requests import parse_url
from cogfal.files.limits import FetchError
from cogfal.files.names import MAX_NAME_BYTES, name_for
from cogfal.json_text import written
from cogfal.project.config_reader import parse_config
from cogfal.project.requirements import read_requirements
from cogfal.reading import read_predictor
from cogfal.schema.core_types import Dialect
from cogfal.schema.decoding import decode
from cogfal.schema.document import document
from cogfal.schema.validation import Validator
from cogfal.server.cog_messages import Malformed, invalid_input, parse_envelope
from cogfal.server.responses import failure
from cogfal.spec import PredictorSpec

SEEDS: Final = Path(__file__).parent / "seeds"
LARGEST_FILE: Final = 100_000
MASKED: Final = """
from enum import Enum
from typing import Any, Literal, Optional, Union

from cog import BaseModel, BasePredictor, Input, Path, Secret


class Colour(str, Enum):
    RED = "red"


class Account(BaseModel):
    name: str
    key: Secret


class Predictor(BasePredictor):
    def predict(
        self,
        text: str = Input(default="x", max_length=1000),
        number: int = Input(default=1, ge=0, le=100),
        numbers: list[int] = Input(default=[]),
        ratio: float = Input(default=0.5, le=1),
        flag: bool = False,
        size: str = Input(default="small", choices=["small", "large"]),
        pattern: str = Input(default="a", regex="^(a+)+$"),
        literal: Literal["a", "b"] = "a",
        colour: Colour = Colour.RED,
        either: Union[str, int, list[float]] = 1,
        maybe: Optional[int] = None,
        image: Path = Input(default=None),
        images: list[Path] = Input(default=[]),
        data: dict = Input(default={}),
        account: Account = Input(default=None),
        token: Secret = Input(default=None),
    ) -> Any: ...
"""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader: its seeds, and a call that returns whether the text was accepted.

    The call raises whatever the reader must not raise.
    """

    seeds: Callable[[], Sequence[str]]
    read: Callable[[str], bool]


def files(folder: str) -> Sequence[str]:
    """Return the seeds of a folder."""
    return [path.read_text("utf-8") for path in sorted((SEEDS / folder).iterdir())]


def lines(name: str) -> Sequence[str]:
    """Return the seeds of a file with one on each line."""
    return (SEEDS / name).read_text("utf-8").splitlines()


@cache
def _folder() -> Path:
    """Return a directory for files that readers want on disk; one for the whole process."""
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def _explained(error: Exception, beginning: str = "") -> None:
    assert str(error)
    assert str(error).startswith(beginning)


def read_source(text: str) -> bool:
    """Read a predictor, and describe what was read."""
    (_folder() / "predict.py").write_text(text, "utf-8", errors="surrogatepass")
    ref = "predict.py" if "class Predictor" not in text else "predict.py:Predictor"
    try:
        spec = read_predictor(ref, _folder())
    except ProjectError as error:
        _explained(error)
        return False
    json.dumps(document(spec, title="x", version="1"), allow_nan=False)
    return True


def read_yaml(text: str) -> bool:
    """Read a cog.yaml."""
    try:
        parse_config(text)
    except ConfigError as error:
        _explained(error, "cog.yaml")
        return False
    return True


def read_requirement_file(text: str) -> bool:
    """Read a requirements file."""
    path = _folder() / "requirements.txt"
    path.write_text(text, "utf-8", errors="surrogatepass")
    try:
        read_requirements(path, {"VARIABLE": "https://example.com"})
    except ConfigError as error:
        _explained(error)
        return False
    return True


def read_data_url(text: str) -> bool:
    """Decode a data URL and name its file."""
    try:
        parsed = parse_data_url(text)
        data = b"".join(parsed.pieces(LARGEST_FILE))
    except FetchError:
        return False
    assert len(data) <= LARGEST_FILE
    _check_name(parsed.file_name(data))
    return True


def read_disposition(text: str) -> bool:
    """Name a download after its header, which arrives as bytes."""
    header = text.encode("utf-8", "replace").decode("latin-1")
    _check_name(name_for("/path/of%20url.png", header, "image/png"))
    _check_name(name_for(header, None, header))
    return True


def _check_name(name: str) -> None:
    assert 0 < len(name.encode()) <= MAX_NAME_BYTES
    assert name not in (".", "..")
    assert not name.startswith(".")
    assert name.isprintable()
    assert os.sep not in name


def read_url(text: str) -> bool:
    """Read the URL of a file input."""
    try:
        url = parse_url(text)
    except FetchError:
        return False
    assert url.scheme in ("http", "https")
    assert url.raw_host
    assert not {10, 13, 32} & {*url.raw_host, *url.raw_path, *url.netloc}
    return True


@cache
def _spec() -> PredictorSpec:
    (_folder() / "masked.py").write_text(MASKED, "utf-8")
    return read_predictor("masked.py:Predictor", _folder())


@cache
def _validators() -> tuple[Validator, Validator]:
    return Validator(_spec(), Dialect.FAL), Validator(_spec(), Dialect.COG)


def read_body(text: str) -> bool:
    """Validate a body at both doors, and write the refusals."""
    ours, cogs = _validators()
    body = text.encode("utf-8", "surrogatepass")
    try:
        values = ours.parse(decode(body))
    except InvalidInput as error:
        _check_refusal(failure(error).response().body, text)
        values = None
    try:
        cogs.parse(decode(body))
    except InvalidInput as error:
        _check_refusal(written(invalid_input(error)), text)
    if values is None:
        return False
    assert set(values) == {each.name for each in _spec().inputs}
    assert type(values["number"]) is int
    assert math.isfinite(values["ratio"])
    return True


def _check_refusal(body: bytes | memoryview, text: str) -> None:
    """The one thing never repeated is a secret, wherever it stood; lengths are bounded."""
    detail = json.loads(bytes(body))["detail"]
    masked = [each for each in detail if {"token", "account"} & set(map(str, each["loc"]))]
    assert '"secret"' not in json.dumps(masked)
    assert len(body) < 200_000 + len(detail) * 5_000, text[:100]


def read_request(text: str) -> bool:
    """Read the envelope of Cog's door."""
    try:
        parse_envelope(decode(text.encode("utf-8", "surrogatepass")))
    except (InvalidInput, Malformed) as error:
        _explained(error)
        return False
    return True


TARGETS: Final = {
    "predictors": Target(lambda: files("predictors"), read_source),
    "cog_yaml": Target(lambda: files("cog_yaml"), read_yaml),
    "requirements": Target(lambda: files("requirements"), read_requirement_file),
    "data_urls": Target(lambda: lines("data_urls.txt"), read_data_url),
    "dispositions": Target(lambda: lines("dispositions.txt"), read_disposition),
    "urls": Target(lambda: lines("urls.txt"), read_url),
    "bodies": Target(lambda: lines("bodies.txt"), read_body),
    "envelopes": Target(lambda: lines("bodies.txt"), read_request),
}
