"""Download a repository of the Hugging Face Hub: a program of its own, which ends with its parent.

It is given a JSON object on the first line of its input and prints the directory of the snapshot.
The library downloads in threads that nothing can interrupt; a process can be ended. It needs
huggingface_hub and nothing of cogfal's.
"""

from __future__ import annotations

import json
import os
import sys
import threading


def main() -> int:
    """Run it; the exit status is 1 where it cannot be downloaded, with the reason as last line."""
    # The task is read before the thread begins, which takes whatever else the input has.
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415  # its absence is told

        found = snapshot_download(**given)
    except Exception as error:  # whatever it is, the parent tells it
        sys.stderr.write(f"{type(error).__name__}: {' '.join(str(error).split())}\n")
        return 1
    sys.stdout.write(found)
    return 0


def _end_with_the_parent() -> None:
    """The parent holds the other end of the input for as long as it lives."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
