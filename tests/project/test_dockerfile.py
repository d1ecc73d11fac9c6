"""Tests of generated Dockerfiles: other parsers find in them what went in, and nothing else."""

from __future__ import annotations

import shlex
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogfal.errors import ConfigError
from cogfal.project.config import Command, Mount
from cogfal.project.dockerfile import Recipe, apt_names, cuda_image, run, write_dockerfile
from cogfal.project.hardware import CUDA_IMAGES
from tests.project import parsed

HOSTILE = [
    "x\nRUN evil",
    "x\r\nCOPY secret /",
    "\\",
    "x \\",
    "x \\\n",
    "cat <<EOF",
    "cat <<-'E O F'\nRUN evil\nE O F",
    '["sh", "-c", "evil"]',
    "--mount=type=bind,source=/,target=/x evil",
    "--network=host evil",
    "--security=insecure evil",
    "# comment",
    "'; RUN evil; '",
    '"\nENV X=1\n"',
    "$(evil) `evil` ${X:-y}",
    "a\x00b",
    "a\x0bb\x0cc\x1cd\x85e\u2028f",
    "\ufeffFROM scratch",
    "ünïcödé 😀",
    "%s %n \\n \\x41",
    "COPY . /",
    "FROM scratch",
    "! [a] {b} ~ *",
]
ANY = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.text(st.sampled_from("\\\n<>'\"[]{}$`#-=, RUNCOPYabc"), min_size=1, max_size=40),
).filter(lambda text: bool(text.strip()))
ONE_LINE = ANY.filter(str.isprintable)
NAMES = st.text(string.ascii_uppercase, min_size=1, max_size=8)


def names_of(text: str) -> list[str]:
    """The instructions' names alone."""
    return [name for name, _ in parsed.instructions(text)]


@given(st.lists(ANY, max_size=4), st.lists(ANY, max_size=3))
@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
def test_commands_stay_within_their_instruction(runs: list[str], pre: list[str]) -> None:
    """Whatever a command holds, it is one RUN, and the shell is given exactly that."""
    plain = names_of(write_dockerfile(Recipe("3.11")))

    text = write_dockerfile(
        Recipe("3.11", run=tuple(map(Command, runs)), pre_install=tuple(map(Command, pre)))
    )

    assert parsed.commands(text)[1:] == [command.strip() for command in [*runs, *pre]]
    found = names_of(text)
    assert [name for name in found if name != "RUN"] == [name for name in plain if name != "RUN"]
    assert found.count("RUN") == plain.count("RUN") + len(pre) + len(runs)
    assert parsed.copied(text) == ["."]


@given(st.dictionaries(NAMES, ONE_LINE, max_size=4))
@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
def test_variables_keep_their_values(given_variables: dict[str, str]) -> None:
    """Quotes, dollars and backslashes in a value are the value's, not Docker's."""
    text = write_dockerfile(Recipe("3.11", variables=tuple(given_variables.items())))

    found = parsed.variables(text)
    assert {name: found[name] for name in given_variables} == given_variables
    assert set(names_of(text)) <= {"FROM", "ENV", "ARG", "RUN", "WORKDIR", "COPY"}


@given(
    st.lists(ANY.map(lambda text: text.replace("\x00", "")).filter(bool), min_size=1, max_size=5)
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.filter_too_much])
def test_requirements_reach_the_file(lines: list[str]) -> None:
    """Every line of the requirements is one word of one printf."""
    text = write_dockerfile(Recipe("3.11", requirements=tuple(lines)))

    assert parsed.requirement_lines(text, "/opt/requirements/requirements.txt") == lines


def test_the_shell_writes_the_same_lines(tmp_path: Path) -> None:
    """A real shell turns the instruction back into the requirements file."""
    lines = ["a==1", "b; python_version < '3.11'", "--index-url https://u:${T}@x/y", "c  # 100%\\n"]
    text = write_dockerfile(Recipe("3.11", requirements=tuple(lines)))
    [command] = [c for c in parsed.commands(text) if c.startswith("printf")]
    target = tmp_path / "requirements.txt"
    command = command.replace("/opt/requirements/requirements.txt", shlex.quote(str(target)))

    subprocess.run(["/bin/sh", "-c", command], check=True, timeout=120)

    assert target.read_text().splitlines() == lines


def test_long_requirements_are_split() -> None:
    """No instruction comes near the 64 KiB that Docker reads of one line."""
    lines = [f"package-{i}==1.0 --hash=sha256:{'a' * 64}" for i in range(2000)]

    text = write_dockerfile(Recipe("3.11", requirements=tuple(lines)))

    assert parsed.requirement_lines(text, "/opt/requirements/requirements.txt") == lines
    assert max(map(len, text.splitlines())) < 32_000


def test_layers_are_in_cacheable_order() -> None:
    """What changes rarely comes first, the project last, and fal's Python first on the PATH."""
    recipe = Recipe(
        "3.11",
        gpu=True,
        cuda=CUDA_IMAGES[-1],
        system_packages=("ffmpeg",),
        variables=(("A", "1"),),
        pre_install=(Command("echo pre"),),
        requirements=("numpy",),
        run=(Command("echo run"),),
        locals=("-e", "/src"),
        folders=("wheels",),
        layers=(("six",),),
        fal_python="3.12",
    )

    text = write_dockerfile(recipe)

    order = ["FROM", "curl", "-p 3.11 /opt/python", "install -qqy ffmpeg", "-p 3.12 /opt/fal"]
    order += ['ARG A="1"', 'COPY ["wheels/"', "numpy", "pip install", "echo run", "echo pre"]
    order += ["no-cache-dir six", "WORKDIR /src", 'COPY ["."', "-e /src", 'PATH="/opt/fal/bin']
    positions = [text.index(part) for part in order]
    assert positions == sorted(positions)


@pytest.mark.parametrize("recipe", [Recipe("3.11"), Recipe("3.11", cuda=CUDA_IMAGES[0])])
def test_the_image_has_what_fal_needs(recipe: Recipe) -> None:
    """There is a Python, pip and curl, and nothing that starts a server."""
    text = write_dockerfile(recipe)

    assert "curl" in text
    assert "FROM python:3.11" in text or "python -m ensurepip" in text
    assert not {"CMD", "ENTRYPOINT", "EXPOSE", "USER"} & set(names_of(text))
    assert "cog" not in text


def test_copy_starts_the_line() -> None:
    """The reader of fal finds COPY only at the first column, and leaves out other stages."""
    text = write_dockerfile(Recipe("3.11", cuda=CUDA_IMAGES[0]))

    assert parsed.copied(text) == ["."]
    assert all(line == line.lstrip() for line in text.splitlines())


def test_secret_mounts_are_flags() -> None:
    """A mount names an id and a target; no value of a secret is there to be written."""
    text = run("pip install x", [Mount("pip", "/etc/pip.conf")])

    assert parsed.mounts(text) == ["--mount=type=secret,id=pip,target=/etc/pip.conf"]
    assert parsed.commands(text) == ["pip install x"]


def test_mounts_of_caches_in_front_of_a_command_are_flags() -> None:
    """Authors write them in `run`; any other mount is no flag, and reaches nothing."""
    cache = "--mount=type=cache,target=/root/.cache/pip,sharing=locked"

    kept = run(f"{cache} --mount=type=tmpfs,target=/x pip install a")
    secret = run("pip install a", [Mount("pip", "/etc/pip.conf")])
    mixed = run(f"{cache} --mount=type=bind,source=/,target=/y evil")

    assert parsed.mounts(kept) == [cache, "--mount=type=tmpfs,target=/x"]
    assert parsed.commands(kept) == ["pip install a"]
    assert parsed.commands(secret) == ["pip install a"]
    assert parsed.commands(mixed) == ["--mount=type=bind,source=/,target=/y evil"]
    assert f"RUN {cache} [" in mixed


def test_build_secrets_are_read_in_the_shell() -> None:
    """A `${NAME}` in the requirements gets its value inside the one RUN that needs it."""
    text = write_dockerfile(
        Recipe("3.11", requirements=("-i https://${TOKEN}@x",), secrets=("TOKEN",))
    )

    assert parsed.mounts(text) == ["--mount=type=secret,id=TOKEN,target=/run/secrets/TOKEN"]
    assert parsed.commands(text)[-1].startswith('export TOKEN="$(cat /run/secrets/TOKEN)" && ')


@pytest.mark.parametrize(
    ("version", "tag"), [("3.11", "3.11-slim-bookworm"), ("3.11.4", "3.11.4-slim-bookworm")]
)
def test_the_python_of_the_base(version: str, tag: str) -> None:
    """A patch version has an image of its own."""
    assert parsed.instructions(write_dockerfile(Recipe(version)))[0] == ("FROM", f"python:{tag}")


@pytest.mark.parametrize(
    ("cuda", "cudnn", "tag"),
    [
        ("11.8", None, "11.8.0-cudnn8-devel-ubuntu22.04"),
        ("12.1.0", "8", "12.1.0-cudnn8-devel-ubuntu22.04"),
        ("12.4", "9", "12.4.1-cudnn-devel-ubuntu22.04"),
        ("12.3", "8", "12.2.2-cudnn8-devel-ubuntu22.04"),
        ("12.7", None, "12.8.0-cudnn-devel-ubuntu22.04"),
        ("13.9", None, "13.0.0-cudnn-devel-ubuntu22.04"),
        (None, "8.9.7", "12.2.2-cudnn8-devel-ubuntu22.04"),
        (None, "9", "12.8.1-cudnn-devel-ubuntu22.04"),
        ("10.2", None, None),
    ],
)
def test_the_nearest_cuda_image(cuda: str | None, cudnn: str | None, tag: str | None) -> None:
    """The exact version is taken where NVIDIA has it, else the nearest of the same major."""
    image = cuda_image(cuda, cudnn)

    assert (image.tag if image else None) == tag


def test_what_else_apt_understands_is_passed_on() -> None:
    """Options, versions with a star, another architecture; a comparison is one for nobody."""
    given = ["--fix-missing", "libtag1-dev=1.9*", "libtag1-dev>=1.9", "wine:i386", "vim-"]

    found = ("--fix-missing", "libtag1-dev=1.9*", "libtag1-dev", "wine:i386", "vim-")
    assert apt_names(given, "w") == found


def test_system_packages_are_split_and_renamed() -> None:
    """A list item may hold several names, and a name that Debian dropped is replaced."""
    assert apt_names(["ffmpeg git", "libgl1-mesa-glx", "git", "x=1:2.3-4"], "w") == (
        "ffmpeg",
        "git",
        "libgl1",
        "x=1:2.3-4",
    )


@pytest.mark.parametrize("name", ["-o=Dir=$(x)", "a;b", "$(x)", "a\nRUN", "A", "../x", "a'b"])
def test_system_packages_are_names(name: str) -> None:
    """What could be an option or a command is refused."""
    with pytest.raises(ConfigError, match="not the name of a system package"):
        apt_names([name], "cog.yaml")
