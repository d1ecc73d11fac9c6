import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
    machine_type = "M"
    # fal's runners have no OpenGL, which the full OpenCV wants: take the headless one.
    requirements = [
        ["onnxruntime", "opencv-python-headless", "pyclipper", "pyyaml", "shapely", "six", "tqdm"],
        ["--no-deps", "rapidocr-onnxruntime==1.4.4"],
    ]
