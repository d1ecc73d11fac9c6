"""Put the authoring API under the name `cog`, so that predictors need no edit.

Whatever was imported as `cog` before gives way: code that holds classes of the real package goes
on with them (the rest of cogfal knows them by their structure), and everything imported from now
on gets this API, whose metrics and cancellation reach the prediction that is running.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import types
from typing import Any, Iterator

_NAME = "cog"
_HERE = __name__.rpartition(".")[0]


def install() -> None:
    """Make `import cog` and the import of any of its submodules yield this API, in this process.

    The modules are the same objects under both names, so `cog.types.Path is cog.Path`. What they
    define says from now on that it is of `cog`, as it does where the package itself has that name:
    so what is pickled here is read in the author's child processes, and the other way round.
    `importlib.metadata.version("cog")` answers, too, where no real package is installed.
    Calling it again changes nothing, nor does it where the package has the name already.
    """
    package = sys.modules[_HERE]
    if _HERE == _NAME:
        return
    modules = {_NAME: package}
    for found in pkgutil.walk_packages(package.__path__, prefix=_HERE + "."):
        modules[_NAME + found.name[len(_HERE) :]] = importlib.import_module(found.name)
    for stale in [name for name in sys.modules if name.partition(".")[0] == _NAME]:
        if stale not in modules:
            del sys.modules[stale]
    sys.modules.update(modules)
    for name, module in modules.items():
        _rename(module, name)
    if _Metadata not in sys.meta_path:
        sys.meta_path.append(_Metadata)  # last: a real package tells its own version


def _rename(module: types.ModuleType, name: str) -> None:
    for value in vars(module).values():
        own = getattr(value, "__module__", None) == module.__name__
        if own and isinstance(value, (type, types.FunctionType)):
            value.__module__ = name


class _Metadata:
    """Finds no module, but what `importlib.metadata` asks of the package `cog`."""

    @staticmethod
    def find_spec(*_: Any) -> None:
        return None

    @staticmethod
    def find_distributions(context: Any) -> Iterator[Any]:
        if sys.version_info < (3, 8) or context.name != _NAME:
            return
        from importlib.metadata import Distribution  # noqa: PLC0415  # 10 ms, seldom asked

        class Cog(Distribution):
            def read_text(self, filename: str) -> str | None:
                version = sys.modules[_HERE].__version__
                text = f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {version}\n"
                return text if filename == "METADATA" else None

            def locate_file(self, path: Any) -> Any:
                return path

        yield Cog()
