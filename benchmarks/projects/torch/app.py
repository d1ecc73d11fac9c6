import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
    files = "in_memory"
