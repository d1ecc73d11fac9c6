"""Ask the parent for a fork that does what this process was started for, and stand in its place.

Written into the executables, and run in isolated mode without `site`: which command it is and where
the parent listens is in the path. What the standard library would add to its start is a multiple of
all that it does, so it stands on what is compiled into the interpreter.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import os
import sys

PASSED_ON = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT)
STREAMS = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))


def main() -> int:
    """Return the exit status of the fork; a signal that comes meanwhile is sent to it."""
    folder, _, name = sys.argv[0].rpartition("/")
    _signal.pthread_sigmask(_signal.SIG_BLOCK, PASSED_ON)  # until it is known who gets them
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(f"{folder}/socket")
    wish = {
        "name": name,
        "arguments": sys.argv[1:],
        "cwd": os.getcwd(),  # noqa: PTH109
        "environ": dict(os.environ),
    }
    text = ascii(wish).encode()
    connection.sendmsg(
        [len(text).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, STREAMS)]
    )
    connection.sendall(text)
    pid = number_from(connection)
    for each in PASSED_ON:
        _signal.signal(each, lambda number, _: os.kill(pid, number))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, PASSED_ON)
    return number_from(connection)


def number_from(connection: _socket.socket) -> int:
    """Return the number in the next line."""
    line = b""
    while not line.endswith(b"\n"):
        received = connection.recv(1)
        if not received:
            raise EOFError("the parent has gone")
        line += received
    return int(line)


if __name__ == "__main__":
    status = main()
    if status < 0:  # as if the signal had ended this process
        _signal.signal(-status, _signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
