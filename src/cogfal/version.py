"""The version of cogfal, for whoever inside needs it without the names of the package."""

__version__ = "0.1.0"
