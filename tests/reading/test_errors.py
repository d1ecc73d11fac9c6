"""Reading predictors that cannot be read: each error says what, where and what to do."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from cogfal.errors import PredictorError, UnresolvedExpression, UnsupportedSignature
from cogfal.reading import read_predictor
from cogfal.spec import Location

HEAD = "from typing import *\nfrom cog import *\nimport timm, torch, random\n"


def source(parameter: str, prelude: str = "", output: str = "str") -> str:
    """Return a predictor with one parameter; the prelude begins in line 4."""
    return (
        f"{HEAD}{prelude}\nclass Predictor(BasePredictor):\n"
        f"    def predict(self, {parameter}) -> {output}: ...\n"
    )


DOUBLING = "def f():\n    s = 'a'\n    while True:\n        s = s + s\n"
RECURSIVE = "class N(BaseModel):\n    n: 'N'"

DEEP = "X = Y = ('a',)\nfor i in range(60):\n    X = (X, X)\n    Y = (Y, Y)\n"

ORDERED = {
    "fromkeys": "[*dict.fromkeys(S)]", "counter": "[*Counter(S)]",
    "most": "Counter(S).most_common(1)",
    "enumerate": "[*enumerate(iterable=S)]", "deque": "[*deque(iterable=S)]", "mode": "mode(S)",
    "combinations": "[*combinations(iterable=S, r=1)]", "join": "shlex.join(S)",
    "namedtuple": "namedtuple('P', S)._fields", "list": "[*L(S)]", "super": "[*M(S)]",
    "update": "d.update((s, 1) for s in S) or [*d]", "pairs": "d.update(P) or [*d]",
    "counts": "c.update(S) or [*c]", "dict": "[*D(P)]", "tuple": "[*T(S)]", "in-place": "[*q]",
    "merged": "[*e]", "error": "str(ValueError(S))", "record": "str(R(S))",
}  # fmt: skip
"""What keeps the order of a set."""
ORDERING = """
import shlex
from collections import *
from dataclasses import dataclass
from itertools import combinations
from statistics import mode
class L(list): ...
class M(list):
    def __init__(self, items): super().__init__(items)
class D(dict): ...
class T(tuple): ...
@dataclass
class R:
    s: object
S = {'a', 'b', 'c', 'd', 'e'}
P = {('a', 1), ('b', 2), ('c', 3), ('d', 4)}
c, d, e, q = Counter(), {}, {}, deque()
q += S
e |= P
"""

UNRESOLVED = {
    "base": ("from timm import Base\nclass Predictor(Base): ...", 1, None),
    "signature": (
        source("*a").replace("    def", "    def f(): ...\n    def")
        + "Predictor.predict.__signature__ = None",
        7,
        None,
    ),
    "third-party": (
        source("x: str = Input(choices=list(timm.list_models()))"),
        6,
        "timm.list_models()",
    ),
    "text": (source("x: 'List[torch.f(3)]'"), 6, "torch.f(3)"),
    "executed-text": (source("x: int = y", "exec('y = torch.f(3)')"), 6, "torch.f(3)"),
    "constant": (
        source("x: str = Input(choices=M)", "M = timm.list_models()"),
        4,
        "timm.list_models()",
    ),
    "element": (source("x: str = Input(choices=['a', timm.best])"), 6, "timm.best"),
    "random": (source("x: int = random.randint(1, 9)"), 6, "random.randint(1, 9)"),
    "description": (source("x: int = Input(description=f'{timm.name}')"), 6, None),
    "condition": (
        source("x: str = D", "D = 'a' if torch.cuda.is_available() else 'b'"),
        4,
        "torch.cuda.is_available()",
    ),
    "branch": (
        source("x: str = D", "if torch.cuda.is_available():\n    D = 'a'\nelse:\n    D = 'b'"),
        4,
        "torch.cuda.is_available()",
    ),
    "changed-by-others": (
        source("x: str = Input(choices=L)", "L = ['b', 'a']\nrandom.shuffle(L)"),
        5,
        None,
    ),
    "perhaps-changed": (
        source(
            "x: str = Input(choices=L)",
            "L = ['a']\nif torch.cuda.is_available():\n    L.append('b')",
        ),
        5,
        "torch.cuda.is_available()",
    ),
    "machine-path": (source("x: str = __file__"), 6, None),
    "machine-path-in-json": (
        source("x: str = json.dumps(str([__file__]))", "import json"), 6, None
    ),
    "machine-path-as-a-key": (source("x: dict = {__file__: 1}"), 6, None),
    "class-of-a-secret": (source("x: str = Input(default=Secret)"), 6, None),
    "class-of-a-secret-among-choices": (source("x: str = Input(choices=[Secret])"), 6, None),
    "class-that-has-a-secret": (
        source("x: list = [C]", "class C:\n    def get_secret_value(self): ..."), 7, None
    ),
    "third-party-type": (source("x: torch.Tensor"), 6, "torch.Tensor"),
    "star": ("from timm import *\n" + source("x: str = NAME"), 7, "NAME"),
    "large-text": (source("x: str = 'a' * 10**9"), 6, "'a' * 10**9"),
    "large-number": (source("x: int = 9**9**9"), 6, "9**9**9"),
    "large-list": (source("x: str = Input(choices=list(range(10**9)))"), 6, None),
    "large-width": (source("x: str = f'{1:>999999999}'"), 6, None),
    "recursion": (source("x: int = f(1)", "def f(n):\n    return f(n + 1)"), 7, None),
    "recursive-alias": (source("x: A", "A = 'List[A]'"), 6, None),
    "endless-loop": (source("x: int = f()", "def f():\n    while True:\n        pass"), 8, None),
    "doubling": (source("x: str = f()", DOUBLING), 10, None),
    "computed-width": (source("x: str = '{:{w}}'.format(1, w=10**9)"), 6, None),
    "format-attribute": (source("x: str = '{0.__class__}'.format(1)"), 6, None),
    "deep-comparison": (source("x: str = sorted([X, Y])", DEEP), 10, "sorted([X, Y])"),
    "deep-key": (source("x: str = {X: 1}", DEEP), 10, "{X: 1}"),
    "fibonacci": (source("x: int = f(30)", "f = lambda n: f(n - 1) + f(n - 2)"), 6, None),
    "operator": (source("x: int = operator.pow(9, 9**9)", "import operator"), 6, None),
    "product": (source("x: int = math.prod([2**8000] * 9000)", "import math"), 6, None),
    "endless-sum": (source("x: int = math.fsum(itertools.count())", "import itertools, math"),
                    6, None),
    "long-sum": (source("x: int = math.fsum(range(10**12))", "import math"), 6, None),
    "many-bytes": (source("x: str = bytes(10**12).decode()"), 6, None),
    "many-iterators": (source("x: str = tee('a', 10**9)", "from itertools import tee"), 6, None),
    "many-repeats": (source("x: str = product('a', repeat=10**9)", "from itertools import product"),
                     6, None),
    "rounded": (source("x: int = round(5, -10**9)"), 6, None),
    "indented": (source("x: str = json.dumps([1], indent=10**9)", "import json"), 6, None),
    "exponent": (source("x: int = int(Decimal('1e999999999'))", "from decimal import Decimal"),
                 6, None),
    "text-of-an-object": (
        source("x: str = json.dumps(C(), default=str)", "import json\nclass C: ..."), 7, None
    ),
    "text-beside-the-folder": (
        source("x: bool = '/src/a'.startswith(os.path.dirname(__file__))", "import os"), 6, None
    ),
    "numpy-of-a-text": (source("x: float = float(np.float64('4'))", "import numpy as np"), 6, None),
    "outside-file": (source("x: str = open('/etc/hostname').read()"), 6, None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "expression"), UNRESOLVED.values(), ids=UNRESOLVED.keys())
def test_what_the_text_does_not_tell_is_an_error(
    text: str, line: int, expression: str | None, tmp_path: Path
) -> None:
    """The error names file, line, expression and remedy."""
    (tmp_path / "predict.py").write_text(text)

    with pytest.raises(UnresolvedExpression) as caught:
        read_predictor("predict.py:Predictor", tmp_path)

    error = caught.value
    assert "read_by_importing" in str(error)
    assert str(error.where) == f"predict.py:{line}"
    if expression is not None:
        assert error.source == expression
        assert expression in str(error)


@pytest.mark.parametrize("text", ORDERED.values(), ids=ORDERED.keys())
def test_an_order_of_a_set_is_told_by_no_text(text: str, tmp_path: Path) -> None:
    """Whatever keeps the items of a set has them in an order that Python leaves open."""
    (tmp_path / "predict.py").write_text(source(f"x: Any = {text}", ORDERING))

    with pytest.raises(UnresolvedExpression, match="order"):
        read_predictor("predict.py:Predictor", tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (source("y: str = 'a', x: Any = [*{'a', 'b'}]"), 6, 'the input "x" depends on an order'),
        (source("x: str", output="Literal[[*{'a', 'b'}][0]]"), 6, "Predictor depends on an order"),
        (source("x: int = {'a': 1}[[*{'a', 'b'}][0]]"), 6, "Predictor depends on an order"),
    ],
    ids=["input", "output", "error"],
)
def test_what_depends_on_an_order_is_named(text: str, line: int, what: str, tmp_path: Path) -> None:
    """The error names the first input that differs, else the predictor."""
    (tmp_path / "predict.py").write_text(text)

    with pytest.raises(UnresolvedExpression) as caught:
        read_predictor("predict.py:Predictor", tmp_path)

    assert what in caught.value.what
    assert caught.value.where == Location("predict.py", line)


def test_a_type_of_a_package_may_be_passed_through(tmp_path: Path) -> None:
    """The remedy for a type is a type, not a value."""
    (tmp_path / "predict.py").write_text(source("x: Optional[List[timm.Model]] = None"))

    with pytest.raises(UnresolvedExpression, match="not part of the project") as caught:
        read_predictor("predict.py:Predictor", tmp_path)

    assert "Annotated[T, Opaque]" in str(caught.value)
    assert "write the value" not in str(caught.value)


RAISING = {
    "undefined": (source("x: int = Input(default=STEPS)"), "NameError: name 'STEPS'"),
    "key": (source("x: str = {'a': 1}['b']"), "KeyError: 'b'"),
    "self-import": ("from predict import X\n" + source("x: str = X"), "cannot import name 'X'"),
    "self-base": (
        source("x: str", "class A(A): ...\n").replace("(BasePredictor)", "(A)"),
        "NameError: name 'A'",
    ),
    "assert": (source("x: str", "assert 1 > 2"), "AssertionError"),
    "except-no-class": (
        source("x: str", "try:\n    raise ValueError\nexcept 3: ..."),
        "TypeError: catching classes",
    ),
    "own-exception": (source("x: str", "class E(Exception): ...\nraise E('no')"), "E: no"),
    "type": (source("x: str | 'int'"), "TypeError"),
    "name-of-cog": ("from cog import Inpt\n" + source("x: str"), "did you mean 'Input'"),
    "attribute-of-cog": ("import cog\n" + source("x: cog.Pth"), "did you mean 'Path'"),
    "name-of-typing": ("from typing import Optinal\n" + source("x: str"), "mean 'Optional'"),
    "name-of-json": ("import json\n" + source("x: str", "json.dumpz"), "no attribute 'dumpz'"),
}


@pytest.mark.parametrize(("text", "told"), RAISING.values(), ids=RAISING.keys())
def test_what_raises_at_import_is_an_error(text: str, told: str, tmp_path: Path) -> None:
    """A file that Python cannot import is refused with the exception and its line."""
    (tmp_path / "predict.py").write_text(text)

    with pytest.raises(PredictorError, match=r"^predict\.py:\d+: importing it raises") as caught:
        read_predictor("predict.py:Predictor", tmp_path)

    assert told in str(caught.value)


UNSUPPORTED = {
    "args": (source("*args"), "*args"),
    "kwargs": (source("**kwargs"), "*kwargs"),
    "position-only": (source("x: str, /"), "position"),
    "iterator-input": (source("x: Iterator[str]"), "iterator"),
    "nested-iterator": (source("x: str", output="List[Iterator[str]]"), "iterator"),
    "bytes": (source("x: bytes"), "bytes"),
    "callable": (source("x: Callable[[], int]"), "JSON"),
    "type": (source("x: type"), "type is not a type that travels"),
    "number": (source("x: List[3]"), "`List[3]` (3 is not a type)"),
    "no-annotations": (source("x: C", "class C:\n    __annotations__ = 3"), "describes no fields"),
    "plain-class": (source("x: C", "class C: ..."), "describes no fields"),
    "recursive-model": (source("x: str", RECURSIVE, "N"), "contains itself"),
    "infinite": (source("x: float = Input(default=float('inf'))"), "infinite"),
    "unknown-argument": (source("x: int = Input(gt=1)"), "'gt'"),
    "argument-of-2021": (source("x: int = Input(max=1)"), "'max'; write le"),
    "no-member": (
        source("x: C = Input(default='b')", "from enum import Enum\nclass C(Enum):\n    A = 'a'"),
        "'b', which is no member of C",
    ),
    "setup": (
        "class Predictor:\n    def setup(self, key): ...\n    def predict(self) -> str: ...",
        "'key'",
    ),
    "undescribed": (
        (
            "import cog\nclass Predictor:\n    @cog.input('x', type=str)\n"
            "    def predict(self, x, y): ..."
        ),
        "'y'",
    ),
    "no-self": ("class Predictor:\n    def predict(x: str) -> str: ...", "self"),
}


@pytest.mark.parametrize(("text", "told"), UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_what_cannot_be_served_is_an_error(text: str, told: str, tmp_path: Path) -> None:
    """The error names what cannot be served."""
    (tmp_path / "predict.py").write_text(text)

    with pytest.raises(UnsupportedSignature) as caught:
        read_predictor("predict.py:Predictor", tmp_path)

    assert told in str(caught.value)
    assert str(caught.value).startswith("predict.py:")


WRONG = {
    "input-without-a-name": (
        (
            "import cog\nclass Predictor(cog.Predictor):\n    @cog.input(type=int)\n"
            "    def predict(self, x=1): ..."
        ),
        "predict.py:4",
        "@cog.input without a name",
    ),
    "attribute-of-a-type": (
        source("x: 'N.nope'", "class N: ..."),
        "predict.py:6",
        "no attribute 'nope'",
    ),
    "syntax": ("x = 1\n!pip install\n", "predict.py:2", "not valid Python"),
    "null": ("x = '\0'", "predict.py:1", "not valid Python"),
    "no-class": ("class Other: ...", "predict.py", "Other"),
    "no-method": ("class Predictor:\n    def go(self): ...", "predict.py:1", "predict"),
    "both": (
        "class Predictor:\n    def run(self): ...\n    def predict(self): ...",
        "predict.py:1",
        "run() and predict()",
    ),
    "no-function": ("Predictor = 3", "predict.py:1", "neither a class nor a function"),
    "choices-text": (source("x: str = Input(choices='ab')"), "predict.py:6", "a list"),
    "description": (source("x: str = Input(description=3)"), "predict.py:6", "a text"),
    "bound": (source("x: int = Input(ge='a')"), "predict.py:6", "a number"),
    "length": (source("x: str = Input(min_length=1.5)"), "predict.py:6", "a whole number"),
    "concurrency": (
        "import cog\nclass Predictor:\n    @cog.concurrent(max=0)\n    async def run(self): ...",
        "predict.py:4",
        "positive",
    ),
}


@pytest.mark.parametrize(("text", "where", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_predictor_is_an_error(text: str, where: str, told: str, tmp_path: Path) -> None:
    """The error says where it is wrong, and how."""
    (tmp_path / "predict.py").write_text(text)

    with pytest.raises(PredictorError) as caught:
        read_predictor("predict.py:Predictor", tmp_path)

    assert str(caught.value).startswith(where)
    assert told in str(caught.value)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    """The error says how it is to be saved."""
    (tmp_path / "predict.py").write_bytes(b"X = '\xff'\n")

    with pytest.raises(PredictorError, match=r"cannot be decoded.*save the file as UTF-8"):
        read_predictor("predict.py:Predictor", tmp_path)


METACLASS = """class M(type):
    def __new__(m, n, b, d):
        d['__annotations__'] = {{'x': {0!r}}}
        return super().__new__(m, n, b, d)
class A(BaseModel, metaclass=M): ...
"""


@pytest.mark.parametrize(
    "body",
    [
        "class A(BaseModel):\n    __annotations__ = {{'x': {0!r}}}",
        "D = {{}}\nclass A(BaseModel):\n    x: int\n    __annotations__ = D\nD['x'] = {0!r}",
        "class A(BaseModel):\n    x: int\nA.__annotations__['x'] = {0!r}",
        "class A(BaseModel):\n    x: int\nA.__annotations__ = {{'x': {0!r}}}",
        METACLASS,
        "class A(TypedDict):\n    x: {0!r}",
    ],
)  # fmt: skip
def test_no_annotation_is_executed(body: str, tmp_path: Path) -> None:
    """A text that is put among annotations is never handed to Python."""
    witness = tmp_path / "witness"
    text = f"__import__('pathlib').Path({str(witness)!r}).touch()"
    (tmp_path / "predict.py").write_text(source("x: str", body.format(text), "A"))

    with contextlib.suppress(PredictorError):
        read_predictor("predict.py:Predictor", tmp_path)

    assert not witness.exists()


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """The error names the file and the form of a reference."""
    with pytest.raises(PredictorError, match=r"there is no file nope\.py") as caught:
        read_predictor("nope.py:Predictor", tmp_path)

    assert "path/to/file.py:Name" in str(caught.value)


def test_nothing_of_the_authors_is_executed(tmp_path: Path) -> None:
    """Reading has no effect, whatever the file does at import."""
    witness = tmp_path / "witness"
    effect = f"open({str(witness)!r}, 'w').write('x')"
    prelude = f"{effect}\n__import__('os').mkdir({str(witness)!r})\nexec({effect!r})"
    (tmp_path / "predict.py").write_text(source("x: str = 'a'", prelude))

    read_predictor("predict.py:Predictor", tmp_path)

    assert not witness.exists()
