"""Carry out a piece of text once for every answer that unknown code can give, and join the results.

An unknown condition, and whether unknown code inside a `try` raises, is a choice. A region (a
statement, a loop's body, a call) is repeated for each choice made in it; what comes out the same is
known, what differs is unknown and says which condition it hangs on. Where one answer leaves the
region another way than the other (`return`, `break`, an exception), the region around it is
repeated instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from cogfal.reading.journal import ALIKE, CONTAINERS, Journal, Place, same
from cogfal.reading.outcomes import Found, Frame, Guard, Left, Outcome, Restart
from cogfal.reading.unknown import (
    ABSENT,
    GivenUp,
    Possible,
    Unknown,
    UnknownError,
    Value,
    contained,
)

MAX_ANSWERS: Final = 64
"""How often one region is repeated."""


class Choices:
    """The choices of one reading."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._frame: Frame | None = None
        self._outermost = 0
        self.epoch = 0
        """Counts the regions around which there is no other."""
        self._unjoined: set[Hashable] = set()
        self._guards: list[Guard] = []
        self._unwound: list[Place] = []
        """Names that an exception unbinds on its way out."""
        self.changes = 0
        """How many places have become unknown by joining."""
        self.grown = 0
        """How many unknown values have become such that more is reached through them."""
        self.tainted: dict[int, tuple[Value, Unknown]] = {}
        """By id: values whose contents are no longer known, and why."""

    @property
    def guarded(self) -> bool:
        """Whether a `try` or `with` around the present statement may catch an exception."""
        return bool(self._guards)

    @contextmanager
    def guard(self, catching: bool, *, at_once: bool = False) -> Iterator[None]:
        """Let unknown code raise inside where the author's code may catch it.

        That is one choice, made when the inside is done: the exception comes from any of the
        places that it may come from. `at_once` makes it a choice at each of them.
        """
        if not catching:
            yield
            return
        guard, frame = Guard(len(self._journal), len(self._unwound), at_once), self._frame
        if frame is not None:
            frame.guards += 1
            guard.place = frame.place()
            noted = frame.remembered.get(guard.place)
            if noted is not None and frame.prescribed[len(frame.given) :][:1] == [1]:
                self._raise_instead(replace(noted, start=guard.start))
        self._guards.append(guard)
        try:
            try:
                yield
            finally:
                self._guards.remove(guard)
        except (Left, Exception):
            self._raise_instead(guard)
            raise
        self._raise_instead(guard)

    def raising(self, why: Unknown) -> int:
        """Note that unknown code may raise here, and return how much there was to note."""
        if not self._guards:
            return 0
        guard = self._guards[-1]
        if guard.at_once:
            if self.decide(why):
                raise UnknownError(why)
            return 0
        raised = self._raised(guard)
        guard.note(why, raised)
        return len(raised)

    def _raised(self, guard: Guard) -> Found:
        """Return what an exception that is raised here leaves behind for a guard."""
        unwound = {place.id: (place, ABSENT) for place in self._unwound[guard.unwound :]}
        return self._journal.segment(guard.start) | unwound

    def _raise_instead(self, guard: Guard) -> None:
        """Leave by one of the exceptions that were noted, if that is the answer."""
        why, frame = guard.why, self._frame
        if why is None:
            return
        guard.moved = guard.moved or self._journal.moved(guard.start)
        if frame is not None and guard.place[1:] == frame.place()[1:]:
            frame.remembered[guard.place] = guard
        if not self.decide(why):
            return
        self._undo(guard.start, why)
        self._leave(guard.raised, why)
        for iterator in guard.moved:
            self.taint(iterator, why)
        raise UnknownError(why)

    @contextmanager
    def bound(
        self, names: MutableMapping[Any, Value], name: Any, value: Value, *, briefly: bool = False
    ) -> Iterator[None]:
        """Bind a name that an exception from inside unbinds; `briefly`, whatever happens inside."""
        self._journal.bind(names, name, value)
        self._unwound.append(Place("name", names, name))
        unbinding = briefly
        try:
            yield
        except Exception:
            unbinding = True
            raise
        finally:
            self._unwound.pop()
            if unbinding and name in names:
                self._journal.unbind(names, name)

    def repeatable(self, harmless: Callable[[Place], bool]) -> bool:
        """Whether what comes now is the same under every answer that was given so far."""
        places = self._journal.changed(self._outermost).values()
        return all(harmless(place) for place, _ in places)

    @property
    def answered(self) -> int:
        """How many choices have been made, or are still to be made, around this statement."""
        given = 0 if self._frame is None else len(self._frame.given)
        return given + sum(len(guard.raised) for guard in self._guards)

    def forget(self) -> None:
        """Forget the changes that nothing around can undo any more."""
        if self._frame is None:
            self._journal.clear()

    def decide(self, why: Unknown, among: int = 2) -> int:
        """Return one of the answers to an unknown question; the others follow.

        Raises:
            GivenUp: Nothing around can be repeated.
        """
        frame = self._frame
        if frame is None:
            raise GivenUp(why)
        place = len(frame.given)
        answer = frame.prescribed[place] if place < len(frame.prescribed) else 0
        frame.given.append((answer, among, why))
        return answer

    def region(self, key: Hashable, work: Callable[[], Value]) -> Value:
        """Return what `work` returns under every answer, having left what it leaves.

        Raises:
            Left: It leaves so under every answer.
            GivenUp: There are too many answers, or they cannot be joined.
        """
        if key in self._unjoined and self._frame is not None:
            return work()
        outcomes: list[Outcome] = []
        try:
            return self._repeated(key, work, outcomes)
        except GivenUp:
            # What they changed is spoilt where this is caught, so it must stand there again.
            for place, value in (each for o in outcomes for each in o.found.values()):
                self._journal.put(place, value)
            raise

    def _repeated(self, key: Hashable, work: Callable[[], Value], outcomes: list[Outcome]) -> Value:
        start, answers = len(self._journal), list[int]()
        why: Unknown | None = None
        remembered: dict[tuple[int, ...], Guard] = {}
        while True:
            frame, left, value = Frame(answers, remembered), None, None
            outer, self._frame = self._frame, frame
            if outer is None and not outcomes:
                self._outermost, self.epoch = start, self.epoch + 1
            try:
                value = work()
            except (Left, Exception) as error:
                left = error
            except Restart:
                self._undo(start, frame.given[0][2] if frame.given else None)
                outcomes.clear()
                answers, remembered = [], {}
                continue
            finally:
                self._frame = outer
            if not frame.given and not outcomes:
                if left is not None:
                    raise left
                return value
            why = frame.given[0][2] if why is None else why
            outcomes.append(Outcome(left, value, self._journal.segment(start)))
            if isinstance(left, UnknownError) and self._guards and not self._guards[-1].at_once:
                outcomes[-1].raised = self._raised(self._guards[-1])
            following = frame.next()
            if len(outcomes) >= MAX_ANSWERS and following is not None:
                raise GivenUp(_depending(why, "too many answers are possible"))
            self._undo(start, why)
            if following is None:
                return self._join(key, outcomes, why)
            answers = following

    def _undo(self, start: int, why: Unknown | None) -> None:
        if not self._journal.undo(start):
            why = Unknown("") if why is None else why
            raise GivenUp(_depending(why, "an iterator is moved under an unknown condition"))

    def _join(self, key: Hashable, outcomes: list[Outcome], why: Unknown) -> Value:
        alive = outcomes
        if not self.guarded:
            # What raises outside of every `try` never becomes an app.
            alive = [o for o in outcomes if o.kind() != "raise"] or outcomes[:1]
        elsewhere = [o for o in alive if o.raised is None]
        if elsewhere and len({outcome.kind() for outcome in elsewhere}) == 1:
            self._note(alive)
            alive = elsewhere
        kinds = {outcome.kind() for outcome in alive}
        if len(kinds) > 1 or (kinds == {"raise"} and len(alive) > 1):
            self._unjoined.add(key)
            if self._frame is None:
                raise GivenUp(why)
            raise Restart
        self._leave(alive, why)
        value = self._either([outcome.value for outcome in alive], why)
        left = alive[0].left
        if isinstance(left, Left):
            kept = [o.left.value for o in alive if isinstance(o.left, Left)]
            raise Left(left.how, self._either(kept, why))
        if left is not None:
            raise left
        return value

    def _note(self, outcomes: list[Outcome]) -> None:
        """Let the guard around take exceptions of unknown code as it takes all others of them."""
        for each in outcomes:
            if each.raised is not None and isinstance(each.left, UnknownError):
                self._guards[-1].note(each.left.unknown, each.raised)

    def _either(self, values: list[Value], why: Unknown) -> Value:
        if all(same(values[0], value) for value in values[1:]):
            return values[0]
        return _possible(why, values)

    def _leave(self, outcomes: list[Outcome], why: Unknown) -> None:
        """Leave behind what the outcomes share."""
        places = {i: place for outcome in outcomes for i, (place, _) in outcome.found.items()}
        held = [(place, place.value()) for place in places.values()]
        for names in {
            id(p.owner): p.owner
            for p, _ in held
            if p.kind == "name" and hasattr(p.owner, "_member_names")
        }.values():
            orders = [[p.key for p, _ in o.found.values() if p.owner is names] for o in outcomes]
            if any(order != orders[0] for order in orders):
                vars(names)["_cogfal_disordered"] = why
        told = [(p, b, [o.found.get(p.id, (p, b))[1] for o in outcomes]) for p, b in held]
        # The order of attributes comes after the attributes.
        for place, before, values in sorted(told, key=lambda each: each[0].kind == "order"):
            if place.kind == "contents":
                self._fill(place, before, values, why)
            elif place.kind == "order":
                if all(value == values[0] for value in values):
                    self._journal.put(place, values[0])
                else:
                    self.taint(place.owner, why)
            elif place.owner is self.tainted:
                self._spread(place.key, [v for v in values if v is not ABSENT])
            elif place.kind == "attribute" or not hasattr(place.owner, "_cogfal_finished"):
                # That is the body of an Enum, which nothing asks for once it is a class.
                value = self._noted(before, values, why)
                if value is not ABSENT or before is not ABSENT:
                    self._journal.put(place, value)

    def _noted(self, before: Value, values: list[Value], why: Unknown) -> Value:
        value = self._either(values, why)
        if isinstance(value, Unknown):
            if isinstance(before, Unknown):
                self.grown += len(value.about) > len(before.about)
            else:
                self.changes += 1
        return value

    def _spread(self, key: int, values: list[tuple[Value, Unknown]]) -> None:
        """Make the contents of a value unknown that some answers make unknown."""
        _, before = self.tainted.get(key, (None, None))
        for value, why in values:
            self.taint(value, why, why.about)
        self.changes += before is None
        self.grown += before is not None and len(self.tainted[key][1].about) > len(before.about)

    def _fill(self, place: Place, before: Value, values: list[Value], why: Unknown) -> None:
        joined = self._contents(before, values, why)
        if joined is None:
            self.changes += id(place.owner) not in self.tainted
            self.taint(place.owner, why, chain.from_iterable(map(contained, values)))
        elif isinstance(place.owner, CONTAINERS):
            self._journal.put(place, joined)

    def _contents(self, before: Value, values: list[Value], why: Unknown) -> Value:
        """Return what a container holds under every answer, None where not even its keys agree."""
        if isinstance(before, set):
            several = [{*map(_distinct, value)} for value in values]
            return values[0] if all(each == several[0] for each in several) else None
        mapping = isinstance(before, dict)
        there, first, *others = (v if mapping else dict(enumerate(v)) for v in (before, *values))
        if any(len(each) != len(first) or not all(map(same, each, first)) for each in others):
            return None
        joined = {
            key: self._noted(there.get(key), [value, *(each[key] for each in others)], why)
            for key, value in first.items()
        }
        return joined if mapping else list(joined.values())

    def spoil(self, start: int, why: Unknown) -> None:
        """Make unknown whatever was changed by what is given up."""
        for place, earlier in self._journal.changed(start).values():
            held = [*earlier, place.value()]
            if place.kind in ("contents", "order"):
                self.taint(place.owner, why, chain.from_iterable(map(contained, held)))
            elif place.kind == "attribute":
                if any(value is not ABSENT for value in held):  # else it could not be set
                    self._journal.put(place, why)
            elif type(place.owner) is dict and place.owner is not self.tainted:
                # The names of an Enum's body are not bound twice; those of its class are settled.
                if not str(place.key).startswith("__"):
                    self._journal.bind(place.owner, place.key, _possible(why, [why, *held]))

    def taint(self, value: Value, why: Unknown, held: Iterable[Value] = ()) -> None:
        """Make the contents of a value unknown; `held` are some that it may have."""
        _, known = self.tainted.get(id(value), (value, None))
        kept = {id(value), *map(id, () if known is None else known.about)}
        more = {
            place: each
            for each in held
            if (place := id(each)) not in kept and type(each) not in ALIKE
        }
        if known is None or more:
            reason = why.holding(()) if known is None else known
            reason = reason.holding((*reason.about, *more.values()))
            self._journal.bind(self.tainted, id(value), (value, reason))


def _distinct(value: Value) -> Value:
    """Return what only values have in common that cannot be told apart."""
    return (type(value), repr(value)) if type(value) in ALIKE else id(value)


def _possible(why: Unknown, values: list[Value]) -> Possible:
    there = [value for value in values if value is not ABSENT]
    return Possible.of(why, there, absent=len(there) < len(values))


def _depending(why: Unknown, reason: str) -> Unknown:
    return Unknown(reason, why.node, why.module)
