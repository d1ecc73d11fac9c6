"""The attributes of an App class that are cogfal's own; fal's stand beside them unchanged."""

from __future__ import annotations

from typing import Any, ClassVar


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

    isolate: ClassVar[bool] = False
    """Run the predictor in a child process that is killed when it does not obey a cancellation."""

    isolate_grace: ClassVar[float] = 10.0
    """Seconds between a cancellation and the kill of an isolated predictor."""

    queue_limit: ClassVar[int] = 100
    """How many requests of fal's endpoint may wait for a slot before callers get 429."""

    timings: ClassVar[bool] = False
    """Add `timings` (seconds of each phase) to the answers of fal's endpoint."""

    allow_private_hosts: ClassVar[bool] = False
    """Let file inputs and webhooks name private and loopback hosts; for local runs only."""

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
