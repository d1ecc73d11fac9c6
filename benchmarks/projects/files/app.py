import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
    files = "fal"
    allow_private_hosts = True


class LargeApp(cogfal.App):
    predictor = "predict.py:Large"
    files = "fal"
    allow_private_hosts = True
