"""Find, before anything is deployed, what contradicts the versions that fal forces on the runner.

fal adds `fastapi`, `pydantic` and `tblib` to every app's requirements in the versions of the
deploying machine (`SERVE_REQUIREMENTS` in fal/api/api.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from cogfal.errors import ConfigError
from cogfal.project.requirements import Package, applies

_ALSO_NEEDED: Mapping[str, str] = {"httpx": ">=0.20", "pillow": ">=10"}


def check_pins(
    packages: Iterable[Package],
    pins: Mapping[str, str],
    python_version: str,
    needed: Iterable[str] = (),
) -> None:
    """Refuse requirements that the runner cannot meet.

    Args:
        packages: What is required.
        pins: The versions that fal installs.
        python_version: The runner's Python.
        needed: What else is required in the same environment, with its bounds.

    Raises:
        ConfigError: A requirement excludes a version that fal installs; with both versions and
            the ways out.
    """
    ranges = {**_ALSO_NEEDED, **_ranges(needed)}
    for package in packages:
        name = canonicalize_name(package.requirement.name)
        if not applies(package.requirement, python_version):
            continue
        if name in pins and not package.requirement.specifier.contains(
            pins[name], prereleases=True
        ):
            raise _clash(package, pins[name])
        if name in ranges:
            _check_range(package, ranges[name])


def _ranges(needed: Iterable[str]) -> dict[str, str]:
    parsed = map(Requirement, needed)
    return {canonicalize_name(each.name): str(each.specifier) for each in parsed}


def _clash(package: Package, pin: str) -> ConfigError:
    requirement = package.requirement
    return ConfigError(
        f"{requirement} contradicts {requirement.name}=={pin}, which fal installs on the runner "
        "because it is installed here",
        where=package.where,
        remedy=_remedy(requirement.name, requirement.specifier, pin),
    )


def _remedy(name: str, specifier: SpecifierSet, pin: str) -> str:
    if name.lower() == "pydantic" and not specifier.contains("2.99"):
        exact = [s.version for s in specifier if s.operator in ("==", "~=")]
        if not exact or Version(exact[0].rstrip(".*")).major < 2:
            return "port the project to pydantic 2, and its requirement with it"
    return (
        f"widen the requirement to allow {pin}, or deploy from an environment whose {name} "
        f"fits {specifier}"
    )


def _check_range(package: Package, needed: str) -> None:
    """Only an exact pin can be told to miss a range."""
    allowed = SpecifierSet(needed)
    exact = [s.version for s in package.requirement.specifier if s.operator in ("==", "===")]
    for version in exact:
        if not version.endswith("*") and not allowed.contains(version, prereleases=True):
            raise ConfigError(
                f"{package.requirement} is older than {package.requirement.name}{needed}, "
                "which the runner needs",
                where=package.where,
                remedy="raise the pin",
            )
