"""isolate's own server, a fresh process for every task as on one of fal's runners."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import grpc
import uv
from isolate.connections.grpc.configuration import get_default_options
from isolate.server.definitions import (
    BoundFunction,
    CancelRequest,
    EnvironmentDefinition,
    IsolateStub,
    PartialRunResult,
)

from tests.processes import Process, free_port

AGENT_PACKAGES = ("isolate", "grpcio", "protobuf", "cloudpickle", "tblib", "dill")
"""What fal's agent brings along on a runner, beside the app's own requirements."""

_SERVE = "from isolate.server.server import main; main()"
_CLIENT_ONLY = ("FAL_", "COG_", "COGFAL_", "PYTEST_", "PYTHON", "VIRTUAL_ENV", "ISOLATE_")


@dataclass(frozen=True, slots=True)
class Task:
    """A function that runs; iterating gives what it reports, to its end."""

    stub: IsolateStub
    function: BoundFunction

    def __iter__(self) -> Iterator[PartialRunResult]:
        return iter(self.stub.Run(self.function))

    def cancel(self) -> None:
        """Ask it to end, as fal does with SIGTERM; what it still reports keeps coming."""
        self.stub.Cancel(CancelRequest(task_id="RUN"))


@dataclass(frozen=True, slots=True)
class Engine:
    """Runs functions in environments that are kept under `cache` between runs.

    `environment` is added to the runner's environment variables, from which everything that is
    the client's has been removed.
    """

    cache: Path
    environment: Mapping[str, str]

    @contextlib.contextmanager
    def task(self, function: BoundFunction, before: Sequence[str] = ()) -> Iterator[Task]:
        """Run `function`, its process under the command `before`; leaving the block ends it."""
        port = free_port()
        command = [*before, sys.executable, "-c", _SERVE, "--single-use", f"--port={port}"]
        address = f"127.0.0.1:{port}"
        with (
            Process(command, cwd=self.cache, env=self._variables()) as server,
            grpc.insecure_channel(address, options=get_default_options()) as channel,
        ):
            server.wait_for("Started listening", timeout=120)
            yield Task(IsolateStub(channel), function)

    def built(self, environments: Sequence[EnvironmentDefinition]) -> Iterator[PartialRunResult]:
        """Make environments, by running nothing in them, if they were never made."""
        nothing = BoundFunction(
            environments=environments, entrypoint="builtins:int", stream_logs=True
        )
        digest = hashlib.sha256(nothing.SerializeToString(deterministic=True)).hexdigest()
        made = self.cache / f"{digest[:16]}.made"
        if not made.exists():
            with self.task(nothing) as task:
                yield from task
            made.touch()

    def _variables(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_CLIENT_ONLY)}
        caches = Path(inherited.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        return {
            "UV_CACHE_DIR": str(caches / "uv"),
            "PIP_CACHE_DIR": str(caches / "pip"),
            **inherited,
            "PYTHONUNBUFFERED": "1",
            "XDG_CACHE_HOME": str(self.cache),
            "AGENT_REQUIREMENTS_TXT": str(self._agent_requirements()),
            "ISOLATE_UV_EXE": uv.find_uv_bin(),
            "ISOLATE_STRICT_CACHE": "1",
            "ISOLATE_SHUTDOWN_GRACE_PERIOD": "10",
            "ISOLATE_MAX_GRPC_WAIT_TIMEOUT": "60",
            **self.environment,
        }

    def _agent_requirements(self) -> Path:
        path = self.cache / "agent-requirements.txt"
        lines = [f"{package}=={version(package)}" for package in AGENT_PACKAGES]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path
