"""Tests of taking over a Dockerfile that Cog printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.cog_dockerfile import instructions, python_of, take_over
from cogfal.project.dockerfile import Recipe
from cogfal.project.report import Report, SettingStatus
from tests.project import parsed
from tests.project.cases import COG_DEBUG


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
