from collections.abc import AsyncIterator, Iterator

import fal
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


class Request(BaseModel):
    count: int = Field(ge=1)


class Chunk(BaseModel):
    output: str
    index: int


class Whole(BaseModel):
    output: str
    completed: bool


def frame(event: BaseModel) -> str:
    return f"data: {event.model_dump_json()}\n\n"


class Sync(fal.App):
    @fal.endpoint("/stream")
    def stream(self, request: Request) -> StreamingResponse:
        return StreamingResponse(self.frames(request.count), media_type="text/event-stream")

    def frames(self, count: int) -> Iterator[str]:
        tokens = []
        for number in range(count):
            tokens.append(f"token {number} ")
            yield frame(Chunk(output=tokens[-1], index=number))
        yield frame(Whole(output="".join(tokens), completed=True))


class Async(fal.App):
    @fal.endpoint("/stream")
    async def stream(self, request: Request) -> StreamingResponse:
        return StreamingResponse(self.frames(request.count), media_type="text/event-stream")

    async def frames(self, count: int) -> AsyncIterator[str]:
        tokens = []
        for number in range(count):
            tokens.append(f"token {number} ")
            yield frame(Chunk(output=tokens[-1], index=number))
        yield frame(Whole(output="".join(tokens), completed=True))
