"""What the commands of cog.yaml install."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.pip_commands import installed, plain_installs
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
        ("--mount=type=cache,target=/root/.cache/pip pip install torch", ["torch"]),
        ("pip3.11 install torch", ["torch"]),
        ("python3.11 -m pip install torch", ["torch"]),
        ("python3 -u -m pip --quiet install torch", ["torch"]),
        ("python -m http.server", []),
        ("sudo -H pip install torch", ["torch"]),
        ("/usr/local/bin/pip3 install torch", ["torch"]),
        ("pip install --find-links wheels torch", ["torch"]),
        ("", []),
    ],
)
def test_requirements_given_to_pip_are_read(command: str, expected: list[str]) -> None:
    """Those for the environment that serves, and no others."""
    assert [str(found) for found in installed(command)] == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pip install torch==2.1", (("torch==2.1",),)),
        (
            "sudo pip install -U pip && pip install 'numpy<2' --index-url https://host.invalid/x",
            (("-U", "pip"), ("numpy<2", "--index-url", "https://host.invalid/x")),
        ),
        ("pip install torch; rm -rf /x", None),
        ("pip install torch > log", None),
        ("pip install torch || true", None),
        ("pip install $PACKAGES", None),
        ("pip install -r requirements.txt", None),
        ("pip install ./wheels/a.whl", None),
        ("apt-get install -y git", None),
        ("pip install -t /opt/x torch", None),
        ("", None),
    ],
)
def test_only_a_command_that_is_nothing_but_pip_is_plain(
    command: str, expected: tuple[tuple[str, ...], ...] | None
) -> None:
    """A shell, a file of the project or another program make it more than that."""
    assert plain_installs(command) == expected


@pytest.mark.parametrize("key", ["pre_install", "run"])
def test_what_contradicts_fal_is_refused_where_both_share(tmp_path: Path, key: str) -> None:
    """As a requirement of the project is, with the command's line."""
    text = build(f"{key}:", "  - echo", "  - pip install 'pydantic<2'")
    case = Case("pydantic-1", text, settings={"environment": "shared"})

    with pytest.raises(ConfigError, match="pydantic<2 contradicts pydantic") as caught:
        case.plan(tmp_path)

    assert str(caught.value.where) == "cog.yaml:5"
