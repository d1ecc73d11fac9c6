"""How tests are spread over the cores: by file, and what needs fal's own directory in one place."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

CLOUD = ("tests/loopback/", "tests/test_remote.py")
"""What puts files into `/app` and serves on fal's port, one app at a time."""

FIRST = (
    *CLOUD,
    "tests/playground/",
    "tests/test_typing.py",
)
"""Files that take long, begun first, so that no core works alone at the end."""


def rank(path: str) -> int:
    """Return when the tests of a file are begun, of those that may begin at any time the last."""
    return next((n for n, first in enumerate(FIRST) if path.startswith(first)), len(FIRST))


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # xdist publishes no types
    """Gives the cores a file at a time, in the order of the files."""

    def _split_scope(self, nodeid: str) -> str:
        return "cloud" if nodeid.startswith(CLOUD) else nodeid.partition("::")[0]
