"""What goes wrong with one file, before it is known which input or output it belongs to."""

from __future__ import annotations


class FetchError(Exception):
    """Report a file that cannot be had; the text says why and shows no credentials."""


class TooLarge(FetchError):
    """Report a file, or the sum of a request's files, above `max_size` bytes."""

    def __init__(self, max_size: int, *, whole_request: bool = False) -> None:
        self.max_size = max_size
        subject = "the request's files are" if whole_request else "the file is"
        super().__init__(f"{subject} larger than {max_size} bytes")


class StoreError(Exception):
    """Report a file that could not be stored; the text says why."""
