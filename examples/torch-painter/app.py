import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
    requirements = ["torch>=2.4", "pillow>=10", "numpy"]
    machine_type = "GPU-H100"
    output_name = "image"
