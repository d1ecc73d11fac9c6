import tempfile

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from cog import BasePredictor, Input, Path

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


class Predictor(BasePredictor):
    def predict(
        self,
        image: Path = Input(description="Picture to edit"),
        width: int = Input(description="Width of the result in pixels", ge=16, le=4096, default=512),
        rotate: float = Input(description="Degrees, anticlockwise", ge=-180, le=180, default=0),
        blur: float = Input(description="Radius of the blur in pixels", ge=0, le=50, default=0),
        contrast: float = Input(description="1 leaves it as it is", ge=0, le=4, default=1.0),
        grayscale: bool = Input(description="Drop the colours", default=False),
        output_format: str = Input(choices=list(FORMATS.keys()), default="png"),
    ) -> Path:
        """Resize, rotate, blur or recolour a picture"""
        with Image.open(image) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        if rotate:
            picture = picture.rotate(rotate, expand=True)
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
        picture = ImageEnhance.Contrast(picture).enhance(contrast)
        if grayscale:
            picture = ImageOps.grayscale(picture)
        result = Path(tempfile.mkdtemp()) / f"result.{output_format}"
        picture.save(result, FORMATS[output_format])
        return result
