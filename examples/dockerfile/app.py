import cogfal
from fal import ContainerImage


class App(cogfal.App):
    predictor = "predict.py:Predictor"
    image = ContainerImage.from_dockerfile("Dockerfile")
    output_name = "audio"
