"""Which models a gateway offers, and what answers for each version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Final, TypeAlias

import httpx
from fal_client.client import QUEUE_URL_FORMAT, RUN_URL_FORMAT

from cogfal.errors import SettingError

_PART: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_REFERENCE: Final = re.compile(rf"(?P<model>{_PART}/{_PART})(?::(?P<version>{_PART}))?")
_APP: Final = re.compile(rf"{_PART}/{_PART}")
_FALS: Final = ("fal.run", "fal.ai", "fal.dev", "falrun.com")


class Kind(Enum):
    """What a request is for; the value is the word in its address, here and at the app."""

    PREDICTION = "predictions"
    TRAINING = "trainings"


@dataclass(frozen=True, slots=True)
class FalApp:
    """An app on fal, as fal names it: `owner/name`. It is called through fal's queue."""

    name: str

    @property
    def url(self) -> str:
        """Where it answers directly."""
        return f"{RUN_URL_FORMAT}{self.name}"

    @property
    def queue_url(self) -> str:
        """Where its calls are put on the queue, and its requests are asked for."""
        return f"{QUEUE_URL_FORMAT}{self.name}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where one cogfal app, or a Cog server, is served; `url` ends without a slash."""

    url: str


Target: TypeAlias = FalApp | Address


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model, `model` in the form `owner/name`, and what runs it."""

    model: str
    id: str
    target: Target

    @property
    def mark(self) -> bytes:
        """Five bytes that stand for it in the ids of predictions, on every gateway."""
        return sha256(f"{self.model}:{self.id}".encode()).digest()[:5]


class Catalogue:
    """The models of a gateway, by `owner/name` or `owner/name:version`.

    A model without a version has one made of its name. The one without is the latest; else the
    last.

    Raises:
        SettingError: A name or a target has not that form, or is given twice.
    """

    def __init__(self, targets: Mapping[str, str]) -> None:
        if not targets:
            raise SettingError(
                "a gateway needs a model", remedy="name one: owner/name=fal-owner/app"
            )
        versions = [_version(name, target) for name, target in targets.items()]
        self._by_id: dict[str, Version] = {}
        self._by_mark = {version.mark: version for version in versions}
        self._latest: dict[str, Version] = {}
        for version in versions:
            if version.id in self._by_id:
                raise SettingError(f"the version {version.id!r} is given twice")
            self._by_id[version.id] = version
            kept = self._latest.get(version.model)
            if kept is None or kept.id != default_id(version.model):
                self._latest[version.model] = version

    def __iter__(self) -> Iterator[Version]:
        """Yield the latest version of each model."""
        return iter(self._latest.values())

    @property
    def on_fal(self) -> bool:
        """Whether any model is an app on fal."""
        return any(isinstance(each.target, FalApp) for each in self._by_id.values())

    def latest(self, model: str) -> Version | None:
        """Return what `owner/name` means without a version."""
        return self._latest.get(model)

    def versions(self, model: str) -> list[Version]:
        """Return a model's versions, the latest first."""
        found = [each for each in self._by_id.values() if each.model == model]
        return sorted(found, key=lambda each: each is not self._latest[model])

    def find(self, reference: str) -> Version | None:
        """Return what a version's id, `owner/name:id` or `owner/name` means."""
        model, slash, version = reference.rpartition(":")
        found = self._by_id.get(version) if slash or "/" not in reference else None
        if not slash:
            return found or self._latest.get(reference)
        return found if found is not None and found.model == model else None

    def marked(self, mark: bytes) -> Version | None:
        """Return the version with a mark."""
        return self._by_mark.get(mark)


def default_id(model: str) -> str:
    """Return the version id of a model for which none is given: the same on every gateway."""
    return sha256(model.encode()).hexdigest()


def _version(reference: str, target: str) -> Version:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise SettingError(
            f"{reference!r} is no name of a model",
            remedy="write owner/name, or owner/name:version for the version that callers name",
        )
    model = found["model"]
    return Version(model, found["version"] or default_id(model), _target(reference, target))


def _target(reference: str, text: str) -> Target:
    if _APP.fullmatch(text):
        return FalApp(text)
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        raise SettingError(
            f"the target of {reference} is neither an app on fal nor an address",
            remedy="write fal-owner/app, or the address of one app: http://127.0.0.1:8080",
        )
    if any(url.host == host or url.host.endswith(f".{host}") for host in _FALS):
        raise SettingError(
            f"the target of {reference} is an address of fal",
            remedy="name the app as fal does, fal-owner/app: it is then called through fal's queue",
        )
    return Address(text.rstrip("/"))
