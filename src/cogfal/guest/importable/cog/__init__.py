"""Stands for cogfal's authoring API in the processes that the author's code starts."""

import os as _os

__path__ = [_os.path.join(_os.path.dirname(__file__), *[_os.pardir] * 3, "cog")]
__file__ = _os.path.join(__path__[0], "__init__.py")
with open(__file__) as _source:
    exec(compile(_source.read(), __file__, "exec"))  # noqa: S102  # cogfal's own source
