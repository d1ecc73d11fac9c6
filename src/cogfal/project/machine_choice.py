"""Choose the machine, and see to it that the framework's wheels run on its GPU.

A wheel without machine code for a GPU installs and imports, and fails at the first kernel. So
the pinned version, the CUDA its wheel carries and the machine's compute capability are compared
before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from cogfal.errors import ConfigError
from cogfal.project import hardware
from cogfal.project.config import CogConfig, PlanSettings
from cogfal.project.hardware import Capability, Cuda, Release, dotted
from cogfal.project.report import Report
from cogfal.project.requirements import Option, Package, RequirementSet
from cogfal.spec import Location

_TENSORFLOW: Final = ("tensorflow", "tensorflow-gpu")
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

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class MachineChoice:
    """The machine types, and the package index that makes the wheels fit them."""

    machines: tuple[str, ...]
    index: str | None = None

    @property
    def has_gpu(self) -> bool:
        """Whether one of them has a GPU."""
        return any(name.startswith("GPU-") for name in self.machines)


def choose_machine(
    config: CogConfig, requirements: RequirementSet, settings: PlanSettings, report: Report
) -> MachineChoice:
    """Return the machines of a project; what is told is about `build.gpu`.

    Raises:
        ConfigError: No machine runs its frameworks, or the ones asked for do not.
    """
    asked, gpu = settings.machine_type, config.at("build.gpu")
    wanted = (asked,) if isinstance(asked, str) else tuple(asked or ())
    if not wanted and not config.build.gpu:
        name = cpu_machine(requirements)
        report.kept(gpu, f"a CPU machine, {name}")
        return MachineChoice((name,))
    cuda = list(map(int, config.build.cuda.split("."))) if config.build.cuda else None
    found = frameworks(requirements, None if cuda is None else (cuda[0], cuda[1]))
    choice = choose_gpu(wanted or (settings.gpu_machine_type,), bool(wanted), found, report)
    if config.build.gpu and not choice.has_gpu:
        report.changed(gpu, "a machine without a GPU", "the App's machine_type wins")
    else:
        report_cpu_wheels(requirements, report)
    report.kept(gpu, ", ".join(choice.machines))
    return choice


def frameworks(requirements: RequirementSet, cuda: Cuda | None) -> tuple[Framework, ...]:
    """Return the frameworks among the requirements whose wheels the tables know.

    Args:
        requirements: The project's.
        cuda: What cog.yaml asks for; torch's wheels follow it, as they do with Cog.
    """
    found = []
    for package in requirements.packages():
        match package.name:
            case "torch":
                found.append(_torch(package, requirements, cuda))
            case name if name in _TENSORFLOW:
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
    given = any(_addresses(requirements))
    index = index or (None if given else _label_index(requirements))
    options = [Option("--extra-index-url", index)] if index else []
    if not given and any(map(_is_old_jax, requirements.packages())):
        options.append(Option("--find-links", hardware.JAX_LINKS))
    return tuple(options)


def report_cpu_wheels(requirements: RequirementSet, report: Report) -> None:
    """Report frameworks whose wheel would leave the GPU unused."""
    for package in requirements.packages():
        what = "the wheel has no GPU support"
        match package.name:
            case "torch" if "cpu" in _labels(package):
                remedy = "remove `+cpu`"
            case "jax" if not _brings_cuda(package):
                remedy = "write `jax[cuda12]`"
            case name if name in _TENSORFLOW and _is_without_cuda(package):
                oldest = min(hardware.TENSORFLOW)
                if _newest_tensorflow(package) < oldest:
                    what = "it loads a CUDA of which there is no image"
                    remedy = f"pin {dotted(oldest)} or newer for it to use the GPU"
                else:
                    remedy = (
                        "write `tensorflow[and-cuda]`, or pin one that loads CUDA from the image"
                    )
            case _:
                continue
        report.unsupported(package.requirement.name, what, remedy, where=package.where)


def tensorflow_release(requirements: RequirementSet) -> Release | None:
    """Return the pinned TensorFlow that loads CUDA from the system, None where none does."""
    for package in requirements.packages():
        if package.name in _TENSORFLOW and not _brings_cuda(package):
            return _release(package, hardware.TENSORFLOW)
    return None


def _is_without_cuda(package: Package) -> bool:
    """Whether a TensorFlow finds a CUDA neither in its wheels nor in an image."""
    return not _brings_cuda(package) and _release(package, hardware.TENSORFLOW) is None


def _brings_cuda(package: Package) -> bool:
    """Whether an extra of the package installs CUDA's wheels."""
    extra = any("cuda" in name for name in package.requirement.extras)
    known = package.name not in _TENSORFLOW or (
        _newest_tensorflow(package) >= hardware.TENSORFLOW_EXTRA
    )
    return extra and known


def _newest_tensorflow(package: Package) -> Release:
    """Return the newest release that a requirement allows."""
    known = hardware.TENSORFLOW
    return newest_allowed(package.requirement.specifier, known) or max(known)


def choose_gpu(
    wanted: Sequence[str], explicit: bool, found: Sequence[Framework], report: Report
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
        if all(_fits(framework, name) for framework in found):
            if name != order[0]:
                what = ", ".join(map(str, _failing(order[0], found)))
                report.changed(
                    "build.gpu", f"{name} instead of {order[0]}", f"{what} does not run on it"
                )
            return MachineChoice((name,), _index_for((name,), found, report))
    raise _no_kernels(_failing(order[0], found)[0], (order[0],))


def cpu_machine(requirements: RequirementSet) -> str:
    """Return the smallest CPU machine on which the requirements install and import."""
    needed = (hardware.HEAVY_PACKAGES.get(each.name, "S") for each in requirements.packages())
    return max(needed, key=list(hardware.MACHINES).index, default="S")


def newest_allowed(specifier: SpecifierSet, known: Collection[Release]) -> Release | None:
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


def _release(package: Package, known: Collection[Release]) -> Release | None:
    version = newest_allowed(package.requirement.specifier, known)
    return version if version in known else None


def _torch(package: Package, requirements: RequirementSet, cuda: Cuda | None) -> Framework | None:
    release = _release(package, hardware.TORCH)
    if release is None or package.requirement.url or "cpu" in _labels(package):
        return None
    builds = hardware.TORCH[release]
    fixed = _first_cuda(_LOCAL_CUDA, _labels(package)) or _first_cuda(
        _INDEX_CUDA, _addresses(requirements)
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
        index=None if fixed or carried == builds[0] else _INDEX.format(*carried),
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
    version = _exact(package.requirement.specifier)
    if extra is None or version is None:
        return None
    old = version < Version(dotted(hardware.JAX_BLACKWELL))
    cuda = (11, 8) if extra.startswith("cuda11") else (12, 9)
    newest = (9, 9) if old else (99, 0)
    return Framework("jax", str(version), cuda, None, (), newest, where=package.where)


def _fits(framework: Framework, machine: str) -> bool:
    """Whether some build of it runs there; of a machine that the table does not know, any may."""
    capability = hardware.MACHINES.get(machine)
    builds = (framework.cuda, *framework.alternatives)
    return capability is None or any(framework.runs_on(capability, each) for each in builds)


def _index_for(machines: tuple[str, ...], found: Sequence[Framework], report: Report) -> str | None:
    """The index whose build runs on all machines, where the default one does not."""
    capabilities = _capabilities(machines)
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


def _capabilities(machines: Sequence[str]) -> list[Capability]:
    return [found for name in machines if (found := hardware.MACHINES.get(name))]


def _other_build(
    framework: Framework, cuda: Cuda, machines: tuple[str, ...], report: Report
) -> str:
    index = _INDEX.format(*cuda)
    report.changed(
        str(framework),
        f"installed from {index}",
        f"its default wheel is built for CUDA {dotted(framework.cuda)}, whose kernels do not run "
        f"on {', '.join(machines)}",
        where=framework.where,
    )
    return index


def _no_kernels(framework: Framework, machines: tuple[str, ...]) -> ConfigError:
    working = [name for name in hardware.FALLBACKS if _fits(framework, name)]
    newer = _newer_torch(machines) if framework.name == "torch" else ""
    choices = [f"machine_type {', '.join(working)}" if working else "", newer]
    return ConfigError(
        f"{framework} (CUDA {dotted(framework.cuda)}) installs but does "
        f"not run on {', '.join(machines)}",
        where=framework.where,
        remedy="use " + ", or ".join(filter(None, choices)),
    )


def _newer_torch(machines: tuple[str, ...]) -> str:
    """The oldest torch with a build that runs on the machines; the newest runs on all there are."""
    capabilities = _capabilities(machines)
    return next(
        f"torch {dotted(release)} or newer from {_INDEX.format(*cuda)}"
        for release, builds in hardware.TORCH.items()
        for cuda in sorted(builds)
        if all(hardware.runs_on(hardware.TORCH_KERNELS[cuda], each) for each in capabilities)
    )


def _failing(machine: str, found: Sequence[Framework]) -> list[Framework]:
    return [framework for framework in found if not _fits(framework, machine)]


def _labels(package: Package) -> list[str]:
    """Return what stands behind a `+` in the versions of a requirement, such as `cu118`."""
    return [spec.version.partition("+")[2] for spec in package.requirement.specifier]


def _addresses(requirements: RequirementSet) -> Iterator[str]:
    return (line.value for line in requirements.lines if isinstance(line, Option) and line.value)


def _first_cuda(pattern: re.Pattern[str], texts: Iterable[str]) -> Cuda | None:
    match = next(filter(None, map(pattern.search, texts)), None)
    return (int(match[1]), int(match[2])) if match else None


def _label_index(requirements: RequirementSet) -> str | None:
    labels = (label for package in requirements.packages() for label in _labels(package))
    named = (label for label in labels if label == "cpu" or _LOCAL_CUDA.fullmatch(label))
    return next((f"https://download.pytorch.org/whl/{label}" for label in named), None)


def _is_old_jax(package: Package) -> bool:
    exact = _exact(package.requirement.specifier)
    if package.name != "jax" or not package.requirement.extras or exact is None:
        return False
    return exact < Version(dotted(hardware.JAX_PYPI_CUDA))
