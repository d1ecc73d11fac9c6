"""What authors seldom write is read as Python executes it, or refused with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cogfal.errors import PredictorError, UnresolvedExpression
from tests.reading.oracle.execution import Answers, executed, project
from tests.reading.projects import read

FILES: Final = {
    "side.py": "L = []\n",
    "lib/inner.py": "N = 2\n",
    "pkg/__init__.py": "",
    "pkg/sub.py": "N = 1\n",
    "broken/other.py": "a = (\n",
    "asked/__init__.py": "def __getattr__(name): return ['a']\n",
}
"""What lies beside `predict.py`."""
INPUT: Final = "\nclass Predictor:\n    def predict(self, x=X) -> str: ...\n"


def failing(text: str, error: str) -> str:
    """Return a program whose X is 7 where the text raises an error."""
    return f"try:\n    X = {text}\nexcept {error}:\n    X = 7"


GIVEN: Final[dict[str, tuple[str, object]]] = {
    "return-from-a-loop": (
        "def f():\n    for i in range(3):\n        if i == 1: return i\nX = f()", 1
    ),
    "return-of-a-yield": ("def g():\n    return (yield 1)\nX = list(g())", [1]),
    "return-of-a-generator": (
        ("def g():\n    yield 1\n    return 2\ndef h():\n    return (yield from g())\n"
        "def k():\n    told = yield from h()\n    yield told\nX = list(k())"), [1, 2],
    ),
    "stop-iteration-of-a-generator": (
        "def g():\n    raise StopIteration\n    yield\n" + failing("list(g())", "RuntimeError"), 7
    ),
    "next-past-the-end": (failing("next(iter([]))", "StopIteration"), 7),
    "next-of-a-list": (failing("next([1])", "TypeError"), 7),
    "deletion-of-several": (
        "a, b, c = 1, 2, 3\ndel (a, b), c\n" + failing("a", "NameError"), 7
    ),
    "deletion-of-nothing": ("try:\n    del a\nexcept NameError:\n    X = 3", 3),
    "deletion-in-a-module": (
        "import side\ntry:\n    del side.a\nexcept AttributeError:\n    X = 3", 3
    ),
    "deletion-in-globals": ("a = 3\ndel globals()['a']\n" + failing("a", "NameError"), 7),
    "deletion-in-an-object": (
        ("class C:\n    def __init__(self): self.a = 1\no = C()\ndel vars(o)['a']\n"
        "X = hasattr(o, 'a')"), False,
    ),
    "deletion-in-the-environment": (
        "import os\ntry:\n    del os.environ['COGFAL_NOWHERE']\nexcept KeyError:\n    X = 3", 3
    ),
    "item-of-an-object": (
        "class C:\n    def __init__(self): self.a = 1\nX = vars(C())['a']", 1
    ),
    "repeated-in-place": (
        "from collections import deque\na = b = [1]\na *= 2\nc = d = deque(b)\nd *= 2\nX = list(c)",
        [1, 1, 1, 1],
    ),
    "item-of-a-deque": (
        "from collections import deque\nd = deque([1, 2])\nd[0] = 3\nX = list(d)", [3, 2]
    ),
    "name-that-is-not-bound-yet": (
        "def f():\n    def g(): return n\n    v = g()\n    n = 1\n    return v\n"
        + failing("f()", "NameError"), 7,
    ),
    "super-with-arguments": (
        ("class A:\n    def f(self): return 1\nclass B(A):\n"
        "    def f(self): return super(B, self).f() + 1\nX = B().f()"), 2,
    ),
    "super-in-a-comprehension": (
        (
            "class A:\n    def f(self): return 1\nclass B(A):\n    def f(self):\n"
            "        try:\n            return [super().f() for _ in 'a'] and 3\n"
            "        except (TypeError, RuntimeError):\n            return 3\nX = B().f()"
        ),
        3,
    ),
    "super-outside-of-a-class": (failing("super()", "RuntimeError"), 7),
    "methods-of-a-dataclass": (
        ("from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 1\n"
        "X = [C().__repr__(), C().__eq__(C())]"), ["C(a=1)", True],
    ),
    "tuples-of-a-class": (
        ("class P(tuple):\n    def __new__(cls, *a): return super().__new__(cls, a)\n"
        "X = list(P(1, 2))"), [1, 2],
    ),
    "alias-that-makes-nothing": (
        "from typing import List\n" + failing("List[int]()", "TypeError"), 7
    ),
    "defaults-of-a-function": ("def f(a, b=2): ...\nX = f.__defaults__[0]", 2),
    "function-without-the-attribute": ("def f(): ...\n" + failing("f.a", "AttributeError"), 7),
    "function-copied": (
        "import copy\ndef f(): ...\nX = [copy.copy(f) is f, copy.deepcopy([f])[0] is f]",
        [True, True],
    ),
    "class-of-a-number": ("X = (3).__class__.__name__", "int"),
    "class-of-no-such-attribute": (
        "class C: ...\n" + failing("getattr(C(), 'a')", "AttributeError"), 7
    ),
    "class-of-python-changed": ("try:\n    int.a = 3\nexcept TypeError:\n    X = 3", 3),
    "attribute-by-a-number": (failing("getattr(3, 4)", "TypeError"), 7),
    "attribute-getter-of-a-number": (
        "import operator\n" + failing("operator.attrgetter(3)(4)", "TypeError"), 7
    ),
    "iterators-compared": ("i = iter([1])\nX = [i == i, i in [1, i]]", [True, True]),
    "iteration-over-a-number": (failing("[*3]", "TypeError"), 7),
    "exception-that-is-none": ("try:\n    raise 3\nexcept TypeError:\n    X = 3", 3),
    "exception-beside-exceptions": (
        "class E(BaseException): ...\ntry:\n    raise E\nexcept E:\n    X = 3", 3
    ),
    "end-of-the-program": ("import sys\ntry:\n    sys.exit()\nexcept SystemExit:\n    X = 3", 3),
    "path-of-a-number": ("import os\n" + failing("os.listdir(3.5)", "TypeError"), 7),
    "path-without-a-home": ("from pathlib import Path\nX = str(Path('a').expanduser())", "a"),
    "suffixes-of-a-path": ("from pathlib import Path\nX = Path('a.b.c').suffixes", [".b", ".c"]),
    "encoding-of-bytes": (failing("open('side.py', 'rb', encoding='utf-8')", "ValueError"), 7),
    "variable-by-a-number": ("import os\n" + failing("os.environ[3]", "TypeError"), 7),
    "variable-that-is-a-number": (
        "import os\ntry:\n    os.environ['A'] = 3\nexcept TypeError:\n    X = 3", 3
    ),
    "module-below-another-folder": (
        ("import sys\nsys.path.insert(0, '/opt/x')\nsys.path.insert(0, 'lib')\nimport inner\n"
        "X = inner.N"), 2,
    ),
    "module-that-its-package-has-lost": (
        "import pkg.sub\ndel pkg.sub\nfrom pkg import sub\nX = sub.N", 1
    ),
    "module-that-is-lost": (
        ("import json\ndel json.decoder\ntry:\n    import json.decoder as d\n"
        "except ImportError:\n    d = 3\nX = 3"), 3,
    ),
    "final": ("from typing import final\n@final\nclass C: a = 3\nX = C.a", 3),
}  # fmt: skip
"""Programs, and what X is in them."""

ANY_ANSWER: Final[dict[str, tuple[str, object]]] = {
    "while": ("X = 1\nwhile u():\n    X += 0", 1),
    "break-and-else": ("X = 1\nfor i in u():\n    break\nelse:\n    u()", 1),
    "return-in-both": ("def f():\n    if u(): return 1\n    else: return 1\nX = f()", 1),
    "exception-in-both": (
        "try:\n    if u(): raise KeyError\n    else: raise KeyError\nexcept KeyError:\n    X = 3", 3
    ),
    "member-that-is-there": ("X = {1}\nif u():\n    X.add(1)\nX = sorted(X)", [1]),
    "what-is-caught": ("X = 1\ntry:\n    [][1]\nexcept u.Error:\n    X = 1", 1),
    "metaclass": ("class C(metaclass=u.Meta): a = 3\nX = C.a", 3),
    "name-of-an-own-class": (
        "class C(u.Base):\n    def __init__(self): ...\nX = C().__class__.__name__", "C"
    ),
    "value-of-a-secret": ("from cog import Secret\nX = {'a': Secret('q')}", {"a": "q"}),
    "largest-integer": ("import numpy as np\nX = np.iinfo(np.int32).max", 2**31 - 1),
}  # fmt: skip
"""Programs whose X is the same whatever `u`, which comes from outside, is and answers."""

REFUSED: Final[dict[str, tuple[str, str]]] = {
    "while": ("def f():\n    while u(): return 1\n    return 2\nX = f()", "outside.u"),
    "return": ("def f():\n    for i in u(): return 1\n    return 2\nX = f()", "outside.u"),
    "yield": ("def f():\n    for i in u(): yield i\nX = list(f())", "outside.u"),
    "yield-while": ("def f():\n    while u(): yield 1\nX = list(f())", "outside.u"),
    "match": ("match u():\n    case 1: X = 1\n    case _: X = 2", "a match of something unknown"),
    "yield-in-a-context": (
        ("class M:\n    def __enter__(self): ...\n    def __exit__(self, *_): ...\n"
        "def g():\n    with M(): yield 1\nX = list(g())"), "a yield inside of such a with",
    ),
    "added-in-place": ("X = [1]\nX += u()", "outside.u"),
    "many-decorators": (
        ("def made(n): return lambda f: n\nd = made(0)\nfor i in range(20):\n"
        "    if u(): d = made(i)\n@d\ndef g(): ...\nX = g()"), "outside.u",
    ),
    "item-of-a-class": ("class C(u.Base): ...\nX = C[1]", "outside.u.Base"),
    "changed-class": ("@u\nclass C: ...\nX = C(1)", "changed by a decorator from outside"),
    "changed-by-a-function": (
        "import side\ndef f(): side.L.append(1)\nu(f)\nX = side.L", "outside.u"
    ),
    "argument-of-a-type": ("from typing import List\nX = List[u.T].__args__", "outside.u.T"),
    "module": ("import importlib\nX = importlib.import_module(u()).a", "outside.u"),
    "relative-module": (
        "import importlib\nX = importlib.import_module('.a').a",
        "a relative import without a package",
    ),
    "unreadable-module": (
        "import sys\nsys.path.insert(0, 'broken')\nimport other\nX = other.a", "was never closed"
    ),
    "module-that-is-no-package": (
        "from importlib import resources\nX = resources.files('side')", "no package of the project"
    ),
    "module-that-answers-for-all": ("from asked import *\nX = a", "asked"),
    "folders-of-modules": (
        "import pkgutil\nX = [m.name for m in pkgutil.iter_modules(['lib', 'pkg'])]",
        "modules of one folder alone",
    ),
    "environment": ("import os\nX = os.environ.copy()", "copy() of such a mapping"),
    "environment-emptied": ("import os\nX = os.environ.popitem()", "popitem() of such a mapping"),
    "attributes-of-a-class": ("class C: a = 1\nX = vars(C)['a']", "not read as a whole"),
    "member-of-an-enum": (
        "import enum\nclass E(enum.Enum):\n    if u(): A = 1\n    B = enum.auto()\nX = E.B.value",
        "outside.u",
    ),
    "names": ("X = dir()", "dir() is not evaluated"),
    "scope-elsewhere": ("X = list(map(eval, ['1']))", "looks at its scope"),
    "text-of-an-exception": ("X = KeyError('a').args", "depends on Python's version"),
    "method-of-an-exception": ("X = KeyError('a').with_traceback(None)", "'with_traceback'"),
    "text-of-python": ("X = (3).__doc__", "a text of Python's own"),
    "called-by-its-method": ("def f(): ...\nX = f.__call__()", "what is called here"),
    "item-of-a-set": ("X = {1, 2}.pop()", "left open by Python"),
    "iterator-copied": ("import copy\nX = copy.copy(iter([1]))", "not looked into"),
    "member-of-a-range": ("X = 'a' in range(3)", "no integer"),
    "default-factory": (
        "from collections import defaultdict\nX = defaultdict(str.upper)['a']", "default_factory"
    ),
    "path-of-bytes": ("import os\nX = os.path.exists(b'a')", "a path of this kind"),
    "part-of-a-path": ("from pathlib import Path\nX = Path('a')._str", "'_str' of a path"),
    "home": ("from pathlib import Path\nX = str(Path('~/a').expanduser())", "home of the user"),
    "file-that-is-missing": ("with open('a/b') as f:\n    X = f.read()", "no a/b in the project"),
    "folder-that-is-missing": ("import os\nX = os.listdir('a/b')", "no folder a/b in the"),
    "folder-opened": ("X = open('lib').read()", "no file"),
    "file-below-a-file": ("X = open('side.py/a').read()", "Not a directory"),
    "limit-of-digits": ("import sys\nX = sys.set_int_max_str_digits(0)", "a limit of Python's own"),
    "loader-of-yaml": ("import yaml\nX = yaml.load('a', Loader=yaml.Other)", "such a loader"),
    "aliases-of-yaml": (
        "import yaml\nX = yaml.safe_load('a: &x 1\\nb: [' + '*x, ' * 2000 + ']')",
        "too many aliases",
    ),
    "expression-that-tries": ("import re\nX = re.findall('a*b*c*d*', 'a' * 1000)", "too much work"),
    "large-replacement": ("X = ('a' * 50000).replace('a', 'b' * 50000)", "too large"),
    "large-number": ("X = int('1' * 100000)", "too large"),
    "large-exponent": ("X = float('1e99999')", "too large"),
    "large-shift": ("X = 1 << 10**9", "too large"),
    "large-format": ("X = ('{}' * 3000).format(*['a' * 9000] * 3000)", "too large"),
    "model-changed": (
        "from pydantic import BaseModel\nclass C(BaseModel): a: int = 1\nc = C()\nc.b = 2\nX = c.a",
        "no field of a Pydantic model",
    ),
    "models-compared": (
        "from pydantic import BaseModel\nclass C(BaseModel): a: int = 1\nX = C(a=1) == C(a=1)",
        "Pydantic model are not compared",
    ),
}  # fmt: skip
"""Programs whose X is not told, and why; `u` comes from outside."""

FAILING: Final[dict[str, tuple[str, str]]] = {
    "end-of-the-program": ("import sys\nX = 1\nsys.exit()", "sys.exit() ends the program"),
    "unknown-exception": ("from outside import u\nX = 1\nraise u()", "an exception (outside.u"),
    "exception-of-unknown-text": (
        ("from outside import u\nclass E(Exception):\n    def __str__(self): return str(u())\n"
        "X = 1\nraise E"), "E: (outside.u",
    ),
    "length": (
        "from cog import Input\nX = Input(min_length=-1)", "must be a length, 0 or more, not -1"
    ),
    "choice": ("from cog import Input\nX = Input(choices=[[1]])", "must be texts or numbers"),
}  # fmt: skip
"""Modules that Python does not import, or that cannot be served, and what is said of them."""


@pytest.mark.parametrize(("text", "value"), GIVEN.values(), ids=[*GIVEN])
def test_what_is_told_is_what_python_makes(text: str, value: object, tmp_path: Path) -> None:
    """X is told, and is what executing the program makes it."""
    files = {**FILES, "predict.py": text + INPUT}

    spec = read(tmp_path, files)

    with project(files) as root:
        assert (executed(root, Answers()) or {})["X"] == value
    assert spec.inputs[0].default == value


@pytest.mark.parametrize(("text", "value"), ANY_ANSWER.values(), ids=[*ANY_ANSWER])
def test_what_no_answer_changes_is_told(text: str, value: object, tmp_path: Path) -> None:
    """X is told where it is the same whatever unknown code does."""
    spec = read(tmp_path, {"predict.py": f"from outside import u\n{text}{INPUT}"})

    assert spec.inputs[0].default == value


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=[*REFUSED])
def test_a_refusal_gives_its_reason(text: str, why: str, tmp_path: Path) -> None:
    """The error says what is not evaluated."""
    files = {**FILES, "predict.py": f"from outside import u\n{text}{INPUT}"}

    with pytest.raises(UnresolvedExpression) as caught:
        read(tmp_path, files)

    assert why in str(caught.value)


@pytest.mark.parametrize(("text", "why"), FAILING.values(), ids=[*FAILING])
def test_what_cannot_be_an_app_is_an_error(text: str, why: str, tmp_path: Path) -> None:
    """The error says what Python, or Cog, would not take."""
    with pytest.raises(PredictorError) as caught:
        read(tmp_path, {"predict.py": text + INPUT})

    assert why in str(caught.value)
