"""The report: what became of every line of cog.yaml, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from cogfal.spec import Location


class SettingStatus(Enum):
    """What became of a setting on the way to fal."""

    KEPT = "kept"
    CHANGED = "changed"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One setting: its `key`, `what` became of it, and `why` (where unsupported: the remedy)."""

    key: str
    status: SettingStatus
    what: str
    why: str | None = None
    where: Location | str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where is not None else ""
        reason = f": {self.why}" if self.why else ""
        return f"{self.status.value:<11} {self.key}{place}: {self.what}{reason}"


class Report:
    """Collects lines while an environment is planned."""

    def __init__(self) -> None:
        self._lines: list[ReportLine] = []

    def kept(self, key: str, what: str, *, where: Location | str | None = None) -> None:
        """Say that a setting holds on fal as it did with Cog."""
        self._lines.append(ReportLine(key, SettingStatus.KEPT, what, None, where))

    def changed(
        self, key: str, what: str, why: str, *, where: Location | str | None = None
    ) -> None:
        """Say that a setting was replaced, and why."""
        self._lines.append(ReportLine(key, SettingStatus.CHANGED, what, why, where))

    def unsupported(
        self, key: str, what: str, remedy: str, *, where: Location | str | None = None
    ) -> None:
        """Say that a setting has no counterpart, and what to do."""
        self._lines.append(ReportLine(key, SettingStatus.UNSUPPORTED, what, remedy, where))

    def lines(self) -> tuple[ReportLine, ...]:
        """Return what was said so far, in order, without repetitions."""
        return tuple(dict.fromkeys(self._lines))
