"""Versions: cogfal's own, and what counts of a Python's."""

__version__ = "0.1.0"


def minor(version: str) -> str:
    """Return a version without its patch, `3.11` of `3.11.7`."""
    return ".".join(version.split(".")[:2])
