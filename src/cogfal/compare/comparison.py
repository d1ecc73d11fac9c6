"""Find the two models, run the same cases on both, and judge the answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from cogfal.compare.cases import wrong_inputs
from cogfal.compare.endpoints import Answer, ModelEndpoint, Outcome
from cogfal.compare.measures import Difference, measure, tolerated
from cogfal.compare.recording import RecordedEndpoint, is_recording, open_recording
from cogfal.compare.servers import open_app, open_directory, open_replicate, open_server
from cogfal.compare.signatures import Change, Verdict, compare_signatures, verdict_of
from cogfal.errors import ProjectError
from cogfal.examples import Example
from cogfal.nested import Loc


@dataclass(frozen=True)
class CaseResult:
    """What both models made of one case: A's answers, and B's.

    `differences` are larger than the tolerance and than the `spread` of A's answers.
    """

    example: Example
    before: Sequence[Answer]
    after: Answer
    differences: Sequence[Difference]
    spread: float = 0.0

    @property
    def same(self) -> bool:
        """Whether B answers as A does."""
        return not self.differences


@dataclass(frozen=True)
class Behaviour:
    """What both sides do with something that is no case: a wrong input, a cancellation."""

    what: str
    before: str
    after: str
    same: bool = True


@dataclass
class Comparison:
    """Everything that was found out."""

    before: str
    after: str
    changes: list[Change]
    cases: list[CaseResult] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """What the change of signature does to callers."""
        return verdict_of(self.changes)

    @property
    def same(self) -> bool:
        """Whether every answer and behaviour is the same."""
        return all(case.same for case in self.cases) and all(b.same for b in self.behaviours)


class Pair(NamedTuple):
    """Both models, brought up; both are one where it is only recorded."""

    before: ModelEndpoint
    after: ModelEndpoint

    @property
    def alone(self) -> bool:
        """Whether there is nothing to compare with."""
        return self.before is self.after

    @property
    def live(self) -> bool:
        """Whether there are two models that run: a recording refuses and cancels nothing."""
        return not self.alone and not any(isinstance(each, RecordedEndpoint) for each in self)

    def wrong_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Example]:
        """Return what both must refuse: `inputs` with one thing wrong in each."""
        return wrong_inputs(self.before.signature, inputs) if self.live else ()

    def compare_signatures(self) -> Comparison:
        """Compare the signatures alone."""
        before, after = (each.label for each in self)
        if before == after and not self.alone:
            before, after = f"{before} (A)", f"{after} (B)"
        changes = compare_signatures(self.before.signature, self.after.signature)
        return Comparison(before, after, changes)


@asynccontextmanager
async def open_pair(before: str, after: str | None, seconds: float) -> AsyncIterator[Pair]:
    """Bring up both models, one after the other; without B, A is both.

    Raises:
        ProjectError: A word names no model; nothing is brought up then.
        EndpointUnreachable: One of them does not answer.
        NoSignature: One of them does not say what it takes.
    """
    first = open_endpoint(before, seconds)
    second = None if after is None else open_endpoint(after, seconds)
    async with first as one:
        if second is None:
            yield Pair(one, one)
        else:
            async with second as other:
                yield Pair(one, other)


def open_endpoint(word: str, seconds: float) -> AbstractAsyncContextManager[ModelEndpoint]:
    """Return what brings up the model that a word names; each call has so many seconds.

    It is the URL of a Cog server or an app, `app:owner/name` on fal, `replicate:owner/name` with
    or without `:version`, a recording's folder, or a project's directory.

    Raises:
        ProjectError: It is none of these.
    """
    kind, colon, rest = word.partition(":")
    if rest.startswith("//") and kind in ("http", "https"):
        return open_server(word, seconds)
    if colon and kind in ("app", "replicate"):
        model, _, version = rest.partition(":")
        if model.count("/") != 1 or not all(_is_name(part) for part in model.split("/")):
            raise ProjectError(
                f"{rest!r} is no OWNER/NAME", where=kind, remedy=f"write {kind}:OWNER/NAME"
            )
        return open_app(rest, seconds) if kind == "app" else open_replicate(model, version, seconds)
    folder = Path(word)
    if not folder.is_dir():
        raise ProjectError(
            "there is no such directory",
            where=word,
            remedy="name a directory, a URL, app:OWNER/NAME, or replicate:OWNER/NAME[:VERSION]",
        )
    return open_recording(folder) if is_recording(folder) else open_directory(folder, seconds)


def _is_name(part: str) -> bool:
    return bool(part) and all(each.isalnum() or each in "-_." for each in part) and part != ".."


async def compare(
    pair: Pair,
    examples: Sequence[Example],
    wrong: Sequence[Example] = (),
    *,
    folder: Path,
    runs: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Run every case on both models and judge the answers.

    Both must refuse the `wrong` cases. A answers each case several times, where `runs` says so: how
    far it is from itself is nothing to blame B for. Files of answers and pictures of differences go
    into `folder`.
    """
    result = pair.compare_signatures()
    for case in examples:
        tell(case.name)
        answers = [await pair.before.run(case.input, folder) for _ in range(runs)]
        after = answers[0] if pair.alone else await pair.after.run(case.input, folder)
        judged = await anyio.to_thread.run_sync(judge, case, answers, after, folder)
        result.cases.append(judged)
    for case in wrong:
        tell(case.name)
        before, after = [await each.run(case.input, folder) for each in pair]
        same = before.outcome is after.outcome
        result.behaviours.append(
            Behaviour(case.name, _outcome_text(before), _outcome_text(after), same)
        )
    if examples and pair.live:
        tell("cancellation")
        ended, other = [await each.cancel(examples[0].input, folder) for each in pair]
        if ended and other:  # a prediction that is quick may end first, so nothing is judged
            told = ended.outcome.value, other.outcome.value
            result.behaviours.append(Behaviour("cancelled at once", *told))
    return result


def calls(pair: Pair, cases: int, wrong: int, runs: int) -> Mapping[str, int]:
    """Return how many calls each paid model gets; one that is only recorded is A alone."""
    counts = Counter({pair.before.label: cases * runs + wrong} if pair.before.paid else {})
    if pair.after.paid and not pair.alone:
        counts[pair.after.label] += cases + wrong
    return counts


def judge(example: Example, before: Sequence[Answer], after: Answer, folder: Path) -> CaseResult:
    """Judge B's answer by A's first, and by how far A's others are from that."""
    first = before[0]
    trouble = _not_comparable(first, after)
    if trouble is not None:
        return CaseResult(example, before, after, [trouble])
    spread: dict[Loc, float] = {}
    for other in before[1:]:
        for each in measure(first.output, other.output, folder):
            spread[each.loc] = max(spread.get(each.loc, 0.0), each.distance)
    differences = [
        each
        for each in measure(first.output, after.output, folder)
        if each.distance > max(tolerated(each.loc, example.tolerance), spread.get(each.loc, 0.0))
    ]
    return CaseResult(example, before, after, differences, max(spread.values(), default=0.0))


def _not_comparable(before: Answer, after: Answer) -> Difference | None:
    """Return why the outputs need not be looked at; None where both succeeded."""
    if before.outcome is not after.outcome:
        what = f"{_outcome_text(before)} became {_outcome_text(after)}"
    elif before.outcome is Outcome.UNREACHABLE:
        what = f"neither answers: {before.error}"
    elif before.outcome is not Outcome.SUCCEEDED and before.error != after.error:
        what = f"the error {before.error!r} became {after.error!r}"
    else:
        return None
    return Difference((), math.inf, what)


def _outcome_text(answer: Answer) -> str:
    return f"{answer.outcome.value} ({answer.error})" if answer.error else answer.outcome.value
