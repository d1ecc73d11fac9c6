"""Write the server's access log once an answer is on its way, not before its first byte."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

_LOGGER: Final = "uvicorn.access"


def write_afterwards() -> Callable[[], None]:
    """Have what uvicorn says of an answer written when the present turn of its loop is over.

    The handlers stay where they are: whoever redirects the output has to find them.

    Returns:
        What puts things back as they were.
    """
    restore = ExitStack()
    for handler in logging.getLogger(_LOGGER).handlers:
        write: Callable[[logging.LogRecord], Any] = handler.handle
        handler.handle = partial(_afterwards, write)  # type: ignore[method-assign]  # of this one
        restore.callback(setattr, handler, "handle", write)
    return restore.close


def _afterwards(write: Callable[[logging.LogRecord], Any], record: logging.LogRecord) -> bool:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # no loop: whoever logs waits for nothing
        return bool(write(record))
    loop.call_soon(write, record)
    return True
