"""When the access log is written, and what is put back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from cogfal.server.connections import write_afterwards

LOGGER = logging.getLogger("uvicorn.access")


class Lines(logging.Handler):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.said.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Read what the server's access log says."""
    handler, level = Lines(), LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    yield handler.said
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(level)


def test_the_answer_comes_first(lines: list[str]) -> None:
    """What the loop does in the same turn is done before the line is written."""

    async def main() -> tuple[list[str], list[str]]:
        restore = write_afterwards()
        LOGGER.info("%s %d", "GET", 200, extra={"by": "a middleware"})
        meanwhile = [*lines]
        await asyncio.sleep(0)
        restore()
        return meanwhile, [*lines]

    meanwhile, afterwards = asyncio.run(main())

    assert (meanwhile, afterwards) == ([], ["GET 200"])


def test_without_a_loop_a_line_is_written_at_once(lines: list[str]) -> None:
    """A thread of another server's has nothing that it could be written after."""
    restore = write_afterwards()

    LOGGER.info("GET 200", stacklevel=2)

    assert lines == ["GET 200"]
    restore()


def test_the_log_is_as_it_was_once_the_app_has_ended(lines: list[str]) -> None:
    """Handlers that were there write at once again."""

    async def main() -> list[str]:
        write_afterwards()()
        LOGGER.info("GET 200")
        return [*lines]

    assert asyncio.run(main()) == ["GET 200"]
