"""Serve three examples with `fal run --local`, call each once, and show what came back.

Needs no account: files are kept on this machine and served by the app itself. What a model asks for
is installed into an environment of its own when it is served for the first time.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image, ImageDraw, ImageFont

EXAMPLES = Path(__file__).parent
WORK = EXAMPLES.parent / ".demo"


def main() -> None:
    picture = draw(WORK / "input.png", "Served by fal 2026")
    show("hello-text", {"name": "Ada", "language": "french", "times": 2})
    show("image-tool", {"image": data_url(picture), "width": 320, "rotate": 10, "blur": 1})
    if sys.version_info < (3, 13):
        show("ocr", {"image": data_url(picture)})
    else:
        print("\n== examples/ocr: skipped, rapidocr-onnxruntime needs Python before 3.13")
    print(
        "\nThe other examples are in examples/README.md; docs/tutorial.md takes a project of yours."
    )


def show(name: str, inputs: dict[str, object]) -> None:
    """Serve an example, call it, and keep the files it answers with."""
    print(f"\n== examples/{name}", flush=True)
    print("$ fal run --local app.py::App", flush=True)
    with served(name) as url:
        answer = call(url, inputs)
        print(f"POST {url}/ {brief(inputs)}")
        print(json.dumps(answer, indent=2))
        for file_url in urls(answer):
            path = WORK / "outputs" / name / Path(urlsplit(file_url).path).name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(fetch(file_url))
            print(f"saved {path} ({path.stat().st_size} bytes)")


@contextmanager
def served(name: str) -> Iterator[str]:
    """Run the example until the block ends."""
    port, metrics = free_port(), free_port()
    command = [Path(sys.executable).parent / "fal", "run", "--local"]
    command += [f"--exposed-port={port}", f"--exposed-metrics-port={metrics}", "app.py::App"]
    process = subprocess.Popen(
        command,
        cwd=EXAMPLES / name,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log = []
    try:
        for line in process.stdout:
            log.append(line)
            if f"Uvicorn running on http://0.0.0.0:{port}" in line:
                break
        else:
            sys.exit(f"the app did not start:\n{''.join(log)}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def call(url: str, inputs: dict[str, object]) -> object:
    request = urllib.request.Request(
        f"{url}/", json.dumps(inputs).encode(), {"Content-Type": "application/json"}
    )
    return json.loads(fetch(request))


def fetch(request: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=120) as response:
        return response.read()


def urls(answer: object) -> Iterator[str]:
    """Find the files in an answer."""
    match answer:
        case {"url": str(url), "content_type": _}:
            yield url
        case dict():
            for value in answer.values():
                yield from urls(value)
        case list():
            for value in answer:
                yield from urls(value)


def draw(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (720, 160), "white")
    ImageDraw.Draw(picture).text((40, 45), text, fill="black", font=ImageFont.load_default(64))
    picture.save(path)
    return path


def data_url(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def brief(inputs: dict[str, object]) -> str:
    text = json.dumps(inputs)
    return text if len(text) <= 160 else f"{text[:120]} ... {text[-30:]}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
