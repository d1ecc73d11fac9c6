"""What a runner does before the author's code is imported: variables, weights, download tools."""

from cogfal.provision.runner import make_model_environment, provide

__all__ = ["make_model_environment", "provide"]
