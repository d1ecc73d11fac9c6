"""Predictions in any state, made by hand, for the parts that only watch them."""

from __future__ import annotations

from cogfal.engine.prediction import Log, Prediction, Status
from cogfal.errors import PredictorFailed


class Play:
    """A prediction whose course a test plays; `cancelled` counts how often it was cancelled."""

    def __init__(self, name: str = "abc", *, yields: bool = False, history: int = 1024) -> None:
        self.cancelled = 0
        self.prediction = Prediction(name, "cog", canceller=self._cancel, history=history)
        if yields:
            self.prediction.expect_pieces(concatenate=False)

    def _cancel(self) -> None:
        self.cancelled += 1

    def start(self) -> None:
        """Take a slot."""
        self.prediction.start()

    def print(self, text: str) -> None:
        """Print something."""
        self.prediction.emit(Log("stdout", text))

    def put_out(self, chunk: str) -> None:
        """Return or yield something."""
        self.prediction.add_output(chunk)

    def succeed(self) -> None:
        """End well."""
        self.prediction.finish(Status.SUCCEEDED)

    def fail(self, text: str) -> None:
        """End badly."""
        self.prediction.finish(Status.FAILED, PredictorFailed(text))
