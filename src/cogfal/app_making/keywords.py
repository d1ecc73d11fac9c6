"""The keywords of `App.from_cog` and `wrap`, for editors and type checkers.

Those of fal are checked by these types where an App class is made; see `settings_validation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fal import ContainerImage
from fal.sdk import AuthModeLiteral, RetryConditionLiteral, RetryConfig, RetryConfigDict
from pydantic import NonNegativeInt, PositiveInt
from typing_extensions import TypedDict

from cogfal.spec import Weight


class FalKeywords(TypedDict, total=False):
    """The settings of `fal.App`."""

    name: str
    app_name: str | None
    app_auth: AuthModeLiteral | None
    machine_type: str | list[str]
    num_gpus: PositiveInt | None
    keep_alive: NonNegativeInt
    min_concurrency: NonNegativeInt | None
    max_concurrency: PositiveInt | None
    concurrency_buffer: NonNegativeInt | None
    concurrency_buffer_perc: NonNegativeInt | None
    scaling_delay: NonNegativeInt | None
    max_multiplexing: PositiveInt | None
    request_timeout: PositiveInt | None
    request_start_timeout: NonNegativeInt | None
    startup_timeout: PositiveInt | None
    termination_grace_period_seconds: NonNegativeInt | None
    metrics_port: PositiveInt | None
    kind: str | None
    image: ContainerImage | None
    python_version: str
    version: str
    resolver: str
    requirements: list[str] | list[list[str]]
    requirements_context_dir: str | None
    local_python_modules: list[str]
    app_files: list[str]
    app_files_ignore: list[str]
    app_files_context_dir: str | None
    regions: list[str] | None
    secrets: list[str] | None
    data_mounts: list[str] | None
    retry_config: RetryConfig | RetryConfigDict | None
    skip_retry_conditions: list[RetryConditionLiteral] | None


class AppKeywords(FalKeywords, total=False):
    """Everything that an App class can say; `cogfal.settings` says what each means."""

    trainer: str | None
    output_name: str
    read_by_importing: bool
    gpu_machine_type: str
    dockerfile: str | None
    interpreter: str | None
    build_args: Mapping[str, str]
    registries: Mapping[str, Mapping[str, str]]
    compression: str | None
    build_secrets: Mapping[str, str]
    exclude: Sequence[str]
    weights: Mapping[str, str | Weight]
    data_cache: str | None
    environment: Literal["auto", "shared", "own"]
    isolate: bool
    isolate_grace: float
    max_output_bytes: int
    stuck_after: float
    queue_limit: int
    timings: bool
    allow_private_hosts: bool
    max_body_bytes: int
    trusted_hosts: Sequence[str]
    max_files: int
    max_file_bytes: int
    max_request_bytes: int
    download_timeout: float
    file_cache: str | None
    files: Any
    output_places: Sequence[str]
    reserve_outputs: bool
    data_urls: bool
    upload_url: str | None
    allow_output_prefix: bool
    allow_shutdown: bool
    playground: bool


class FromCogKeywords(AppKeywords, total=False):
    """The keywords of `App.from_cog`."""

    predictor: str | None


class WrapKeywords(AppKeywords, total=False):
    """The keywords of `wrap`."""

    cog_yaml: str | None
