import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"


class AsyncApp(cogfal.App):
    predictor = "predict.py:AsyncPredictor"
