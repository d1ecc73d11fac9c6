"""The plugin as model authors use it: pytest in a process of its own, in their project."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

FILES = {
    "cog.yaml": 'predict: "predict.py:Predictor"\ntrain: "train.py:train"\n',
    "predict.py": """
        from cog import BasePredictor, Input

        class Predictor(BasePredictor):
            def setup(self):
                print("setting up")

            def predict(self, name: str = Input(default="you")) -> str:
                print("predicting")
                return f"Hello, {name}!"
        """,
    "train.py": """
        def train(steps: int = 3) -> int:
            return steps * 2
        """,
    "conftest.py": 'pytest_plugins = ["cogfal.testing.plugin"]\n',
    "examples.yaml": """
        - name: somebody
          input: {name: Ada}
          output: Hello, Ada!
        - {name: nobody in particular, input: {}}
        """,
    "tests/test_model.py": """
        import pytest

        def test_examples(run_examples, examples):
            assert len(examples) == 2
            run_examples()

        class TestAnotherAnswer:
            @pytest.fixture
            def examples(self, examples):
                from dataclasses import replace
                return [replace(examples[0], output="Goodbye, Ada!")]

            def test_it_is_told(self, run_examples):
                with pytest.raises(AssertionError, match="Hello, Ada!"):
                    run_examples()

        def test_default(predictor):
            assert predictor.run() == "Hello, you!"

        def test_name(predictor, capsys):
            assert predictor.run(name="Ada") == "Hello, Ada!"

        def test_training(trainer):
            assert trainer.run(steps=1) == 2
        """,
}


def test_the_fixtures_find_the_project_by_themselves(tmp_path: Path) -> None:
    """Tests below a project's root get its predictor and trainer."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert "5 passed" in done.stdout, done.stdout + done.stderr
