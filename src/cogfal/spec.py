"""What is known of a predictor: frozen, comparable values that every other part reads.

`reading` and `guest` produce these values, everything else consumes them, and nobody looks at
annotations again. They are read in the model's own Python too, so this module keeps to Python 3.7
and its standard library.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Union

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, TypeAlias

JSON: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, or a list or string-keyed dict of such."""


class Missing(Enum):
    """The absence of a default, which is not the default None."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING  # novm: annotations are not evaluated


class Location(NamedTuple):
    """A place in the author's files: `path` relative to the project, 1-based `line`."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Kind:
    """A type: one is as good as another of the same class with the same parts.

    What a dataclass would say of each is said here once: to make that takes 0.2 ms for each class.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({parts})"


class StringType(Kind):
    """`str`."""


class IntegerType(Kind):
    """`int`."""


class FloatType(Kind):
    """`float`."""


class BooleanType(Kind):
    """`bool`."""


class AnyType(Kind):
    """`Any`, `object`, or no annotation at all."""


class NullType(Kind):
    """`None` as an annotation."""


class PathType(Kind):
    """`cog.Path`, `pathlib.Path` or another `os.PathLike`: a file that travels as a URL."""


class FileType(Kind):
    """`cog.File`: a file that travels as a URL and reaches `predict` as a binary file object."""


class SecretType(Kind):
    """`cog.Secret`: a string that is shown nowhere."""


class OpaqueType(Kind):
    """`Annotated[T, Opaque]` or a type without a schema: a bare JSON object, passed through."""


@dataclass(frozen=True, eq=False, repr=False)
class LiteralType(Kind):
    """`Literal[...]`: one of `values`."""

    values: tuple[str | int | bool | None, ...]


@dataclass(frozen=True, eq=False, repr=False)
class EnumType(Kind):
    """An `Enum` class named `name`: callers send a member's value, `predict` gets the member."""

    name: str
    members: tuple[tuple[str, str | int | float | bool], ...]


@dataclass(frozen=True, eq=False, repr=False)
class ListType(Kind):
    """`list[item]`, also for `tuple[item, ...]`, `set[item]` and `Sequence[item]`."""

    item: Type


@dataclass(frozen=True, eq=False, repr=False)
class DictType(Kind):
    """`dict[str, value]`; a bare `dict` has `value == AnyType()`."""

    value: Type


@dataclass(frozen=True, eq=False, repr=False)
class OptionalType(Kind):
    """`Optional[inner]`."""

    inner: Type


@dataclass(frozen=True, eq=False, repr=False)
class UnionType(Kind):
    """A union of at least two types other than None, in the author's order."""

    members: tuple[Type, ...]


class FieldSpec(NamedTuple):
    """One field of an `ObjectType`."""

    name: str
    type: Type
    default: JSON | Missing = MISSING
    description: str | None = None

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is MISSING


class ObjectFlavour(Enum):
    """What kind of class an object type was written as."""

    COG = "cog"
    PYDANTIC = "pydantic"
    DATACLASS = "dataclass"
    TYPED_DICT = "typed_dict"


@dataclass(frozen=True, eq=False, repr=False)
class ObjectType(Kind):
    """A class with typed fields, in the author's order, inherited ones first."""

    name: str
    fields: tuple[FieldSpec, ...]
    flavour: ObjectFlavour = ObjectFlavour.COG
    description: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class IteratorType(Kind):
    """An output that arrives in pieces; `concatenate` says that the pieces are one text."""

    item: Type
    concatenate: bool = False


Type: TypeAlias = Union[
    StringType,
    IntegerType,
    FloatType,
    BooleanType,
    AnyType,
    NullType,
    PathType,
    FileType,
    SecretType,
    OpaqueType,
    LiteralType,
    EnumType,
    ListType,
    DictType,
    OptionalType,
    UnionType,
    ObjectType,
    IteratorType,
]
"""Every kind of type; `IteratorType` only as a whole output."""


def holds(kind: Type, *wanted: type) -> bool:
    """Tell whether a type is of one of these kinds, or is made of one, at any depth."""
    return isinstance(kind, wanted) or any(holds(part, *wanted) for part in _parts(kind))


def _parts(kind: Type) -> tuple[Type, ...]:
    if isinstance(kind, OptionalType):
        return (kind.inner,)
    if isinstance(kind, (ListType, IteratorType)):
        return (kind.item,)
    if isinstance(kind, DictType):
        return (kind.value,)
    if isinstance(kind, UnionType):
        return kind.members
    if isinstance(kind, ObjectType):
        return tuple(each.type for each in kind.fields)
    return ()


@dataclass(frozen=True)
class InputSpec:
    """One parameter of `predict`, with everything that Cog's `Input()` can say about it.

    `default` is the JSON form of the default (an Enum member's value, a path's string); `MISSING`
    makes the input required. An input that may be left out and is then None has the default None,
    whatever its type: `seed: int = Input(default=None)` is an `IntegerType` that may be left out,
    and Cog up to 0.16 writes it without `nullable`, unlike `Optional[int]`.
    `choices` keep the author's order, without duplicates.
    The fields from `default` to `accept` are in the order in which older Cog took the arguments of
    `Input()` by position.
    """

    name: str
    type: Type
    default: JSON | Missing = MISSING
    description: str | None = None
    ge: int | float | None = None
    le: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    regex: str | None = None
    choices: tuple[str | int | float, ...] | None = None
    deprecated: bool = False
    accept: str | None = None
    location: Location | None = field(default=None, compare=False)

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is MISSING


INPUT_DETAILS = tuple(
    each.name
    for each in fields(InputSpec)
    if each.name not in ("name", "type", "default", "location")
)
"""What `Input()` may say besides the default, in that order."""


class SetupSpec(NamedTuple):
    """The author's `setup()`: whether it takes `weights` and whether it is a coroutine function."""

    takes_weights: bool = False
    asynchronous: bool = False


class Shape(Enum):
    """How the author's function hands over its result."""

    FUNCTION = "def"
    GENERATOR = "generator"
    COROUTINE = "async def"
    ASYNC_GENERATOR = "async generator"

    @property
    def asynchronous(self) -> bool:
        """Whether it runs on an event loop."""
        return self in (Shape.COROUTINE, Shape.ASYNC_GENERATOR)

    @property
    def yields(self) -> bool:
        """Whether it hands over its result in pieces."""
        return self in (Shape.GENERATOR, Shape.ASYNC_GENERATOR)

    def around(self, inner: Shape) -> Shape:
        """Return the shape of a function of this one that passes its arguments on to an inner."""
        return inner if self is Shape.FUNCTION else self


class Role(Enum):
    """What the author's code is for."""

    PREDICT = "predict"
    TRAIN = "train"


@dataclass(frozen=True)
class PredictorSpec:
    """A predictor or trainer as its source text describes it.

    `path` is the file relative to the project's root, with forward slashes; `name` the class or
    function in it; `method` the method that is called (`predict`, `run` or `train`), None for a
    function. `streaming` and `max_concurrency` come from Cog's `@streaming` and `@concurrent`.
    `deploy_time` names the environment variables whose values were read while resolving the text.
    """

    path: str
    name: str
    method: str | None
    inputs: tuple[InputSpec, ...]
    output: Type
    shape: Shape = Shape.FUNCTION
    role: Role = Role.PREDICT
    setup: SetupSpec | None = None
    healthcheck: bool = False
    teardown: bool = False
    streaming: bool = False
    max_concurrency: int | None = None
    description: str | None = None
    deploy_time: tuple[str, ...] = ()
    location: Location | None = field(default=None, compare=False)

    @property
    def ref(self) -> str:
        """The reference in cog.yaml's form, `predict.py:Predictor`."""
        return f"{self.path}:{self.name}"


class Weight(NamedTuple):
    """Large weights that are not uploaded with the code.

    The runner fetches `url` once to /data, checks `sha256` where it is given, and links it into
    the project at its own place. An `hf://owner/name@revision/path` is a repository of the Hugging
    Face Hub, or a directory or file in one, whose files `include` and `exclude` choose.
    """

    url: str
    sha256: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class ProjectSpec(NamedTuple):
    """A project as its App takes it along.

    `root` is its directory on the deploying machine, `runner_root` the one on a runner ("." is
    where the runner starts, the WORKDIR of an image of the author's own). Before the
    author's code is imported, `variables` are set, `caches` too where they are not and there is
    a disk for them, and `weights` are placed at their paths in the project.

    `config` is the path of its cog.yaml on the deploying machine. `interpreter` is the path of the
    model's own Python on a runner, None where the author's code runs in the server's process; what
    its environment is made of is `model_environment`, where the runner has to make it.
    `server_variables` are the server's own, whichever process the author's code runs in.
    `examples` are the entries of its examples.yaml as they stand there, files as "@path".
    """

    predictor: PredictorSpec
    trainer: PredictorSpec | None
    root: str
    runner_root: str
    variables: tuple[tuple[str, str], ...] = ()
    caches: tuple[tuple[str, str], ...] = ()
    weights: tuple[tuple[str, Weight], ...] = ()
    config: str | None = None
    interpreter: str | None = None
    model_environment: str | None = None
    server_variables: tuple[tuple[str, str], ...] = ()
    examples: tuple[dict[str, Any], ...] = ()

    def with_variables(self, given: Mapping[str, str]) -> ProjectSpec:
        """Return it with variables that win over its own."""
        return self._replace(variables=(*self.variables, *given.items()))
