"""Read a predictor by importing it, in a process of the model's own Python.

`main(FILE, ROOT, PATH, NAME, ROLE)` writes JSON to the file: a spec, or what is wrong.
"""

from __future__ import annotations

import json

from cogfal.errors import PredictorError
from cogfal.guest.faults import Mismatch, SetupFailed
from cogfal.guest.live import read_live
from cogfal.guest.loading import enter_project, import_object
from cogfal.spec import Role, to_plain


def main(file: str, root: str, path: str, name: str, role: str) -> None:
    """Read the predictor, and write what was found to `file`."""
    enter_project(path, root)
    try:
        found = read_live(import_object(path, name, root), path=path, name=name, role=Role(role))
        answer = {"spec": to_plain(found)}
    except (SetupFailed, Mismatch) as error:
        answer = {"failed": str(error)}
    except PredictorError as error:
        where = None if error.where is None else str(error.where)
        answer = {"wrong": [error.what, where, error.remedy]}
    with open(file, "w", encoding="utf-8") as target:
        json.dump(answer, target)
