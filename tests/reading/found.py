"""Programs that were once read otherwise than Python has them, each the smallest of its kind."""

from __future__ import annotations

from typing import Final

FOUND: Final = {
    "dict-of-a-mapping": "import collections, enum, types\n"
    "X = dict(types.MappingProxyType({'ab': 1}))\n"
    "class E(enum.Enum): AB = 1\nclass R:\n    def keys(self): return ['ab', 'cd']\n"
    "    def __getitem__(self, k): return k * 2\n    def __iter__(self): return iter(['xy'])\n"
    "def f(**k): return k\nd = {}\nd.update(E.__members__)\nd |= R()\nY = [*d]\n"
    "Z = [dict(R(), n=1), {**R()}, f(**R()), dict(collections.OrderedDict(R())), dict([('a', 1)])]",
    "counter-of-a-mapping": "import collections, types\np = types.MappingProxyType({'ab': 5})\n"
    "X, Y = dict(collections.Counter(p)), collections.Counter()\nY.update(p)\nY.subtract(p)\n"
    "Z = [set(p), list(p), dict.fromkeys(p, 1), sorted({'ab'} & p.keys())]",
    "dict-of-what-has-no-keys": "class A:\n    keys = 3\n"
    "    def __iter__(self): return iter(['xy'])\n"
    "class B:\n    def __iter__(self): return iter(['xy'])\nclass C:\n"
    "    def __getattr__(self, n): return lambda: ['ab']\n    def __getitem__(self, k): return 5\n"
    "try: X = dict(A())\nexcept TypeError: X = 2\nY, Z = dict(B()), dict(C())",
    "keys-that-are-not-known": "from outside import u\nclass R:\n"
    "    def keys(self): return u() or ['ab']\n"
    "    def __getitem__(self, k): return u()\n    def __iter__(self): return iter(['xy'])\n"
    "d = {'a': 1}\n"
    "try: X = dict(R())\nexcept Exception: X = 1\ntry: d.update(R())\nexcept Exception: ...",
    "ends-of-lines": "Y = []\r\nfor end in ('\\n', '', None):\n"
    "    with open('predict.py', newline=end) as f: Y.append(f.readline())\n"
    "X = open('predict.py', newline='\\r').readline()\n"
    "Z = open('predict.py', newline='\\r\\n').readline()",
    "annotations-of-attributes": "import dataclasses\nX = []\nclass C: ...\no, d = C(), {}\n"
    "o.a: X.append(1) = X.append(2)\nd[X.append(3)]: X.append(4)\n(n): X.append(5) = 6\n"
    "def f():\n    o.b: X.append(7) = 8\nf()\n@dataclasses.dataclass\nclass D:\n"
    "    (a): int = 1\n    b: int = 2\nY = [D(3).b, o.b]\ntry:\n    o.c: nowhere = 1\n"
    "except NameError: Z = o.c",
    "annotations-of-attributes-that-are-postponed": "from __future__ import annotations\nX = []\n"
    "class C:\n    d = {}\n    d['a']: X.append(1) = 2\nC.n: X.append(3) = 4",
    "inputs-of-private-names": "class Predictor:\n"
    "    def predict(self, _a: int = 1, __b: str = 'b') -> str: ...",
    "annotations-in-their-order": "X = []\n"
    "def f(a: X.append(1), /, b: X.append(2), *c: X.append(3), d: X.append(4), **e: X.append(5)"
    ") -> X.append(6): ...",
    "locals-for-a-second-time": "def f(a):\n    l = locals()\n    b = 2\n    locals()\n"
    "    return sorted(l)\ndef g(a): return locals()\nX = f(1)\nY = [g(1), g(2)]",
    "taken-from-names-that-are-not-read": "import sys\nfrom outside import u\nX, Y = [['a']], [1]\n"
    "u(vars(sys.modules[__name__]).get('X'))\nu(sys.modules[__name__].__dict__.get('Y'))",
    "attributes-of-a-namespace-that-is-given-away": "import types\nfrom outside import u\n"
    "o = types.SimpleNamespace(n='a')\nd = vars(o)\nu(o)\nX = d['n']",
    "iterator-over-attributes-that-become-more": "class C: ...\no = C()\no.a = 1\nX = 1\n"
    "i, v = iter(vars(o)), vars(o).keys()\no.b = 2\ntry: X = next(i)\n"
    "except RuntimeError: X = 2\nY = [type(v).__name__, *v]",
    "texts-that-are-no-marks": "import dataclasses, typing_extensions\n"
    "@dataclasses.dataclass\nclass C:\n    from typing import ClassVar\n"
    "    a: 'typing_extensions.ClassVar[int]' = 1\n    b: 'ClassVar[int]' = 2\nX = repr(C())",
    "builtin-put-where-the-module-is-perhaps-another": "import contextlib\nn = 3\n"
    "with contextlib.suppress(Exception):\n    def f(a: int = globals().get('n', -1)): ...\n"
    "    n = int(f.__annotations__['a'] is int)\nimport builtins\nbuiltins.added = n << 2\n"
    "try: n = added\nexcept NameError: n = -4",
    "list-that-holds-itself-twice": "a, n = [1], 2\na += [a, a]\na.append(a)\nX = len(a) + n",
    "truth-that-is-perhaps-none": "from outside import u\nX, Y, n = 1, 1, 3\nif u(): n = 0\n"
    "class C:\n    def __bool__(self): return n\n"
    "try: not C()\nexcept TypeError: X = 2\ntry:\n    while C(): break\nexcept TypeError: Y = 2",
    "class-that-a-call-makes": "import abc\nfrom outside import u\nX = []\nclass M(type):\n"
    "    def __init__(cls, name, bases, names): X.append(name)\nclass B:\n"
    "    def __init_subclass__(cls, **named): X.append(cls.__name__)\n"
    "class D:\n    def __set_name__(self, owner, name): X.append(name)\nclass E(metaclass=M): ...\n"
    "N = {'d': D(), '__class_getitem__': lambda cls, key: key, 'n': 3}\nC = type('C', (B,), N)\n"
    "N['n'] = 4\nX += [C['k'], C.n, C().n, type(E)('F', (), {}).__name__]\ntype('G', (E,), {})\n"
    "abc.ABCMeta('H', (B,), {})\ntry: type('I', (B, u), {})\nexcept TypeError: ...\n"
    "try: type('J', (3,), {})\nexcept TypeError: X.append('J')",
    "module-of-a-class-that-a-call-makes": "import abc\nC = type('C', (), {})\n"
    "X = [C.__module__, type.__new__(type, 'D', (), {}).__module__]\n"
    "Y = abc.ABCMeta('E', (), {}).__module__",
    "hash-of-a-key": "import collections\nX = []\nclass C:\n    def __init__(self, n): self.n = n\n"
    "    def __hash__(self): return X.append(self.n) or 1\n"
    "    def __eq__(self, other): return X.append(9) or self.n == other.n\n"
    "d = {C(1): 1, **{C(2): 2}}\nd[C(2)] = 3\nd.setdefault(C(3), 4)\nd.pop(C(1))\n"
    "s = {C(i) for i in (1, 1)} | {C(2)}\ns.add(C(1))\ns.add(C(4))\ndel s\n"
    "e = collections.defaultdict(list)\ne[C(1)].append(1)\ne[C(1)].append(2)\n"
    "k = collections.Counter([C(1), C(1)])",
    "hash-in-a-branch": "from outside import u\nX, d = [], {}\nclass C:\n"
    "    def __hash__(self): return X.append(1) or 1\nif u(): d[C()] = 1\nelse: d[C()] = 2",
    "printed-to-an-object": "import io\nX = []\nclass C:\n"
    "    def write(self, text): X.append(text)\n"
    "print(1, 2, sep='-', file=C())\nf = io.StringIO('abc')\nprint(1, file=f)\nY = f.read()",
    "metaclass-that-prepares": "class M(type):\n"
    "    @classmethod\n    def __prepare__(m, name, bases): return {'a': 1, 'b': 2}\n"
    "class C(metaclass=M):\n    c = a + b\n    del b\nX = [C.a, C.c, hasattr(C, 'b')]",
    "metaclass-that-prepares-a-dict-of-its-own": "class D(dict):\n"
    "    def __setitem__(self, k, v): super().__setitem__(k.upper(), v)\nclass M(type):\n"
    "    @classmethod\n    def __prepare__(m, name, bases): return D()\n"
    "class C(metaclass=M):\n    c = 1\nX = hasattr(C, 'c')",
    "name-that-the-library-lacks": "try:\n    from asyncio import nowhere\n    X = 1\n"
    "except ImportError:\n    X = 2\ntry:\n    import asyncio.nowhere\n    Y = 1\n"
    "except ImportError:\n    Y = 2\ntry:\n    import winreg\n    Z = 1\n"
    "except ImportError:\n    Z = 2",
    "path-of-an-object": "import os\nclass C:\n    def __fspath__(self): return 'a'\n"
    "X = os.fspath(C())",
    "names-of-a-module": "X = [*globals()][:0]",
    "objects-of-a-metaclass": "class M(type): ...\nclass C(metaclass=M): ...\nclass D(C): ...",
    "own-module-passed-on": "import sys\nfrom outside import u\nX = 3\nu(sys.modules[__name__])",
    "attribute-of-own-module": "import sys\nX = 3\nsetattr(sys.modules[__name__], 'X', 4)",
    "module-replaced": "import sys\nsys.modules['json'] = 3\nimport json\nX = json",
    "setter": "class C:\n    @property\n    def x(self): return self._x\n    @x.setter\n"
    "    def x(self, v): self._x = v + 1\no = C()\no.x = 3\no.x += 1\nX = o.x",
    "setter-not-known": "from outside import u\nclass C:\n    x = u()\no = C()\no.x = 3\nX = o.x",
    "send": "X = []\ndef f():\n    X.append((yield 1))\n    yield 2\ng = f()\nnext(g)\ng.send(3)",
    "class-getitem": "class C:\n    held = {}\n    def __class_getitem__(cls, key):\n"
    "        return cls.held.setdefault(key, [])\nC['a'].append(1)\nX = C['a']",
    "nullcontext": "import contextlib\nX = []\nwith contextlib.nullcontext(X) as y:\n"
    "    y.append(1)",
    "in-place-method": "class C:\n    n = 1\n    def __iadd__(self, other):\n"
    "        self.n += other\n"
    "        return self\no = C()\ntry:\n    o += 1\nexcept TypeError:\n    o = C()\nX = o.n",
    "iterated-by-index": "class C:\n    def __getitem__(self, i): return [4, 'g'][i]\n"
    "try:\n    X = list(C())\nexcept Exception:\n    X = 5",
    "closed-generator": "X = []\ndef f():\n    try:\n        yield 1\n    finally:\n"
    "        X.append(2)\n"
    "for _ in f():\n    break",
    "enum-called-by-map": "import enum\nclass E(enum.Enum):\n    A = 'a'\n"
    "X = [e.name for e in map(E, ['a'])]",
    "called-object-that-is-iterable": "class C:\n    def __call__(self, x): return x\n"
    "    def __iter__(self): return iter('ab')\nX = [*zip(C(), map(C(), 'cd'))]",
    "held-by-an-unknown-list": "from outside import u\nX = []\n"
    "Y = [i for j in u() or [1] for i in [X]]\n"
    "u(Y)",
    "held-beside-what-is-unpacked": "from outside import u\nX = []\nY = [*(u() or []), X]\nu(Y)",
    "unknown-key": "from outside import u\nX = []\nY = [(X, 1), (X, 2)]\ntry:\n"
    "    Y.sort(key=u)\nexcept Exception: ...",
    "enum-in-a-choice": "import contextlib, enum\nfrom outside import passed_on\nX = 0\n"
    "with contextlib.suppress(Exception):\n    with passed_on(5):\n        class C(enum.Enum):\n"
    "            def _generate_next_value_(name, *_): return name\n"
    "            P = enum.auto()\n        X = 1",
    "order-of-attributes": "from outside import u\nclass C: ...\no = C()\no.b = 2\nif u():\n"
    "    o.a = 1\no.c = 1\no.a = 2",
    "attribute-put-back": "from outside import u\nclass C: ...\no = C()\no.a, o.b = 1, 2\n"
    "if u():\n    del o.a\n    o.a = 1",
    "cached-property-put-back": "import functools\nfrom outside import u\nclass C:\n"
    "    def __init__(self): self.n = 1\n    @functools.cached_property\n"
    "    def c(self): return self.n\ntry:\n    o = C()\n    o._x = o.c\n    u()\n"
    "except RuntimeError: ...",
    "decorator-of-two": "from outside import u\ndef a(f): return lambda: 1\n"
    "def b(f): return lambda: 2\n@(a if u() else b)\ndef g(): return 3\nX = g()",
    "function-decorated-by-a-call": "from outside import u\ndef a(f): return lambda: 1\n"
    "def b(f): return lambda: 2\ndef g(): return 3\ng = (a if u() else b)(g)\nX = g()",
    "base-of-two": "import enum\nfrom outside import u\n"
    "class C(enum.Enum if u() else object):\n    P = '5'\nX = repr(C.P)",
    "base-that-looks-at-subclasses": "from outside import u\nclass A:\n"
    "    def __init_subclass__(cls): cls.P = 7\nclass C(A if u() else object):\n"
    "    P = 5\nX = C.P",
    "base-that-is-lost": "import enum\nfrom outside import u\ni = iter([1])\n"
    "if u():\n    next(i)\n    enum = enum\nclass C(enum.Enum):\n    P = '5'\nX = C.P == '5'",
    "module-put-in": "import enum, sys, types\nsys.modules['a'] = types.ModuleType('b')\n"
    "class C(int, enum.Enum):\n    P = '5'\nX = C.P.value",
    "own-module-of-a-lost-sys": "import sys\nfrom outside import u\ni = iter([1])\n"
    "if u():\n    next(i)\n    sys = sys\nn = 1\nsetattr(sys.modules[__name__], 'n', 3)",
    "order-of-a-copy": "import copy\nfrom outside import u\nclass C: ...\no = C()\n"
    "o.a, o.b = 1, 2\n"
    "if u():\n    del o.a\n    o.a = 1\nX = copy.deepcopy([o])",
    "cached-property-of-a-base": "import functools\nfrom outside import u\nL = []\nclass A:\n"
    "    @functools.cached_property\n    def c(self): return L.append(1)\n"
    "class B(A):\n    @property\n    def c(self): return super().c\ntry:\n"
    "    o = B()\n    o._x = 3\n    o.c\n    o.y = 2\n    u()\nexcept Exception: ...",
    "base-out-of-a-changed-dict": "from outside import u\nclass A:\n"
    "    def __init_subclass__(cls): cls.P = 7\n"
    "d = {'a': A}\nu(d)\nclass C(d['a']):\n    P = 5\nX = C.P",
    "metaclass-of-two": "from outside import u\nclass M(type):\n"
    "    def __new__(m, n, b, d): return super().__new__(m, n, b, {**d, 'P': 7})\n"
    "class C(metaclass=M if u() else type):\n    P = 5\nX = C.P",
    "changed-in-the-depth": "from outside import u\nk = [[1]]\nu(k[0])\n"
    "X = [str(k), k == [[1]], k.count([1])]",
    "unpacked-in-the-depth": "from outside import u\nk = [[1]]\nu(k[0])\n[[*X]] = k\n"
    "Y = [*zip(*k)]",
    "matched-in-the-depth": "from outside import u\nk = [[1]]\nu(k[0])\nmatch k:\n"
    "    case [[1]]: X = 1\n"
    "    case _: X = 2",
    "view-of-a-changed-dict": "from outside import u\nd = {'a': 1}\nk = d.values()\nu(d)\nX = [*k]",
    "cached-function": "import functools\nfrom outside import u\nL = []\n@functools.cache\n"
    "def f(): L.append(1)\nu(f)",
    "function-of-a-map": "from outside import u\nL = []\nm = map(L.append, [1])\n"
    "u(lambda: list(m))",
    "namespace": "import types\nfrom outside import u\no = types.SimpleNamespace(n=1)\nu(o)\n"
    "X = o.n",
    "attribute-of-an-exception": "from outside import u\nclass E(Exception): ...\n"
    "e = E()\ne.x = 1\nu(e)\n"
    "X = e.x",
    "global-that-is-new": "from outside import u\ndef f():\n    global n\n    n = 2\nu(f)\n"
    "X = n if 'n' in globals() else 3",
    "module-that-a-function-takes": "import sys\nfrom outside import u\nX = 1\n"
    "def f(): setattr(sys.modules[__name__], 'X', 2)\nu(f)",
    "module-that-a-function-imports": "from outside import u\nX = 1\ndef f():\n    import predict\n"
    "    predict.X = 2\nu(f)",
    "perhaps-bound": "from outside import u\nif u():\n    n = 1\ntry:\n    n\n    X = 3\n"
    "except NameError:\n    X = 4",
    "perhaps-deleted": "from outside import u\nif u():\n    n = 1\ntry:\n    del n\n    X = 3\n"
    "except NameError:\n    X = 4",
    "perhaps-an-attribute": "from outside import u\nclass C: ...\no = C()\nif u():\n"
    "    o.n = 1\ntry:\n"
    "    o.n\n    X = 3\nexcept AttributeError:\n    X = 4",
    "beside-what-is-unpacked": "from outside import u\nX = []\nY = [*(u() or ()), X.append(1)]",
    "called-with-what-is-unpacked": "from outside import u\nX = []\n"
    "def f(*_): X.append(1)\nf(*(u() or ()))",
    "merged-with-what-is-unpacked": "from outside import u\nX = []\n"
    "Y = {**(u() or {}), 'a': X.append(2)}",
    "changed-in-a-comprehension": "from outside import u\nX, w = [], 2\n"
    "Y = [X.append(i) for i in u() or [1] if (w := i)]",
    "changed-in-an-inner-comprehension": "from outside import u\nX = []\n"
    "Y = [X.append(j) for i in [1] for j in u() or [1]]",
    "argument-given-twice": "def f(a): return a\ntry:\n    X = f(a=1, **{'a': 2})\n"
    "except TypeError:\n    X = 3",
    "message-of-an-assertion": "X = []\ntry:\n    assert not X, X.append(1)\n"
    "    assert not X, X.append(2)\nexcept AssertionError: ...",
    "two-changes-of-a-list": "from outside import u\nk = [1, 2]\nif u(): pass\nelse:\n"
    "    k[0] = 5\n    k.reverse()\nX = k[1]",
    "in-place-on-one-of-two": "from outside import u\na, b = [1], [2]\n"
    "c = a if u() else b\nc += [3]",
    "attribute-of-one-of-two-functions": "from outside import u\ndef f(): ...\ndef g(): ...\n"
    "f.n = g.n = 1\n(f if u() else g).n = 2\nX = f.n",
    "attribute-perhaps-of-the-class": "from outside import u\nclass C:\n    l = []\no = C()\n"
    "if u():\n    o.l = [1]\no.l.append(2)\nX = C.l",
    "call-that-is-not-come-to": "from outside import u\nX, Y, Z, V = [1], [1], [1], [1]\n"
    "def f(*_, **__): ...\ntry:\n    f(*u(), d=u(X))\nexcept TypeError: ...\n"
    "try:\n    [u(Y) for _ in u() or [1]]\nexcept TypeError: ...\n"
    "try:\n    [*(u() or [1]), u(Z)]\nexcept TypeError: ...\n"
    "try:\n    {**(u() or {}), 'a': u(V)}\nexcept TypeError: ...",
    "argument-that-a-later-one-changes": "from outside import u\nX = ['x']\n"
    "Y = min(X, default=u(X))",
    "list-that-its-loop-changes": "from outside import u\nX = ['x']\nfor i in X:\n    u(X)\n"
    "    if i == 'changed': break",
    "attribute-of-a-number-given-up": "from outside import u\nn = 1\ntry:\n    n.x = 1\n"
    "except AttributeError:\n    for _ in range(99):\n        if u(): break",
    "name-perhaps-of-the-module": "from outside import u\nl = []\nclass C:\n    if u():\n"
    "        l = [1]\n    l.append(2)",
    "iterator-that-a-function-returns": "from outside import u\ni = iter([1, 2])\n"
    "def f(): return i\nif u():\n    next(f())\nX = next(i)",
    "reversed-generator": "def f(): yield 1\ntry:\n    X = list(reversed(f()))\n"
    "except TypeError:\n    X = 3",
    "iterator-over-a-changed-dict": "from outside import u\nd = {'changed': 0}\n"
    "i = iter(d.values())\nu(d)\nX = next(i)",
    "loop-over-a-changed-dict": "from outside import u\nd = {'a': 0, 'changed': 0}\nX = []\n"
    "for v in d.values():\n    X.append(v)\n    u(d)",
    "chain-over-a-changed-dict": "import itertools\nfrom outside import u\nd = {'changed': 0}\n"
    "i = itertools.chain(d.values(), reversed(d.values()))\nu(d)\nX = [*i]",
    "iterator-over-a-changed-set": "from outside import u\ns = {1}\ni = iter(s)\nu(s)\n"
    "try:\n    X = next(i)\nexcept RuntimeError:\n    X = 2",
    "set-that-its-loop-changes": "s, X = {1}, 0\ntry:\n    for k in s: s.add(k + 10)\n"
    "except RuntimeError:\n    X = 1",
    "method-of-a-changed-dict": "from outside import u\nd = {'changed': 0}\ng = d.get\n"
    "m = map(g, ['changed'])\nu(d)\nX = [g('changed'), *m]",
    "partial-of-a-changed-list": "from functools import partial\nfrom outside import u\n"
    "k = [1]\np = partial(len, k)\nu(k)\nX = p()",
    "functions-of-a-changed-dict": "from outside import u\nd = {'a': []}\nu(d['a'])\n"
    "X = [[*map(len, d.values())], any(d.values()), [*filter(None, d.values())]]",
    "changed-by-its-index": "from outside import u\nk = [1]\ndef f():\n    u(k)\n"
    "    return -1\nX = k[f()]",
    "generator-given-away": "from outside import u\nX, n = [], 1\n"
    "u(X.append(i) for i in [1])\nu((n := i) for i in [2])",
    "iterators-given-away": "from outside import u\nX, L, k, d = [], [], [[1]], {'a': [1]}\n"
    "u(map(list, [iter(lambda: L.append(1), 9)]))\nu([iter(k), zip(iter(d.values()))])",
    "held-by-an-exception": "from outside import u\nk, l = {'a': 1}, [1]\ne = ValueError(k)\n"
    "e.l = l\ndef f(): e.args[0].update(a=2), e.l.append(2)\n"
    "u(lambda: e)\nu(f)",
    "held-by-slots": "from outside import u\nclass C:\n    __slots__ = ('l',)\n"
    "    def __call__(self): self.l.append(1)\no = C()\nX = o.l = []\nu(o)",
    "names-given-away": "from outside import u\nX, Y, k = 1, 1, 'X'\nu(globals())\n"
    "g = globals()\ntry:\n    g['Y' if u() else 'Z'] = 2\nexcept TypeError: ...",
    "names-of-a-class-given-away": "from outside import u\nclass C:\n    changed = 0\n"
    "    u(vars())\nX = C.changed",
    "environment-changed": "import os\nfrom outside import u\nos.environ['A'] = 'a'\n"
    "for k in list(os.environ): del os.environ[k]\nX = os.environ.get('A')\n"
    "os.environ['A'] = 'b'\nY = os.environ['A']\nos.environ |= {'A': 'c'}\n"
    "Z = os.environ.get('A')\nos.environ['A'] = 'b'\nV = os.environ['A']\n"
    "os.environ.clear()\nW = os.environ.get('A')\nos.environ['A'] = 'b'\n"
    "os.environ.update({'A': 'd'} if u() else {})\nU = os.environ['A']",
    "results-of-a-cache": "import functools\nfrom outside import u\n@functools.cache\n"
    "def f(): return []\nX = f()\nu(lambda: f().append(1))\nY = f()",
    "special-methods-that-are-not-known": "from outside import u\nclass C:\n"
    "    def __str__(self): return u() and 'a'\n    def __bool__(self): return u() and True\n"
    "    def __hash__(self): return u() and 1\n    __index__ = __len__ = __hash__\n"
    "X = []\nfor f in (str, bool, hash, len, [1, 2].__getitem__, '{}'.format):\n    try:\n"
    "        f(C())\n        X.append(1)\n    except Exception:\n        X.append(2)",
    "methods-that-are-not-all-come-to": "from outside import u\nX, Y, Z = [], [], []\nclass C:\n"
    "    def __lt__(self, other):\n        X.append(1)\n        return u()\n"
    "    def __eq__(self, other):\n        Y.append(1)\n        return u()\n"
    "sorted([C(), C(), C()])\ntry:\n    [C(), C()].index(3)\nexcept ValueError: ...\n"
    "def f(v):\n    Z.append(1)\n    return v\nany(f(v) for v in (0, u(), 2))",
    "iterators-in-place": "from collections import deque\nfrom outside import u\n"
    "i, j, k = iter([('a', 1)]), iter([1]), iter([1, 2])\nd, q = {}, deque()\nif u():\n"
    "    d |= i\nelse:\n    q += j\nif u():\n    int.from_bytes(k, 'big')\n"
    "X = [len([*i]), len([*j]), len([*k])]",
    "unpacked-iterator": "i = iter([1, 2, 3, 4])\ntry:\n    a, b = i\nexcept ValueError: ...\n"
    "X = [*i]",
    "iterator-left-in-the-midst": "import functools\nX = []\n"
    "for f in (sum, max, functools.partial(functools.reduce, lambda a, b: a + b)):\n"
    "    i = iter([1, 'a', 3])\n    try:\n        f(i)\n    except TypeError: ...\n"
    "    X.append([*i])",
    "iterator-asked-for-its-first": "i, j = iter([1, 2, 3]), iter([1, 2, 3])\n"
    "{1}.isdisjoint(i)\n{9}.issuperset(j)\nX = [[*i], [*j]]",
    "cycle": "import itertools\nX, k = [], [1]\ndef g():\n    X.append(1)\n    yield 1\n"
    "    X.append(2)\nnext(itertools.cycle(g()))\nc = itertools.cycle(k)\nk.append(2)\n"
    "Y = [next(c), next(c)]",
    "changed-until-it-raises": "from collections import Counter, deque\ndef g():\n"
    "    yield ('a', 1)\n    raise KeyError\n"
    "d, s, q, k, l, c = {}, set(), deque(), [], [], Counter()\n"
    "for f in (d.update, s.update, q.extend, k.extend, c.update):\n    try:\n        f(g())\n"
    "    except KeyError: ...\ntry:\n    l += g()\nexcept KeyError: ...\n"
    "X = [[*d], len(s), len(q), k, l, len(c)]",
    "looked-at-while-it-grows": "k, s = [0, 0], set()\nk.extend(len(k) for _ in 'ab')\n"
    "k += (len(k) for _ in 'ab')\ns.update(len(s) for _ in 'ab')\nk.extend(k)\nk += k\nX = k",
    "undone-by-methods-of-its-own": "from outside import u\nclass L(list):\n"
    "    def __delitem__(self, key): ...\nclass S(set):\n    def discard(self, key): ...\n"
    "k, s = L(), S()\nif u():\n    k.append(5)\n    s.add(5)\n    raise ValueError\n"
    "X = [len(k), len(s)]",
    "equal-and-not-the-same": "from outside import u\nclass T(str):\n"
    "    def __eq__(self, other): return True\n    __hash__ = str.__hash__\n"
    "r = range(0, 3, 2) if u() else range(0, 4, 2)\nc = 0j if u() else -0j\n"
    "t = T('a') if u() else T('b')\ns = set()\nif u():\n    s.add(1)\nelse:\n    s.add(True)\n"
    "X, Y, Z, V = r.stop, str(c), t[0], str(s)",
    "members-in-another-order": "import enum\nfrom outside import u\nclass C(enum.Enum):\n"
    "    if u():\n        A, B = 1, 2\n        P = Q = 3\n    else:\n        B, A = 2, 1\n"
    "        Q = P = 3\nX = [e.name for e in C]\nY = C.P.name",
    "raised-again": "def f():\n    try:\n        raise KeyError\n    finally:\n"
    "        return 1\nf()\n"
    "def g():\n    try:\n        raise KeyError\n    except KeyError:\n        yield 1\n"
    "X = []\nk = g()\nnext(k)\nclass C:\n    def __enter__(self): ...\n"
    "    def __exit__(self, *told):\n        raise\ndef h():\n    with C(): raise ValueError\n"
    "def r(): raise\nfor f in (r, h):\n    try:\n        f()\n    except Exception as e:\n"
    "        X.append(type(e).__name__)",
    "closed-in-a-handler": "X = []\ndef g():\n    try:\n        yield 1\n"
    "    except GeneratorExit:\n        X.append(2)\nfor _ in g(): break",
    "private-names": "_C__n = 1\nclass C:\n    def f(self):\n        __n = 1\n        def g():\n"
    "            nonlocal __n\n            __n = 2\n        g()\n        return __n\n"
    "    def g(self):\n        global __n\n        __n = 3\n        return (lambda: (__x := 4))()\n"
    "X, Y = C().f(), C().g()\nZ = _C__n",
    "in-place-by-another-method": "class L(list):\n    def extend(self, other): ...\nclass C:\n"
    "    def __radd__(self, other): return 7\n    __rmul__ = __radd__\n"
    "    def __iter__(self): return iter([5])\nX, Y, Z = L(), [1], [1]\nX += [1]\nY += C()\n"
    "Z *= C()",
    "methods-of-one-object": "class C: ...\no, X = C(), []\no.__call__ = lambda: 1\n"
    "o.__iter__ = lambda: iter([1])\no.__enter__ = lambda: 1\no.__exit__ = lambda *_: True\n"
    "def f():\n    with o: return 1\nfor g in (o, lambda: list(o), f):\n    try:\n"
    "        X.append(g())\n    except (TypeError, AttributeError):\n        X.append(2)",
    "iterators-of-a-class-of-its-own": "from outside import u\nclass L(list): ...\n"
    "class S(set):\n    def __init__(self, other): super().__init__(other)\n"
    "i, j = iter([1, 2]), iter([1, 2])\nclass R(set): ...\n"
    "l = iter([1])\nif u(): L(i), S(j), R(l)\nX = [[*i], [*j], [*l]]",
    "copied-by-name": "import copy\nfrom outside import u\nk = [[1]]\nu(k[0])\n"
    "X = copy.deepcopy(x=k)",
    "default-factory": "from collections import defaultdict\nfrom outside import u\nL = []\n"
    "d = defaultdict(lambda: L.append(1))\nu(lambda: d['a'])",
    "folder-in-a-notation": "import json\nX = [repr(__file__), f'{[__file__]!a}', "
    "json.dumps(str(KeyError(__file__)))]",
    "folder-in-a-json-text": "import json\nX = json.dumps({'dir': __file__})",
    "folder-that-is-cut": "X = f'{__file__:.5}'\nY = '%.5s' % __file__\n"
    "Z = '{:.2}'.format(__file__)",
    "folder-that-is-compared": "X = sorted([__file__, '/zzz'])[0] == '/zzz'\n"
    "Y = min(['/zzz', __file__]) == '/zzz'\nZ = [[__file__] < ['/zzz'], '/zzz' in [__file__]]",
    "attribute-of-an-unknown-value": "import operator\nfrom outside import u\ntry:\n"
    "    X = operator.attrgetter('zz')(u())\nexcept AttributeError:\n    X = 3",
    "attribute-of-a-changed-object": "import operator\nfrom outside import u\nclass C: n = 1\n"
    "o = C()\no.n = 2\nu(o)\nX = [*map(operator.attrgetter('n'), [o])]",
    "items-by-an-itemgetter": "import operator\nX = sorted([[2, 'a'], [1, 'b']], "
    "key=operator.itemgetter(0, 1))",
    "arguments-by-name": "import io, json, typing\nwith open(file='predict.py') as f:\n"
    "    X = bool(f.read())\nY = json.load(fp=io.StringIO('[1]'))\n"
    "Z = [pow(2, 3, mod=5), typing.cast(typ=int, val=3)]",
    "arguments-that-are-not-taken": "import os, re\ntry:\n"
    "    X = bool(re.search('A', 'a', flags=2))\n"
    "except TypeError:\n    X = 3\ntry:\n    Y = os.path.realpath('a', strict=False) and 1\n"
    "except TypeError:\n    Y = 3\nZ = re.findall('A', 'xa', 2)",
    "protocol": "import typing\n@typing.runtime_checkable\nclass P(typing.Protocol):\n"
    "    def f(self): ...\nclass C:\n    def f(self): ...\ntry:\n"
    "    X = [isinstance(C(), P), isinstance(3, P)]\nexcept TypeError:\n    X = 3",
    "proxy-of-a-changed-dict": "import types\nfrom outside import u\nd, e = {'a': 1}, {'b': 2}\n"
    "m = types.MappingProxyType(d)\nu(d)\nX = [len(m), list(m)]\nu(types.MappingProxyType(e))",
    "equal-arguments-of-a-cache": "import functools\n@functools.cache\ndef f(x): return str(x)\n"
    "@functools.lru_cache(typed=True)\ndef g(x): return str(x)\n"
    "X = [f(1), f(1.0), f(True)]\nY = [g(1), g(1.0)]",
    "full-cache": "import functools\nX, Y = [], []\n@functools.lru_cache(maxsize=1)\n"
    "def f(x): X.append(x)\n@functools.lru_cache(0)\ndef g(x): Y.append(x)\n"
    "[(f(i), g(i)) for i in (1, 2, 1, 1)]",
    "cache-that-is-cleared": "import functools\nX = []\n@functools.cache\n"
    "def f(): X.append(1)\nf()\nf.cache_clear()\nf()\nY = f.__name__",
    "cached-method": "import functools\nclass C:\n    @functools.cache\n"
    "    def m(self, n=1): return n + 1\nX = [C().m(), C().m(3), C().m(n=2)]",
    "result-of-a-cache": "import functools\nfrom outside import u\n@functools.cache\n"
    "def f(): return []\nX = f()\nu(f)\nY = f()",
    "abstract-class": "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n"
    "    def f(self): ...\nclass B(A): ...\nclass C(A):\n    def f(self): return 5\ntry:\n"
    "    X = B() and 1\nexcept TypeError:\n    X = 2\nY = C().f()",
    "class-that-is-registered": "import abc\nclass A(abc.ABC): ...\nA.register(int)\n"
    "X = isinstance(3, A)",
    "context-of-numbers": "import decimal\ndecimal.getcontext().prec = 4\n"
    "X = str(decimal.Decimal(1) / 3)\ndecimal.getcontext().prec = 28",
    "place-in-a-file": "with open('predict.py', encoding='utf-8') as f:\n"
    "    'ä'\n    f.read()\n    X = f.tell()\n    f.seek(0)\n    Y = f.read(1)",
    "set-by-the-process": "import os\nos.environ['A'] = '1'\nos.putenv('A', '2')\n"
    "X = os.environ['A']",
    "text-of-a-method-that-is-not-asked": "class F:\n    def __format__(self, layout): return 'f'\n"
    "class S:\n    def __str__(self): return 's'\n"
    "X = [f'{F()}', f'{S()}', '%s!' % S(), '%s' % (S(),), '{}'.format(S()), str(S())]\n"
    "Y = str(F())\nZ = repr(S())\nV = f'{[S()]} {S()!r}'\nW = str(object=F())\n"
    "U = '%r' % S()\nT = '{!r}'.format(S())",
    "text-of-what-is-held": "import dataclasses\nclass C: ...\n@dataclasses.dataclass\n"
    "class D:\n    f: object\nX = str(D(C()))\nY = repr(D(lambda: 1))\n"
    "Z = [str(D([3])), str(KeyError('k')), f'{ValueError(D(4))}']\nV = str(ValueError(C()))",
    "class-of-a-stand-in": "import cog, io, json, os, sys\n"
    "X = [type(v).__name__ for v in (1, 'a', [])]\n"
    "Y = [[type(v).__name__] for v in [json.dumps]]\nZ = type(globals()).__name__\n"
    "V = [isinstance(globals(), dict), isinstance(os.environ, dict)]\n"
    "W = type(iter([])).__name__\nU = type(sys.version_info).__name__\n"
    "T = type(cog.Input()).__name__\nS = json.dumps.__name__\n"
    "with open('predict.py') as f:\n    R = isinstance(f, io.StringIO)",
    "function-of-a-scope": "X = [callable(globals), callable(super)]\nY = globals is globals",
    "qualified-names": "class O:\n    class I:\n        def m(self): ...\n"
    "def f():\n    def g(): ...\n    class C:\n        def n(self): ...\n"
    "    return [g, C, C.n, lambda: 1]\n"
    "X = [v.__qualname__ for v in [O.I, O.I.m, f, *f()]]",
    "changed-value-by-name": "import copy\nfrom outside import u\nl = [1]\nd = {'a': l}\nu(l)\n"
    "X = copy.deepcopy(x=d)",
    "variable-that-is-not-set": "import os\nX = []\nfor n, v in (('A=', '1'), ('A', '\\0')):\n"
    "    try:\n        os.environ[n] = v\n    except ValueError:\n        X.append(n)",
    "text-with-its-own-text": "class S(str):\n    def __str__(self): return 'z'\n"
    "X = [S('a'), {S('b'): 1}]",
    "attributes-that-are-asked-for": "L = []\nclass C:\n    def __getattr__(self, name):\n"
    "        L.append(name)\n        return 1\no = C()\nfor f in (lambda: o | None, lambda: [*o], "
    "lambda: o(), lambda: 3 in o, lambda: o[0]):\n    try:\n        f()\n"
    "    except TypeError: ...\nX = L",
    "iterated-by-its-metaclass": "class M(type):\n    def __iter__(cls): return iter([1])\n"
    "class C(metaclass=M): ...\nX = [*C]\nclass D:\n    def __iter__(self): return iter([2])\n"
    "try:\n    Y = [*D]\nexcept TypeError:\n    Y = 3",
    "attributes-by-two-ways": "from outside import u\nclass C: ...\no, p, q = C(), C(), C()\n"
    "o.a = p.a = q.a = 1\nif u():\n    vars(o)['a'] = 2\nelse:\n    o.a = 3\nX = o.a\n"
    "u(vars(p))\nY = p.a\nu(lambda: vars(q))\nZ = q.a",
    "items-that-are-attributes": "from outside import u\nclass C(dict):\n"
    "    __setattr__ = dict.__setitem__\no = C()\nif u():\n    o.a = 1\nX = 'a' in o",
    "text-that-is-evaluated-in-a-function": "n = 1\ndef f():\n    n = eval('n + 1')\n    return n\n"
    "X = f()\ndef g():\n    m = 2\n    return (lambda: eval('m'))()\ntry:\n    Y = g()\n"
    "except NameError:\n    Y = 3\nZ = (lambda v: eval('v + n'))(3)",
    "text-that-is-carried-out-in-a-function": "l = [1]\ndef f(k):\n    exec('k.append(2)')\n"
    "    exec('global n\\nn = 3')\nf(l)\ntry:\n    X = n\nexcept NameError:\n    X = 4",
    "attributes-of-a-changed-object": "from outside import u\nclass C: ...\no = C()\no.a = 1\n"
    "m = vars(o)\nu(o)\nX = m['a']\nY = [vars(o) is m, globals() is globals()]",
    "names-of-whoever-calls": "import sys\nfrom outside import u\nn = m = k = 1\n"
    "def f(): sys._getframe(1).f_globals['n'] = 5\nf()\ndef g(): ...\n"
    "g.__globals__['m'] = 5\ndef h(): sys._getframe(1).f_globals\nu(h)\nX, Y, Z = n, m, k",
    "names-among-the-builtins": "import builtins\nbuiltins.added = 3\nX = added\n"
    "del builtins.added\ntry:\n    added\nexcept NameError:\n    Y = __builtins__ and 4\n"
    "Z = __spec__ is None",
    "class-of-a-method": "def f(base):\n    class C(base):\n"
    "        def m(self): return __class__.__name__\n    return C\nX = f(dict)().m()\ntry:\n"
    "    Y = __class__\nexcept NameError:\n    Y = 3",
    "view-of-a-proxy": "import enum, types\nfrom outside import u\nd = {'a': 1}\n"
    "v = types.MappingProxyType(d).values()\nu(d)\nX = [*v]\nclass E(enum.Enum):\n    A = 1\n"
    "Y = [*E.__members__.keys()]",
    "encoder-of-the-library": "import json\nclass E(json.JSONEncoder):\n"
    "    def default(self, o): return 3\nX = json.dumps({1}, cls=E)",
    "compiled-expression": "import re\np = re.compile('v([0-9])')\n"
    "X = [p.match('v1').group(1), p.sub('x', 'v1v2'), p.search('q')]",
    "relative-paths": "from pathlib import Path\nh = Path(__file__).parent\n"
    "X = str((h / 'a' / 'b').relative_to(h))\ntry:\n    Y = str(Path('a').relative_to('b'))\n"
    "except ValueError:\n    Y = 3",
    "classes-that-answer-with-errors": "from outside import u\nclass C(dict):\n"
    "    __getattr__ = dict.__getitem__\n    __setattr__ = dict.__setitem__\no = C(a=1)\n"
    "if u():\n    o.q = 3\nX = [o.a, o == {'a': 1}, bool(o)]\nclass D:\n    __slots__ = ('a',)\n"
    "    def __getattr__(self, k): raise KeyError(k)\nd = D()\nif u():\n    d.a = 2\ntry:\n"
    "    d.b\nexcept KeyError:\n    Y = d == d\nclass M(type):\n"
    "    def __getattr__(cls, k): raise KeyError(k)\nclass E(metaclass=M):\n"
    "    def __add__(self, other): return 1\ne = E()\nf = e\nf += 1\nZ = [e + 1, f]\ntry:\n"
    "    e[0]\nexcept TypeError:\n    V = [*[e]] == [e]",
    "classes-that-answer-for-each-attribute": "class C:\n"
    "    def __getattribute__(self, k): return 3\nX = C().a\nclass D:\n    __class__ = int\n"
    "Y = isinstance(D(), int)",
    "decorator-of-the-library": "import functools\nfrom outside import u\nX = []\n"
    "@functools.lru_cache(maxsize=u())\ndef f(): X.append(1)\nf(), f()\n"
    "@functools.singledispatch\ndef g(v): return 1\n@g.register\ndef _(v: int): return 2\n"
    "Y = g(3)",
    "order-of-the-library": "import functools\n@functools.total_ordering\nclass C:\n"
    "    def __lt__(self, other): return True\nX = C() >= C()",
    "decorator-of-a-lost-library": "import functools\nfrom outside import u\n"
    "i = iter([1])\nif u():\n    next(i)\n    functools = functools\ndef f(): ...\n"
    "@functools.wraps(f)\ndef g(): ...\nX = g.__name__",
    "dataclass-with-slots": "from dataclasses import dataclass\n@dataclass(slots=True)\n"
    "class C:\n    n: int = 1\n    def f(self): return super().__init__()\ntry:\n"
    "    C().m = 2\n    X = 1\nexcept AttributeError:\n    X = C().n\ntry:\n"
    "    C().f()\nexcept TypeError:\n    Y = 3",
    "lower-limit-of-csv": "import csv\ncsv.field_size_limit(3)\ntry:\n"
    "    X = list(csv.reader(['abcdef']))\nexcept csv.Error:\n    X = 3\n"
    "csv.field_size_limit(2**17)",
    "lower-limit-of-digits": "import sys\nsys.set_int_max_str_digits(640)\ntry:\n"
    "    X = str(10 ** 700)\nexcept ValueError:\n    X = 3\nsys.set_int_max_str_digits(4300)",
    "parents-of-a-path": "from pathlib import Path\np = Path('a/b/c').parents\n"
    "X = [isinstance(p, list), len(p), str(p[1]), [*map(str, p)], [*map(str, p[:1])]]\n"
    "Y = type(p).__name__\nZ = len(Path(__file__).parents)",
    "library-that-is-changed": "import enum, json\nkept = json.JSONEncoder.default\n"
    "json.JSONEncoder.default = lambda *_: 'a'\nX = json.dumps({1})\n"
    "json.JSONEncoder.default = kept",
    "class-of-the-library-that-is-changed": "import enum\nenum.Enum.n = 3\n"
    "class C(enum.Enum):\n    A = 1\nX = C.A.n\ndel enum.Enum.n",
    "path-that-is-replaced": "import sys\nsys.path = ['none'] + sys.path\n"
    "sys.path.append('other')\nX = sys.path[0]\nsys.path = sys.path[1:-1]",
    "written-to-a-replaced-stream": "import io, sys\nkept, sys.stdout = sys.stdout, io.StringIO()\n"
    "f = sys.stdout\nprint('a')\nf.seek(0)\nX = f.read()\nsys.stdout = kept",
    "environment-that-a-function-changes": "import os\nfrom outside import u\n"
    "os.environ['A'] = os.environ['B'] = os.environ['C'] = 'a'\n"
    "def f(): os.environ['A'] = 'b'\ndef g(): f()\nu(lambda: g())\nX = os.environ['A']\n"
    "def h():\n    import os as o\n    o.environ.update(B='b')\nu(lambda: h())\n"
    "Y = os.environ['B']\nclass D:\n    def __call__(self):\n        from os import environ\n"
    "        environ['C'] = 'b'\nu(D())\nZ = os.environ['C']",
    "folder-that-a-function-changes": "import os\nfrom outside import u\n"
    "def f(): os.chdir('/')\nu(f)\ntry:\n    X = bool(open('predict.py').read())\n"
    "except OSError:\n    X = 3",
    "list-of-a-generator": "from outside import u\ndef f():\n    k = [1]\n    yield k\n"
    "    k.append(3)\n    yield 2\ng = f()\nX = next(g)\nu(g.__next__)",
    "list-of-an-inner-generator": "from outside import u\ndef a():\n    k = [1]\n    yield k\n"
    "    k.append(2)\n    yield 3\ndef b(): yield from a()\ng = b()\nX = next(g)\n"
    "u(g.__next__)",
    "list-of-a-loop-of-a-generator": "from outside import u\ndef f():\n"
    "    for k in [[1]]:\n        yield k\n        k.append(2)\n    yield 0\ng = f()\n"
    "X = next(g)\nu(g.__next__)",
    "attributes-that-are-the-items": "from outside import u\nclass C(dict):\n"
    "    def __init__(self, **k):\n        super().__init__(**k)\n"
    "        self.__dict__ = self\no = C(a=1)\nif u():\n    o.b = 2\nX = sorted(o)",
    "items-deleted-as-attributes": "from outside import u\nclass C(dict):\n"
    "    __getattr__ = dict.__getitem__\n    __delattr__ = dict.__delitem__\n"
    "o = C(a=1)\nif u():\n    del o.a\nX = dict(o)",
    "attribute-that-is-no-text": "from outside import u\nclass C: ...\no = C()\nif u():\n"
    "    vars(o)[1] = 2\nX = 1 in vars(o)",
    "environment-of-an-imported-os": "from os import environ\nfrom outside import u\n"
    "environ['QQ'] = '1'\ndef f():\n    import os\n    os.environ['QQ'] = '2'\nu(f)\n"
    "X = environ['QQ']",
    "folder-of-an-imported-os": "from outside import u\ndef f():\n    import os\n"
    "    os.chdir('/')\nu(f)\nimport os\nX = os.path.exists('predict.py')",
    "builtins-that-a-function-adds": "import builtins\nfrom outside import u\ndef f():\n"
    "    builtins.added = 5\ndef g(): setattr(builtins, 'put', 5)\nu(f), u(g)\nX, Y = 3, 3\n"
    "try:\n    X = added\nexcept NameError: ...\ntry:\n    Y = put\nexcept NameError: ...",
    "environment-of-an-os-that-is-held": "import os\nfrom outside import u\n"
    "os.environ['A'] = '1'\nk = {'os': os}\ndef f(): k['os'].environ['A'] = '2'\nu(f)\n"
    "X = os.environ['A']\nclass C:\n    system = os\n    def f(self): self.system.chdir('/')\n"
    "u(C().f)\nY = os.path.exists('predict.py')",
    "variable-that-is-perhaps-no-text": "import os\nfrom outside import u\nX = Y = Z = 1\n"
    "v = u()\ntry:\n    os.environ['A'] = v\n    X = 3\nexcept TypeError: ...\ntry:\n"
    "    os.environ.update(A=v)\n    Y = 3\nexcept TypeError: ...\ntry:\n"
    "    os.putenv('A', v)\n    Z = 3\nexcept TypeError: ...",
    "names-of-a-frame": "import sys\nX = 1\ngetattr(sys._getframe(), 'f_globals')['X'] = 2",
    "names-of-a-method": "X = 1\nclass C:\n    def f(self): ...\nC().f.__globals__['X'] = 2",
    "answers-for-every-attribute": "class C:\n    def __getattribute__(self, name): return 5\n"
    "X = C().x",
    "cause-of-an-exception": "from outside import u\nX = [1]\ntry:\n"
    "    raise ValueError from KeyError(X)\nexcept ValueError as e:\n"
    "    u(lambda: e.__cause__.args[0].append(2))",
    "names-inside-of-a-text": "y = 1\ndef f():\n    y = 2\n"
    "    return [eval('(lambda: y)()'), eval('[y for _ in [0]]')]\nX = f()",
    "private-names-of-a-text": "class C:\n    __x = 1\n    exec('__y = 1')\n    try:\n"
    "        z = eval('__x')\n    except NameError:\n        z = '_C__y' in vars()\nX = C.z",
    "attributes-taken-from-another": "class C: ...\no, p = C(), C()\no.a = 1\ntry:\n"
    "    vars(p).update(vars(o))\n    X = p.a\nexcept AttributeError:\n    X = 4",
    "text-of-the-future": "exec('from __future__ import annotations\\ndef f(a: nope): ...')\nX = 1",
    "module-of-an-imported-sys": "from outside import u\nX = 1\ndef f():\n    import sys\n"
    "    setattr(sys.modules[__name__], 'X', 2)\nu(f)",
    "names-taken-from-an-object": "class C: ...\no = C()\no.Z = 3\nglobals().update(vars(o))\n"
    "try:\n    X = Z\nexcept NameError:\n    X = 4",
    "cause-that-is-no-exception": "try:\n    raise ValueError from 3\nexcept TypeError:\n"
    "    X = 1\nexcept ValueError:\n    X = 2",
    "raised-class-of-an-unknown-base": "from outside import u\nX = 0\ntry:\n"
    "    class E(u): ...\n    try:\n        raise E\n    except TypeError:\n        X = 1\n"
    "except Exception: ...",
    "text-that-changes-what-it-names": "X = []\nclass C:\n    exec('X.append(1)\\nf = lambda: 2')",
    "text-that-does-not-compile": "X = 0\nfor text in ('break', 'return', 'nonlocal x'):\n"
    "    try:\n        exec(text)\n    except SyntaxError:\n        X += 1",
    "arguments-of-a-path": "from pathlib import Path\nX = []\n"
    "for method, given in [('exists', 3), ('is_file', 3), ('absolute', 3), ('expanduser', 3)]:\n"
    "    try:\n        X.append(getattr(Path('predict.py'), method)(given) == 0)\n"
    "    except TypeError:\n        X.append(4)",
    "path-beside-another": "from pathlib import Path\ntry:\n"
    "    X = str(Path('a/b').relative_to('a/c', walk_up=True))\nexcept TypeError:\n    X = 1\n"
    "except ValueError:\n    X = 2",
    "arguments-of-open": "X = []\n"
    "for more in [{'buffering': 0}, {'closefd': False}, {'more': 1}]:\n"
    "    try:\n        X.append(open('predict.py', **more).read()[0])\n"
    "    except (TypeError, ValueError):\n        X.append(1)",
    "lines-of-a-codec": "import codecs\nwith open('predict.py', 'rb') as f:\n"
    "    X = codecs.open('predict.py', 'r', 'latin-1').read() == f.read().decode('latin-1')",
    "text-of-what-is-printed": "import logging\nX, Y = [], []\nclass C:\n"
    "    def __init__(self, seen): self.seen = seen\n    def __str__(self):\n"
    "        self.seen.append(1)\n        return 'c'\n"
    "print(C(X))\nlogging.warning('%s', C(Y))",
    "order-of-locals": "def f(a):\n    z = 1\n    for y in [1]: ...\n    def g(): return z\n"
    "    return list(locals())\nX = f(1)",
    "locals-from-around": "def f(a):\n    def g():\n        a\n        return locals()\n"
    "    return g()\nX = f(1)",
    "class-among-locals": "class A:\n    def f(self):\n        super()\n"
    "        return [*locals()]\nX = A().f()",
    "super-by-another-name": "s = super\nclass A:\n    def f(self): return 3\nclass B(A):\n"
    "    def f(self):\n        try:\n            return s().f()\n        except RuntimeError:\n"
    "            return 9\nX = B().f()",
    "super-without-an-object": "class A:\n    def f(self):\n        del self\n"
    "        try: super()\n        except RuntimeError: return 3\nX = A().f()",
    **{
        f"{name}-in-a-function": "from outside import u\nimport os\n"
        f"os.environ['QQ'] = '1'\ndef f():\n    {text}['QQ'] = '2'\nu(f)\nX = os.environ['QQ']"
        for name, text in {
            "environment-by-its-name": "getattr(os, 'environ')",
            "environment-of-another-os": "import os\n    getattr(os, 'environ')",
            "environment-in-a-dict": "os.__dict__['environ']",
            "environment-by-a-computed-name": "getattr(os, 'env' + 'iron')",
            "environment-of-an-os-passed-on": "from operator import attrgetter\n"
            "    attrgetter('environ')(os)",
        }.items()
    },
    **{
        f"own-module-found-by-{name}": "from outside import u\nX = 1\ndef f():\n"
        f"    import builtins, importlib as i, pkgutil, sys\n    {text}.X = 2\nu(f)"
        for name, text in {
            "getattr": "getattr(sys, 'modules')[__name__]",
            "import-module": "i.import_module(__name__)",
            "globals": "setattr(pkgutil, 'X', 1); builtins.globals()['X'] = 3; u",
            "globals-by-name": "getattr(builtins, 'globals')()['X'] = 3; u",
            "names-of-a-function": "getattr(f, '__globals__')['X'] = 3; u",
            "resolve-name": "pkgutil.resolve_name(__name__)",
        }.items()
    },
    "new-type-of-two": "from typing import NewType\nN = NewType('N', int)\ntry:\n"
    "    N(1, 2)\n    X = 1\nexcept TypeError:\n    X = 2",
    "text-as-its-class-sees-it": "X = [str.__len__(__file__), str.__getitem__(__file__, 1)]",
    "class-that-is-not-evaluated": "L, M = [1], [1]\nclass C:\n"
    "    def __getattribute__(self, name): M.append(name)\n"
    "    def __delattr__(self, name): L.append(name)\no = C()\ndel o.n\no.n",
    "folder-that-is-missing": "import contextlib, os\nX, Y, Z = 1, 1, 1\n"
    "with contextlib.suppress(OSError):\n    os.chdir('none')\n    X = 2\n"
    "try:\n    os.chdir('predict.py')\nexcept NotADirectoryError:\n    Y = 2\n"
    "V = bool(open('predict.py').read())\ntry:\n    os.chdir('/none')\n"
    "except OSError:\n    Z = 2",
    "unpacked-into-a-call": "from outside import u\nX = [1]\nl = [X] if u() else [2]\nu(*l)",
    "named-in-a-comprehension": "from outside import u\nX = [1]\nl = [X] if u() else [2]\n"
    "k = [u(i) for i in l]",
    "annotation-that-is-undone": "from typing import Optional\nn, m = 3, 4\ntry:\n"
    "    def f():\n        try: yield 1\n        except ValueError: ...\n    g = f()\n"
    "    next(g)\nexcept Exception: ...\ntry:\n"
    "    m = (m, hash(globals().get('n', -1)) * 0)[os.environ.get('A') == s]\n"
    "except Exception: ...\na: Optional[int] = round(m / 2)",
    "model-under-a-condition": "from outside import u\nfrom cog import BaseModel\n"
    "class C(BaseModel):\n    a: int = not u()\nX = 3",
    "fields-that-are-not-known": "import dataclasses\nfrom dataclasses import dataclass, field\n"
    "n, m = 3, 4\ntry:\n    def f(): x = yield 1\n    g = f()\n"
    "    n = g.send(sorted([m, (w := n)])[0])\nexcept Exception:\n    s = 'failed'\n@dataclass\n"
    "class C:\n    c: int = field(init=False, default=(n, s)[0])\nX = dataclasses.asdict(C())",
    "super-of-one-of-two": "from outside import u\nclass B:\n    def f(self): return 1\n"
    "class C(B):\n    def f(self): return super().f()\nX = 3\nC.f(C() if u() else C())",
    "declared-nonlocal": "from outside import u\nX = [1]\ndef f():\n    b = X\n    def g():\n"
    "        nonlocal b\n    u(g)\n    return b\nl = f()\nl.append(2)",
    "decorated-and-not-evaluated": "from dataclasses import dataclass, field\nX = [1]\n"
    "@dataclass\nclass C:\n    a: int = [1].count(bytearray('c', 'ascii')[0])\n"
    "    b: list = field(default_factory=lambda: X.append(2))\nC()",
    "perhaps-put-into-a-module": "import builtins, math\nfrom outside import u\nX = []\n"
    "if u(): builtins.added = math.added = 3\ntry:\n    X.append(added)\nexcept NameError:\n"
    "    X.append(2)\nV, W, Y, Z = X[:], [], [], []\ntry:\n    V.append(builtins.added)\n"
    "except AttributeError:\n    V.append(2)\ntry:\n    from math import added as k\n"
    "    W.append(k)\nexcept ImportError:\n    W.append(2)\ntry:\n    del math.added\n"
    "    Y.append(1)\nexcept AttributeError:\n    Y.append(2)",
    "held-under-one-answer": "from outside import u\nX, Y = [], []\nif u(): Y.append(X)\nu(Y)",
    "held-under-one-answer-and-taken": "from outside import u\nX, Y = [], {}\nif u(): Y['a'] = X\n"
    "try:\n    Y['a'] += [1]\n"
    "except KeyError: ...",
    "held-under-two-answers": "from outside import u\nX, Y, Z = [], [], []\nif u():\n"
    "    if u(): Y.append(X)\n"
    "else:\n    if u(): Y.append(Z)\nu(Y)\nX = [X, Z]",
    "held-before-an-exception": "from outside import u\nX, Y = [], []\ntry:\n    Y.append(X)\n"
    "    u()\n"
    "    Y.clear()\nexcept ValueError: ...\nu(Y)",
    "held-by-what-is-left-in-the-midst": "from outside import u\nY = []\ndef a():\n    global X\n"
    "    X = 2\ndef f(y):\n"
    "    match u():\n        case 1: ...\n    y.append(a)\nf(Y)\nX = 1\nu(*Y)",
    "attribute-of-what-is-left-in-the-midst": "from outside import u\nclass C: ...\no = C()\n"
    "o.n = 1\ndef a():\n    global X\n"
    "    X = 2\ndef f(y):\n    match u():\n        case 1: ...\n    y.n = a\nf(o)\n"
    "X = 1\nu(o.n)",
    "name-that-holds-more-in-each-round": "from outside import passed_on, u\nX = []\ni = y = u()\n"
    "for i in passed_on([1, 2]):\n    u(y)\n    y = X",
    "cached-property-of-a-name-that-is-lost": "import functools\nfrom outside import u\n"
    "u(lambda: globals())\nclass C:\n    @functools.cached_property\n"
    "    def c(self): return 3\nX = C()\nX.c",
    "cached-property-or-not": "from functools import cached_property\nfrom outside import u\n"
    "if u(): cached_property = u\nclass C:\n    @cached_property\n"
    "    def c(self): return 3\nX = C()\nX.c",
    "cached-property-of-a-module-or-not": "import functools\nfrom outside import u\n"
    "if u(): functools = 3\nclass C:\n    @functools.cached_property\n"
    "    def c(self): return 3\nX = C()\nX.c",
    "descriptor-or-not": "from outside import u\nX = []\nclass D:\n"
    "    def __get__(self, *_): X.append(1)\nclass C:\n    c = D() if u() else 3\nC().c",
    "descriptor-or-not-of-a-class": "from outside import u\nX = []\nclass D:\n"
    "    def __get__(self, *_): X.append(1)\nclass C:\n    c = D() if u() else 3\nC.c",
    "descriptor-or-not-deleted": "from outside import u\nX = []\nclass D:\n"
    "    def __delete__(self, _): X.append(1)\nclass C:\n    c = D() if u() else 3\ntry:\n"
    "    del C().c\nexcept AttributeError: ...",
    "submodule-that-is-not-there": "try:\n    import json.nope\nexcept ImportError:\n    X = 4",
    "submodule-of-a-class": "try:\n    import json.JSONDecoder\nexcept ImportError:\n    X = 4",
    "submodules-that-are-there": "import json.tool, os.path, collections.abc\nX = 4",
    "model-as-a-key": "from cog import BaseModel\nclass C(BaseModel):\n    a: int = 1\ntry:\n"
    "    X = len({C(a=1): 2})\nexcept TypeError:\n    X = 4",
    "model-as-a-key-by-a-method": "from cog import BaseModel\nclass C(BaseModel):\n    a: int = 1\n"
    "    def __hash__(self): return 3\nX = len({C(a=1): 2})",
}
"""Programs that were once read otherwise than Python has them, each the smallest of its kind."""


ASKED = "def __getattr__(name):\n    L.append(name)\n    return ['m', name]\nL = []\nn = 1\n"

REGISTRY = {"first.py": "import registry\nregistry.seen.append(1)\n", "registry.py": "seen = []\n"}

FOUND_IN_SEVERAL: Final = {
    **{
        f"taken-from-a-package-that-perhaps-lacks-it-{name}": {
            "predict.py": "from seen import X\nfrom pkg import low\nY = type(low).__name__\n",
            "seen.py": "X = []\n",
            "pkg/__init__.py": f"from outside import u\n{text}\n",
            "pkg/low.py": f"from seen import X\nfrom outside import u\nX.append(1)\n{more}\n",
        }
        for name, text, more in [
            ("imported", "try: import pkg.low\nexcept Exception: ...", "u()"),
            ("bound", "if u(): low = 3", ""),
            ("deleted", "import pkg.low\nif u(): del low", ""),
        ]
    },
    "named-like-a-module-of-python": {
        "predict.py": "import json, types, colorsys\n"
        "X = [hasattr(m, 'N') for m in (json, types, colorsys)]\n",
        **dict.fromkeys(("json.py", "types.py", "colorsys.py"), "N = 1\n"),
    },
    "package-of-an-import-by-name": {
        "predict.py": "from pkg import X\n",
        "pkg/__init__.py": "from importlib import import_module\n"
        "X = [import_module('.a', __name__).N, import_module('.a', package='pkg').N]\n",
        "pkg/a.py": "N = 3\n",
    },
    **{
        f"written-by-{name}": {
            "predict.py": f"import os, pathlib, shutil\n{text}\n"
            "try:\n    X = open('a.txt').read()\n"
            "except OSError:\n    X = 'gone'\nY = sorted(os.listdir('more'))\n",
            "a.txt": "old",
            "b.txt": "new",
            "more/a.txt": "",
        }
        for name, text in {
            "open": "with open('a.txt', 'w') as f: f.write('new')",
            "append": "open('a.txt', 'a+').write('!')",
            "path": "pathlib.Path('a.txt').write_text('new')",
            "remove": "os.remove('a.txt')",
            "rename": "os.replace('b.txt', 'a.txt')",
            "copy": "shutil.copy('b.txt', 'a.txt')",
            "touch": "pathlib.Path('more/new').touch()",
            "folder": "os.makedirs('more/new', exist_ok=True)",
            "again": "os.makedirs('more', exist_ok=True)",
            "unlink": "pathlib.Path('a.txt').unlink()",
        }.items()
    },
    **{
        f"far-reaching-{name}": {
            "predict.py": f"import sys, aside\n{text}\nX = aside.N\n",
            "aside.py": "N = 1\n",
            "sibling.py": "import aside\naside.N = 2\n",
            "more/deeper.py": "N = 2\n",
            "deeper.py": "N = 1\n",
        }
        for name, text in {
            "run": "import runpy\nrunpy.run_path('sibling.py')",
            "run-of-what-is-written": "import runpy\nwith open('made.py', 'w') as f:\n"
            "    f.write('import aside; aside.N = 2')\nrunpy.run_path('made.py')",
            "spec": "import importlib.util as u\ns = u.spec_from_file_location('m', 'sibling.py')\n"
            "s.loader.exec_module(u.module_from_spec(s))",
            "loader": "from importlib.machinery import SourceFileLoader\n"
            "SourceFileLoader('m', 'sibling.py').load_module()",
            "locate": "import pydoc\npydoc.locate('sibling')",
            "site": "import site\nsite.addsitedir('more')\nsys.path.insert(0, sys.path.pop())\n"
            "import deeper as aside",
            "finder": "class F:\n    def find_spec(name, path=None, target=None):\n"
            "        from importlib.util import spec_from_file_location as s\n"
            "        return s(name, 'more/deeper.py')\n"
            "sys.meta_path.insert(0, F)\nimport deeper as aside",
            "handler": "import logging\nlog = logging.getLogger('a')\n"
            "log.addFilter(lambda r: setattr(aside, 'N', 2))\nlog.warning('b')",
            "warning": "import warnings\nwarnings.showwarning = lambda *a: setattr(aside, 'N', 2)\n"
            "warnings.simplefilter('always')\nwarnings.warn('b')",
            "environ": "import os\nos.environ['A'] = '1'\nos.environb[b'A'] = b'2'\n"
            "aside.N = os.environ['A']",
            "register": "from collections.abc import Sized\nclass C: ...\nSized.register(C)\n"
            "aside.N = isinstance(C(), Sized)",
        }.items()
    },
    "package-of-a-module-that-is-looked-for": {
        "predict.py": "import aside, importlib.util\nimportlib.util.find_spec('pkg.inner')\n"
        "X = aside.N\n",
        "aside.py": "N = 1\n",
        "pkg/__init__.py": "import aside\naside.N = 2\n",
        "pkg/inner.py": "",
    },
    "written-module": {
        "predict.py": "with open('aside.py', 'w') as f: f.write('N = 2')\n"
        "from aside import N as X\n",
        "aside.py": "N = 1\n",
    },
    "sys-in-a-container": {
        "predict.py": "import sys\nfrom outside import u\nk = {'sys': sys}\n"
        "def f(): k['sys'].path.insert(0, 'more')\nu(f)\nfrom aside import N as X\n",
        "aside.py": "N = 1\n",
        "more/aside.py": "N = 2\n",
    },
    "os-in-a-container": {
        "predict.py": "import os\nfrom outside import u\nk = [os]\n"
        "def f(): k[0].chdir('more')\nu(f)\nX = open('t.txt').read()\n",
        "t.txt": "1",
        "more/t.txt": "2",
    },
    "patterns-of-files": {
        "predict.py": "import glob\nfrom pathlib import Path\n"
        "X = sorted(p.name for p in Path('.').glob(pattern='*.txt'))\n"
        "Y = sorted(glob.glob('sub/*/*.txt'))\nZ = glob.glob('sub//*.txt')\n",
        **dict.fromkeys(("a.txt", "sub/b.txt", "sub/c/d.txt", "sub/.h/e.txt"), "-"),
    },
    "undone-and-given-up": {
        "predict.py": "import registry\ntry:\n    __import__('first')\nexcept ImportError: ...\n"
        "seen = registry.seen\n",
        "registry.py": "seen = []\n",
        "first.py": "import itertools, registry\nfrom outside import u\n"
        "registry.seen.append(1)\na, b = itertools.tee([1])\nnext(a)\n",
    },
    "not-tried-and-given-up": {
        "predict.py": "import registry\nfrom outside import u\ni = iter([1, 2])\nif u():\n"
        "    __import__('first')\nelse:\n    next(i)\nseen = registry.seen\n",
        **REGISTRY,
    },
    "given-up-in-a-function": {
        "predict.py": "import registry\nfrom outside import u\ndef f():\n    for _ in range(66):\n"
        "        if not u():\n            __import__('first')\n            break\nf()\n"
        "seen = registry.seen\n",
        **REGISTRY,
    },
    "package-that-answers-for-its-own": {
        "predict.py": "import pkg.deep as m\nX = getattr(m, 'l', [])\n",
        "pkg/__init__.py": "def __getattr__(name): ...\n",
        "pkg/deep/__init__.py": "try:\n    import pkg.deep.low as m\n    l = m.l\n"
        "except (ImportError, AttributeError): ...\n",
        "pkg/deep/low.py": "l = [1]\n",
    },
    "submodule-that-is-replaced": {
        "predict.py": "import pkg.deep as m\nX = m.n\n",
        "pkg/__init__.py": "import pkg.deep\nclass deep:\n    n = 4\n",
        "pkg/deep.py": "n = 5\n",
    },
    "star-of-a-module-that-answers": {
        "predict.py": "try:\n    from pkg import *\n    X = n\nexcept NameError:\n    X = 3\n",
        "pkg.py": ASKED,
    },
    "names-of-a-module-that-answers": {
        "predict.py": "import pkg\nfrom pkg import n\nX = pkg.L\n",
        "pkg.py": ASKED.replace("return ", "raise AttributeError  # "),
    },
    "names-of-a-package-that-answers": {
        "predict.py": "import pkg\nfrom pkg import m, n\nX = pkg.L\n",
        "pkg/__init__.py": ASKED,
    },
    "star-of-submodules": {
        "predict.py": "from pkg import *\nX = inner.n\n",
        "pkg/__init__.py": "__all__ = ['inner']\n",
        "pkg/inner.py": "n = 3\n",
    },
    "read-when-it-is-closed": {
        "predict.py": "with open('t.txt') as f:\n    X = f.readline()\ntry:\n    Y = f.read()\n"
        "except ValueError:\n    Y = 3\nwith open('t.txt') as g:\n    k = (l for l in g)\ntry:\n"
        "    Z = list(k)\nexcept ValueError:\n    Z = 3\ntry:\n    with open('t.txt') as h:\n"
        "        raise KeyError\nexcept KeyError: ...\ntry:\n    V = h.read()\n"
        "except ValueError:\n    V = 3\n",
        "t.txt": "a\nb\n",
    },
    "imported-by-a-function": {
        "predict.py": "import importlib, registry\nfrom outside import u\nimport pkg.a\n"
        "X = pkg.a.l\ndef f():\n    from registry import seen\n    seen.append(1)\nu(f)\n"
        "Y = registry.seen\ndef g(): import first\nu(g)\nZ = registry.late\n"
        "def h(): importlib.import_module('second')\nu(h)\nV = registry.last\n",
        "registry.py": "seen, late, last = [], [], []\n",
        "first.py": "import registry\nregistry.late.append(1)\n",
        "second.py": "import registry\nregistry.last.append(1)\n",
        "pkg/__init__.py": "",
        "pkg/a.py": "from outside import u\nl = []\ndef f(): from . import b\nu(f)\n",
        "pkg/b.py": "from . import a\na.l.append(1)\n",
    },
    "path-that-is-not-known": {
        "predict.py": "import sys\nfrom outside import u\nsys.path.insert(0, 'a' if u() else '.')\n"
        "import m\nX = m.n\ndef f(): sys.path.insert(0, 'b')\nu(f)\nimport k\nY = k.n\n",
        "m.py": "n = 1\n",
        "a/m.py": "n = 2\n",
        "k.py": "n = 1\n",
        "b/k.py": "n = 2\n",
    },
    "sibling-imported-by-name": {
        "predict.py": "import sibling\nfrom outside import u\ndef f():\n    import importlib\n"
        "    importlib.import_module('sibling').N = 7\nu(f)\nX = sibling.N\n",
        "sibling.py": "N = 6\n",
    },
    "folder-of-a-package": {
        "predict.py": "import registry\nimport pkg.deep.low as m\ntry:\n    import first as k\n"
        "except ImportError: ...\nX = registry.seen\n",
        "registry.py": "seen = []\n",
        "first.py": "import registry\nregistry.seen.append(1)\n",
        "pkg/deep/low.py": "",
        "pkg/deep/__init__.py": "import os\ntry:\n    os.chdir(os.path.dirname(__file__))\n"
        "except Exception: ...\n",
    },
    "keywords-of-a-class-with-a-base-that-is-lost": {
        "predict.py": "from typing import TypedDict\ntry:\n"
        "    from pkg.deep.low import n as found\nexcept Exception: ...\ntry:\n"
        "    import pkg.deep as m\nexcept (ImportError, AttributeError): ...\n"
        "class C(TypedDict, total=False): ...\nX = 3\n",
        "pkg/deep/__init__.py": "from outside import u\n",
    },
    "entry-of-the-path-that-is-not-known": {
        "predict.py": "import os, registry, sys\ntry:\n    os.chdir('/none')\n"
        "except OSError: ...\nsys.path.insert(0, os.path.abspath('lib'))\nimport aside\n"
        "X = registry.seen\n",
        "registry.py": "seen = []\n",
        "lib/aside.py": "import registry\nregistry.seen.append(1)\n",
    },
    "changed-by-what-is-perhaps-imported": {
        "predict.py": "import os\nfrom outside import u\nos.environ['A'] = '1'\n"
        "def f(): from first import n\nu(f)\nimport os, registry\n"
        "X = [os.environ['A'], *registry.seen]\n",
        "registry.py": "seen = [1]\n",
        "first.py": "import second\nn = 1\n",
        "second.py": "import os, registry\nos.environ['A'] = '2'\nregistry.seen.append(2)\n",
    },
    "changed-by-what-is-perhaps-imported-again": {
        "predict.py": "from outside import u\ndef f(): import first\nu(f)\nimport os\n"
        "os.environ['A'] = '1'\nimport first\nimport os\nX = os.environ['A']\n",
        "first.py": "import os\nos.environ['A'] = '2'\n",
    },
    "changed-by-what-is-perhaps-imported-by-name": {
        "predict.py": "import os\nfrom outside import u\nos.environ['A'] = '1'\n"
        "def f(): __import__('first')\nu(f)\nimport os\nX = os.environ['A']\n",
        "first.py": "import os\nos.environ['A'] = '2'\n",
    },
    "package-of-what-is-perhaps-imported": {
        "predict.py": "import pkg\nfrom outside import u\ndef f(): import pkg.deep\nu(f)\n"
        "import pkg\nX = hasattr(pkg, 'deep')\n",
        "pkg/__init__.py": "",
        "pkg/deep.py": "",
    },
    "all-of-what-is-perhaps-imported": {
        "predict.py": "from outside import u\ndef f(): import first\nu(f)\nimport registry\n"
        "X = registry.seen\n",
        "registry.py": "seen = []\n",
        "first.py": "from pkg import *\n",
        "pkg/__init__.py": "__all__ = ['deep']\n",
        "pkg/deep.py": "import registry\nregistry.seen.append(1)\n",
    },
    "import-that-always-fails": {
        "predict.py": "from outside import u\ndef f(): from .. import nothing\ntry:\n"
        "    u(f)\nexcept ValueError: ...\nX = 3\n",
    },
    "folder-that-is-not-known": {
        "predict.py": "import os\nfrom outside import u\nos.chdir('a' if u() else '.')\n"
        "X = open('t.txt').read()\n",
        "t.txt": "1",
        "a/t.txt": "2",
    },
    "submodule-of-a-package-that-failed": {
        "predict.py": "try:\n    import pkg\nexcept ValueError: ...\nfrom pkg.deep import n as X\n",
        "pkg/__init__.py": "import pkg.deep\nraise ValueError\n",
        "pkg/deep.py": "n = 3\n",
    },
    "package-that-failed-and-is-held": {
        "predict.py": "try:\n    import pkg\nexcept ValueError: ...\n"
        "from pkg.deep import held\nimport pkg\nX = [held.n, pkg.n, held is pkg]\n",
        "registry.py": "seen = []\n",
        "pkg/__init__.py": "import registry, pkg.deep\nregistry.seen.append(1)\n"
        "n = len(registry.seen)\nif n < 2: raise ValueError\n",
        "pkg/deep.py": "import pkg as held\n",
    },
    "package-that-failed-and-is-perhaps-imported-again": {
        "predict.py": "import os\nfrom outside import u\nos.environ['A'] = '1'\ntry:\n"
        "    import pkg\nexcept ValueError: ...\ndef f(): import pkg.deep\nu(f)\nimport os\n"
        "X = os.environ['A']\n",
        "pkg/__init__.py": "import pkg.deep as d\nd.n += 1\nif d.n < 2: raise ValueError\n"
        "import first\n",
        "pkg/deep.py": "n = 0\n",
        "first.py": "import os\nos.environ['A'] = '2'\n",
    },
    "raise-in-a-module-imported-by-a-handler": {
        "predict.py": "X = 1\ntry:\n    raise KeyError\nexcept KeyError:\n    try:\n"
        "        import first\n    except RuntimeError:\n        X = 2\n"
        "    except KeyError:\n        X = 3\n",
        "first.py": "raise\n",
    },
    "raise-in-a-module-imported-by-a-handler-of-two": {
        "predict.py": "from outside import u\ntry:\n    if u(): raise KeyError\n"
        "    raise ValueError\nexcept Exception:\n    import first\nX = first.n\n",
        "first.py": "try:\n    raise\nexcept KeyError:\n    n = 1\nexcept ValueError:\n    n = 2\n",
    },
    "folder-that-is-not-known-on-the-path": {
        "predict.py": "import os, registry, sys\nfrom outside import u\ntry:\n    os.chdir(u())\n"
        "    os.chdir('..')\nexcept TypeError: ...\nsys.path.append('lib')\nimport aside\n"
        "X = registry.seen\n",
        "registry.py": "seen = []\n",
        "lib/aside.py": "import registry\nregistry.seen.append(1)\n",
    },
    "folder-that-is-lost": {
        "predict.py": "import os, pathlib\nfrom outside import u\ndef f(): os.chdir('lib')\n"
        "u(f)\nX = pathlib.Path.cwd().name == 'lib'\n",
        "lib/aside.py": "",
    },
    "path-on-the-path": {
        "predict.py": "import sys\nfrom pathlib import Path\n"
        "sys.path.append(Path(__file__).parent / 'lib')\ntry:\n    import aside\n    X = 1\n"
        "except ImportError:\n    X = 2\n",
        "lib/aside.py": "",
    },
}
"""Projects that were once read otherwise."""

_OPERAND = """\
import torch
X = []
class M(type):
    def __instancecheck__(cls, other): X.append(0)
class C(metaclass=M):
    def run(self, *_): X.append(1)
    __add__ = __radd__ = __rsub__ = __neg__ = __eq__ = __lt__ = __gt__ = run
    __contains__ = __getitem__ = __setitem__ = __delitem__ = __setattr__ = run
    def __hash__(self): return X.append(2) or 3
    def __str__(self): return f"{X.append(3)}"
    def __format__(self, layout): return f"{X.append(4)}"
    def __iter__(self): return iter([X.append(5)])
"""

_OPERATORS = (
    "C() + torch.a", "torch.a + C()", "torch.a - C()", "-C() - torch.a", "C() == torch.a",
    "torch.a == C()", "[C()] == [torch.a]", "torch.a < C()", "torch.a in [C()]", "torch.a in C()",
    "C() in torch.a", "C()[torch.a]", "torch.a[C()]", "torch.a[C()] = 1", "C()[torch.a] = 1",
    "del torch.a[C()]", "C().x = torch.a", "'%s %s' % (C(), torch.a)",
    "'{} {}'.format(C(), torch.a)", "f'{C():{torch.a}}'", "f'{torch.a} {C()}'",
    "isinstance(torch.a, C)", "{C(): torch.a}",
    "{torch.a: 1, C(): 2}", "max([C(), torch.a])", "[*C(), torch.a]", "print(C(), torch.a)",
)  # fmt: skip

FOUND_WITH_PACKAGES: Final = {
    **{
        f"methods-of-an-operand {text}": f"{_OPERAND}try: {text}\nexcept TypeError: ...\n"
        for text in _OPERATORS
    },
    "object-of-a-class-with-a-base-from-outside": "import torch\nclass C(torch.Module):\n"
    "    def names(self): return ['a']\ntry:\n    X = C().names()\nexcept TypeError:\n    X = 3\n",
    "operators-of-a-class-with-a-base-from-outside": "import torch\nclass C(torch.Module):\n"
    "    def __init__(self): ...\no = C()\nX = 0\ntry:\n"
    "    X = [o == 1, 3 in [o], not o, o in {o: 1}, len(o)]\nexcept TypeError: ...\n",
    "class-with-a-base-from-outside": "import torch\nfrom collections.abc import Hashable, Sized\n"
    "class C(torch.Module):\n    def __init__(self): ...\no = C()\n"
    "X = [isinstance(o, Sized), isinstance(o, dict), issubclass(C, str), isinstance(o, C)]\n",
    "attribute-of-a-class-with-a-base-from-outside": "import torch\nclass C(torch.Module): ...\n"
    "X = [issubclass(C, C), isinstance(3, C), isinstance(C, type), callable(C)]\n",
    "slot-that-is-not-set": "import torch\nclass C(torch.Module):\n    __slots__ = ('a',)\n"
    "    def __init__(self): ...\ntry:\n    X = C().a\nexcept AttributeError:\n    X = 4\n",
}
"""Programs about packages that were once read otherwise."""
