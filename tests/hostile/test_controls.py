"""Routes that control the app rather than ask the predictor."""

from __future__ import annotations

import pickle
from pathlib import Path

import httpx
import pytest

from tests.hostile.target import Target


@pytest.mark.parametrize("path", ["/shutdown", "//shutdown", "/shutdown/", "/SHUTDOWN"])
def test_a_caller_cannot_end_the_app(target: Target, path: str) -> None:
    """It is refused, and the next request is served."""
    answer = httpx.post(target.url + path, json={}, follow_redirects=True)

    assert answer.status_code in (403, 404)
    assert target.is_well()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "FOO"])
@pytest.mark.parametrize("path", ["/predictions", "/cancel", "/shutdown", "/setup", "/teardown"])
def test_other_methods_do_nothing(target: Target, method: str, path: str) -> None:
    """They are refused by the routes, and never a server error."""
    answer = httpx.request(method, target.url + path)

    assert answer.status_code in (400, 404, 405)
    assert target.is_well()


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/app.py",
        "/predict.py",
        "/.env",
        "/.git/config",
        "/static/",
        "/cogfal/",
        "/%00",
    ],
)
def test_no_file_of_the_project_is_served(target: Target, path: str) -> None:
    """There is no directory behind any route."""
    answer = httpx.get(target.url + path)

    assert answer.status_code == 404
    assert "Predictor" not in answer.text


def test_the_metrics_show_no_input(target: Target) -> None:
    """What is counted about requests names routes, never what they held."""
    target.ask({"text": "needle-in-a-metric"})
    port = next(arg for arg in target.command if arg.startswith("--exposed-metrics-port="))

    metrics = httpx.get(f"http://127.0.0.1:{port.partition('=')[2]}/metrics").text

    assert "http_requests_total" in metrics
    assert "needle-in-a-metric" not in metrics


def test_no_pickle_is_ever_read(target: Target, tmp_path: Path) -> None:
    """Sent as a body, as a data URL or as an upload's answer, it stays bytes."""
    trap = pickle.dumps(_Trap(tmp_path / "sprung"))
    kinds = ["application/octet-stream", "application/x-pickle", "application/json"]

    for kind in kinds:
        headers = {"Content-Type": kind}
        assert httpx.post(target.url, content=trap, headers=headers).status_code == 422
        predicted = httpx.post(target.url + "/predictions", content=trap, headers=headers)
        assert predicted.status_code in (400, 415)
    given = target.ask({"image": "data:application/x-pickle," + "".join(f"%{b:02x}" for b in trap)})

    assert given.status_code == 200
    assert not (tmp_path / "sprung").exists()


class _Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))
