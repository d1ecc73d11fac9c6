"""The documentation is built without a warning, so its links lead somewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.long
def test_the_docs_are_built_without_a_warning(tmp_path: Path) -> None:
    """Broken links, missing pages and malformed docstrings are warnings; llms.txt lists them."""
    pytest.importorskip("sphinx", reason="the group `docs` is not installed")

    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", DOCS, tmp_path / "site"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    listed = (tmp_path / "site" / "llms.txt").read_text("utf-8")
    assert "> cogfal serves an unedited Cog predictor as a fal app." in listed
    assert "- [The playground](guide/playground.html): " in listed
    assert "_static/copy.js" in (tmp_path / "site" / "tutorial.html").read_text("utf-8")
