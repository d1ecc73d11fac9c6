"""Property tests of whole plans: no value of a cog.yaml reaches fal as anything but itself."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogfal.errors import ConfigError
from cogfal.project.config_reader import parse_config
from cogfal.project.plan import PlannedEnvironment, plan_environment
from tests.project import parsed
from tests.project.cases import plan_settings
from tests.project.test_dockerfile import ANY, HOSTILE

KNOWN = {"FROM", "ENV", "RUN", "COPY", "WORKDIR"}
TEXTS = st.lists(ANY, max_size=3)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "image": ANY,
        "predict": ANY,
        "train": ANY,
        "environment": TEXTS,
        "weights": TEXTS,
        "sdk_version": ANY,
        "build": st.fixed_dictionaries(
            {"run": TEXTS},
            optional={
                "gpu": st.booleans(),
                "cuda": st.sampled_from(["11.8", "12.4.1", *HOSTILE]),
                "cudnn": st.sampled_from(["8", "9", *HOSTILE]),
                "python_version": st.sampled_from(["3.11", "3.12.1", *HOSTILE]),
                "python_packages": st.lists(st.sampled_from(["numpy", "torch==2.4.0", *HOSTILE])),
                "system_packages": st.lists(st.sampled_from(["ffmpeg", *HOSTILE]), max_size=2),
                "pre_install": TEXTS,
            },
        ),
    },
)


def plan(document: dict[str, Any]) -> PlannedEnvironment | ConfigError:
    """Plan a project that holds only this cog.yaml, written as JSON, which is YAML."""
    with tempfile.TemporaryDirectory() as root:
        try:
            config = parse_config(json.dumps(document))
            return plan_environment(config, Path(root), plan_settings())
        except ConfigError as error:
            return error


@given(CONFIGS)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_no_value_adds_an_instruction(document: dict[str, Any]) -> None:
    """A plan is refused with a remedy, or its Dockerfile holds cogfal's instructions alone."""
    found = plan(document)

    if isinstance(found, ConfigError):
        assert found.what
        assert found.remedy
    elif found.dockerfile is not None:
        names = [name for name, _ in parsed.instructions(found.dockerfile)]
        build = document["build"]
        commands = [text.strip() for text in [*build["run"], *build.get("pre_install", [])]]
        assert set(names) <= KNOWN
        assert names.count("FROM") == 1
        assert parsed.copied(found.dockerfile) == ["."]
        assert [c for c in parsed.commands(found.dockerfile) if c in commands] == commands


@given(st.sampled_from(HOSTILE))
def test_a_secret_never_enters_the_text(value: str) -> None:
    """What looks like a secret by its name stays out of the Dockerfile, whatever its value."""
    found = plan({"environment": [f"MY_TOKEN=s3cret{value}"], "build": {"run": ["echo"]}})

    assert isinstance(found, PlannedEnvironment | ConfigError)
    if isinstance(found, PlannedEnvironment):
        assert found.dockerfile is not None
        assert "s3cret" not in found.dockerfile
