"""`cogfal init`: make a new project that runs at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cogfal.cli.console import Sign, say
from cogfal.cli.migrate import DOCKERIGNORE, IGNORED
from cogfal.cli.options import BadArgument, add_directory
from cogfal.project.plan_settings import client_python

COG_YAML: Final = """\
# What the predictor needs; see https://cog.run/yaml
build:
  python_version: "{python}"
  # gpu: true
  python_requirements: requirements.txt
  # system_packages:
  #   - ffmpeg
predict: "predict.py:Predictor"
"""
REQUIREMENTS: Final = """\
# The packages that the predictor imports, one a line; see https://pip.pypa.io
# torch==2.6.0
"""
PREDICT: Final = '''\
from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def setup(self) -> None:
        """Load the model into memory; runs once."""
        self.greeting = "Hello"

    def predict(
        self,
        name: str = Input(description="Who to greet", default="world"),
        times: int = Input(description="How often", ge=1, le=10, default=1),
    ) -> str:
        """Run one prediction."""
        return " ".join([f"{self.greeting}, {name}!"] * times)
'''
APP: Final = """\
import cogfal

App = cogfal.App.from_cog("cog.yaml")
"""
FILES: Final = MappingProxyType(
    {
        "cog.yaml": COG_YAML,
        "requirements.txt": REQUIREMENTS,
        "predict.py": PREDICT,
        "app.py": APP,
        DOCKERIGNORE: IGNORED,
    }
)
EPILOG: Final = """\
Writes cog.yaml, requirements.txt, predict.py, app.py and .dockerignore, ready for `cogfal predict`,
`cogfal serve --playground` and `fal run --local app.py::App`.
"""
PROJECT_FILES: Final = ("cog.yaml", "predict.py", "run.py", "app.py")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    add_directory(parser, "where to make it")


def run(arguments: argparse.Namespace) -> int:
    """Write the files; nothing that exists is touched."""
    directory: Path = arguments.directory
    present = [name for name in PROJECT_FILES if (directory / name).exists()]
    if present:
        raise BadArgument(
            f"there is a project in {directory} already ({', '.join(present)}); "
            "`cogfal migrate` adds app.py to a Cog project"
        )
    directory.mkdir(parents=True, exist_ok=True)
    python = client_python()
    for name, text in FILES.items():
        path = directory / name
        if not path.exists():
            path.write_text(text.format(python=python) if name == "cog.yaml" else text, "utf-8")
            say(f"{path}", Sign.GOOD)
    where = "" if directory == Path() else f" -C {directory}"
    say(f"Try it: cogfal predict{where} -i name=Ada")
    return 0
