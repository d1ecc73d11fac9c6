import asyncio

from cog import AsyncConcatenateIterator, BasePredictor, Input


class Predictor(BasePredictor):
    async def setup(self) -> None:
        self.numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"]

    async def predict(
        self,
        count: int = Input(description="How far to count", ge=1, le=8, default=3),
        pause: float = Input(description="Seconds between two words", ge=0, le=5, default=0.05),
    ) -> AsyncConcatenateIterator[str]:
        """Count, one word after the other"""
        for number in range(1, count + 1):
            await asyncio.sleep(pause)
            yield self.numbers[number] if number == 1 else f" {self.numbers[number]}"
