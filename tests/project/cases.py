"""The table of projects: a cog.yaml, the files beside it, and what the App class asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from cogfal.project.config import PlanSettings
from cogfal.project.config_reader import read_config
from cogfal.project.plan import PlannedEnvironment, plan_environment
from cogfal.spec import Weight

PINS = {"fastapi": "0.115.0", "pydantic": "2.11.0", "tblib": "3.1.0"}
COG_DEBUG = """\
#syntax=docker/dockerfile:1.4
FROM python:3.10.6 as deps
COPY .cog/tmp/build4143857248/cog-0.0.1.dev-py3-none-any.whl /tmp/cog-0.0.1.dev-py3-none-any.whl
RUN --mount=type=cache,target=/root/.cache pip install -t /dep /tmp/cog-0.0.1.dev-py3-none-any.whl
COPY .cog/tmp/build4143857248/requirements.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip pip install -t /dep -r /tmp/requirements.txt
FROM nvidia/cuda:12.1.1-cudnn8-devel-ubuntu22.04
ENV DEBIAN_FRONTEND=noninteractive
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update -qq && \\
    apt-get install -qqy \\
    # a comment in between
    ffmpeg && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=deps,source=/dep,target=/dep \\
    cp -rf /dep/* $(pyenv prefix)/lib/python*/site-packages
RUN <<EOF
echo COPY . /src
EOF
WORKDIR /src
EXPOSE 5000
CMD ["python", "-m", "cog.server.http"]
COPY . /src
"""
PYPROJECT = '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "mine"\nversion = "1"\n'


@dataclass(frozen=True)
class Case:
    """One project; a value in `files` is a file's text."""

    name: str
    cog_yaml: str
    files: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def write(self, root: Path) -> Path:
        """Write the project to a directory; returns its cog.yaml."""
        for name, text in {"predict.py": "", **self.files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        path = root / "cog.yaml"
        path.write_text(dedent(self.cog_yaml))
        return path

    def plan(self, root: Path) -> PlannedEnvironment:
        """Write the project and plan it, independently of this machine."""
        config = read_config(self.write(root))
        return plan_environment(config, root, plan_settings(**self.settings))


def plan_settings(**given: Any) -> PlanSettings:
    """Settings that do not depend on the machine that runs the tests."""
    return PlanSettings(
        **{"pins": PINS, "client_python": "3.11", "environ": {}, "resolve": False, **given}
    )


def build(*lines: str, gpu: bool = False, python: str = "3.11") -> str:
    """A cog.yaml with a `build` stanza."""
    body = [f'  python_version: "{python}"', *(f"  {line}" for line in lines)]
    return "\n".join(
        ["build:", *(["  gpu: true"] if gpu else []), *body, "predict: predict.py:P", ""]
    )


def packages(
    *names: str, gpu: bool = False, python: str = "3.11", more: tuple[str, ...] = ()
) -> str:
    """A cog.yaml with python_packages."""
    listed = ["python_packages:", *(f"  - {name!r}" for name in names)]
    return build(*listed, *more, gpu=gpu, python=python)


def requirements(*lines: str, **files: str) -> dict[str, Any]:
    """A cog.yaml with python_requirements, and the files."""
    text = build("python_requirements: requirements.txt")
    return {"cog_yaml": text, "files": {"requirements.txt": "\n".join(lines) + "\n", **files}}


CASES = [
    Case("empty", ""),
    Case("null-document", "null\n"),
    Case("only-predict", 'predict: "predict.py:Predictor"\n'),
    Case("only-run", 'run: "run.py:Runner"\n'),
    Case("python-unquoted", "build:\n  python_version: 3.11\n"),
    Case("python-unquoted-3.10", "build:\n  python_version: 3.10\n"),
    Case("python-patch", build(python="3.11.4")),
    Case("python-differs", build(python="3.12")),
    Case("python-differs-runner", build(python="3.8"), settings={"kind": "virtualenv"}),
    Case("environment-own", packages("six"), settings={"environment": "own"}),
    Case("environment-old", packages("pillow==9.5", python="3.8.5")),
    Case(
        "environment-cuda",
        packages("torch==2.1.0", gpu=True, python="3.9", more=('cuda: "11.8"',)),
        settings={"layers": (("a", "b"), ("c",))},
    ),
    Case("find-links", **requirements("--find-links ./wheels", "six", **{"wheels/x.whl": "w"})),
    Case("python-setting-wins", build(python="3.12"), settings={"python_version": "3.11"}),
    Case("cpu-small", packages("requests==2.32.0")),
    Case("cpu-numpy", packages("numpy", "Pillow>=10")),
    Case("cpu-torch", packages("torch==2.4.0", "torchvision")),
    Case("cpu-torch-wheel", packages("torch==2.4.0+cpu")),
    Case("cpu-vllm", packages("vllm")),
    Case(
        "packages-with-index",
        packages("--extra-index-url https://example.com/simple", "torch==2.1.0"),
    ),
    Case("cog-in-requirements", packages("cog==0.9.0", "numpy")),
    Case("duplicates", packages("numpy", "numpy", "scipy")),
    Case("markers", packages('tomli; python_version < "3.11"', 'uvloop; sys_platform == "linux"')),
    Case(
        "directory-named-like-a-requirement",
        packages("torch", "numpy[x]"),
        {"torch/a.py": "", "numpy/b.py": ""},
    ),
    Case(
        "nested-requirements",
        **requirements("-r base.txt", "scipy", **{"base.txt": "numpy  # a comment\n"}),
    ),
    Case(
        "nested-in-a-directory",
        **requirements(
            "-rreqs/base.txt", **{"reqs/base.txt": "-r more.txt\n", "reqs/more.txt": "six\n"}
        ),
    ),
    Case(
        "constraints",
        **requirements(
            "-c limits.txt", "numpy>=1.24", **{"limits.txt": "numpy<2\nurllib3==2.0.7\n"}
        ),
    ),
    Case(
        "continuation-lines",
        **requirements("numpy \\", "  >=1.24,\\", "  <2", "# comment \\", "six"),
    ),
    Case(
        "hashes",
        **requirements("--require-hashes", "six==1.16.0 \\", "  --hash=sha256:" + "a" * 64),
    ),
    Case(
        "find-links-of-the-project",
        **requirements("--find-links ./wheels", "six", **{"wheels/x.whl": ""}),
        settings={"kind": "virtualenv"},
    ),
    Case(
        "constraint-of-a-url",
        **requirements("six @ https://x/six.whl", "-c c.txt", **{"c.txt": "six<2\n"}),
    ),
    Case(
        "hashes-in-an-image",
        **requirements("six==1.16.0 --hash=sha256:" + "a" * 64, "-c c.txt", **{"c.txt": "x<2\n"}),
        settings={"kind": "container"},
    ),
    Case(
        "index-options",
        **requirements(
            "--index-url https://a.example/simple",
            "--extra-index-url=https://b.example/simple",
            "-f https://c.example/links.html",
            "--trusted-host a.example",
            "--pre",
            "--no-binary :all:",
            "--prefer-binary",
            "six",
        ),
    ),
    Case(
        "vcs",
        **requirements(
            "git+https://github.com/huggingface/transformers@2d1602a",
            "mine @ git+https://github.com/a/b@v1",
        ),
    ),
    Case(
        "url-wheel",
        **requirements(
            "https://example.com/x-1-py3-none-any.whl --hash=sha256:" + "b" * 64,
            "y @ https://example.com/y-1-py3-none-any.whl",
        ),
    ),
    Case(
        "local-wheel",
        **requirements(
            "./wheels/x-1-py3-none-any.whl", "six", **{"wheels/x-1-py3-none-any.whl": "w"}
        ),
    ),
    Case("editable-project", **requirements("-e .[extra]", "six", **{"pyproject.toml": PYPROJECT})),
    Case("local-directory", **requirements("./lib", **{"lib/pyproject.toml": PYPROJECT})),
    Case(
        "local-setup-py",
        **requirements("-e lib", **{"lib/setup.py": "from setuptools import setup\nsetup()\n"}),
    ),
    Case(
        "variable",
        **requirements("six==${SIX_VERSION}"),
        settings={"environ": {"SIX_VERSION": "1.16.0"}},
    ),
    Case(
        "credentials-variable",
        **requirements("--index-url https://user:${TOKEN}@example.com/simple", "six"),
    ),
    Case(
        "credentials-written-out",
        **requirements("--extra-index-url https://user:pw@example.com/simple", "six"),
    ),
    Case("gpu-plain", packages("torch==2.4.1", gpu=True)),
    Case("gpu-unpinned", packages("torch", "transformers", gpu=True)),
    Case(
        "gpu-default-machine",
        packages("torch==2.4.1", gpu=True),
        settings={"gpu_machine_type": "GPU-A100"},
    ),
    Case(
        "gpu-machine-setting",
        packages("torch==2.4.1", gpu=True),
        settings={"machine_type": ("GPU-A100", "GPU-H100")},
    ),
    Case(
        "gpu-cpu-machine-wins", packages("torch==2.4.1", gpu=True), settings={"machine_type": "L"}
    ),
    Case("gpu-torch-1.13", packages("torch==1.13.1", gpu=True)),
    Case("gpu-torch-1.12", packages("torch==1.12.1", "torchvision==0.13.1", gpu=True)),
    Case(
        "gpu-torch-by-marker",
        packages(
            'torch==1.13; python_version < "3.9"',
            'torch==2.4.1; python_version >= "3.9"',
            gpu=True,
        ),
    ),
    Case(
        "constraints-by-marker",
        **requirements(
            "-c limits.txt",
            "six",
            **{"limits.txt": "six<2; python_version >= '3.8'\nsix<1; python_version < '3.8'\n"},
        ),
        settings={"client_python": "3.11"},
    ),
    Case("packages-of-nvidia", build("system_packages: [cuda-nvcc-12-4]", gpu=True)),
    Case("gpu-torch-2.0", packages("torch==2.0.1", gpu=True)),
    Case("gpu-torch-upper-bound", packages("torch<2", gpu=True)),
    Case("gpu-torch-local-version", packages("torch==2.0.1+cu118", gpu=True)),
    Case(
        "gpu-torch-on-b200",
        packages("torch==2.7.0", gpu=True),
        settings={"machine_type": "GPU-B200"},
    ),
    Case(
        "gpu-torch-on-rtx-pro",
        packages("torch==2.8.0", gpu=True),
        settings={"machine_type": "GPU-RTXPRO6000"},
    ),
    Case(
        "gpu-unknown-machine",
        packages("torch==1.13.1", gpu=True),
        settings={"machine_type": "GPU-NEW"},
    ),
    Case("gpu-tensorflow", packages("tensorflow==2.15.0", gpu=True)),
    Case(
        "gpu-tensorflow-old",
        packages("tensorflow==2.8.0", gpu=True, python="3.10"),
        settings={"client_python": "3.10"},
    ),
    Case("gpu-tensorflow-and-cuda", packages("tensorflow[and-cuda]==2.16.1", gpu=True)),
    Case("gpu-jax", packages("jax[cuda12]==0.4.30", gpu=True)),
    Case("gpu-jax-old", packages("jax[cuda11_pip]==0.4.13", gpu=True)),
    Case("gpu-cpu-wheels", packages("jax", "torch==2.4.0+cpu", "tensorflow", gpu=True)),
    Case(
        "gpu-system-packages",
        packages("torch==2.4.1", gpu=True, more=("system_packages: [ffmpeg]",)),
    ),
    Case("gpu-flash-attn", packages("torch==2.4.1", "flash-attn==2.6.3", gpu=True)),
    Case("system-packages", build('system_packages: ["ffmpeg", "libgl1-mesa-glx libglib2.0-0"]')),
    Case(
        "system-packages-forced-off",
        build('system_packages: ["ffmpeg"]'),
        settings={"kind": "virtualenv"},
    ),
    Case(
        "run-commands",
        build(
            "run:",
            "  - curl -L https://example.com/x | tar -xz",
            "  - |",
            "    set -e",
            "    make install",
            "  - '[ -f x ] && cat <<EOF'",
            "  - --network=host true",
            "  - ends with a backslash \\",
        ),
    ),
    Case(
        "run-mounts",
        build(
            "run:",
            "  - command: pip install private",
            "    mounts:",
            "      - {type: secret, id: pip, target: /etc/pip.conf}",
        ),
    ),
    Case(
        "run-mounts-renamed",
        build("run:", "  - {command: x, mounts: [{type: secret, id: my-id, target: /a/b}]}"),
        settings={"build_secrets": {"my-id": "OTHER"}},
    ),
    Case("pre-install", build("pre_install:", "  - apt-get moo", "run: [echo after]", gpu=True)),
    Case("cuda", packages("torch==2.1.0", gpu=True, more=('cuda: "11.8"',))),
    Case("cuda-patch", build('cuda: "12.4.1"', gpu=True)),
    Case("cuda-nearest", build('cuda: "12.7"', gpu=True, python="3.11.4")),
    Case("cuda-cudnn", build("cuda: 12.1", "cudnn: 8", gpu=True)),
    Case("cudnn-alone", build('cudnn: "9.3"', gpu=True)),
    Case("cudnn-of-no-image", build('cuda: "12.4"', "cudnn: 7", gpu=True)),
    Case("git-in-an-image", packages("git+https://x/y@v1#egg=y", more=("system_packages: [sox]",))),
    Case("run-installs-cog", build("run: [pip install cog==0.9.0, make]")),
    Case(
        "environment",
        'environment:\n  - A=1\n  - B=x y "$A"\n  - C=$HOME/.cache\n  - D=$A\n  - EMPTY=\n'
        "build:\n  system_packages: [git]\n",
    ),
    Case("environment-of-lines", 'environment:\n  - "A=1\\n2"\n' + build("system_packages: [sox]")),
    Case("environment-mapping", "environment:\n  A: 1\n  B: true\n"),
    Case(
        "environment-secret", "environment:\n  - HF_TOKEN=hf_x\nbuild:\n  system_packages: [git]\n"
    ),
    Case(
        "observability",
        "observability:\n  traces:\n    sampler: always_on\n    config: telemetry.py\n"
        "environment:\n  - OTEL_SERVICE_NAME=painter\n  - OTEL_EXPORTER_OTLP_PROTOCOL=grpc\n",
        {"telemetry.py": ""},
    ),
    Case(
        "observability-own",
        "observability:\n  traces:\n    enabled: true\n"
        + packages("opentelemetry-sdk==1.20", "protobuf<4"),
        settings={"environment": "own"},
    ),
    Case(
        "observability-shared",
        "observability:\n  config: ./telemetry.py\n" + packages("opentelemetry-sdk==1.30", "six"),
        {"telemetry.py": ""},
        settings={"environment": "shared"},
    ),
    Case(
        "observability-older",
        "observability:\n  tracing:\n    enabled: true\n" + packages("opentelemetry-sdk==1.20"),
    ),
    Case("observability-off", "observability:\n  tracing:\n    enabled: false\n"),
    Case("concurrency", "concurrency:\n  max: 8\n"),
    Case(
        "concurrency-not-async",
        "concurrency:\n  max: 8\n",
        settings={"asynchronous": False},
    ),
    Case(
        "concurrency-setting-wins",
        "concurrency:\n  max: 8\n  default_target: 4\n",
        settings={"max_multiplexing": 2},
    ),
    Case("model", "model: me/painter\nrun: predict.py:P\n"),
    Case("image-and-train", 'image: "r8.im/me/My_Model:v2"\ntrain: "train.py:train"\n'),
    Case(
        "weights",
        "weights:\n  - source: https://example.com/w.bin\n    target: weights/w.bin\n  - hf://a/b\n"
        "  - source: [hf://a/b@v1, {uri: https://example.com/c.bin, include: '*'}]\n"
        "    target: /src/weights/both\n  - {source: s3://x/y, target: z}\n"
        "  - {source: hf://a/c, target: /elsewhere}\n",
        {"weights/w.bin": "local copy"},
    ),
    Case(
        "weights-setting",
        build(),
        {"big.bin": "b"},
        {"weights": {"big.bin": Weight("https://example.com/big", "ab")}},
    ),
    Case(
        "no-counterpart",
        "build:\n  fast: true\n  cog_runtime: true\n  sdk_version: 0.18.0\n"
        "  python_overrides: o.txt\ntests:\n  - x: 1\n",
    ),
    Case(
        "anchors",
        "build:\n  system_packages: &p [numpy]\n  python_packages: *p\n",
    ),
    Case(
        "dockerignore",
        build(),
        {
            ".dockerignore": "*.md\n!keep.md\ndata\n!data/keep\n**/tmp\n",
            "a.md": "",
            "keep.md": "",
            "data/x": "",
            "data/keep": "",
            "a/tmp/z": "",
            ".git/HEAD": "",
            ".env": "",
            "venv/pyvenv.cfg": "",
            "x.pyc": "",
        },
    ),
    Case(
        "cog-debug",
        packages("torch==2.1.0", gpu=True),
        {"Dockerfile": COG_DEBUG},
        {"dockerfile": Path("Dockerfile")},
    ),
    Case("image-forced", build(), settings={"kind": "container", "requirements": ("pillow>=10",)}),
    Case("own-requirements", packages("six"), settings={"requirements": ("pillow>=10",)}),
]
