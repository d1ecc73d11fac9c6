"""How much of everything a gateway keeps and takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one gateway; sizes are bytes, times seconds.

    Attributes:
        body: Of one request's JSON; of four of them, and smaller ones, that are held at once.
        answer: Of what an app answers to one prediction.
        file: Of one uploaded file.
        files: Of all files that the gateway keeps itself.
        stream: Of the events of one prediction that are kept for readers who come back.
        state: Of everything that is remembered of predictions.
        predictions: How many predictions are remembered.
        waiting: How many predictions may be followed or wait for a directly addressed app.
        file_seconds: How long a file stays.
    """

    body: int = 100 * MIB
    answer: int = 256 * MIB
    file: int = 100 * MIB
    files: int = 2048 * MIB
    stream: int = 4 * MIB
    state: int = 512 * MIB
    predictions: int = 10_000
    waiting: int = 1000
    file_seconds: int = 24 * 3600
