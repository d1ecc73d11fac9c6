"""cogfal's source inside a pickle."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import cloudpickle

from cogfal import carriage

LOADS = """
import pathlib, pickle, sys
sys.path = [entry for entry in sys.path if not pathlib.Path(entry, "cogfal").exists()]
loaded = pickle.loads(sys.stdin.buffer.read())
import cogfal.spec
print(loaded.source.carried, cogfal.__file__, loaded.kind)
"""


class Passenger(carriage.Carried):
    """Something of a user's that names a cogfal class."""

    kind = carriage.Source


def _pickled() -> bytes:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    cloudpickle.register_pickle_by_value(carriage)
    try:
        pickled: bytes = cloudpickle.dumps(Passenger)
        return pickled
    finally:
        cloudpickle.unregister_pickle_by_value(carriage)
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def test_cogfal_is_importable_where_the_pickle_is_loaded() -> None:
    """A process without cogfal can import it once the class is there."""
    result = subprocess.run(
        [sys.executable, "-c", LOADS], input=_pickled(), capture_output=True, check=True
    )

    carried, file, _ = result.stdout.decode().split(maxsplit=2)
    assert carried == "True"
    assert "cogfal-source-" in file


def test_the_unpacked_source_is_removed_with_the_process() -> None:
    """Nothing is left in the temporary directory."""
    result = subprocess.run(
        [sys.executable, "-c", LOADS], input=_pickled(), capture_output=True, check=True
    )

    file = Path(result.stdout.decode().split()[1])
    assert not file.parent.parent.exists()


def test_the_running_cogfal_stays_where_there_is_one() -> None:
    """Loading the pickle in a process that has cogfal unpacks nothing."""
    before = list(sys.path)

    source = carriage.unpack_source(b"never looked at")

    assert source.carried
    assert sys.path == before


def test_the_packed_source_is_the_same_each_time() -> None:
    """Nothing of the moment is in it, so fal can recognise an unchanged app."""
    assert carriage.pack_source() == carriage.pack_source()


def test_what_a_runner_cannot_use_stays_behind() -> None:
    """The parts that need the deploying machine's packages do not travel."""
    names = json.loads(zlib.decompress(carriage.pack_source()))

    assert "cogfal/engine/service.py" in names
    left = ("cogfal/cli/", "cogfal/project/", "cogfal/inspection/", "cogfal/playground/")
    assert not any(name.startswith(left) for name in names)
    assert not any("__pycache__" in name for name in names)


def test_an_app_can_take_more_along() -> None:
    """The playground goes to the runners of the apps that serve it."""
    source = carriage.Source()
    source.take_along("playground")

    _, (packed,) = source.__reduce__()

    names = json.loads(zlib.decompress(packed))
    assert "cogfal/playground/__init__.py" in names
    assert "cogfal/playground/static/index.html" in names
    assert not any(name.startswith("cogfal/cli/") for name in names)
