"""What a text says is what the model's own Python makes of it, where versions differ."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import fractions
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from cogfal.errors import PredictorError
from cogfal.reading import read_predictor
from cogfal.reading.interpreter import Interpreter
from cogfal.reading.listed import LISTED, WHOLE, public_names
from cogfal.reading.source import Project
from cogfal.reading.unknown import ABSENT, Unknown
from cogfal.reading.versions import check_attribute, lacks
from tests.interpreters import INTERPRETERS, run_there
from tests.reading.projects import write

CASES: Final = {
    "text-of-an-ordered-dict": "from collections import OrderedDict\nX = str(OrderedDict(a=1))",
    "method-of-a-text": "try:\n    X = 'abc'.removeprefix('a')\nexcept AttributeError:\n    X = 0",
    "method-of-a-number": "try:\n    X = (3).is_integer()\nexcept AttributeError:\n    X = 0",
    "method-of-a-path": "from pathlib import Path\nX = hasattr(Path, 'walk')",
    "stem-of-a-path": "from pathlib import PurePosixPath\n"
    "try:\n    X = str(PurePosixPath('a.c').with_stem('b'))\nexcept AttributeError:\n    X = 0",
    "own-method": "class C(str):\n    def removeprefix(self, other): return 5\n"
    "X = C('a').removeprefix('a')",
    "union-of-dicts": "try:\n    X = {'a': 1} | {'b': 2}\nexcept TypeError:\n    X = 0",
    "union-in-place": "X = {'a': 1}\ntry:\n    X |= {'b': 2}\nexcept TypeError:\n    X = 0",
    "union-of-types": "try:\n    int | None\n    X = 1\nexcept TypeError:\n    X = 0",
    "arguments-of-a-class": "try:\n    list[int]\n    X = 1\nexcept TypeError:\n    X = 0",
    "text-of-new-types": "def f(a: 'list[int] | None'): ...\nX = 1",
    "name-of-a-module": "try:\n    from enum import StrEnum\n    X = 1\n"
    "except ImportError:\n    X = 0",
    "name-of-typing": "try:\n    from typing import Self\n    X = 1\n"
    "except ImportError:\n    X = 0",
    "attribute-of-a-module": "import functools\nX = hasattr(functools, 'cache')",
    "builtin": "try:\n    ExceptionGroup\n    X = 1\nexcept NameError:\n    X = 0",
    "slots": "from dataclasses import dataclass\ntry:\n    dataclass(slots=True)\n    X = 1\n"
    "except TypeError:\n    X = 0",
    "flags": "from enum import Flag\nclass F(Flag):\n    A = 1\n    B = 2\n    C = 3\nX = len(F)",
    "private-in-an-enum": "from enum import Enum\n"
    "class E(Enum):\n    A = 1\n    __b = 2\nX = len(E)",
    "sum-of-floats": "X = sum([0.1] * 10)",
    "sum-of-whole-numbers": "X = sum([1, 2], 3)",
    "value-in-an-enum": "from enum import Enum\nclass E(Enum):\n    A = 'a'\n"
    "try:\n    X = 'a' in E\nexcept TypeError:\n    X = 0",
    "member-in-an-enum": "from enum import Enum\nclass E(Enum):\n    A = 'a'\nX = E.A in E",
    "equal-counters": "from collections import Counter\nX = Counter(a=0) == Counter()",
    "strict-zip": "try:\n    X = list(zip([1], [2], strict=True)) and 1\n"
    "except TypeError:\n    X = 0",
    "date-of-a-text": "from datetime import date\ntry:\n"
    "    X = str(date.fromisoformat('20240102'))\nexcept ValueError:\n    X = 0",
    "number-of-bytes": "try:\n    X = int.from_bytes(b'a')\nexcept TypeError:\n    X = 0",
    "property-of-a-class": "class C:\n    @classmethod\n    @property\n    def f(cls): return 1\n"
    "X = C.f == 1",
    "docstrings": 'class C:\n    """  A\n\n\t B  \n        c\n      \n    """\n'
    "    def f(self):\n        'a\\n      b\\n    c'\ndef g(): ' a\\nb'\n"
    "X = repr([C.__doc__, C.f.__doc__, g.__doc__])",
    "docstring-of-a-module": "''' A\n    b\n      c\n   '''\nX = __doc__",
    "counted-after-a-smaller-one": "from enum import Enum, auto\nclass E(Enum):\n    A = 5\n"
    "    B = 1\n    C = auto()\nX = E.C.value",
    "counted-after-a-text": "from enum import Enum, auto\ntry:\n    class E(Enum):\n"
    "        A = 'a'\n        B = auto()\n    X = E.B.value\nexcept TypeError:\n    X = 0",
    "counted-in-a-group": "from enum import Enum, auto\nclass E(Enum):\n    A = auto(), 'a'\n"
    "X = isinstance(E.A.value[0], int)",
    "counted": "from enum import Enum, auto\nclass E(Enum):\n    A = auto()\n    B = auto()\n"
    "X = E.B.value",
    "named-by-auto": "from enum import Enum, auto\nclass E(Enum):\n"
    "    def _generate_next_value_(name, *_): return name\n    B = auto()\n    A = auto()\n"
    "X = E.A.value",
    "default-that-is-a-dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n"
    "    n: int = 3\ntry:\n    @dataclass\n    class B:\n        a: A = A()\n"
    "    X = [B().a.n, A.__hash__ is None]\nexcept ValueError:\n    X = 0",
    "default-of-python-s-own-that-has-no-hash": "from collections import deque\n"
    "from dataclasses import dataclass\ntry:\n    @dataclass\n    class B:\n"
    "        a: deque = deque([1])\n    X = 1\nexcept ValueError:\n    X = 0",
    "length-in-three-dimensions": "import math\ntry:\n    X = math.hypot(1, 2, 3)\n"
    "except TypeError:\n    X = 0",
    "divisor-of-three": "import math\ntry:\n    X = math.gcd(4, 6, 8)\n"
    "except TypeError:\n    X = 0",
    "possessive-pattern": "import re\ntry:\n    X = re.findall('a++b', 'aab')\n"
    "except re.error:\n    X = 0",
    "format-of-a-fraction": "from fractions import Fraction\ntry:\n"
    "    X = f'{Fraction(1, 3):.2f}'\nexcept TypeError:\n    X = 0",
    "format-of-a-fraction-by-a-method": "from fractions import Fraction\ntry:\n"
    "    X = '{:.2f}'.format(Fraction(1, 3))\nexcept TypeError:\n    X = 0",
    "week-of-a-date": "from datetime import date\nX = str(date(2024, 1, 2).isocalendar())",
    "modules-that-are-gone": "X = []\nfor n in range(6):\n    try:\n"
    "        if n == 0: import imghdr\n        elif n == 1: import asynchat\n"
    "        elif n == 2: import binhex\n        elif n == 3: import formatter\n"
    "        elif n == 4: import pipes\n        else: import symbol\n        X.append(n)\n"
    "    except ImportError: ...",
    "zeros-before-a-text": "X = []\nfor f in (lambda: f\"{'a':05}\", lambda: '{:05}'.format('a'),\n"
    "          lambda: format('a', '05')):\n    try:\n        X.append(f())\n"
    "    except ValueError:\n        X.append(0)",
    "sign-of-a-zero": "X = []\n"
    "for f in (lambda: f'{-0.001:z.1f}', lambda: '{:z.1f}'.format(-0.001)):\n"
    "    try:\n        X.append(f())\n    except ValueError:\n        X.append(0)",
    "factorial-of-a-float": "import math\ntry:\n    X = math.factorial(5.0)\nexcept TypeError:\n"
    "    X = 0",
    "spaces-before-a-literal": "import ast\ntry:\n    X = ast.literal_eval('  1')\n"
    "except SyntaxError:\n    X = 0",
    "keyword-of-a-field": "from dataclasses import field\ntry:\n    field(kw_only=True)\n"
    "    X = 1\n"
    "except TypeError:\n    X = 0",
    "keyword-of-replace": "try:\n    X = 'aab'.replace('a', 'b', count=1)\nexcept TypeError:\n"
    "    X = 0",
    "field-that-replace-is-given": "import dataclasses\n@dataclasses.dataclass\n"
    "class C: count: int = 1\n"
    "X = dataclasses.replace(C(), count=2).count",
    "weakref-slot": "from dataclasses import dataclass\ntry:\n"
    "    dataclass(slots=True, weakref_slot=True)\n    X = 1\nexcept TypeError:\n    X = 0",
    "default-that-is-a-dict-of-its-own": "from dataclasses import dataclass\n"
    "class D(dict): ...\ntry:\n"
    "    @dataclass\n    class C:\n        d: dict = D()\n    X = 1\nexcept ValueError:\n    X = 0",
    "last-of-the-parents": "from pathlib import PurePosixPath\ntry:\n"
    "    X = str(PurePosixPath('a/b/c').parents[-1])\nexcept IndexError:\n    X = 0",
    "member-of-two-values": "from enum import Enum\nclass E(Enum):\n    A = 1, 2\ntry:\n"
    "    X = E(1, 2).name\nexcept Exception:\n    X = 0",
    "slice-as-a-key": "try:\n    X = len({slice(1): 1})\nexcept TypeError:\n    X = 0",
    "builtins-that-are-new": "X = []\n"
    "for f in (lambda: EncodingWarning, lambda: ExceptionGroup, lambda: aiter,\n"
    "          lambda: PythonFinalizationError):\n    try:\n        X.append(f() and 1)\n"
    "    except NameError:\n        X.append(0)",
    "class-in-an-enum": "from enum import Enum\n"
    "class E(Enum):\n    A = 1\n    class B: ...\nX = len(E)",
}
GLOBBED: Final = """
import os
from pathlib import Path

def main(folder):
    os.chdir(folder)
    return sorted(map(str, Path(".").glob("**")))
"""
PROGRAM: Final = """
def main(text):
    names = {"__name__": "predict"}
    exec(text, names)
    return names["X"]
"""


@pytest.mark.parametrize("version", INTERPRETERS)
def test_the_models_python_agrees(version: str, tmp_path: Path) -> None:
    """What is told is what the model's Python makes of the text; the rest is refused."""
    ran = {
        name: run_there(INTERPRETERS[version], PROGRAM, text, options=())
        for name, text in CASES.items()
    }
    told, lies = dict[str, Any](), list[str]()
    for name, text in CASES.items():
        predictor = "class Predictor:\n    def predict(self, x=X) -> str: ...\n"
        write(tmp_path, {"predict.py": f"{text}\n{predictor}"})
        try:
            spec = read_predictor("predict.py:Predictor", tmp_path, python_version=version)
        except PredictorError as error:
            lies += [name] if "Python raises it as well" in str(error) else []
        else:
            told[name] = spec.inputs[0].default

    assert told == {name: ran[name] for name in told}
    assert lies == []
    assert len(told) > len(CASES) / 2


@pytest.mark.parametrize("version", INTERPRETERS)
def test_a_pattern_of_folders_gives_what_it_gives_there(version: str, tmp_path: Path) -> None:
    """`glob("**")` tells of files or not, depending on the model's Python, or is refused."""
    text = "from pathlib import Path\nX = sorted(map(str, Path('.').glob('**')))\n"
    predictor = "class Predictor:\n    def predict(self, x=X) -> str: ...\n"
    write(tmp_path, {"predict.py": text + predictor, "a/b.txt": ""})

    found = run_there(INTERPRETERS[version], GLOBBED, str(tmp_path), options=())
    told = [found]
    with contextlib.suppress(PredictorError):
        spec = read_predictor("predict.py:Predictor", tmp_path, python_version=version)
        told.append(spec.inputs[0].default)

    assert all(each == found for each in told)
    assert len(told) == 1 + (((3, int(version[2:])) < (3, 13)) == (sys.version_info < (3, 13)))


LACKING: Final = """
import importlib

def main(names):
    return [name for name in names if not there(name)]

def there(name):
    module, *parts = name.split(":")
    try:
        found = importlib.import_module(module)
    except ImportError:
        return True  # which is told of the module
    for part in parts:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True
"""
KINDS: Final = (
    str, bytes, int, float, complex, list, dict, tuple, set, frozenset, range, slice,
    collections.Counter, collections.OrderedDict, collections.deque, BaseException,
    dt.date, dt.datetime, dt.timedelta, fractions.Fraction,
)  # fmt: skip


def _evaluated(root: Path) -> list[str]:
    """Return the names of Python's library that stand for values, as `module:name`."""
    world = Interpreter(Project(root, sys.version_info[:2], lambda _: None))
    pairs = [dotted.rpartition(".")[::2] for dotted in LISTED if not dotted.endswith("*")]
    pairs += [(module, name) for module in WHOLE for name in public_names(module)]
    found = {f"{m}:{name}": world.library.find(f"{m}.{name}") for m, name in pairs}
    return [name for name, each in found.items() if not (each is ABSENT or type(each) is Unknown)]


def _lacks_method(version: tuple[int, int], kind: type, name: str) -> bool:
    try:
        check_attribute(version, kind, name)
    except AttributeError:
        return True
    return False


@pytest.mark.parametrize("version", INTERPRETERS)
def test_the_table_knows_what_each_version_lacks(version: str, tmp_path: Path) -> None:
    """A name that is evaluated is there in the versions of Python that have it, and in no other."""
    names = _evaluated(tmp_path)

    lacking = run_there(INTERPRETERS[version], LACKING, names, options=())

    minor = (3, int(version[2:]))
    assert names
    assert [name for name in names if lacks(minor, name.replace(":", "."))] == lacking


@pytest.mark.parametrize("version", INTERPRETERS)
def test_the_table_knows_which_methods_each_version_lacks(version: str) -> None:
    """So has a class of Python's own the methods that it has in that version."""
    methods = [(kind, name) for kind in KINDS for name in dir(kind) if name[0] != "_"]
    names = [f"{kind.__module__}:{kind.__name__}:{name}" for kind, name in methods]

    lacking = run_there(INTERPRETERS[version], LACKING, names, options=())

    minor = (3, int(version[2:]))
    told = [_lacks_method(minor, *method) for method in methods]
    assert [name for name, lacks_it in zip(names, told, strict=True) if lacks_it] == lacking
