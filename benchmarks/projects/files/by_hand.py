import shutil
import tempfile
from pathlib import Path

import fal
import httpx
from fal.toolkit import File, Image
from pydantic import BaseModel, Field

PIECE = 2**20


class Request(BaseModel):
    images: list[str] = Field(description="Pictures")


class Answer(BaseModel):
    output: list[Image]


class LargeRequest(BaseModel):
    file: str = Field(description="A large file")


class LargeAnswer(BaseModel):
    output: File


# fal.toolkit's download_file refuses loopback addresses, so these do what it does with httpx.
def download(client: httpx.Client, url: str, path: Path) -> Path:
    with client.stream("GET", url) as answer, path.open("wb") as file:
        answer.raise_for_status()
        for piece in answer.iter_raw(PIECE):
            file.write(piece)
    return path


class Sync(fal.App):
    @fal.endpoint("/")
    def predict(self, request: Request) -> Answer:
        with tempfile.TemporaryDirectory() as directory, httpx.Client() as client:
            results = []
            for number, url in enumerate(request.images):
                image = download(client, url, Path(directory) / f"{number}.png")
                results.append(image.with_name(f"result-{number}.png"))
                shutil.copyfile(image, results[-1])
            return Answer(output=[Image.from_path(result, "image/png") for result in results])


class LargeSync(fal.App):
    @fal.endpoint("/")
    def predict(self, request: LargeRequest) -> LargeAnswer:
        with tempfile.TemporaryDirectory() as directory, httpx.Client() as client:
            file = download(client, request.file, Path(directory) / "large.bin")
            return LargeAnswer(output=File.from_path(file))
