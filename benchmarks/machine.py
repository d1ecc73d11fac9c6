"""Describe the machine and the versions that figures come from."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PACKAGES = ("cogfal", "fal", "cog", "coglet", "fastapi", "starlette", "uvicorn", "pydantic")


def description() -> dict[str, str]:
    """Return what a reader has to know to compare figures."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": _revision(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory()} GiB memory",
        "system": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int:
    return int(psutil.virtual_memory().total / 2**30 + 0.5)


def _revision() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    told = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
