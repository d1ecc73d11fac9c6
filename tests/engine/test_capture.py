"""What is printed, by whatever way, reaches the runner's log and the prediction it belongs to."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import pytest

from cogfal.engine.prediction import Log, Metric
from cogfal.engine.service import EngineSettings, Submission
from tests.engine.stage import Plain, ended, events_of, gathered, rooms, run, serving, submit, until

WAYS = {
    "print": ("print('said')", "said\n", ""),
    "print to stderr": ("print('said', file=sys.stderr)", "", "said\n"),
    "several writes to a line": ("print('sa', end=''); print('id')", "said\n", ""),
    "a line never ended": ("print('said', end='')", "said", ""),
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
                await asyncio.sleep(0)
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


def test_floods_are_kept_up_to_a_limit(tmp_path: Path) -> None:
    """Beyond the limit nothing is kept, and the log says so; the runner's log has it all."""
    source = """
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            for _ in range(2000):
                print("x" * 999)
            return "done"
    """
    options = EngineSettings(log_limit=10_000, workspace_parent=rooms(tmp_path))

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
            request = Submission({}, Plain(), context={"who": "me"})
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
