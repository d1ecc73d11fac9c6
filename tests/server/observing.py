"""Reduce answers to what two servers must have in common: everything but ids, times and wording.

cogfal adds `created_at`, `started_at` and `completed_at`; they are taken out here and tested
elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

TIMES = ("created_at", "started_at", "completed_at")
GENERATED = re.compile(r"pred_[0-9a-f]{16}|[a-z2-7]{26}")


def answer(response: httpx.Response) -> tuple[int, Any]:
    """Return status and body of an answer; errors by the places they name."""
    if "application/json" not in response.headers.get("content-type", ""):
        return response.status_code, None
    return response.status_code, state(response.json())


def state(body: Any) -> Any:
    """Return a body without its ids, times and wording."""
    if not isinstance(body, dict):
        return body
    kept = {name: value for name, value in body.items() if name not in TIMES}
    if isinstance(kept.get("id"), str):
        kept["id"] = GENERATED.sub("<generated>", kept["id"])
    if "predict_time" in kept.get("metrics", {}):
        assert kept["metrics"]["predict_time"] >= 0
        kept["metrics"] = {**kept["metrics"], "predict_time": "<seconds>"}
    if isinstance(kept.get("detail"), list):
        kept["detail"] = [problem["loc"] for problem in kept["detail"]]
    return kept


def failure(response: httpx.Response, *words: str) -> tuple[int, Any]:
    """Return what a failed prediction answers: its error by `words`, its logs left out.

    Cog puts "Prediction failed: " before the text, several times, and shows no logs.
    """
    status, body = answer(response)
    assert body.pop("logs", None) is not None
    text = body.pop("error")
    assert all(word in text for word in words), text
    return status, body


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    """Parse the server-sent events of an answer."""
    return parsed(response.text)


def parsed(text: str) -> list[tuple[str, Any]]:
    """Parse server-sent events; comments are left out."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = dict(line.split(": ", 1) for line in lines)
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def by_kind(happened: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Group events by name, each group in its order; logs joined per stream.

    Cog carries output, logs and metrics over ways of their own and may reorder them.
    """
    grouped: dict[str, list[Any]] = {}
    for name, data in happened:
        grouped.setdefault(name, []).append(state(data))
    logs = grouped.pop("log", [])
    for source in ("stdout", "stderr"):
        grouped[source] = ["".join(log["data"] for log in logs if log["source"] == source)]
    return grouped
