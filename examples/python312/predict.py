import sys
from itertools import batched  # new in Python 3.12

from cog import BasePredictor, ConcatenateIterator, Input


class Predictor(BasePredictor):
    def predict(
        self,
        text: str = Input(description="Text to wrap", default="one two three four five"),
        width: int = Input(description="Words in a line", ge=1, le=20, default=2),
    ) -> ConcatenateIterator[str]:
        """Wrap a text"""
        yield "Python {}.{}\n".format(*sys.version_info)
        for words in batched(text.split(), width):
            yield " ".join(words) + "\n"
