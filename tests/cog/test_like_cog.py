"""What the authoring API does, side by side with the real package."""

from __future__ import annotations

import ast
import dataclasses
import warnings
from types import ModuleType
from typing import Any

import cog  # type: ignore[import-untyped]  # it publishes no types
import pytest

import cogfal.cog

STEPS = {
    "no default": "cog.Input().default",
    "default": "cog.Input(default=3, ge=1, choices=[3]).default",
    "field info": "cog.Input() == cog.FieldInfo()",
    "field info shown": "repr(cog.Input(description='d'))",
    "secret": "repr(cog.Secret('a')), str(cog.Secret('a')), str(cog.Secret())",
    "secret as a dataclass": "dataclasses.asdict(cog.Secret('a'))",
    "secret changed": "cog.Secret('a').__setattr__('secret_value', 'b')",
    "secret compared": "cog.Secret('a') == cog.Secret('a'), len({cog.Secret(), cog.Secret()})",
    "secret's fields": "[f.name for f in dataclasses.fields(cog.Secret)]",
    "streaming": "cog.streaming(len) is len, cog.streaming()(len) is len",
    "streaming of nothing sensible": "cog.streaming(3)",
    "concurrent limit": "cog.concurrent(max=0)",
    "concurrent type": "cog.concurrent(max='2')",
    "concurrent sync": "cog.concurrent(max=2)(lambda: 1)",
    "concurrent argument": "cog.concurrent(3)",
    "model": "type('M', (cog.BaseModel,), {'__annotations__': {'a': int}})(a=1).a",
    "model is a dataclass": (
        "dataclasses.asdict(type('M', (cog.BaseModel,), {'__annotations__': {'a': int}})(a=1))"
    ),
    "mixin that is a dataclass": (
        "type('M', (cog.BaseModel, dataclasses.make_dataclass('D', ['x'])), {})"
    ),
    "mixin that is a model": (
        "type('M', (cog.BaseModel, type('N', (cog.BaseModel,), {})), {})"
    ),
    "plain mixin": "type('M', (cog.BaseModel, type('Plain', (), {'f': 1})), {}).f",
    "primary base": "type('M', (type('Plain', (), {}), cog.BaseModel), {})",
    "manual after automatic": (
        "type('M', (type('N', (cog.BaseModel,), {}),), {}, auto_dataclass=False)"
    ),
    "automatic after manual": (
        "type('M', (type('N', (cog.BaseModel,), {}, auto_dataclass=False),), {}).__name__"
    ),
    "run without a method": "cog.BaseRunner().run()",
    "predict without a method": "cog.BaseRunner().predict()",
    "predict of a runner": "type('R', (cog.BaseRunner,), {'run': lambda self: 1})().predict()",
    "run of a predictor": "type('P', (cog.BasePredictor,), {'predict': lambda self: 1})().run()",
    "weights": "cog.BaseRunner().setup(weights='w')",
    "name that is not there": "cog.Inpt",
    "path": "type(cog.Path('/a').parent).__name__, str(cog.Path('/a') / 'b')",
    "path validated": "type(cog.Path.validate('/a')).__name__",
    "path of a URL": "str(cog.Path.validate('data:,a')), cog.Path.validate('data:,a').filename",
    "file of a path": "cog.File.validate('/etc/hostname')",
    "file of a URL": "cog.File.validate('data:,a%20b').read()",
    "URL file": "cog.URLFile('ftp://x/y')",
    "name of a URL file": "cog.URLFile('http://x.invalid/a/b.png').name",
    "scope": "cog.current_scope().record_metric('-', 1)",
}  # fmt: skip


def outcome(source: str, package: ModuleType) -> list[Any]:
    """Evaluate a step with a package: what came of it, and what was warned from which file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Any = eval(source, {"cog": package, "dataclasses": dataclasses})
        except Exception as error:
            result = f"{type(error).__name__}: {error}"
    told = [(type(each.message).__name__, str(each.message), each.filename) for each in caught]
    return [result, told]


@pytest.mark.parametrize("source", STEPS.values(), ids=STEPS.keys())
def test_the_api_does_what_the_real_one_does(source: str) -> None:
    """Values, errors and warnings are those of the installed Cog."""
    ast.parse(source, mode="eval")

    ours, real = outcome(source, cogfal.cog), outcome(source, cog)

    assert repr(ours) == repr(real)
