import asyncio

from cog import AsyncConcatenateIterator, BasePredictor, Input


class Predictor(BasePredictor):
    async def setup(self) -> None:
        self.numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight"]

    async def predict(
        self,
        count: int = Input(description="How far to count", ge=1, le=8, default=3),
        pause: float = Input(description="Seconds between two words", ge=0, le=60, default=0.2),
    ) -> AsyncConcatenateIterator[str]:
        """Count, one word after the other"""
        yield self.numbers[0]
        for word in self.numbers[1:count]:
            await asyncio.sleep(pause)
            yield f" {word}"
