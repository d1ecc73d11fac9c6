import json
from collections import Counter


def count_words(text: str) -> Counter:
    return Counter(word.strip(".,;:!?").lower() for word in text.split())


def save(counts: Counter, path) -> None:
    with open(path, "w") as file:
        json.dump(counts, file)


def load(path) -> Counter:
    with open(path) as file:
        return Counter(json.load(file))
