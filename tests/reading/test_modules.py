"""Reading predictors that are spread over files, in every way that Python finds them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cogfal.errors import PredictorError, UnresolvedExpression
from cogfal.reading import read_predictor
from tests.reading.oracle.importing import imported
from tests.reading.projects import read

PREDICT = """
from cog import BasePredictor, Input, Path
{imports}

class Predictor(BasePredictor):
    def predict(self, x: str = Input(choices={choices})) -> str:
        return x
"""


VOICES = {"v/b.wav": "", "v/a.wav": "", "v/.hidden": "", "v/more/c.wav": ""}
"""Files of which two are choices."""

SIBLINGS = {
    "from": ("from sizes import SIZES", "SIZES", {"sizes.py": "SIZES = ['a', 'b']"}),
    "import": ("import sizes", "sizes.SIZES", {"sizes.py": "SIZES = ['a', 'b']"}),
    "import-as": ("import sizes as s", "s.SIZES", {"sizes.py": "SIZES = ['a', 'b']"}),
    "star": ("from sizes import *", "SIZES", {"sizes.py": "SIZES = ['a', 'b']\n_X = 1"}),
    "star-of-star": (
        "from one import *",
        "SIZES",
        {"one.py": "from two import *", "two.py": "SIZES = ['a', 'b']"},
    ),
    "star-all": (
        "from sizes import *",
        "_S",
        {"sizes.py": "__all__ = ['_S']\n_S = ['a', 'b']"},
    ),
    "package": (
        "from models.sizes import SIZES",
        "SIZES",
        {"models/__init__.py": "", "models/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "namespace-package": (
        "import utils.sizes",
        "utils.sizes.SIZES",
        {"utils/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "used-in-a-branch": (
        (
            "import os, sizes, torch\nfrom sizes import SIZES\nif torch.cuda.is_available():\n"
            "    import json\n    HOME = os.getenv('HOME', str(SIZES) + str(sizes.SIZES))"
        ),
        "SIZES if os.sep else sizes.SIZES",
        {"sizes.py": "SIZES = ['a', 'b']"},
    ),
    "re-export": (
        "from models import SIZES",
        "SIZES",
        {"models/__init__.py": "from .sizes import SIZES", "models/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "relative-up": (
        "from pkg.inner.one import SIZES",
        "SIZES",
        {
            "pkg/__init__.py": "",
            "pkg/inner/__init__.py": "",
            "pkg/inner/one.py": "from ..sizes import SIZES",
            "pkg/sizes.py": "SIZES = ['a', 'b']",
        },
    ),
    "function-elsewhere": (
        "from sizes import make",
        "make(2)",
        {"sizes.py": "ALL = ['a', 'b', 'c']\ndef make(n):\n    return ALL[:n]"},
    ),
    "try-import": (
        "try:\n    from other import SIZES\nexcept ImportError:\n    from sizes import SIZES",
        "SIZES",
        {"sizes.py": "SIZES = ['a', 'b']", "other.py": "OTHER = 1"},
    ),
    "circular": (
        "from one import SIZES",
        "SIZES",
        {"one.py": "import two\nSIZES = ['a', 'b']", "two.py": "import one\nX = one"},
    ),
    "sys-path-append": (
        "import sys\nsys.path.append('lib')\nfrom sizes import SIZES",
        "SIZES",
        {"lib/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "sys-path-insert": (
        (
            "import os, sys\n"
            "sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))\n"
            "from sizes import SIZES"
        ),
        "SIZES",
        {"lib/sizes.py": "SIZES = ['a', 'b']", "sizes.py": "SIZES = ['wrong']"},
    ),
    "sys-path-that-is-looked-for": (
        (
            "import os, sys\n"
            "def look(name, folder):\n"
            "    if name in os.listdir(folder):\n"
            "        return os.path.join(folder, name)\n"
            "    return None if folder == '/' else look(name, os.path.dirname(folder))\n"
            "def extend():\n"
            "    found = look('nodes of another', os.getcwd())\n"
            "    if found:\n        sys.path.append(found)\n"
            "def begin():\n    import nodes\n"
            "extend()\nbegin()"
        ),
        "['a', 'b']",
        {},
    ),
    "sys-path-pathlib": (
        (
            "import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent / 'lib'))\n"
            "from sizes import SIZES"
        ),
        "SIZES",
        {"lib/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "unused-imports": (
        "import torch\nfrom diffusers import X\nX.register(torch.float16)\nSIZES = ['a', 'b']",
        "SIZES",
        {},
    ),
    "main-guard": ("SIZES = ['a', 'b']\nif __name__ == '__main__':\n    SIZES = []", "SIZES", {}),
    "unknown-branch-of-imports": (
        (
            "import torch\nif torch.cuda.is_available():\n    import sizes as s\nelse:\n"
            "    import sizes as s"
        ),
        "s.SIZES",
        {"sizes.py": "SIZES = ['a', 'b']"},
    ),
    "guarded-import-of-much-that-is-unknown": (
        "SIZES = ['a', 'b']\ntry:\n    import helper\nexcept ImportError:\n    helper = None",
        "SIZES",
        {"helper.py": "import torch\n" + "".join(f"v{i} = torch.f({i})\n" for i in range(70))},
    ),
    "raises-when-unsupported": (
        (
            "import torch\nif not torch.cuda.is_available():\n    raise RuntimeError('no GPU')\n"
            "SIZES = ['a', 'b']"
        ),
        "SIZES",
        {},
    ),
    "json-file": (
        "import json\nwith open('sizes.json') as f:\n    SIZES = json.load(f)['all']",
        "SIZES",
        {"sizes.json": '{"all": ["a", "b"]}'},
    ),
    "text-file": (
        "SIZES = [line.strip() for line in open('sizes.txt')]",
        "SIZES",
        {"sizes.txt": "a\nb\n"},
    ),
    "path-read-text": (
        "import pathlib\nSIZES = pathlib.Path('sizes.txt').read_text().split()",
        "SIZES",
        {"sizes.txt": "a b"},
    ),
    "missing-file": (
        (
            "try:\n    SIZES = open('none.txt').read().split()\n"
            "except FileNotFoundError:\n    SIZES = ['a', 'b']"
        ),
        "SIZES",
        {},
    ),
    "folder-glob": (
        "from pathlib import Path as P\nSIZES = sorted(p.stem for p in P('v').glob('*.wav'))",
        "SIZES",
        VOICES,
    ),
    "folder-of-the-file": (
        (
            "import pathlib\nHERE = pathlib.Path(__file__).resolve().parent\n"
            "SIZES = [p.name.split('.')[0] for p in sorted((HERE / 'v').iterdir())\n"
            "         if p.is_file() and p.suffix == '.wav']"
        ),
        "SIZES",
        VOICES,
    ),
    "folder-rglob": (
        "from cog import Path\nSIZES = [p.parent.name for p in sorted(Path('v').rglob('x.txt'))]",
        "SIZES",
        {"v/a/x.txt": "", "v/b/x.txt": "", "v/b/y.txt": ""},
    ),
    "folder-listdir": (
        (
            "import os\nSIZES = [os.path.splitext(f)[0] for f in sorted(os.listdir('v'))\n"
            "         if f.endswith('.wav') and os.path.isfile(os.path.join('v', f))]"
        ),
        "SIZES",
        VOICES,
    ),
    "glob-glob": (
        (
            "import glob, os\n"
            "SIZES = [os.path.basename(f)[:-4] for f in sorted(glob.glob('./v/*.wav'))]"
        ),
        "SIZES",
        VOICES,
    ),
    "below-cogs-directory": (
        (
            "import json, sys\nsys.path.insert(0, '/src/lib')\nimport sizes\n"
            "SIZES = [json.load(open('/src/first.json')), sizes.SECOND]"
        ),
        "SIZES",
        {"lib/sizes.py": "SECOND = 'b'", "first.json": '"a"'},
    ),
    "present-file": (
        (
            "import os\nif os.path.exists('/src/first.json'):\n    SIZES = ['a', 'b']\n"
            "else:\n    SIZES = []"
        ),
        "SIZES",
        {"first.json": ""},
    ),
    "environment-test": (
        "import os\nSIZES = ['a', 'b']\nif 'COGFAL_NONE' in os.environ:\n    SIZES = []",
        "SIZES",
        {},
    ),
    "stdlib-name": (
        "from statistics import SIZES",
        "SIZES",
        {"statistics.py": "SIZES = ['a', 'b']"},
    ),
}


FAILING = {
    "relative": ("from .sizes import SIZES", "no known parent package"),
    "type-checking": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sizes import SIZES",
        "'SIZES' is not defined",
    ),
    "notebook-export": (
        "get_ipython().system('pip install torch')\nSIZES = ['a', 'b']",
        "'get_ipython' is not defined",
    ),
    "name-of-cog": ("from cog import Inpt", "did you mean 'Input'?"),
    "attribute-of-cog": ("import cog\nX = cog.Pth", "did you mean 'Path'?"),
    "name-of-a-sibling": ("from sizes import SIZE", "did you mean 'SIZES'?"),
    "attribute-of-a-sibling": ("import sizes\nX = sizes.SIZE", "did you mean 'SIZES'?"),
    "variable": ("SIZES = ['a']\nX = SIZE", "did you mean 'SIZES'?"),
    "module-of-a-package": ("import pkg.other", "No module named 'pkg.other'"),
    "module-of-cog": ("import cog.nothing", "No module named 'cog.nothing'"),
    "cycle": ("from one import A", "cannot import name 'A' from 'one'"),
}


@pytest.mark.parametrize(("imports", "told"), FAILING.values(), ids=FAILING.keys())
def test_what_python_cannot_import_is_an_error(imports: str, told: str, tmp_path: Path) -> None:
    """A name or module that is not there fails where the text is read, not on the runner."""
    files = {
        "sizes.py": "SIZES = ['a', 'b']",
        "pkg/__init__.py": "",
        "one.py": "from two import B\nA = 1",
        "two.py": "from one import A\nB = 1",
    }
    predict = PREDICT.format(imports=imports, choices="SIZES")

    with pytest.raises(PredictorError, match="importing it raises") as caught:
        read(tmp_path, {"predict.py": predict, **files})

    assert told in str(caught.value)
    assert not imported({"predict.py": predict, **files})


@pytest.mark.parametrize(("imports", "choices", "files"), SIBLINGS.values(), ids=SIBLINGS.keys())
def test_values_come_from_where_python_finds_them(
    imports: str, choices: str, files: dict[str, str], tmp_path: Path
) -> None:
    """Choices are resolved through every form of import."""
    predict = PREDICT.format(imports=imports, choices=choices)

    spec = read(tmp_path, {"predict.py": predict, **files})

    assert spec.inputs[0].choices == ("a", "b")


@pytest.mark.parametrize("name", [name for name in SIBLINGS if "/src" not in str(SIBLINGS[name])])
def test_python_finds_them_there(name: str) -> None:
    """Every row of the table is imported by Python, too, with stand-ins for the packages."""
    imports, choices, files = SIBLINGS[name]

    specs = imported({**files, "predict.py": PREDICT.format(imports=imports, choices=choices)})

    assert {spec.inputs[0].choices for spec in specs} == {("a", "b")}


@pytest.mark.parametrize(
    "listing",
    [
        "[p.name for p in P('none').glob('*')]",
        "[p.name for p in P('v').glob('*.mp3')]",
        "[p.name for p in P('..').iterdir()]",
        "[p.name for p in P('v').glob('../*')]",
        "[p.name for p in P('/etc').iterdir()]",
        "[p.name for p in P('.').glob('**/**/a.wav')]",
        "os.listdir('/')",
        "glob.glob('/*')",
        "glob.glob('v/**')",
        "['a'] if os.path.exists('none') else ['b']",
        "['a'] if P('none').is_dir() else ['b']",
    ],
)
def test_what_is_not_there_or_not_the_projects_is_not_told(listing: str, tmp_path: Path) -> None:
    """A folder that the build may fill says nothing while it is empty, and others are not read."""
    head = "import glob, os\nfrom pathlib import Path as P"
    predict = PREDICT.format(imports=head, choices=listing)

    with pytest.raises(UnresolvedExpression, match=re.escape("the choices of")):
        read(tmp_path, {"predict.py": predict, **VOICES})


@pytest.mark.parametrize(
    "path",
    ["deep/er/predict.py", "cog/predict.py", "my-model v2.py", "2nd.py", "async.py"],
)
def test_the_file_may_lie_anywhere_and_have_any_name(path: str, tmp_path: Path) -> None:
    """Imports resolve from the root and from beside the file, Cog's name stays Cog's."""
    predict = PREDICT.format(imports="from sizes import A\nfrom beside import B", choices="A + B")
    beside = (Path(path).parent / "beside.py").as_posix()

    files = {path: predict, "sizes.py": "A = ['a']", beside: "B = ['b']"}
    spec = read(tmp_path, files, f"{path}:Predictor")

    assert spec.inputs[0].choices == ("a", "b")
    assert spec.ref == f"{path}:Predictor"


def test_symlinked_modules_are_read(tmp_path: Path) -> None:
    """A module may be a link to a file elsewhere."""
    (tmp_path / "elsewhere.py").write_text("SIZES = ['a', 'b']")
    root = tmp_path / "project"
    root.mkdir()
    (root / "sizes.py").symlink_to(tmp_path / "elsewhere.py")

    spec = read(
        root, {"predict.py": PREDICT.format(imports="from sizes import *", choices="SIZES")}
    )

    assert spec.inputs[0].choices == ("a", "b")


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + "N = 'é'\n".encode(),
        "# -*- coding: latin-1 -*-\nN = 'é'\n".encode("latin-1"),
        "N = 'é'\r\n".encode(),
    ],
    ids=["bom", "cookie", "crlf"],
)
def test_text_is_decoded_as_python_does(data: bytes, tmp_path: Path) -> None:
    """Byte order marks, coding cookies and line ends are respected."""
    source = data + b"class Predictor:\n    def predict(self, x: str = N) -> str: ...\n"
    (tmp_path / "predict.py").write_bytes(source)

    spec = read_predictor("predict.py:Predictor", tmp_path)

    assert spec.inputs[0].default == "é"


ENVIRONMENT = {
    "get": "os.environ.get('COGFAL_X', 'a')",
    "getenv": "os.getenv('COGFAL_X', default='a')",
    "item": "os.environ['COGFAL_X']",
    "constant": "SIZE",
    "function": "size()",
}


@pytest.mark.parametrize("expression", ENVIRONMENT.values(), ids=ENVIRONMENT.keys())
def test_the_environment_is_read_at_deploy_time(
    expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that a default depends on are resolved and named; others are not."""
    monkeypatch.setenv("COGFAL_X", "b")
    source = (
        "import os\nUNUSED = os.environ.get('COGFAL_Y')\nSIZE = os.environ.get('COGFAL_X')\n"
        "def size():\n    return os.getenv('COGFAL_X')\n"
        f"class Predictor:\n    def predict(self, x: str = {expression}) -> str: ...\n"
    )

    spec = read(tmp_path, {"predict.py": source})

    assert spec.inputs[0].default == "b"
    assert spec.deploy_time == ("COGFAL_X",)
    assert [each.inputs[0].default for each in imported({"predict.py": source})] == ["b"]


def test_a_variable_that_the_text_sets_is_no_deploy_time_value(tmp_path: Path) -> None:
    """`os.environ[...] = ...` at import is what later lines see."""
    source = (
        "import os\nos.environ['COGFAL_Z'] = 'c'\n"
        "class Predictor:\n    def predict(self, x: str = os.environ['COGFAL_Z']) -> str: ...\n"
    )

    spec = read(tmp_path, {"predict.py": source})

    assert (spec.inputs[0].default, spec.deploy_time) == ("c", ())


@pytest.mark.parametrize(
    "line",
    [
        "from cogfal import fal_errors",
        "import cogfal.fal_errors",
        "from cogfal.fal_errors import FalError",
    ],
)
def test_fals_errors_are_there_under_cogfals_name(line: str, tmp_path: Path) -> None:
    """And not under Cog's, where a project would miss them elsewhere."""
    text = PREDICT.format(imports=line, choices="['a']")

    assert read(tmp_path, {"predict.py": text}).inputs[0].choices == ("a",)
    with pytest.raises(PredictorError, match="fal_errors"):
        read(tmp_path, {"predict.py": text.replace("cogfal", "cog")})
