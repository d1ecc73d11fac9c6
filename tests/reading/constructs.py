"""What a predictor's module may hold, each with its verdict: the table of the architecture page."""

from __future__ import annotations

from dataclasses import dataclass

EVALUATED, REFUSED = "evaluated", "refused"


@dataclass(frozen=True)
class Construct:
    """One construct: `X` is what it makes, `value` what Python makes of it; refused has none."""

    name: str
    text: str
    value: object = None
    verdict: str = EVALUATED


def _is(name: str, text: str, value: object) -> Construct:
    return Construct(name, text, value)


def _not(name: str, text: str) -> Construct:
    return Construct(name, text, None, REFUSED)


CONSTRUCTS = (
    _is("`nonlocal`", "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n += 1\n    g()\n"
        "    return n\nX = f()", 2),
    _is("in-place operators on aliases", "X = [1]\nY = X\nY += [2]", [1, 2]),
    _is("deleting items, slices and names", "X = [1, 2, 3]\ndel X[:2]", [3]),
    _is("scopes of comprehensions in class bodies",
        "n = 1\nclass C:\n    n = 2\n    all = [n for _ in range(2)]\nX = C.all", [1, 1]),
    _is("`:=`", "X = [y for i in (1, 2) if (y := i * 2)] + [y]", [2, 4, 4]),
    _is("iterators with a position", "i = iter([1, 2, 3])\nnext(i)\nX = list(i)", [2, 3]),
    _is("open files with a position", "with open('t.txt') as f:\n    next(f)\n    X = f.read() + f.read()",
        "b\n"),
    _is("lazy `map`, `zip`, `filter` and generators", "y = [1]\nm = map(str, y)\ny.append(2)\nX = list(m)",
        ["1", "2"]),
    _is("generator functions", "def g():\n    yield from (1, 2)\n    yield 3\nX = list(g())", [1, 2, 3]),
    _is("`assert`", "try:\n    assert 1 > 2\nexcept AssertionError:\n    X = 1", 1),
    _is("`raise` inside `suppress`", "import contextlib\nX = 1\nwith contextlib.suppress(KeyError):\n"
        "    raise KeyError\n    X = 2", 1),
    _is("exceptions of the author's and their bases", "class A(Exception): ...\nclass B(A): ...\ntry:\n"
        "    raise B('b')\nexcept A as e:\n    X = e.args[0]", "b"),
    _is("`else` and `finally`", "X = []\ntry:\n    X.append(1)\nexcept ValueError: ...\nelse:\n    X.append(2)\n"
        "finally:\n    X.append(3)", [1, 2, 3]),
    _is("`super().__init__()`", "class A:\n    def __init__(self): self.n = 1\nclass B(A):\n"
        "    def __init__(self):\n        super().__init__()\n        self.n += 1\nX = B().n", 2),
    _is("dataclasses: `__post_init__`, ClassVar, inherited defaults", "from dataclasses import dataclass\n"
        "from typing import ClassVar\n@dataclass\nclass A:\n    a: int = 1\n    k: ClassVar[int] = 9\n"
        "    def __post_init__(self): self.a += 1\n@dataclass\nclass B(A):\n    b: int = 5\nX = [B(3).a, B().b]",
        [4, 5]),
    _is("texts of annotations that `dataclasses` looks at",
        "import dataclasses\nfrom dataclasses import KW_ONLY\nfrom typing import ClassVar as V\n"
        "@dataclasses.dataclass\nclass C:\n    a: 'V[Nowhere]' = 1\n"
        "    b: 'dataclasses.InitVar[Nowhere]' = 2\n    c: 'Nowhere' = 3\n    _: 'KW_ONLY'\n"
        "    d: 'int' = 4\n    def __post_init__(self, b): self.c += b\nX = repr(C(5, 6))",
        "C(c=11, d=4)"),
    _is("a `NewType` that is called", "from typing import NewType\nN = NewType('N', int)\nX = N(4)", 4),
    _is("`functools.total_ordering`", "import functools\n@functools.total_ordering\nclass C:\n"
        "    def __init__(self, n): self.n = n\n    def __lt__(self, other): return self.n < other.n\n"
        "X = C(2) >= C(1)", True),
    _is("single items of `vars(o)` and `o.__dict__`", "class C:\n"
        "    def __init__(self, **held): self.__dict__.update(held)\no = C(a=1)\nvars(o)['b'] = 2\n"
        "X = [o.a, o.b]", [1, 2]),
    _is("`vars(o)` as a whole", "import json\nclass C: n = 1\no, p = C(), C()\no.n = 2\nview = vars(o).items()\n"
        "p.m = 3\nvars(o).update(vars(p))\nX = [*vars(o), *view, {**vars(p)}, json.dumps(vars(p)), vars(o) == vars(p)]",
        ["n", "m", ["n", 2], ["m", 3], {"m": 3}, '{"m": 3}', False]),
    _not("`vars()` of a class as a whole", "class C: n = 1\nX = [*vars(C)]"),
    _is("`args` of an exception that is raised", "try:\n    raise KeyError('a', 1)\nexcept KeyError as e:\n"
        "    X = [*e.args]", ["a", 1]),
    _is("methods of a dict as those of a class", "class C(dict):\n    __getattr__ = dict.__getitem__\n"
        "    __setattr__ = dict.__setitem__\no = C(a=1)\no.b = 2\nX = [o.a, o['b']]", [1, 2]),
    _not("a class or function of Python's library that is replaced", "import json\n"
        "json.dumps = lambda v: 3\nX = json.dumps(1)"),
    _is("`print` and `time.sleep` that are replaced, names that a module of Python's library gets",
        "import builtins, fractions, math, time\nbuiltins.print, kept = lambda *v: 7, print\ntime.sleep, slept = lambda s: 8, time.sleep\n"
        "fractions.gcd = math.gcd\nX = [print(), time.sleep(3), fractions.gcd(4, 6)]\nbuiltins.print, time.sleep = kept, slept", [7, 8, 2]),
    _not("a name of Python's library that is deleted", "import math\ndel math.pi\nX = getattr(math, 'pi', 3)"),
    _not("`__dict__` of a module of Python's library", "import string\n"
        "string.__dict__['digits'] = '7'\nX = string.digits"),
    _not("`__builtins__` that are changed", "__builtins__['len'] = lambda v: 7\nX = len([])"),
    _not("`__class__` that a class defines", "class C:\n    __class__ = int\nX = isinstance(C(), int)"),
    _is("shadowed builtins", "def len(x): return 7\nX = len([])", 7),
    _is("Enum: `auto`, `_generate_next_value_`, aliases", "import enum\nclass E(enum.Enum):\n"
        "    def _generate_next_value_(name, *_): return name.lower()\n    A = enum.auto()\n    B = 'a'\n"
        "X = [e.value for e in E] + [E.B.name]", ["a", "A"]),
    _is("Enum: mixed-in str and int, Flag", "import enum\nclass F(enum.IntFlag):\n    R = 1\n    W = 2\n"
        "X = (F.R | F.W) + 0", 3),
    _is("Enum: `__new__`, `_missing_`", "import enum\nclass E(enum.Enum):\n    A = 'a'\n    @classmethod\n"
        "    def _missing_(cls, value): return cls.A\nX = E('b').value", "a"),
    _not("the text of a mixed-in member, which depends on Python's version",
         "import enum\nclass E(str, enum.Enum):\n    A = 'a'\nX = '%s' % (E.A,)"),
    _is("`__init_subclass__`, `__set_name__`", "class A:\n    seen = []\n    def __init_subclass__(cls):\n"
        "        cls.seen.append(cls.__name__)\nclass B(A): ...\nX = A.seen", ["B"]),
    _is("metaclasses", "class M(type):\n    def __new__(m, name, bases, ns):\n"
        "        return super().__new__(m, name, bases, {**ns, 'n': 4})\nclass C(metaclass=M): ...\nX = C.n", 4),
    _is("class decorators", "def d(cls):\n    cls.n = 3\n    return cls\n@d\nclass C: ...\nX = C.n", 3),
    _is("`setattr`, `getattr`, `del`", "class C: ...\nsetattr(C, 'n', 1)\nX = getattr(C, 'n')", 1),
    _is("`globals()`, `locals()`", "globals()['X'] = 2", 2),
    _is("`exec` and `eval` of a text that is known", "exec('X = 1 + 1')", 2),
    _not("`exec` of a text that is not known", "import os\nX = 1\nexec(os.urandom(3))"),
    _not("`__defaults__`, `__annotations__`, `__signature__` that are replaced",
         "def f(a=1): return a\nf.__defaults__ = (2,)\nX = f()"),
    _is("a replaced name of another module", "import cog\ncog.Extra = 3\nX = cog.Extra", 3),
    _not("an order that Python leaves open", "import os\nX = os.listdir()[0]"),
    _is("`match`", "match [1, 2, 3]:\n    case [1, *rest]:\n        X = rest", [2, 3]),
    _is("`isinstance`, `issubclass`, `hasattr`", "X = [isinstance(1, int), hasattr('', 'upper')]", [True, True]),
    _is("`json`, `copy.deepcopy`, `functools.partial`, `namedtuple`", "import copy, functools, json\n"
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\n"
        "X = json.loads(json.dumps(copy.deepcopy([P(1, 2)]))) + [functools.partial(max, 3)(2)]", [[1, 2], 3]),
    _is("`re`, without repeated groups", "import re\nX = re.sub('[0-9]+', '#', 'a12b3')", "a#b#"),
    _not("`re`, with repeated groups", "import re\nX = bool(re.match('(a+)+$', 'aaaa'))"),
    _is("`datetime` of plain numbers", "import datetime\nX = datetime.date(2024, 1, 2).isoformat()", "2024-01-02"),
    _not("the present time, random numbers, identities", "import time\nX = time.time()"),
    _is("`csv`", "import csv\nwith open('t.txt') as f:\n    X = [r[0] for r in csv.reader(f)]", ["a", "b"]),
    _is("`importlib.import_module`", "import importlib\nX = importlib.import_module('sibling').N", 6),
    _is("imports as statements, with their effects", "import os\nimport sibling\nX = os.environ['SIBLING']", "set"),
    _is("`os.chdir`, `sys.path`", "import os, sys\nos.chdir('more')\nsys.path.append(os.getcwd())\nimport deeper\n"
        "X = deeper.N", 8),
    _not("coroutines", "async def f(): return 1\nX = f()"),
    _not("`yield` inside an expression", "def g():\n    x = [(yield 1)]\nX = list(g())"),
    _is("properties and their setters", "class C:\n    @property\n    def x(self): return self._x\n    @x.setter\n"
        "    def x(self, v): self._x = v + 1\no = C()\no.x = 3\no.x += 1\nX = o.x", 6),
    _is("`functools.cache`, `cached_property`", "import functools\nseen = []\n@functools.cache\ndef f(n):\n    seen.append(n)\n"
        "    return n\nclass C:\n    @functools.cached_property\n    def c(self): return f(2) + f(2)\nX = [C().c, seen]", [4, [2]]),
    _is("`__call__`, `__iadd__`, `__getitem__`, `__class_getitem__`", "class C:\n    n = 1\n    def __iadd__(self, other):\n"
        "        self.n += other\n        return self\n    def __call__(self): return self.n\n    def __getitem__(self, i): return [4, 5][i]\n"
        "    def __class_getitem__(cls, key): return key\no = C()\no += 1\nX = [o(), *o, C['k']]", [2, 4, 5, "k"]),
    _is("`__getattr__` of a class or a module", "import asked\nclass C:\n    def __getattr__(self, name): return name\n"
        "X = C().n + asked.m", "nM"),
    _is("context managers of the author's, `nullcontext`", "import contextlib\nclass C:\n    def __enter__(self): return [1]\n"
        "    def __exit__(self, *_): return True\nwith C() as X, contextlib.nullcontext(X) as y:\n    y.append(2)\n    raise KeyError",
        [1, 2]),
    _is("`@contextmanager`", "import contextlib\nX = []\n@contextlib.contextmanager\ndef m(*kinds):\n    try:\n"
        "        yield X\n    except kinds: X.append(2)\n    finally: X.append(3)\nwith m() as y: y.append(1)\n"
        "with m(KeyError): raise KeyError\ntry:\n    with m(): raise ValueError\nexcept ValueError: X.append(4)",
        [1, 3, 2, 3, 3, 4]),
    _not("a context manager of it that is used in another way than by `with`", "import contextlib\nX = 1\n"
         "@contextlib.contextmanager\ndef m():\n    global X\n    X = 2\n    yield\n@m()\ndef f(): ...\nf()"),
    _not("a `yield` before a `finally`", "X = []\ndef f():\n    try:\n        yield 1\n    finally:\n        X.append(2)\n"
         "for _ in f():\n    break"),
    _not("a `yield` in a handler, or before one of `GeneratorExit`", "X = []\ndef f():\n    try:\n        yield 1\n"
         "    except GeneratorExit:\n        X.append(2)\nfor _ in f():\n    break"),
    _not("a special method that is set on one object", "class C: ...\no = C()\no.__call__ = lambda: 1\ntry:\n"
         "    X = o()\nexcept TypeError:\n    X = 2"),
    _is("views of a dict that changes", "d = {'a': 1}\nk = d.values()\nd['b'] = 2\nX = list(k)", [1, 2]),
    _is("`types.SimpleNamespace`", "import types\no = types.SimpleNamespace(n=1)\no.n += 1\nX = o.n", 2),
    _is("the own module in `sys.modules`", "import sys\nX = 1\nsetattr(sys.modules[__name__], 'X', 2)", 2),
    _not("a module that is put into `sys.modules`", "import sys, types\nm = types.ModuleType('m')\nm.N = 1\nsys.modules['m'] = m\n"
         "import m as k\nX = k.N"),
    _is("`from package import *`, its submodules, too", "from pkg import *\nX = inner.N", 3),
    _not("an import inside `try` of a package that is not there",
         "try:\n    import surely_not_there\n    X = 1\nexcept ImportError:\n    X = 2"),
    _not("the text of an exception of Python's own", "try:\n    int('x')\nexcept ValueError as e:\n    X = str(e)"),
    _not("`__context__` of an exception", "try:\n    try:\n        {}['a']\n    except KeyError:\n        raise ValueError\n"
         "except ValueError as e:\n    X = type(e.__context__).__name__"),
    _not("a pattern of a class of the author's", "class P:\n    x = 1\nmatch P():\n    case P(x=v): X = v"),
    _is("`type()` that makes a class", "class B:\n    made = []\n    def __init_subclass__(cls): B.made.append(cls.__name__)\n"
        "C = type('C', (B,), {'n': 3, 'f': lambda self: self.n + 1})\nX = [C.n, C().f(), *C.made]", [3, 4, "C"]),
    _is("`dataclasses.fields`, `replace`, `astuple`", "from dataclasses import *\n@dataclass\nclass C:\n    a: int = 1\n"
        "X = [[f.name for f in fields(C)], replace(C(), a=2).a, *astuple(C())]", [["a"], 2, 1]),
    _is("`argparse.Namespace`", "import argparse\no = argparse.Namespace(n=1)\no.n += 1\nX = [o.n, vars(o)['n']]", [2, 2]),
    _is("a class with arguments that is called", "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass C(Generic[T]):\n"
        "    N = 4\n    def __init__(self): self.n = 3\nX = [C[int]().n, C[int].N, list[int]('ab')]", [3, 4, ["a", "b"]]),
    _is("`json.JSONEncoder.default`, `pathlib.PosixPath`, `enum.StrEnum` that are replaced", "import enum, json, pathlib\n"
        "kept = json.JSONEncoder.default, pathlib.PosixPath, enum.StrEnum\n"
        "json.JSONEncoder.default, pathlib.PosixPath, enum.StrEnum = lambda s, o: 3, pathlib.PurePath, 3\n"
        "X = [json.loads('4'), enum.StrEnum]\njson.JSONEncoder.default, pathlib.PosixPath, enum.StrEnum = kept", [4, 3]),
    _not("`json.dumps` and `pathlib.Path` after that", "import json\nclass C: ...\njson.JSONEncoder.default = lambda s, o: 3\n"
         "X = json.dumps(C())"),
    _is("`yaml.safe_load`", "import yaml\nX = yaml.safe_load(open('pkg/t.yaml'))", {"a": [1, True, "c"], "b": 1.5}),
    _not("`yaml.safe_load` of documents with tags", "import yaml\nX = yaml.safe_load('!a b')"),
    _is("`os.path` and loggers inside of a `try`", "import logging, os\nlog = logging.getLogger(__name__)\ntry:\n"
        "    X = open(os.path.join('t.txt')).read()\n    log.info('read %s', X)\nexcept OSError:\n    X = 3", "a\nb\n"),
    _not("a method of loggers that is replaced", "import logging\nlog = logging.getLogger('a')\nlog.info = lambda v: v\n"
         "X = log.info(3)"),
    _is("`pkgutil.iter_modules`", "import pkgutil, pkg\nX = [m.name for m in pkgutil.iter_modules(pkg.__path__)]", ["inner"]),
    _is("`__call__` of a metaclass", "class M(type):\n    made = {}\n    def __call__(cls, *given):\n        if cls not in cls.made:\n"
        "            cls.made[cls] = super().__call__(*given)\n        return cls.made[cls]\nclass C(metaclass=M):\n"
        "    def __init__(self, n): self.n = n\nX = [C(3).n, C(4).n]", [3, 3]),
    _is("flags, keywords and replacing functions of `re`", "import re\nX = [re.findall('^a', 'A\\na', re.I | re.M), re.split('x', 'aXb', 1, re.I),\n"
        "    re.sub('a', lambda m: m[0] * 2, 'aA', count=1, flags=re.I), [m[0] for m in re.finditer('.', 'ab')], re.subn('a', 'b', 'aa')]",
        [["A", "a"], ["a", "b"], "aaA", ["a", "b"], ["bb", 2]]),
    _is("`__prepare__` of a metaclass", "class M(type):\n    @classmethod\n    def __prepare__(m, name, bases): return {'a': 1}\n"
        "class C(metaclass=M):\n    b = a + 1\nX = [C.a, C.b]", [1, 2]),
    _is("a pattern of Python's own class", "def f(v):\n    match v:\n        case bool(): return 'b'\n        case int(n) if n > 5: return n\n"
        "        case str() | [str(), *_]: return 's'\nX = [f(True), f(9), f('a'), f(['a', 1]), f(2)]", ["b", 9, "s", "s", None]),
    _is("a relative `import_module()`", "import importlib\nX = importlib.import_module('.inner', package='pkg').N", 3),
    _is("parts of an address", "from urllib.parse import parse_qs, urlparse\nu = urlparse('http://a/b?c=d')\nX = [u.path, parse_qs(u.query)['c']]",
        ["/b", ["d"]]),
    _not("an `Input()` that is changed", "import cog\nI = cog.Input(default=3)\ntry:\n    I.default = 4\nexcept Exception: ...\nX = 1"),
    _not("a file that the text itself writes", "with open('t.txt', 'a') as f: f.write('c')\nX = open('t.txt').read()"),
    _not("a file of the project that is carried out by its path", "import runpy\nX = runpy.run_path('sibling.py')['N']"),
    _is("a folder that is made where it is there", "import os\nos.makedirs('pkg', exist_ok=True)\nX = os.path.isdir('pkg')", True),
    _not("a list that a package is given as an attribute", "import torch\nX = [1]\ntorch.held = X"),
    _not("what is printed to an object", "class C:\n    n = 1\n    def write(self, text): C.n += 1\nprint(1, file=C())\nX = C.n"),
    _is("groups of `re`", "import re\np = re.compile('(a)(b)')\nX = [p.match('ab')[2], p.pattern]", ["b", "(a)(b)"]),
    _is("`pkgutil.get_data`, `importlib.resources.files`", "import importlib.resources, pkgutil\n"
        "X = [pkgutil.get_data('pkg', 't.yaml').decode()[:2], importlib.resources.files('pkg').joinpath('t.yaml').read_text()[:2]]",
        ["a:", "a:"]),
    _is("whether a folder of the project is on `sys.path`", "import sys\nfrom pathlib import Path\nsys.path.append('./lib')\n"
        "here = str(Path(__file__).resolve().parent / 'more')\nif here not in sys.path:\n    sys.path.append(here)\n"
        "from deeper import N as X", 8),
    _not("`ChainMap`", "import collections\nX = dict(collections.ChainMap({'a': 1}, {'b': 3}))"),
    _not("`string.Template`", "import string\nX = string.Template('$a').substitute(a=1)"),
    _is("`str.maketrans`", "X = 'abc'.translate(str.maketrans('ab', 'xy'))", "xyc"),
    _not("a value that contains itself", "X = []\nX.append(X)"),
    _not("a loop that takes too many steps", "X = 0\nwhile X < 10**5:\n    X += 1"),
)  # fmt: skip
"""Beside these: whatever depends on a package that is not part of the project is refused by name."""


def table() -> str:
    """Return the constructs as a table of Markdown."""
    rows = [f"| {each.name} | {each.verdict} |" for each in CONSTRUCTS]
    return "\n".join(["| construct | verdict |", "|---|---|", *rows])
