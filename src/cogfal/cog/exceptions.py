"""Exceptions that a predictor may see or catch."""


class CancelationException(BaseException):
    """Tell a running predictor that its prediction was cancelled.

    It derives from `BaseException`, so that a broad `except Exception` in the author's code does
    not swallow it. Clean up in `finally`, or catch it by name and raise it again.
    """
