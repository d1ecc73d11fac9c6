"""Ask the parent for a fork that does what this process was started for, and stand in its place.

Run by path, in isolated mode, with the standard library alone: `relay.py SOCKET NAME ARGUMENTS...`.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys
from pathlib import Path

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def main() -> int:
    """Return the exit status of the fork; a signal that comes meanwhile is sent to it."""
    address, name, *arguments = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until it is known who gets them
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    wish = {
        "name": name,
        "arguments": arguments,
        "cwd": str(Path.cwd()),
        "environ": dict(os.environ),
    }
    text = json.dumps(wish).encode("utf-8", "surrogateescape")
    descriptors = array.array("i", [0, 1, 2])
    connection.sendmsg(
        [len(text).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
    )
    connection.sendall(text)
    with connection, connection.makefile("r") as answers:
        pid = int(answers.readline())
        for each in PASSED_ON:
            signal.signal(each, lambda number, _: os.kill(pid, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        return int(answers.readline())


if __name__ == "__main__":
    status = main()
    if status < 0:  # as if the signal had ended this process
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
