import os
import subprocess
import tempfile

from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def setup(self) -> None:
        """Make sure that the speaker is there"""
        subprocess.run(["espeak-ng", "--version"], check=True)

    def predict(
        self,
        text: str = Input(description="Text to speak", max_length=1000),
        speed: int = Input(description="Words per minute", ge=80, le=450, default=175),
    ) -> Path:
        """Speak a text with espeak-ng"""
        path = Path(tempfile.mkdtemp()) / "speech.wav"
        voice = os.environ.get("ESPEAK_VOICE", "en")
        subprocess.run(
            ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), text], check=True
        )
        return path
