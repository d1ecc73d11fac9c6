"""How tests are spread over the cores: by file, those that take long first."""

from __future__ import annotations

from collections.abc import MutableMapping

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

LOOPBACK = ("tests/loopback/", "tests/test_remote.py")
"""What takes turns, as fal's ports on a runner are always the same; one core runs all of it."""

FIRST = (
    *LOOPBACK,
    "tests/hostile/",
    "tests/examples/",
    "tests/project/test_image_commands.py",
    "tests/cli/test_client.py",
    "tests/test_typing.py",
    "tests/compare/",
    "tests/docs/",
    "tests/playground/",
    "tests/server/",
    "tests/engine/",
    "tests/gateway/",
)
"""Files and folders that take long, begun first, so that no core works alone at the end."""


def rank(path: str) -> int:
    """Return the place of a file's tests in the order; what is not named comes last."""
    return next((n for n, first in enumerate(FIRST) if path.startswith(first)), len(FIRST))


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # xdist publishes no types
    """Gives the cores a file at a time, in the order of the files."""

    def _split_scope(self, nodeid: str) -> str:
        return "loopback" if nodeid.startswith(LOOPBACK) else nodeid.partition("::")[0]

    def remove_node(self, node: WorkerController) -> str | None:
        """Give what a process that died had still to do to the others, and nothing else.

        xdist would give its files that are done as well, with which the next process waits for
        ever, and the test at which it died, at which the next one dies.
        """
        _forget_done(self.assigned_work[node])
        crashed: str | None = super().remove_node(node)
        scope = crashed and self._split_scope(crashed)
        if scope in self.workqueue:
            self.workqueue[scope][crashed] = True
            _forget_done(self.workqueue)
        return crashed


def _forget_done(files: MutableMapping[str, dict[str, bool]]) -> None:
    for file in [each for each, tests in files.items() if all(tests.values())]:
        del files[file]
