"""Author's code that does what it should not: its prediction suffers, the next one does not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from cogfal.engine.lifecycle import HealthStatus
from cogfal.engine.prediction import Status
from cogfal.errors import OutputError
from cogfal.guest.faults import LONGEST_TEXT
from cogfal.json_text import written
from cogfal.settings import EngineSettings
from tests.engine.stage import Door, ended, gathered, run, serving, submit, until
from tests.engine.test_kills import guest_of
from tests.modes import DIAGONAL, interpreter_of

SYNC = """
import builtins, ctypes, io, os, signal, socket, sys, threading
from typing import Any, Iterator
from cog import BasePredictor, Path, current_scope

class Slow(Exception):
    threads = []

    def __str__(self):
        self.threads.append(threading.current_thread())
        return "x" * 50_000_000

class Told(io.BufferedReader):
    def fileno(self):
        print("it is read")
        return super().fileno()

class Predictor(BasePredictor):
    def setup(self):
        print("setting up")
        self.thread = threading.current_thread()
        self.let_go = threading.Event()
        self.others = []

    def teardown(self):
        for other in self.others:
            other.close()
        self.let_go.set()  # the stream is this process's, and others print to it after this test

    def predict(self, what: str) -> Any:
        return getattr(self, what)()

    def well(self):
        return "well"

    def metrics_without_a_number(self):
        for _ in range(3):
            self.record_metric("loss", float("nan"), mode="append")
            del current_scope().metrics["predict_time"]
        return "well"

    def metrics_beyond_json(self):
        deep = []
        for _ in range(200):
            deep = [deep]
        for value in (10**5000, deep, {"a": [-(10**5000)]}):
            try:
                self.record_metric("x", value)
            except TypeError:
                continue
            return f"{str(value)[:20]} was taken"
        self.record_metric("sum", 1e308)
        self.record_metric("sum", 1e308, mode="incr")
        self.record_metric("whole", 10**4000)
        self.record_metric("long", "x" * 50_000_000)
        self.record_metric("many", list(range(1_000_000)))
        return "well"

    def long_key(self):
        return {"k" * 10_000_000: float("nan")}

    def long_path(self):
        return Path("/".join(["a"] * 200_000))

    def long_path_with_nul(self):
        return Path("\\0" + "a" * 10_000_000)

    def long_reason(self):
        class Broken(io.BytesIO):
            def read(self, *_):
                raise ValueError("z" * 10_000_000)
        return Broken()

    def too_many_files(self):
        return [Path("predict.py")] * 20_000

    def forks(self):
        statuses = []
        for way in ("return", "raise", "exit"):
            child = os.fork()
            if child:
                statuses.append(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
            elif way == "raise":
                raise ValueError("in a fork")
            elif way == "exit":
                sys.exit(3)
            else:
                return "from a fork"
        return statuses

    def forks_in_pieces(self):
        child = os.fork()
        yield [child]
        yield [os.WEXITSTATUS(os.waitpid(child, 0)[1])] if child else ["from a fork"]

    def rings_for_ever(self):
        def ring(*_):
            raise RuntimeError("it rings")

        builtins.print = None
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # another thread gets it
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        return "well"

    def breaks_the_wire(self):
        import cogfal.guest.server
        cogfal.guest.server.message_of = None
        print("nobody hears of this")
        threading.Event().wait()

    def many_metrics(self):
        for number in range(20_000):
            self.record_metric("loss", number, mode="append")
        return "well"

    def endless_metrics(self):
        print("running")
        while True:
            self.record_metric("loss", 1.0)

    def endless_pieces(self) -> Iterator[str]:
        while True:
            yield "x" * 4000

    def open_pipe(self):
        end, other = os.pipe()
        self.others.append(os.fdopen(other, "wb"))
        return Told(open(end, "rb", buffering=0))

    def open_text(self):
        return io.TextIOWrapper(self.open_pipe())

    def open_socket(self):
        end, other = socket.socketpair()
        self.others.append(other)
        other.sendall(b"not all of it")
        with end:
            return Told(end.makefile("rb", buffering=0))

    def long_text(self):
        raise Slow

    def who_asked_for_the_text(self):
        return [len(Slow.threads) > 0, all(each is self.thread for each in Slow.threads)]

    def locked_stream(self):
        c = ctypes.CDLL(None)
        stream = ctypes.c_void_p.in_dll(c, "stdout")

        def hold():
            c.flockfile(stream)
            self.let_go.wait()
            c.funlockfile(stream)

        threading.Thread(target=hold, daemon=True).start()
        while c.ftrylockfile(stream) == 0:
            c.funlockfile(stream)
        return "well"

    def surrogate(self):
        sys.stderr.write("half \\ud800 a pair\\n")
        return "well"

    def surrogate_in_an_error(self):
        raise ValueError("half \\ud800 a pair")

    def breaks_json(self):
        import json
        json.dumps = json.loads = json.JSONEncoder = json.JSONDecoder = None
        return "well"

    def garbage(self):
        print("garbage")
        for name in os.listdir("/proc/self/fd"):
            try:
                with socket.socket(fileno=os.dup(int(name))) as found:
                    found.sendall(b"\\0\\0\\0\\4\\0\\0\\0\\0none")
            except OSError:
                continue
        threading.Event().wait()
"""


WELL = ("metrics_without_a_number", "many_metrics", "locked_stream", "surrogate")


def test_what_harms_nobody(tmp_path: Path, mode: str) -> None:
    """Each ends as it should, and the next prediction works."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            for what in WELL:
                prediction = await ended(submit(service, what=what))

                assert (prediction.error, prediction.output) == (None, "well"), what
                assert prediction.logs.encode().decode() == prediction.logs, what
                assert service.slots.taken == 0
            assert await submit(service, what="well").result() == "well"

    asyncio.run(main())


def test_an_exception_is_told_in_few_words_by_its_own_thread(tmp_path: Path, mode: str) -> None:
    """Its text is bounded, its methods run where its author's code runs, and UTF-8 can carry it."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            failed = await ended(submit(service, what="long_text"))
            odd = await ended(submit(service, what="surrogate_in_an_error"))

            assert failed.status is odd.status is Status.FAILED
            assert len(failed.error or "") < LONGEST_TEXT + 100
            assert len(failed.logs) < 200_000
            assert (odd.error or "").encode() == b"half \\ud800 a pair"
            assert await submit(service, what="who_asked_for_the_text").result() == [True, True]

    run(main)


def test_endless_metrics_can_be_cancelled(tmp_path: Path, mode: str) -> None:
    """The server keeps up with what it is told, and has time for everything else."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            prediction = submit(service, what="endless_metrics")
            await until(lambda: prediction.logs)
            await until(lambda: "loss" in prediction.metrics)
            assert (await service.health()).status is HealthStatus.BUSY

            prediction.cancel()

            assert (await ended(prediction)).status is Status.CANCELED

    run(main)


def test_metrics_are_what_json_can_say(tmp_path: Path, mode: str) -> None:
    """Others are refused where they are recorded, or not kept; everything else goes on."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            prediction = await ended(submit(service, what="metrics_beyond_json"))

            assert (prediction.error, prediction.output) == (None, "well")
            told = json.loads(written(prediction.metrics), parse_constant=pytest.fail)
            assert set(told) == {"predict_time", "sum", "whole"}
            assert told["sum"] == 1e308
            assert "too many metrics" in prediction.logs

    run(main)


@pytest.mark.parametrize(
    "what", ["long_key", "long_path", "long_path_with_nul", "long_reason", "too_many_files"]
)
def test_what_cannot_be_delivered_is_told_in_few_words(
    tmp_path: Path, mode: str, what: str
) -> None:
    """However long the key, the path or the reason is."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            prediction = await ended(submit(service, what=what))

            assert isinstance(prediction.exception, OutputError)
            assert len(str(prediction.exception)) < LONGEST_TEXT + 100
            assert await submit(service, what="well").result() == "well"

    run(main)


def test_a_fork_that_comes_back_ends(tmp_path: Path, mode: str) -> None:
    """With the status that a program of its own would have; its parent's is the result."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            forks = await ended(submit(service, what="forks"))
            pieces = await ended(submit(service, what="forks_in_pieces"))

            assert forks.output == [0, 1, 3], forks.error
            assert "ValueError: in a fork" in forks.logs
            assert pieces.output[1] == [0], pieces.error

    run(main)


def test_a_fork_of_a_coroutine_that_comes_back_ends(tmp_path: Path, mode: str) -> None:
    """As one of any other function."""
    source = """
    import os
    from cog import BasePredictor

    class Predictor(BasePredictor):
        async def predict(self) -> int:
            child = os.fork()
            return os.WEXITSTATUS(os.waitpid(child, 0)[1]) if child else 7
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            assert await submit(service).result() == 0

    run(main)


@pytest.mark.parametrize("mode", DIAGONAL, indirect=True)
def test_a_signal_handler_that_raises_between_two_calls_takes_none(
    tmp_path: Path, mode: str
) -> None:
    """Each comes to its end, well or not, in the same process; also where `print` is replaced."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            process = guest_of(service)
            assert await submit(service, what="rings_for_ever").result() == "well"
            for _ in range(5):
                await ended(submit(service, what="well"))
            assert guest_of(service) == process

    run(main)


@pytest.mark.parametrize("mode", DIAGONAL, indirect=True)
def test_a_process_that_can_tell_nothing_ends(tmp_path: Path, mode: str) -> None:
    """Its prediction fails, and the next one is served by another."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            failed = await ended(submit(service, what="breaks_the_wire"))

            assert failed.status is Status.FAILED
            assert await submit(service, what="well").result() == "well"

    run(main)


@pytest.mark.parametrize("what", ["open_pipe", "open_text", "open_socket"])
def test_a_file_without_an_end_can_be_cancelled(tmp_path: Path, mode: str, what: str) -> None:
    """What was returned is read as it comes, and the slot is free although nobody closes it."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            prediction = submit(service, what=what)
            await until(lambda: prediction.logs)

            prediction.cancel()

            assert (await ended(prediction)).status is Status.CANCELED
            assert await submit(service, what="well").result() == "well"

    run(main)


RETURNS_OR_YIELDS = """
import io, os
from typing import Any, AsyncIterator
from cog import BasePredictor, concurrent

class Predictor(BasePredictor):
    def setup(self):
        self.others = []

    @concurrent(max=2)
    async def predict(self, what: str) -> ANSWERS:
        if what == "well":
            ANSWER "well"
        elif what == "text":
            ANSWER io.StringIO("read to its end")
        else:
            print("running")
            ANSWER self.open_pipe() if what == "pipe" else open("/dev/zero", "rb")

    def open_pipe(self):
        end, other = os.pipe()
        self.others.append(other)
        return open(end, "rb")

    def teardown(self):
        for each in self.others:
            os.close(each)
"""
WAYS = {"return": "Any", "yield": "AsyncIterator[Any]"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["pipe", "device"])
def test_a_file_without_an_end_keeps_no_other_coroutine_waiting(
    tmp_path: Path, mode: str, what: str, way: str
) -> None:
    """The loop of an async predictor goes on, and a cancellation lands."""
    program = RETURNS_OR_YIELDS.replace("ANSWERS", WAYS[way]).replace("ANSWER", way)

    async def main() -> None:
        async with serving(tmp_path, program) as service:
            endless = submit(service, what=what)
            await until(lambda: endless.logs)

            assert "well" in await submit(service, what="well").result()
            assert not endless.status.terminal
            endless.cancel()
            assert (await ended(endless)).status is Status.CANCELED
            assert await submit(service, what="text").result()

    run(main)


def test_endless_pieces_end_at_a_limit(tmp_path: Path, mode: str) -> None:
    """A prediction that yields more than is kept fails with the name of the setting.

    Every piece for which there is room is told.
    """

    async def main() -> None:
        settings = EngineSettings(max_output_bytes=100_000)
        async with serving(tmp_path, SYNC, settings) as service:
            prediction = await ended(submit(service, what="endless_pieces"))

            assert prediction.status is Status.FAILED
            assert "max_output_bytes" in (prediction.error or "")
            assert prediction.output == ["x" * 4000] * 24
            assert await submit(service, what="well").result() == "well"

    run(main)


@pytest.mark.parametrize("mode", DIAGONAL, indirect=True)
def test_garbage_ends_the_process_and_nothing_else(tmp_path: Path, mode: str) -> None:
    """Whoever writes to cogfal's own socket fails its prediction with that reason."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            failed, waiting = submit(service, what="garbage"), submit(service, what="well")
            await gathered(failed.wait(), waiting.wait())

            assert "wrote to cogfal's own socket" in (failed.error or "")
            assert waiting.output == "well"
            report = (await service.health()).setup
            assert report is not None
            assert report.logs == "setting up\n"

    run(main)


@pytest.mark.parametrize("mode", DIAGONAL, indirect=True)
def test_a_broken_standard_library_silences_nobody(tmp_path: Path, mode: str) -> None:
    """What the author's code puts into the module `json` does not reach the wire."""

    async def main() -> None:
        async with serving(tmp_path, SYNC) as service:
            assert await submit(service, what="breaks_json").result() == "well"
            assert (await ended(submit(service, what="surrogate_in_an_error"))).error
            assert await submit(service, what="well").result() == "well"

    run(main)


@pytest.mark.parametrize("mode", DIAGONAL, indirect=True)
def test_a_death_while_another_downloads(tmp_path: Path, mode: str) -> None:
    """A prediction whose inputs arrive meanwhile is made by the process that comes next."""

    async def main() -> None:
        door = Door()
        async with serving(tmp_path, SYNC, materialiser=door) as service:
            prediction = submit(service, what="well")
            await door.reached.wait()
            pid = guest_of(service)
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            door.opened.set()
            await ended(prediction)
            if prediction.status is Status.FAILED:  # it had begun before the death was seen
                assert "killed by SIGKILL" in (prediction.error or "")

            assert await submit(service, what="well").result() == "well"

    run(main)


ASYNC = """
import asyncio
from cog import BasePredictor

class Predictor(BasePredictor):
    async def setup(self):
        pass

    async def predict(self, what: str) -> str:
        if what == "exit":
            asyncio.ensure_future(self.exit())
            await asyncio.sleep(0.01)
        elif what == "stop":
            asyncio.get_event_loop().stop()
        return "well"

    async def exit(self):
        raise SystemExit(3)
"""


@pytest.mark.parametrize("what", ["exit", "stop"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_loop_goes_on(tmp_path: Path, mode: str, what: str) -> None:
    """A task that raises SystemExit, and who stops the loop, stops no prediction after it."""

    async def main() -> None:
        async with serving(tmp_path, ASYNC) as service:
            for _ in range(2):
                assert await submit(service, what=what).result() == "well"
            assert await submit(service, what="well").result() == "well"
            assert (await service.health()).status is HealthStatus.READY

    run(main)


INDESCRIBABLE = """
import sys
from cog import BasePredictor

class HTTPException(Exception):
    __module__ = "fastapi.exceptions"

class Endless(HTTPException):
    status_code = float("inf")
    detail = ""

class FalError(Exception):
    retryable = True

class Exits(Exception):
    def __str__(self):
        sys.exit(3)

class Nameless(type):
    @property
    def __module__(cls):
        raise LookupError

class Hidden(Exception, metaclass=Nameless):
    pass

class Code:
    def __repr__(self):
        raise LookupError

class Predictor(BasePredictor):
    {kind} setup(self):
        pass

    {kind} predict(self, what: str) -> str:
        if what == "well":
            return what
        if what == "exit":
            sys.exit(Code())
        raise globals()[what]()
"""


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_cannot_be_described_ends_its_prediction(tmp_path: Path, mode: str, kind: str) -> None:
    """Whatever an exception does when it is asked what it is, the slot is free afterwards."""

    async def main() -> None:
        async with serving(tmp_path, INDESCRIBABLE.replace("{kind}", kind)) as service:
            for what in ("HTTPException", "Endless", "FalError", "Exits", "Hidden", "exit"):
                failed = await ended(submit(service, what=what))

                assert failed.status is Status.FAILED
                assert failed.error
                assert service.slots.taken == 0
            assert await submit(service, what="well").result() == "well"

    run(main)


CHECKED = """
import threading
from cog import BasePredictor

class Predictor(BasePredictor):
    def healthcheck(self):
        threading.Event().wait(2)

    def predict(self) -> str:
        return "well"
"""


def test_checks_that_take_too_long_do_not_pile_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one goes on no other is begun, and the answer is the same."""
    monkeypatch.setattr("cogfal.engine.lifecycle.HEALTHCHECK_TIMEOUT", 0.01)

    async def main() -> None:
        async with serving(tmp_path, CHECKED) as service:
            for _ in range(5):
                health = await service.health()
                assert health.status is HealthStatus.UNHEALTHY
                assert "timed out" in (health.error or "")
            names = [thread.name for thread in threading.enumerate()]
            assert names.count("cogfal-healthcheck") == 1
            await until(lambda: "cogfal-healthcheck" not in map(_name, threading.enumerate()))

    run(main)


def _name(thread: threading.Thread) -> str:
    return thread.name


LEAVING = """
import os, sys
from cog import BasePredictor

class Predictor(BasePredictor):
    def setup(self):
        os.environ["COGFAL_TEST_LEFT"] = "left"
        os.environ["PATH"] = "nowhere"
        sys.path.append("nowhere")
        os.chdir("/")

    def predict(self) -> str:
        return "well"

    def teardown(self):
        raise ValueError("no")
"""


def test_a_shutdown_restores_the_process(tmp_path: Path) -> None:
    """Whatever teardown does, the directory, variables, paths and hooks are those of before."""
    before = Path.cwd(), dict(os.environ), list(sys.path), sys.unraisablehook, sys.argv

    async def main() -> None:
        async with serving(tmp_path, LEAVING) as service:
            assert await submit(service).result() == "well"

    run(main)
    assert (Path.cwd(), dict(os.environ), list(sys.path), sys.unraisablehook, sys.argv) == before


def test_a_trainer_is_brought_up_by_its_first_training(tmp_path: Path) -> None:
    """Before that there is no process of its own; a setup that fails fails the training."""

    async def main() -> None:
        own = interpreter_of(DIAGONAL[0])
        async with serving(tmp_path, SYNC, interpreter=own, at_first_use=True) as service:
            assert guest_of(service) is None
            assert (await service.health()).status is HealthStatus.READY
            assert await submit(service, what="well").result() == "well"
            assert guest_of(service) is not None
        (tmp_path / "other").mkdir()
        broken = SYNC.replace('print("setting up")', "raise ValueError('no weights')")
        async with serving(tmp_path / "other", broken, interpreter=own, at_first_use=True) as other:
            failed = await ended(submit(other, what="well"))
            assert failed.error == "setup failed: ValueError: no weights"

    run(main)
