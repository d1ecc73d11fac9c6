"""A project for the page: pictures, a mask and a secret in; pictures, a sound and words out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

COG_YAML: Final = 'predict: "predict.py:Studio"\n'
PREDICT: Final = '''
import struct
import wave
import zlib
from typing import Optional

import pathlib
from cog import BaseModel, BasePredictor, Input, Path, Secret

HERE = pathlib.Path(__file__).parent


class Output(BaseModel):
    pictures: list[Path]
    sound: Path
    words: str


def picture(name, width, height):
    rows = b"".join(b"\\0" + bytes([90, 40, 200]) * width for _ in range(height))
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    chunks = [b"IHDR" + head, b"IDAT" + zlib.compress(rows), b"IEND"]
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    pathlib.Path(name).write_bytes(b"\\x89PNG\\r\\n\\x1a\\n" + b"".join(packed))
    return Path(name)


class Studio(BasePredictor):
    """Paint what the prompt says.

    - **Short** prompts are best
    - see [the guide](https://guide.example/start)
    """

    def setup(self):
        print("loading the brushes")

    def predict(
        self,
        prompt: str = Input(
            description="What to **paint**, as `words` <img src=x onerror=alert(1)>,"
            " [never](javascript:alert(1))"
        ),
        steps: int = Input(ge=1, le=50, default=4),
        width: int = Input(default=64, ge=16, le=256),
        style: str = Input(choices=["oil", "ink"], default="oil"),
        extra: dict = Input(default={}),
        image: Path = Input(default=None, description="What to change"),
        mask: Path = Input(default=None, description="White where to change it"),
        audio: Path = Input(default=None, description="What to listen to"),
        token: Secret = Input(default=None),
    ) -> Output:
        print("begun")
        if prompt == "gate":
            print("painting 3/20")
            (HERE / "gate").read_text()
        if prompt == "fall":
            raise ValueError("no luck")
        with wave.open("sound.wav", "wb") as sound:
            sound.setparams((1, 1, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(16000))
        pictures = [picture(f"{number}.png", width, width // 2) for number in (1, 2)]
        return Output(pictures=pictures, sound=Path("sound.wav"), words=prompt)
'''
EXAMPLES: Final = """
- name: a red square
  input:
    prompt: a red square
    image: "@inputs/square.png"
    steps: 7
- name: with an answer
  input: {prompt: an "@" sign, extra: {sign: "@@home"}}
  output: {pictures: ["@inputs/square.png"], words: as before}
"""


def write_studio(folder: Path) -> Path:
    """Write the project."""
    (folder / "inputs").mkdir(parents=True)
    (folder / "cog.yaml").write_text(COG_YAML)
    (folder / "predict.py").write_text(PREDICT)
    (folder / "examples.yaml").write_text(EXAMPLES)
    Image.new("RGB", (120, 80), "#d03030").save(folder / "inputs" / "square.png")
    return folder


@dataclass(frozen=True)
class Studio:
    """The project, and where it is served."""

    project: Path
    url: str

    def open_gate(self) -> None:
        """Wait until a prediction waits at the gate, and let it through.

        One that was cancelled goes as soon as the gate is opened, and reads nothing more.
        """
        with suppress(BrokenPipeError):
            (self.project / "gate").write_text("open")
