"""Do several things at a time, all of them or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import TypeVar

import anyio

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


async def together(
    work: Mapping[Key, Callable[[], Awaitable[Result]]], at_once: int
) -> dict[Key, Result]:
    """Do all of `work`, at most `at_once` at a time, and return the results by their keys.

    The first failure cancels what is under way and is raised as it is; so does cancelling.
    """
    if len(work) <= 1:
        return {key: await job() for key, job in work.items()}
    slots = anyio.Semaphore(at_once)
    results: dict[Key, Result] = {}
    failures: list[Exception] = []
    async with anyio.create_task_group() as tasks:

        async def do(key: Key, job: Callable[[], Awaitable[Result]]) -> None:
            async with slots:
                try:
                    results[key] = await job()
                except Exception as error:
                    failures.append(error)
                    tasks.cancel_scope.cancel()

        for key, job in work.items():
            tasks.start_soon(do, key, job)
    if failures:
        raise failures[0]
    return results
