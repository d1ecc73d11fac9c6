"""What is printed, by whatever way, reaches the runner's log and the prediction it belongs to."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cogfal.engine.prediction import Log, Metric, Submission
from cogfal.settings import EngineSettings
from tests.engine.stage import Plain, ended, events_of, gathered, run, serving, submit, until

WAYS = {
    "print": ("print('said')", "said\n", ""),
    "print to stderr": ("print('said', file=sys.stderr)", "", "said\n"),
    "several writes to a line": ("print('sa', end=''); print('id')", "said\n", ""),
    "a line never ended": ("print('said', end='')", "said", ""),
    "streams that can be written": (
        "print(sys.stdout.writable(), sys.stdout.buffer.writable()); sys.stdout.buffer.flush()",
        "True True\n",
        "",
    ),
    "the binary buffer": ("sys.stdout.buffer.write(b'said\\n')", "said\n", ""),
    "a file descriptor": ("os.write(2, b'said\\n')", "", "said\n"),
    "a C library": ("ctypes.CDLL(None).puts(b'said')", "said\n", ""),
    "a child process": ("subprocess.run(['echo', 'said'])", "said\n", ""),
    "a child given sys.stderr": (
        "subprocess.run('echo said', shell=True, stdout=sys.stderr)",
        "",
        "said\n",
    ),
    "a handler of setup's": ("self.logger.info('said')", "", "INFO said\n"),
    "a thread": ("within_thread(lambda: print('said'))", "said\n", ""),
    "print above the bar": ("print('\\u00fcber')", "\u00fcber\n", ""),
}
SOURCE = """
import ctypes, logging, os, subprocess, sys, threading
from cog import BasePredictor

def within_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()

class Predictor(BasePredictor):
    def setup(self):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        self.logger = logging.getLogger("setup's own")
        self.logger.propagate = False
        self.logger.setLevel(logging.INFO)
        self.logger.handlers = [handler]

    def predict(self) -> str:
        {statement}
        return "done"
"""


@pytest.mark.parametrize(("statement", "out", "err"), WAYS.values(), ids=WAYS)
def test_every_way_out(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    statement: str,
    out: str,
    err: str,
) -> None:
    """Text reaches the prediction once and the runner's log once, each on its stream."""

    async def main() -> None:
        async with serving(tmp_path, SOURCE.format(statement=statement)) as service:
            prediction = await ended(submit(service))

            logs = [event for event in await events_of(prediction) if isinstance(event, Log)]
            assert "".join(log.data for log in logs if log.source == "stdout") == out
            assert "".join(log.data for log in logs if log.source == "stderr") == err
            assert prediction.logs == out + err

    run(main)
    written = capfd.readouterr()
    assert written.out.count(out.strip()) == (1 if out else written.out.count(""))
    assert written.err.count(err.strip()) == (1 if err else written.err.count(""))


def test_concurrent_predictions_keep_their_prints_apart(tmp_path: Path) -> None:
    """Prints, threads with a copied context and metrics go to the prediction they come from."""
    source = """
    import asyncio
    from cog import BasePredictor, concurrent, current_scope

    class Predictor(BasePredictor):
        async def setup(self):
            self.met = 0

        @concurrent(max=5)
        async def predict(self, number: int) -> str:
            self.met += 1
            while self.met < 5:
                await asyncio.sleep(0.001)
            for step in range(20):
                print(f"{number}.{step}")
                await asyncio.sleep(0)
            await asyncio.to_thread(print, f"{number}.thread")
            await asyncio.to_thread(current_scope().record_metric, "number", number)
            return "done"
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            predictions = [submit(service, number=number) for number in range(5)]
            await gathered(*(prediction.wait() for prediction in predictions))

            for number, prediction in enumerate(predictions):
                lines = [*(f"{number}.{step}" for step in range(20)), f"{number}.thread"]
                assert prediction.logs.split() == lines
                assert prediction.metrics["number"] == number

    run(main)


STARTING = """
import asyncio, concurrent.futures, threading
from cog import BasePredictor, concurrent as at_once, current_scope

async def run(thread):
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.001)

def nested(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

async def instead(function):  # of asyncio.to_thread, which came with Python 3.9
    function()

class Worker(threading.Thread):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def run(self):
        self.function()

class Predictor(BasePredictor):
    async def setup(self):
        self.met = 0
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.other = concurrent.futures.ThreadPoolExecutor(1)

    async def meet(self):
        together = self.met // 3 * 3 + 3
        self.met += 1
        while self.met < together:
            await asyncio.sleep(0.001)

    @at_once(max=3)
    async def predict(self, number: int) -> str:
        def said(name):
            def work():
                print(name, number)
                current_scope().record_metric(name, number)
            return work

        pool, own = self.pool, concurrent.futures.ThreadPoolExecutor()
        loop = asyncio.get_running_loop()
        ways = {
            "to_thread": getattr(asyncio, "to_thread", instead),
            "run_in_executor": lambda work: loop.run_in_executor(None, work),
            "thread": lambda work: run(threading.Thread(target=work)),
            "thread_of_a_thread": lambda work: run(threading.Thread(target=nested, args=(work,))),
            "subclass_of_thread": lambda work: run(Worker(work)),
            "timer": lambda work: run(threading.Timer(0, work)),
            "pool_of_setups": lambda work: asyncio.wrap_future(pool.submit(work)),
            "pool_of_its_own": lambda work: asyncio.wrap_future(own.submit(work)),
            "job_of_a_job": lambda work: asyncio.wrap_future(
                pool.submit(lambda: self.other.submit(work).result())
            ),
        }
        for name, way in ways.items():
            await self.meet()
            await way(said(name))
        await self.meet()
        own.shutdown()
        return " ".join(ways)

    def teardown(self):
        self.pool.shutdown()
        self.other.shutdown()
"""


def test_what_a_prediction_starts_belongs_to_it(tmp_path: Path, mode: str) -> None:
    """Prints and metrics of its threads, and of its jobs in whosever pool, while others run."""

    async def main() -> None:
        async with serving(tmp_path, STARTING) as service:
            predictions = [submit(service, number=number) for number in range(3)]
            await gathered(*(prediction.wait() for prediction in predictions))

            for number, prediction in enumerate(predictions):
                assert prediction.error is None
                names = str(prediction.output).split()
                assert prediction.logs.splitlines() == [f"{name} {number}" for name in names]
                assert {name: prediction.metrics[name] for name in names} == dict.fromkeys(
                    names, number
                )

    run(main)


def test_a_worker_of_setup_or_of_an_earlier_prediction_serves_the_one_that_runs(
    tmp_path: Path, mode: str
) -> None:
    """As long as it is alone: whose else could it be."""
    source = """
    import queue, threading
    from cog import BasePredictor, current_scope

    class Predictor(BasePredictor):
        def setup(self):
            self.workers = [self.worker()]

        def worker(self):
            jobs, done = queue.Queue(), queue.Queue()

            def work():
                for name in iter(jobs.get, None):
                    print(name)
                    current_scope().record_metric(name, 1)
                    done.put(name)

            threading.Thread(target=work, daemon=True).start()
            return jobs, done

        def predict(self, name: str) -> str:
            if len(self.workers) == 1:
                self.workers.append(self.worker())
            for jobs, done in self.workers:
                jobs.put(name)
                done.get()
            return "done"

        def teardown(self):
            for jobs, _ in self.workers:
                jobs.put(None)
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            for name in ("first", "second"):
                prediction = await ended(submit(service, name=name))

                assert prediction.logs == f"{name}\n{name}\n"
                assert set(prediction.metrics) == {name, "predict_time"}

    run(main)


def test_a_thread_of_the_servers_is_as_it_was(tmp_path: Path) -> None:
    """What starts threads is put back, whether a predictor served or not."""
    before = threading.Thread.start, ThreadPoolExecutor.submit
    source = """
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            return "done"
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            await ended(submit(service))

    run(main)
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before


def test_progress_bars(tmp_path: Path) -> None:
    """A bar that rewrites its line arrives step by step, carriage returns and all."""
    source = """
    import sys
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            for step in range(3):
                sys.stderr.write(f"\\rstep {step}")
                sys.stderr.flush()
            sys.stderr.write("\\n")
            return "done"
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = await ended(submit(service))

            assert prediction.logs == "\rstep 0\rstep 1\rstep 2\n"

    run(main)


def test_a_flushed_part_of_a_line_arrives_at_once(tmp_path: Path) -> None:
    """A watcher sees what was flushed while the line goes on."""
    source = """
    import time
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            print("loading", end="", flush=True)
            while True:
                time.sleep(0.0005)
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = submit(service)

            await until(lambda: prediction.logs == "loading")
            prediction.cancel()
            await ended(prediction)

    run(main)


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("write", ['print("x" * 999)', 'os.write(1, b"x" * 999 + b"\\n")'])
def test_floods_are_kept_up_to_a_limit(tmp_path: Path, write: str, isolate: bool) -> None:
    """Beyond the limit nothing is kept, and the log says so; the runner's log has it all."""
    source = f"""
    import os
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            for _ in range(2000):
                {write}
            return "done"
    """
    options = EngineSettings(isolate=isolate, log_limit=10_000)

    async def main() -> None:
        async with serving(tmp_path, source, options) as service:
            prediction = await ended(submit(service))

            assert prediction.output == "done"
            assert len(prediction.logs) < 10_100
            assert prediction.logs.endswith("[only the first 10000 characters are kept]\n")

    run(main)


def test_setup_logs_are_kept(tmp_path: Path) -> None:
    """What import and setup print is in the setup's report, and in no prediction."""
    source = """
    import os
    from cog import BasePredictor

    print("importing")

    class Predictor(BasePredictor):
        def setup(self):
            print("setting up")
            os.system("echo child")

        def predict(self) -> str:
            return "done"
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = await ended(submit(service))
            report = (await service.health()).setup

            assert report is not None
            assert report.logs == "importing\nsetting up\nchild\n"
            assert prediction.logs == ""

    run(main)


def test_the_servers_own_logs_are_nobodys(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What the server logs during a prediction is not its, what the author logs there is."""
    source = """
    import logging
    import time
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            logging.getLogger("server").warning("mine")
            while True:
                time.sleep(0.0005)
    """
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("server")
    logger.addHandler(handler)

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = submit(service)
            await until(lambda: prediction.logs)

            sys.stdout.write("not mine")
            logger.warning("not mine")
            prediction.cancel()
            await ended(prediction)

            assert prediction.logs == "mine\n"

    try:
        run(main)
    finally:
        logger.removeHandler(handler)
    assert handler.stream is sys.stderr
    assert capfd.readouterr().err.count("not mine\n") == 1


def test_a_handler_that_looks_its_stream_up_is_left_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Libraries, torch among them, give a logger Python's handler of last resort."""
    source = """
    import logging
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            logging.getLogger("a library").warning("said")
            return "done"
    """
    logger = logging.getLogger("a library")
    assert logging.lastResort is not None
    logger.addHandler(logging.lastResort)

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            prediction = await ended(submit(service))
            assert prediction.logs == "said\n"

    try:
        run(main)
    finally:
        logger.removeHandler(logging.lastResort)
    assert capfd.readouterr().err.count("said\n") == 1


def test_streams_are_restored(tmp_path: Path) -> None:
    """After the shutdown the process prints as before, through old references too."""
    source = """
    import sys
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            return "done"
    """
    before = (sys.stdout, sys.stderr)

    async def main() -> None:
        async with serving(tmp_path, source):
            captured = sys.stdout
            assert captured is not before[0]
        captured.write("still works")

    run(main)
    assert (sys.stdout, sys.stderr) == before


def test_metrics(tmp_path: Path) -> None:
    """Metrics arrive as events and as one object; `predict_time` is always there."""
    source = """
    from cog import BasePredictor, current_scope

    class Predictor(BasePredictor):
        def predict(self) -> str:
            self.record_metric("tokens", 2)
            self.record_metric("tokens", 3, mode="incr")
            current_scope().metrics["time.load"] = 0.5
            self.record_metric("gone", 1)
            del current_scope().metrics["gone"]
            return current_scope().context["who"]
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            request = Submission({}, Plain, context={"who": "me"})
            prediction = await ended(service.submit(request))

            assert prediction.output == "me"
            predict_time = prediction.metrics.pop("predict_time")
            assert predict_time > 0
            assert {**prediction.metrics, "predict_time": 0} == {
                "tokens": 5,
                "time": {"load": 0.5},
                "predict_time": 0,
            }
            metrics = [event for event in await events_of(prediction) if isinstance(event, Metric)]
            assert metrics[1] == Metric("tokens", 3, "incr")

    run(main)


def test_nothing_is_recorded_outside_of_a_prediction(tmp_path: Path) -> None:
    """Metrics of a thread that outlives its prediction, and its prints, are no one's."""
    source = """
    import contextvars, threading
    from cog import BasePredictor, current_scope

    class Predictor(BasePredictor):
        def setup(self):
            self.go_on = threading.Event()

        def predict(self, last: bool) -> str:
            if last:
                self.go_on.set()
                self.thread.join()
                return "second"
            context = contextvars.copy_context()
            self.thread = threading.Thread(target=context.run, args=(self.linger,))
            self.thread.start()
            return "first"

        def linger(self):
            self.go_on.wait()
            print("late")
            current_scope().record_metric("late", 1)
    """

    async def main() -> None:
        async with serving(tmp_path, source) as service:
            first = await ended(submit(service, last=False))
            second = await ended(submit(service, last=True))
            await asyncio.sleep(0)

            for prediction in (first, second):
                assert prediction.logs == ""
                assert set(prediction.metrics) == {"predict_time"}

    run(main)
