import base64
import shutil
import tempfile
from pathlib import Path

import fal
from fal.toolkit import Image
from pydantic import BaseModel, Field


class Request(BaseModel):
    image: str = Field(description="A picture")


class Answer(BaseModel):
    output: Image


def work(image: Path) -> Path:
    result = image.with_name("result.png")
    shutil.copyfile(image, result)
    return result


def answer(request: Request) -> Answer:
    with tempfile.TemporaryDirectory() as directory:
        image = Path(directory) / "image.png"
        image.write_bytes(base64.b64decode(request.image.partition(",")[2]))
        result = work(image)
        return Answer(output=Image.from_path(result, "image/png", repository="in_memory"))


class Sync(fal.App):
    @fal.endpoint("/")
    def predict(self, request: Request) -> Answer:
        return answer(request)


class Async(fal.App):
    @fal.endpoint("/")
    async def predict(self, request: Request) -> Answer:
        return answer(request)


class Bytes(fal.App):
    """The least that can be done: the picture never touches the disk."""

    @fal.endpoint("/")
    async def predict(self, request: Request) -> Answer:
        content = base64.b64decode(request.image.partition(",")[2])
        return Answer(output=Image.from_bytes(content, "png", repository="in_memory"))
