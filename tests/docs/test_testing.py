"""The blocks of docs/guide/testing.md, in a project as they describe it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "testing.md"
PREDICT = """
from cog import BasePredictor, Input

class Predictor(BasePredictor):
    def predict(self, name: str = Input(default="you")) -> str:
        return f"Hello, {name}!"
"""


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Its conftest.py and test file make a test run that passes."""
    (tmp_path / "cog.yaml").write_text('predict: "predict.py:Predictor"\n')
    (tmp_path / "predict.py").write_text(PREDICT)
    blocks = re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in blocks:
        (tmp_path / name).write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert [name for name, _ in blocks] == ["conftest.py", "test_model.py"]
    assert "1 passed" in done.stdout, done.stdout + done.stderr
