"""A company's own site, with a gateway behind its login.

    GATEWAY_FAL_KEY=id:secret uvicorn company:app

The gateway calls fal with a key of its own, which no caller sees. Who may come in is for the site
to say: here whoever has one of its tokens, in yours what your login knows.
"""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from cogfal.gateway import application

STAFF = {"token-of-ada": "ada", "token-of-grace": "grace"}


async def known(request: Request) -> str | None:
    """Return the name of whoever sent a request, None for strangers."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    return STAFF.get(token)


async def home(request: Request) -> PlainTextResponse:
    return PlainTextResponse("set REPLICATE_BASE_URL to this address and /models")


gateway = application(
    {"acme/greeter": os.environ.get("GREETER", "your-name/greeter")},
    allow=known,
    key=os.environ["GATEWAY_FAL_KEY"],
)
app = Starlette(routes=[Route("/", home), Mount("/models", gateway)])
