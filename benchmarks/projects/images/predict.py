import shutil

from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def predict(self, image: Path = Input(description="A picture")) -> Path:
        result = image.with_name("result.png")
        shutil.copyfile(image, result)
        return Path(result)
