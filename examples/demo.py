"""Serve three examples with `fal run --local`, call each once, and show what came back.

Needs no account: files are kept on this machine and served by the app itself.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import runpy
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uv", type=Path, required=True, help="the uv to install packages with")
    uv = parser.parse_args().uv
    picture = draw(WORK / "input.png", "Served by fal 2026")
    show("hello-text", uv, {"name": "Ada", "language": "french", "times": 2})
    show("image-tool", uv, {"image": data_url(picture), "width": 320, "rotate": 10, "blur": 1})
    if sys.version_info < (3, 13):
        show("ocr", uv, {"image": data_url(picture)})
    else:
        print("\n== examples/ocr: skipped, rapidocr-onnxruntime needs Python before 3.13")
    print(
        "\nThe other examples are in examples/README.md; docs/tutorial.md takes a project of yours."
    )


def show(name: str, uv: Path, inputs: dict[str, object]) -> None:
    """Serve an example, call it, and keep the files it answers with."""
    print(f"\n== examples/{name}", flush=True)
    install(name, uv)
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


def install(name: str, uv: Path) -> None:
    """Install what the app asks fal for, layer by layer as fal does."""
    wanted = runpy.run_path(str(EXAMPLES / name / "app.py"))["App"].requirements
    layers = wanted if wanted and isinstance(wanted[0], list) else [wanted]
    for layer in filter(None, layers):
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", sys.executable, *layer], check=True
        )


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
