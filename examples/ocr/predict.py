import tempfile
from typing import List

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from rapidocr_onnxruntime import RapidOCR

from cog import BaseModel, BasePredictor, Input, Path


class Box(BaseModel):
    text: str
    score: float
    points: List[List[float]]


class Output(BaseModel):
    text: str
    boxes: List[Box]
    annotated: Path


class Predictor(BasePredictor):
    def setup(self) -> None:
        """Load the models, which lie in the package"""
        self.engine = RapidOCR()

    def predict(
        self,
        image: Path = Input(description="Picture with text in it"),
        minimum_score: float = Input(
            description="Leave out what is recognised with less certainty", ge=0, le=1, default=0.5
        ),
    ) -> Output:
        """Read the text in a picture"""
        with Image.open(image) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        found, _ = self.engine(np.asarray(picture)[:, :, ::-1])
        boxes = [
            Box(text=text.strip(), score=float(score), points=[[float(x), float(y)] for x, y in points])
            for points, text, score in found or []
            if float(score) >= minimum_score
        ]
        return Output(
            text="\n".join(box.text for box in boxes),
            boxes=boxes,
            annotated=self.annotate(picture, boxes),
        )

    def annotate(self, picture: Image.Image, boxes: List[Box]) -> Path:
        draw = ImageDraw.Draw(picture)
        for box in boxes:
            draw.polygon([tuple(point) for point in box.points], outline="red", width=3)
        path = Path(tempfile.mkdtemp()) / "annotated.png"
        picture.save(path)
        return path
