"""Turn fal-client's errors into cogfal's, once, at the boundary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import fal_client
import httpx
from fal_client.auth import MissingCredentialsError

from cogfal.errors import CallFailed, Problem
from cogfal.spec import JSON


@contextmanager
def translated() -> Iterator[None]:
    """Raise `CallFailed` for what an app answers instead of a result, or when none answers."""
    try:
        yield
    except fal_client.FalClientHTTPError as error:
        raise call_failed(error.status_code, error.message) from error
    except httpx.HTTPError as error:
        raise CallFailed(f"fal cannot be reached: {str(error) or type(error).__name__}") from error
    except MissingCredentialsError as error:
        raise CallFailed(
            "there are no fal credentials; set FAL_KEY, or log in with `fal auth login`"
        ) from error
    except fal_client.FalClientError as error:
        raise CallFailed(str(error) or type(error).__name__) from error


def call_failed(status: int, detail: JSON) -> CallFailed:
    """Describe the answer of an app; `detail` is its body's, a text or fal's list of problems."""
    if not isinstance(detail, list):
        return CallFailed(str(detail), status=status)
    problems = [_problem(entry) for entry in detail if isinstance(entry, dict)]
    lines = (f"{'.'.join(map(str, p.loc))}: {p.message}" if p.loc else p.message for p in problems)
    return CallFailed("; ".join(lines), status=status, problems=problems)


def _problem(entry: dict[str, JSON]) -> Problem:
    loc = tuple(part for part in entry.get("loc", ()) if part != "body")
    message, kind = str(entry.get("msg", "")), str(entry.get("type", ""))
    return Problem(loc, message, kind, entry.get("ctx"), entry.get("input"))
