"""The author's side: bring the predictor up, call it, ask for its health, take it down.

One implementation for both modes. What is ordered here returns at once and may come from any one
thread; what happens is told as events (see `events`), on whichever thread it happens.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from cogfal.cog.exceptions import CancelationException
from cogfal.cog.server.scope import CURRENT, Scope
from cogfal.cog.server.scope import STARTER as STARTING_SCOPE
from cogfal.guest.arguments import Arguments
from cogfal.guest.async_call import AsyncCall
from cogfal.guest.call import CallSite, SyncCall
from cogfal.guest.capture import STARTER, Capture
from cogfal.guest.encoding import encode
from cogfal.guest.events import ENDED, RAISED, RETURNED, CallEvents, Done, Failure, Piece
from cogfal.guest.faults import Mismatch, SetupFailed, fault_of, summary
from cogfal.guest.inheriting import LEASH, Leash, lend
from cogfal.guest.interruption import Interruption
from cogfal.guest.loading import adopt, enter_project, import_object
from cogfal.guest.thread import AuthorThread
from cogfal.guest.tracing import AuthorTracing
from cogfal.guest.verification import verify

if TYPE_CHECKING:
    from cogfal.guest.call import Encode
    from cogfal.spec import PredictorSpec


def _nothing() -> None:
    """Do nothing."""


def _nothing_of(_result: Any) -> None:
    """Take what an order returned, which nobody wants."""


def _failure_of(error: BaseException) -> Failure:
    """Describe why the predictor cannot be brought up."""
    if isinstance(error, SetupFailed):
        fault = fault_of(error.__cause__ or error)
        return Failure(error.text, error.remedy, isinstance(error, Mismatch), fault)
    return Failure(f"setup failed: {summary(error)}", fault=fault_of(error))


def _close_all(kept: list[Any]) -> None:
    """Close what a call had open; the author's own file objects may raise anything."""
    while kept:
        try:
            kept.pop().close()
        except Exception as error:
            sys.stderr.write(f"cogfal: something of a prediction stays: {summary(error)}\n")


class Guest:
    """The author's code in this process.

    Args:
        emit: Takes the events.
        thread: Where the author's code runs; whoever makes the guest runs it.
        capture: Of this process's output, opened.
        interruption: How sync code is interrupted on that thread.
        leash: Ends the forks of the author's.
    """

    def __init__(
        self,
        emit: Callable[[Any], None],
        thread: AuthorThread,
        capture: Capture,
        interruption: type[Interruption],
        leash: Leash,
    ) -> None:
        self._emit = emit
        self._thread = thread
        self._capture = capture
        self._interruption = interruption
        self._leash = leash
        self._tracing = AuthorTracing()
        self._calls: dict[int, SyncCall | AsyncCall] = {}
        self._limit = 0
        self._predictor: Any = None
        self._arguments: Any = None
        self._healthcheck: Healthcheck | None = None
        self._leave: Callable[[], None] = _nothing

    def load(
        self, number: int, spec: PredictorSpec, root: str, log_limit: int, given: Any = None
    ) -> None:
        """Import the predictor, or adopt the one that is given; done with the form of weights."""
        self._spec = spec
        self._limit = log_limit
        stop_watching = self._interruption.watch_ignored()
        leave_project = enter_project(spec.path, root)

        def leave() -> None:
            leave_project()
            stop_watching()

        self._leave = leave
        self._order(number, partial(self._load, root, given), self._loaded, encode=str)

    def setup(self, number: int, weights: str | None) -> None:
        """Run the author's `setup`; `weights` is a path, or a URL as text."""
        self._order(number, partial(self._setup, weights), self._ready)

    def start(
        self, call: int, values: Mapping[str, Any], context: Mapping[str, str], workspace: str
    ) -> None:
        """Begin a prediction, which goes on until it rests; `workspace` is its own directory."""
        kept: list[Any] = []
        predictor, arguments = self._predictor, self._arguments

        def function() -> Any:
            return predictor.method(**arguments.build(values, kept.append, workspace))

        started = self._call(
            call,
            function,
            context,
            encode=lambda result, do: encode(result, self._spec.output, workspace, kept.append, do),
            end=partial(_close_all, kept),
            cancellation=predictor.cancellation,
        )
        started.advance()

    def advance(self, call: int) -> None:
        """Let a prediction go on from where it rests."""
        if call in self._calls:
            self._calls[call].advance()

    def cancel(self, call: int) -> None:
        """Interrupt a prediction, or an order that is no call."""
        if call in self._calls:
            self._calls[call].cancel()

    def note_cancelled(self, call: int) -> None:
        """Interrupt sync code, as the handler of the signal; for the rest `cancel` follows."""
        running = self._calls.get(call)
        if isinstance(running, SyncCall):
            running.note_cancelled()

    def close(self, call: int) -> None:
        """End a prediction where it rests, or will rest next."""
        running = self._calls.get(call)
        if running is not None:
            running.close()
        else:  # it has come to its end meanwhile
            self._emit(Piece(call, ENDED, closes=True))

    def check(self, number: int, seconds: float) -> None:
        """Ask the author's `healthcheck`; done with why the predictor is not well."""
        if self._healthcheck is None:
            self._emit(Done(number))
        else:
            self._healthcheck.ask(seconds, lambda reason: self._emit(Done(number, reason)))

    def teardown(self, number: int) -> None:
        """Run the author's `teardown`, where there is one, and send the last of its spans."""
        self._order(number, self._teardown, end=self._tracing.stop)

    def leave(self) -> None:
        """Restore what the project changed in this process."""
        leave, self._leave = self._leave, _nothing
        leave()

    def _load(self, root: str, given: Any) -> str:
        self._tracing.start(root)
        target = given
        if given is None:
            target = import_object(self._spec.path, self._spec.name, root)
            verify(self._spec, target)
        predictor = self._predictor = adopt(self._spec, target)
        self._arguments = Arguments(self._spec, predictor.method)
        if predictor.healthcheck is not None:
            self._healthcheck = Healthcheck(self._check, self._thread)
        return predictor.weights

    def _check(self) -> Any:
        self._leash.hold()  # the thread is the check's alone
        return self._predictor.healthcheck()

    def _loaded(self) -> None:
        """Give an async `setup` the loop that runs for good; a sync one finds one that rests."""
        if self._spec.shape.asynchronous:
            self._thread.loop  # noqa: B018  # it comes into being
            if self._spec.setup is not None and self._spec.setup.asynchronous:
                self._thread.begin_looping()

    def _setup(self, weights: str | None) -> Any:
        return self._predictor.bind_setup(weights)()

    def _teardown(self) -> Any:
        return (self._predictor.teardown or _nothing)()

    def _ready(self) -> None:
        if self._spec.shape.asynchronous:
            self._thread.begin_looping()

    def _order(
        self,
        number: int,
        function: Callable[[], Any],
        then: Callable[[], None] = _nothing,
        encode: Callable[[Any], Any] = _nothing_of,
        end: Callable[[], None] = _nothing,
    ) -> None:
        """Call something of the author's that is no prediction; done with what it returned.

        `then` is called only where it returned, `end` in any case.
        """

        def tell(event: Any) -> None:
            if isinstance(event, Piece):
                if event.kind == RETURNED:
                    then()
                event = self._done(event)
            self._emit(event)

        self._call(
            number,
            function,
            {},
            encode=lambda result, _do: encode(result),
            describe=_failure_of,
            end=end,
            tell=tell,
        ).advance()

    def _done(self, piece: Piece) -> Done:
        if piece.kind == RETURNED:
            return Done(piece.call, piece.value)
        if piece.kind == RAISED:
            return Done(piece.call, failure=piece.value)
        what = f"{self._spec.ref}: setup() is a generator"
        return Done(piece.call, failure=Failure(what, "make it a function"))

    def _call(
        self,
        number: int,
        function: Callable[[], Any],
        variables: Mapping[str, str],
        *,
        encode: Encode,
        describe: Callable[[BaseException], Any] = fault_of,
        end: Callable[[], None] = _nothing,
        cancellation: type[BaseException] = CancelationException,
        tell: Callable[[Any], None] | None = None,
    ) -> SyncCall | AsyncCall:
        events = CallEvents(number, tell or self._emit, self._limit, self._calls)
        scope = Scope(variables, events.metric)
        context = self._context(events, scope, variables, lends=tell is None)

        def retire() -> None:
            try:
                self._capture.outlets.drain()
            finally:
                end()

        site = CallSite(
            self._thread,
            context,
            scope,
            events,
            self._spec.output,
            encode,
            describe,
            retire,
            partial(self._interruption, cancellation),
            cancellation,
        )
        # Known before it begins: a cancellation that comes at once finds it.
        made = AsyncCall if self._thread.looping else SyncCall
        call = self._calls[number] = made(site, function)
        return call

    def _context(
        self, events: CallEvents, scope: Scope, variables: Mapping[str, str], *, lends: bool
    ) -> Context:
        """Make the context of a call: whatever is printed and started there is the call's.

        Where it `lends`, its threads and jobs are the call's, too; those of `setup` serve all.
        """
        # Before the author's code begins: its first line and its first thread are this call's.
        context = copy_context()
        self._capture.begin(events, context)
        context.run(CURRENT.set, scope)
        if lends:
            mine = (LEASH, self._leash), (STARTER, events), (STARTING_SCOPE, scope)
            context.run(lend, *mine)
            if self._tracing.started:
                self._tracing.enter(context, variables)
        else:
            context.run(self._leash.hold)
        return context


class Healthcheck:
    """The author's `healthcheck`, asked beside predictions and one at a time.

    A coroutine runs on the predictor's loop where that is running. A check that takes too long
    counts as unhealthy; while it goes on no other is begun, so that none piles up.

    Args:
        function: The author's.
        thread: The predictor's.
    """

    def __init__(self, function: Callable[[], Any], thread: AuthorThread) -> None:
        self._function = function
        self._thread = thread
        self._over = threading.Event()
        self._over.set()

    def ask(self, seconds: float, answer: Callable[[str | None], None]) -> None:
        """Have `answer` told once why the predictor is not well, or None; from any thread.

        It is told after so many seconds at the latest.
        """
        late = f"Healthcheck failed: user-defined healthcheck timed out after {seconds:.1f} seconds"
        if not self._over.is_set():
            answer(late)
            return
        over = threading.Event()
        once = _Once(answer)
        timer = threading.Timer(seconds, once, (late,))
        timer.daemon = True
        timer.name = "cogfal-healthcheck-limit"

        def ask() -> None:
            reason = self._ask(seconds)
            over.set()  # before it is told: who hears it may ask again at once
            once(reason)
            timer.cancel()

        timer.start()
        threading.Thread(target=ask, name="cogfal-healthcheck", daemon=True).start()
        self._over = over

    def _ask(self, seconds: float) -> str | None:
        try:
            well = self._function()
            if isawaitable(well):
                well = self._complete(well, seconds)
        except BaseException as error:  # SystemExit and its like say no more than other exceptions
            return f"Healthcheck failed: {summary(error)}"
        return None if well else "Healthcheck failed: user-defined healthcheck returned False"

    def _complete(self, awaitable: Any, seconds: float) -> Any:
        import asyncio  # noqa: PLC0415  # only what is asynchronous pays for it

        async def complete() -> Any:
            return await asyncio.wait_for(awaitable, seconds)

        if self._thread.looping:
            return asyncio.run_coroutine_threadsafe(complete(), self._thread.loop).result()
        return asyncio.run(complete())


class _Once:
    """Passes the first answer on."""

    def __init__(self, answer: Callable[[str | None], None]) -> None:
        self._answer: Callable[[str | None], None] | None = answer
        self._lock = threading.Lock()

    def __call__(self, reason: str | None) -> None:
        with self._lock:
            answer, self._answer = self._answer, None
        if answer is not None:
            answer(reason)
