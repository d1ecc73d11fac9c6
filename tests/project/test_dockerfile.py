"""Tests of Dockerfiles, generated and taken over: other parsers find what went in, nothing else."""

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
from cogfal.project.dockerfile import (
    Recipe,
    instructions,
    python_of,
    run,
    take_over,
    write_dockerfile,
)
from cogfal.project.hardware import CUDA_IMAGES
from cogfal.project.report import Report, SettingStatus
from tests.project import parsed
from tests.project.cases import COG_DEBUG

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
        directories=("wheels",),
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


def take(tmp_path: Path, text: str, recipe: Recipe | None = None) -> tuple[str, Report]:
    """Take over a Dockerfile."""
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    report = Report()
    return take_over(path, recipe or Recipe("3.11"), report), report


def test_what_fals_guide_strips_is_stripped(tmp_path: Path) -> None:
    """Nothing of Cog's server is left, the rest is, and the project comes last."""
    text, report = take(tmp_path, COG_DEBUG, Recipe("3.11", requirements=("torch==2.1.0",)))

    names = [name for name, _ in parsed.instructions(text)]
    assert not {"EXPOSE", "CMD", "ENTRYPOINT"} & set(names)
    assert ".whl" not in text
    assert ".cog/" not in text
    assert "nvidia/cuda:12.1.1-cudnn8-devel-ubuntu22.04" in text
    assert "ffmpeg" in text
    assert parsed.requirement_lines(text, "/opt/requirements/requirements.txt") == ["torch==2.1.0"]
    assert text.rstrip().endswith('COPY [".", "/src/"]')
    assert len([line for line in report.lines() if line.status is SettingStatus.CHANGED]) == 8


def test_packages_that_only_the_dockerfile_names_stay(tmp_path: Path) -> None:
    """And so does what copies them into the image; where none is left, nothing is copied."""
    copies = "RUN --mount=type=bind,from=deps,source=/dep,target=/dep cp -rf /dep/* /usr"
    wheel = "RUN pip install -t /dep /tmp/cog-0.1.dev-py3-none-any.whl"
    named = "RUN --mount=type=cache,target=/root/.cache/pip pip install -t /dep 'torch' 'einops'"

    kept, _ = take(tmp_path, "\n".join(["FROM a as deps", wheel, named, "FROM b", copies]))
    empty, _ = take(tmp_path, "\n".join(["FROM a as deps", wheel, "FROM b", copies]))

    assert named in kept
    assert copies in kept
    assert wheel not in kept
    assert copies not in empty


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('FROM a\nRUN pyenv install-latest "3.10.6" && pip install x', "3.10.6"),
        ("FROM python:3.9-slim", "3.9"),
        ("FROM r8.im/cog-base:cuda12.1-python3.11-torch2.3", "3.11"),
        ("FROM python:3.10 as deps\nFROM b\nRUN uv python install 3.12 && ln", "3.12"),
        ("FROM a", None),
    ],
)
def test_the_python_of_a_dockerfile_is_found(
    text: str, version: str | None, tmp_path: Path
) -> None:
    """The last that it installs."""
    (tmp_path / "Dockerfile").write_text(text)

    assert python_of(tmp_path / "Dockerfile") == version


def test_fal_uploads_the_project_alone(tmp_path: Path) -> None:
    """Of all the copies only cogfal's own is left for fal to look at."""
    text, _ = take(tmp_path, "FROM a\nCOPY . /src\n  COPY x /y\nCOPY --from=b /c /d\n")

    assert parsed.copied(text) == ["x", "."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN b \\\n  c\nENV d=e\n", ["FROM a", "RUN b \\\n  c", "ENV d=e"]),
        ("RUN a \\\n# note\n\n  b\n", ["RUN a \\\n# note\n\n  b"]),
        ("RUN <<A cat <<B\nx\nA\ny\nB\nENV z=1\n", ["RUN <<A cat <<B\nx\nA\ny\nB", "ENV z=1"]),
        ("RUN <<-'E'\n\tx\n\tE\nUSER u\n", ["RUN <<-'E'\n\tx\n\tE", "USER u"]),
        ("# only\n\n  # comments\n", []),
        ("RUN a \\", ["RUN a \\"]),
    ],
    ids=["continued", "comment within", "heredocs", "quoted heredoc", "comments", "cut off"],
)
def test_instructions_are_split_as_docker_does(text: str, expected: list[str]) -> None:
    """Continuations, comments and heredocs belong to their instruction."""
    assert [instruction.text for instruction in instructions(text)] == expected


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "no file"), (b"\xff\xfe", "not UTF-8"), (b"RUN x\n", "has no FROM")],
    ids=["missing", "binary", "no base"],
)
def test_what_is_no_dockerfile_is_refused(content: bytes | None, what: str, tmp_path: Path) -> None:
    """A wrong file is an error with the command that writes the right one."""
    path = tmp_path / "Dockerfile"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=what):
        take_over(path, Recipe("3.11"), Report())
