"""fal's controller: builds environments, runs functions, registers applications."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
from isolate.server.definitions import BoundFunction
from isolate_proto import (
    AliasInfo,
    BuildEnvironmentRequest,
    BuildEnvironmentResult,
    DeleteAliasRequest,
    DeleteAliasResult,
    EnvironmentDefinition,
    HostedRun,
    HostedRunResult,
    HostedRunStatus,
    IsolateControllerServicer,
    ListAliasesRequest,
    ListAliasesResult,
    RegisterApplicationRequest,
    RegisterApplicationResult,
    RegisterApplicationResultType,
    ServiceURLs,
    SetAliasRequest,
    SetAliasResult,
)

from tests.loopback.engine import Engine
from tests.loopback.execution import Execution, Failed
from tests.loopback.records import Registration, StoredFile, registration
from tests.loopback.rest import RestServer

URLS = ServiceURLs(
    playground="http://127.0.0.1:8080/playground",
    run="http://127.0.0.1:8080",
    queue="http://127.0.0.1:8080/queue",
    ws="ws://127.0.0.1:8080",
    log="http://127.0.0.1:8080/logs",
)

_IN_PROGRESS = HostedRunStatus(state=HostedRunStatus.State.IN_PROGRESS)
_SUCCESS = HostedRunStatus(state=HostedRunStatus.State.SUCCESS)


class Controller(IsolateControllerServicer):
    """Keeps what was registered and run, and what the runner printed, in order."""

    def __init__(
        self,
        engine: Engine,
        rest: RestServer,
        *,
        build: bool,
        image: Callable[[str], Path] | None = None,
    ) -> None:
        self.registrations: list[Registration] = []
        self.aliases: dict[str, Registration] = {}
        self.runs: list[Registration] = []
        self.logs: list[str] = []
        self._executions: list[Execution] = []
        self._engine = engine
        self._build = build
        self._make_image = image
        self._rest = rest

    def BuildEnvironment(  # noqa: N802  # gRPC's name
        self, request: BuildEnvironmentRequest, context: grpc.ServicerContext
    ) -> Iterator[BuildEnvironmentResult]:
        """Create the virtual environment; a container image is never built."""
        _install_with_uv(request.environments)
        if self._build and request.environments[0].kind != "container":
            try:
                for partial in self._engine.built(request.environments):
                    yield BuildEnvironmentResult(logs=partial.logs, status=_IN_PROGRESS)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
        yield BuildEnvironmentResult(status=_SUCCESS)

    def Run(  # noqa: N802  # gRPC's name
        self, request: HostedRun, context: grpc.ServicerContext
    ) -> Iterator[HostedRunResult]:
        """Run the function in its environment until it returns or the client goes away."""
        files = self._files(request.files, context)
        self.runs.append(registration(request, uuid.uuid4().hex, files))
        src: Path | None = None
        if request.environments[0].kind == "container":
            if self._make_image is None:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "the loopback builds no images")
            else:
                src = self._make_image(self.runs[-1].image["dockerfile_str"])
                self._without_image(request.environments[0])
        _install_with_uv(request.environments)
        execution = Execution(self._engine, _bound(request), files, self.logs, src)
        self._executions.append(execution)
        execution.start()
        context.add_callback(threading.Thread(target=execution.cancel, daemon=True).start)
        yield HostedRunResult(status=_IN_PROGRESS, service_urls=URLS)
        try:
            for partial in execution.reports():
                yield _hosted(partial)
        except Failed as error:
            context.abort(error.code, error.reason)

    def _without_image(self, environment: EnvironmentDefinition) -> None:
        """Have fal's own side run in a virtual environment, with what fal installs in an image."""
        asked = self.runs[-1].requirements
        environment.kind = "virtualenv"
        environment.configuration.Clear()
        environment.configuration.update({"requirements": asked})

    def RegisterApplication(  # noqa: N802  # gRPC's name
        self, request: RegisterApplicationRequest, context: grpc.ServicerContext
    ) -> Iterator[RegisterApplicationResult]:
        """Keep the application."""
        revision = str(uuid.uuid4())
        files = self._files(request.files, context)
        self.registrations.append(registration(request, revision, files))
        yield RegisterApplicationResult(
            result=RegisterApplicationResultType(application_id=revision), service_urls=URLS
        )

    def ListAliases(  # noqa: N802  # gRPC's name
        self, request: ListAliasesRequest, context: grpc.ServicerContext
    ) -> ListAliasesResult:
        """List the last registration of every name."""
        latest = {known.name: known for known in self.registrations} | self.aliases
        return ListAliasesResult(aliases=[_alias(known) for known in latest.values()])

    def SetAlias(  # noqa: N802  # gRPC's name
        self, request: SetAliasRequest, context: grpc.ServicerContext
    ) -> SetAliasResult:
        """Let an earlier registration answer to its name again."""
        known = {each.revision: each for each in self.registrations}[request.revision]
        self.aliases[request.alias] = known
        return SetAliasResult(alias_info=_alias(known))

    def DeleteAlias(  # noqa: N802  # gRPC's name
        self, request: DeleteAliasRequest, context: grpc.ServicerContext
    ) -> DeleteAliasResult:
        """Forget nothing; there is no routing here."""
        return DeleteAliasResult()

    def wait_until_idle(self) -> None:
        """Return when nothing runs."""
        for execution in self._executions:
            execution.join()

    def _files(self, files: Any, context: grpc.ServicerContext) -> dict[str, StoredFile]:
        missing = [file.relative_path for file in files if file.hash not in self._rest.files]
        if missing:
            context.abort(grpc.StatusCode.NOT_FOUND, f"never uploaded: {', '.join(missing)}")
        return {file.relative_path: self._rest.files[file.hash] for file in files}


def _install_with_uv(environments: Iterable[EnvironmentDefinition]) -> None:
    """Have what an app leaves open installed by uv, which takes a tenth of pip's time."""
    for each in environments:
        if each.kind == "virtualenv" and "resolver" not in each.configuration:
            each.configuration["resolver"] = "uv"


def _bound(request: HostedRun) -> BoundFunction:
    function = BoundFunction(environments=request.environments, stream_logs=True)
    if request.entrypoint:
        function.entrypoint = request.entrypoint
    if request.HasField("function"):
        function.function.CopyFrom(request.function)
    if request.HasField("setup_func"):
        function.setup_func.CopyFrom(request.setup_func)
    if request.HasField("run_on_main_thread"):
        function.run_on_main_thread = request.run_on_main_thread
    return function


def _hosted(partial: Any) -> HostedRunResult:
    done = partial.is_complete and partial.HasField("result")
    return HostedRunResult(
        logs=partial.logs,
        status=_SUCCESS if done else _IN_PROGRESS,
        return_value=partial.result if done else None,
    )


def _alias(known: Registration) -> AliasInfo:
    return AliasInfo(
        alias=known.name,
        revision=known.revision,
        keep_alive=known.machine.get("keep_alive", 0),
        max_multiplexing=known.machine.get("max_multiplexing", 1),
        machine_types=known.machine.get("machine_types", []),
    )
