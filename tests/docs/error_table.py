"""The project's main error messages side by side, so that they can be read as one text.

Each case is a project's files and the parts that its message has: where, what, and the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PREDICT: Final = 'predict: "predict.py:Predictor"\n'
IMPORTS: Final = "from cog import BasePredictor, Input, Path\nimport timm\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A mistake: a project's files, an App's settings, and the parts of its message.

    `where` is None for mistakes in the App itself, which Python's traceback shows.
    """

    name: str
    where: str | None
    what: str
    remedy: str
    cog_yaml: str = PREDICT
    predict: str = IMPORTS + "class Predictor(BasePredictor):\n    def predict(self) -> str: ...\n"
    settings: str = ""

    @property
    def message(self) -> str:
        """The whole message; `{root}` and `{pydantic}` stand for what differs between machines."""
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}; {self.remedy}"


def predictor(parameter: str = "", output: str = "str") -> str:
    """Return a predictor with one parameter, in line 4."""
    signature = f"self, {parameter}" if parameter else "self"
    return (
        f"{IMPORTS}class Predictor(BasePredictor):\n    def predict({signature}) -> {output}: ...\n"
    )


CASES: Final = (
    Case(
        "unknown-key",
        "cog.yaml:2",
        "unknown key 'build.pyton_version'",
        "did you mean 'build.python_version'?",
        cog_yaml='build:\n  pyton_version: "3.11"\n',
    ),
    Case(
        "both-kinds-of-requirements",
        "cog.yaml:2",
        "`python_packages` and `python_requirements` exclude each other",
        "move the packages into the requirements file and remove `python_packages`",
        cog_yaml="build:\n  python_packages: [numpy]\n  python_requirements: requirements.txt\n",
    ),
    Case(
        "no-requirements-file",
        "cog.yaml:2",
        "the requirements needed.txt: {root}/needed.txt is no file",
        "put the file there, or correct its path, which is relative to the file that names it",
        cog_yaml="build:\n  python_requirements: needed.txt\n" + PREDICT,
    ),
    Case(
        "broken-yaml",
        "cog.yaml:2",
        "not valid YAML: expected the node content, but found '<stream end>'",
        "check the indentation and quotes on this line and the one before",
        cog_yaml="build: [\n",
    ),
    Case(
        "no-predictor",
        "app.py",
        "{root}/cog.yaml names no predictor",
        'set `predict: "predict.py:Predictor"` there, or `predictor = ...` on the App',
        cog_yaml="build:\n  gpu: false\n",
    ),
    Case(
        "not-a-reference",
        "cog.yaml:1",
        "'predict' is not a reference: 'predict.py'",
        'write it as `predict: "predict.py:Predictor"`',
        cog_yaml='predict: "predict.py"\n',
    ),
    Case(
        "no-class",
        "predict.py",
        "has no Model",
        "name one that it has: Predictor",
        cog_yaml='predict: "predict.py:Model"\n',
    ),
    Case(
        "old-pydantic",
        "cog.yaml:2",
        (
            "pydantic<2 contradicts pydantic=={pydantic}, which fal installs on the runner "
            "because it is installed here"
        ),
        "port the project to pydantic 2, and its requirement with it",
        cog_yaml='build:\n  python_packages: ["pydantic<2"]\n' + PREDICT,
    ),
    Case(
        "old-torch-on-new-gpu",
        "cog.yaml:3",
        "torch 1.13 (CUDA 11.7) installs but does not run on GPU-H100",
        (
            "use machine_type GPU-A100, GPU-L40, or torch 2.0 or newer from "
            "https://download.pytorch.org/whl/cu118"
        ),
        cog_yaml="build:\n  gpu: true\n  python_packages: [torch==1.13.1]\n" + PREDICT,
        settings="machine_type='GPU-H100'",
    ),
    Case(
        "syntax",
        "predict.py:1",
        "not valid Python (invalid syntax): `def predict(:`",
        "correct the line; notebook magics such as `!pip` or `%cd` are not Python",
        predict="def predict(:\n",
    ),
    Case(
        "value-of-a-package",
        "predict.py:4",
        (
            'the choices of "x" is not told by the text: `timm.list_models()` '
            "(timm.list_models is not part of the project)"
        ),
        (
            "write the value, or set `read_by_importing = True` on the App where the "
            "packages are installed"
        ),
        predict=predictor("x: str = Input(choices=timm.list_models())"),
    ),
    Case(
        "undefined-name",
        "predict.py:4",
        (
            'the default of "x" is not told by the text: `STEPS` (raises NameError: name '
            "'STEPS' is not defined)"
        ),
        (
            "write the value, or set `read_by_importing = True` on the App where the "
            "packages are installed"
        ),
        predict=predictor("x: int = Input(default=STEPS)"),
    ),
    Case(
        "type-without-counterpart",
        "predict.py:4",
        (
            'the type of "x" cannot be served: `complex` (complex is not a type that '
            "travels as JSON or as a file)"
        ),
        (
            "use a type that Cog documents, or `Annotated[T, Opaque]` for JSON that is "
            "passed through"
        ),
        predict=predictor("x: complex"),
    ),
    Case(
        "unknown-argument",
        "predict.py:4",
        "Input() has no argument 'minimum'",
        "remove it",
        predict=predictor("x: int = Input(minimum=3)"),
    ),
    Case(
        "unknown-setting",
        None,
        "there is no setting 'queue_limt'",
        "did you mean 'queue_limit'?",
        settings="queue_limt=3",
    ),
)
