"""What commands install, and the author's `telemetry.py`, which is looked for before deploying."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.config_reader import read_config
from cogfal.project.model_environment import installed, local_model, plain_installs
from cogfal.spec import Location
from tests.project.cases import Case, build


def asking(root: Path, path: str) -> Case:
    """A project below a directory that holds the author's provider in several places."""
    (root / "elsewhere.py").write_text("")
    (root / "project" / "lib").mkdir(parents=True)
    (root / "project" / "leads_out.py").symlink_to("../elsewhere.py")
    (root / "project" / "link.py").symlink_to("lib/telemetry.py")
    files = {"lib/telemetry.py": "", "lib/kept_here.py": "", ".dockerignore": "lib/kept*\n"}
    return Case("x", f"observability:\n  traces:\n    config: {path}\n", files)


NOWHERE = [
    pytest.param("nowhere.py", id="missing"),
    pytest.param("../elsewhere.py", id="above"),
    pytest.param("leads_out.py", id="a link out"),
    pytest.param("{root}/project/lib/telemetry.py", id="absolute"),
]
STAYS = [
    pytest.param("lib/kept_here.py", id="ignored"),
    pytest.param("link.py", id="a link"),
]


@pytest.mark.parametrize("path", [*NOWHERE, *STAYS])
def test_a_provider_that_does_not_travel_is_refused(path: str, tmp_path: Path) -> None:
    """With the line that names it."""
    case = asking(tmp_path, path.format(root=tmp_path))

    with pytest.raises(ConfigError, match="which makes the provider of traces,") as refused:
        case.plan(tmp_path / "project")

    assert refused.value.where == Location("cog.yaml", 3)


@pytest.mark.parametrize("path", NOWHERE)
def test_a_provider_outside_of_the_project_is_refused_here_too(path: str, tmp_path: Path) -> None:
    """What works here is to work on fal."""
    root = tmp_path / "project"
    case = asking(tmp_path, path.format(root=tmp_path))

    with pytest.raises(ConfigError, match="is not in the project"):
        local_model(read_config(case.write(root)), root)


def test_a_provider_in_the_project_is_taken_by_any_path(tmp_path: Path) -> None:
    """Cog reads it relative to the project."""
    case = asking(tmp_path, "./lib/../lib/telemetry.py")

    planned = case.plan(tmp_path / "project")

    assert "lib/telemetry.py" in planned.files.names


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
