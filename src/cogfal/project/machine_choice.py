"""Choose the machine, and see to it that the framework's wheels run on its GPU.

A wheel without machine code for a GPU installs and imports, and fails at the first kernel. So
the pinned version, the CUDA its wheel carries and the machine's compute capability are compared
before anything is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.version import Version

from cogfal.errors import ConfigError
from cogfal.project import hardware
from cogfal.project.config import CogConfig, PlanSettings
from cogfal.project.frameworks import (
    LOCAL_CUDA,
    TENSORFLOW,
    TORCH_INDEX,
    Framework,
    addresses,
    brings_cuda,
    is_without_cuda,
    labels,
    newest_tensorflow,
    pinned,
    with_commands,
)
from cogfal.project.hardware import Capability, Cuda, Release, dotted
from cogfal.project.report import Report
from cogfal.project.requirements import Option, Package, RequirementSet


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
    found = with_commands(config, requirements, None if cuda is None else (cuda[0], cuda[1]))
    choice = choose_gpu(wanted or (settings.gpu_machine_type,), bool(wanted), found, report)
    if config.build.gpu and not choice.has_gpu:
        report.changed(gpu, "a machine without a GPU", "the App's machine_type wins")
    else:
        report_cpu_wheels(requirements, report)
    report.kept(gpu, ", ".join(choice.machines))
    return choice


def wheel_sources(requirements: RequirementSet, index: str | None) -> tuple[Option, ...]:
    """Return the options without which the wheels would not be found.

    `index` is where the wheels for the chosen machine are. PyPI has neither torch's versions such
    as `2.1.0+cu118` nor the CUDA wheels of older jax.
    """
    given = any(addresses(requirements))
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
            case "torch" if "cpu" in labels(package):
                remedy = "remove `+cpu`"
            case "jax" if not brings_cuda(package):
                remedy = "write `jax[cuda12]`"
            case name if name in TENSORFLOW and is_without_cuda(package):
                oldest = min(hardware.TENSORFLOW)
                if newest_tensorflow(package) < oldest:
                    what = "it loads a CUDA of which there is no image"
                    remedy = f"pin {dotted(oldest)} or newer for it to use the GPU"
                else:
                    remedy = (
                        "write `tensorflow[and-cuda]`, or pin one that loads CUDA from the image"
                    )
            case _:
                continue
        report.unsupported(package.requirement.name, what, remedy, where=package.where)


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
    index = TORCH_INDEX.format(*cuda)
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
    choices = [f"machine_type {', '.join(working)}"] if working else []
    if framework.name == "torch":
        major, minor = map(int, framework.version.split("."))
        others = [
            found for name in hardware.FALLBACKS for found in _builds((name,), [(major, minor)])
        ]
        if others and not working:
            choices.append(f"its build from {TORCH_INDEX.format(*max(others)[1])}")
        release, cuda = next(_builds(machines, hardware.TORCH))
        choices.append(f"torch {dotted(release)} or newer from {TORCH_INDEX.format(*cuda)}")
    return ConfigError(
        f"{framework} (CUDA {dotted(framework.cuda)}) installs but does "
        f"not run on {', '.join(machines)}",
        where=framework.where,
        remedy="use " + ", or ".join(choices),
    )


def _builds(
    machines: tuple[str, ...], releases: Iterable[Release]
) -> Iterator[tuple[Release, Cuda]]:
    """Yield the builds of torch that run on the machines; the newest runs on all there are."""
    capabilities = _capabilities(machines)
    for release in releases:
        for cuda in sorted(hardware.TORCH[release]):
            if all(hardware.runs_on(hardware.TORCH_KERNELS[cuda], each) for each in capabilities):
                yield release, cuda


def _failing(machine: str, found: Sequence[Framework]) -> list[Framework]:
    return [framework for framework in found if not _fits(framework, machine)]


def _label_index(requirements: RequirementSet) -> str | None:
    found = (label for package in requirements.packages() for label in labels(package))
    named = (label for label in found if label == "cpu" or LOCAL_CUDA.fullmatch(label))
    return next((f"https://download.pytorch.org/whl/{label}" for label in named), None)


def _is_old_jax(package: Package) -> bool:
    exact = pinned(package.requirement.specifier)
    if package.name != "jax" or not package.requirement.extras or exact is None:
        return False
    return exact < Version(dotted(hardware.JAX_PYPI_CUDA))
