"""The model's own environment: described, keyed, made by uv, kept for the next time, removed."""

from cogfal.environments.making import (
    KeptEnvironment,
    ModelEnvironment,
    environments_directory,
    interpreter_of,
    kept_environments,
    make,
    remove_environment,
    state_of_sources,
)

__all__ = [
    "KeptEnvironment",
    "ModelEnvironment",
    "environments_directory",
    "interpreter_of",
    "kept_environments",
    "make",
    "remove_environment",
    "state_of_sources",
]
