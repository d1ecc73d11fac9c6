import fal
from fal.toolkit import Image
from pydantic import BaseModel, Field


class Request(BaseModel):
    seed: int = Field(description="Which network to draw", ge=0, default=7)
    size: int = Field(description="Pixels per side", ge=16, le=2048, default=256)
    zoom: float = Field(ge=0.1, le=10, default=1.5)


class Answer(BaseModel):
    output: Image


class App(fal.App):
    def setup(self) -> None:
        from predict import Predictor  # noqa: PLC0415  # the one who starts the app needs no torch

        self.model = Predictor()
        self.model.setup()

    @fal.endpoint("/")
    def predict(self, request: Request) -> Answer:
        path = self.model.predict(**request.model_dump())
        return Answer(output=Image.from_path(path, "image/png", repository="in_memory"))
