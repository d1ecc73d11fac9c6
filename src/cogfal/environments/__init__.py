"""The model's own environment: described, keyed, made by uv, kept for the next time, removed."""

from cogfal.environments.interpreters import find_interpreter, guest_variables
from cogfal.environments.keeping import KeptEnvironment, kept_environments, remove_environment
from cogfal.environments.making import environments_directory, interpreter_of, make
from cogfal.environments.model import ModelEnvironment

__all__ = [
    "KeptEnvironment",
    "ModelEnvironment",
    "environments_directory",
    "find_interpreter",
    "guest_variables",
    "interpreter_of",
    "kept_environments",
    "make",
    "remove_environment",
]
