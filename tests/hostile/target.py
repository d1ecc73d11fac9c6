"""The predictors that are attacked: they take everything, and tell what reached them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.local_run import LocalRun
from tests.modes import SHARED, cog_yaml
from tests.project_files import write_project
from tests.watchdog import long_steps, watched_app

SECRET = "hunter2-not-to-be-seen"
"""A secret; where this text turns up, one has leaked."""

TAKES_EVERYTHING = """
    import hashlib, os, sys
    from typing import List

    from cog import BaseModel, BasePredictor, File, Input, Path, Secret

    class Predictor(BasePredictor):
        def predict(
            self,
            image: Path = Input(default=None),
            images: List[Path] = Input(default=[]),
            handle: File = Input(default=None),
            text: str = "",
            number: int = Input(default=1, ge=0),
            ratio: float = 0.5,
            data: dict = Input(default={}),
            size: str = Input(default="small", choices=["small", "large"]),
            careful: str = Input(default="aa", regex="^(a+)+$"),
            ahead: str = Input(default="aa", regex="^(?=a)(a+)+$"),
            token: Secret = Input(default=None),
            tokens: List[Secret] = Input(default=[]),
        ) -> dict:
            print(f"called with {text[:20]!r} and {token} {tokens}")
            if text == "raise":
                raise ValueError(f"refused {token!r} {tokens}")
            paths = [path for path in (image, *images) if path is not None]
            return {
                "text": text,
                "number": number,
                "names": [path.name for path in paths],
                "parents": sorted({str(path.parent) for path in paths}),
                "digests": [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths],
                "handle": None if handle is None else len(handle.read()),
                "data": data,
            }
"""
NESTED = """
    from typing import Dict, List

    from cog import BaseModel, BasePredictor, Input, Secret

    class Account(BaseModel):
        name: str
        key: Secret

    class Predictor(BasePredictor):
        def predict(
            self,
            account: Account = Input(default=None),
            accounts: List[Account] = Input(default=[]),
            keys: Dict[str, Secret] = Input(default={}),
            number: int = 1,
        ) -> str:
            return f"{len(accounts)} {keys}"
"""
STREAMS = """
    import time
    from typing import Iterator

    from cog import BasePredictor, Input, streaming

    class Predictor(BasePredictor):
        @streaming
        def predict(
            self,
            text: str = "x",
            count: int = Input(default=2, ge=0, le=1000),
            pause: float = Input(default=0, ge=0, le=0.01),
        ) -> Iterator[str]:
            for index in range(count):
                yield f"{text} {index}"
                time.sleep(pause)
"""
RETURNS_FILES = """
    import os, pathlib

    from cog import BasePredictor, Path

    class Predictor(BasePredictor):
        def predict(self, way: str, target: str = "/etc/passwd") -> Path:
            here = pathlib.Path("out.txt")
            os.path.lexists("out.txt") and here.unlink()
            if way == "itself":
                return Path(target)
            if way == "symlink":
                here.symlink_to(target)
            elif way == "directory":
                os.path.lexists("linked") and os.unlink("linked")
                pathlib.Path("linked").symlink_to(os.path.dirname(target))
                return Path("linked") / os.path.basename(target)
            elif way == "dots":
                return Path(".." + "/.." * 20 + target)
            elif way == "descriptor":
                return Path(f"/dev/fd/{os.open(target, os.O_RDONLY)}")
            elif way == "fifo":
                os.mkfifo(here)
            else:
                here.write_text("mine")
            return Path(here)
"""
APP = """
import cogfal


class App(cogfal.App):
    predictor = "predict.py:Predictor"
"""


class Target(LocalRun):
    """A project under `fal run --local`, its code run in a mode; see `LocalRun`.

    `settings` are lines for its App.
    """

    def __init__(
        self,
        folder: Path,
        predictor: str,
        *settings: str,
        mode: str = SHARED,
        under: Sequence[str] = (),
        anew: bool = False,
        **environment: str,
    ) -> None:
        project = folder / "project"
        home = folder / "home"
        temporary = folder / "tmp"
        for each in (home, temporary):
            each.mkdir(parents=True, exist_ok=True)
        app = "".join(f"    {line}\n" for line in settings)
        app_py = watched_app(project) + APP + app
        write_project(project, predict_py=predictor, app_py=app_py, **cog_yaml(mode))
        self.project = project
        self._starting: int | None = None
        self.temporary = temporary
        super().__init__(
            "app.py::App",
            cwd=project,
            home=home,
            under=under,
            anew=anew,
            **{"TMPDIR": str(temporary), **environment},  # type: ignore[arg-type]  # variables
        )

    def ask(self, inputs: Any, path: str = "/", **headers: str) -> httpx.Response:
        """Send inputs to one of fal's doors."""
        return httpx.post(self.url + path, json=inputs, headers=headers, timeout=120)

    def predict(self, inputs: Any, **envelope: Any) -> httpx.Response:
        """Send inputs to Cog's door."""
        body = json.dumps({"input": inputs, **envelope})
        kind = {"Content-Type": "application/json"}
        return httpx.post(f"{self.url}/predictions", content=body, headers=kind, timeout=120)

    def is_well(self) -> bool:
        """Tell whether it is ready for the next request, with nothing left of earlier ones."""
        health = httpx.get(f"{self.url}/health-check", timeout=120).json()
        return health["status"] == "READY" and not self.workspaces()

    def long_steps(self) -> list[str]:
        """List the steps of its event loop that took too much of the processor's time.

        Those of starting are its own affair: they end with the first call of this.
        """
        found = long_steps(self.project)
        if self._starting is None:
            self._starting = len(found)
        return found[self._starting :]

    def workspaces(self) -> list[Path]:
        """List the directories of predictions."""
        return [*self.temporary.glob("cogfal-run-*/cogfal-*")]
