"""What a runner does before the author's code is imported: variables, weights, download tools."""

from cogfal.provision.runner import provide

__all__ = ["provide"]
