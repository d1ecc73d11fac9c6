"""Call deployed models the way `replicate.run` does, over fal-client.

    from cogfal import client

    image = client.run("you/your-model", {"prompt": "a red square", "photo": Path("photo.png")})
    Path("out.png").write_bytes(image.read())

Needs the extra: `pip install "cogfal[client]"`. Credentials are fal-client's: `FAL_KEY`, or those
of `fal auth login`; every function also takes a `key`.
"""

from cogfal.client.calling import (
    AsyncRun,
    FileOutput,
    Run,
    RunStatus,
    document,
    run,
    run_async,
    stream,
    stream_async,
    submit,
    submit_async,
)

__all__ = [
    "AsyncRun",
    "FileOutput",
    "Run",
    "RunStatus",
    "document",
    "run",
    "run_async",
    "stream",
    "stream_async",
    "submit",
    "submit_async",
]
