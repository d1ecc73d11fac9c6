from typing import Optional

from cog import BasePredictor, Input, Path

from words import load


class Predictor(BasePredictor):
    def setup(self, weights: Optional[Path] = None) -> None:
        """Load the trained weights, or the ones that come with the project"""
        self.counts = load(weights or "base-weights.json")

    def predict(self, word: str = Input(description="Word to look up")) -> dict:
        """Tell how often a word was seen, and how it ranks"""
        ranked = [known for known, _ in self.counts.most_common()]
        word = word.lower()
        return {
            "count": self.counts[word],
            "rank": ranked.index(word) + 1 if word in ranked else None,
        }
