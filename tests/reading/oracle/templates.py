"""What generated programs are made of, each text with places that are filled with others.

`$n $s $l $d $t` stand for an expression that is a number, text, list, dict or tuple as a rule, `$N`
and so on for a variable of that kind (`$N1` for the same one wherever it stands), `$C` for a
condition, `$V` for any expression, `$#` for a small number, `$1` for a new number, `$(a|b)$` for one
of some texts. A line `$BODY` stands for statements, `$LOOP` for those of a loop.
"""

from __future__ import annotations

from typing import Final

DEFINITIONS: Final = {
    "Oops": "class Oops(Exception):\n    pass\n",
    "Worse": """\
class Worse(Oops):
    def __init__(self, code):
        super().__init__(code)
        self.code = code
""",
    "Manager": """\
class Manager:
    def __init__(self, swallow):
        self.swallow, self.log = swallow, []

    def __enter__(self):
        self.log.append("in")
        return self.log

    def __exit__(self, kind, error, trace):
        self.log.append(None if kind is None else kind.__name__)
        return self.swallow
""",
    "managed": """\
@contextlib.contextmanager
def managed(held):
    held.append("in")
    try:
        yield held
    finally:
        held.append("out")
""",
    "Colour": 'class Colour(str, enum.Enum):\n    RED = "red"\n    BLUE = "blue"\n',
    "Size": "class Size(enum.IntEnum):\n    SMALL = enum.auto()\n    LARGE = enum.auto()\n",
}
"""What a program defines at its beginning where it names it, in this order."""

IMPORTS: Final = (
    *(f"import {name}\n" for name in (
        "base64 bisect contextlib copy csv dataclasses datetime enum functools hashlib heapq io itertools json math operator os re string sys textwrap".split()
    )),
    *(f"from collections import {name}\n" for name in "Counter OrderedDict defaultdict deque namedtuple".split()),
    *(f"from dataclasses import {name}\n" for name in "dataclass field".split()),
    "from pathlib import Path\n",
    *(f"from typing import {name}\n" for name in "ClassVar Dict List Literal NamedTuple Optional TypedDict Union".split()),
    *(f"from outside import {name}\n" for name in "passed_on u".split()),
    *(f"import {name}\n" for name in "torch diffusers".split()),
)  # fmt: skip
"""What a program imports at its beginning where it names it."""

VARIABLES: Final = """\
n0, n1 = 3, 4
s0, s1 = "ab", "c"
l0, l1 = [1, 2], ["x", "y"]
d0, d1 = {"a": 1, "b": 2}, {"k": [1]}
t0 = (1, "a")
e0 = {1, 2}
"""

FILES: Final = {
    "lines.txt": "one\ntwo\r\nthree\n\nfive",
    "table.csv": 'a,b\n1,x\n2,"y,z"\n',
    "data.json": '{"a": 1, "names": ["p", "q"], "k": {"x": null}}',
    "bom.txt": "\ufefffirst\n\x0csecond\n",
}
"""The files that lie beside a program."""

CONDITIONS: Final = (
    "$N > $#", "$N % 2 == 0", "$S in ('ab', 'c')", "len($L) > 2", "'a' in $D", "not $L", "$N in $L", "$S == 'c'",
    "isinstance($($N|$S|$L|$T)$, $(str|int|(int, str)|list)$)", "$L is $L", "$N < $N <= 9",
    "any(isinstance(i, str) for i in $L)", "hasattr($S, 'upper')", "$D.get('a') == 1", "callable($N)",
    "$N > 2 or $S == 'c'", "Size.SMALL < Size.LARGE", "Colour.RED == $S", "$D is not $D", "all($L)",
    "issubclass($(bool|str)$, int)", "$L == $L", "$T < (2,)", "not $C", "$C and $C", "$S.startswith('a')",
    "sys.version_info >= (3, $(7|14)$)", "os.environ.get('COGFAL_ORACLE') == $S", "'n9' in globals()",
    "bool(re.match('[a-c]+$', $S))", "e0 <= {1, 2, 3}", "$S", "$N", "None is None", "$N != $N",
)  # fmt: skip

EXPRESSIONS: Final = {
    "n": (
        "$#", "-$#", "($n + $n)", "$n * 2", "-$n", "$n // 2", "len($l)", "len($s)", "len($d)", "$l[0]", "$d['a']", "$t[0]",
        "sum(i for i in $l if isinstance(i, int))", "max($n, $n)", "int('$#')", "$l.count($n)", "next(iter($l), $n)",
        "$d.get('a', $n)", "$n % 3", "(w0 := $n)", "Size.LARGE.value + $n", "abs($n)", "$l.index($n)",
        "functools.reduce(lambda a, b: a + b, [$n, $n], 0)", "int($n > 2)", "$d.pop('a', 7)", "$n ** 2", "round($n / 2)",
        "[$n, $n].pop()", "$l[-1:].pop()", "(lambda a, b=$n: a - b)($n)", "getattr(Size, 'LARGE') + $n",
        "sorted([$n, $n])[0]", "$n & 5", "$n | 1", "$n ^ 3", "~$n", "$n << 2", "$n >> 1", "$n / 4", "$n + 0.5", "float($n)",
        "True + $n", "$C", "int('ff', 16)", "0x1f", "math.floor($n / 2)", "math.gcd($n, 12)", "operator.add($n, $n)",
        "$s.find('b')", "$s.count('a')", "ord($s[0])", "min($l, default=$n)", "int(bool($l))", "hash($n) * 0", "$n.bit_length()",
        "functools.partial(max, $n)($n)", "json.loads('$#')", "datetime.date(2024, 1, $# + 1).day", "max($l, key=str)",
        "sum($l[:1], $n)", "1_000 + $n", "round($n * 1.25, 1)", "list($d)[-1:].index('b')", "len(e0 | {$n})", "len(range($#, 9, 2))",
        "globals().get('n0', -1)", "Size['SMALL'] + $n", "[*$t][0]", "re.search('b', $s).start()", "divmod($n, 3)[1]",
        "bisect.bisect([1, 3, 5], $n)", "heapq.nsmallest(1, $l)[0]", "bytearray($s, 'ascii')[0]", "[w3 := $n, w3 + 1][1]",
    ),
    "s": (
        "'$(a|b|ab||xyz|%s|{})$'", "$s + $s", "$s.upper()", "f'{$S}-{$N:03d}'", "'{}/{x}'.format($n, x=$s)", "'%s:%d' % ($s, $N)",
        "$s[0]", "$s[::-1]", "str($n)", "$s * 2", "', '.join(str(i) for i in $l)", "'-'.join($d)", "$s.replace('a', 'z')",
        "json.dumps($l)", "repr($n)", "Colour.BLUE.value", "$s.split('b')[0]", "str($l)", "Colour('red').name",
        "$s.strip('a')", "type($n).__name__", "max($s, $s)", "min($l, key=str)", "f'{$L!r:>8}'", "str($d)",
        "''.join(sorted($s))", "$s.title().center(5, '*')", "$s.partition('b')[2]", "chr(97 + len($s))",
        "f'{$N!s:>{$N}}|{$L}'", "'%(a)s' % $d", "'%5.2f|%-4d|%x' % ($n, $n, $N)", "'%s' % $l", "'%r' % ($s,)",
        "f'{$S=}'", "f'{$n + 1}'", "f'{\"q\" + $S}'", "$s.encode().decode('utf-8')", "b'ab'.decode() + $s", "re.sub('[ab]', '.', $s)",
        "$s.removesuffix('b')", "$s.casefold().zfill(4)", "'a b c'.split()[$N % 3]", "str($t)", "repr($s)", "ascii($s)",
        "json.dumps($d, sort_keys=True, indent=$#)", "json.dumps({'k': $N}, separators=(',', ':'))", "$s.expandtabs(2)",
        "str($n / 3)[:4]", "'{0}{1}{0}'.format($s, $n)", "'{:>6}|{:<4}'.format($s, $n)", "'{a[0]}'.format(a=$T)",
        "datetime.date(2024, 2, $# + 1).isoformat()", "os.path.join($s, 'b.txt')", "os.path.splitext('a.tar.gz')[1]",
        "Path('a', $S).as_posix()", "Path('x/y.png').$(stem|name|suffix)$", "str(Path('m') / 'n')", "__name__", "(w2 := $s)",
        "Colour.RED.name.lower()", "next((k for k in $d if k > 'a'), $s)", "format($n, '05d')", "format($s, '>4')", "hex($n)",
        "$s.translate({97: 'o'})", "str.upper($s)", "' '.join(map(str, $t))", "os.environ.get('COGFAL_ORACLE', $s)",
        "'\\n'.join(x.strip() for x in $s.splitlines())", "[*Colour][0].value", "(lambda *a, **k: str(a) + str(k))($n, x=$s)",
        "str(not $l)", "f'{$n:.2f}'", "f'{$N:>+6}'", "f'{1000000:,}'", "f'{$S!a}{{}}'", "str(bytes($s, 'ascii'))", "'a' 'b'",
        "textwrap.dedent('  ' + $s)", "string.ascii_lowercase[$#]", "base64.b64encode($s.encode()).decode()", "hashlib.md5($s.encode()).hexdigest()[:4]",
        "textwrap.shorten($s, 8)", "string.Template('$$a b').substitute(a=$s)",
    ),
    "l": (
        "[$n, $s]", "$l + $l", "list($d)", "list($d.items())", "$l[1:]", "$l[::-1]", "[i for i in $l]", "[*e0]",
        "[i * 2 for i in $l if isinstance(i, int)]", "sorted($l, key=str)", "list(range($#))", "[*$l, $n]", "list(map(str, $l))",
        "$l.copy()", "list(zip($l, $l))", "[i for i, j in enumerate($l, 1)]", "list($s)", "$s.split('b')", "copy.deepcopy($l)",
        "[(i, j) for i in $l for j in $l if i != j][:3]", "list(reversed($l))", "list(filter(None, $l))",
        "[w1 for i in $l if (w1 := i)]", "list(itertools.chain($l, $t))", "[$d, $l]", "$l * 2", "sorted({str(i) for i in $l})",
        "list(dict.fromkeys(map(str, $l)))", "[*{'p': 1, **$d}]", "[c.value for c in Colour]", "list($d.values())",
        "[f() for f in [lambda: $n]]", "list(itertools.islice(itertools.count($n), 2))", "[[i] for i in $l]",
        "list(Counter(map(str, $l)).items())", "list(deque($l, maxlen=2))", "$d.setdefault('m', $l)", "list($t)",
        "[k for k in $d for k in [k]]", "sorted($l, key=lambda i: -len(str(i)))", "sorted(map(str, $l), reverse=True)",
        "[f(2) for f in [lambda x, i=i: (x, i) for i in range(2)]]", "[f() for f in [lambda: i for i in range(2)]]",
        "[x for y in [$l, $l] for x in y]", "[i if i else None for i in $l]", "list(map(lambda a, b: [a, b], $l, $l))",
        "list(itertools.product('ab', $l[:2]))", "list(itertools.accumulate([$n, $n, 1]))", "[a for a, *b in [(1, 2), $T]]",
        "list(zip(*[(1, 2), (3, 4)]))", "re.findall('[a-z]', $s)", "list(csv.reader(['a,b', '1,2']))", "dir is None or $l",
        "list(m.name for m in Size)", "[*map(Colour, ['red'])] and [1]", "Counter($s).most_common(1)", "[*range(3)][$N:]",
        "sum([[1], $l], [])", "[y := 1, y + $n]", "list(d_ for d_ in ({**$d}, {}))", "[i for i in $l if i not in $l]",
        "sorted($d.items(), key=lambda kv: str(kv[1]))", "[*$l, *$t, *$d]", "list(enumerate('ab', start=$n))",
        "list(itertools.groupby('aab'))[:0] + [k for k, g in itertools.groupby('aab')]", "[[*g] for k, g in itertools.groupby('aab')]",
        "list(itertools.zip_longest($l, 'a', fillvalue=0))", "[c for c in $s]", "[$t[i] for i in (0, -1)]", "$l[$#:$#]", "$l[::2]",
        "list(iter([1, 2, $n].pop, 1))", "sorted(e0)", "sorted(e0 ^ {$n})", "sorted(frozenset($l[:1]) | {'z'}, key=str)",
        "[k for k, v in $d.items() if v]", "list(filter(lambda v: v != $n, $l))", "list(itertools.takewhile(lambda v: v != 2, $l))",
        "list(os.environ.get(k, '-') for k in ['COGFAL_ORACLE'])", "json.loads(json.dumps($l))", "list(vars(type('K', (), {'a': $n}))['a':] if False else $l)",
        "list(map(operator.itemgetter(0), [$T, 'q']))", "[*(lambda: (yield 5))()]", "list(defaultdict(list, $d).items())",
    ),
    "d": (
        "{'a': $n, 'b': $s}", "dict($d)", "{**$d, 'z': $n}", "$d | $d", "$d.copy()", "{str(i): i for i in $l}", "dict(a=$n, c=$l)",
        "dict(zip('ab', $l))", "{k: v for k, v in $d.items() if k != 'a'}", "dict.fromkeys(['a', $s], $n)", "copy.copy($d)",
        "dict(OrderedDict(a=$n))", "json.loads(json.dumps($d))", "dict(sorted($d.items(), key=str))", "copy.deepcopy($d)",
        "{c.name: c.value for c in Colour}", "dict([('a', $n), ('q', $l)])", "dict($d, a=$n)", "{k: i for i, k in enumerate($d)}",
        "{**{'a': 1}, **dict(b=$l)}", "dict(defaultdict(int, a=$n))", "(lambda **k: k)(a=$n, s=$s)", "dict(Counter($s))",
        "dict(map(lambda k: (k, 1), $d))", "{(k if k else 'e'): v for k, v in $d.items()}", "dict(reversed(list($d.items())))",
        "{x: y for x, y in zip('pq', [$n, $s])}", "{'a': {'b': $l}}", "dict.fromkeys($d, [])", "vars(Oops).get('zz', $d)",
    ),
    "t": (
        "($n, $s)", "tuple($l)", "$t + ($n,)", "($l, $n)", "divmod($n, 3)", "$t[:1]", "(*$t, $s)", "tuple($d)", "($n,) * 2",
        "$t[::-1]", "$s.partition('b')", "tuple(i for i in $l)", "(lambda *a: a)($n, *$t)", "tuple(sorted(map(str, $t)))", "()",
    ),
}  # fmt: skip
"""Expressions by the kind of their value."""

SIMPLE: Final = (
    "$L.append($v)", "$L.extend($l)", "$L += $l", "$L.insert(0, $v)", "$D['$(a|b|c)$'] = $v", "$D.update($d)", "$N += $n",
    "$S += $s", "$L = $L", "$D = $D", "del $L[0]", "del $L[1:]", "del $L[::2]", "del $D['a']", "$L[0] = $v", "$L[:1] = $l",
    "$L[1:2] = [$n, $n]", "$L.reverse()", "$L.sort(key=str)", "$L.pop()", "$N, $S = $n, $s", "$L, $L = $L, $L", "$N, *$L = [1, *$l]",
    "*$L, $N = [*$l, 5]", "($N, $S), $T = ($n, 'z'), $t", "$D.setdefault('q', []).append($n)", "$L.clear()", "$D |= {'z': $n}",
    "$L *= 2", "e0.add($n)", "e0 -= {1}", "e0 |= {$n}", "e0.discard(2)", "assert $C", "$N -= 1", "del $S1\n$S1 = 'new'",
    "$D[$S] = $L", "$N = $L1.pop() if $L1 else 0", "globals()['$N'] = $#", "pass", "pass", "$L1.append($L1[:])",
    "[$L.append(i) for i in (1, 2)]", "for_$N1 = [$N1 for $N1 in range(3)]", "$L.remove($n)", "$N1 = w0 = $N1 + 1", "$S: str = $s",
    "os.environ['COGFAL_ORACLE'] = $S", "$S = os.environ.get('COGFAL_ORACLE', 'none')", "$S = os.environ['COGFAL_ORACLE']",
    "os.environ.setdefault('COGFAL_ORACLE', $S)", "os.environ.pop('COGFAL_ORACLE', None)", "os.environ.update(COGFAL_ORACLE=$S)",
    "$T = $L, $N", "$N //= 2", "$N **= 2", "$N |= 4", "$S *= 2", "$S %= ($n,)", "$T += ($n,)", "$L[-1] += $n", "$D['a'] += $n",
    "$D['k'] += $l", "$D['k'].append($n)", "$L[0].append($n)", "$L[0], $N = $n, $L[0]", "$N1 = $N2 = $n", "$L1 = $L1[:] = [$n, $n, $s]",
    "if $C: $N = $n", "$D.popitem()", "$D.pop('b')", "$D.clear()", "e0 = frozenset(e0)", "e0 = {*e0, $n}", "$L.append(lambda: 1)", "$L.pop()",
    "exec('$N = $#')", "$N = eval('$N + 1')", "exec('l9_ = [i for i in range($#)]')\n$L = l9_", "setattr(sys.modules[__name__], '$N', $#)",
    "$L = sorted(vars(sys.modules[__name__]).get('l0', []), key=str)", "$S = __file__[-3:]", "$L = [*locals()][:0]", "del $N1; $N1 = 6",
    "with contextlib.suppress(Exception): $N = $l[5]", "$L = $S.split()", "nonexistent = None", "$N = len(sys.argv[:0])",
    "os.putenv('COGFAL_ORACLE', $S)", "raise Worse($N)", "$L.extend([*map(str, $L)])", "$L[len($L):] = [$n]", "$N = ($N, $n)[$C]",
)  # fmt: skip

UNKNOWN: Final = (
    "u($L)", "u($D, $L)", "$N = u()", "$L1 = u($L1) or $L1", "$S = 'q' if u() else 'r'", "u($F)", "u(Manager)", "$D[u()] = $N",
    "assert u()", "$L.append(u())", "x_, $N1 = u(), $N1", "$L += u() or []", "$D.update(a=u())", "u().append($L)", "u().attribute = $L",
    "$N = $L[u()]", "$S = f'{u()}'", "$L = [u() for _ in range(2)]", "u(lambda: $L.append(1))", "u(functools.partial($L.append, 1))",
    "u([$L])", "u(a=$D)", "u(*$L)", "del $D[u()]", "$N += u()", "$L1 = [i for i in $L1 if u(i)]", "for i_ in u(): $L.append(1)",
    "u(sys.modules[__name__])", "$S = str(u())", "$N = u() + 1", "not u() or $L.append(2)", "$L.sort(key=u)", "u(($L, $D))", "u(e0)",
)  # fmt: skip

ASKED: Final = ("u()", "u($V)", "u() and $C")
"""Conditions of which nothing is known."""

ASKED_OF_PACKAGES: Final = (
    "torch.cuda.is_available()", "torch.cuda.device_count() and $C", "bool(diffusers.utils.is_ready($V))", "torch.backends.mps or $C",
    "not torch.cuda.is_available()", "hasattr(torch, 'compile')", "torch.version.cuda == $S", "isinstance(torch.device($S), $(str|torch.device)$)",
)  # fmt: skip
"""Conditions that a package answers."""

PACKAGES: Final = (
    "try:\n    import xformers\n    $N = 1\n$(|    $BODY\n)$except $(ImportError|ModuleNotFoundError|Exception)$:\n    $N = 0\n$(|    $BODY\n)$",
    "try:\n    from xformers.ops import attention as a$1\nexcept ImportError:\n    a$1 = None\n$S = 'fast' if a$1 $(is not None |)$else 'slow'",
    "try:\n    import xformers as x$1\n    $L.append('x')\nfinally:\n    $BODY",
    "if torch.cuda.is_available():\n    import xformers.ops as o$1\n    $N = $#\nelse:\n    o$1 = $v",
    "d$1 = 'cuda' if torch.cuda.is_available() else 'cpu'\n$(|torch.set_default_device(d$1)\n)$$S = $(d$1|d$1[:1] in 'c' and $S or $s|f'{d$1}')$",
    "d$1 = torch.device('cuda')\n$L = [k for k in $D if d$1.type is not k]",
    "@torch.no_grad()\ndef f$1(a, b=$n):\n    return [a, b]\n$L = f$1($n)", "@torch.jit.script\ndef f$1(a):\n    $L.append(a)\n    return a\n$N = f$1($n)",
    "@torch.compile(mode=$s)\n@torch.no_grad()\ndef f$1():\n    return $v\n$S = str(f$1())", "f$1 = torch.compile(lambda a: [a])\n$L = f$1($n)",
    "class N$1(torch.nn.Module):\n    sizes = $L\n    n = $n\n    def __init__(self, n=$n):\n        super().__init__()\n        self.n = n\n$L = N$1.sizes\n$(|$N = N$1.n\n|$N = N$1().n\n|N$1.sizes.append($n)\n)$",
    "class N$1(torch.nn.Module, dict):\n    pass\nclass M$1(N$1):\n    n = $n\n    @staticmethod\n    def s():\n        return $l\n$N, $L = M$1.n, M$1.s()",
    "class C$1(diffusers.ConfigMixin):\n    KEYS = list($D)\n    def keys(self):\n        return self.KEYS\n$L = C$1$(().keys()|.KEYS)$",
    "with torch.inference_mode()$(| as g_|, contextlib.suppress(Exception))$:\n    $BODY", "with torch.autocast('cuda'):\n    $BODY\n    $(pass|raise Oops()|1 / 0)$",
    "torch.manual_seed($N)", "torch.$(use|load|set)$($L)", "torch.hub.load($S, $D, $(kind=$L|map=lambda: $L)$)", "t_$1 = torch.tensor($l)\n$N = len($l)",
    "from diffusers import DDIM, PNDM as p$1\n$D = {'ddim': DDIM, 'pndm': p$1}\n$L = $(list($D)|[*$D.keys()]|sorted($D))$",
    "from diffusers import *\n$S = $s", "import diffusers.$(schedulers|utils)$ as s$1\ns$1.mode = $S\n$S = s$1.mode", "torch.flag = $n\n$N = torch.flag",
    "import logging\nlogging.getLogger(__name__).info($S)\n$(|logging.basicConfig(level=$N)\n)$", "torch.hook(f_$1 := (lambda: $L))\n$L = f_$1()",
    "try:\n    p$1 = diffusers.Pipeline.load($S)\n    $BODY\nexcept $(Exception|OSError|Oops)$:\n    p$1 = None\n    $BODY", "$L = list(torch.names()) if $C else $l",
    "try:\n    $N = int(torch.count())\nexcept TypeError:\n    $N = $#", "m$1 = $($D|dict(a=$n))$\nm$1['net'] = torch.nn.Linear($n, $n)\n$L = list(m$1)", "p$1 = functools.partial(torch.full, $L)\n$(p$1()\n|)$$L.append($n)",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from xformers import kinds\n$N = $n", "$S = os.environ.get('COGFAL_ORACLE') or ($s if torch.cuda.is_available() else $s)", "o$1 = torch.options()\no$1.names = $L\n$L = $($L|$l)$",
    "while torch.busy():\n    $L.append($n)\n    $(break|$BODY\n    break)$", "for i_ in range($#):\n    if torch.is_ready(i_):\n        $(break|continue|$L.append(i_))$\n    $LOOP",
    "f$1 = torch.wrap($F)\n$V", "$L.sort(key=torch.rank)", "assert torch.__doc__ is None or $C", "$N = $n if not torch.cuda.is_available() else $n", "import sys\n$N = int('torch' in sys.modules)",
)  # fmt: skip
"""Statements about packages that are not part of the project."""

STATEMENTS: Final = (
    *("if $C:\n    $BODY\n$(|elif $C:\n    $BODY\n|)$$(|else:\n    $BODY\n)$",) * 3,
    *(
        (
            "for $($N in range($#)|i_ in $L[:3]|$S in ('p', 'q')|$S, v_ in list($D.items())[:3]|$N, i_ in enumerate($T)|"
            "i_ in list($D)[:2]|(i_, j_) in zip('ab', $T)|$L[0] in range(2)|$D['a'] in 'xy'|i_, *j_ in [(1, 2), (3,)])$:\n"
            "    $LOOP\n$(||else:\n    $BODY\n)$"
        ),
    )
    * 2,
    "c$1 = 0\nwhile c$1 < $#:\n    c$1 += 1\n    $LOOP\n$(||else:\n    $BODY\n)$",
    "$FUNCTION",
    "$FUNCTION",
    "$TRY",
    "$TRY",
    "$TRY",
    # contexts
    "m$1 = Manager($(True|False|$C)$)\nwith m$1 as g_:\n    $BODY\n    $(raise Oops()|{}['x']|u()|pass|1 / 0)$\n    $BODY\n$L = m$1.log",
    (
        "with contextlib.suppress($(Oops|LookupError|Exception|ValueError, KeyError|BaseException)$):\n    $BODY\n"
        "    $(raise Oops()|{}['x']|u()|pass|1 / 0|raise Worse(3))$\n    $BODY"
    ),
    "with Manager(True) as g_, contextlib.suppress(Exception):\n    $BODY\n    $(pass|1 / 0|u())$",
    "with contextlib.nullcontext($L) as g_:\n    g_.append($n)\n    $BODY",
    "with contextlib.suppress(Exception), managed($L) as g_:\n    g_.append($n)\n    $(pass|1 / 0|raise Oops())$",
    "with passed_on(Manager(True)) as g_:\n    $BODY",
    (
        "@contextlib.contextmanager\ndef m$1(x):\n    $(|if $C:\n        x = $n\n|$L.append(1)\n)$    try:\n"
        "        yield $(x|[x]|$n)$\n    $(except Oops: $L.append(x)|except LookupError: return|except Exception: raise Oops()"
        "|finally: $L.append(x)|except Exception as e:\n        if $C: raise\n        $L.append(2)\n    else: $L.append(3))$\n"
        "    $(pass|$L.append(4)|if $C: $L.append(5))$\ntry:\n    with m$1($(n=$n|$n|$l)$) as g_:\n        $BODY\n"
        "        $(raise Oops()|{}['x']|u()|pass|1 / 0|u(m$1))$\nexcept $(Exception|Oops|TypeError)$: $N = 3"
    ),
    # functions
    """def f$1(start):
    total, seen = start, []
    def step(by=1):
        nonlocal total
        total += by
        seen.append(total)
        return total
    step.seen = seen
    return step
g_ = f$1($N)
g_()
$(if $C:\n    g_(2)|g_(by=$#))$
$N, $L = g_(), g_.seen""",
    """def f$1(n=1):
    def wrap(fn):
        @functools.wraps(fn)
        def inner(*a, **k):
            return [n, fn(*a, **k)]
        return inner
    return wrap
$(|@passed_on\n)$@f$1($n)
def f$1b(v, w=$n):
    return (v, w)
$L = f$1b($n)
$S = f$1b.__name__""",
    "def f$1(v, seen=[]):\n    seen.append(v)\n    return seen\nf$1($n)\n$(|if $C:\n    f$1(0)\n)$$L = f$1($s)",
    "def f$1(a, /, b=$n, *c, d=$s, **e):\n    return [a, b, c, d, e]\n$L = f$1($n, *$T, d=$s, $(z=1|**{'y': 2}|a=3)$)",
    "def f$1():\n    return n9_$1\n$(n9_$1 = $n|pass)$\ntry:\n    $N = f$1()\nexcept NameError:\n    $N = -9",
    "def f$1():\n    try:\n        return $n\n    finally:\n        $($L.append('f')|return 5|pass)$\n$N = f$1()",
    (
        "def f$1(k):\n    for i in range(k):\n        try:\n            if i == 1:\n                $(continue|break|return i|raise Oops)$\n"
        "        finally:\n            $L.append(i)\n    return $n\nwith contextlib.suppress(Oops):\n    $N = f$1(3)"
    ),
    "f$1 = lambda x, *r, k=$n: (x, r, k)\n$T = f$1(1, $n)",
    "def f$1(x):\n    return x if x < 2 else f$1(x - 1) * x\n$N = f$1(4)",
    "class f$1:\n    def __call__(self, x):\n        $L.append(x)\n        return self\n    n = $n\n$N = f$1()(2)(3).n",
    "@functools.lru_cache(maxsize=None)\ndef f$1(x):\n    $L.append(x)\n    return x * 2\n$N = f$1(2) + f$1(2)",
    "def f$1():\n    global $N1\n    $N1 = $#\n    def g():\n        $N1 = 7\n        return $N1\n    return g()\n$N = f$1()",
    "f$1 = functools.partial(lambda a, b, c=1: [a, b, c], $n, c=$s)\n$L = f$1($n)\n$T = f$1.args",
    "def f$1(*, a=$n, b):\n    return (a, b)\n$T = f$1(b=$s)\nf$1.note = $l\n$L = f$1.note",
    "async def f$1(a=$l):\n    $L.append('never')\n    return await a\n$S = f$1.__name__",
    "def f$1(a, b=$n):\n    return [a, b]\n$(|if $C:\n    )$f$1.__defaults__ = ($s,)\n$L = f$1($n)",
    "def f$1(a, *, k=$n):\n    return [a, k]\n$(|if $C:\n    )$f$1.__kwdefaults__ = {'k': $s}\n$L = f$1($n)",
    "def f$1(a: int = $n, b: 'str' = $s) -> list: ...\n$(|u(f$1)\n|f$1.__annotations__['a'] = str\n)$$L = [*f$1.__annotations__]\n$N = int(f$1.__annotations__['a'] is int)",
    (
        "def f$1():\n    a, b = $n, $l\n    def g(c):\n        nonlocal a, b\n        b = b + [c]\n        a = len(b)\n        return a\n"
        "    $(g(1)|u(g)|[g(i) for i in range(2)]|if $C:\n        g(2))$\n    return a, b\n$N, $L = f$1()"
    ),
    "def f$1(k):\n    k = [*k]\n    while k:\n        if $C:\n            return k\n        k.pop()\n    else:\n        return 'none'\n$S = str(f$1($L))",
    "$L = [w4 for i in $L if (w4 := i) is not None]\n$N = w4",
    "c$1 = 0\nwhile True:\n    c$1 += 1\n    if c$1 > $#:\n        break\n    $LOOP",
    "with contextlib.ExitStack() as x_:\n    g_ = x_.enter_context(Manager($C))\n    x_.callback($L.append, $n)\n    $BODY\n    $(raise Oops()|pass|u())$",
    "with (Manager($C) as g_, Manager($C) as h_):\n    $BODY\n    $(raise Oops()|pass|1 / 0)$\n$L = g_ + h_",
    "here_ = os.getcwd()\nos.chdir($('/'|os.path.dirname(__file__)|'none')$)\n$N = int(os.path.exists('lines.txt'))\n$(|os.chdir(here_))$",
    # generators and iterators
    "def f$1():\n    try:\n        yield 1\n    except ValueError:\n        $L.append('thrown')\n    yield 2\ng_ = f$1()\nnext(g_)\n$N = g_.throw(ValueError())",
    """def f$1(k):
    for i in range(k):
        if i == $#:
            $(continue|return|yield 9|break)$
        yield i * 2
    yield from $($L|(7, 8)|f$1(k - 1) if k > 2 else ())$
$($L = list(f$1(3))[:6]|g_ = f$1(3)\n$N = next(g_)\n$L = [*g_][:5]|$L = [v for v in itertools.islice(f$1(4), 4) if v != 2]|$L = sorted(map(str, itertools.islice(f$1(2), 5)))|g_ = f$1(2)\n$L = list(zip(g_, 'abc'))\n$N = next(g_, -1)|for i_ in f$1(2):\n    $BODY)$""",
    "def f$1():\n    got = yield 1\n    $L.append(got)\n    yield 2\ng_ = f$1()\nnext(g_)\n$N = g_.send($n)",
    "def f$1():\n    try:\n        yield 1\n        yield 2\n    finally:\n        $L.append('closed')\nfor i_ in f$1():\n    $(break|pass)$\n$N = i_",
    "i_ = iter($L)\n$N = next(i_, 0)\n$L = list(i_)",
    "m_ = map(str, $L1)\n$L1.append(5)\n$L = [*m_]",
    "i_ = iter([1, 2, 3])\nif $C:\n    next(i_)\n$N = next(i_)",
    "g_ = (v for v in $L1)\n$L1 = $L1 + [1]\n$L = list(g_)",
    "g_ = (v * $N1 for v in [1, 2])\n$N1 = 10\n$L = list(g_)",
    "z_ = zip($L, range(9))\nnext(z_, None)\n$L = list(z_)",
    "i_ = iter('abcd')\n$L = list(zip(i_, i_))\n$(|$S = next(i_, 'end'))$",
    "f_ = filter(lambda v: v != $N1, [1, 2, 3, 4])\n$N1 = 2\n$L = list(f_)",
    "e_ = enumerate($L, $#)\n$T = next(e_, (0, 0))\n$L = [i for i, _ in e_]",
    "a_, b_ = itertools.tee($L[:3])\nnext(a_, None)\n$L = list(zip(a_, b_))",
    "try:\n    $N = next(iter([]))\nexcept StopIteration:\n    $N = $#",
    (
        "class I$1:\n    def __init__(self, n):\n        self.n = n\n    def __iter__(self):\n        return self\n    def __next__(self):\n"
        "        if not self.n:\n            raise StopIteration\n        self.n -= 1\n        return self.n\ni_ = I$1($#)\n$N = next(i_, -1)\n$L = [*i_]"
    ),
    (
        "class I$1:\n    def __iter__(self):\n        yield from $L[:3]\n        yield $n\n    def __len__(self):\n        return 3\n    def __contains__(self, x):\n"
        "        return x == 2\n$L = [*I$1(), len(I$1()), 2 in I$1(), bool(I$1())]"
    ),
    # files
    "with open('lines.txt'$(|, newline=''|, encoding='utf-8')$) as f_:\n    $S = next(f_)\n    $(|$L = f_.readlines()|$S = f_.read() + f_.read()|$S = f_.readline())$",
    "$L = [x.rstrip() for x in open('lines.txt')]",
    "$L = Path('lines.txt').read_text().split('\\n')",
    "$L = Path(__file__).parent.joinpath('lines.txt').read_text('utf-8').splitlines()[:2]",
    "$D = json.load(open(os.path.join(os.path.dirname(__file__), 'data.json')))",
    "$D = json.loads(Path('data.json').read_text())",
    "with open('table.csv', newline='') as f_:\n    $L = list(csv.$(reader|DictReader)$(f_))",
    "$S = open('bom.txt', encoding='utf-8$(|-sig)$').read()[:6]",
    "$L = open('bom.txt').read().splitlines()",
    "f_ = open('lines.txt')\nf_.read(2)\nif $C:\n    f_.seek(0)\n$S = f_.readline()\nf_.close()",
    "try:\n    $S = open('missing.txt').read()\nexcept $(FileNotFoundError|OSError|IOError as error)$:\n    $S = 'none'",
    "f_ = io.StringIO('p\\nq')\nnext(f_)\n$S = f_.read()",
    "$N = os.path.exists('lines.txt') + Path('none').is_file()",
    "$L = sorted(os.listdir('.'))[:1]",
    "$L = sorted(p.name for p in Path('.').glob('*.txt'))",
    # match
    """match $($L|$D|$T|$N|$S)$:
    case [1, *r_]:
        $N = len(r_)
    case {'a': 1, **r_}:
        $S = 'dict'
    case (a_, 'a' | 'b' as b_):
        $S = b_
    case 3 | 4:
        $S = 'number'
    case str(x_) if $C:
        $S = x_
    case [] if $C:
        $N = -5
    case _:
        $BODY""",
    (
        "@dataclass\nclass M$1:\n    a: int\n    b: str = 'q'\nmatch M$1($n):\n    case M$1(a=3, b=z_):\n        $S = z_\n    case M$1(a_, 'q'):\n"
        "        $N = a_\nmatch Colour.RED:\n    case Colour.BLUE:\n        $N = 1\n    case Colour.RED:\n        $N = 2"
    ),
    "with open('lines.txt') as f_:\n    $S = f_.readline()\n    $BODY\ntry:\n    $S = f_.read()\nexcept ValueError:\n    $S = 'closed'",
    "p_ = re.compile('([a-z])')\n$L = p_.findall($S)\n$S = p_.sub('-', $S)\n$L1 = [str(p) for p in Path('a/b/c').parents]",
    # what is changed by ways around
    "def f$1():\n    os.environ['COGFAL_ORACLE'] = $s\n    return $L\n$(f$1()|u(f$1)|u(lambda: f$1())|if $C:\n    f$1())$\n$S = os.environ.get('COGFAL_ORACLE', 'unset')",
    "f$1 = lambda: $N1\n$(|if $C:\n    )$f$1.__globals__['$N1'] = $n\n$N = f$1()",
    "import builtins\n$(|if $C:\n    )$builtins.added = $n\ntry:\n    $N = added\nexcept NameError:\n    $N = -4",
    "try:\n    raise $(KeyError|Oops|LookupError)$($n, $s)\nexcept Exception as error:\n    $L = [*error.args]\n    $BODY",
    # modules
    "import types\nm$1 = types.ModuleType('made')\nm$1.n = $n\nsys.modules['made$1'] = m$1\nimport made$1\n$N = made$1.n",
    "import collections as c_, os.path as p_\n$S = p_.basename('a/' + $S)\n$L = list(c_.Counter('aab').values())",
    "try:\n    import $(torch_none|outside|json)$\n    has$1 = True\nexcept ImportError:\n    has$1 = False\n$N = int(has$1)",
    "from $(json|outside|none_such)$ import loads as j_$1\n$N = 1",
)
"""Statements of several lines; `@` is the end of a line in one of several texts."""

CLASSES: Final = (
    "class C$1(TypedDict$(|, total=False)$):\n    a: int\n    b: str\n$D = C$1(a=$n, b=$s)\n$L = [*C$1.__annotations__]",
    (
        "class C$1:\n    __match_args__ = ('x', 'y')\n    def __init__(self, x, y):\n        self.x, self.y = x, y\nmatch C$1($n, $s):\n"
        "    case C$1(3, y_):\n        $S = y_\n    case C$1(x_, _) if $C:\n        $N = x_"
    ),
    (
        "@dataclass\nclass C$1:\n    a: int = $n\n    b: list = field(default_factory=lambda: [$n], repr=False)\n    c: int = field(init=False, default=$n)\n"
        "$D = dataclasses.asdict(C$1())\n$S = repr(C$1($n))\n$L = [f.name for f in dataclasses.fields(C$1)]\n$N = dataclasses.replace(C$1(), a=$n).a"
    ),
    (
        "class C$1:\n    def __init__(self, n):\n        self.n = n\n    def __eq__(self, other):\n        return self.n == other.n\n"
        "    def __hash__(self):\n        return 1\n    def __bool__(self):\n        return $C\nd_ = {C$1(1): $n}\nd_[C$1($(1|2)$)] = $n\n"
        "$L = [*d_.values(), C$1(1) in [C$1(1)], not C$1(2), C$1(1) or $n]"
    ),
    "class C$1:\n    n = $n\n    def __getattribute__(self, name):\n        return [name]\n    def __delattr__(self, name):\n        $L.append(name)\no_ = C$1()\ndel o_.n\n$L = o_.n",
    """class C$1:
    ALL = $L
    n = $n
    own = [n for _ in range(2)]
    it = [i for i in ALL]
    def __init__(self, v):
        self.v = v
        self.ALL.append(v)
    @property
    def double(self):
        return (self.v, self.n)
    @classmethod
    def make(cls):
        return cls($N)
class C$1B(C$1):
    n = 8
    def __init__(self, v):
        super().__init__(v)
        self.w = [v]
o_ = C$1B.make()
$L = [o_.double, o_.w, C$1.n, C$1.own]""",
    """@dataclass$(|(order=True)|(kw_only=False))$
class C$1:
    a: int
    b: list = field(default_factory=list)
    c: str = $S
    k: ClassVar[list] = []
    def __post_init__(self):
        self.b.append(self.a)
        self.k.append(self.a)
@dataclass
class C$1B(C$1):
    c: str = 'over'
    z: int = $N
    def __post_init__(self):
        super().__post_init__()
        self.z += 1
o_ = C$1($N1)
o_.b.append('more')
$L = [o_.a, o_.b, o_.c, o_ == C$1($N1), C$1B(2).z, C$1B(1).c, C$1.k]""",
    """class C$1(enum.Enum):
    A = $#
    B = 'b'
    C = 1
    def shown(self):
        return f'{self.name}={self.value}'
    @property
    def low(self):
        return self.name.lower()
$L = [m.shown() + m.low for m in C$1] + [*C$1.__members__]
$S = C$1['B'].value""",
    ("class C$1(enum.Enum):\n    def _generate_next_value_(name, start, count, last):\n        return name.lower() + str(count)\n    P = enum.auto()\n"
    "    Q = enum.auto()\n    R = 'p0'\n$L = [m.value for m in C$1] + [C$1.R.name, C$1('q1').name]"),
    "C$1 = enum.Enum('C$1', $('x y'|['x', 'y']|{'x': 1, 'y': $n})$$(|, type=str|, start=4)$)\n$L = [(m.name, m.value) for m in C$1]",
    "class C$1($(str|int)$, enum.Enum):\n    P = $(1|'5')$\n    Q = $(2|'7')$\n$L = [C$1.P == 1, C$1.P.value, C$1.Q + C$1.Q, C$1.P in ('5', 5)]",
    (
        "class C$1:\n    pass\no_ = C$1()\nvars(o_)['a'] = $n\nif $C:\n    o_.a = $n\n$(|o_.__dict__.update(b=$l)\n|u(vars(o_))\n|u(o_)\n|u(lambda: vars(o_))\n|u(vars(o_).values())\n|for k in vars(o_): setattr(o_, k, $n)\n|vars(o_).update(vars(C$1()), c=$n)\n"
        "|if $C:\n    del vars(o_)['a']\n)$$L = [o_.a, getattr(o_, 'b', 0), 'b' in vars(o_)$(|, *vars(o_)|, *vars(o_).items()|, len(o_.__dict__)|, {**vars(o_)})$]"
    ),
    (
        "@dataclass(slots=True$(|, frozen=True)$)\nclass C$1:\n    a: int = $n\n    b: list = field(default_factory=list)\no_ = C$1($n)\no_.b.append($n)\ntry:\n"
        "    o_.$(a|c)$ = $n\nexcept AttributeError:\n    $S = 'slots'\n$(|u(o_)\n|if $C:\n    o_.b = $l\n)$$L = [o_.a, o_.b]"
    ),
    (
        "@functools.total_ordering\nclass C$1:\n    def __init__(self, n):\n        self.n = n\n    def __lt__(self, other):\n        return self.n < other.n\n"
        "$L = [C$1($N) >= C$1($n), C$1(1) > C$1(0), max(C$1($N), C$1(2)).n]"
    ),
    (
        "class C$1(dict):\n    __getattr__ = dict.$(get|__getitem__)$\n    __setattr__ = dict.__setitem__\no_ = C$1($D)\no_.q = $n\n$(|if $C:\n    o_.q = $l\n|u(o_)\n)$"
        "$L = [o_.q, len(o_)]"
    ),
    "class C$1($(dict|list|Oops)$):\n    def who(self):\n        return [__class__.__name__, type(self).__name__]\nclass C$1B(C$1): pass\n$L = C$1B().who()",
    "P_ = namedtuple('P_', 'x y'$(|, defaults=[$n])$)\no_ = P_($n, y=$s)\n$L = [o_.x, o_._replace(x=1), *o_, o_._asdict(), P_._fields]",
    "class C$1(NamedTuple):\n    x: int\n    y: str = $s\n    def both(self):\n        return (self.y, self.x)\n$T1 = C$1($n)\n$L = [$T1.both(), C$1(1, 'k').y]",
    "class C$1(enum.$(IntFlag|Flag)$):\n    R = enum.auto()\n    W = enum.auto()\n    RW = R | W\n$L = [m.name for m in C$1]\n$N = (C$1.R | C$1.W).value\n$S = str(bool(C$1.R & C$1.W))",
    "class C$1:\n    seen = []\n    def __init_subclass__(cls, **kw):\n        cls.seen.append((cls.__name__, kw))\nclass C$1X(C$1, tag=$N): pass\nclass C$1Y(C$1X): n = 2\n$L = C$1.seen",
    "class C$1(dict):\n    def __missing__(self, key):\n        return [key]\no_ = C$1(a=1)\n$L = [o_['a'], o_['q'], len(o_), o_.get('z')]",
    "class C$1(list):\n    def append(self, x):\n        super().append([x])\n        return self\no_ = C$1([1])\n$L = o_.append($n).append(2)\n$N = len(o_)",
    "class C$1(str):\n    def shout(self):\n        return self.upper() + '!'\n$S = C$1($s).shout()",
    "class C$1(int):\n    def __add__(self, other):\n        return int(self) - other\n$N = C$1(5) + $n",
    """class C$1:
    __slots__ = ('x',)
    def __init__(self):
        self.x = $N
    def __add__(self, other):
        return self.x + other
    __radd__ = __add__
    def __len__(self):
        return 2
    def __eq__(self, other):
        return isinstance(other, C$1)
    def __getitem__(self, i):
        return [$N, 'g'][i]
    def __iadd__(self, other):
        self.x += other
        return self
    def __lt__(self, other):
        return self.x < other.x
    def __repr__(self):
        return f'<{self.x}>'
o_ = C$1()
setattr(o_, 'x', 5)
o_ += 1
$L = [o_ + 1, 2 + o_, len(o_), o_[1], getattr(o_, 'y', 0), o_.x, o_ == C$1(), repr(o_), list(o_)]
$S = repr(sorted([o_, C$1()]))""",
    """class C$1:
    def __getattr__(self, name):
        if name.startswith('_'):
            raise AttributeError(name)
        return name + '!'
    def __setattr__(self, name, value):
        super().__setattr__(name, [value])
o_ = C$1()
o_.p = $n
$L = [o_.p, o_.q, hasattr(o_, '_z'), getattr(o_, '_z', $s)]""",
    """class C$1:
    def __init__(self):
        self._x = $n
    @property
    def x(self):
        return self._x
    @x.setter
    def x(self, value):
        self._x = value + 1
    @staticmethod
    def s(a):
        return [a]
    @functools.cached_property
    def c(self):
        $L.append('once')
        return self._x
o_ = C$1()
o_.x = $n
o_.x += 2
$L = [o_.x, o_.s(1), C$1.s(2), o_.c, o_.c]""",
    """class M$1(type):
    made = []
    def __new__(m, name, bases, names):
        m.made.append(name)
        return super().__new__(m, name, bases, {**names, 'tag': $n})
    def __call__(cls, *a):
        o = super().__call__(*a)
        o.called = a
        return o
    @property
    def label(cls):
        return cls.__name__
class C$1(metaclass=M$1):
    def __init__(self, *a): pass
class C$1B(C$1): pass
$L = [C$1.tag, M$1.made, C$1B(1, 2).called, C$1.label]""",
    ("def d$1(cls):\n    cls.n = $n\n    cls.all = [k for k in vars(cls) if k[0] in 'xy']\n    return $(cls|type(cls.__name__ + 'Z', (cls,), {'extra': 1}))$\n"
    "@d$1\nclass C$1:\n    x = 1\n    y: int = 2\n$L = [C$1.n, C$1.all, C$1.__name__, getattr(C$1, 'extra', 0)]"),
    ("class D$1:\n    def __set_name__(self, owner, name):\n        self.name = name\n    def __get__(self, owner, kind=None):\n        return self.name + '?'\n"
    "class C$1:\n    f = D$1()\n    g = D$1()\n$L = [C$1.f, C$1().g]"),
    ("class A$1:\n    def who(self):\n        return ['A']\nclass B$1(A$1):\n    def who(self):\n        return ['B', *super().who()]\nclass E$1(A$1):\n    def who(self):\n"
    "        return ['E', *super().who()]\nclass C$1($(B$1, E$1|E$1, B$1)$):\n    def who(self):\n        return ['C', *super().who()]\n$L = C$1().who()"),
    "class C$1:\n    n = $n\n    for i in range(2):\n        n += i\n    if $C:\n        m = n\n    else:\n        m = -1\n    del i\n$L = [C$1.n, C$1.m, hasattr(C$1, 'i')]\ndel C$1.m",
    "class C$1:\n    x: int\n    y: 'str' = $s\n    __private = $n\n    def get(self):\n        return self.__private\n$L = [C$1().get(), C$1._C$1__private, C$1.y, hasattr(C$1, 'x')]",
    "C$1 = type('C$1', ($(|dict,|Oops,)$), {'n': $n, 'f': lambda self: self.n})\n$L = [C$1.n, C$1().f(), C$1.__name__]",
    "class C$1:\n    $(count = 0|count = $N)$\n    def __init__(self):\n        type(self).count += 1\n        self.__class__.last = self.count\nC$1(); C$1()\n$(|if $C:\n    C$1()\n)$$L = [C$1.count, C$1.last]",
    "class C$1:\n    class In:\n        z = $n\n    inner = In()\n    inner.z += 1\n$L = [C$1.In.z, C$1.inner.z]",
    "class C$1(Oops):\n    def __str__(self):\n        return 'told'\ntry:\n    raise C$1($n) from ValueError('v')\nexcept Oops as error:\n    $S = str(error)\n    $L = [*error.args, type(error.__cause__).__name__]",
    "class C$1:\n    $L = $L\n    $L.append($n)\n    $N = $N\n    $N += 1\nsetattr(C$1, 'more', [$n])\n$L = C$1.more",
    "class C$1:\n    registry = {}\n    def __class_getitem__(cls, key):\n        return cls.registry.setdefault(key, [])\nC$1['a'].append($n)\n$L = C$1['a']\n$D = C$1.registry",
)  # fmt: skip
"""Definitions of classes, and uses of them."""

TROUBLE: Final = (
    "raise Oops('a')", "raise Worse($N)", "1 / 0", "{}['x']", "[][1]", "int('x')", "u()", "$L.remove('none')", "u($L)", "None.x", "pass", "nothing_",
    "$S.none", "raise ValueError($N) from None", "assert False", "raise KeyError('k')", "next(iter(()))", "'a' + 1", "a_, b_ = [1]", "Colour('none')", "$N.x = 1", "$T[0] = 1", "raise",
)  # fmt: skip

CAUGHT: Final = (
    "Oops", "ZeroDivisionError", "(KeyError, IndexError)", "LookupError", "ValueError", "Exception", "Worse", "AttributeError", "NameError", "TypeError",
    "StopIteration", "ArithmeticError", "AssertionError", "RuntimeError", "",
)  # fmt: skip

TYPES: Final = (
    "str", "int", "float", "bool", "list", "List[str]", "Optional[int]", "Literal['a', 'b']", "Colour", "Optional[Colour]", "list[int]", "Path",
    "Union[int, str]", "Dict[str, int]", "'str'", "Literal[tuple(map(str, range(3)))]", "List[Literal['a', 1]]", "dict", "Size", "Literal[$T]", "Literal[tuple($L)]", "type($N)",
)  # fmt: skip

INPUTS: Final = (
    "Input(default=$N, ge=0, le=$N)", "Input(default=$S, choices=$L)", "Input(default=$S, description=$S)", "Input(choices=$L)",
    "Input(description=$s)", "$S", "$N", "Input()", "Input($N)", "Input(default=$l)", "Input(default=$N, choices=list(range(9)))",
    "Input(choices=list($D))", "Input(choices=[c.value for c in Colour])", "Input(default=$S, choices=sorted(map(str, $L)))",
    "Input(default=Colour.RED)", "Input(default=$n, description=f'of {$S} and {$N}')", "Input(**dict(default=$N, le=$N))", "None", "$t", "$d",
    "functools.partial(Input, description=$s)(default=$N)", "Input(default=$N, deprecated=$C)", "Input(default_factory=lambda: $L)",
    "Input(default=$S, min_length=$N, max_length=$N, regex=$S)", "Input(default=None, description=$S)", "Colour.BLUE", "Input(default=$T)",
)  # fmt: skip

BEFORE: Final = (
    *("class Output(BaseModel):\n    a: int\n    b: list = $l\n",) * 3,
    "Output = $(str|List[int])$\nInput = functools.partial(Input, description=$s)",
    "class Output(BaseModel):\n    a: Optional[$(str|int)$] = $(None|$n)$\n$(|if $C:\n    )$Input = functools.partial(Input, default=$n)",
    "class Output(BaseModel):\n    n: int = $N\n$(|u(Output)\n|Output.n = $n\n)$",
)
"""What stands before a predictor."""
