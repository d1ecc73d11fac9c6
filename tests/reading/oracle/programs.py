"""Generate programs that use what predictors' modules use, in every combination."""

from __future__ import annotations

from random import Random
from typing import Final

HEAD: Final = """\
import contextlib, copy, enum, functools, itertools, json, os, sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from outside import passed_on, u


class Oops(Exception):
    pass


class Worse(Oops):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Manager:
    def __init__(self, swallow):
        self.swallow, self.log = swallow, []

    def __enter__(self):
        self.log.append("in")
        return self.log

    def __exit__(self, kind, error, trace):
        self.log.append(None if kind is None else kind.__name__)
        return self.swallow


class Colour(str, enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = enum.auto()
    LARGE = enum.auto()


n0, n1 = 3, 4
s0, s1 = "ab", "c"
l0, l1 = [1, 2], ["x", "y"]
d0, d1 = {"a": 1, "b": 2}, {"k": [1]}
t0 = (1, "a")
e0 = {1, 2}
"""

KINDS: Final = "nsldt"


class Programs:
    """Writes one program; the same for the same random numbers."""

    def __init__(self, random: Random, unknown: float = 0.08) -> None:
        self.random = random
        self.unknown = unknown
        self.count = 0
        self.names: dict[str, list[str]] = {
            "n": ["n0", "n1"], "s": ["s0", "s1"], "l": ["l0", "l1"], "d": ["d0", "d1"], "t": ["t0"],
        }  # fmt: skip
        self.functions: list[str] = []
        self.local: list[str] = []
        self.loops = 0
        self.inside = 0

    def fresh(self, kind: str) -> str:
        """Return a new name."""
        self.count += 1
        return f"{kind}{self.count + 1}"

    def chance(self, of: float) -> bool:
        """Return whether something happens."""
        return self.random.random() < of

    def name(self, kind: str) -> str:
        """Return the name of a variable of a kind."""
        return self.random.choice(self.names[kind])

    def pick(self, *options: str) -> str:
        """Return one of several texts."""
        return self.random.choice(options)

    # Expressions

    def condition(self, depth: int = 0) -> str:
        """Return a condition, known or not."""
        if self.chance(self.unknown):
            return self.pick("u()", f"u({self.value(depth + 1)})", f"u() and {self.condition(2)}")
        n, s, ls, d = self.name("n"), self.name("s"), self.name("l"), self.name("d")
        return self.pick(
            f"{n} > {self.random.randint(0, 6)}", f"{n} % 2 == 0", f"{s} in ('ab', 'c')",
            f"len({ls}) > 2", f"'a' in {d}", f"not {ls}", f"{n} in {ls}", f"{s} == 'c'",
            f"isinstance({self.pick(n, s, ls)}, str)", f"{ls} is {self.name('l')}",
            f"{n} < {self.name('n')} <= 9", f"any(isinstance(i, str) for i in {ls})",
            f"hasattr({s}, 'upper')", f"{d}.get('a') == 1", f"callable({n})",
            f"{n} > 2 or {s} == 'c'", "Size.SMALL < Size.LARGE", f"Colour.RED == {s}",
        )  # fmt: skip

    def value(self, depth: int = 0) -> str:
        """Return an expression of any kind."""
        return self.expression(self.random.choice(KINDS), depth)

    def expression(self, kind: str, depth: int = 0) -> str:
        """Return an expression that is of a kind, as a rule."""
        if depth > 2 or self.chance(0.25):
            return self.name(kind)
        if self.chance(0.05):
            other = self.expression(kind, depth + 1)
            return f"({self.expression(kind, depth + 1)} if {self.condition(depth)} else {other})"
        if self.chance(0.02) and self.functions:
            return f"{self.random.choice(self.functions)}({self.name('n')})"
        if self.chance(self.unknown / 4):
            return f"u({self.value(depth + 1)})"
        return getattr(self, f"_of_{kind}")(depth + 1)  # type: ignore[no-any-return]

    def _of_n(self, depth: int) -> str:
        n, m = self.expression("n", depth), self.expression("n", depth)
        ls, s, d, t = (self.expression(k, depth) for k in "lsdt")
        return self.pick(
            str(self.random.randint(-2, 9)), f"({n} + {m})", f"{n} * 2", f"-{n}", f"{n} // 2",
            f"len({ls})", f"len({s})", f"len({d})", f"{ls}[0]", f"{d}['a']", f"{t}[0]",
            f"sum(i for i in {ls} if isinstance(i, int))", f"max({n}, {m})", f"int('{self.random.randint(0, 9)}')",
            f"{ls}.count({n})", f"next(iter({ls}), {n})", f"{d}.get('a', {n})", f"{n} % 3",
            f"(w0 := {n})", f"Size.LARGE.value + {n}", f"abs({n})", f"{ls}.index({n})",
            f"functools.reduce(lambda a, b: a + b, [{n}, {m}], 0)", f"int({n} > 2)", f"{d}.pop('a', 7)",
            f"{n} ** 2", f"round({n} / 2)", f"[{n}, {m}].pop()", f"hash({n}) * 0", f"{ls}[-1:].pop()",
            f"(lambda a, b={n}: a - b)({m})", f"getattr(Size, 'LARGE') + {n}", f"sorted([{n}, {m}])[0]",
        )  # fmt: skip

    def _of_s(self, depth: int) -> str:
        s, r = self.expression("s", depth), self.expression("s", depth)
        n, ls, d = (self.expression(k, depth) for k in "nld")
        return self.pick(
            repr(self.pick("a", "b", "ab", "", "xyz")), f"{s} + {r}", f"{s}.upper()",
            f"f'{{{self.name('s')}}}-{{{self.name('n')}:03d}}'", f"'{{}}/{{x}}'.format({n}, x={s})",
            f"'%s:%d' % ({s}, {self.name('n')})", f"{s}[0]", f"{s}[::-1]", f"str({n})", f"{s} * 2",
            f"', '.join(str(i) for i in {ls})", f"'-'.join({d})", f"{s}.replace('a', 'z')",
            f"json.dumps({ls})", f"repr({n})", "Colour.BLUE.value", f"{s}.split('b')[0]", f"str({ls})",
            "Colour('red').name", f"{s}.strip('a')", f"type({n}).__name__", f"max({s}, {r})",
            f"min({ls}, key=str)", f"f'{{{self.name('l')}!r:>8}}'", f"str({d})", f"''.join(sorted({s}))",
            f"{s}.title().center(5, '*')", f"{s}.partition('b')[2]", f"chr(97 + len({s}))",
        )  # fmt: skip

    def _of_l(self, depth: int) -> str:
        ls, m = self.expression("l", depth), self.expression("l", depth)
        n, s, d, t = (self.expression(k, depth) for k in "nsdt")
        return self.pick(
            f"[{n}, {s}]", f"{ls} + {m}", f"list({d})", f"list({d}.items())", f"{ls}[1:]", f"{ls}[::-1]",
            f"[i for i in {ls}]", f"[i * 2 for i in {ls} if isinstance(i, int)]", f"sorted({ls}, key=str)",
            f"list(range({self.random.randint(0, 4)}))", f"[*{ls}, {n}]", f"list(map(str, {ls}))", f"{ls}.copy()",
            f"list(zip({ls}, {m}))", f"[i for i, j in enumerate({ls}, 1)]", f"list({s})", f"{s}.split('b')",
            f"[(i, j) for i in {ls} for j in {m} if i != j][:3]", f"list(reversed({ls}))", f"copy.deepcopy({ls})",
            f"list(filter(None, {ls}))", f"[w1 for i in {ls} if (w1 := i)]", f"list(itertools.chain({ls}, {t}))",
            f"[{d}, {ls}]", f"{ls} * 2", f"sorted({{str(i) for i in {ls}}})", f"list(dict.fromkeys(map(str, {ls})))",
            f"[*{{'p': 1, **{d}}}]", f"[c.value for c in Colour]", f"list({d}.values())", f"[f() for f in [lambda: {n}]]",
            f"list(itertools.islice(itertools.count({n}), 2))", f"[[i] for i in {ls}]", f"list(Counter(map(str, {ls})).items())",
            f"list(deque({ls}, maxlen=2))", f"{d}.setdefault('m', {ls})", f"[k for k in {d} for k in [k]]", f"list({t})",
        )  # fmt: skip

    def _of_d(self, depth: int) -> str:
        d, e = self.expression("d", depth), self.expression("d", depth)
        n, s, ls = (self.expression(k, depth) for k in "nsl")
        return self.pick(
            f"{{'a': {n}, 'b': {s}}}", f"dict({d})", f"{{**{d}, 'z': {n}}}", f"{d} | {e}", f"{d}.copy()",
            f"{{str(i): i for i in {ls}}}", f"dict(a={n}, c={ls})", f"dict(zip('ab', {ls}))",
            f"{{k: v for k, v in {d}.items() if k != 'a'}}", f"dict.fromkeys(['a', {s}], {n})", f"copy.copy({d})",
            f"dict(OrderedDict(a={n}))", f"json.loads(json.dumps({d}))", f"dict(sorted({d}.items(), key=str))",
        )  # fmt: skip

    def _of_t(self, depth: int) -> str:
        n, s, ls, t = (self.expression(k, depth) for k in "nslt")
        return self.pick(
            f"({n}, {s})",
            f"tuple({ls})",
            f"{t} + ({n},)",
            f"({ls}, {n})",
            f"divmod({n}, 3)",
            f"{t}[:1]",
        )

    # Statements

    def body(self, indent: str, count: int) -> str:
        """Return some statements."""
        self.inside += 1
        text = "".join(self.statement(indent) for _ in range(count))
        self.inside -= 1
        return text

    def statement(self, indent: str = "") -> str:
        """Return one statement."""
        if self.inside > 3:
            return self.simple(indent)
        roll = self.random.random()
        if roll < 0.55:
            return self.simple(indent)
        return self.random.choice(
            [self._if, self._if, self._for, self._while, self._try, self._try, self._with, self._function,
             self._class, self._generator, self._match, self._iterator, self._decorator, self._closure]
        )(indent)  # fmt: skip

    def assigned(self, kind: str, value: str, indent: str) -> str:
        """Return an assignment to a variable, old or new."""
        name = self.name(kind)
        if self.chance(0.5) and not self.inside:
            name = self.fresh(kind)
            text = f"{indent}{name} = {value}\n"
            self.names[kind].append(name)
            return text
        return f"{indent}{name} = {value}\n"

    def simple(self, indent: str) -> str:
        """Return a statement that holds no others."""
        if self.loops and self.chance(0.06):
            return indent + self.pick("break\n", "continue\n")
        n, s, ls, d = (self.name(k) for k in "nsld")
        if self.chance(self.unknown):
            return indent + self.pick(
                f"u({ls})\n", f"u({d}, {ls})\n", f"{n} = u()\n", f"{ls} = u({ls}) or {ls}\n", f"{s} = 'q' if u() else 'r'\n",
                *([f"u({self.random.choice(self.functions)})\n"] if self.functions else ["u()\n"]),
                f"u(Manager)\n", f"{d}[u()] = {n}\n", f"assert u()\n", f"{ls}.append(u())\n", f"x_, {n} = u(), {n}\n",
            )  # fmt: skip
        if self.chance(0.4):
            kind = self.random.choice(KINDS)
            return self.assigned(kind, self.expression(kind), indent)
        v = self.value(1)
        return indent + self.pick(
            f"{ls}.append({v})\n", f"{ls}.extend({self.expression('l')})\n", f"{ls} += {self.expression('l', 1)}\n",
            f"{ls}.insert(0, {v})\n", f"{d}['{self.pick('a', 'b', 'c')}'] = {v}\n", f"{d}.update({self.expression('d')})\n",
            f"{n} += {self.expression('n')}\n", f"{s} += {self.expression('s')}\n", f"{ls} = {self.name('l')}\n",
            f"{d} = {self.name('d')}\n", f"del {ls}[0]\n", f"del {ls}[1:]\n", f"del {d}['a']\n", f"{ls}[0] = {v}\n",
            f"{ls}[:1] = {self.expression('l', 2)}\n", f"{ls}.reverse()\n", f"{ls}.sort(key=str)\n", f"{ls}.pop()\n",
            f"{n}, {s} = {self.expression('n')}, {self.expression('s')}\n", f"{ls}, {self.name('l')} = {self.name('l')}, {ls}\n",
            f"{n}, *{ls} = [1, *{self.expression('l', 1)}]\n", f"{d}.setdefault('q', []).append({n})\n", f"{ls}.clear()\n",
            f"{d} |= {{'z': {n}}}\n", f"{ls} *= 2\n", f"e0.add({n})\n", f"e0 -= {{1}}\n", f"e0.discard(2)\n",
            f"assert {self.condition()}\n", f"{n} -= 1\n", f"del {s}\n{indent}{s} = 'new'\n", f"{d}[{s}] = {ls}\n",
            f"{n} = {ls}.pop() if {ls} else 0\n", f"globals()['{n}'] = {self.random.randint(0, 9)}\n", f"raise Worse({n})\n" if
            self.chance(0.3) else "pass\n", f"{ls}.append({ls}[:])\n", f"[{ls}.append(i) for i in (1, 2)]\n",
            f"for_{n} = [{n} for {n} in range(3)]\n", f"{ls}.remove({n})\n", f"{n} = w0 = {n} + 1\n", f"{s}: str = {s}\n",
            f"os.environ['COGFAL_ORACLE'] = {s}\n", f"{s} = os.environ.get('COGFAL_ORACLE', 'none')\n",
        )  # fmt: skip

    def _if(self, indent: str) -> str:
        text = f"{indent}if {self.condition()}:\n" + self.body(
            indent + "    ", self.random.randint(1, 2)
        )
        if self.chance(0.3):
            text += f"{indent}elif {self.condition()}:\n" + self.body(indent + "    ", 1)
        if self.chance(0.6):
            text += f"{indent}else:\n" + self.body(indent + "    ", self.random.randint(1, 2))
        return text

    def _loop(self, indent: str) -> str:
        self.loops += 1
        text = self.body(indent + "    ", self.random.randint(1, 3))
        self.loops -= 1
        if self.chance(0.25):
            text += f"{indent}else:\n" + self.body(indent + "    ", 1)
        return text

    def _for(self, indent: str) -> str:
        n, s = self.name("n"), self.name("s")
        head = self.pick(
            f"for {n} in range({self.random.randint(0, 3)})", f"for i_ in {self.name('l')}[:3]", f"for {s} in ('p', 'q')",
            f"for {s}, v_ in list({self.name('d')}.items())[:3]", f"for {n}, i_ in enumerate({self.name('t')})",
            f"for i_ in list({self.name('d')})[:2]", f"for (i_, j_) in zip('ab', {self.name('t')})",
            *([f"for i_ in (u() or ())"] if self.chance(self.unknown * 2) else []),
        )  # fmt: skip
        return f"{indent}{head}:\n" + self._loop(indent)

    def _while(self, indent: str) -> str:
        counter = self.fresh("c")
        return (
            f"{indent}{counter} = 0\n{indent}while {counter} < {self.random.randint(1, 3)}:\n"
            f"{indent}    {counter} += 1\n" + self._loop(indent)
        )

    def _try(self, indent: str) -> str:
        inner = indent + "    "
        trouble = self.pick(
            "raise Oops('a')", f"raise Worse({self.name('n')})", "1 / 0", "{}['x']", "[][1]", "int('x')", "u()",
            f"{self.name('l')}.remove('none')", f"u({self.name('l')})", "None.x", "pass", "nothing_", f"{self.name('s')}.none",
        )  # fmt: skip
        text = f"{indent}try:\n" + self.body(inner, 1) + f"{inner}{trouble}\n" + self.body(inner, 1)
        kinds = self.random.sample(
            ["Oops", "ZeroDivisionError", "(KeyError, IndexError)", "LookupError", "ValueError", "Exception", "Worse",
             "AttributeError", "NameError", ""], 2)  # fmt: skip
        kinds.sort(key=lambda kind: not kind)
        bare = self.chance(0.15)
        if not bare:
            for kind in kinds:
                bound = " as error" if kind and self.chance(0.4) else ""
                text += f"{indent}except {kind}{bound}:\n".replace("except :", "except:")
                if bound:
                    text += f"{inner}{self.name('s')} = type(error).__name__\n"
                    if kind == "Worse":
                        text += f"{inner}{self.name('n')} = error.code\n"
                text += self.body(inner, 1)
                if self.chance(0.1):
                    text += f"{inner}raise\n"
            if self.chance(0.3):
                text += f"{indent}else:\n" + self.body(inner, 1)
        if bare or self.chance(0.3):
            text += f"{indent}finally:\n" + self.simple(inner).replace("break", "pass").replace(
                "continue", "pass"
            )
        return text

    def _with(self, indent: str) -> str:
        manager = self.fresh("m")
        head = self.pick(
            f"{indent}{manager} = Manager({self.pick('True', 'False', self.condition())})\n{indent}with {manager} as g_:\n",
            f"{indent}with contextlib.suppress({self.pick('Oops', 'LookupError', 'Exception', 'ValueError, KeyError')}):\n",
            f"{indent}with passed_on(Manager(True)) as g_:\n" if self.chance(self.unknown) else
            f"{indent}with Manager(True) as g_, contextlib.suppress(Exception):\n",
        )  # fmt: skip
        inner = indent + "    "
        trouble = self.pick(
            "raise Oops()", "{}['x']", "u()" if self.chance(0.3) else "pass", "pass", "1 / 0"
        )
        text = head + self.body(inner, 1) + f"{inner}{trouble}\n" + self.body(inner, 1)
        if manager in head and not self.inside:
            text += f"{indent}l{self.count}m = {manager}.log\n"
        return text

    def _function(self, indent: str) -> str:
        name, inner = self.fresh("f"), indent + "    "
        args = self.pick(
            "a",
            "a, b=2",
            f"a, b={self.name('l')}",
            "a, *rest, k=1",
            "a, **kw",
            f"a, b={self.name('n')}",
        )
        text = f"{indent}def {name}({args}):\n"
        if self.chance(0.5):
            text += f"{inner}global {self.name('n')}, {self.name('l')}\n"
        kept, self.loops = self.loops, 0
        own = {kind: list(names) for kind, names in self.names.items()}
        local = self.fresh("n")
        text += f"{inner}{local} = a\n"
        self.names["n"].append(local)
        if "rest" in args:
            text += f"{inner}{local} = (a, rest, k)\n"
        text += self.body(inner, self.random.randint(1, 3))
        if self.chance(0.4):
            text += f"{inner}if {self.condition()}:\n{inner}    return {self.value()}\n"
        text += f"{inner}return {self.value()}\n"
        self.names, self.loops = own, kept
        if not self.inside:
            self.functions.append(name)
        kind = self.random.choice(KINDS)
        call = self.pick(
            f"{name}({self.name('n')})", f"{name}(a=1)", f"functools.partial({name}, 5)()"
        )
        return text + self.assigned(kind, call, indent)

    def _closure(self, indent: str) -> str:
        name, inner = self.fresh("f"), indent + "    "
        n = self.name("n")
        return (
            f"{indent}def {name}(start):\n{inner}total, seen = start, []\n{inner}def step(by=1):\n"
            f"{inner}    nonlocal total\n{inner}    total += by\n{inner}    seen.append(total)\n"
            f"{inner}    return total\n{inner}step.seen = seen\n{inner}return step\n"
            f"{indent}g_ = {name}({n})\n{indent}g_()\n" + (f"{indent}if {self.condition()}:\n{indent}    g_(2)\n" if
            self.chance(0.5) else f"{indent}g_(by={self.random.randint(1, 4)})\n") +
            f"{indent}{n}, {self.name('l')} = g_(), g_.seen\n"
        )  # fmt: skip

    def _class(self, indent: str) -> str:
        name, inner = self.fresh("C"), indent + "    "
        n, ls, s = self.name("n"), self.name("l"), self.name("s")
        text = self.pick(
            f"{indent}class {name}:\n{inner}ALL = {ls}\n{inner}n = {self.expression('n')}\n{inner}own = [n for _ in range(2)]\n"
            f"{inner}def __init__(self, v):\n{inner}    self.v = v\n{inner}    self.ALL.append(v)\n"
            f"{inner}@property\n{inner}def double(self):\n{inner}    return (self.v, self.n)\n"
            f"{inner}@classmethod\n{inner}def make(cls):\n{inner}    return cls({n})\n"
            f"{indent}class {name}B({name}):\n{inner}n = 8\n{inner}def __init__(self, v):\n{inner}    super().__init__(v)\n"
            f"{inner}    self.w = [v]\n{indent}o_ = {name}B.make()\n{indent}{ls} = [o_.double, o_.w, {name}.n, {name}.own]\n",
            f"{indent}@dataclass\n{indent}class {name}:\n{inner}a: int\n{inner}b: list = field(default_factory=list)\n"
            f"{inner}c: str = {s}\n{inner}def __post_init__(self):\n{inner}    self.b.append(self.a)\n"
            f"{indent}o_ = {name}({n})\n{indent}o_.b.append('more')\n{indent}{ls} = [o_.a, o_.b, o_.c, o_ == {name}({n})]\n",
            f"{indent}class {name}(enum.Enum):\n{inner}A = {self.random.randint(0, 3)}\n{inner}B = 'b'\n{inner}C = 1\n"
            f"{inner}def shown(self):\n{inner}    return f'{{self.name}}={{self.value}}'\n"
            f"{indent}{ls} = [m.shown() for m in {name}]\n{indent}{s} = {name}['B'].value\n",
            f"{indent}P_ = namedtuple('P_', 'x y')\n{indent}o_ = P_({n}, y={s})\n{indent}{ls} = [o_.x, o_._replace(x=1), *o_]\n",
            f"{indent}class {name}(enum.IntFlag):\n{inner}R = enum.auto()\n{inner}W = enum.auto()\n{inner}RW = R | W\n"
            f"{indent}{ls} = [m.name for m in {name}]\n{indent}{n} = ({name}.R | {name}.W).value\n",
            f"{indent}class {name}:\n{inner}seen = []\n{inner}def __init_subclass__(cls, **kw):\n{inner}    cls.seen.append((cls.__name__, kw))\n"
            f"{indent}class {name}X({name}, tag={n}): pass\n{indent}{ls} = {name}.seen\n",
            f"{indent}class {name}(dict):\n{inner}def __missing__(self, key):\n{inner}    return [key]\n"
            f"{indent}o_ = {name}(a=1)\n{indent}{ls} = [o_['a'], o_['q'], len(o_)]\n",
            f"{indent}class {name}:\n{inner}__slots__ = ('x',)\n{inner}def __init__(self):\n{inner}    self.x = {n}\n"
            f"{inner}def __add__(self, other):\n{inner}    return self.x + other\n{inner}def __len__(self):\n{inner}    return 2\n"
            f"{inner}def __getitem__(self, i):\n{inner}    return [{n}, 'g'][i]\n"
            f"{indent}o_ = {name}()\n{indent}setattr(o_, 'x', 5)\n{indent}{ls} = [o_ + 1, len(o_), o_[1], getattr(o_, 'y', 0), o_.x]\n",
        )  # fmt: skip
        if self.chance(0.2):
            text += f"{indent}if {self.condition()}:\n{inner}try:\n{inner}    {name}.n = 77\n{inner}except Exception: pass\n"
        return text

    def _generator(self, indent: str) -> str:
        name, inner = self.fresh("f"), indent + "    "
        ls, n = self.name("l"), self.name("n")
        text = (
            f"{indent}def {name}(k):\n{inner}for i in range(k):\n{inner}    if i == {self.random.randint(0, 3)}:\n"
            f"{inner}        {self.pick('continue', 'return', 'yield 9', 'break')}\n{inner}    yield i * 2\n"
            f"{inner}yield from {self.pick(ls, '(7, 8)', name + '(k - 1) if k > 2 else ()')}\n"
        )
        use = self.pick(
            f"{ls} = list({name}(3))[:6]\n", f"g_ = {name}(3)\n{indent}{n} = next(g_)\n{indent}{ls} = [*g_][:5]\n",
            f"{ls} = [v for v in itertools.islice({name}(4), 4) if v != 2]\n", f"{ls} = sorted(map(str, itertools.islice({name}(2), 5)))\n",
            f"g_ = {name}(2)\n{indent}{ls} = list(zip(g_, 'abc'))\n{indent}{n} = next(g_, -1)\n",
        )  # fmt: skip
        return text + indent + use

    def _iterator(self, indent: str) -> str:
        ls, n = self.name("l"), self.name("n")
        return indent + self.pick(
            f"i_ = iter({ls})\n{indent}{n} = next(i_, 0)\n{indent}{self.name('l')} = list(i_)\n",
            f"m_ = map(str, {ls})\n{indent}{ls}.append(5)\n{indent}{self.name('l')} = [*m_]\n",
            f"i_ = iter([1, 2, 3])\n{indent}if {self.condition()}:\n{indent}    next(i_)\n{indent}{n} = next(i_)\n",
            f"g_ = (v for v in {ls})\n{indent}{ls} = {ls} + [1]\n{indent}{self.name('l')} = list(g_)\n",
            f"z_ = zip({ls}, range(9))\n{indent}next(z_, None)\n{indent}{self.name('l')} = list(z_)\n",
        )  # fmt: skip

    def _match(self, indent: str) -> str:
        ls, n, s, inner = self.name("l"), self.name("n"), self.name("s"), indent + "    "
        return (
            f"{indent}match {self.pick(ls, self.name('d'), self.name('t'), n)}:\n{inner}case [1, *r_]:\n{inner}    {n} = len(r_)\n"
            f"{inner}case {{'a': 1, **r_}}:\n{inner}    {s} = 'dict'\n{inner}case (a_, 'a' | 'b' as b_):\n{inner}    {s} = b_\n"
            f"{inner}case 3 | 4:\n{inner}    {s} = 'number'\n{inner}case [] if {self.condition()}:\n{inner}    {n} = -5\n"
            f"{inner}case _:\n{inner}    {s} = 'none'\n"
        )  # fmt: skip

    def _decorator(self, indent: str) -> str:
        name, inner = self.fresh("f"), indent + "    "
        outside = f"{indent}@passed_on\n" if self.chance(0.3) else ""
        return (
            f"{indent}def {name}(n=1):\n{inner}def wrap(fn):\n{inner}    @functools.wraps(fn)\n{inner}    def inner(*a, **k):\n"
            f"{inner}        return [n, fn(*a, **k)]\n{inner}    return inner\n{inner}return wrap\n"
            f"{outside}{indent}@{name}({self.expression('n', 1)})\n{indent}def {name}b(v, w={self.expression('n', 1)}):\n"
            f"{inner}return (v, w)\n{indent}{self.name('l')} = {name}b({self.expression('n', 1)})\n"
            f"{indent}{self.name('s')} = {name}b.__name__\n"
        )


def text(writer: Programs, count: int) -> str:
    """Return some statements of a module, some of which may fail."""
    parts: list[str] = []
    for _ in range(count):
        if writer.chance(0.4):
            guard = writer.pick("with contextlib.suppress(Exception):\n", "try:\n")
            writer.inside += 1
            parts.append(guard + writer.statement("    "))
            writer.inside -= 1
            if guard == "try:\n":
                parts.append(f"except Exception:\n    {writer.name('s')} = 'failed'\n")
        else:
            parts.append(writer.statement())
    return "".join(parts)


def program(random: Random) -> dict[str, str]:
    """Return a project of one module."""
    writer = Programs(random, unknown=random.choice([0.0, 0.04, 0.1, 0.2]))
    return {"predict.py": HEAD + text(writer, random.randint(2, 9))}


def modules(random: Random) -> dict[str, str]:
    """Return a project of several modules, whose imports have effects."""
    unknown = random.choice([0.0, 0.05, 0.12])
    names = ["first", "second", "pkg.inner", "pkg"]
    files: dict[str, str] = {"registry.py": "seen = []\ntable = {}\nsettings = {'depth': 1}\n\n\ndef register(fn):\n"
                                            "    table[fn.__name__] = fn\n    return fn\n"}  # fmt: skip
    for place, name in enumerate(names):
        writer = Programs(random, unknown)
        head = f"import registry\nregistry.seen.append(__name__)\n{HEAD}"
        below = names[place + 1 :]
        imports = "".join(_import(writer, other) for other in below if writer.chance(0.5))
        effects = "".join(_effect(writer) for _ in range(random.randint(0, 3)))
        body = head + imports + text(writer, random.randint(1, 3)) + effects
        path = "pkg/__init__.py" if name == "pkg" else f"{name.replace('.', '/')}.py"
        files[path] = body
    writer = Programs(random, unknown)
    order = random.sample(names, random.randint(1, 4))
    imports = "".join(_import(writer, name) for name in order)
    files["predict.py"] = (
        "import os\nimport registry\n" + HEAD + imports + text(writer, random.randint(1, 3))
        + "seen, table, settings = registry.seen, list(registry.table), registry.settings\n"
        + "variable = os.environ.get('COGFAL_ORACLE', 'none')\n"
    )  # fmt: skip
    return files


def _import(writer: Programs, name: str) -> str:
    kind = writer.name("n")
    alias = f"m_{name.replace('.', '_')}"
    plain = writer.pick(
        f"import {name}\n", f"import {name} as {alias}\n{writer.name('l')} = {alias}.l0\n", f"from {name} import n0, l1\n",
        f"from {name} import *\n", f"from {name} import d0 as d1\n", f"import {name} as {alias}\n{alias}.n1 = {kind}\n",
        f"import importlib\n{alias} = importlib.import_module('{name}')\n", f"from {name} import nothing_\n" if
        writer.chance(0.2) else f"import {name} as {alias}\n{alias}.l0.append('more')\n",
    )  # fmt: skip
    if "*" in plain or writer.chance(0.5):
        return plain
    inner = "".join(f"    {line}\n" for line in plain.splitlines())
    return writer.pick(
        f"try:\n{inner}except ImportError:\n    {writer.name('s')} = 'missing'\n", f"if {writer.condition()}:\n{inner}",
        f"try:\n{inner}    u()\nexcept Exception:\n    {writer.name('s')} = 'gone'\n",
    )  # fmt: skip


def _effect(writer: Programs) -> str:
    return writer.pick(
        f"registry.settings['depth'] += {writer.random.randint(1, 3)}\n",
        f"registry.settings[__name__] = {writer.expression('n')}\n",
        f"@registry.register\ndef {writer.fresh('r')}(): pass\n",
        f"os.environ['COGFAL_ORACLE'] = {writer.name('s')}\n",
        f"os.environ.setdefault('COGFAL_ORACLE', {writer.name('s')})\n",
        f"registry.seen.extend({writer.name('l')})\n", "registry.seen = registry.seen[:]\n",
        f"if {writer.condition()}:\n    registry.seen.append('perhaps')\n", "u(registry.seen)\n" if writer.chance(
            writer.unknown) else "pass\n",
    )  # fmt: skip
