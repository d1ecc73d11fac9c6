"""Tests of reading requirements files: what each kind of line becomes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project.config_reader import read_config
from cogfal.project.plan import plan_environment
from cogfal.project.requirements import (
    Link,
    Local,
    Option,
    Package,
    RequirementSet,
    read_packages,
    read_requirements,
    shows_credentials,
    without_credentials,
)
from cogfal.spec import Location
from tests.project.cases import Case, plan_settings


def read(tmp_path: Path, text: str, **files: str) -> RequirementSet:
    """Read a requirements file, other files beside it by name with dots for underscores."""
    for name, content in files.items():
        (tmp_path / name.replace("_", ".")).write_text(content)
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    return read_requirements(path, {"VERSION": "1.0", "TOKEN": "s3cret"})


def test_lines_keep_their_places(tmp_path: Path) -> None:
    """A requirement is placed at the first line of its continuation."""
    found = read(tmp_path, "# top\n\na \\\n  ==1\nb # note\n")

    assert [(str(p.requirement), p.where) for p in found.packages()] == [
        ("a==1", Location("requirements.txt", 3)),
        ("b", Location("requirements.txt", 5)),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--extra-index-url https://x/y", Option("--extra-index-url", "https://x/y")),
        ("--extra-index-url=https://x/y", Option("--extra-index-url", "https://x/y")),
        ("-i https://x", Option("--index-url", "https://x")),
        ("-fhttps://x", Option("--find-links", "https://x")),
        ("--pre", Option("--pre")),
        ("-e git+https://x/y@v1#egg=y", Link("git+https://x/y@v1#egg=y")),
        ("--pre \\", Option("--pre")),
        ("git+https://x/y@v1#egg=y", Link("git+https://x/y@v1#egg=y")),
        ("https://x/y.whl ; python_version > '3'", Link("https://x/y.whl", "python_version > '3'")),
        ("https://x/y.zip --hash=sha256:aa", Link("https://x/y.zip", None, ("sha256:aa",))),
    ],
)
def test_lines_that_are_no_names(line: str, expected: object, tmp_path: Path) -> None:
    """Options, in all their spellings, and URLs are told apart."""
    assert read(tmp_path, line).lines == (expected,)


def test_options_behind_a_requirement(tmp_path: Path) -> None:
    """Hashes and build settings belong to their requirement."""
    [package] = read(
        tmp_path, "a==1 --hash=sha256:aa --hash sha256:bb --global-option=x"
    ).packages()

    assert package.hashes == ("sha256:aa", "sha256:bb")
    assert package.options == ("--global-option=x",)


@pytest.mark.parametrize("line", ["mmcv==1 -f https://x", "mmcv==1 --find-links=https://x"])
def test_an_index_behind_a_requirement_is_everybodys(line: str, tmp_path: Path) -> None:
    """Cog gives the whole installation what a line names behind its package; pip overlooks it."""
    links, package = read(tmp_path, f"{line} --hash=sha256:aa").lines

    assert links == Option("--find-links", "https://x")
    assert isinstance(package, Package)
    assert (str(package.requirement), package.options) == ("mmcv==1", ())
    assert package.hashes == ("sha256:aa",)


def test_nested_files_are_read_in_place(tmp_path: Path) -> None:
    """`-r` is followed where it stands, and `-c` gives constraints."""
    found = read(
        tmp_path, "a\n-r more.txt\n-c limits.txt\nd\n", more_txt="b\nc\n", limits_txt="e<2\n"
    )

    assert [package.requirement.name for package in found.packages()] == ["a", "b", "c", "d"]
    assert [str(package.requirement) for package in found.constraints] == ["e<2"]


def test_local_requirements(tmp_path: Path) -> None:
    """Paths are resolved against the file that names them, extras and `-e` kept."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "w.whl").touch()

    found = read(tmp_path, "./lib[x]\n-e lib\nw.whl\n-e .\n")

    assert found.lines == (
        Local(tmp_path / "lib", "[x]"),
        Local(tmp_path / "lib", editable=True),
        Local(tmp_path / "w.whl"),
        Local(tmp_path, editable=True),
    )


def test_variables_are_put_in(tmp_path: Path) -> None:
    """`${NAME}` is the deploying machine's, as with pip; lower case is no variable."""
    found = read(tmp_path, "a==${VERSION}\nhttps://x/${version}\n")

    assert isinstance(found.lines[0], Package)
    assert str(found.lines[0].requirement) == "a==1.0"
    assert found.lines[1] == Link("https://x/${version}")


def test_variables_in_credentials_stay(tmp_path: Path) -> None:
    """A secret's value never enters the plan, only its name."""
    found = read(tmp_path, "--index-url https://me:${TOKEN}@x/${VERSION}\n")

    assert found.lines == (Option("--index-url", "https://me:${TOKEN}@x/1.0"),)
    assert found.secrets == ("TOKEN",)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a ==\n", 1, "not a requirement"),
        ("ok\n=broken\n", 2, "not a requirement"),
        ("--no-such-option x\n", 1, "not an option"),
        ("--extra-index-url\n", 1, "has no value"),
        ("-r missing.txt\n", 1, "there is no file"),
        ("-r https://x/y.txt\n", 1, "not a file of the project"),
        ("-r requirements.txt\n", 1, "includes itself"),
        ("-c requirements.txt\n", 1, "includes itself"),
        ("a==${NOPE}\n", 1, "NOPE is not set"),
        ("./nope\n", 1, "./nope does not exist"),
        ("-e nope\n", 1, "nope does not exist"),
        ("-e nope[]]\n", 1, "nope[]] does not exist"),
        ("--find-links ./wheels\n", 1, "--find-links ./wheels: there is no such directory"),
        ("nope.whl\n", 1, "nope.whl does not exist"),
        ("-f 'x\n", 1, "cannot be split"),
        ("--find-links ./whe\0els\n", 1, "a NUL character"),
        ("./a\0b.whl\n", 1, "a NUL character"),
        ("git+ssh://git@github.com/a/b\n", 1, "cannot reach git+ssh"),
        ("a @ file:///tmp/a.whl\n", 1, "cannot reach file:"),
    ],
)
def test_mistakes_are_placed(text: str, line: int, what: str, tmp_path: Path) -> None:
    """What is wrong in a requirements file is answered with its line and a remedy."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)

    assert caught.value.where == Location("requirements.txt", line)
    assert what in caught.value.what
    assert caught.value.remedy


def test_a_constraint_needs_a_name(tmp_path: Path) -> None:
    """A URL constrains nothing."""
    with pytest.raises(ConfigError, match="needs a package's name"):
        read(tmp_path, "-c c.txt\n", c_txt="https://x/y.whl\n")


def test_single_lines_have_their_own_places(tmp_path: Path) -> None:
    """`python_packages` are read like lines of a file, placed in cog.yaml."""
    found = read_packages({"a==1": Location("cog.yaml", 4)}, tmp_path, {})

    assert found.packages()[0].where == Location("cog.yaml", 4)


def test_single_lines_may_hold_what_lines_of_a_file_may(tmp_path: Path) -> None:
    """Cog writes them into one: a comment is none of the package, and two lines are two."""
    texts = {"a==1 # the newest": "1", "b==2\n# both\nc==3": "2", "": "3"}

    found = read_packages(texts, tmp_path, {}).packages()

    assert [str(each.requirement) for each in found] == ["a==1", "b==2", "c==3"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://user:pw@x/y", True),
        ("https://ghp_token@x/y", True),
        ("git+https://git@x/y", False),
        ("https://user:${T}@x/y", False),
        ("https://${T}@x/y", False),
        ("https://${T}:@x/y", False),
        ("https://x/y@v1", False),
        ("a==1", False),
    ],
)
def test_written_credentials_are_seen(text: str, written: bool) -> None:
    """A password or token in a URL is told from a variable and from Git's user."""
    assert shows_credentials(text) is written


def test_credentials_are_not_shown() -> None:
    """A message shows no credentials."""
    assert without_credentials("-i https://a:b@x/y git+https://c@z") == (
        "-i https://***@x/y git+https://***@z"
    )


@pytest.mark.parametrize("linked", ["requirements.txt", "more.txt"])
def test_a_link_out_of_the_project_is_not_read(tmp_path: Path, linked: str) -> None:
    """Neither the file that cog.yaml names nor one that it includes: its lines would be shown."""
    (tmp_path / "secrets.txt").write_text("not-to-be-seen\n")
    root = tmp_path / "project"
    files = {"requirements.txt": f"-r {linked}\n", linked: ""}
    config = Case("x", "build:\n  python_requirements: requirements.txt\n", files).write(root)
    (root / linked).unlink()
    (root / linked).symlink_to(tmp_path / "secrets.txt")

    with pytest.raises(ConfigError, match=rf"{linked} leads out of the project") as refused:
        plan_environment(read_config(config), root, plan_settings())

    assert "not-to-be-seen" not in str(refused.value)
