"""The one door: what `import cogfal` offers, and what it costs."""

from __future__ import annotations

import sys
from pathlib import Path

import cogfal
import cogfal.cog
from tests.cog.programs import run_program


def test_every_promised_name_is_there() -> None:
    """`__all__` is sorted, and every name in it can be had."""
    assert cogfal.__all__ == sorted(cogfal.__all__)

    run_program("""
        import cogfal
        for name in cogfal.__all__:
            getattr(cogfal, name)
    """)


def test_nothing_else_is_offered() -> None:
    """Public names are those of `__all__`, beside the modules of the package."""
    run_program("""
        import types, cogfal
        public = {name for name in dir(cogfal) if not name.startswith("_")}
        modules = {n for n in public if isinstance(getattr(cogfal, n), types.ModuleType)}
        extra = public - modules - set(cogfal.__all__)
        assert extra <= {"annotations", "Any", "TYPE_CHECKING"}, extra
    """)


def test_authoring_names_are_those_of_cog() -> None:
    """What authors import from `cog` they can import from `cogfal`."""
    own = {"App", "inspect_predictor", "wrap"}

    assert set(cogfal.__all__) - own == set(cogfal.cog.__all__) - {"FieldInfo"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy door does not hide mistakes."""
    run_program("""
        import cogfal
        try:
            cogfal.nothing
        except AttributeError as error:
            assert "nothing" in str(error)
        else:
            raise AssertionError
    """)


def test_a_predictor_is_inspected_as_its_own_python_has_it(tmp_path: Path) -> None:
    """The Python of cog.yaml is meant, and this one where there is no cog.yaml."""
    text = "import sys\ndef predict(minor: int = sys.version_info[1]) -> str: ..."
    (tmp_path / "predict.py").write_text(text)

    def minor() -> object:
        return cogfal.inspect_predictor("predict.py:predict", root=tmp_path).inputs[0].default

    assert minor() == sys.version_info[1]
    (tmp_path / "cog.yaml").write_text('build:\n  python_version: "3.9"\n')
    assert minor() == 9


def test_importing_is_light() -> None:
    """The authoring API brings neither fal nor a web framework, nor even Pydantic."""
    run_program("""
        import sys
        from cogfal import BasePredictor, Input, Path
        heavy = {"fal", "fastapi", "starlette", "pydantic", "yaml", "httpx", "PIL", "requests"}
        assert not heavy & {name.partition(".")[0] for name in sys.modules}
    """)


def test_an_app_brings_only_what_it_needs() -> None:
    """Sending, reading images, isolating and reading a predictor's text are imported when used."""
    run_program("""
        import sys
        import fal
        before = set(sys.modules)
        import cogfal.app
        late = {
            "PIL", "httpcore", "tarfile", "trio", "yaml",
            "cogfal.app_making.app_builder", "cogfal.engine.process",
            "cogfal.reading", "cogfal.project",
        }
        assert not late & (set(sys.modules) - before)
    """)
