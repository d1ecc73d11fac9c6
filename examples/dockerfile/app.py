from fal import ContainerImage

import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
    image = ContainerImage.from_dockerfile("Dockerfile")
    output_name = "audio"
