import asyncio

from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.running = 0

    async def predict(
        self, seconds: float = Input(description="How long to take", ge=0, le=60, default=0.2)
    ) -> int:
        """Wait, and tell how many predictions ran at the same time at the end"""
        self.running += 1
        try:
            await asyncio.sleep(seconds)
            return self.running
        finally:
            self.running -= 1
