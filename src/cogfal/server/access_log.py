"""Write the server's access log once an answer is on its way, not before its first byte."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

_LOGGER: Final = "uvicorn.access"


def write_afterwards() -> Callable[[], None]:
    """Have what uvicorn says of an answer written when the present turn of its loop is over.

    The handlers stay where they are: whoever redirects the output has to find them.

    Returns:
        What puts things back as they were.
    """
    logger = logging.getLogger(_LOGGER)
    say = logger.info
    logger.info = partial(_afterwards, say)  # type: ignore[method-assign]  # of this one
    return partial(setattr, logger, "info", say)


def _afterwards(say: Callable[..., None], text: object, *details: object, **named: Any) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # no loop: whoever logs waits for nothing
        say(text, *details, **named)
    else:
        loop.call_soon(partial(say, text, *details, **named))
