"""The predictor under load: its answer holds a check of its own input."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from tests.hostile.target import Target

PREDICTOR = """
    import asyncio, hashlib
    from typing import AsyncIterator

    from cog import BasePredictor, Input, Path, streaming

    class Predictor(BasePredictor):
        @streaming
        async def predict(
            self,
            text: str,
            pieces: int = Input(default=3, ge=1, le=10_000_000),
            pause: float = Input(default=0, ge=0, le=1),
            file: Path = Input(default=None),
        ) -> AsyncIterator[str]:
            seen = text if file is None else text + file.read_text()
            print(f"serving {text[:16]}")
            for index in range(pieces):
                await asyncio.sleep(pause)
                yield hashlib.sha256(f"{index}{seen}".encode()).hexdigest()
"""


def expected(text: str, pieces: int, file: str = "") -> list[str]:
    """Return what the predictor answers."""
    return [hashlib.sha256(f"{i}{text}{file}".encode()).hexdigest() for i in range(pieces)]


def served(slots: int) -> Target:
    """Serve the predictor with so many slots, in a new temporary directory."""
    folder = Path(tempfile.mkdtemp(prefix="load-"))
    return Target(folder, PREDICTOR, f"max_multiplexing = {slots}", "queue_limit = 1000", anew=True)
