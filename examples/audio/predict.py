import array
import math
import tempfile
import wave

from cog import BasePredictor, Input, Path

RATE = 22050


class Predictor(BasePredictor):
    def predict(
        self,
        frequency: float = Input(description="Pitch in hertz", ge=20, le=8000, default=440),
        seconds: float = Input(description="Length", ge=0.1, le=30, default=1),
        volume: float = Input(ge=0, le=1, default=0.5),
    ) -> Path:
        """Sound a sine tone"""
        step = 2 * math.pi * frequency / RATE
        peak = volume * 32767
        samples = array.array(
            "h", (round(peak * math.sin(step * n)) for n in range(round(RATE * seconds)))
        )
        path = Path(tempfile.mkdtemp()) / "tone.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        return path
