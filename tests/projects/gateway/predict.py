import os
import tempfile
import time
from typing import Any

from cog import BasePredictor, ConcatenateIterator, Input, Path, streaming


class Anything(BasePredictor):
    def predict(
        self,
        do: str = "echo",
        text: str = "nothing",
        count: int = Input(default=1, ge=1, le=5),
        file: Path = Input(default=None),
    ) -> Any:
        print("working on", do)
        if do == "fail":
            raise ValueError("it broke")
        if do == "read":
            return file.read_text()
        if do == "paint":
            return painted()
        if do == "paint-two":
            return [painted(), painted()]
        while do in ("wait", "hold"):
            time.sleep(0.01)
        return text


class Words(BasePredictor):
    @streaming
    def predict(self, do: str = "echo") -> ConcatenateIterator[str]:
        print("working")
        for word in ("one ", "two\nlines ", "three"):
            yield word
        if do == "fail":
            raise ValueError("it broke")


def painted() -> Path:
    handle, path = tempfile.mkstemp(suffix=".png")
    os.write(handle, b"picture")
    os.close(handle)
    return Path(path)
