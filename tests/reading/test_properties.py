"""Reading generated source: what was written is what is read, and nothing crashes the reader."""

from __future__ import annotations

import ast
import contextlib
import keyword
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cogfal.errors import ProjectError
from cogfal.reading import read_predictor
from cogfal.spec import (
    MISSING,
    AnyType,
    BooleanType,
    DictType,
    FloatType,
    InputSpec,
    IntegerType,
    ListType,
    LiteralType,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    StringType,
    Type,
)
from tests.reading.table import HEAD, ROWS, Row

PLAIN: dict[str, Type] = {
    "str": StringType(),
    "int": IntegerType(),
    "float": FloatType(),
    "bool": BooleanType(),
    "Path": PathType(),
    "Secret": SecretType(),
    "Any": AnyType(),
    "dict": DictType(AnyType()),
}
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name.isidentifier() and not keyword.iskeyword(name) and name != "self"
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)


@st.composite
def annotated(draw: st.DrawFn) -> tuple[str, Type]:
    """Return an annotation as text, and the type that it means."""
    name = draw(st.sampled_from(sorted(PLAIN)))
    text, type_ = name, PLAIN[name]
    if draw(st.booleans()):
        values = tuple(draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True)))
        text, type_ = f"Literal[{', '.join(map(repr, values))}]", LiteralType(values)
    if draw(st.booleans()):
        text, type_ = draw(st.sampled_from(["List[{}]", "list[{}]"])).format(text), ListType(type_)
    if draw(st.booleans()):
        text, type_ = (
            draw(st.sampled_from(["Optional[{}]", "{} | None"])).format(text),
            (OptionalType(type_)),
        )
    if draw(st.booleans()) and "'" not in text and '"' not in text and "\\" not in text:
        text = repr(text)
    return text, type_


def default_of(type_: Type) -> st.SearchStrategy[object]:
    """Return defaults that fit a type."""
    match type_:
        case StringType():
            return TEXTS
        case IntegerType():
            return st.integers(-(10**12), 10**12)
        case FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case BooleanType():
            return st.booleans()
        case ListType(item=StringType() | IntegerType() | FloatType() as item):
            return st.lists(default_of(item), max_size=3)
    return st.just(MISSING)


@st.composite
def parameters(draw: st.DrawFn, name: str) -> tuple[str, InputSpec]:
    """Return a parameter as text, and the input that it means."""
    annotation, type_ = draw(annotated())
    default = draw(st.one_of(st.just(MISSING), st.none(), default_of(type_)))
    told: dict[str, object] = {}
    if draw(st.booleans()):
        told["description"] = draw(TEXTS)
    if isinstance(type_, IntegerType | FloatType) and draw(st.booleans()):
        told |= {"ge": draw(st.integers(-9, 0)), "le": draw(st.integers(1, 9))}
    if type_ == StringType() and draw(st.booleans()):
        told["choices"] = tuple(draw(st.lists(TEXTS, min_size=1, max_size=4, unique=True)))
    arguments = [f"{key}={value!r}" for key, value in told.items()]
    if default is not MISSING:
        arguments.insert(draw(st.sampled_from([0, len(arguments)])), f"default={default!r}")
    if default is MISSING and isinstance(type_, OptionalType):
        default = None
    text = f"{name}: {annotation} = Input({', '.join(arguments)})"
    return text, InputSpec(name, type_, default, **told)  # type: ignore[arg-type]


@st.composite
def signatures(draw: st.DrawFn) -> tuple[str, tuple[InputSpec, ...]]:
    """Return a predictor's source, and its inputs."""
    names = draw(st.lists(NAMES, max_size=5, unique=True))
    drawn = [draw(parameters(name)) for name in names]
    listed = ", ".join(["self", *(text for text, _ in drawn)])
    source = f"{HEAD}\nclass Predictor:\n    def predict({listed}) -> str: ...\n"
    return source, tuple(spec for _, spec in drawn)


def read(source: str) -> PredictorSpec:
    """Read a predictor from source in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "predict.py").write_text(source, encoding="utf-8", errors="replace")
        return read_predictor("predict.py:Predictor", Path(folder))


@settings(max_examples=300, deadline=None)
@given(signatures())
def test_what_is_written_is_what_is_read(case: tuple[str, tuple[InputSpec, ...]]) -> None:
    """Every generated signature reads back as it was generated."""
    source, inputs = case

    spec = read(source)

    assert spec.inputs == inputs


def survives(source: str) -> None:
    """Read source that may be anything; only our errors may come of it."""
    with contextlib.suppress(ProjectError):
        read(source)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
@example("\0")
@example("(" * 5000)
@example("Predictor = " + "-" * 3000 + "1")
@example("Predictor = " + "+".join(["a"] * 5000))
@example("Predictor = " + "[" * 90 + "]" * 90)
@example("x = []\nx.append(x)\nclass Predictor:\n    def predict(self, a=x, b=str(x)): ...")
@example("x = ()\nfor i in range(60):\n    x = (x, x)\nclass Predictor:\n"
         "    def predict(self, a=x, b=(x == x), c={x: 1}): ...")  # fmt: skip
@example("class Predictor:\n    Predictor = Predictor\n    def predict(self, a: Predictor): ...")
@example("import Predictor\nfrom Predictor import Predictor")
@example("from predict import Predictor")
@example("class E(__import__('enum').Enum): ...\nPredictor = E")
def test_arbitrary_text_never_crashes_the_reader(source: str) -> None:
    """Any text yields a spec or one of our errors."""
    survives(source)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ROWS), st.randoms(use_true_random=False), st.integers(1, 6))
def test_mutated_predictors_never_crash_the_reader(row: Row, random: Random, n: int) -> None:
    """Real predictors with pieces swapped, cut and doubled yield a spec or one of our errors."""
    words = row.source.split(" ")
    for _ in range(n):
        place, other = (random.randrange(len(words)) for _ in range(2))
        match random.randrange(4):
            case 0:
                words[place], words[other] = words[other], words[place]
            case 1:
                words[place] = ""
            case 2:
                words[place] = f"{words[place]} {words[other]}"
            case 3:
                words[place] = random.choice(["9**9**9", "None", "*", "'a'*10**9", "lambda:0", "x"])

    survives(" ".join(words))


class Shuffle(ast.NodeTransformer):
    """Puts expressions in places where they do not belong."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.pool: list[ast.expr] = []

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            self.pool.append(node)
            if self.random.random() < 0.05:
                return self.random.choice(self.pool)
        return node


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ROWS), st.sampled_from(ROWS), st.randoms(use_true_random=False))
def test_valid_but_senseless_python_never_crashes_the_reader(
    row: Row, other: Row, random: Random
) -> None:
    """Syntax trees with misplaced expressions yield a spec or one of our errors."""
    source = f"{other.source}\n{row.source}"
    tree = Shuffle(random).visit(ast.parse(source))
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
    except (RecursionError, ValueError, AttributeError):
        return

    survives(text)


@pytest.mark.parametrize("row", ROWS[:1], ids=lambda row: row.id)
def test_reading_is_repeatable(row: Row) -> None:
    """Two readings of one text are equal."""
    source = row.source

    assert read(source) == read(source)
