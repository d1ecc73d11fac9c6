"""The authoring API under the name `cog`."""

from __future__ import annotations

import pkgutil

import cogfal.cog
from tests.cog.programs import run_program


def test_every_module_is_the_same_object_under_both_names() -> None:
    """No module is loaded a second time, however it is imported."""
    names = [m.name for m in pkgutil.walk_packages(cogfal.cog.__path__, "cogfal.cog.")]

    run_program(f"""
        import importlib, cogfal.cog
        from cogfal.cog.alias import install
        install()
        assert importlib.import_module("cog") is cogfal.cog
        for name in {names!r}:
            ours = importlib.import_module(name)
            assert importlib.import_module(name.removeprefix("cogfal.")) is ours, name
    """)


def test_predictors_import_what_they_import_from_cog() -> None:
    """The imports of real predictors resolve, and classes are identical."""
    run_program("""
        from cogfal.cog.alias import install
        install()
        import cog
        import cog.server.exceptions
        from cog import *
        from cog import BasePredictor, Input, Path as CogPath, current_scope
        from cog.base_predictor import BasePredictor as OldBase
        from cog.coder import Coder
        from cog.exceptions import CancelationException
        from cog.errors import ConfigDoesNotExist
        from cog.mode import Mode
        from cog.model import BaseModel
        from cog.predictor import BaseRunner
        from cog.server.scope import Scope, scope
        from cog.types import ExperimentalFeatureWarning, Path, Weights, get_filename
        import cogfal
        assert Path is CogPath is cog.Path is cog.types.Path is cogfal.Path
        assert OldBase is BasePredictor is cogfal.BasePredictor
        assert cog.server.exceptions.CancelationException is CancelationException
        assert not issubclass(CancelationException, Exception)
        assert Mode.PREDICT.value == str(Mode.PREDICT) == "predict"
    """)


def test_the_version_of_cog_is_found_as_that_of_a_package() -> None:
    """Predictors print it in their setup; a package that is installed tells its own."""
    run_program("""
        import importlib.metadata, sys
        from cogfal.cog.alias import install
        installed = importlib.metadata.version("cog")
        install()
        import cog
        assert importlib.metadata.version("cog") == installed
        sys.path = [each for each in sys.path if "site-packages" not in each]
        assert importlib.metadata.version("cog") == cog.__version__
        assert importlib.metadata.metadata("cog")["Name"] == "cog"
        try:
            importlib.metadata.version("cogs")
        except importlib.metadata.PackageNotFoundError:
            pass
        else:
            raise AssertionError
        import pkgutil
        assert importlib.util.find_spec("there_is_none") is None
    """)


def test_installing_twice_changes_nothing() -> None:
    """A second call keeps every module."""
    run_program("""
        import sys
        from cogfal.cog.alias import install
        install()
        before = {name: sys.modules[name] for name in sys.modules if name.startswith("cog")}
        install()
        assert before == {name: sys.modules[name] for name in sys.modules if name.startswith("cog")}
    """)


def test_the_real_package_gives_way() -> None:
    """What was imported from the real package before stays usable; imports from now on are ours."""
    run_program("""
        import cog, cog.types
        RealPath = cog.types.Path
        from cogfal.cog.alias import install
        install()
        import sys, cog, cogfal
        assert cog.Path is cogfal.Path
        assert RealPath("/a") == cog.Path("/a")
        assert all(m.__name__.startswith("cogfal.cog") for n, m in sys.modules.items()
                   if n.partition(".")[0] == "cog")
    """)


def test_deprecated_names_give_one_notice_each() -> None:
    """Old names work, and say so once, on stderr, where no warning filter hides it."""
    done = run_program("""
        from cogfal.cog.alias import install
        install()
        from cog import ExperimentalFeatureWarning, emit_metric
        from cog import ExperimentalFeatureWarning as Again, emit_metric as again
        from cog import BasePredictor, Predictor
        assert Predictor is BasePredictor
        import warnings
        warnings.filterwarnings("ignore", category=ExperimentalFeatureWarning)
        from cog.server.scope import Scope, scope
        with scope(Scope({}, lambda *metric: print(metric))):
            emit_metric("tokens", 3)
    """)

    assert done.stdout == "('tokens', 3, 'replace')\n"
    assert len(done.stderr.splitlines()) == 3
    assert "deprecated" in done.stderr
