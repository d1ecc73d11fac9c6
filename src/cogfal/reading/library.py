"""What a name outside the project stands for: Cog's, Python's library's, or something unknown.

A function or class of the library is known where it is listed; everything else outside is unknown,
by its dotted name.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import importlib.util
import inspect
import io
import re
import sys
import typing
from typing import TYPE_CHECKING, Any, Final

from cogfal.guest.type_names import COG_ROOTS
from cogfal.reading.listed import LISTED, WHOLE, public_names
from cogfal.reading.namespaces import OF_SCOPE, nearest
from cogfal.reading.source import MODULES
from cogfal.reading.standins import (
    COG,
    PYDANTIC,
    Described,
    Handler,
    Known,
    Mark,
)
from cogfal.reading.unknown import (
    ABSENT,
    Beyond,
    Part,
    Possible,
    Touched,
    Unknown,
    Value,
)
from cogfal.reading.versions import OTHER, is_other, lacks

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_EVALUATED: Final = frozenset(dotted.partition(".")[0] for dotted in LISTED)
"""Modules of Python's library that are evaluated by calling them."""

_MODULES: Final = frozenset(dotted.rpartition(".")[0] for dotted in LISTED) | {
    "concurrent.futures", "importlib.resources", "importlib.util", "logging.handlers", "os.path",
    "urllib.request",
}  # fmt: skip
"""Modules of Python's library, among those in packages, that are there on every machine."""

_APART: Final = frozenset({"atexit", "logging", "platform", "random", "time", "warnings"})
"""Modules that nothing that is evaluated makes use of."""

_FAR: Final = frozenset((
    "contextlib.chdir copyreg.constructor copyreg.pickle importlib.machinery.SourceFileLoader "
    "os.environb os.fchdir pkgutil.walk_packages pydoc.locate runpy.run_module site.addsitedir "
    "sys.meta_path sys.path_hooks"
).split())  # fmt: skip
"""By what a text carries out files, or changes how modules, files or copies are found and made."""

_LOGGER: Final = "logging.Logger"

_REPLACEABLE: Final = {
    "builtins.input": "", "builtins.open": "", "builtins.print": "",
    "enum.StrEnum": "", "functools.cached_property": "",
    "json.JSONEncoder.default": "json.dumps", "pathlib.PosixPath": "pathlib.Path",
}  # fmt: skip
"""What may be replaced, beside what stands apart; and what is evaluated by means of it."""

_CONSTANTS: Final[dict[str, Value]] = {
    "os.sep": "/", "os.path.sep": "/", "os.linesep": "\n", "os.name": "posix", "os.curdir": ".",
    "sys.maxsize": 2**63 - 1, "sys.platform": "linux", "sys.byteorder": "little",
    **{f"re.{name}": getattr(re, name)
       for name in "A I M S X ASCII IGNORECASE MULTILINE DOTALL VERBOSE".split()},
    "logging.DEBUG": 10, "logging.INFO": 20, "logging.WARNING": 30, "logging.ERROR": 40,
    "logging.CRITICAL": 50,
    **{f"{kind}.iinfo.{sign}int{bits}.max": 2 ** (bits - (not sign)) - 1
       for bits in (8, 16, 32, 64) for kind in ("numpy", "torch") for sign in ("", "u")},
}  # fmt: skip

_ALIKE: Final = WHOLE | {"abc", "collections.abc", "contextlib", "copy", "functools", "json"}
"""Modules that have the same names wherever a version of Python runs."""

_SINCE: Final = {"tomllib": (3, 11), "zoneinfo": (3, 9), "graphlib": (3, 9)}

_UNTIL: Final = {
    **dict.fromkeys("formatter parser symbol".split(), (3, 9)), "binhex": (3, 10),
    **dict.fromkeys("asynchat asyncore distutils imp smtpd".split(), (3, 11)),
    **dict.fromkeys((
        "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap nis nntplib ossaudiodev "
        "pipes sndhdr spwd sunau telnetlib uu xdrlib"
    ).split(), (3, 12)),
}  # fmt: skip

_ELSEWHERE: Final = frozenset({"msilib", "msvcrt", "nt", "winreg", "winsound"})
"""Modules that Python has on Windows alone."""

_SAME: Final = {"typing_extensions": "typing", "tomli": "tomllib"}
"""Packages that have the names of a module of Python's library."""


class VersionInfo(tuple[Value, ...]):
    """`sys.version_info` of the model's Python, whose smallest parts are not known."""

    __slots__ = ()

    major = property(lambda self: self[0])
    minor = property(lambda self: self[1])
    micro = property(lambda self: self[2])
    releaselevel = property(lambda self: self[3])
    serial = property(lambda self: self[4])


class Library(Part):
    """Knows what is outside of the project."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.replaced: dict[str, Value] = {}
        """What the text puts in place of what is outside, by dotted name."""
        self._changed: dict[str, Value] = {}
        """By dotted name: what makes use of something that is replaced, and why it is unknown."""
        self.imported: dict[str, Value] = {"os.path": True}
        """The modules of Python's library that the text has certainly imported, by name."""
        least = Unknown("the smallest part of Python's version is not known")
        table = world.handlers.table
        self._found: dict[str, Value] = {
            **_CONSTANTS, **PYDANTIC, "sys.path": world.modules.path,
            "os.environ": world.environment,
            "sys.version_info": VersionInfo((*world.version, least, "final", 0)),
            **{dotted: Known(dotted, handler) for dotted, handler in table.items()},
            "tomli.load": Known("tomllib.load", table["tomllib.load"]),
            "os.chdir": Known("os.chdir", world.files.change, world.files.state),
            "importlib.import_module": Known(
                "importlib.import_module", world.modules.imported, Unknown("", dotted=MODULES)),
        }  # fmt: skip

    def find(self, dotted: str) -> Value:
        """Return what a dotted name outside the project stands for."""
        return self.replaced[dotted] if dotted in self.replaced else self._original(dotted)

    def _original(self, dotted: str) -> Value:
        if lacks(self._world.version, dotted):
            return ABSENT
        if dotted not in self._found:
            self._found[dotted] = self._find(dotted)
        return self._found[dotted]

    def _find(self, dotted: str) -> Value:
        module, _, name = dotted.rpartition(".")
        if dotted.partition(".")[0] in COG_ROOTS:
            return self._of_cog(dotted, module, name)
        place = _SAME.get(module, module)
        letters = LISTED.get(f"{place}.{name}") or LISTED.get(f"{place}.*")
        if place.partition(".")[0] not in sys.stdlib_module_names:
            letters = None
        if is_other(self._world.version, dotted):
            return Unknown(OTHER, dotted=dotted, standard=True)
        if letters or (module in ("string", "math", "calendar") and name[:1] != "_"):
            real: Any = getattr(importlib.import_module(place), name, ABSENT)
            if real is not ABSENT and (letters == "-" or (letters and isinstance(real, type))):
                return real
            if letters and real is not ABSENT:
                return Known(dotted, functools.partial(self._world.arguments.native, real, letters))
            if isinstance(real, str | float):
                return real
        if self._is_missing(module, name):
            return ABSENT
        standard = dotted.partition(".")[0] in sys.stdlib_module_names
        why = "is not evaluated" if standard else "is not part of the project"
        shown = dotted.removeprefix("builtins.")
        return Unknown(f"{shown} {why}", dotted=dotted, standard=standard)

    def _is_missing(self, module: str, name: str) -> bool:
        """Whether a module that is the same on every machine certainly lacks a name."""
        same = self._world.version == sys.version_info[:2] and not name.startswith("_")
        return same and module in _ALIKE and not hasattr(importlib.import_module(module), name)

    def _of_cog(self, dotted: str, module: str, name: str) -> Value:
        if name in COG and module:
            return COG[name]
        if not module:
            return Unknown("the module of Cog", dotted=dotted)
        if name == "Input":
            return Known(dotted, self._described)
        real = _cogs(module)
        if real is None:
            return Unknown(f"{dotted} is not part of the project", dotted=dotted)
        with contextlib.redirect_stderr(io.StringIO()):  # what is deprecated says so
            found = getattr(real, name, ABSENT)
        if found is ABSENT or inspect.ismodule(found):
            there = found is not ABSENT or _cogs(dotted) is not None
            return Unknown("a module of Cog", dotted=dotted) if there else ABSENT
        if inspect.isroutine(found):
            return Unknown(f"{dotted} is not evaluated", dotted=dotted)
        return found

    def _described(self, *positional: Value, **keywords: Value) -> Described:
        """Return what `Input()` makes: it copies the choices that it is given."""
        given = keywords.get("choices")
        if given is not None and not isinstance(given, Unknown | str):
            try:
                keywords["choices"] = self._world.items.listed(given)
            except Touched as error:
                keywords["choices"] = error.unknown
        return Described(positional, keywords)

    def builtin(self, name: str) -> Value:
        """Return one of Python's built-in names."""
        real, dotted = getattr(builtins, name), f"builtins.{name}"
        plain = isinstance(real, type) or not callable(real)
        return real if plain and dotted not in OF_SCOPE else self.find(dotted)

    def entry(self, function: Value) -> Handler | None:
        """Return what carries out a call of something known, None where it is not."""
        if isinstance(function, Known):
            self._check_unchanged(function.name)
        if isinstance(function, Known | Mark | typing.NewType):
            return function
        if not isinstance(function, type) or function in self._world.classes.nodes:
            return None
        dotted = f"{function.__module__}.{function.__qualname__}".lstrip("_")
        self._check_unchanged(dotted)
        letters = LISTED.get(dotted, "-")
        found = (
            functools.partial(self._world.arguments.native, function, letters)
            if letters != "-"
            else None
        )
        return self._world.handlers.table.get(dotted, found)

    def _check_unchanged(self, dotted: str) -> None:
        """Leave it unknown what a call gives of what uses something that is replaced."""
        for used in (dotted, dotted.rpartition(".")[0]) if self._changed else ():
            if used in self._changed:
                raise Touched(self._changed[used])

    def taken(self, dotted: str) -> Value:
        """Return what a text takes from a module outside by a name, which is perhaps not there."""
        if dotted in _FAR:
            raise Beyond(Unknown(f"{dotted} is not evaluated, nor what comes after it"))
        return self._world.there(self.find(dotted))

    def attribute(self, owner: Unknown, name: str) -> Value:
        """Return an attribute of something outside."""
        found = self.taken(f"{owner.dotted}.{name}")
        if name == "__dict__" and owner.dotted.partition(".")[0] in _EVALUATED:
            raise Beyond(
                Unknown(f"{owner.dotted}.__dict__, which may be changed, is not evaluated")
            )
        if found is ABSENT:
            near = nearest(name, public_names(owner.dotted))
            raise AttributeError(f"module {owner.dotted!r} has no attribute {name!r}{near}")
        there = isinstance(found, Unknown) and self.imported.get(found.dotted) is True
        if isinstance(found, Unknown) and owner.node is not None and not there:
            return self._world.expressions.raising(found)
        return found

    def replace(self, owner: Unknown, name: str, value: Value) -> None:
        """Carry out `module.name = value` for a module outside of the project."""
        dotted, module = f"{owner.dotted}.{name}", owner.dotted
        found = self._original(dotted)
        if module == "builtins":
            there = hasattr(builtins, name)
        else:  # of a class, a name may change what is evaluated although it was not there
            inner = module.partition(".")[0] in _EVALUATED and not _is_module(module)
            there = inner or not (found is ABSENT or isinstance(found, Unknown))
        there = there and module.partition(".")[0] not in _APART
        bind = self._world.journal.bind
        if dotted == "sys.path":
            bind(vars(self._world.modules), "path", value)
        elif dotted in _REPLACEABLE:
            for used in _REPLACEABLE[dotted].split():
                bind(self._changed, used, Unknown(f"{dotted} is replaced"))
        elif owner.standard and there and value is not self.find(dotted):
            raise Beyond(Unknown(f"a changed {dotted} is not evaluated"))
        elif module == _LOGGER:  # of the class, it would be given the logger; of one, it is not
            value = Unknown("what a logger has is not evaluated", about=(value,))
        elif module in ("sys", "warnings") or not owner.standard:
            self._world.effects.of_values([value], Unknown(f"{dotted} may change it"))
        bind(self.replaced, dotted, value)

    def lose(self, dotted: str, why: Unknown) -> None:
        """Take it as not known what stands for a name outside of the project, if anything does."""
        found, bind = self.find(dotted), self._world.journal.bind
        top, _, name = dotted.partition(".")
        absent = found is ABSENT or (top == "builtins" and not hasattr(builtins, name))
        if dotted == "sys.path":
            bind(vars(self._world.modules), "path", why)
        there = [] if found is ABSENT else [found]
        bind(self.replaced, dotted, Possible.of(why, [why, *there], absent=absent))

    def restore(self, owner: Unknown, name: str) -> None:
        """Carry out `del module.name` for a module outside of the project."""
        dotted = f"{owner.dotted}.{name}"
        if dotted in self.replaced:
            self._world.there(self.replaced[dotted])
            self._world.journal.unbind(self.replaced, dotted)
        elif owner.standard and owner.dotted:
            self.replace(owner, name, ABSENT)

    def load(self, name: str, shown: str) -> Value:
        """Return what an import of a module outside of the project binds, called `shown`."""
        there = self.exists(name)
        same = self._world.version == sys.version_info[:2]
        alike = same and name.partition(".")[0] in _ALIKE
        if there is False or (alike and "." in name and not _is_module(name)):
            raise ModuleNotFoundError(f"No module named {name!r}")
        found = self.find(shown)
        if found is ABSENT:
            raise ModuleNotFoundError(f"No module named {shown!r}")
        parts = name.split(".") if there else []
        for count in range(len(parts)):
            imported = ".".join(parts[: count + 1])
            self._world.journal.bind(self.imported, imported, True)
        if there is None:
            self._world.expressions.raising(self.find(name))
        return found

    def exists(self, module: str) -> bool | None:
        """Return whether a module outside the project is there; None where it is not known."""
        top, version = module.partition(".")[0], self._world.version
        if top in COG_ROOTS:
            return _cogs(module) is not None
        if top in _SINCE or top in _UNTIL:
            return _SINCE.get(top, version) <= version <= _UNTIL.get(top, version)
        if top in _ELSEWHERE or top not in sys.stdlib_module_names:
            return False if top in _ELSEWHERE else None
        return True if module == top or module in _MODULES else None


def _cogs(module: str) -> Any:
    """Return a module that is found under Cog's name or cogfal's; fal's errors are not Cog's."""
    home = f"cogfal.cog{module.removeprefix(module.partition('.')[0])}"
    try:
        return importlib.import_module(module if module == "cogfal.fal_errors" else home)
    except ImportError:
        return None


def _is_module(dotted: str) -> bool:
    """Whether Python's library has a module of a name, rather than a class in one."""
    try:
        return importlib.util.find_spec(dotted) is not None
    except ModuleNotFoundError:
        return False
