"""Tests that the table of machines and wheels agrees with itself and with what is known of it."""

from __future__ import annotations

import pytest

from cogfal.project import hardware


def test_every_build_has_its_kernels() -> None:
    """Each CUDA that a torch release was built for is in the table of kernels."""
    builds = {cuda for builds in hardware.TORCH.values() for cuda in builds}

    assert builds == set(hardware.TORCH_KERNELS)


def test_a_build_of_the_newest_torch_runs_on_every_gpu() -> None:
    """So there is something to advise, whatever machines are named beside one another."""
    kernels = hardware.TORCH_KERNELS[hardware.TORCH[max(hardware.TORCH)][0]]

    gpus = filter(None, hardware.MACHINES.values())
    assert all(hardware.runs_on(kernels, capability) for capability in gpus)


def test_every_gpu_has_its_libraries() -> None:
    """Each capability of a machine has a first CUDA, and newer GPUs need newer ones."""
    capabilities = set(filter(None, hardware.MACHINES.values()))

    assert capabilities <= set(hardware.LIBRARY_CUDA)
    ordered = [hardware.LIBRARY_CUDA[capability] for capability in sorted(hardware.LIBRARY_CUDA)]
    assert ordered == sorted(ordered)


def test_tables_are_in_order_and_without_repetition() -> None:
    """Releases and images are sorted, so that the last one is the newest."""
    for versions in (
        [*hardware.TORCH],
        [*hardware.TENSORFLOW],
        [image.cuda for image in hardware.CUDA_IMAGES],
    ):
        assert versions == sorted(set(versions))


def test_the_fallbacks_are_gpus() -> None:
    """Every machine that is suggested exists and has a GPU."""
    for name in hardware.FALLBACKS:
        assert hardware.MACHINES[name] is not None


def test_heavy_packages_name_cpu_machines() -> None:
    """A package is never given a machine that is not there, and its name is normalised."""
    cpu = {name for name, capability in hardware.MACHINES.items() if capability is None}

    assert set(hardware.HEAVY_PACKAGES.values()) <= cpu
    assert all(name == name.lower() and "_" not in name for name in hardware.HEAVY_PACKAGES)


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("GPU-A100", (8, 0)),
        ("GPU-L40", (8, 9)),
        ("GPU-H100", (9, 0)),
        ("GPU-H200", (9, 0)),
        ("GPU-B200", (10, 0)),
        ("GPU-RTXPRO6000", (12, 0)),
    ],
)
def test_machines_are_as_documented(name: str, capability: hardware.Capability) -> None:
    """The capability is NVIDIA's figure."""
    assert hardware.MACHINES[name] == capability


@pytest.mark.parametrize(
    ("kernels", "capability", "runs"),
    [
        (((8, 6),), (8, 9), True),
        (((8, 9),), (8, 6), False),
        (((8, 6),), (9, 0), False),
        (((9, 0),), (8, 0), False),
        (((10, 0), (12, 0)), (12, 0), True),
        ((), (8, 0), False),
    ],
)
def test_machine_code_runs_within_its_major_version(
    kernels: tuple[hardware.Capability, ...], capability: hardware.Capability, runs: bool
) -> None:
    """NVIDIA's rule: the same major version, and a minor version that is not newer."""
    assert hardware.runs_on(kernels, capability) is runs
