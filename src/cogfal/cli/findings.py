"""What a check found, one by one, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.markup import escape

from cogfal.cli.console import Mark, say, stderr
from cogfal.errors import ProjectError
from cogfal.spec import JSON


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    mark: Mark
    what: str
    where: str | None = None
    remedy: str | None = None

    def json(self) -> JSON:
        """Return it for programs."""
        status = {Mark.GOOD: "ok", Mark.NOTE: "warning", Mark.BAD: "error"}[self.mark]
        return {"status": status, "what": self.what, "where": self.where, "remedy": self.remedy}

    def show(self) -> None:
        """Say it."""
        place = f"{self.where}: " if self.where else ""
        say(f"{place}{self.what}", self.mark)
        if self.remedy:
            stderr().print(f"    [green]remedy:[/] {escape(self.remedy)}")


@dataclass(slots=True)
class Findings:
    """What was found so far."""

    all: list[Finding] = field(default_factory=list)

    def attempt(self, look: Callable[[], Iterator[Finding]]) -> None:
        """Add what a look finds; what it cannot get past is a finding too, told once."""
        try:
            self.all.extend(look())
        except ProjectError as error:
            where = None if error.where is None else str(error.where)
            found = Finding(Mark.BAD, error.what, where, error.remedy)
            if found not in self.all:
                self.all.append(found)

    @property
    def failed(self) -> bool:
        """Whether something would not work."""
        return any(finding.mark is Mark.BAD for finding in self.all)
