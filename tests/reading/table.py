"""Signatures as authors write them, each with the spec that its text means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cogfal.spec import (
    MISSING,
    AnyType,
    BooleanType,
    DictType,
    EnumType,
    FieldSpec,
    FileType,
    FloatType,
    InputSpec,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    NullType,
    ObjectFlavour,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    SecretType,
    StringType,
    Type,
    UnionType,
)

HEAD = """
import os
import enum
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import *

import cog
from cog import *
from cog import Path as CogPath, BaseModel, Opaque
"""

STRING, INTEGER, FLOAT, PATH = StringType(), IntegerType(), FloatType(), PathType()


@dataclass(frozen=True)
class Row:
    """One parameter, and the input that it means."""

    id: str
    parameter: str
    type: Type
    default: Any = MISSING
    prelude: str = ""
    told: tuple[tuple[str, Any], ...] = ()
    importable: bool = True

    @property
    def source(self) -> str:
        """The whole predictor."""
        return (
            f"{HEAD}\n{self.prelude}\n\nclass Predictor(BasePredictor):\n"
            f"    def predict(self, {self.parameter}) -> str:\n        return ''\n"
        )

    @property
    def spec(self) -> InputSpec:
        """The input that is expected."""
        name = self.parameter.partition(":")[0].partition("=")[0].strip()
        return InputSpec(name, self.type, self.default, **dict(self.told))


def _row(
    case: str,
    parameter: str,
    type_: Type,
    default: Any = MISSING,
    prelude: str = "",
    *,
    live: bool = True,
    **told: Any,
) -> Row:
    return Row(case, parameter, type_, default, prelude, tuple(told.items()), live)


COLOR = "class Color(str, Enum):\n    RED = 'red'\n    BLUE = 'blue'\n"
COLOR_TYPE = EnumType("Color", (("RED", "red"), ("BLUE", "blue")))

TYPES = (
    _row("str", "x: str", STRING),
    _row("int", "x: int", INTEGER),
    _row("float", "x: float", FLOAT),
    _row("bool", "x: bool", BooleanType()),
    _row("any", "x: Any", AnyType()),
    _row("object", "x: object", AnyType()),
    _row("un-annotated", "x", AnyType()),
    _row("path", "x: Path", PATH),
    _row("path-renamed", "x: CogPath", PATH),
    _row("path-qualified", "x: cog.Path", PATH),
    _row("path-pathlib", "x: pathlib.Path", PATH),
    _row("path-like", "x: os.PathLike", PATH),
    _row("path-like-of", "x: os.PathLike[str]", PATH),
    _row("path-pure", "x: pathlib.PurePath", PATH),
    _row("path-subclass", "x: Mine", PATH, prelude="class Mine(CogPath):\n    pass"),
    _row("file", "x: File", FileType()),
    _row("secret", "x: Secret", SecretType()),
    _row("dict", "x: dict", DictType(AnyType())),
    _row("dict-of", "x: dict[str, int]", DictType(INTEGER)),
    _row("Dict-of", "x: Dict[str, Any]", DictType(AnyType())),
    _row("mapping", "x: Mapping[str, float]", DictType(FLOAT)),
    _row("ordered-dict", "x: collections.OrderedDict[str, int]", DictType(INTEGER),
         prelude="import collections"),
    _row("list-bare", "x: list", ListType(AnyType())),
    _row("List-bare", "x: List", ListType(AnyType())),
    _row("list-str", "x: list[str]", ListType(STRING)),
    _row("List-int", "x: List[int]", ListType(INTEGER)),
    _row("list-path", "x: List[Path]", ListType(PATH)),
    _row("list-secret", "x: list[Secret]", ListType(SecretType())),
    _row("list-any", "x: list[Any]", ListType(AnyType())),
    _row("list-list", "x: list[list[float]]", ListType(ListType(FLOAT))),
    _row("sequence", "x: Sequence[str]", ListType(STRING)),
    _row("tuple", "x: tuple[int, ...]", ListType(INTEGER)),
    _row("tuple-pair", "x: Tuple[int, str]", ListType(UnionType((INTEGER, STRING)))),
    _row("set", "x: set[str]", ListType(STRING)),
    _row("optional", "x: Optional[str]", OptionalType(STRING), None),
    _row("optional-union", "x: Union[None, int]", OptionalType(INTEGER), None),
    _row("optional-none", "x: Union[None, Annotated[None, 1]]", NullType(), None),
    _row("optional-pipe", "x: str | None", OptionalType(STRING), None),
    _row("optional-path", "x: Optional[Path]", OptionalType(PATH), None),
    _row("optional-list", "x: Optional[List[Path]]", OptionalType(ListType(PATH)), None),
    _row("union", "x: Union[str, int]", UnionType((STRING, INTEGER))),
    _row("union-pipe", "x: int | str | list[str]",
         UnionType((INTEGER, STRING, ListType(STRING)))),
    _row("union-nested", "x: Optional[Union[str, float]]",
         OptionalType(UnionType((STRING, FLOAT))), None),
    _row("literal", "x: Literal['a', 'b']", LiteralType(("a", "b"))),
    _row("literal-ints", "x: Literal[1, 2]", LiteralType((1, 2))),
    _row("literal-none", "x: Literal['a', None]", OptionalType(LiteralType(("a",))), None),
    _row("literal-optional", "x: Optional[Literal['a', 'b']]",
         OptionalType(LiteralType(("a", "b"))), None),
    _row("none", "x: None", NullType(), None),
    _row("enum", "x: Color", COLOR_TYPE, prelude=COLOR),
    _row("enum-int", "x: N", EnumType("N", (("A", 1), ("B", 2))),
         prelude="class N(enum.IntEnum):\n    A = enum.auto()\n    B = enum.auto()"),
    _row("opaque", "x: Annotated[dict, Opaque]", OpaqueType()),
    _row("opaque-list", "x: Annotated[list[dict], Opaque]", ListType(OpaqueType())),
    _row("opaque-optional", "x: Annotated[Optional[dict], Opaque]",
         OptionalType(OpaqueType()), None),
    _row("annotated", "x: Annotated[str, 'a note']", STRING),
    _row("string", "x: 'str'", STRING),
    _row("string-inside", "x: List['Path']", ListType(PATH)),
    _row("string-optional", "x: 'Optional[int]'", OptionalType(INTEGER), None),
    _row("alias", "x: Files", ListType(PATH), prelude="Files = List[Path]"),
    _row("alias-annotated", "x: Files", ListType(PATH),
         prelude="Files: TypeAlias = 'List[Path]'"),
    _row("alias-of-alias", "x: B", ListType(STRING), prelude="A = str\nB = List[A]"),
    _row("new-type", "x: Name", STRING, prelude="Name = NewType('Name', str)"),
    _row("typed-dict", "x: Box",
         ObjectType("Box", (FieldSpec("w", INTEGER), FieldSpec("h", OptionalType(INTEGER))),
                    ObjectFlavour.TYPED_DICT),
         prelude="class Box(TypedDict):\n    w: int\n    h: Optional[int]"),
    _row("dataclass", "x: Box",
         ObjectType("Box", (FieldSpec("w", INTEGER), FieldSpec("tags", ListType(STRING), []),
                            FieldSpec("d", FLOAT, 0.5)), ObjectFlavour.DATACLASS),
         prelude="@dataclass\nclass Box:\n    w: int\n    tags: List[str] = "
                 "field(default_factory=list)\n    d: float = 0.5"),
)  # fmt: skip

DEFAULTS = (
    _row("plain", "x: str = 'a'", STRING, "a"),
    _row("plain-none", "x: str = None", STRING, None),
    _row("plain-un-annotated", "x = 3", AnyType(), 3),
    _row("plain-list", "x: list[int] = [1, 2]", ListType(INTEGER), [1, 2]),
    _row("plain-enum", "x: Color = Color.BLUE", COLOR_TYPE, "blue", COLOR),
    _row("plain-path", "x: Path = Path('a.png')", PATH, "a.png"),
    _row("input-bare", "x: str = Input()", STRING),
    _row("input-ellipsis", "x: str = Input(...)", STRING),
    _row("input-positional", "x: str = Input('a')", STRING, "a"),
    _row("input-none-positional", "x: Path = Input(None)", PATH, None),
    _row("input-none", "x: Path = Input(description='d', default=None)",
         PATH, None, description="d"),
    _row("input-optional", "x: Optional[int] = Input(description='d')",
         OptionalType(INTEGER), None, description="d"),
    _row("input-falsy", "x: int = Input(default=0)", INTEGER, 0),
    _row("input-false", "x: bool = Input(default=False)", BooleanType(), False),
    _row("input-empty", "x: str = Input(default='')", STRING, ""),
    _row("input-int-for-float", "x: float = Input(default=1)", FLOAT, 1),
    _row("input-text-for-int", "x: int = Input(default='512')", INTEGER, 512),
    _row("input-text-for-float", "x: Optional[float] = '0.5'", OptionalType(FLOAT), 0.5),
    _row("input-text-that-is-no-number", "x: int = Input(default='many')", INTEGER, "many"),
    _row("input-whole-for-int", "x: List[int] = Input(default=[5.0, 0.5])", ListType(INTEGER),
         [5, 0.5]),
    _row("input-negative", "x: int = Input(default=-1)", INTEGER, -1),
    _row("input-enum", "x: Color = Input(default=Color.RED)", COLOR_TYPE, "red", COLOR),
    _row("input-arithmetic", "x: int = Input(default=2**31 - 1)", INTEGER, 2147483647),
    _row("input-constant", "x: int = Input(default=SEED)", INTEGER, 7, "SEED = 7"),
    _row("input-computed", "x: str = Input(default=NAMES[0].upper())", STRING, "A",
         "NAMES = ['a', 'b']"),
    _row("input-string-ops", "x: str = Input(default=', '.join(sorted(N)))", STRING, "a, b",
         "N = {'b', 'a'}"),
    _row("input-conditional", "x: str = Input(default='a' if FAST else 'b')", STRING, "b",
         "FAST = False"),
    _row("input-list", "x: List[str] = Input(default=['a'])", ListType(STRING), ["a"]),
    _row("input-dict", "x: dict = Input(default={'a': 1})", DictType(AnyType()), {"a": 1}),
    _row("input-secret", "x: Secret = Input(default=None)", SecretType(), None),
    _row("input-attribute", "x: str = cog.Input(default='a')", STRING, "a"),
    _row("input-class-constant", "x: int = Input(default=Settings.steps)", INTEGER, 20,
         "class Settings:\n    steps = 10 * 2"),
    _row("input-numpy", "x: float = Input(default=np.float64(0.5), le=np.int64(2))", FLOAT, 0.5,
         "import numpy as np", live=False, le=2),
    _row("input-numpy-list", "x: List[int] = Input(default=np.int64([1, 2]))", ListType(INTEGER),
         [1, 2], "import numpy as np", live=False),
    _row("input-from-bytes", "x: int = Input(default=int.from_bytes(b'\\x01\\x02', 'big'))",
         INTEGER, 258),
    _row("input-instance", "x: int = Input(default=S.steps)", INTEGER, 5,
         "@dataclass\nclass Settings:\n    steps: int = 4\nS = Settings(steps=5)"),
)  # fmt: skip

CONSTRAINTS = (
    _row("range", "x: int = Input(ge=1, le=4)", INTEGER, ge=1, le=4),
    _row("range-float", "x: float = Input(default=0.5, ge=0.0, le=1)", FLOAT, 0.5, ge=0.0, le=1),
    _row("lengths", "x: str = Input(min_length=1, max_length=9)", STRING,
         min_length=1, max_length=9),
    _row("regex", "x: str = Input(regex=r'^\\d+$')", STRING, regex=r"^\d+$"),
    _row("deprecated", "x: str = Input(default='a', deprecated=True)", STRING, "a",
         deprecated=True),
    _row("accept", "x: Path = Input(accept='image/*')", PATH, accept="image/*"),
    _row("constant-bounds", "x: int = Input(le=MAX, ge=-MAX)", INTEGER, prelude="MAX = 9",
         le=9, ge=-9),
    _row("description-joined", "x: str = Input(description='a ' 'b ' + 'c')", STRING,
         description="a b c"),
    _row("description-f", "x: str = Input(description=f'up to {MAX:,} of {N!r}')", STRING,
         prelude="MAX = 1000\nN = 'n'", description="up to 1,000 of 'n'"),
    _row("description-format", "x: str = Input(description='{} of {n}'.format(1, n=2))", STRING,
         description="1 of 2"),
    _row("description-percent", "x: str = Input(description='%d%% of %s' % (5, 'a'))", STRING,
         description="5% of a"),
)  # fmt: skip


def _choices(
    case: str,
    expression: str,
    values: tuple[Any, ...],
    prelude: str = "",
    **told: Any,
) -> Row:
    kind = INTEGER if isinstance(values[0], int) else STRING
    name = "int" if kind == INTEGER else "str"
    parameter = f"x: {name} = Input(choices={expression})"
    return _row(case, parameter, kind, prelude=prelude, choices=values, **told)


CHOICES = (
    _choices("literal", "['a', 'b']", ("a", "b")),
    _choices("tuple", "('a', 'b')", ("a", "b")),
    _choices("ints", "[1, 2, 4]", (1, 2, 4)),
    _choices("duplicates", "['a', 'b', 'a']", ("a", "b")),
    _choices("constant", "SIZES", ("a", "b"), "SIZES = ['a', 'b']"),
    _choices("keys", "list(D.keys())", ("a", "b"), "D = {'a': 1, 'b': print}"),
    _choices("view", "D.keys()", ("a", "b"), "D = {'a': 1, 'b': 2}"),
    _choices("dict", "list(D)", ("a", "b"), "D = dict(a=1, b=2)"),
    _choices("values", "list(D.values())", ("x", "y"), "D = {'a': 'x', 'b': 'y'}"),
    _choices("items", "[k + v for k, v in D.items()]", ("ax", "by"), "D = {'a': 'x', 'b': 'y'}"),
    _choices("sorted", "sorted(D, reverse=True)", ("b", "a"), "D = {'a': 1, 'b': 2}"),
    _choices("sorted-key", "sorted(['bb', 'a'], key=len)", ("a", "bb")),
    _choices("range", "list(range(0, 10, 5))", (0, 5)),
    _choices("range-bare", "range(3)", (0, 1, 2)),
    _choices("comprehension", "[8 * n for n in range(1, 5) if n % 2 == 0]", (16, 32)),
    _choices("nested", "[f'{w}x{h}' for w in (1, 2) for h in (3, 4) if w < h]",
             ("1x3", "1x4", "2x3", "2x4")),
    _choices("concatenated", "['a'] + REST", ("a", "b"), "REST = ['b']"),
    _choices("starred", "['a', *REST]", ("a", "b"), "REST = ('b',)"),
    _choices("slice", "ALL[:2]", ("a", "b"), "ALL = ['a', 'b', 'c']"),
    _choices("mapped", "list(map(str, [1, 2]))", ("1", "2")),
    _choices("split", "'a b'.split()", ("a", "b")),
    _choices("appended", "L", ("a", "b"), "L = ['a']\nL.append('b')"),
    _choices("extended", "L", ("a", "b"), "L = ['a']\nL += ['b']"),
    _choices("filled", "list(D)", ("a", "b"), "D = {}\nfor k in 'ab':\n    D[k] = ord(k)"),
    _choices("updated", "list(D)", ("a", "b"), "D = {'a': 1}\nD.update({'b': 2})"),
    _choices("merged", "list({**D, 'b': 1})", ("a", "b"), "D = {'a': 1}"),
    _choices("filtered", "[k for k in D if not k.startswith('_')]", ("a",),
             "D = {'a': 1, '_b': 2}"),
    _choices("enum-values", "[c.value for c in Color]", ("red", "blue"), COLOR),
    _choices("enum-names", "list(Color.__members__)", ("RED", "BLUE"), COLOR),
    _choices("function", "names('a')", ("a1", "a2"),
             "def names(p, n=2):\n    out = []\n    for i in range(1, n + 1):\n"
             "        out.append(p + str(i))\n    return out"),
    _choices("zip", "[a + b for a, b in zip('ab', 'xy')]", ("ax", "by")),
    _choices("enumerate", "[f'{i}{a}' for i, a in enumerate('ab', 1)]", ("1a", "2b")),
    _choices("conditional", "A if len(A) > 1 else B", ("a", "b"), "A = ['a', 'b']\nB = ['c']"),
    _choices("literal-args", "list(get_args(S))", ("a", "b"), "S = Literal['a', 'b']"),
    _choices("walrus", "(L := ['a', 'b'])", ("a", "b")),
    _choices("set", "sorted({'b', 'a'} | {'c'})", ("a", "b", "c")),
    _choices("try", "L", ("a", "b"),
             "try:\n    L = [int('x')]\nexcept ValueError:\n    L = ['a', 'b']"),
    _choices("unpacked", "B", ("b", "c"), "A, *B = ['a', 'b', 'c']"),
    _choices("registered", "list(R)", ("f", "g"),
             "R = {}\ndef register(fn):\n    R[fn.__name__] = fn\n    return fn\n"
             "@register\ndef f(): pass\n@register\ndef g(): pass"),
    _choices("static-class", "C.names()", ("a", "b"),
             "class C:\n    ALL = ['a', 'b']\n    @classmethod\n    def names(cls):\n"
             "        return list(cls.ALL)"),
)  # fmt: skip

INPUTS = (
    _row("helper", "x: int = steps(5)", INTEGER, 5,
         "def steps(d, **more):\n    return Input(default=d, ge=1, le=50, **more)", ge=1, le=50),
    _row("module-constant", "x: int = STEPS", INTEGER, 5, "STEPS = Input(default=5, le=9)", le=9),
    _row("class-constant", "x: int = Inputs.steps", INTEGER, 5,
         "class Inputs:\n    steps = Input(default=5)"),
    _row("static-method", "x: int = Inputs.make(4)", INTEGER, 4,
         "class Inputs:\n    @staticmethod\n    def make(n):\n        return Input(default=n)"),
    _row("lambda", "x: int = make(4)", INTEGER, 4, "make = lambda n: Input(default=n)"),
    _row("unpacked", "x: int = Input(**COMMON)", INTEGER, 4, "COMMON = dict(default=4, le=5)",
         le=5),
    _row("in-dict", "x: int = ALL['x']", INTEGER, 4, "ALL = {'x': Input(default=4)}"),
    _row("in-dataclass", "x: int = SHARED.x", INTEGER, 4,
         "@dataclass\nclass Shared:\n    x: Input = Input(default=4, le=5)\n"
         "SHARED = Shared()", le=5),
    _row("in-attrs-class", "x: int = SHARED.x", INTEGER, 4,
         "import attr\n@attr.dataclass\nclass Shared:\n    x: Input = Input(default=4, le=5)\n"
         "SHARED = Shared()", live=False, le=5),
    _row("own-alias", "x: int = I(default=4)", INTEGER, 4, "I = Input"),
    _row("choices-as-texts", "x: int = Input(default='2', choices=['1', '2'])", INTEGER, 2,
         choices=(1, 2)),
    _row("choices-with-none", "x: str = Input(default=None, choices=[None, 'a'])",
         OptionalType(STRING), None, choices=("a",)),
    _row("choices-empty", "x: str = Input(choices=[])", STRING),
)  # fmt: skip

ROWS = (*TYPES, *DEFAULTS, *CONSTRAINTS, *CHOICES, *INPUTS)


@dataclass(frozen=True)
class Output:
    """A return annotation, and the output that it means."""

    id: str
    annotation: str
    type: Type
    prelude: str = ""
    body: str = "return None"
    prefix: str = ""
    importable: bool = True

    @property
    def source(self) -> str:
        """The whole predictor."""
        arrow = f" -> {self.annotation}" if self.annotation else ""
        return (
            f"{HEAD}\n{self.prelude}\n\nclass Predictor(BasePredictor):\n"
            f"    {self.prefix}def predict(self){arrow}:\n        {self.body}\n"
        )


def _object(
    name: str, *fields: FieldSpec, flavour: ObjectFlavour = ObjectFlavour.COG
) -> ObjectType:
    return ObjectType(name, fields, flavour)


def _iterator(item: Type, concatenate: bool = False) -> IteratorType:
    return IteratorType(item, concatenate)


_YIELD: dict[str, Any] = {"body": "yield None"}
OUTPUTS = (
    Output("str", "str", STRING),
    Output("path", "Path", PATH),
    Output("file", "File", FileType()),
    Output("any", "Any", AnyType()),
    Output("none", "None", NullType()),
    Output("missing", "", AnyType()),
    Output("missing-yields", "", _iterator(AnyType()), **_YIELD),
    Output("dict", "dict", DictType(AnyType())),
    Output("list-path", "List[Path]", ListType(PATH)),
    Output("optional", "Optional[Path]", OptionalType(PATH)),
    Output("list-list", "list[list[str]]", ListType(ListType(STRING))),
    Output("iterator", "Iterator[Path]", _iterator(PATH), **_YIELD),
    Output("iterator-bare", "Iterator", _iterator(AnyType()), **_YIELD),
    Output("generator", "Generator[str, None, None]", _iterator(STRING), **_YIELD),
    Output("iterable", "Iterable[int]", _iterator(INTEGER), **_YIELD),
    Output("concatenate", "ConcatenateIterator[str]", _iterator(STRING, True), **_YIELD),
    Output("concatenate-bare", "ConcatenateIterator", _iterator(STRING, True), **_YIELD),
    Output("concatenate-qualified", "cog.ConcatenateIterator[str]", _iterator(STRING, True),
           **_YIELD),
    Output("async-iterator", "AsyncIterator[str]", _iterator(STRING), prefix="async ", **_YIELD),
    Output("async-generator", "AsyncGenerator[str, None]", _iterator(STRING), prefix="async ",
           **_YIELD),
    Output("async-concatenate", "AsyncConcatenateIterator[str]", _iterator(STRING, True),
           prefix="async ", **_YIELD),
    Output("iterator-of-list", "Iterator[List[Path]]", _iterator(ListType(PATH)), **_YIELD),
    Output("yielded-list", "List[Path]", _iterator(PATH), **_YIELD),
    Output("yielded-list-bare", "list", _iterator(AnyType()), **_YIELD),
    Output("yielded-list-optional", "Optional[List[str]]", _iterator(STRING), **_YIELD),
    Output("yielded-list-async", "list[str]", _iterator(STRING), prefix="async ", **_YIELD),
    Output("yielded-text", "str", _iterator(STRING), **_YIELD),
    Output("cog-model", "Output",
           _object("Output", FieldSpec("image", PATH), FieldSpec("seed", INTEGER)),
           "class Output(BaseModel):\n    image: Path\n    seed: int"),
    Output("cog-model-optional", "Out",
           _object("Out", FieldSpec("image", OptionalType(PATH), None)),
           "class Out(BaseModel):\n    image: Optional[Path] = None"),
    Output("cog-model-inherited", "B",
           _object("B", FieldSpec("a", STRING), FieldSpec("b", STRING)),
           "class A(BaseModel):\n    a: str\nclass B(A):\n    b: str"),
    Output("cog-model-nested", "List[B]",
           ListType(_object("B", FieldSpec("a", _object("A", FieldSpec("p", PATH))))),
           "class A(BaseModel):\n    p: Path\nclass B(BaseModel):\n    a: 'A'"),
    Output("pydantic", "Out",
           _object("Out", FieldSpec("a", STRING), FieldSpec("b", INTEGER, 3, "text"),
                   flavour=ObjectFlavour.PYDANTIC),
           "import pydantic\nclass Out(pydantic.BaseModel):\n    a: str\n"
           "    b: int = pydantic.Field(default=3, description='text')"),
    Output("pydantic-configured", "Out",
           _object("Out", FieldSpec("a", STRING), flavour=ObjectFlavour.PYDANTIC),
           "import pydantic\nclass Out(pydantic.BaseModel):\n"
           "    model_config: pydantic.ConfigDict = {}\n    a: str"),
    Output("dataclass", "Out",
           _object("Out", FieldSpec("a", STRING), flavour=ObjectFlavour.DATACLASS),
           "@dataclass\nclass Out:\n    a: str\n    N: ClassVar[int] = 3"),
    Output("typed-dict", "Out",
           _object("Out", FieldSpec("a", PATH), flavour=ObjectFlavour.TYPED_DICT),
           "class Out(TypedDict, total=False):\n    a: Path"),
    Output("iterator-of-model", "Iterator[Out]",
           _iterator(_object("Out", FieldSpec("a", STRING))),
           "class Out(BaseModel):\n    a: str", **_YIELD),
    Output("forward", "'Out'", _object("Out", FieldSpec("a", STRING)),
           "class Out(BaseModel):\n    a: str"),
    Output("yield-inside-function", "str", STRING,
           body="return (lambda: (yield))().__class__.__name__"),
)  # fmt: skip
