"""The page about settings lists each of them with its default."""

from __future__ import annotations

import ast
import re
from typing import Final, get_type_hints

from cogfal.settings import Settings
from tests.docs.markdown import REPOSITORY

PAGE: Final = REPOSITORY / "docs" / "guide" / "settings.md"
ROW: Final = re.compile(r"^\| `(?P<name>[a-z_]+)` \| `(?P<default>[^`]*)` \|", re.MULTILINE)


def test_every_setting_is_on_the_page_with_its_default() -> None:
    """What the class has and what the page has are the same names, with the same values."""
    text = PAGE.read_text("utf-8")

    listed = {row["name"]: _value(row["default"]) for row in ROW.finditer(text)}

    assert listed == {name: getattr(Settings, name) for name in get_type_hints(Settings)}


def _value(written: str) -> object:
    """Evaluate a default as the page writes it: a literal, or a product of numbers."""
    if re.fullmatch(r"[\d* ]+", written):
        return eval(written, {"__builtins__": {}})  # digits and asterisks only
    return ast.literal_eval(written)
