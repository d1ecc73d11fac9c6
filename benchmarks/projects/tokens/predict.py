from cog import AsyncConcatenateIterator, BasePredictor, ConcatenateIterator, Input, concurrent
from cog import streaming


class Predictor(BasePredictor):
    @streaming
    def predict(self, count: int = Input(ge=1)) -> ConcatenateIterator[str]:
        for number in range(count):
            yield f"token {number} "


class AsyncPredictor(BasePredictor):
    @concurrent(max=2)
    @streaming
    async def predict(self, count: int = Input(ge=1)) -> AsyncConcatenateIterator[str]:
        for number in range(count):
            yield f"token {number} "
