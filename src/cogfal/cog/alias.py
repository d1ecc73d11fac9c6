"""Put the authoring API under the name `cog`, so that predictors need no edit.

Whatever was imported as `cog` before gives way: code that holds classes of the real package goes
on with them (the rest of cogfal knows them by their structure), and everything imported from now
on gets this API, whose metrics and cancellation reach the prediction that is running.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

from cogfal import cog

_NAME = "cog"


def install() -> None:
    """Make `import cog` and the import of any of its submodules yield this API, in this process.

    The modules are the same objects under both names, so `cog.types.Path is cog.Path`. Calling it
    again changes nothing.
    """
    modules = {_NAME: cog}
    for found in pkgutil.walk_packages(cog.__path__, prefix=f"{cog.__name__}."):
        alias = _NAME + found.name.removeprefix(cog.__name__)
        modules[alias] = importlib.import_module(found.name)
    for stale in [name for name in sys.modules if name.partition(".")[0] == _NAME]:
        if stale not in modules:
            del sys.modules[stale]
    sys.modules.update(modules)
