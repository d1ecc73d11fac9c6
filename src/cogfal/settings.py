"""The attributes of an App class that are cogfal's own; fal's stand beside them unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from cogfal.spec import Weight


class Settings:
    """Everything an App class can say about how its predictor is served.

    Set them as class attributes, or pass them to `App.from_cog` and `wrap`.
    """

    predictor: ClassVar[str | None] = None
    """Where the predictor is, as `path.py:Name`, relative to the file that defines the App."""

    trainer: ClassVar[str | None] = None
    """Where the training function or Trainer class is, in the same form."""

    cog_yaml: ClassVar[str | None] = None
    """The project's cog.yaml, relative to the file that defines the App.

    Without it, the nearest cog.yaml at or above the predictor is used where there is one.
    """

    output_name: ClassVar[str] = "output"
    """The key of a result that is not an object of its own, such as `image` or `videos`."""

    read_by_importing: ClassVar[bool] = False
    """Read the signature by importing the predictor where the App is defined, not from its text.

    Its packages must be installed there, and its module-level code runs there.
    """

    gpu_machine_type: ClassVar[str] = "GPU-H100"
    """The machine type for `gpu: true` where `machine_type` is not set."""

    dockerfile: ClassVar[str | None] = None
    """A Dockerfile to build instead, relative to the project; what `cog debug` added is cut."""

    build_secrets: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The fal secret for each secret mount of cog.yaml; by default its id in capitals."""

    exclude: ClassVar[Sequence[str]] = ()
    """Further files that stay behind, as patterns of a .dockerignore."""

    weights: ClassVar[Mapping[str, str | Weight]] = MappingProxyType({})
    """Large files that are not uploaded: path in the project to the URL it is fetched from."""

    data_cache: ClassVar[str | None] = "/data/.cache"
    """Where Hugging Face, torch and other libraries keep downloads, if `/data` is there."""

    isolate: ClassVar[bool] = False
    """Run the predictor in a child process that is killed when it does not obey a cancellation."""

    isolate_grace: ClassVar[float] = 10.0
    """Seconds between a cancellation and the kill of an isolated predictor."""

    stuck_after: ClassVar[float] = 300.0
    """Seconds that a cancelled prediction may go on for before the runner counts as unhealthy.

    Python code stops at once; what is blocked in C code stops when that returns, if it does. fal
    replaces a runner that is unhealthy.
    """

    queue_limit: ClassVar[int] = 100
    """How many requests of fal's endpoint may wait for a slot before callers get 429."""

    timings: ClassVar[bool] = False
    """Add `timings` (seconds of each phase) to the answers of fal's endpoint."""

    allow_private_hosts: ClassVar[bool] = False
    """Let file inputs and webhooks name private and loopback hosts; for local runs only."""

    trusted_hosts: ClassVar[Sequence[str]] = ()
    """Further names under which a local run may be reached, and whose web pages may call it.

    Served on your own machine, an app answers only under addresses and names that nobody on the
    internet can have, and only to pages of that machine. `COGFAL_TRUSTED_HOSTS` adds names, "*"
    lets all pass. On fal's runners every request passes.
    """

    max_file_bytes: ClassVar[int] = 4 * 1024**3
    """The largest file input, decoded, in bytes."""

    max_request_bytes: ClassVar[int] = 16 * 1024**3
    """The largest sum of one request's file inputs, decoded, in bytes."""

    download_timeout: ClassVar[float] = 600.0
    """Seconds within which all file inputs of one request must have arrived."""

    file_cache: ClassVar[str | None] = None
    """A directory, such as `/data/cogfal`, that keeps downloaded inputs for later requests."""

    files: ClassVar[Any] = None
    """Where output files go: `"fal"`, `"local"`, `"in_memory"`, or a fal.toolkit FileRepository.

    By default fal's CDN where credentials are found, else a folder served by the app itself.
    """

    output_places: ClassVar[Sequence[str]] = ()
    """Further directories that output files may lie in, beside the project and temporary ones."""

    reserve_outputs: ClassVar[bool] = False
    """Answer with the reserved URLs of output files before their bytes are uploaded."""

    data_urls: ClassVar[bool] = False
    """Give Cog's API output files as data URLs, as a Cog container does, not as URLs."""

    upload_url: ClassVar[str | None] = None
    """Where output files of Cog's API are PUT, as Cog's `--upload-url`."""

    allow_output_prefix: ClassVar[bool] = False
    """Let callers of Cog's API name where output files are uploaded (`output_file_prefix`)."""

    allow_shutdown: ClassVar[bool] = False
    """Answer Cog's `POST /shutdown` instead of refusing it."""

    playground: ClassVar[bool] = False
    """Serve a page at `/playground` that makes a form of the app's schema."""
