"""Choose the machine, and see to it that the framework's wheels run on its GPU.

A wheel without machine code for a GPU installs and imports, and fails at the first kernel. So
the pinned version, the CUDA its wheel carries and the machine's compute capability are compared
before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from cogfal.errors import ConfigError
from cogfal.project import hardware
from cogfal.project.hardware import Capability, Cuda, Machine, dotted
from cogfal.project.report import Report
from cogfal.project.requirements import Option, Package, RequirementSet
from cogfal.spec import Location

_PATCHES: Final = (0, 1, 99)
"""Tried for a release: what allows any of its patches allows one of these."""

_INDEX: Final = "https://download.pytorch.org/whl/cu{}{}"
_INDEX_CUDA: Final = re.compile(r"/whl/(?:nightly/|test/)?cu(\d\d)(\d)\b")
_LOCAL_CUDA: Final = re.compile(r"cu(\d\d)(\d)")


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


@dataclass(frozen=True, slots=True)
class MachineChoice:
    """The machine types, and the package index that makes the wheels fit them."""

    machines: tuple[str, ...]
    index: str | None = None


def frameworks(requirements: RequirementSet, cuda: Cuda | None) -> tuple[Framework, ...]:
    """Return the frameworks among the requirements whose wheels the tables know.

    Args:
        requirements: The project's.
        cuda: What cog.yaml asks for; torch's wheels follow it, as they do with Cog.
    """
    found = []
    for package in requirements.packages():
        match canonicalize_name(package.requirement.name):
            case "torch":
                found.append(_torch(package, requirements, cuda))
            case "tensorflow" | "tensorflow-gpu":
                found.append(_tensorflow(package))
            case "jax":
                found.append(_jax(package))
            case _:
                continue
    return tuple(framework for framework in found if framework is not None)


def wheel_sources(requirements: RequirementSet, index: str | None) -> tuple[Option, ...]:
    """Return the options without which the wheels would not be found.

    `index` is where the wheels for the chosen machine are. PyPI has neither torch's versions such
    as `2.1.0+cu118` nor the CUDA wheels of older jax.
    """
    given = any(isinstance(line, Option) and line.value for line in requirements.lines)
    index = index or (None if given else _label_index(requirements))
    options = [Option("--extra-index-url", index)] if index else []
    if not given and any(map(_is_old_jax, requirements.packages())):
        options.append(Option("--find-links", hardware.JAX_LINKS))
    return tuple(options)


def report_cpu_wheels(requirements: RequirementSet, report: Report) -> None:
    """Report frameworks whose wheel would leave the GPU unused."""
    for package in requirements.packages():
        requirement = package.requirement
        extra = any("cuda" in name for name in requirement.extras)
        match canonicalize_name(requirement.name):
            case "torch" if _is_cpu(package):
                remedy = "remove `+cpu`"
            case "jax" if not extra:
                remedy = "write `jax[cuda12]`"
            case "tensorflow" if not extra and tensorflow_release(requirements) is None:
                remedy = "write `tensorflow[and-cuda]`, or pin a version to have CUDA in the image"
            case _:
                continue
        report.unsupported(
            requirement.name, "the wheel has no GPU support", remedy, where=package.where
        )


def tensorflow_release(requirements: RequirementSet) -> hardware.TensorFlowRelease | None:
    """Return the pinned TensorFlow that loads CUDA from the system, None where none does."""
    for package in requirements.packages():
        name = canonicalize_name(package.requirement.name)
        if name in ("tensorflow", "tensorflow-gpu") and not package.requirement.extras:
            version = newest_allowed(
                package.requirement.specifier, [r.version for r in hardware.TENSORFLOW]
            )
            return next((r for r in hardware.TENSORFLOW if r.version == version), None)
    return None


def choose_gpu(
    wanted: Sequence[str],
    explicit: bool,
    found: Sequence[Framework],
    report: Report,
) -> MachineChoice:
    """Return machines on which every framework runs.

    Args:
        wanted: Machine types in order; all of them if `explicit`, else the first is a preference.
        explicit: Whether the App class named them.
        found: The project's frameworks.
        report: Told when a preference gives way.

    Raises:
        ConfigError: No machine runs them, or the ones asked for do not; with the nearest choices.
    """
    if explicit:
        return MachineChoice(tuple(wanted), _index_for(tuple(wanted), found, report))
    order = [*wanted, *(name for name in hardware.FALLBACKS if name not in wanted)]
    for name in order:
        machine = hardware.machine(name)
        if machine is None or all(_fits(framework, machine) for framework in found):
            if name != order[0]:
                _report_fallback(name, order[0], found, report)
            return MachineChoice((name,), _index_for((name,), found, report))
    raise _no_machine(order[0], found)


def cpu_machine(requirements: RequirementSet) -> str:
    """Return the smallest CPU machine on which the requirements install and import."""
    order = [machine.name for machine in hardware.MACHINES if machine.capability is None]
    names = (canonicalize_name(package.requirement.name) for package in requirements.packages())
    needed = (hardware.HEAVY_PACKAGES.get(name, "S") for name in names)
    return max(needed, key=order.index, default="S")


def newest_allowed(
    specifier: SpecifierSet, known: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """Return the newest release that a pin or upper bound allows; None where it allows any."""
    exact = _exact(specifier)
    if exact is not None:
        return (exact.major, exact.minor)
    if not any(spec.operator in ("<", "<=", "~=") for spec in specifier):
        return None
    for major, minor in sorted(known, reverse=True):
        if any(specifier.contains(f"{major}.{minor}.{patch}") for patch in _PATCHES):
            return None if (major, minor) == max(known) else (major, minor)
    return None


def _exact(specifier: SpecifierSet) -> Version | None:
    """The version that is pinned; None where there is none, or where it is no version."""
    for spec in specifier:
        if spec.operator in ("==", "==="):
            try:
                return Version(spec.version.removesuffix(".*"))
            except InvalidVersion:  # `===` takes any text
                return None
    return None


def _torch(package: Package, requirements: RequirementSet, cuda: Cuda | None) -> Framework | None:
    releases = [release.version for release in hardware.TORCH]
    version = newest_allowed(package.requirement.specifier, releases)
    release = next((known for known in hardware.TORCH if known.version == version), None)
    if release is None or package.requirement.url:
        return None
    fixed = _local_cuda(package) or _index_cuda(requirements)
    carried = fixed or (cuda if cuda in release.builds else None) or release.default
    if _is_cpu(package):
        return None
    kernels = hardware.TORCH_KERNELS.get(carried)
    if kernels is None:
        return None
    return Framework(
        "torch",
        f"{release.version[0]}.{release.version[1]}",
        carried,
        kernels,
        () if fixed else tuple(sorted(set(release.builds) - {carried}, reverse=True)),
        index=None if fixed or carried == release.default else _INDEX.format(*carried),
        where=package.where,
    )


def _tensorflow(package: Package) -> Framework | None:
    versions = [release.version for release in hardware.TENSORFLOW]
    version = newest_allowed(package.requirement.specifier, versions)
    for release in hardware.TENSORFLOW:
        if release.version == version:
            label = f"{version[0]}.{version[1]}"
            return Framework("tensorflow", label, release.cuda, None, where=package.where)
    return None


def _jax(package: Package) -> Framework | None:
    extra = next((extra for extra in package.requirement.extras if extra.startswith("cuda")), None)
    version = _exact(package.requirement.specifier)
    if extra is None or version is None:
        return None
    old = version < Version(".".join(map(str, hardware.JAX_BLACKWELL)))
    cuda = (11, 8) if extra.startswith("cuda11") else (12, 9)
    newest = (9, 9) if old else (99, 0)
    return Framework("jax", str(version), cuda, None, (), newest, where=package.where)


def _fits(framework: Framework, machine: Machine) -> bool:
    if machine.capability is None:
        return True
    capability = machine.capability
    return any(framework.runs_on(capability, c) for c in (framework.cuda, *framework.alternatives))


def _index_for(machines: tuple[str, ...], found: Sequence[Framework], report: Report) -> str | None:
    """The index whose build runs on all machines, where the default one does not."""
    known = [machine for name in machines if (machine := hardware.machine(name))]
    capabilities = [machine.capability for machine in known if machine.capability]
    for framework in found:
        if all(framework.runs_on(capability) for capability in capabilities):
            if framework.index:
                return framework.index
            continue
        for cuda in framework.alternatives:
            if all(framework.runs_on(capability, cuda) for capability in capabilities):
                return _other_build(framework, cuda, machines, report)
        raise _no_kernels(framework, machines)
    return None


def _other_build(
    framework: Framework, cuda: Cuda, machines: tuple[str, ...], report: Report
) -> str:
    index = _INDEX.format(*cuda)
    report.changed(
        f"{framework.name} {framework.version}",
        f"installed from {index}",
        f"its default wheel is built for CUDA {dotted(framework.cuda)}, whose kernels do not run "
        f"on {', '.join(machines)}",
        where=framework.where,
    )
    return index


def _no_kernels(framework: Framework, machines: tuple[str, ...]) -> ConfigError:
    working = [name for name in hardware.FALLBACKS if _fits_name(framework, name)]
    newer = _newer_torch(machines) if framework.name == "torch" else None
    choices = [f"machine_type {', '.join(working)}" if working else "", newer or ""]
    return ConfigError(
        f"{framework.name} {framework.version} (CUDA {dotted(framework.cuda)}) installs but does "
        f"not run on {', '.join(machines)}",
        where=framework.where,
        remedy="use " + ", or ".join(filter(None, choices)),
    )


def _no_machine(preferred: str, found: Sequence[Framework]) -> ConfigError:
    failing = [framework for framework in found if not _fits_name(framework, preferred)]
    return _no_kernels((failing or list(found))[0], (preferred,))


def _newer_torch(machines: tuple[str, ...]) -> str | None:
    """The oldest torch with a build that runs on the machines."""
    known = [machine for name in machines if (machine := hardware.machine(name))]
    capabilities = [machine.capability for machine in known if machine.capability]
    for release in hardware.TORCH:
        for cuda in release.builds:
            kernels = hardware.TORCH_KERNELS[cuda]
            if all(hardware.runs_on(kernels, capability) for capability in capabilities):
                version = f"{release.version[0]}.{release.version[1]}"
                return f"torch {version} or newer from {_INDEX.format(*cuda)}"
    return None


def _fits_name(framework: Framework, name: str) -> bool:
    machine = hardware.machine(name)
    return machine is not None and _fits(framework, machine)


def _report_fallback(name: str, preferred: str, found: Sequence[Framework], report: Report) -> None:
    failing = [framework for framework in found if not _fits_name(framework, preferred)]
    what = ", ".join(f"{framework.name} {framework.version}" for framework in failing)
    report.changed("build.gpu", f"{name} instead of {preferred}", f"{what} does not run on it")


def _local_cuda(package: Package) -> Cuda | None:
    for spec in package.requirement.specifier:
        match = _LOCAL_CUDA.search(spec.version.partition("+")[2])
        if match:
            return int(match[1]), int(match[2])
    return None


def _index_cuda(requirements: RequirementSet) -> Cuda | None:
    for line in requirements.lines:
        if isinstance(line, Option) and line.value:
            match = _INDEX_CUDA.search(line.value)
            if match:
                return int(match[1]), int(match[2])
    return None


def _label_index(requirements: RequirementSet) -> str | None:
    for package in requirements.packages():
        for spec in package.requirement.specifier:
            label = spec.version.partition("+")[2]
            if label == "cpu" or _LOCAL_CUDA.fullmatch(label):
                return f"https://download.pytorch.org/whl/{label}"
    return None


def _is_old_jax(package: Package) -> bool:
    requirement = package.requirement
    if canonicalize_name(requirement.name) != "jax" or not requirement.extras:
        return False
    newest = ".".join(map(str, hardware.JAX_PYPI_CUDA))
    exact = _exact(requirement.specifier)
    return exact is not None and exact < Version(newest)


def _is_cpu(package: Package) -> bool:
    return any(spec.version.endswith("+cpu") for spec in package.requirement.specifier)
