from cog import BasePredictor, ConcatenateIterator, Input, Path, concurrent


class Body(BasePredictor):
    def predict(self, text: str = Input()) -> int:
        return len(text)


class Outputs(BasePredictor):
    def predict(self, count: int = Input(ge=1)) -> list[str]:
        return [f"result {number}" for number in range(count)]


class Files(BasePredictor):
    def predict(self, count: int = Input(ge=1)) -> list[Path]:
        results = [Path(f"{number}.txt") for number in range(count)]
        for result in results:
            result.write_text("result")
        return results


class Tokens(BasePredictor):
    def predict(self, count: int = Input(ge=1)) -> ConcatenateIterator[str]:
        for number in range(count):
            yield f"token {number} "


class Concurrent(BasePredictor):
    @concurrent(max=128)
    async def predict(self, text: str = Input()) -> int:
        return len(text)
