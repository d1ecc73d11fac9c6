"""Tests of the clashes with what fal installs on the runner."""

from __future__ import annotations

from pathlib import Path

import pytest
from fal.api.api import SERVE_REQUIREMENTS
from packaging.requirements import Requirement

from cogfal.errors import ConfigError
from cogfal.project.environment_choice import check_pins
from cogfal.project.plan_settings import PINNED, client_pins
from cogfal.project.requirements_reader import read_packages

PINS = {"fastapi": "0.115.0", "pydantic": "2.11.0", "tblib": "3.1.0"}


def check(text: str, python: str = "3.11") -> None:
    """Check one requirement."""
    check_pins(read_packages({text: "cog.yaml:1"}, Path(), {}).packages(), PINS, python)


@pytest.mark.parametrize(
    "text",
    [
        "pydantic",
        "pydantic>=2",
        "Pydantic==2.11.0",
        "pydantic~=2.0",
        "pydantic==1.10; python_version < '3.9'",
        "pydantic==1.10; sys_platform == 'win32'",
        "fastapi<1",
        "httpx==0.27",
        "httpx==0.*",
        "numpy==1.0",
    ],
)
def test_what_fits_is_let_through(text: str) -> None:
    """A requirement that allows fal's version, or does not apply on the runner, is fine."""
    check(text)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("pydantic<2", "port the project to pydantic 2"),
        ("pydantic==1.10.13", "port the project to pydantic 2"),
        ("PyDantic==2.5.0", "deploy from an environment whose PyDantic fits ==2.5.0"),
        ("fastapi==0.98.0", "allow 0.115.0"),
        ("fastapi<0.100,>=0.75", "allow 0.115.0"),
        ("tblib==1.7", "allow 3.1.0"),
        ("httpx==0.13.3", "raise the pin"),
        ("pydantic==1.10; python_version >= '3.11'", "port the project"),
    ],
)
def test_clashes_are_found_before_anything_is_deployed(text: str, remedy: str) -> None:
    """A requirement that excludes fal's version is an error with both versions."""
    with pytest.raises(ConfigError) as caught:
        check(text)

    assert remedy in str(caught.value.remedy)
    assert caught.value.where == "cog.yaml:1"


def test_the_pins_are_fals() -> None:
    """What is checked is what the installed fal pins, in the versions that it pins."""
    pinned = {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in map(Requirement, SERVE_REQUIREMENTS)
        if "==" in str(requirement.specifier)
    }

    assert client_pins() == pinned
    assert set(PINNED) == set(pinned)
