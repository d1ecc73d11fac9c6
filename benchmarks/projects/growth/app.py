import cogfal


class Body(cogfal.App):
    predictor = "predict.py:Body"


class Outputs(cogfal.App):
    predictor = "predict.py:Outputs"


class Files(cogfal.App):
    predictor = "predict.py:Files"


class Tokens(cogfal.App):
    predictor = "predict.py:Tokens"


class Concurrent(cogfal.App):
    predictor = "predict.py:Concurrent"
