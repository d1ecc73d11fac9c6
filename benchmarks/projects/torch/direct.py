"""Call the predictor once for every line of inputs, and print the seconds it took."""

import json
import sys
import time

from predict import Predictor

answers, sys.stdout = sys.stdout, sys.stderr
predictor = Predictor()
predictor.setup()
for line in sys.stdin:
    inputs = json.loads(line)
    started = time.perf_counter()
    predictor.predict(**inputs)
    print(time.perf_counter() - started, file=answers, flush=True)
