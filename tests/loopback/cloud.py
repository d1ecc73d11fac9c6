"""Start and stop the loopback's parts, and fal's command line against them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import grpc
from isolate_proto import register_controller
from isolate_proto.configuration import GRPC_OPTIONS
from typing_extensions import Self

from tests.forking import command
from tests.loopback.controller import URLS, Controller
from tests.loopback.engine import Engine
from tests.loopback.records import Registration, Upload
from tests.loopback.rest import RestServer
from tests.loopback.uploader import UploaderServer
from tests.processes import Process, lasting_port

CACHE = Path(os.environ.get("COGFAL_TEST_CACHE", Path(__file__).parents[2] / ".cache")) / "loopback"
CONTROLLER_PORT, REST_PORT = lasting_port(), lasting_port()
"""Of every loopback of this process, one after the other: fal's do not change either."""
KEY = "00000000-0000-0000-0000-000000000000:loopback"


class FalProcess(Process):
    """A running `fal` command."""

    @property
    def url(self) -> str:
        """The app's URL, once the app answers there."""
        self.wait_for(r"Uvicorn running on http://0\.0\.0\.0:8080", timeout=600)
        return str(URLS.run)


class Loopback:
    """One machine's worth of fal, for as long as the `with` block lasts.

    With `cdn` the runner has a key and an uploader, as fal's have; without it the app must deliver
    its files by itself. Without `build`, environments are recorded but not made, which is enough
    for `fal deploy`. `image` carries out a Dockerfile where an app has one, and returns what is to
    be `/src`; without it such an app does not run. `environment` is added to the runner's
    environment variables.
    """

    def __init__(
        self,
        *,
        cdn: bool = True,
        build: bool = True,
        image: Callable[[str], Path] | None = None,
        environment: Mapping[str, str] | None = None,
        cache: Path = CACHE,
    ) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="loopback-")
        socket = Path(self._folder.name) / "api.sock"
        delivery = {"FAL_USE_LOCAL_UPLOADER": "1", "FAL_API_SOCKET": str(socket), "FAL_KEY": KEY}
        self._rest = RestServer(REST_PORT)
        self._uploader = UploaderServer(socket, self._rest)
        engine = Engine(cache, {**(delivery if cdn else {}), **(environment or {})})
        self._controller = Controller(engine, self._rest, build=build, image=image)
        self._server = grpc.server(ThreadPoolExecutor(max_workers=8), options=GRPC_OPTIONS)
        register_controller(self._controller, self._server)
        self._server.add_secure_port(
            f"127.0.0.1:{CONTROLLER_PORT}", grpc.local_server_credentials()
        )

    @property
    def registrations(self) -> list[Registration]:
        """What `fal deploy` registered, in order."""
        return self._controller.registrations

    @property
    def aliases(self) -> dict[str, Registration]:
        """The names that were given to an earlier registration."""
        return self._controller.aliases

    @property
    def runs(self) -> list[Registration]:
        """What `fal run` asked for, in order, metadata probes included."""
        return self._controller.runs

    @property
    def logs(self) -> list[str]:
        """What the runner printed, also after the client went away."""
        return self._controller.logs

    def wait_until_idle(self) -> None:
        """Return when the runner has ended, with its teardown, after the client went away."""
        self._controller.wait_until_idle()

    @property
    def uploads(self) -> list[Upload]:
        """What the app gave to the CDN, in order."""
        return self._uploader.uploads

    def fal(
        self,
        *arguments: str,
        cwd: Path,
        python: Path | None = None,
        anew: bool = False,
        **environment: str,
    ) -> FalProcess:
        """Start `fal ARGUMENTS` of the environment that `python` belongs to, this one by default.

        It is forked from a process that has imported fal, unless it is to start `anew`. The command
        sees nothing of this user's fal account or settings.
        """
        return self.command("fal", *arguments, cwd=cwd, python=python, anew=anew, **environment)

    def command(
        self,
        name: str,
        *arguments: str,
        cwd: Path,
        python: Path | None = None,
        anew: bool = False,
        **environment: str,
    ) -> FalProcess:
        """Start another command of the environment, such as `cogfal`, as `fal` does fal's."""
        anew = anew or any(each.startswith("FAL_") for each in environment)
        real = (python or Path(sys.executable)).parent / name
        script = real if anew else command(name, python, **self._addresses())
        return FalProcess(
            [script, *arguments], cwd=cwd, env={**self._client_variables(), **environment}
        )

    def _client_variables(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FAL_", "COG"))}
        return {
            **inherited,
            "HOME": self._folder.name,
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
            "FAL_KEY": KEY,
            **self._addresses(),
        }

    def _addresses(self) -> dict[str, str]:
        """Return where fal's command line finds this cloud, and that there is no TLS."""
        return {
            "ISOLATE_TEST_MODE": "1",
            "FAL_GRPC_HOST": f"127.0.0.1:{CONTROLLER_PORT}",
            "FAL_REST_HOST": self._rest.host,
        }

    def __enter__(self) -> Self:
        self._rest.start()
        self._uploader.start()
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop(grace=None).wait()
        self._controller.wait_until_idle()
        self._uploader.stop()
        self._rest.stop()
        self._folder.cleanup()
