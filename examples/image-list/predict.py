import os
import tempfile
from typing import List

from PIL import Image, ImageDraw

from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def predict(
        self,
        prompt: str = Input(description="Text to draw", default="cog"),
        num_outputs: int = Input(description="Number of pictures", choices=[1, 2, 4], default=2),
        seed: int = Input(description="Leave out for a random seed", default=None),
    ) -> List[Path]:
        """Draw a text on differently coloured grounds"""
        if seed is None:
            seed = int.from_bytes(os.urandom(2), "big")
        folder = Path(tempfile.mkdtemp())
        paths = []
        for number in range(num_outputs):
            hue = (seed + number * 97) % 360
            picture = Image.new("RGB", (256, 128), f"hsl({hue}, 70%, 60%)")
            ImageDraw.Draw(picture).text((16, 56), f"{prompt} {number}", fill="black")
            paths.append(folder / f"out-{number}.webp")
            picture.save(paths[-1], "WEBP")
        return paths
