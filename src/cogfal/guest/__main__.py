"""Run as the author's process, by path: carry out the orders that come over a socket.

`python __main__.py SOCKET ALARM OUT ERR`, all descriptors: the socket to the server, one that tells
of cancellations, and two that lead to the runner's log. The author's code runs on the main thread,
what comes over the socket on another.
"""

import sys

# Python has put this directory first, where its modules would hide others; nothing of cogfal's is
# importable for the author's code but under its full name.
sys.path[:] = [entry for entry in sys.path if entry != __file__.rpartition("/")[0]]


def main() -> None:
    """Serve the socket until the server hangs up."""
    _make_importable()
    from cogfal.guest.server import serve  # noqa: PLC0415  # importable from here on

    socket, alarm, stdout, stderr = map(int, sys.argv[1:])
    serve(socket, alarm, (stdout, stderr))


def _make_importable() -> None:
    """Make `cogfal` importable by its path, and nothing that lies beside it."""
    import importlib.util  # noqa: PLC0415

    directory = __file__.rpartition("/guest/")[0]
    found = importlib.util.spec_from_file_location(
        "cogfal", directory + "/__init__.py", submodule_search_locations=[directory]
    )
    assert found is not None
    assert found.loader is not None
    package = sys.modules["cogfal"] = importlib.util.module_from_spec(found)
    found.loader.exec_module(package)


if __name__ == "__main__":
    main()
