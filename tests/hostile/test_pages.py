"""A web page of somebody else's, open in the browser of a user who serves an app locally."""

from __future__ import annotations

import http.server
from collections.abc import Iterator

import httpx
import pytest
from selenium.webdriver import Chrome

from tests.browser import chromium
from tests.hostile.target import TAKES_EVERYTHING, Target
from tests.http_server import running

EVIL = "https://evil.example"
ROUTES = [
    ("POST", "/"),
    ("POST", "/cancel"),
    ("GET", "/"),
    ("GET", "/openapi.json"),
    ("GET", "/health-check"),
    ("GET", "/docs"),
    ("GET", "/cogfal/files/x/y"),
    ("POST", "/predictions"),
    ("PUT", "/predictions/x"),
    ("POST", "/predictions/x/cancel"),
    ("POST", "/shutdown"),
    ("POST", "/health"),
    ("GET", "/nowhere"),
]
CALLS = """
    const [url, done] = arguments;
    const ask = (options) => fetch(url, {method: "POST", body: '{"text": "by a page"}', ...options})
        .then((answer) => answer.type + " " + answer.status, () => "refused");
    const json = {headers: {"Content-Type": "application/json"}};
    const ways = [{}, json, {mode: "no-cors"}, {mode: "same-origin"}];
    Promise.all(ways.map(ask)).then(done);
"""


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_a_foreign_page(target: Target, method: str, path: str) -> None:
    """Neither the page's own name, nor a sandbox's, nor a preflight gets anywhere."""
    for origin in (EVIL, "null", "http://127.0.0.1.evil.example", "https://fal.ai.evil.example"):
        answer = httpx.request(
            method, target.url + path, json={"text": "x"}, headers={"Origin": origin}
        )
        preflight = httpx.options(
            target.url + path,
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Private-Network": "true",
            },
        )

        assert (answer.status_code, preflight.status_code) == (403, 403)
        for each in (answer, preflight):
            assert not any(name.startswith("access-control") for name in each.headers)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_under_a_rebound_name(target: Target, method: str, path: str) -> None:
    """A name that was turned to this machine is not one of its names."""
    rebound = {
        "Host": f"evil.example:{target.port}",
        "Origin": f"http://evil.example:{target.port}",
    }

    answer = httpx.request(method, target.url + path, json={"text": "x"}, headers=rebound)

    assert answer.status_code == 403


def test_pages_of_this_machine_and_programs_are_served(target: Target) -> None:
    """This is the control: a development server's page, the app's own, and curl."""
    for headers in ({"Origin": "http://localhost:5173"}, {"Origin": target.url}, {}):
        answer = target.ask({"text": "welcome"}, **headers)

        assert answer.json()["output"]["text"] == "welcome"
        assert ("access-control-allow-origin" in answer.headers) == bool(headers)


def test_a_trusted_page_is_served(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the App or the environment names passes; what they do not name does not."""
    folder = tmp_path_factory.mktemp("trusting")
    with Target(
        folder,
        TAKES_EVERYTHING,
        'trusted_hosts = ["app.example"]',
        COGFAL_TRUSTED_HOSTS="tunnel.example",
    ) as trusting:
        statuses = [
            trusting.ask({}, Origin="https://app.example").status_code,
            trusting.ask({}, Host="tunnel.example").status_code,
            trusting.ask({}, Origin=EVIL).status_code,
        ]

    assert statuses == [200, 200, 403]


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>evil</title>")

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def page_port() -> Iterator[int]:
    """A server of pages."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    with running(server):
        yield server.server_port


@pytest.fixture
def browser() -> Iterator[Chrome]:
    """Chromium, for which every name below `example` is this machine."""
    with chromium("--host-resolver-rules=MAP *.example 127.0.0.1") as chrome:
        chrome.set_script_timeout(20)
        yield chrome


def test_a_real_browsers_page_reaches_no_predictor(
    target: Target, browser: Chrome, page_port: int
) -> None:
    """By address, by a rebound name, with and without a preflight: the predictor is not called."""
    app = f"http://127.0.0.1:{target.port}/"
    rebound = f"http://evil.example:{target.port}/"
    before = target.output.count("by a page")

    browser.get(f"http://evil.example:{page_port}/")
    by_address = browser.execute_async_script(CALLS, app)
    browser.get(rebound)
    by_name = browser.execute_async_script(CALLS, rebound)
    called_by_evil = target.output.count("by a page") - before
    browser.get(f"http://localhost:{page_port}/")
    by_own_page = browser.execute_async_script(CALLS, app)
    target.wait_for("called with 'by a page'")

    assert not any(result.endswith(" 200") for result in by_address + by_name)
    assert called_by_evil == 0
    assert by_own_page[:2] == ["cors 200", "cors 200"]
