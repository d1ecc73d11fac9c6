"""The prediction's scope, side by side with the real one."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from cogfal.cog import BasePredictor, BaseRunner, current_scope
from cogfal.cog.server.scope import Scope, use_scope
from tests.cog.programs import run_program
from tests.server.servers import RealCog

PREDICTOR = """
from cog import BasePredictor, current_scope


class Predictor(BasePredictor):
    def predict(self, code: str) -> list[str]:
        return [_run(line, current_scope()) for line in code.split("\\n")]


def _run(line, scope):
    try:
        exec(line, {"s": scope})
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "done"
"""

STEPS = r"""
s.record_metric("a", 1)
s.record_metric("a", "x")
s.record_metric("a", 1.5)
s.record_metric("a", True)
s.record_metric("a", 2, mode="replace")
s.record_metric("b", 1, mode="incr")
s.record_metric("b", 2, "incr")
s.record_metric("b", 2.5, mode="incr")
s.record_metric("b", True, mode="incr")
s.record_metric("flag", True, mode="incr")
s.record_metric("words", "x", mode="incr")
s.record_metric("items", [1], mode="incr")
s.record_metric("c", 2.5, mode="incr")
s.record_metric("c", 2, mode="incr")
s.record_metric("d", "x", mode="append")
s.record_metric("d", "y", mode="append")
s.record_metric("d", 5, mode="append")
s.record_metric("n", 1)
s.record_metric("n", 2, mode="append")
s.record_metric("n", 3, mode="incr")
s.record_metric("l", [1])
s.record_metric("l", [2], mode="append")
s.record_metric("l", 5, mode="append")
s.record_metric("e", 5, mode="bogus")
s.record_metric("-", 5, mode="bogus")
s.record_metric("1a", 5)
s.record_metric("a__b", 5)
s.record_metric("a_", 5)
s.record_metric("_a", 5)
s.record_metric("", 5)
s.record_metric(".a", 5)
s.record_metric("a.", 5)
s.record_metric("a..b", 5)
s.record_metric("a.1", 5)
s.record_metric("a-b", 5)
s.record_metric("a b", 5)
s.record_metric("a-_", 5)
s.record_metric("a__-", 5)
s.record_metric("é", 5)
s.record_metric("aé", 5)
s.record_metric("'", 5)
s.record_metric("a.b.c.d.e", 5)
s.record_metric("z.b.c.d", 5)
s.record_metric("x" * 128, 5)
s.record_metric("x" * 129, 5)
s.record_metric("é" * 70 + "a", 5)
s.record_metric("predict_time", 5)
s.record_metric("predict_time", None)
s.record_metric("cog.x", 5)
s.record_metric("cog.", 5)
s.record_metric("cog", 5)
s.record_metric("o", object())
s.record_metric("t", (1, 2))
s.record_metric("t", b"x")
s.record_metric("m", {"a": {"b": [1, None, 0.5, "x", True]}})
s.record_metric("m2", {"a": object()})
s.record_metric("m3", {1: 2})
s.record_metric("nan", float("nan"))
s.record_metric("nan", 1)
s.record_metric("inf", {"a": float("inf")})
s.record_metric("none", None, mode="incr")
s.record_metric("none", None, mode="append")
s.record_metric(key="kw", value=1, mode=None)
s.record_metric("sub", type("I", (int,), {})(3))
s.record_metric(5, 1)
s.metrics.record("q", 5)
s.metrics["q"] = "t"
del s.metrics["q"]
s.metrics["q"] = "t"
s.metrics["q"] = None
s.metrics["q"] = 0.5
del s.metrics["nope"]
s.metrics.delete("-")
s.metrics.delete("predict_time")
s.metrics["-"] = None
s.metrics["w.a"] = 1
s.metrics["w"] = 2
s.metrics["v"] = 2
s.metrics["v.a"] = 1
s.metrics["u"] = {"q": 1}
s.metrics["u.r"] = 1
s.metrics.record("u.q", "x", mode="append")
s.metrics["y.a"] = 1
s.metrics["y.b"] = 1
del s.metrics["y.a"]
s.metrics["k.a"] = 1
del s.metrics["k.a"]
s.metrics["g.a"] = 1
del s.metrics["g"]
s.metrics["g.a"] = "x"
s.metrics["a"]
len(s.metrics)
s.metrics.nothing
s.context["added"] = "here"
assert s.context == {"given": "there", "added": "here"}
""".strip().split("\n")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the real Cog answers to the steps."""
    root: Path = tmp_path_factory.mktemp("real")
    (root / "predict.py").write_text(PREDICTOR)
    with RealCog(root, "predict.py:Predictor") as server:
        server.until_health("READY")
        body = {"input": {"code": "\n".join(STEPS)}, "context": {"given": "there"}}
        answer: dict[str, Any] = server.client.post("/predictions", json=body).json()
    return answer


def run(step: str, scope: Scope) -> str:
    """Run a step as the predictor does."""
    try:
        exec(step, {"s": scope})
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def test_metrics_follow_the_real_rules(real: dict[str, Any]) -> None:
    """Every step is accepted, or refused in the same words, as in the real Cog."""
    scope = Scope({"given": "there"}, lambda _name, _value, _mode: None)

    results = dict(zip(STEPS, [run(step, scope) for step in STEPS], strict=True))

    expected = dict(zip(STEPS, real["output"], strict=True))
    # The types have other names here, and the words are Python's.
    for words in ("len(s.metrics)", "s.metrics.nothing", 's.metrics["a"]'):
        assert results.pop(words).split(":")[0] == expected.pop(words).split(":")[0]
    assert results == expected


def test_metrics_have_the_real_values(real: dict[str, Any]) -> None:
    """The metrics of all steps are those of the real Cog."""
    scope = Scope({"given": "there"}, lambda _name, _value, _mode: None)

    for step in STEPS:
        run(step, scope)

    real["metrics"].pop("predict_time")
    assert scope.metrics.snapshot() == real["metrics"]


def test_every_accepted_metric_is_told() -> None:
    """The engine hears of each metric: its name, its value as plain JSON, the mode."""
    told: list[tuple[str, Any, str]] = []
    scope = Scope({}, lambda *metric: told.append(metric))

    scope.record_metric("a.b", 1)
    scope.record_metric("a.b", 2, mode="incr")
    scope.metrics["c"] = ["x"]
    del scope.metrics["c"]

    assert told == [
        ("a.b", 1, "replace"),
        ("a.b", 2, "incr"),
        ("c", ["x"], "replace"),
        ("c", None, "replace"),
    ]


def test_none_deletes() -> None:
    """Recording None deletes a metric, as Cog documents it, and frees its type."""
    scope = Scope({}, lambda _name, _value, _mode: None)

    scope.record_metric("a", 1)
    scope.record_metric("a", None)
    scope.record_metric("a", "text")

    assert scope.metrics.snapshot() == {"a": "text"}


def test_snapshot_is_the_callers() -> None:
    """A snapshot does not change, and changing it changes nothing."""
    scope = Scope({}, lambda _name, _value, _mode: None)
    scope.record_metric("a", [1])

    snapshot = scope.metrics.snapshot()
    snapshot["a"].append(2)
    scope.record_metric("b", 1)

    assert scope.metrics.snapshot() == {"a": [1], "b": 1}
    assert "b" not in snapshot


def test_a_sum_that_no_number_holds_changes_nothing() -> None:
    """A whole number may be larger than any float; nor does it hold anything to delete."""
    scope = Scope({}, lambda _name, _value, _mode: None)
    scope.record_metric("a", {"b": 10**400})

    scope.record_metric("a.b", 0.5, mode="incr")
    del scope.metrics["a.b.c"]

    assert scope.metrics.snapshot() == {"a": {"b": 10**400}}


def test_it_shows_how_much_it_holds() -> None:
    """Not the values, which may be large."""
    scope = Scope({}, lambda _name, _value, _mode: None)
    scope.record_metric("a", "long")

    assert repr(scope) == "Scope(MetricRecorder(keys=1))"


def test_outside_of_a_prediction_nothing_happens() -> None:
    """Without a prediction everything is accepted and forgotten, even what is wrong.

    In a process of its own: in this one a test before may have left a prediction that never ends.
    """
    run_program(
        """
        from cogfal.cog import current_scope

        scope = current_scope()
        scope.record_metric("-", object(), mode="bogus")
        scope.metrics["a"] = 1
        del scope.metrics["a"]

        assert scope.metrics.snapshot() == {}
        assert scope.context == {}
        """
    )


@pytest.mark.parametrize("base", [BasePredictor, BaseRunner])
def test_base_classes_reach_the_scope(base: type[BaseRunner]) -> None:
    """A predictor records on the prediction that is running."""
    predictor = base()
    scope = Scope({"a": "b"}, lambda _name, _value, _mode: None)

    predictor.record_metric("before", 1)
    with use_scope(scope):
        predictor.record_metric("during", 1)
        predictor.record_metric("during", 1, mode="incr")
        context = predictor.scope.context
    predictor.record_metric("after", 1)

    assert scope.metrics.snapshot() == {"during": 2}
    assert context == {"a": "b"}


def test_concurrent_predictions_have_scopes_of_their_own() -> None:
    """Tasks see the scope that they were started in."""

    async def predict(number: int, go: asyncio.Event) -> dict[str, Any]:
        with use_scope(Scope({}, lambda _name, _value, _mode: None)) as scope:
            await go.wait()
            current_scope().record_metric("number", number)
            return scope.metrics.snapshot()

    async def main() -> list[dict[str, Any]]:
        go = asyncio.Event()
        running = [asyncio.create_task(predict(number, go)) for number in range(3)]
        await asyncio.wait(running, timeout=0)
        go.set()
        return await asyncio.gather(*running)

    assert asyncio.run(main()) == [{"number": number} for number in range(3)]


def test_threads_may_record_at_once() -> None:
    """No increment of two threads is lost."""
    scope = Scope({}, lambda _name, _value, _mode: None)

    def count() -> None:
        for _ in range(1_000):
            scope.record_metric("count", 1, mode="incr")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert scope.metrics.snapshot() == {"count": 4_000}
