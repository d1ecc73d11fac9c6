"""The main error messages side by side, so that they can be read as one text.

Mistakes in a project come first: its files, and the parts of the message, where, what, and the
remedy. Then what a caller is told of an input, what is told of a prediction that has no result, and
what the command line answers; there the place is the input, the piece of the output, the argument.

`python -m tests.docs.troubleshooting` writes docs/troubleshooting.md anew from it.
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
        """The whole message; `{root}`, `{python}`, `{pydantic}` differ between machines."""
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
        "two-names",
        "cog.yaml:2",
        "`image` and `model` are two names for the same",
        "remove one of them",
        cog_yaml="image: a\nmodel: b\n" + PREDICT,
    ),
    Case(
        "requirements-from-elsewhere",
        "cog.yaml:2",
        "needed.txt leads out of the project",
        "put a copy of the file into the project",
        cog_yaml="build:\n  python_requirements: ../needed.txt\n" + PREDICT,
    ),
    Case(
        "another-python-shared",
        "cog.yaml:2",
        "the project wants Python 3.8, and fal's process has Python {python}, that of this machine",
        'remove environment = "shared", so that the model has an environment of its own',
        cog_yaml="build:\n  python_version: '3.8'\n" + PREDICT,
        settings="environment='shared'",
    ),
    Case(
        "no-requirements-file",
        "cog.yaml:2",
        "there is no file {root}/needed.txt",
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
        settings="environment='shared'",
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
            'the text does not tell the choices of "x": `timm.list_models()` '
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
        "importing it raises NameError: name 'STEPS' is not defined",
        "correct it; Python raises it as well",
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
        "app.py:2",
        "there is no setting 'queue_limt'",
        "did you mean 'queue_limit'?",
        settings="queue_limt=3",
    ),
    Case(
        "wrong-setting",
        "app.py:2",
        "output_places is '/data'",
        "make it a list of strings",
        settings="output_places='/data'",
    ),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody does, and the message that comes of it.

    `given` are inputs of the predictor in `PREDICTOR`, or a command line of `cogfal`, run where
    that predictor is the project.
    """

    name: str
    given: dict[str, object] | str
    message: str


PREDICTOR: Final = """\
from cog import BasePredictor, Input, Path, Secret

class Own: ...

class Predictor(BasePredictor):
    def predict(
        self,
        do: str = "",
        steps: int = Input(default=3, ge=1, le=50),
        size: str = Input(default="s", choices=["s", "m"]),
        word: str = Input(default="ab", regex="^[a-z]+$", max_length=5),
        image: Path = Input(default=None),
        images: list[Path] = Input(default=[]),
        token: Secret = Input(default=None),
    ) -> list:
        match do:
            case "raise": raise ValueError("no luck")
            case "silent": raise RuntimeError
            case "exit": raise SystemExit(3)
            case "nan": return [1, float("nan")]
            case "object": return [{"own": Own()}]
            case "nowhere": return [Path("/tmp/nope.png")]
            case "outside": return [Path("/etc/hostname")]
        return [do]
"""

INPUTS: Final = (
    Told("too-large", {"steps": 99}, "steps: Input should be less than or equal to 50"),
    Told(
        "no-number",
        {"steps": "many"},
        "steps: Input should be a valid integer, unable to parse string as an integer",
    ),
    Told("no-choice", {"size": "q"}, "size: Input should be 's' or 'm'"),
    Told("no-match", {"word": "AB"}, "word: String should match pattern '^[a-z]+$'"),
    Told("too-long", {"word": "abcdef"}, "word: String should have at most 5 characters"),
    Told(
        "a-path-of-the-runner",
        {"image": "/etc/passwd"},
        "image: URL scheme should be 'http', 'https' or 'data'",
    ),
    Told(
        "inside-a-list",
        {"images": ["data:,", "x"]},
        "images.1: URL scheme should be 'http', 'https' or 'data'",
    ),
    Told(
        "broken-data-url",
        {"image": "data:image/png;base64,@@"},
        "image: Failed to get the file: the data URL is not valid base64",
    ),
    Told("a-secret-is-not-repeated", {"token": 3}, "token: Input should be a valid string"),
    Told(
        "two-at-once",
        {"steps": 0, "size": "q"},
        "steps: Input should be greater than or equal to 1; size: Input should be 's' or 'm'",
    ),
)

RUNTIME: Final = (
    Told("the-authors-own", {"do": "raise"}, "no luck"),
    Told("the-authors-own-without-text", {"do": "silent"}, "RuntimeError"),
    Told("exit", {"do": "exit"}, "the predictor called sys.exit(3)"),
    Told(
        "not-a-number",
        {"do": "nan"},
        "output[1] is nan, which JSON cannot say; return None or a text",
    ),
    Told(
        "no-json",
        {"do": "object"},
        "output[0].own is a predict.Own, which has no JSON form; return its parts, or a file's "
        "Path",
    ),
    Told("no-file", {"do": "nowhere"}, "output[0]: the file /tmp/nope.png does not exist"),
    Told(
        "a-file-elsewhere",
        {"do": "outside"},
        "output[0]: /etc/hostname lies outside the project, the temporary directory and the "
        "prediction's directory; write output files to one of them",
    ),
)

COMMANDS: Final = (
    Told("no-value", "predict -i steps", "-i steps: write it as NAME=VALUE"),
    Told(
        "no-input-file",
        "predict -i image=@nope.png",
        "@nope.png: there is no such file; the path is relative to {root}",
    ),
    Told(
        "no-json",
        "predict --json {",
        "--json is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1); write {NAME: VALUE, ...}, @FILE, or - for stdin",
    ),
    Told(
        "no-object",
        "predict --json [1]",
        "--json is not an object; write the inputs as {NAME: VALUE, ...}",
    ),
    Told(
        "no-project",
        "predict -C nope",
        "nope: there is no such directory; name a project's directory",
    ),
    Told(
        "no-predictor",
        "predict --ref predict.py:Nope",
        "predict.py: has no Nope; name one that it has: Own, Predictor",
    ),
    Told(
        "no-predictor-file",
        "predict --ref nope.py:Predictor",
        "there is no file nope.py in {root}; name the predictor as "
        '"path/to/file.py:Name", relative to the project',
    ),
    Told(
        "no-app-file",
        "predict --ref app.py::App",
        "{root}/app.py: there is no such file; name the file of the App, or let `cogfal migrate` "
        "write one",
    ),
    Told(
        "no-training",
        "train",
        '{root}/cog.yaml: names no training function; add `train: "train.py:train"`',
    ),
    Told(
        "nobody-there",
        "predict --url http://127.0.0.1:1",
        "http://127.0.0.1:1 cannot be reached: [Errno 111] Connection refused; is the app running "
        "there? `cogfal serve` starts it on http://127.0.0.1:8080",
    ),
    Told(
        "a-project-is-there",
        "init",
        "there is a project in . already (cog.yaml, predict.py); `cogfal migrate` adds app.py to "
        "a Cog project",
    ),
)
