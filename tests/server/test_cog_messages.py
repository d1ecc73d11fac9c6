"""The JSON bodies of Cog's API."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any

import pytest

from cogfal.cog.types import Path, Secret
from cogfal.engine.lifecycle import Health, HealthStatus, SetupReport, SetupStatus
from cogfal.engine.prediction import Status
from cogfal.errors import PredictionCancelled
from cogfal.server import cog_messages as messages
from tests.server.predictions import Play

NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


def body_of(status: Status, *pieces: str) -> dict[str, Any]:
    """Return the last state of a prediction that put out `pieces` and ended so."""

    async def main() -> dict[str, Any]:
        play = Play(yields=True)
        play.start()
        for piece in pieces:
            play.put_out(piece)
        match status:
            case Status.SUCCEEDED:
                play.succeed()
            case Status.FAILED:
                play.fail("a bad thing")
            case _:
                play.prediction.finish(status, PredictionCancelled("the prediction was cancelled"))
        await play.prediction.wait()
        return messages.ended(play.prediction)

    return asyncio.run(main())


ENDS = {
    "succeeded": (Status.SUCCEEDED, ["a"], {"output": ["a"]}),
    "succeeded with nothing": (Status.SUCCEEDED, [], {"output": []}),
    "failed": (Status.FAILED, [], {"error": "a bad thing"}),
    "failed half-way": (Status.FAILED, ["a"], {"error": "a bad thing", "output": ["a"]}),
    "canceled": (Status.CANCELED, [], {}),
    "canceled half-way": (Status.CANCELED, ["a"], {"output": ["a"]}),
}


@pytest.mark.parametrize(("status", "pieces", "own"), ENDS.values(), ids=ENDS)
def test_each_end_has_its_fields(status: Status, pieces: list[str], own: dict[str, Any]) -> None:
    """Output where there is some, an error where it failed, predict_time always."""
    body = body_of(status, *pieces)

    assert {name: body[name] for name in ("output", "error") if name in body} == own
    assert body["status"] == status.value
    assert body["metrics"] == {"predict_time": 0.0}


def test_inputs_are_shown_without_secrets() -> None:
    """Secrets are masked wherever they are, and everything is JSON."""
    values = {"token": Secret("x"), "nested": [{"a": Secret("y")}], "file": Path("a.txt"), "n": 1.5}

    shown = messages.shown(values)

    mask = messages.MASK
    assert shown == {"token": mask, "nested": [{"a": mask}], "file": "a.txt", "n": 1.5}


def test_health_says_why() -> None:
    """A failed setup shows its error in its logs, an unhealthy predictor in a field."""
    failed = SetupReport(SetupStatus.FAILED, "looking\n", NOON, NOON)
    well = SetupReport(SetupStatus.SUCCEEDED, "", NOON, NOON)

    broken = messages.health_check(Health(HealthStatus.SETUP_FAILED, "no weights", failed), "1.0")
    sick = messages.health_check(Health(HealthStatus.UNHEALTHY, "too hot", well), "1.0")

    assert broken["setup"]["logs"] == "looking\nno weights"
    assert "user_healthcheck_error" not in broken
    assert sick["user_healthcheck_error"] == "too hot"
    assert sick["version"]["cogfal"] == "1.0"


def test_a_setup_that_has_not_begun_is_left_out() -> None:
    """Before setup there is only the status."""
    body = messages.health_check(Health(HealthStatus.STARTING), "1.0")

    assert set(body) == {"status", "version"}


def test_the_index_names_trainings_where_there_are_some() -> None:
    """Paths that are not served are not named."""
    without = messages.index(trainings=False)
    with_trainer = messages.index(trainings=True)

    assert set(with_trainer) - set(without) == {
        "trainings_url",
        "trainings_idempotent_url",
        "trainings_cancel_url",
    }
