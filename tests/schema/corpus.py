"""A table of signatures, as specs: every kind of type, every argument of `Input()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cogfal.spec import (
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
    OptionalType,
    PathType,
    PredictorSpec,
    Role,
    SecretType,
    StringType,
    Type,
    UnionType,
)

STR, INT, FLOAT, BOOL = StringType(), IntegerType(), FloatType(), BooleanType()
PATH, FILE, SECRET, ANY = PathType(), FileType(), SecretType(), AnyType()

SCALARS: dict[str, Type] = {
    "str": STR,
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "path": PATH,
    "file": FILE,
    "secret": SECRET,
}


def predictor(*inputs: InputSpec, output: Type = STR) -> PredictorSpec:
    """Return the spec of a class `Predictor` in predict.py."""
    return PredictorSpec("predict.py", "Predictor", "predict", inputs, output)


def trainer(*inputs: InputSpec, output: Type = STR) -> PredictorSpec:
    """Return the spec of a function `train` in train.py."""
    return PredictorSpec("train.py", "train", None, inputs, output, role=Role.TRAIN)


def one(kind: Type, name: str = "value", **told: Any) -> PredictorSpec:
    """Return a predictor with one input."""
    return predictor(InputSpec(name, kind, **told))


def gives(kind: Type) -> PredictorSpec:
    """Return a predictor without inputs."""
    return predictor(output=kind)


def record(name: str, *fields: FieldSpec, **more: Any) -> ObjectType:
    """Return an object type."""
    return ObjectType(name, fields, **more)


def _scalars() -> Iterator[tuple[str, PredictorSpec]]:
    for name, kind in SCALARS.items():
        yield f"{name}-required", one(kind)
        yield f"{name}-default-none", one(kind, default=None)
        yield f"{name}-optional", one(OptionalType(kind), default=None)
        yield f"{name}-list", one(ListType(kind))
        yield f"{name}-list-default-none", one(ListType(kind), default=None)
        yield f"{name}-optional-list", one(OptionalType(ListType(kind)), default=None)
        yield f"{name}-described", one(kind, description="What it is.")
        yield f"{name}-deprecated", one(kind, default=None, deprecated=True)
        yield f"{name}-list-of-lists", one(ListType(ListType(kind)))


def _defaults() -> Iterator[tuple[str, PredictorSpec]]:
    table: list[tuple[Type, list[Any]]] = [
        (STR, ["x", "", "a\nb", 'quote " and \\', "ünï ✓"]),
        (INT, [0, 3, -1, 2**40]),
        (FLOAT, [1, 0.5, -0.25, 1e-07, 1e20]),
        (BOOL, [True, False]),
        (PATH, ["https://example.com/a.png"]),
        (ListType(STR), [["a", "b"], []]),
        (ListType(FLOAT), [[0.5, 1]]),
        (OptionalType(STR), ["x"]),
        (OptionalType(INT), [5]),
        (UnionType((STR, INT)), ["x", 3]),
    ]
    for kind, values in table:
        for number, value in enumerate(values):
            yield f"default-{type(kind).__name__}-{number}", one(kind, default=value)


def _constraints() -> Iterator[tuple[str, PredictorSpec]]:
    yield "int-ge", one(INT, ge=1)
    yield "int-le", one(INT, le=10, default=3)
    yield "int-ge-le", one(INT, ge=-5, le=5, default=0, description="Bounded.")
    yield "int-float-bounds", one(INT, ge=0.0, le=10.0)
    yield "int-default-none-bounds", one(INT, ge=0, le=2**32 - 1, default=None)
    yield "float-ge", one(FLOAT, ge=0)
    yield "float-ge-le", one(FLOAT, ge=0.1, le=1.5, default=1)
    yield "optional-int-bounds", one(OptionalType(INT), ge=1, le=2, default=None)
    yield "optional-float-bounds", one(OptionalType(FLOAT), ge=0.5, default=0.75)
    yield "str-min-length", one(STR, min_length=1)
    yield "str-max-length", one(STR, max_length=4, default="abc")
    yield "str-lengths", one(STR, min_length=0, max_length=0, default="")
    yield "str-regex", one(STR, regex="^[a-z]+$")
    yield "optional-str-regex", one(OptionalType(STR), regex=r"\d+", default=None)
    yield (
        "str-everything",
        one(
            STR,
            regex="^a",
            min_length=1,
            max_length=9,
            default="a",
            description="D",
            deprecated=True,
        ),
    )


def _choices() -> Iterator[tuple[str, PredictorSpec]]:
    yield "choices-str", one(STR, choices=("a", "b"))
    yield "choices-str-default", one(STR, choices=("a", "b"), default="b")
    yield "choices-described", one(STR, choices=("b", "a"), default="b", description="Pick.")
    yield "choices-default-none", one(STR, choices=("a", "b"), default=None)
    yield "choices-single", one(STR, choices=("only",), default="only")
    yield "choices-odd-text", one(STR, choices=("", " ", "a b", "ü", "x-y", "1"), default="a b")
    yield "choices-int", one(INT, choices=(3, 1, 2))
    yield "choices-int-default", one(INT, choices=(256, 512), default=512, description="Size.")
    yield "choices-int-negative", one(INT, choices=(-1, 0), default=-1)
    yield "choices-deprecated", one(STR, choices=("a", "b"), default="a", deprecated=True)
    yield "choices-int-bounded", one(INT, choices=(1, 2, 3), ge=1, le=2, default=1)
    yield "choices-int-ge", one(INT, choices=(1, 2), ge=0, description="Bounded.")
    yield "choices-int-le", one(INT, choices=(1, 2), le=2.0)
    yield "choices-str-length", one(STR, choices=("a", "b"), min_length=1, max_length=2)
    yield "literal-str", one(LiteralType(("a", "b")))
    yield "literal-str-default", one(LiteralType(("a", "b")), default="a")
    yield "literal-described", one(LiteralType(("a", "b")), default="a", description="Pick.")
    yield "literal-int", one(LiteralType((1, 2)), default=1)
    yield "literal-single", one(LiteralType(("a",)), default="a")
    yield "literal-optional", one(OptionalType(LiteralType(("a", "b"))), default=None)
    yield "literal-list", one(ListType(LiteralType(("a", "b"))))
    yield "union-str-int", one(UnionType((STR, INT)))
    yield "union-three", one(UnionType((INT, FLOAT, STR)), description="Any of them.")
    yield "union-with-list", one(UnionType((STR, ListType(STR))))


def _names() -> Iterator[tuple[str, PredictorSpec]]:
    for name in ("prompt", "num_outputs", "t2i_scale", "URL", "camelCase", "a__b", "x1", "é"):
        yield f"name-{name}", one(STR, name)
    yield "no-inputs", predictor()
    yield (
        "many-inputs",
        predictor(
            InputSpec("image", PATH, description="In."),
            InputSpec("prompt", STR, default=""),
            InputSpec("steps", INT, ge=1, le=50, default=20),
            InputSpec("size", INT, choices=(256, 512), default=512),
            InputSpec("scheduler", STR, choices=("ddim", "pndm")),
            InputSpec("seed", INT, default=None),
            InputSpec("token", SECRET, default=None),
            output=ListType(PATH),
        ),
    )


SEGMENT = record(
    "Segment",
    FieldSpec("start", FLOAT),
    FieldSpec("text", STR),
    FieldSpec("best", OptionalType(STR), None),
)
COLOUR = EnumType("Colour", (("RED", "red"), ("BLUE", "blue")))
LEVEL = EnumType("Level", (("LOW", 1), ("HIGH", 2)))


def _outputs() -> Iterator[tuple[str, PredictorSpec]]:
    for name, kind in {**SCALARS, "any": ANY, "dict": DictType(ANY), "none": NullType()}.items():
        yield f"output-{name}", gives(kind)
        if not isinstance(kind, NullType):
            yield f"output-list-{name}", gives(ListType(kind))
            yield f"output-dict-{name}", gives(DictType(kind))
            yield f"output-iterator-{name}", gives(IteratorType(kind))
            yield f"output-optional-{name}", gives(OptionalType(kind))
    yield "output-concatenate", gives(IteratorType(STR, concatenate=True))
    yield "output-list-of-lists", gives(ListType(ListType(PATH)))
    yield "output-list-of-optional", gives(ListType(OptionalType(STR)))
    yield "output-optional-list-path", gives(OptionalType(ListType(PATH)))
    yield "output-union", gives(UnionType((STR, INT)))
    yield "output-union-path", gives(UnionType((STR, PATH)))
    yield "output-union-object", gives(UnionType((SEGMENT, STR)))
    yield "output-literal", gives(LiteralType(("a", "b")))
    yield "output-literal-single", gives(LiteralType(("a",)))
    yield "output-dict-of-dicts", gives(DictType(DictType(FLOAT)))
    yield "output-enum", gives(COLOUR)
    yield "output-list-enum", gives(ListType(LEVEL))


def _objects() -> Iterator[tuple[str, PredictorSpec]]:
    yield "object", gives(SEGMENT)
    yield "object-list", gives(ListType(SEGMENT))
    yield "object-iterator", gives(IteratorType(SEGMENT))
    yield "object-optional", gives(OptionalType(SEGMENT))
    yield "object-dict", gives(DictType(SEGMENT))
    yield "object-described", gives(record("Result", FieldSpec("a", INT), description="A result."))
    yield "object-empty", gives(record("Empty"))
    yield "object-called-output", gives(record("Output", FieldSpec("image", PATH)))
    yield (
        "object-output-described",
        gives(record("Output", FieldSpec("image", PATH), description="What comes out.")),
    )
    yield "object-called-training-output", gives(record("TrainingOutput", FieldSpec("w", PATH)))
    yield (
        "object-dataclass",
        gives(
            record(
                "Data",
                FieldSpec("a", INT),
                FieldSpec("b", OptionalType(PATH), None),
                flavour=ObjectFlavour.DATACLASS,
                description="A dataclass.",
            )
        ),
    )
    yield (
        "object-optional-required",
        gives(
            record("Output", FieldSpec("a", OptionalType(STR)), FieldSpec("b", OptionalType(PATH)))
        ),
    )
    yield (
        "object-every-kind",
        gives(
            record(
                "Output",
                FieldSpec("segments", ListType(SEGMENT)),
                FieldSpec("first", SEGMENT),
                FieldSpec("maybe", OptionalType(SEGMENT), None),
                FieldSpec("anything", ANY),
                FieldSpec("counts", DictType(INT)),
                FieldSpec("files", ListType(PATH)),
                FieldSpec("bare", DictType(ANY)),
                FieldSpec("kind", LiteralType(("x", "y")), "x"),
                FieldSpec("colour", COLOUR),
                FieldSpec("either", UnionType((INT, STR)), 3),
                FieldSpec("scores", ListType(FLOAT), [0.5]),
                FieldSpec("nested", DictType(ListType(SEGMENT)), {}),
                FieldSpec("secret", OptionalType(SECRET), None),
                FieldSpec("note_text", STR, ""),
                FieldSpec("paths", OptionalType(ListType(PATH)), None),
            )
        ),
    )


PREDICTORS: dict[str, PredictorSpec] = dict(
    row
    for rows in (_scalars, _defaults, _constraints, _choices, _names, _outputs, _objects)
    for row in rows()
)
"""Predictors by a name of the row."""

MODELS: dict[str, tuple[PredictorSpec, PredictorSpec]] = {
    "train": (one(STR), trainer(InputSpec("data", PATH), InputSpec("steps", INT, default=3))),
    "train-output": (one(STR), trainer(output=record("TrainingOutput", FieldSpec("w", PATH)))),
    "train-output-called-output": (
        one(STR),
        trainer(output=record("Output", FieldSpec("w", PATH))),
    ),
    "train-output-other": (one(STR), trainer(output=record("Weights", FieldSpec("w", PATH)))),
    "train-choices": (
        one(STR),
        trainer(InputSpec("mode", STR, choices=("a", "b"), default="a", description="Mode.")),
    ),
    "train-choices-bounded": (
        one(STR),
        trainer(InputSpec("size", INT, choices=(1, 2), ge=1, le=2, default=1)),
    ),
    "train-choices-shared": (
        one(STR, "mode", choices=("a", "b")),
        trainer(InputSpec("mode", STR, choices=("a", "b"))),
    ),
    "train-choices-clash": (
        one(STR, "mode", choices=("a", "b")),
        trainer(InputSpec("mode", STR, choices=("c", "d"))),
    ),
    "train-literal": (one(STR), trainer(InputSpec("mode", LiteralType(("a", "b")), default="a"))),
    "train-optional": (
        one(STR),
        trainer(InputSpec("name", OptionalType(STR), default=None), InputSpec("k", SECRET)),
    ),
}
"""Models that can be trained, by a name of the row."""
