"""A gateway on fal itself: a small server on a CPU machine.

    fal run app.py::gateway

It is one machine, since what it remembers (lists, streams, webhooks under way) is on it.
"""

import fal

TARGETS = {"acme/greeter": "your-name/greeter"}


@fal.function(
    machine_type="S",
    requirements=["cogfal[gateway]"],
    exposed_port=8080,
    min_concurrency=1,
    max_concurrency=1,
    max_multiplexing=100,
)
def gateway() -> None:
    import uvicorn

    from cogfal.gateway import application

    # No log of requests: addresses of streams and files carry tokens.
    uvicorn.run(application(TARGETS), host="0.0.0.0", port=8080, access_log=False)
