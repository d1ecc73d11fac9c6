"""Tests of the check that a framework's wheels run on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import ConfigError
from cogfal.project import hardware
from cogfal.project.frameworks import frameworks
from cogfal.project.machine_choice import (
    MachineChoice,
    choose_gpu,
    cpu_machine,
    report_cpu_wheels,
    wheel_sources,
)
from cogfal.project.report import Report
from cogfal.project.requirements import Option, RequirementSet, read_packages

CU = "https://download.pytorch.org/whl/cu"


def packages(*texts: str) -> RequirementSet:
    """Requirements as single lines."""
    return read_packages({text: f"line {i}" for i, text in enumerate(texts)}, Path(), {})


def choose(text: str, *machines: str, cuda: tuple[int, int] | None = None) -> MachineChoice:
    """Choose for explicit machines, or for the default one."""
    found = frameworks(packages(*text.split()), cuda)
    return choose_gpu(machines or ("GPU-H100",), bool(machines), found, Report())


@pytest.mark.parametrize(
    ("requirement", "machine", "index"),
    [
        ("torch", "GPU-B200", None),
        ("torch>=2.1", "GPU-B200", None),
        ("torch==2.9.0", "GPU-B200", None),
        ("torch==99.0", "GPU-B200", None),
        ("torch==2.7.1", "GPU-B200", f"{CU}128"),
        ("torch==2.7.1", "GPU-RTXPRO6000", f"{CU}128"),
        ("torch==2.7.1", "GPU-H100", None),
        ("torch==2.0.1", "GPU-H100", f"{CU}118"),
        ("torch==2.0.1", "GPU-A100", None),
        ("torch==1.12.1", "GPU-L40", f"{CU}116"),
        ("torch==1.8.1", "GPU-A100", f"{CU}111"),
        ("torch==2.0.1+cu118", "GPU-H100", None),
        ("torch==2.0.1+cu999", "GPU-B200", None),
        ("torch==2.4.0 --extra-index-url=https://x/whl", "GPU-A100", None),
        ("torch<=1.13.1", "GPU-L40", None),
        ("tensorflow==2.15.0", "GPU-H100", None),
        ("tensorflow==2.11.0", "GPU-L40", None),
        ("jax[cuda12]==0.4.30", "GPU-H100", None),
        ("jax[cuda12]==0.6.0", "GPU-B200", None),
        ("numpy", "GPU-B200", None),
        ("torch==1.13.1", "GPU-UNKNOWN", None),
        ("torch==1.13.1", "L", None),
    ],
)
def test_wheels_that_run(requirement: str, machine: str, index: str | None) -> None:
    """A wheel that runs is left alone, or fetched from the index whose build does."""
    assert choose(requirement, machine) == MachineChoice((machine,), index)


@pytest.mark.parametrize(
    ("requirement", "machine", "remedy"),
    [
        ("torch==1.13.1", "GPU-H100", "machine_type GPU-A100, GPU-L40, or torch 2.0 or newer from"),
        ("torch==2.6.0", "GPU-B200", "GPU-H100, GPU-A100, GPU-L40, or torch 2.7 or newer from"),
        ("torch==2.6.0", "GPU-RTXPRO6000", f"torch 2.7 or newer from {CU}128"),
        ("torch==2.7.0+cu118", "GPU-B200", "machine_type GPU-H100"),
        (
            "torch==1.12.1+cu102",
            "GPU-A100",
            f"use its build from {CU}116, or torch 1.7 or newer from {CU}110",
        ),
        ("tensorflow==2.11.0", "GPU-H100", "machine_type GPU-A100, GPU-L40"),
        ("tensorflow==2.19.0", "GPU-B200", "machine_type GPU-H100"),
        ("jax[cuda12]==0.4.30", "GPU-B200", "machine_type GPU-H100, GPU-A100, GPU-L40"),
        ("torch==2.4.0 --extra-index-url=https://x/whl/cu118", "GPU-B200", "GPU-H100"),
    ],
)
def test_wheels_that_do_not_run(requirement: str, machine: str, remedy: str) -> None:
    """A build that would be green and fail on the GPU is an error that names what works."""
    with pytest.raises(ConfigError) as caught:
        choose(requirement, machine)

    assert machine in caught.value.what
    assert remedy in str(caught.value.remedy)
    assert caught.value.where == "line 0"


def test_every_machine_of_a_list_is_checked() -> None:
    """Any machine of the list may be taken, so the wheels have to run on all."""
    with pytest.raises(ConfigError, match="GPU-A100, GPU-B200"):
        choose("torch==2.6.0", "GPU-A100", "GPU-B200")


@pytest.mark.parametrize(
    ("requirement", "machine"),
    [
        ("torch==2.4.0", "GPU-H100"),
        ("torch==1.13.1", "GPU-A100"),
        ("tensorflow==2.8.0", "GPU-A100"),
    ],
)
def test_the_default_machine_gives_way(requirement: str, machine: str) -> None:
    """Where nobody asked for a machine, the first that works is taken."""
    assert choose(requirement).machines == (machine,)


def test_a_machine_without_a_gpu_takes_any_build() -> None:
    """A default of the project's own that has none is kept."""
    found = frameworks(packages("torch==1.13.1"), None)

    assert choose_gpu(("L",), False, found, Report()).machines == ("L",)


def test_nothing_works_at_all() -> None:
    """Two wheels that share no machine are an error."""
    with pytest.raises(ConfigError, match="does not run on"):
        choose("torch==1.12.1+cu102 numpy")


def test_torch_follows_the_cuda_of_cog_yaml() -> None:
    """As with Cog, `build.cuda` picks torch's build."""
    assert choose("torch==2.1.0", cuda=(11, 8)) == MachineChoice(("GPU-H100",), f"{CU}118")


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["torch==2.1.0+cu118"], [Option("--extra-index-url", f"{CU}118")]),
        (
            ["torch==2.1.0+cpu"],
            [Option("--extra-index-url", "https://download.pytorch.org/whl/cpu")],
        ),
        (["torch==2.1.0+cu118", "--find-links https://x"], []),
        (["torch==2.1.0"], []),
        (["jax[cuda11_pip]==0.4.13"], [Option("--find-links", hardware.JAX_LINKS)]),
        (["jax[cuda12]==0.6.0"], []),
    ],
)
def test_versions_that_pypi_does_not_have(texts: list[str], options: list[Option]) -> None:
    """Wheels with a label get PyTorch's index, unless the project names a place itself."""
    assert wheel_sources(packages(*texts), None) == tuple(options)


@pytest.mark.parametrize(
    ("texts", "machine"),
    [([], "S"), (["requests"], "S"), (["numpy"], "M"), (["numpy", "Torch"], "L"), (["vllm"], "XL")],
)
def test_cpu_machines_have_room(texts: list[str], machine: str) -> None:
    """The heaviest requirement decides, by its normalised name."""
    assert cpu_machine(packages(*texts)) == machine


@pytest.mark.parametrize(
    ("text", "remedies"),
    [
        ("tensorflow==1.15.0", ["pin 2.4 or newer for it to use the GPU"]),
        ("tensorflow-gpu==2.3", ["pin 2.4 or newer for it to use the GPU"]),
        ("tensorflow[and-cuda]==2.3", ["pin 2.4 or newer for it to use the GPU"]),
        (
            "tensorflow>=2.4",
            ["write `tensorflow[and-cuda]`, or pin one that loads CUDA from the image"],
        ),
        ("tensorflow==2.13.1", []),
        ("tensorflow[and-cuda]", []),
    ],
)
def test_a_tensorflow_that_leaves_the_gpu_unused_is_told(text: str, remedies: list[str]) -> None:
    """With what would use it."""
    report = Report()

    report_cpu_wheels(packages(text), report)

    assert [line.why for line in report.lines()] == remedies
