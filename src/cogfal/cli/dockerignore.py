"""The .dockerignore of a project that has none: what must not travel to the runner."""

from __future__ import annotations

from typing import Final

DOCKERIGNORE: Final = ".dockerignore"
IGNORED: Final = """\
# What stays on this machine; read by Cog, and by cogfal for the files that go to the runner.
.git
.venv
venv
.env
**/__pycache__
**/*.pyc
**/.DS_Store
# What `cogfal predict` and `cog predict` wrote here.
output.*
!output.py
"""
