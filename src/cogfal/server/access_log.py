"""Write the server's access log once an answer is on its way, not before its first byte."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from typing_extensions import override

_LOGGER: Final = "uvicorn.access"


def write_afterwards() -> Callable[[], None]:
    """Have what uvicorn says of an answer written when the present turn of its loop is over.

    Returns:
        What puts things back as they were.
    """
    logger = logging.getLogger(_LOGGER)
    before = logger.handlers
    logger.handlers = [_Afterwards(each) for each in before]
    return partial(setattr, logger, "handlers", before)


class _Afterwards(logging.Handler):
    """Hands records on to another handler, when what has to be done at once is done."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self._handler = handler

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop: whoever logs waits for nothing
            self._handler.handle(record)
        else:
            loop.call_soon(self._handler.handle, record)
