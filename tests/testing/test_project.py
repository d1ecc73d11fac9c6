"""Projects called in process, with real files, streams, cancellation and recorded uploads."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cogfal.engine.prediction import Status
from cogfal.errors import (
    ConfigError,
    FileInputError,
    InvalidInput,
    PredictionCancelled,
    PredictorFailed,
)
from cogfal.testing import ProjectClient, open_predictor, open_trainer

PREDICT = """
    import os
    import sys
    import tempfile
    import threading
    import time
    from cog import BasePredictor, ConcatenateIterator, Input, Path, current_scope

    class Texts(BasePredictor):
        def setup(self):
            self.word = os.environ["WORD"]

        def predict(self, count: int = Input(default=2, ge=0, le=5)) -> ConcatenateIterator[str]:
            print("counting")
            current_scope().record_metric("counted", count)
            for _ in range(count):
                yield self.word

    class Files(BasePredictor):
        def predict(self, source: Path, copies: int = 1) -> list[Path]:
            made = []
            for index in range(copies):
                target = Path(tempfile.mkdtemp()) / f"{index}{source.suffix}"
                target.write_bytes(source.read_bytes())
                made.append(target)
            return made

    class Waits(BasePredictor):
        def predict(self) -> str:
            print("waiting", flush=True)
            while True:
                time.sleep(0.01)

    class Fails(BasePredictor):
        def predict(self) -> str:
            raise ValueError("no luck")
"""
TRAIN = """
    import tempfile
    from cog import BaseModel, Path

    class TrainingOutput(BaseModel):
        weights: Path

    def train(steps: int = 3) -> TrainingOutput:
        weights = Path(tempfile.mkdtemp()) / "weights.txt"
        weights.write_text("w" * steps)
        return TrainingOutput(weights=weights)
"""
Opener = Callable[[str], ProjectClient]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with several predictors and a trainer."""
    root = tmp_path_factory.mktemp("project")
    (root / "cog.yaml").write_text(
        'predict: "predict.py:Texts"\ntrain: "train.py:train"\nenvironment:\n  - WORD=hey\n'
    )
    (root / "predict.py").write_text(textwrap.dedent(PREDICT))
    (root / "train.py").write_text(textwrap.dedent(TRAIN))
    return root


@pytest.fixture
def texts(project: Path) -> Iterator[ProjectClient]:
    """The predictor of cog.yaml."""
    with open_predictor(project) as client:
        yield client


def test_defaults_are_those_of_input(texts: ProjectClient) -> None:
    """What is left out is what `Input(default=...)` says."""
    assert texts.run() == "heyhey"


def test_what_is_known_of_the_predictor_can_be_looked_at(texts: ProjectClient) -> None:
    """Its inputs, before anything is run."""
    assert [each.name for each in texts.spec.inputs] == ["count"]


def test_inputs_are_checked_as_on_fal(texts: ProjectClient) -> None:
    """A value out of bounds does not reach the predictor."""
    with pytest.raises(InvalidInput, match="count: Input should be less than or equal to 5"):
        texts.run(count=9)


def test_a_stream_yields_each_piece(texts: ProjectClient) -> None:
    """The pieces come one by one."""
    assert list(texts.stream(count=3)) == ["hey", "hey", "hey"]


def test_a_stream_begins_anew_for_everybody(texts: ProjectClient) -> None:
    """Who asks again gets every piece, also of a prediction that is under way."""
    prediction = texts.submit(count=5)
    first, second = prediction.stream(), prediction.stream()

    assert [*zip(first, second, strict=True)] == [("hey", "hey")] * 5


def test_a_stream_may_be_left(texts: ProjectClient) -> None:
    """Leaving early keeps the predictor usable."""
    stream = texts.stream(count=5)

    assert next(stream) == "hey"
    stream.close()  # type: ignore[attr-defined]

    assert texts.run(count=1) == "hey"


def test_logs_and_metrics_are_kept(texts: ProjectClient) -> None:
    """A prediction knows what it printed and recorded."""
    prediction = texts.submit(count=1)

    prediction.output()

    assert prediction.status is Status.SUCCEEDED
    assert prediction.logs == "counting\n"
    assert prediction.metrics["counted"] == 1


def test_files_go_in_and_come_out_as_paths(project: Path, tmp_path: Path) -> None:
    """A given file is copied for the predictor, what it returns is a path with the bytes."""
    source = tmp_path / "photo.png"
    source.write_bytes(b"\x89PNG\r\n\x1a\n")

    with open_predictor(project, ref="predict.py:Files") as client:
        first, second = client.run(source=source, copies=2)

        assert [first.read_bytes(), second.read_bytes()] == [source.read_bytes()] * 2
        assert first.suffix == ".png"
        assert [upload.content_type for upload in client.uploads] == ["image/png", "image/png"]
        assert client.uploads[0].size == 8


def test_the_network_is_out_of_reach(project: Path) -> None:
    """An http input is refused without a connection."""
    with (
        open_predictor(project, ref="predict.py:Files") as client,
        pytest.raises(FileInputError, match="no network"),
    ):
        client.run(source="http://example.com/a.png")


def test_a_missing_file_is_named(project: Path, tmp_path: Path) -> None:
    """A path that leads nowhere is the caller's mistake."""
    with (
        open_predictor(project, ref="predict.py:Files") as client,
        pytest.raises(FileInputError, match=r"nothing\.png cannot be read"),
    ):
        client.run(source=tmp_path / "nothing.png")


def test_cancelling_ends_a_prediction(project: Path) -> None:
    """The predictor is interrupted, and `output` says so."""
    with open_predictor(project, ref="predict.py:Waits") as client:
        prediction = client.submit()

        prediction.cancel()

        assert prediction.status is Status.CANCELED
        with pytest.raises(PredictionCancelled):
            prediction.output()


def test_a_failure_keeps_the_authors_exception(project: Path) -> None:
    """The cause is what the predictor raised."""
    with open_predictor(project, ref="predict.py:Fails") as client:
        with pytest.raises(PredictorFailed, match="no luck") as failure:
            client.run()

        assert isinstance(failure.value.__cause__, ValueError)


def test_a_trainer_is_run_alike(project: Path) -> None:
    """Fields with files have paths."""
    with open_trainer(project) as client:
        output: dict[str, Any] = client.run(steps=2)

        assert output["weights"].read_text() == "ww"


def test_nothing_remains_after_the_block(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Working directory, variables, streams and threads are as they were."""
    monkeypatch.delenv("WORD", raising=False)
    before = (Path.cwd(), sys.stdout, sys.path[:], set(threading.enumerate()))

    with open_predictor(project) as client:
        client.run()

    assert (Path.cwd(), sys.stdout, sys.path) == before[:3]
    assert set(threading.enumerate()) <= before[3]


def test_clients_that_take_turns_keep_their_prints_apart(project: Path) -> None:
    """Each print is told once, by its own; closed in any order, they leave nothing behind."""
    before = sys.stdout, threading.Thread.start, ThreadPoolExecutor.submit

    with ExitStack() as second:
        with ExitStack() as first:
            one = first.enter_context(open_predictor(project))
            other = second.enter_context(open_predictor(project))
            depths = []
            for client in (one, other) * 3:
                prediction = client.submit(count=0)
                prediction.output()
                depths.append(len(list(_chain(sys.stdout))))
                assert prediction.logs == "counting\n"
        assert list(other.stream(count=1)) == ["hey"]

    assert max(depths) <= 4
    assert (sys.stdout, threading.Thread.start, ThreadPoolExecutor.submit) == before


def _chain(stream: Any) -> Iterator[Any]:
    """Yield a stream and what it writes to, through all captures."""
    while stream is not None:
        yield stream
        stream = vars(stream).get("_outlet")


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong path is said at once."""
    with pytest.raises(ConfigError, match="no such directory"), open_predictor(tmp_path / "nope"):
        pass


def test_no_socket_is_connected_or_bound(project: Path, tmp_path: Path) -> None:
    """A process that may not use sockets can run a project."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        from cogfal.testing import open_predictor

        def refuse(event, arguments):
            if event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
                raise RuntimeError(event)

        sys.addaudithook(refuse)
        with open_predictor({str(project)!r}) as client:
            print(client.run(count=1))
        """)
    )

    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=False
    )

    assert "hey" in done.stdout, done.stderr
