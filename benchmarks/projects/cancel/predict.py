import time
from pathlib import Path

from cog import BasePredictor, Input

try:
    from cog import CancelationException
except ImportError:  # Cog 0.16
    from cog.server.exceptions import CancelationException


class Predictor(BasePredictor):
    """Marks the moments, in nanoseconds of the monotonic clock, at which it begins and is ended."""

    def predict(
        self,
        kind: str = Input(choices=["short", "sleeps", "rests", "computes"]),
        mark: str = Input(default=""),
    ) -> str:
        if kind == "short":
            return "done"
        try:
            Path(mark).write_text("begun")
            while True:
                work(kind)
        except CancelationException:
            ended = time.monotonic_ns()
            Path(mark).write_text(str(ended))
            raise


def work(kind: str) -> None:
    if kind == "sleeps":
        time.sleep(0.001)
    elif kind == "rests":
        time.sleep(0.2)
    else:
        sum(range(10_000))
