from collections.abc import Iterator

import fal
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


class Text(BaseModel):
    text: str


class Length(BaseModel):
    output: int


class Count(BaseModel):
    count: int = Field(ge=1)


class Results(BaseModel):
    output: list[str]


class Chunk(BaseModel):
    output: str
    index: int


class Body(fal.App):
    @fal.endpoint("/")
    def predict(self, request: Text) -> Length:
        return Length(output=len(request.text))


class Concurrent(fal.App):
    @fal.endpoint("/")
    async def predict(self, request: Text) -> Length:
        return Length(output=len(request.text))


class Outputs(fal.App):
    @fal.endpoint("/")
    def predict(self, request: Count) -> Results:
        return Results(output=[f"result {number}" for number in range(request.count)])


class Tokens(fal.App):
    @fal.endpoint("/stream")
    def stream(self, request: Count) -> StreamingResponse:
        return StreamingResponse(self.frames(request.count), media_type="text/event-stream")

    def frames(self, count: int) -> Iterator[str]:
        for number in range(count):
            chunk = Chunk(output=f"token {number} ", index=number)
            yield f"data: {chunk.model_dump_json()}\n\n"
