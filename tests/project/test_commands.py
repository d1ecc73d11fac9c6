"""What the commands of cog.yaml install."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.commands import installed
from tests.project.cases import Case, build


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pip install 'pydantic<2' numpy", ["pydantic<2", "numpy"]),
        ("pip install pydantic<2", ["pydantic"]),
        ("pip3 install -U --no-cache-dir torch==2.0", ["torch==2.0"]),
        ("python -m pip install torch > /dev/null", ["torch"]),
        ("uv pip install torch", ["torch"]),
        ("apt-get update && PIP_NO_CACHE_DIR=1 pip install torch; echo numpy", ["torch"]),
        ("pip install \\\n  torch \\\n  numpy", ["torch", "numpy"]),
        ("cd /tmp\npip install torch\ncd /", ["torch"]),
        ("pip install git+https://host/x.git#egg=x torch", ["torch"]),
        ("pip install ./wheels/x.whl -e . torch", ["torch"]),
        ("pip install --target=/opt/other torch", []),
        ("pip install -t /opt/other torch", []),
        ("/opt/other/bin/pip install torch", []),
        ("echo pip install torch", []),
        ("pip download torch", []),
        ("echo 'pip install torch", []),
        ("pip install '' torch", ["torch"]),
        ("", []),
    ],
)
def test_requirements_given_to_pip_are_read(command: str, expected: list[str]) -> None:
    """Those for the environment that serves, and no others."""
    assert [str(found) for found in installed(command)] == expected


@pytest.mark.parametrize("key", ["pre_install", "run"])
def test_a_command_that_contradicts_fal_is_refused(tmp_path: Path, key: str) -> None:
    """As a requirement of the project is, with the command's line."""
    case = Case("pydantic-1", build(f"{key}:", "  - echo", "  - pip install 'pydantic<2'"))

    with pytest.raises(ConfigError, match="pydantic<2 contradicts pydantic") as caught:
        case.plan(tmp_path)

    assert str(caught.value.where) == "cog.yaml:5"
