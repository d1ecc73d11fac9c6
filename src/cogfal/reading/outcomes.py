"""How the repetitions of a region end, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cogfal.reading.journal import Place
from cogfal.reading.unknown import Unknown, Value

Found: TypeAlias = dict[tuple[str, int, Any], tuple[Place, Value]]
"""By place: what stands there."""


class Left(BaseException):
    """Leaves a region: `how` is `return`, `break` or `continue`."""

    def __init__(self, how: str, value: Value = None) -> None:
        self.how, self.value = how, value
        super().__init__()


class Restart(BaseException):
    """Says that a region inside cannot be joined, so that this one has to be repeated."""


@dataclass(eq=False, repr=False)
class Frame:
    """The answers of one repetition: those that are prescribed, and those that were given."""

    prescribed: list[int] = field(default_factory=list)
    remembered: dict[tuple[int, ...], Guard] = field(default_factory=dict)
    """Guards of earlier repetitions, whose inside need not be carried out again to be left."""
    given: list[tuple[int, int, Unknown]] = field(default_factory=list)
    guards: int = 0
    """How many guards have begun in it."""

    def place(self) -> tuple[int, ...]:
        """Return what tells the latest guard from every other of this region."""
        return self.guards, *(answer for answer, _, _ in self.given)

    def next(self) -> list[int] | None:
        """Return the answers of the next repetition, None after the last."""
        answers = [(answer, among) for answer, among, _ in self.given]
        while answers and answers[-1][0] + 1 >= answers[-1][1]:
            answers.pop()
        if not answers:
            return None
        return [*(answer for answer, _ in answers[:-1]), answers[-1][0] + 1]


@dataclass(eq=False, repr=False)
class Outcome:
    """How one repetition ended, and what it left behind."""

    left: BaseException | None
    value: Value
    found: Found
    raised: Found | None = None
    """What it left behind for the guard around it, where that may take it for one of its own."""

    def kind(self) -> str:
        """Return how the region was left."""
        if self.left is None:
            return ""
        return self.left.how if isinstance(self.left, Left) else "raise"


@dataclass(eq=False, repr=False)
class Guard:
    """A `try` around the present statement, and the states in which unknown code may leave it."""

    start: int
    """Where it began in the journal."""
    unwound: int
    at_once: bool
    place: tuple[int, ...] = ()
    why: Unknown | None = None
    moved: list[Value] = field(default_factory=list)
    raised: list[Outcome] = field(default_factory=list)

    def note(self, why: Unknown, found: Found) -> None:
        """Note that unknown code may raise, and what it leaves behind."""
        first = why if self.why is None else self.why
        more = () if first is why else why.about
        self.why = first.holding((*first.about, *more)) if more else first
        self.raised.append(Outcome(None, None, found))
