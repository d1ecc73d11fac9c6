"""The variables of a cog.yaml: their values, and where they stand."""

from __future__ import annotations

import pytest

from cogfal.project.config import Build, CogConfig, Key
from cogfal.project.config_reader import parse_config
from cogfal.spec import Location


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ('"in quotes"', "in quotes"),
        ("'$HOME'", "$HOME"),
        ('{"a": "b"}', '{"a": "b"}'),
        ("$HOME/.cache", "/root/.cache"),
        ('"${HOME}/x"', "/root/x"),
        ("\\$HOME", "$HOME"),
        ("${NOWHERE:-other}", "other"),
        ("${HOME:+set}", "set"),
        ("${NOWHERE:+set}", ""),
        ("a$NOWHERE", "a"),
        ("$5 and $", "$5 and $"),
        ("", ""),
    ],
)
def test_docker_would_make_the_same_of_it(value: str, expected: str) -> None:
    """Quotes around a value, and references in it."""
    assert CogConfig(environment=(("A", value),)).variables() == (("A", expected),)


def test_variables_refer_to_those_before() -> None:
    """The build's come first; a later one of the same name wins, in the first one's place."""
    config = CogConfig(
        build=Build(environment=(("A", "1"), ("B", "$A"))),
        environment=(("C", "$B$A"), ("A", "2")),
    )

    assert config.variables() == (("A", "2"), ("B", "1"), ("C", "11"))


def test_here_it_is_this_machine_that_is_known() -> None:
    """Whoever calls says what there is."""
    config = CogConfig(environment=(("A", "$HOME"),))

    assert config.variables({"HOME": "/home/me"}) == (("A", "/home/me"),)


def test_a_variable_is_found_in_either_stanza() -> None:
    """A message about it names the line that sets it; else the file."""
    config = parse_config("build:\n  environment: [A=1]\nenvironment:\n  B: 2\n")

    found = [config.at_variable(name) for name in "ABC"]

    assert found == [
        Key("build.environment.A", Location("cog.yaml", 2)),
        Key("environment.B", Location("cog.yaml", 4)),
        Key("environment.C", "cog.yaml"),
    ]
