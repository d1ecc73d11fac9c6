"""The frameworks among what a project installs: which GPU and CUDA their wheels are built for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from cogfal.project import hardware
from cogfal.project.config import CogConfig
from cogfal.project.hardware import Capability, Cuda, Release, dotted
from cogfal.project.model_environment import packages_of_commands, requirements_of_commands
from cogfal.project.requirements import (
    Line,
    Link,
    Local,
    Option,
    Package,
    RequirementSet,
    pin_of_wheel,
)
from cogfal.spec import Location

TENSORFLOW: Final = ("tensorflow", "tensorflow-gpu")
TORCH_INDEX: Final = "https://download.pytorch.org/whl/cu{}{}"
LOCAL_CUDA: Final = re.compile(r"cu(\d\d)(\d)")
_INDEX_CUDA: Final = re.compile(r"/whl/(?:nightly/|test/)?cu(\d\d)(\d)\b")
_PATCHES: Final = (0, 1, 99)
"""Tried for a release: what allows any of its patches allows one of these."""


@dataclass(frozen=True, slots=True)
class Framework:
    """A wheel that needs a GPU it was built for.

    `cuda` is the CUDA it carries or loads; `index` is where its wheel is, None for PyPI;
    `alternatives` are the other CUDA versions that the same release was built for.
    """

    name: str
    version: str
    cuda: Cuda
    kernels: tuple[Capability, ...] | None
    alternatives: tuple[Cuda, ...] = ()
    newest_gpu: Capability = (99, 0)
    index: str | None = None
    where: Location | str | None = None

    def runs_on(self, capability: Capability, cuda: Cuda | None = None) -> bool:
        """Whether it works on a GPU, as it is or with the build for another CUDA."""
        cuda = cuda or self.cuda
        if capability > self.newest_gpu or cuda < hardware.LIBRARY_CUDA.get(capability, (0, 0)):
            return False
        return self.kernels is None or hardware.runs_on(
            hardware.TORCH_KERNELS.get(cuda, self.kernels), capability
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def frameworks(requirements: RequirementSet, cuda: Cuda | None) -> tuple[Framework, ...]:
    """Return the frameworks among the requirements whose wheels the tables know.

    Args:
        requirements: The project's.
        cuda: What cog.yaml asks for; torch's wheels follow it, as they do with Cog.
    """
    found = (_framework(line, requirements, cuda) for line in requirements.lines)
    return tuple(framework for framework in found if framework is not None)


def with_commands(
    config: CogConfig, requirements: RequirementSet, cuda: Cuda | None = None
) -> tuple[Framework, ...]:
    """Return those of the requirements, and what the commands of cog.yaml put in their place.

    A command runs as it is written: nobody else chooses the build that it installs.
    """
    found = {each.name: each for each in frameworks(requirements, cuda)}
    for installed in requirements_of_commands(config):
        for each in frameworks(installed, None):
            found[each.name] = _as_built(each)
    return tuple(found.values())


def tensorflow_release(
    requirements: RequirementSet, config: CogConfig | None = None
) -> Release | None:
    """Return the pinned TensorFlow that loads CUDA from the system, None where none does.

    With a `config`, its commands come behind the requirements.
    """
    packages = (*requirements.packages(), *(packages_of_commands(config) if config else ()))
    for package in reversed(packages):
        if package.name not in TENSORFLOW:
            continue
        if brings_cuda(package):
            return None
        release = _release(package, hardware.TENSORFLOW)
        if release is not None:
            return release
    return None


def is_without_cuda(package: Package) -> bool:
    """Whether a TensorFlow finds a CUDA neither in its wheels nor in an image."""
    return not brings_cuda(package) and _release(package, hardware.TENSORFLOW) is None


def brings_cuda(package: Package) -> bool:
    """Whether an extra of the package installs CUDA's wheels."""
    extra = any("cuda" in name for name in package.requirement.extras)
    known = package.name not in TENSORFLOW or (
        newest_tensorflow(package) >= hardware.TENSORFLOW_EXTRA
    )
    return extra and known


def newest_tensorflow(package: Package) -> Release:
    """Return the newest release that a requirement allows."""
    known = hardware.TENSORFLOW
    return newest_allowed(package.requirement.specifier, known) or max(known)


def newest_allowed(specifier: SpecifierSet, known: Collection[Release]) -> Release | None:
    """Return the newest release that a pin or upper bound allows; None where it allows any."""
    exact = pinned(specifier)
    if exact is not None:
        return (exact.major, exact.minor)
    if not any(spec.operator in ("<", "<=", "~=") for spec in specifier):
        return None
    for major, minor in sorted(known, reverse=True):
        if any(specifier.contains(f"{major}.{minor}.{patch}") for patch in _PATCHES):
            return None if (major, minor) == max(known) else (major, minor)
    return None


def labels(package: Package) -> list[str]:
    """Return what stands behind a `+` in the versions of a requirement, such as `cu118`."""
    return [spec.version.partition("+")[2] for spec in package.requirement.specifier]


def addresses(requirements: RequirementSet) -> Iterator[str]:
    """Return the values of the options, indexes and links among them."""
    return (line.value for line in requirements.lines if isinstance(line, Option) and line.value)


def _framework(line: Line, requirements: RequirementSet, cuda: Cuda | None) -> Framework | None:
    match line:
        case Link(url=place) | Local(path=place) | Package(Requirement(url=str(place))):
            wheel = pin_of_wheel(str(place))
            built = wheel and _released(Package(wheel, where=line.where), requirements, None)
            return _as_built(built) if built else None
        case Package():
            return _released(line, requirements, cuda)
        case _:
            return None


def _released(
    package: Package, requirements: RequirementSet, cuda: Cuda | None
) -> Framework | None:
    match package.name:
        case "torch":
            return _torch(package, requirements, cuda)
        case name if name in TENSORFLOW:
            return _tensorflow(package)
        case "jax":
            return _jax(package)
        case _:
            return None


def _as_built(framework: Framework) -> Framework:
    return replace(framework, alternatives=(), index=None)


def _torch(package: Package, requirements: RequirementSet, cuda: Cuda | None) -> Framework | None:
    release = _release(package, hardware.TORCH)
    if release is None or "cpu" in labels(package):
        return None
    builds = hardware.TORCH[release]
    fixed = _first_cuda(LOCAL_CUDA, labels(package)) or _first_cuda(
        _INDEX_CUDA, addresses(requirements)
    )
    carried = fixed or (cuda if cuda in builds else None) or builds[0]
    kernels = hardware.TORCH_KERNELS.get(carried)
    if kernels is None:
        return None
    return Framework(
        "torch",
        dotted(release),
        carried,
        kernels,
        () if fixed else tuple(sorted(set(builds) - {carried}, reverse=True)),
        index=None if fixed or carried == builds[0] else TORCH_INDEX.format(*carried),
        where=package.where,
    )


def _tensorflow(package: Package) -> Framework | None:
    release = _release(package, hardware.TENSORFLOW)
    if release is None:
        return None
    cuda, _ = hardware.TENSORFLOW[release]
    return Framework("tensorflow", dotted(release), cuda, None, where=package.where)


def _jax(package: Package) -> Framework | None:
    extra = next((extra for extra in package.requirement.extras if extra.startswith("cuda")), None)
    version = pinned(package.requirement.specifier)
    if extra is None or version is None:
        return None
    old = version < Version(dotted(hardware.JAX_BLACKWELL))
    cuda = (11, 8) if extra.startswith("cuda11") else (12, 9)
    newest = (9, 9) if old else (99, 0)
    return Framework("jax", str(version), cuda, None, (), newest, where=package.where)


def _release(package: Package, known: Collection[Release]) -> Release | None:
    version = newest_allowed(package.requirement.specifier, known)
    return version if version in known else None


def pinned(specifier: SpecifierSet) -> Version | None:
    """Return the version that is pinned; None where there is none, or where it is no version."""
    for spec in specifier:
        if spec.operator in ("==", "==="):
            try:
                return Version(spec.version.removesuffix(".*"))
            except InvalidVersion:  # `===` takes any text
                return None
    return None


def _first_cuda(pattern: re.Pattern[str], texts: Iterable[str]) -> Cuda | None:
    match = next(filter(None, map(pattern.search, texts)), None)
    return (int(match[1]), int(match[2])) if match else None
