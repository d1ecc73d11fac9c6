"""Test a Cog project in process: no account, no network, no sockets, no Docker.

    pytest_plugins = ["cogfal.testing.plugin"]        # in conftest.py

    def test_greets(predictor):
        assert predictor.run(name="Ada") == "Hello, Ada!"

Defaults are resolved, inputs checked, files copied and outputs delivered by the code that serves
on fal.
"""

from cogfal.testing.leaks import StateLeak, no_leaks
from cogfal.testing.project import (
    ProjectClient,
    RunningPrediction,
    compare_with,
    open_predictor,
    open_trainer,
)

__all__ = [
    "ProjectClient",
    "RunningPrediction",
    "StateLeak",
    "compare_with",
    "no_leaks",
    "open_predictor",
    "open_trainer",
]
