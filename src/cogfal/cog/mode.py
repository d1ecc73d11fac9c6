"""The two things that a model can be run for."""

from enum import Enum


class Mode(Enum):
    """Whether a model predicts or trains."""

    PREDICT = "predict"
    TRAIN = "train"

    def __str__(self) -> str:
        return str(self.value)
