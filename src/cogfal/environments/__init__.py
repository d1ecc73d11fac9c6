"""The model's own environment: described, keyed, made by uv, kept for the next time, removed."""

from cogfal.environments.description import ModelEnvironment
from cogfal.environments.making import (
    KeptEnvironment,
    environments_directory,
    interpreter_of,
    kept_environments,
    make,
    remove_environment,
)
from cogfal.environments.system_packages import install_line, missing_packages

__all__ = [
    "KeptEnvironment",
    "ModelEnvironment",
    "environments_directory",
    "install_line",
    "interpreter_of",
    "kept_environments",
    "make",
    "missing_packages",
    "remove_environment",
]
