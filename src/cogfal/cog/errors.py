"""Errors about a project, under the names that Cog gives them."""


class CogError(Exception):
    """Base class of Cog's own errors."""


class ConfigDoesNotExist(CogError):
    """Report that there is no cog.yaml."""


class PredictorNotSet(CogError):
    """Report that cog.yaml names no predictor."""
