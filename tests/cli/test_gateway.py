"""`cogfal gateway`: what it is to lead to; what it does then is in tests/gateway/."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cogfal


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (("me/model",), "'me/model' names no target; write owner/name=fal-owner/app"),
        (("me/model=me/a", "me/model=me/b"), "'me/model' is given twice"),
    ],
)
def test_targets_are_names_with_an_app_each(
    cogfal: Cogfal, targets: tuple[str, ...], told: str
) -> None:
    """Said before anything is served."""
    ended = cogfal("gateway", *targets)

    assert ended.status == 1
    assert told in ended.err
