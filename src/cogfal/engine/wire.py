"""What the runner and its isolated predictor say to each other, over a socket of their own.

Only these two processes hold the socket's ends, so pickle is safe here. Objects of the author's
classes would need the author's modules to be read: they travel as the plain data they hold. Open
files travel as paths.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

from pydantic import BaseModel

from cogfal.cog.types import Secret
from cogfal.engine.faults import Fault
from cogfal.engine.prediction import Source
from cogfal.engine.weights import WeightsForm
from cogfal.spec import JSON, PredictorSpec

_LENGTH: Final = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Load:
    """Import the predictor."""

    number: int
    spec: PredictorSpec
    root: Path
    log_limit: int


@dataclass(frozen=True, slots=True)
class Setup:
    """Run the author's `setup`."""

    number: int
    weights: str | None


@dataclass(frozen=True, slots=True)
class Start:
    """Prepare call number `call`."""

    call: int
    values: Mapping[str, Any]
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Next:
    """Let call number `call` go on until it rests."""

    call: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Interrupt call number `call`."""

    call: int


@dataclass(frozen=True, slots=True)
class Close:
    """End call number `call`."""

    call: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Forget call number `call`."""

    call: int


@dataclass(frozen=True, slots=True)
class Check:
    """Ask the author's `healthcheck`."""

    number: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Teardown:
    """Run the author's `teardown`."""

    number: int


@dataclass(frozen=True, slots=True)
class Printed:
    """Call number `call` (0: none, such as setup) printed whole lines or flushed a part of one."""

    call: int
    source: Source
    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """Call number `call` recorded a metric."""

    call: int
    name: str
    value: JSON
    mode: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A piece of call number `call`; `kind` is the name of its class, a Fault stands for errors.

    `value` is frozen on its own, so that one that cannot be thawed harms its call alone. `rests` is
    that of `Yielded`; `closes` says that it answers a `Close`.
    """

    call: int
    kind: str
    value: bytes
    ignored: bool
    rests: bool = True
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """Order `number` was carried out; `failure` is why it was not, `mismatch` its kind."""

    number: int
    form: WeightsForm = WeightsForm.NONE
    reason: str | None = None
    failure: str | None = None
    mismatch: bool = False
    fault: Fault | None = None


Order: TypeAlias = Load | Setup | Start | Next | Cancel | Close | Finish | Check | Teardown
Report: TypeAlias = Printed | Recorded | Arrived | Done


def pack(message: Order | Report) -> bytes:
    """Turn a message into bytes; raises what `freeze` raises."""
    data = freeze(message)
    return _LENGTH.pack(len(data)) + data


def freeze(value: Any) -> bytes:
    """Turn a value into bytes; raises whatever pickle raises where it cannot travel."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def thaw(data: bytes) -> Any:
    """Turn bytes into the value again; raises whatever pickle raises where that cannot be."""
    return pickle.loads(data)  # noqa: S301  # from our own process


async def receive(reader: asyncio.StreamReader) -> Any:
    """Return the next message; raises EOFError when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return thaw(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise EOFError("the other process is gone") from error


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type):
            return NotImplemented
        if isinstance(value, Secret):
            return Secret, (value.get_secret_value(),)
        return NotImplemented if _is_ours(type(value)) else _reduced(value)


def _reduced(value: Any) -> Any:
    match value:
        case io.BufferedReader() | io.FileIO():
            return _reopen, (str(value.name),)
        case Enum():
            return _plain, (value.value,)
        case BaseModel():
            return dict, (list(value),)
        case _ if dataclasses.is_dataclass(value):
            return _of_dataclass(value)
        case _:
            return NotImplemented


def _of_dataclass(value: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    names = [field.name for field in dataclasses.fields(value)]
    return dict, ([(name, getattr(value, name)) for name in names],)


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "cogfal"


def _plain(value: Any) -> Any:
    return value


def _reopen(path: str) -> BinaryIO:
    return Path(path).open("rb")
