import time
from pathlib import Path

from cog import BasePredictor, CancelationException, Input


class Predictor(BasePredictor):
    """Marks the moments, in nanoseconds of the monotonic clock, at which it begins and is ended."""

    def predict(
        self,
        kind: str = Input(choices=["short", "sleeps", "computes"]),
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
    else:
        sum(range(10_000))
