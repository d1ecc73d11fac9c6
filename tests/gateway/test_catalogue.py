"""What the models of a gateway may be called, and what they may lead to."""

from __future__ import annotations

import pytest

from cogfal.errors import SettingError
from cogfal.gateway.catalogue import Address, Catalogue, FalApp, default_id


def test_a_model_has_one_version_or_several() -> None:
    """Without a version it has one that every gateway gives it, and that is the latest."""
    catalogue = Catalogue({"a/b:1": "me/old", "a/b": "me/new", "c/d:2": "http://127.0.0.1:8080/"})

    latest = catalogue.latest("a/b")

    assert latest is not None
    assert (latest.id, latest.target) == (default_id("a/b"), FalApp("me/new"))
    assert [each.id for each in catalogue.versions("a/b")] == [default_id("a/b"), "1"]
    assert [each.model for each in catalogue] == ["a/b", "c/d"]
    found = catalogue.find("c/d")
    assert found is not None
    assert found.target == Address("http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        *(("1", "a/b:1"), ("a/b:1", "a/b:1"), ("c/d", "c/d:2"), ("c/d:2", "c/d:2")),
        *(("c/d:1", None), ("2x", None), ("", None), (":1", None), ("a/b:", None), ("a", None)),
    ],
)
def test_references_are_looked_up_and_nothing_else(reference: str, found: str | None) -> None:
    """What is not exactly a version that is there is none."""
    catalogue = Catalogue({"a/b:1": "me/old", "c/d:2": "me/new"})

    version = catalogue.find(reference)

    assert (version and f"{version.model}:{version.id}") == found


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("model", "me/app", "write owner/name"),
        ("../x", "me/app", "write owner/name"),
        ("a/b:c:d", "me/app", "write owner/name"),
        ("a/" + "b" * 200, "me/app", "write owner/name"),
        ("a/b", "app", "fal-owner/app"),
        ("a/b", "ftp://host/x", "fal-owner/app"),
        ("a/b", "http://", "fal-owner/app"),
        ("a/b", "http://host/?key=x", "fal-owner/app"),
        ("a/b", "https://fal.run/me/app", "through fal's queue"),
        ("a/b", "https://queue.fal.run/me/app", "through fal's queue"),
    ],
)
def test_names_and_targets_of_another_form_are_refused(name: str, target: str, said: str) -> None:
    """With the form that they have to have."""
    with pytest.raises(SettingError, match=said):
        Catalogue({name: target})


def test_a_version_means_one_thing() -> None:
    """Clients name it without its model."""
    with pytest.raises(SettingError, match="given twice"):
        Catalogue({"a/b:1": "me/app", "c/d:1": "me/other"})


def test_a_gateway_without_models_is_refused() -> None:
    """It could answer nothing."""
    with pytest.raises(SettingError, match="needs a model"):
        Catalogue({})
