"""What the author's side uses for inputs, results, and what was imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogfal.cog.types import Path, Secret
from cogfal.errors import PredictorError

from .core import Tools
from .differences import differences
from .encoding import encode
from .errors import Mismatch
from .live import read_live
from .members import members_of

if TYPE_CHECKING:
    from cogfal.spec import PredictorSpec


def bind(spec: PredictorSpec, method: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Make what turns a request's values into arguments."""
    members = members_of(spec, method)
    return lambda values, keep: dict(members.fill(_built(values, keep)))


def verify(spec: PredictorSpec, target: Any) -> None:
    """Compare what was imported with what its text said, on which schema and validation rest.

    What cannot be read of the object, and what depends on the environment, is only told.
    """
    try:
        live = read_live(target, path=spec.path, name=spec.name, role=spec.role)
    except PredictorError as error:
        sys.stderr.write(f"cogfal: the signature cannot be checked once imported: {error}\n")
        return
    found = differences(spec, live)
    if found and spec.deploy_time:
        sys.stderr.write(f"cogfal: {spec.ref} depends on {', '.join(spec.deploy_time)}: {found}\n")
    elif found:
        raise Mismatch(
            f"{spec.ref} is not what its text said; {'; '.join(found)}. Write the signature out, "
            "or set read_by_importing = True"
        )


def _built(value: Any, keep: Callable[[Any], None]) -> Any:
    if isinstance(value, list):
        return [_built(each, keep) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"\0path"}:
        return Path(value["\0path"])
    if set(value) == {"\0secret"}:
        return Secret(value["\0secret"])
    if set(value) == {"\0file"}:
        handle = open(value["\0file"], "rb")  # noqa: SIM115  # closed when the call is over
        keep(handle)
        return handle
    return {name: _built(each, keep) for name, each in value.items()}


TOOLS = Tools(verify, bind, encode)
HERE = TOOLS._replace(encode=lambda result, *_: result)
