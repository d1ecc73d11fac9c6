import sys
from collections import Counter
from typing import List

from cog import BaseModel, BasePredictor, Input


class Word(BaseModel):
    text: str
    count: int


class Output(BaseModel):
    python: str
    words: List[Word]


class Predictor(BasePredictor):
    def predict(
        self,
        text: str = Input(description="Text to count words in"),
        most: int = Input(description="How many words to tell", ge=1, le=20, default=3),
    ) -> Output:
        """Count the words of a text"""
        found = Counter(text.lower().split()).most_common(most)
        return Output(
            python="%d.%d" % sys.version_info[:2],
            words=[Word(text=word, count=count) for word, count in found],
        )
