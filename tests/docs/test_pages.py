"""What the READMEs and the documentation say to do can be done, and prints what they say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest

from tests.client.loopback import PRELUDE, Loopback, serving
from tests.docs.deployed import Deployed
from tests.docs.markdown import PAGES, REPOSITORY, anchors, blocks, links
from tests.docs.walk import Walk
from tests.pictures import drawn

FOLLOWED_ELSEWHERE: Final = frozenset(["docs/guide/cog-api.md", "examples/README.md"])
"""Pages that tests of their own follow."""

BEGUN_IN: Final = {
    "README.md": "examples/image-tool",
    "docs/index.md": "examples/image-tool",
    "docs/guide/playground.md": "examples/image-tool",
}
"""The project that a page expects its reader to have; the others bring all their files."""


def name_of(page: Path) -> str:
    """Return the page's name from the repository's root."""
    return page.relative_to(REPOSITORY).as_posix()


def followed() -> list[Path]:
    """Return the pages that have something to do."""
    runs = ("python", "console", "bash")
    return [
        page
        for page in PAGES
        if name_of(page) not in FOLLOWED_ELSEWHERE
        and any(block.language in runs for block in blocks(page))
    ]


@pytest.fixture
def walk(tmp_path: Path) -> Walk:
    """A machine with an empty home, an empty project and a photo."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (project / "photo.png").write_bytes(drawn("Hi", size=(160, 120)))
    return Walk(project, home)


@pytest.mark.parametrize("page", followed(), ids=name_of)
def test_the_page_can_be_followed(page: Path, walk: Walk, tmp_path: Path) -> None:
    """Its files, its Python and its commands work, in their order, as they stand there."""
    if name_of(page) in BEGUN_IN:
        begin_in(REPOSITORY / BEGUN_IN[name_of(page)], walk.project)
    steps = blocks(page)

    with serving(tmp_path, Deployed()) as cloud, walk:
        if any("you/your-model" in step.text for step in steps):
            call_instead(walk, cloud)
        for block in steps:
            walk.follow(block)


def begin_in(example: Path, project: Path) -> None:
    """Copy a Cog project as it is before cogfal: an example without its app.py."""
    shutil.copytree(
        example, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("app.py", "__pycache__")
    )


def call_instead(walk: Walk, cloud: Loopback) -> None:
    """Let the page's calls of "you/your-model" reach the app of `cloud`."""
    walk.prelude = PRELUDE
    walk.replaced = {"you/your-model": "me/app"}
    walk.variables = {
        name: value
        for name, value in cloud.environment.items()
        if name.startswith(("FAL_", "SSL_"))
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of this repository, and to a heading in one, finds it."""
    broken = [target for target in links(page) if not leads_somewhere(page, target)]

    assert broken == []


def leads_somewhere(page: Path, target: str) -> bool:
    """Tell whether a link's target exists; those on the web are taken for granted."""
    if target.startswith(("https://", "http://", "mailto:")):
        return True
    name, _, anchor = unquote(target).partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.exists():
        return False
    return not anchor or (path.suffix == ".md" and anchor in anchors(path))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_say_what_they_are(page: Path) -> None:
    """Every block names its language, so that none escapes being run by having none."""
    nameless = [block.place for block in blocks(page) if not block.language]

    assert nameless == []
