"""Predictors in the spellings that live reading has to know, each with the Python it needs."""

from __future__ import annotations

HEAD = """
import dataclasses, enum, os, pathlib, typing
from typing import *
from cog import BaseModel, BasePredictor, BaseRunner, ConcatenateIterator, File, Input, Path, Secret
"""
LATE = "from __future__ import annotations\nimport collections.abc\n"

CASES: dict[str, tuple[int, str]] = {
    "scalars": (
        7,
        """
class Predictor(BasePredictor):
    def setup(self, weights: str = ""): ...
    def predict(self, a: str, b: int = Input(default=3, ge=1, le=9, description="d"),
                c: float = 0.5, d: bool = False, e: Path = None, f: File = Input(default=None),
                g: Secret = Input(default=None), h: str = Input(choices=["x", "y"]),
                i: Any = None, j=3) -> str: ...
""",
    ),
    "containers": (
        7,
        """
class Predictor(BasePredictor):
    def predict(self, a: List[str], b: Optional[int] = None, c: Union[str, float, None] = None,
                d: Dict[str, Any] = {}, e: Tuple[int, ...] = (1, 2), f: Sequence[Path] = [],
                g: Set[str] = set(), h: list = [], i: dict = {}, j: List = [], k: Dict = {},
                l: Tuple[int, str] = (1, "a"), m: Mapping[str, int] = {}) -> List[Path]: ...
""",
    ),
    "classes": (
        7,
        """
class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"
@dataclasses.dataclass
class Box:
    x: int
    label: Optional[str] = None
    tags: List[str] = dataclasses.field(default_factory=list)
    version: ClassVar[int] = 1
class Output(BaseModel):
    boxes: List[Box]
    image: Path
    box: Optional[Box]
    colour: Colour = Colour.RED
    _hidden: int = 3
class Predictor(BasePredictor):
    async def predict(self, colour: Colour = Colour.BLUE) -> Output: ...
""",
    ),
    "quoted": (
        7,
        """
class Output(BaseModel):
    text: "Optional[str]"
    paths: List["Path"]
class Predictor(BaseRunner):
    def run(self, a: "Optional[int]" = None, b: List["Path"] = []) -> "Output": ...
""",
    ),
    "pieces": (
        7,
        """
class Predictor(BasePredictor):
    def predict(self, a: str) -> ConcatenateIterator[str]:
        yield a
""",
    ),
    "asynchronous pieces": (
        7,
        """
class Predictor(BasePredictor):
    async def setup(self): ...
    async def predict(self, a: str) -> AsyncIterator[Path]:
        yield a
""",
    ),
    "newer spellings in text": (
        7,
        LATE
        + HEAD
        + """
@dataclasses.dataclass
class Box:
    x: int | None
    points: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    version: ClassVar[int] = 1
    start: dataclasses.InitVar[OfTheTypeCheckerAlone] = 3
    made: ClassVar[OfTheTypeCheckerAlone] = None
class Output(BaseModel):
    boxes: list[Box]
    note: str | None
class Predictor(BasePredictor):
    def predict(self, a: list[int], b: str | float | None = None, c: dict[str, list[float]] = {},
                d: set[str] = frozenset(), e: Optional[list[Path]] = None,
                ) -> collections.abc.Iterator[Output]:
        yield a
""",
    ),
    "typed dictionaries": (
        8,
        """
class Td(TypedDict):
    a: int
    b: Optional[str]
class Part(Td, total=False):
    c: "List[float]"
class Predictor(BasePredictor):
    def predict(self, a: Td, b: Literal["x", "y"] = "x", c: Optional[Literal[1, 2]] = None,
                d: Literal["x", None] = None) -> List[Part]: ...
""",
    ),
    "annotated": (
        9,
        """
class Predictor(BasePredictor):
    def predict(self, a: Annotated[int, "a"], b: list[Annotated[str, 1]]) -> dict[str, int]: ...
""",
    ),
    "unions of types": (
        10,
        """
class Predictor(BasePredictor):
    def predict(self, a: int | None, b: list[str | float] | None = None) -> str | Path: ...
""",
    ),
}


def source(name: str) -> str:
    """Return the text of a case."""
    text = CASES[name][1]
    return text if text.startswith(LATE) else HEAD + text
