"""Every error that cogfal raises on its own account.

    CogfalError
      AdvisedError                the text says what to do
        ProjectError              the project on disk is wrong; raised when an App class is built
          ConfigError             cog.yaml
          PredictorError          the predictor's text
            UnresolvedExpression  an expression whose value the text does not tell
            UnsupportedSignature  readable, but with no counterpart on fal
          SettingError            an attribute of the App class
        SetupError                the predictor cannot be brought up on the runner
          PredictorMismatch       the imported predictor differs from what its text said
      RequestError                a caller's request cannot be served
        InvalidInput              the values do not fit the inputs
        FileInputError            a file input cannot be had
        NotReady                  setup has not finished, or has failed
        Busy                      every slot is taken and the queue is full
          AlreadyRunning          an id is taken
        UnknownPrediction         no such prediction is running
      PredictionError             a prediction ended without a result
        PredictorFailed           the author's code raised
          DeviceError             the accelerator is out of memory or broken
        OutputError               what the author's code returned cannot be delivered
        PredictionCancelled       somebody cancelled it
      CallFailed                  a call to a deployed app brought no result

Each says what happened, where, and what to do about it; each carries its parts as data.
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cogfal.spec import JSON, Location


class CogfalError(Exception):
    """Base of all errors raised by cogfal; each can be pickled, as fal does with a runner's."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # not in typeshed


class AdvisedError(CogfalError):
    """Base of the errors that say what to do.

    The text reads `where: what; remedy`. `where` is a `Location`, a file name, or None.
    """

    def __init__(
        self, what: str, *, where: Location | str | None = None, remedy: str | None = None
    ) -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where is not None else ""
        advice = f"; {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{advice}"


class ProjectError(AdvisedError):
    """Report a mistake in the project."""


class ConfigError(ProjectError):
    """Report a mistake in cog.yaml."""


class PredictorError(ProjectError):
    """Report a predictor that cannot be found or read."""


class UnresolvedExpression(PredictorError):
    """Report an expression whose value cannot be told from the text; `source` is the expression."""

    def __init__(
        self,
        what: str,
        *,
        source: str,
        where: Location | str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.source = source


class UnsupportedSignature(PredictorError):
    """Report a signature that can be read but not served."""


class SettingError(ProjectError):
    """Report a wrong attribute of an App class."""


class SetupError(AdvisedError):
    """Report a predictor that could not be brought up on the runner.

    `traceback` is that of the author's exception, empty where there was none.
    """

    traceback = ""


class PredictorMismatch(SetupError):
    """Report that the imported predictor is not the one its text described."""


class RequestError(CogfalError):
    """Base of the errors that are the caller's, or a matter of the moment."""


class Problem(NamedTuple):
    """One thing wrong with an input.

    `loc` is the path to the value below the request's inputs, such as `("images", 2)`; `type` is
    Pydantic's error type or one of fal's (`file_download_error`, `file_too_large`); `context` is
    fal's `ctx`. `value` is the offending value, None where it must not be shown.
    """

    loc: tuple[str | int, ...]
    message: str
    type: str
    context: dict[str, JSON] | None = None
    value: JSON = None

    def __str__(self) -> str:
        return ": ".join(filter(None, [".".join(map(str, self.loc)), self.message]))


class InvalidInput(RequestError):
    """Report values that do not fit the inputs; `problems` lists each, secrets already masked."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = (f"{'.'.join(map(str, p.loc)) or 'input'}: {p.message}" for p in self.problems)
        super().__init__("; ".join(lines))


class FileInputError(InvalidInput):
    """Report a file input that was acceptable but could not be had."""


class NotReady(RequestError):
    """Report that the predictor is not set up."""


class Busy(RequestError):
    """Report that every slot is taken and no more requests may wait."""


class AlreadyRunning(Busy):
    """Report that a prediction with the given id is running."""


class UnknownPrediction(RequestError):
    """Report that no running prediction has the given id."""


class PredictionError(CogfalError):
    """Base of the ways in which a prediction ends without a result."""


class FalAnswer(NamedTuple):
    """What an exception of the author's asks fal's endpoint to answer.

    With a `kind` of fal's catalogue, `detail` is a text about the value at `loc`, the path below
    the request's inputs, and `context` is fal's `ctx`. Without one, `detail` is the answer's own.
    None says that the exception leaves it open.
    """

    status: int
    detail: JSON
    kind: str | None = None
    loc: tuple[str | int, ...] = ()
    context: dict[str, JSON] | None = None
    retryable: bool | None = None
    billable_units: float | None = None
    headers: Mapping[str, str] | None = None


class PredictorFailed(PredictionError):
    """Report that the author's code raised; the text is its exception's.

    The cause is chained where the author's code is in this process. `fal` is what the exception
    asks fal's endpoint to answer, None where it was an ordinary one.
    """

    fal: FalAnswer | None = None


class DeviceError(PredictorFailed):
    """Report that the accelerator is out of memory or `broken`, so that the runner must go."""

    broken = False


class OutputError(PredictionError):
    """Report an output that cannot be delivered, naming it."""


class PredictionCancelled(PredictionError):
    """Report that a prediction was cancelled."""


class CallFailed(CogfalError):
    """Report a call to a deployed app that brought no result.

    `status` is the HTTP status it answered with, None where nothing answered; `problems` says what
    is wrong with which input where the app said so.
    """

    def __init__(
        self, message: str, *, status: int | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        self.status = status
        self.problems = tuple(problems)
        super().__init__(message)
