"""What of Python's library is called as it is, and what is done to arguments before."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cogfal.guest.type_names import COG_ROOTS
from cogfal.reading.functions import Function
from cogfal.reading.operators import MAX_BITS, MAX_ITEMS, SIZED, too_large
from cogfal.reading.standins import Handler
from cogfal.reading.unknown import (
    Part,
    Unknown,
    Value,
    contained,
    known,
    reached,
    refused,
    require_known,
)
from cogfal.reading.versions import check_keywords

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_LISTED: Final = """\
abc              -   ABC ABCMeta
argparse         v   Namespace
ast              p   literal_eval
base64           p   b64decode b64encode
builtins         d   dict
builtins         bp  bytes
builtins         e   all any list tuple
builtins         fi  filter map
builtins         i   zip
builtins         iv  enumerate
builtins         k   callable mappingproxy
builtins         m   max min
builtins         xv  sorted
builtins         n   float int
builtins         o   len
builtins         p   abs bin chr complex divmod hex oct ord range
builtins         pb  round
builtins         s   ascii repr
builtins         tp  str
builtins         y   frozenset set
builtins         v   bool classmethod object property slice staticmethod
calendar         p   isleap monthrange
collections      -   ChainMap
collections      cd  defaultdict
collections      d   OrderedDict
collections      ev  deque
collections      h   Counter
collections      p   namedtuple
collections.abc  -   *
copy             w   copy deepcopy
contextlib       -   nullcontext suppress
csv              p   DictReader reader
dataclasses      -   InitVar KW_ONLY MISSING
dataclasses      v   field
dataclasses      w   asdict astuple fields replace
datetime         -   UTC
datetime         p   date datetime time timedelta timezone
enum             -   Enum EnumMeta EnumType Flag IntEnum IntFlag StrEnum
enum             v   auto unique
fnmatch          p   filter fnmatch
fractions        n   Fraction
functools        flv reduce
functools        kv  partial
functools        v   cached_property total_ordering
html             p   escape unescape
inspect          k   isclass
inspect          p   cleandoc
io               p   BytesIO StringIO
itertools        fi  dropwhile filterfalse starmap takewhile
itertools        i   chain compress cycle pairwise zip_longest
itertools        ib  tee
itertools        if  accumulate groupby
itertools        ip  islice
itertools        l   product
itertools        lb  combinations permutations
itertools        p   count
itertools        vp  repeat
json             -   JSONDecodeError
json             p   dumps loads
math             b   comb factorial perm
math             p   acos asin atan atan2 ceil copysign cos degrees dist exp fabs floor fmod fsum
math             p   gcd hypot isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 modf
math             p   pow radians sin sqrt tan trunc
numbers          -   Integral Number Real
operator         q   concat contains eq ge getitem gt le lt ne neg not_ pos truth
os               -   PathLike
os.path          p   commonprefix isabs normpath split splitext
pathlib          a   Path PosixPath PurePath PurePosixPath
re               p   escape
shlex            p   join quote split
statistics       p   mean median mode
string           p   capwords
textwrap         p   dedent fill indent shorten wrap
tomllib          p   loads
types            -   FunctionType GenericAlias LambdaType MappingProxyType MethodType NoneType
types            -   UnionType
types            v   SimpleNamespace
typing           -   *
typing           k   get_args get_origin
typing           v   NewType TypeVar runtime_checkable
urllib.parse     p   parse_qs parse_qsl quote quote_plus unquote urlencode urljoin urlparse urlsplit
"""
"""What stands for itself (`-`), or is called, with what is done to each argument before.

One letter for each, the last for all that follow: `v` nothing, `k` it is known, `o` it is known
and not of this machine, `w` it is known and small, `p` it is so in depth, and not of this machine,
a set in one of its orders, `q` the same, but a set stays one, `n` it makes no large number, `b` it
is no large number, `s` it has a text for `repr`, `t` for `str`, `a` it is a path, `i` its
items are taken as they are asked for, `e` they are and are counted, `l` they are listed, `x` and
compared, `m` they are where there is one argument, `h` they are keys, `y` they are where they have
no size, `d` they are pairs, `c` it makes what a dict lacks, `f` it is called.
(`builtins.mappingproxy` is what the class of `types.MappingProxyType` says that its name is.)
"""


LISTED: Final = {
    f"{module}.{name}": letters
    for module, letters, *names in map(str.split, _LISTED.splitlines())
    for name in names
}


WHOLE: Final = frozenset(
    {"collections", "dataclasses", "enum", "math", "pathlib", "string", "typing", "itertools"}
)
"""Modules whose names are known, so that a star import is."""

_FACTORIES: Final = (list, dict, set, int, str, float, bool, tuple, None)

_SIZES: Final = frozenset({"indent", "n", "ndigits", "r", "repeat", "tabsize"})
"""Arguments by which a result may grow."""

_KEPT: Final = frozenset({"default", "fillvalue", "initial", "start"})
"""Arguments that are passed through where others are taken for their items."""


def public_names(module: str) -> Iterable[str]:
    """Return the names that a star import takes from a module outside of the project."""
    if module in COG_ROOTS:
        return importlib.import_module("cogfal.cog").__all__  # type: ignore[no-any-return]
    if module not in WHOLE:
        return ()
    found = importlib.import_module(module)
    return getattr(found, "__all__", None) or [n for n in dir(found) if n[0] != "_"]


class GivenArguments(Part):
    """Looks at arguments as the list says, and calls what Python has."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._ways: dict[str, Callable[[Value], Value]] = {
            "v": lambda value: value, "k": known, "o": self._here, "w": self._small,
            "p": self._in_order, "q": self.plain, "x": self._compared, "n": self._number,
            "b": self._size, "s": self.shown, "t": lambda value: self.shown(value, "__str__"),
            "a": world.files.text, "i": self.taken, "e": self._each, "l": self.weighed,
            "y": self._sized, "h": self._keys, "d": self._pairs, "c": self._factory,
            "f": world.calls.closure,
        }  # fmt: skip

    def native(self, function: Handler, letters: str, *given: Value, **named: Value) -> Value:
        """Return the result of a listed function; `letters` say how arguments are looked at."""
        last = letters[-1]
        if last == "m":
            letters = last = "x" if len(given) == 1 else "q"
        letters += last * len(given)
        positional = [self._looked_at(how, v) for how, v in zip(letters, given, strict=False)]
        keywords = {n: self._looked_at(self._way(n, v, letters), v) for n, v in named.items()}
        check_keywords(self._world.version, getattr(function, "__name__", ""), keywords)
        try:
            result = function(*positional, **keywords)
        except Exception:
            for each in (v for v in given if isinstance(v, Iterator)):
                self._world.choices.taint(each, Unknown("an exception left it in the midst"))
            raise
        for made in result if isinstance(result, tuple) else (result,):
            if isinstance(made, Iterator):
                self._world.journal.born(made)
        return result

    def _looked_at(self, how: str, value: Value) -> Value:
        return self._ways[how](value if how in "fikv" else self._world.items.whole(value))

    def _way(self, name: str, value: Value, letters: str) -> str:
        last, series = letters[-1], isinstance(value, set | frozenset | Iterator)
        if (series or name == "object") and name not in _KEPT and letters[0] not in "vkdh":
            return letters[0]
        if name in ("key", "func") or (last == "p" and callable(value)):
            return "f"
        return "b" if name in _SIZES else last if last in "pnsw" else "v"

    def plain(self, value: Value) -> Value:
        """Return small, plain data that is known in depth, and does not depend on this machine."""
        require_known(value)
        self._world.budget.weigh(value)
        if isinstance(value, Iterator):
            return self._each(value)
        if isinstance(value, range) and value[MAX_ITEMS:]:
            raise too_large()
        if not callable(value):
            self._world.texts.check_places("call", reached([value], contained))
        return value

    def _here(self, value: Value) -> Value:
        if not isinstance(known(value), Iterator):
            self._world.texts.check_places("call", (value,))
        return value

    def _number(self, value: Value) -> Value:
        text = value if isinstance(self.plain(value), str) else ""
        if len(text) > MAX_BITS // 4 or re.search(r"e\+?\d{4}", text, re.IGNORECASE):
            raise too_large()
        return value

    def _size(self, value: Value) -> Value:
        plain = self._in_order(value)
        if isinstance(plain, int) and abs(plain) > MAX_ITEMS:
            raise too_large()
        return plain

    def shown(self, value: Value, *methods: str) -> Value:
        """Return a value that has a text, by `__repr__` or by one of `methods`."""
        self._world.texts.check(known(value), *methods)
        return value

    def taken(self, value: Value) -> Value:
        """Return an iterator over the items of a value; a number as it is."""
        plain = isinstance(value, int | float | None)
        return value if plain else self._world.items.iterate(value)

    def _each(self, value: Value) -> Iterator[Value]:
        return iter(self._world.budget.metered(self._world.items.iterate(value)))

    def weighed(self, value: Value) -> list[Value]:
        """Return all items of a value, not too many."""
        items = self._world.items.listed(value)
        self._world.budget.weigh(items)
        return items

    def _in_order(self, value: Value) -> Value:
        plain = self.plain(value)
        return self._world.items.ordered(plain) if isinstance(plain, set | frozenset) else plain

    def _compared(self, value: Value) -> list[Value]:
        items = self.weighed(value)
        self._world.texts.check_places("compare", items)
        return items

    def _small(self, value: Value) -> Value:
        self._world.budget.weigh(known(value))
        if isinstance(value, Iterator):
            raise refused("an iterator is not looked into")
        return value

    def _sized(self, value: Value) -> Value:
        return self._small(value) if isinstance(value, SIZED) else self._keys(value)

    def _keys(self, value: Value) -> Value:
        if isinstance(value, dict | MappingProxyType):
            return dict(value) if isinstance(value, MappingProxyType) else value
        return [self._world.items.key(item) for item in self._each(value)]

    def _pairs(self, value: Value) -> Value:
        value = self._world.items.mapping(value)
        if isinstance(value, dict):
            return value
        pairs = [self._world.items.listed(pair) for pair in self._each(value)]
        for pair in filter(None, pairs):
            self._world.items.key(pair[0])
        return pairs

    def _factory(self, value: Value) -> Value:
        if value not in _FACTORIES and not isinstance(value, Function):
            raise refused("such a default_factory is not evaluated")
        return value
