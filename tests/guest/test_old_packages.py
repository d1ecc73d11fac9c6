"""The author's side beside the packages that models of an old Python bring."""

from __future__ import annotations

import json
from pathlib import Path

from cogfal.guest.wire import from_plain
from cogfal.spec import (
    FieldSpec,
    InputSpec,
    IntegerType,
    ListType,
    LiteralType,
    ObjectFlavour,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    SecretType,
    StringType,
)
from tests.interpreters import OLDEST, run_there
from tests.virtualenvs import alone

PROGRAM = """
import json, types
import cogfal.cog.alias
cogfal.cog.alias.install()
from cogfal.guest.encoding import encode
from cogfal.guest.live import read_live
from cogfal.guest.wire import to_plain
from cogfal.spec import AnyType

SOURCE = '''
import pydantic
from typing import List, Optional
from typing_extensions import Annotated, Literal, Required, TypedDict
from cog import BasePredictor, Opaque, Path, Secret

class Box(TypedDict, total=False):
    x: Required[int]
    label: str

class Output(pydantic.BaseModel):
    boxes: "List[Box]"
    image: Path = pydantic.Field(description="The picture.")
    key: Optional[Secret] = None
    tags: List[str] = pydantic.Field(default_factory=list)

class Predictor(BasePredictor):
    def predict(self, size: Literal["s", "m"] = "s", steps: "Annotated[int, 1]" = 3,
                more: Annotated[dict, Opaque] = {}, box: "Optional[Box]" = None) -> Output: ...
'''

def main(given):
    module = sys.modules["predict"] = types.ModuleType("predict")
    exec(compile(SOURCE, "predict.py", "exec"), vars(module))
    spec = read_live(module.Predictor, path="predict.py", name="Predictor")
    output = module.Output(boxes=[{"x": 1}], image="/a.png", key="hush")
    parts, files = encode(output, AnyType(), "/nowhere")
    return [module.pydantic.VERSION, to_plain(spec), [part.decode() for part in parts],
            [each.path for each in files]]
"""

BOX = ObjectType(
    "Box",
    (FieldSpec("x", IntegerType()), FieldSpec("label", StringType())),
    ObjectFlavour.TYPED_DICT,
)


def test_pydantic_1_and_typing_extensions_are_read_and_written() -> None:
    """Neither is known to what runs beside them; their classes are read, their values written."""
    python: Path = alone("pydantic==1.10.*", "typing_extensions", python=str(OLDEST))

    version, spec, parts, files = run_there(python, PROGRAM)

    read = from_plain(spec)
    assert version.startswith("1.10.")
    assert read.inputs == (
        InputSpec("size", LiteralType(("s", "m")), "s"),
        InputSpec("steps", IntegerType(), 3),
        InputSpec("more", OpaqueType(), {}),
        InputSpec("box", OptionalType(BOX), None),
    )
    assert read.output == ObjectType(
        "Output",
        (
            FieldSpec("boxes", ListType(BOX)),
            FieldSpec("image", PathType(), description="The picture."),
            FieldSpec("key", OptionalType(SecretType()), None),
            FieldSpec("tags", ListType(StringType()), []),
        ),
        ObjectFlavour.PYDANTIC,
    )
    assert files == ["/a.png"]
    assert json.loads('"<file>"'.join(parts)) == {
        "boxes": [{"x": 1}],
        "image": "<file>",
        "key": "**********",
        "tags": [],
    }
