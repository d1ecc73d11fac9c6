from cog import BaseModel, Input, Path

from words import count_words, save


class TrainingOutput(BaseModel):
    weights: Path
    words: int


def train(
    corpus: Path = Input(description="Text to learn from"),
    minimum: int = Input(description="Forget rarer words", ge=1, default=1),
) -> TrainingOutput:
    """Count the words of a text"""
    counts = count_words(corpus.read_text())
    for word in [word for word, number in counts.items() if number < minimum]:
        del counts[word]
    weights = Path("weights.json")
    save(counts, weights)
    return TrainingOutput(weights=weights, words=len(counts))
