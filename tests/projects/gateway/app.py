import cogfal


class Anything(cogfal.App):
    predictor = "predict.py:Anything"
    trainer = "train.py:train"
    data_urls = True


class Words(cogfal.App):
    predictor = "predict.py:Words"
