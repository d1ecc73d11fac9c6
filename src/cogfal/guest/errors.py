"""What the author's side reports about a predictor that cannot be brought up."""

from __future__ import annotations


class SetupFailed(Exception):
    """Report a predictor that cannot be brought up; `remedy` says what to do about it."""

    def __init__(self, text: str, remedy: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


class Mismatch(SetupFailed):
    """Report an imported predictor that is not what its text said."""
