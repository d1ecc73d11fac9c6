import tempfile
from typing import Dict

import fastapi
import PIL
import pydantic
from cog import BaseModel, BasePredictor, Input, Path
from fastapi.encoders import jsonable_encoder
from PIL import Image


class Request(pydantic.BaseModel):
    size: int
    colour: str

    @pydantic.validator("colour")
    def known(cls, value: str) -> str:
        """Written for Pydantic 1, as the project is."""
        if value not in ("red", "green", "blue"):
            raise ValueError("no such colour")
        return value


class Output(BaseModel):
    versions: Dict[str, str]
    request: Dict[str, str]
    picture: Path


class Predictor(BasePredictor):
    def predict(
        self,
        size: int = Input(description="Width and height in pixels", ge=1, le=512, default=64),
        colour: str = Input(choices=["red", "green", "blue"], default="red"),
    ) -> Output:
        """Paint a square"""
        request = Request(size=size, colour=colour)
        picture = Image.new("RGB", (2 * size, 2 * size), request.colour)
        path = Path(tempfile.mkdtemp()) / "square.png"
        picture.resize((size, size), Image.ANTIALIAS).save(path)  # gone since Pillow 10
        versions = {"pydantic": pydantic.VERSION, "pillow": PIL.__version__}
        return Output(
            versions=dict(versions, fastapi=fastapi.__version__),
            request={key: str(value) for key, value in jsonable_encoder(request).items()},
            picture=path,
        )
