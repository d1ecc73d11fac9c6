"""Each construct of the table is evaluated as Python does, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import UnresolvedExpression
from tests.reading.constructs import CONSTRUCTS, EVALUATED, Construct, table
from tests.reading.oracle.execution import Answers, executed, project
from tests.reading.projects import read

PAGE = Path(__file__).parents[2] / "docs/architecture/02-reading-a-predictor.md"
FILES = {
    "t.txt": "a\nb\n",
    "sibling.py": "import os\nos.environ['SIBLING'] = 'set'\nN = 6\n",
    "more/deeper.py": "N = 8\n",
    "asked.py": "def __getattr__(name): return name.upper()\n",
    "pkg/__init__.py": "__all__ = ['inner']\n",
    "pkg/inner.py": "N = 3\n",
    "pkg/t.yaml": "a: [0x1, yes, c]\nb: 1.5\n",
}


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda each: each.name)
def test_a_construct_has_its_verdict(construct: Construct, tmp_path: Path) -> None:
    """What is evaluated is what Python makes of it; the rest is an error."""
    predict = f"{construct.text}\nclass Predictor:\n    def predict(self, x=X) -> str: ...\n"
    files = {**FILES, "predict.py": predict}

    if construct.verdict == EVALUATED:
        assert read(tmp_path, files).inputs[0].default == construct.value
        with project(files) as root:
            assert (executed(root, Answers()) or {})["X"] == construct.value
    else:
        with pytest.raises(UnresolvedExpression):
            read(tmp_path, files)


def test_the_page_shows_the_table() -> None:
    """The table of the architecture page is this one."""
    assert table() in PAGE.read_text("utf-8")
