"""Modules that were written to break the reader are read as Python imports them, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.errors import PredictorError
from tests.reading.hostile import MODULES
from tests.reading.projects import compared

REFUSED = frozenset({
    "value-assert-caught", "value-chain-map", "value-exception-chained",
    "value-getattr-default", "value-match-class", "value-shadowed-builtin",
    "value-template", "value-try-import-flag", "value-try-import-standard",
    "signature-default-factory", "whole-annotations-edited",
    "whole-defaults-replaced", "whole-partial-method",
    "whole-try-class", "whole-wrapped-by-class", "whole-wrapper-of-two",
    "whole-wrapper-of-a-global",
    "whole-wrapped-deleted", "whole-executed-in-a-class", "whole-changed-in-a-class",
    "whole-setup-none", "whole-object-as-default", "whole-ellipsis-as-default",
})  # fmt: skip
"""Those that may be refused; all others are read."""


@pytest.mark.parametrize("name", MODULES)
def test_a_hostile_module_is_read_as_python_imports_it(name: str, tmp_path: Path) -> None:
    """What is told is what every import gives; a refusal says nothing wrong."""
    files = {"predict.py": MODULES[name]}

    if name in REFUSED:
        with pytest.raises(PredictorError) as caught:
            compared(tmp_path, files)

        assert "Python raises it as well" not in str(caught.value)
    else:
        told, imported = compared(tmp_path, files)

        assert imported
        assert set(imported) == {told}
