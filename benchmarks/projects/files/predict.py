import shutil

from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def predict(self, images: list[Path] = Input(description="Pictures")) -> list[Path]:
        results = []
        for number, image in enumerate(images):
            result = image.with_name(f"result-{number}.png")
            shutil.copyfile(image, result)
            results.append(Path(result))
        return results


class Large(BasePredictor):
    def predict(self, file: Path = Input(description="A large file")) -> Path:
        return file
