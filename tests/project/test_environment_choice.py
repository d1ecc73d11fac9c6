"""Where the author's code runs, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from fal.api.api import SERVE_REQUIREMENTS
from packaging.requirements import Requirement

from cogfal.environments import ModelEnvironment
from cogfal.errors import ConfigError
from cogfal.project.config import PINNED, client_pins
from cogfal.project.config_reader import parse_config
from cogfal.project.environment_choice import SERVER_REQUIREMENTS, Decision, check_pins, decide_here
from cogfal.project.model_environment import local_model
from cogfal.project.requirements import read_packages
from tests.environments.packages import index, wheel
from tests.project.cases import PINS, Case, build, packages, requirements


def decided(tmp_path: Path, case: Case) -> Decision:
    """The decision in a case's plan."""
    return case.plan(tmp_path).decision


def test_fals_packages_are_those_that_fal_names() -> None:
    """Its own list: the pinned ones, in the versions that it pins, and the others."""
    named = [Requirement(each) for each in SERVE_REQUIREMENTS]

    pinned = {each.name: next(iter(each.specifier)).version for each in named if exact(each)}
    assert client_pins() == pinned
    assert set(PINNED) == set(pinned)
    assert [str(each) for each in named if not exact(each)] == list(SERVER_REQUIREMENTS)


def exact(requirement: Requirement) -> bool:
    """Whether it names one version."""
    return "==" in str(requirement.specifier)


@pytest.mark.parametrize(
    ("cog_yaml", "why"),
    [
        (build(python="3.12"), "it wants Python 3.12, and the App travels from 3.11"),
        (build(python="3.8.5"), "it wants Python 3.8.5, and the App travels from 3.11"),
        (packages("pydantic<2"), "pydantic<2 contradicts pydantic==2.11.0"),
        (packages("Pillow==9.5"), "Pillow==9.5 is older than Pillow>=10"),
        (build("run: [pip install fastapi==0.98]"), "fastapi==0.98 contradicts fastapi==0.115.0"),
    ],
)
def test_what_contradicts_fal_has_an_environment_of_its_own(
    cog_yaml: str, why: str, tmp_path: Path
) -> None:
    """Nothing of it is refused, and the reason is told."""
    found = decided(tmp_path, Case("x", cog_yaml))

    assert found.own
    assert why in found.reasons[0]


@pytest.mark.parametrize(
    ("cog_yaml", "what"),
    [
        (build(python="3.12"), "wants Python 3.12, and fal's process has Python 3.11"),
        (packages("pydantic<2"), "pydantic<2 contradicts"),
        (
            "observability: {traces: {enabled: true}}\n" + packages("opentelemetry-sdk==1.20"),
            "opentelemetry-sdk==1.20 is older than opentelemetry-sdk>=1.27",
        ),
    ],
)
def test_it_is_refused_where_both_are_to_share(cog_yaml: str, what: str, tmp_path: Path) -> None:
    """The setting asks for what cannot be."""
    with pytest.raises(ConfigError, match=what):
        decided(tmp_path, Case("x", cog_yaml, settings={"environment": "shared"}))


@pytest.mark.parametrize("own", [True, False])
def test_the_setting_decides(own: bool, tmp_path: Path) -> None:
    """Where both would do."""
    wanted = "own" if own else "shared"

    found = decided(tmp_path, Case("x", packages("six"), settings={"environment": wanted}))

    assert (found.own, found.mode) == (own, wanted)


def test_an_image_of_the_authors_own_has_one_python_unless_another_is_named(tmp_path: Path) -> None:
    """It is the author who knows."""
    text = build(python="3.9")
    alone = decided(tmp_path, Case("x", text, settings={"own_image": True}))
    named = {"own_image": True, "interpreter": "/opt/conda/bin/python"}

    plan = Case("x", text, settings=named).plan(tmp_path)

    assert not alone.own
    assert plan.decision.own
    assert (plan.interpreter, plan.dockerfile) == ("/opt/conda/bin/python", None)
    assert plan.requirements == ()


def test_an_image_whose_python_is_not_named_cannot_be_own(tmp_path: Path) -> None:
    """The setting that names it is in the message."""
    with pytest.raises(ConfigError, match="interpreter = "):
        decided(tmp_path, Case("x", build(), settings={"own_image": True, "environment": "own"}))


@pytest.fixture
def fals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """An index with what fal installs, whose uvicorn needs a newer alpha; nothing is kept yet."""
    folder = tmp_path / "wheels"
    for name, version in PINS.items():
        wheel(folder, name, version)
    for each in SERVER_REQUIREMENTS:
        name = Requirement(each).name.replace("-", "_")
        wheel(folder, name, requires=("alpha>=2",) if name == "uvicorn" else ())
    wheel(folder, "alpha", "1.0")
    wheel(folder, "alpha", "2.0")
    wheel(folder, "old", requires=("alpha<2",))
    wheel(folder, "new", requires=("alpha",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with index(folder) as (url, _):
        yield folder, url


def asking(url: str, *names: str) -> Case:
    """A project that takes packages from an index, planned by asking uv."""
    given = requirements(f"--index-url {url}", *names)
    return Case("x", **given, settings={"resolve": True})


def test_what_the_requirements_need_in_turn_is_found_out(
    fals: tuple[Path, str], tmp_path: Path
) -> None:
    """Neither names the other's package; what both need contradicts itself."""
    found = decided(tmp_path, asking(fals[1], "old"))

    assert found.own
    assert "alpha" in found.reasons[0]


def test_what_fits_is_shared(fals: tuple[Path, str], tmp_path: Path) -> None:
    """And the answer is kept: asked again, the index may be gone."""
    first = decided(tmp_path, asking(fals[1], "new"))
    for path in fals[0].iterdir():
        path.unlink()

    second = decided(tmp_path, asking(fals[1], "new"))

    assert (
        first == second == Decision(False, ("uv finds versions that suit both fal and the model",))
    )


def test_what_cannot_be_found_out_is_told(fals: tuple[Path, str], tmp_path: Path) -> None:
    """A package that is nowhere to be found is no contradiction; the direct pins are compared."""
    found = decided(tmp_path, asking(fals[1], "nowhere"))

    assert not found.own
    assert found.doubt is not None
    assert "nowhere" in found.doubt


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        (ModelEnvironment("3.11"), ()),
        (ModelEnvironment("3.11.2"), ()),
        (ModelEnvironment("3.8"), ("it wants Python 3.8, and this is 3.11",)),
        (ModelEnvironment("3.11", ("-i https://host.invalid", "six")), ("it names 1 package",)),
        (ModelEnvironment("3.11", installs=(("a", "b"),)), ("it names 2 packages",)),
    ],
)
def test_here_it_is_own_as_soon_as_something_is_asked_for(
    model: ModelEnvironment, reasons: tuple[str, ...]
) -> None:
    """A package, or a Python that is not this one."""
    found = decide_here(model, "3.11")

    assert found.own == bool(reasons)
    assert found.reasons == (reasons or ("it names no package and no other Python",))


@pytest.mark.parametrize("wanted", ["own", "shared"])
def test_here_too_the_setting_decides(wanted: Literal["own", "shared"]) -> None:
    """Whatever the model asks for."""
    for model in (ModelEnvironment("3.11"), ModelEnvironment("3.8", ("six",))):
        found = decide_here(model, "3.11", wanted)

        assert (found.mode, found.reasons) == (wanted, (f'environment = "{wanted}"',))


def test_the_present_environment_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a variable, also where the App says otherwise."""
    model = ModelEnvironment("3.8", ("six",))
    monkeypatch.setenv("COGFAL_HERE", "1")

    assert not decide_here(model, "3.11", "own").own
    assert not decide_here(model, "3.11").own


def test_the_environment_here_is_what_cog_yaml_says(tmp_path: Path) -> None:
    """Its Python, its requirements, the plain pip lines; Cog itself and other commands are not."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/setup.py").touch()
    (tmp_path / "wheels").mkdir()
    (tmp_path / "r.txt").write_text("cog==0.9\nsix==1.16\n-c limits.txt\n-e ./lib\n-f wheels\n")
    (tmp_path / "limits.txt").write_text("urllib3<2\n")
    config = parse_config(
        "build:\n"
        '  python_version: "3.8"\n'
        "  python_requirements: r.txt\n"
        "  run:\n"
        "    - pip install torch\n"
        "    - curl https://host.invalid | sh\n"
    )

    made, not_run = local_model(config, tmp_path)

    assert (made.python, made.constraints, made.installs) == ("3.8", ("urllib3<2",), (("torch",),))
    links = f"--find-links {tmp_path / 'wheels'}"
    assert made.requirements == ("six==1.16", f"-e {tmp_path / 'lib'}", links)
    assert [(key.name, str(key.where)) for key, _ in not_run] == [("build.run[1]", "cog.yaml:6")]


def test_a_local_requirement_that_changed_is_another_environment(tmp_path: Path) -> None:
    """Else an old copy of it would be used for ever."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/setup.py").write_text("a = 1\n")
    config = parse_config("build:\n  python_packages: [./lib]\n")
    before, _ = local_model(config, tmp_path)

    (tmp_path / "lib/setup.py").write_text("a = 12\n")

    after, _ = local_model(config, tmp_path)
    assert after.key() != before.key()


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
