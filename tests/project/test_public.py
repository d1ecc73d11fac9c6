"""What public projects ask for: each gives a plan whose image can be built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cogfal.errors import ConfigError
from tests.project import parsed
from tests.project.cases import Case

SLIM, CUDA = "python:{}-slim-bookworm", "nvidia/cuda:{}-devel-ubuntu22.04"
ASKED: dict[str, tuple[dict[str, Any], str | None]] = {
    "old torch": (
        {
            "python_version": "3.8",
            "gpu": True,
            "system_packages": ["libgl1-mesa-glx", "libglib2.0-0"],
            "python_packages": ["torch==1.8.0", "Pillow==8.3", "typing-extensions==3.10.0.2"],
            "run": ["pip install git+https://host.invalid/x.git", "wget https://host.invalid/w"],
        },
        "nvidia/cuda:11.1.1-cudnn8-devel-ubuntu20.04",
    ),
    "a patch whose image is not served": (
        {"python_version": "3.8.5", "gpu": True, "python_packages": ["gradio==3.39.0"]},
        SLIM.format("3.8"),
    ),
    "a patch as it is": (
        {"python_version": "3.10.14", "python_packages": ["numpy"]},
        None,
    ),
    "cuda, with a comparison and an option for apt": (
        {
            "python_version": "3.9",
            "gpu": True,
            "cuda": "11.7",
            "system_packages": ["libtag1-dev>=1.9", "fluidsynth --fix-missing", "sox"],
            "python_packages": ["torch==2.0.1", "essentia-tensorflow"],
        },
        CUDA.format("11.7.1-cudnn8"),
    ),
    "a name of a newer Ubuntu": (
        {
            "python_version": "3.11",
            "gpu": True,
            "cuda": "12.6",
            "system_packages": ["libgl1", "libglib2.0-0t64"],
        },
        CUDA.format("12.6.3-cudnn"),
    ),
    "packages of NVIDIA's": (
        {
            "python_version": "3.10",
            "gpu": True,
            "system_packages": ["cuda-toolkit-11-8", "ninja-build"],
            "python_packages": ["pip>=24.0", "setuptools>=41.0.0", "wheel", "ninja"],
        },
        CUDA.format("12.8.1-cudnn"),
    ),
    "a number for a version": (
        {"python_version": 3.7, "gpu": True, "python_packages": ["torch==1.7.1", "dlib==19.18.0"]},
        SLIM.format("3.7"),
    ),
    "no Python at all": ({"gpu": True, "python_packages": ["torch"]}, None),
    "the newest": (
        {
            "python_version": "3.13",
            "gpu": True,
            "cuda": "12.4",
            "python_packages": ["torch==2.6.0"],
        },
        CUDA.format("12.4.1-cudnn"),
    ),
}


def asking(build: dict[str, Any]) -> Case:
    """A project with that `build`."""
    return Case("x", yaml.safe_dump({"build": build, "predict": "predict.py:P"}))


@pytest.mark.parametrize("name", ASKED)
def test_a_public_project_is_planned(name: str, tmp_path: Path) -> None:
    """With its own Python and pins, on a base that has them."""
    build, base = ASKED[name]

    plan = asking(build).plan(tmp_path)

    if base is None:
        assert plan.decision.own == (str(build.get("python_version", "3.11"))[:4] != "3.11")
        return
    assert plan.dockerfile is not None
    assert parsed.instructions(plan.dockerfile)[0] == ("FROM", base)
    assert ">=1.9" not in plan.dockerfile
    assert "t64" not in plan.dockerfile


@pytest.mark.parametrize(
    ("build", "what"),
    [
        ({"python_version": "3.8", "gpu": True, "cuda": "10.2"}, "there is no CUDA 10.2 image"),
        ({"python_version": "3.7", "gpu": True, "cuda": "11.7"}, "no Python 3.7 can be had"),
        ({"python_version": "3.6"}, "older than anything"),
    ],
)
def test_what_cog_refuses_is_refused(build: dict[str, Any], what: str, tmp_path: Path) -> None:
    """There is no image of NVIDIA's for it, or no Python."""
    with pytest.raises(ConfigError, match=what):
        asking(build).plan(tmp_path)
