"""What the author's side uses for inputs, results, and what was imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arguments import Arguments
from .core import Tools
from .encoding import encode
from .live import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogfal.spec import PredictorSpec


def bind(spec: PredictorSpec, method: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Make what turns a request's values into arguments."""
    return Arguments(spec, method).build


TOOLS = Tools(verify, bind, encode)
HERE = TOOLS._replace(encode=lambda result, *_: result)
