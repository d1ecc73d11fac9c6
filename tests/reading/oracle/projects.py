"""Generate projects of several modules, whose imports have effects."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

from tests.reading.oracle import templates
from tests.reading.oracle.programs import Writer, headed, indented, predictor, statements

REGISTRY: Final = """\
seen = []
table = {}
settings = {"depth": 1}


def register(fn):
    table[fn.__name__] = fn
    return fn
"""

MODULES: Final = {
    "first": "first.py", "second": "second.py", "pkg.inner": "pkg/inner.py", "pkg.deep.low": "pkg/deep/low.py",
    "pkg.deep": "pkg/deep/__init__.py", "pkg": "pkg/__init__.py", "aside": "lib/aside.py",
}  # fmt: skip
"""The modules of a project, each of which imports those below it as a rule, and their files."""

IMPORTS: Final = (
    "import %m", "import %m as m$1\n$L = m$1.l0", "from %m import n0, l1", "from %m import *", "from %m import d0 as d1",
    "import %m as m$1\nm$1.n1 = $N", "import importlib\nm$1 = importlib.import_module('%m')\n$N = m$1.n0",
    "import %m as m$1\nm$1.l0.append('more')", "from %m import nothing_", "import %m as m$1\n$N = m$1.nothing_",
    "import %m as m$1\n$L = getattr(m$1, 'l1', [])", "import %m\n$S = %m.s0", "import %m as m$1\ndel m$1.n0",
    "import sys, %m as m$1\n$N = sys.modules['%m'].n0", "import sys\n$N = int('%m' in sys.modules)", "__import__('%m')",
    "def late$1():\n    from %m import l0 as found\n    return found\n$L = late$1()", "import %m as m$1\n$S = m$1.__name__",
    "class C$1:\n    from %m import l0, n1 as k\n$L = C$1.l0",
    "def late$1():\n    import %m as m$1\n    m$1.l0.append('late')\n$(u(late$1)|late$1()|u(lambda: late$1())|if $C:\n    late$1())$\nfrom %m import l0 as l1",
    "def late$1():\n    from %m import l0\n    l0.append('late')\n$(u(late$1)|u([late$1])|late$1())$\nimport %m as m$1\n$L = m$1.l0",
)  # fmt: skip
"""`%m` is the module."""

RELATIVE: Final = (
    "from . import inner\n$L = inner.l0", "from .inner import n0, l1", "from .deep.low import s0 as s1", "from .deep import low",
    "from . import deep as m$1\n$N = m$1.n1", "from .deep import *", "try:\n    from .. import nothing_\nexcept ImportError:\n    $S = 'none'",
)  # fmt: skip
"""What a package's `__init__` imports of itself."""

EFFECTS: Final = (
    "registry.settings['depth'] += $#", "registry.settings[__name__] = $n", "@registry.register\ndef r$1(): pass",
    "os.environ['COGFAL_ORACLE'] = $S", "os.environ.setdefault('COGFAL_ORACLE', $S)", "registry.seen.extend($L)",
    "registry.seen = registry.seen[:]", "if $C:\n    registry.seen.append('perhaps')", "__all__ = ['n0', 'l0']",
    "__all__ = ['n1'] + (['l1'] if $C else [])", "def __getattr__(name):\n    return [name]", "registry.table.pop(next(iter(registry.table), ''), None)",
    "import builtins\nbuiltins.added = $n", "_hidden = $n", "from registry import seen as l0", "registry.seen.sort()",
    "os.environ.update({'COGFAL_ORACLE': str($N)})", "registry.n9 = $n",
)  # fmt: skip


def _imported(writer: Writer, name: str) -> str:
    template = writer.random.choice(IMPORTS).replace("%m", name)
    plain = writer.whole(template)
    risky = "nothing_" in plain or "del " in plain or name == "second"
    if "*" in plain or (not risky and writer.chance(0.5)):
        return plain
    inner = indented(plain)
    return writer.filled(writer.random.choice((
        f"try:\n{inner}except ImportError:\n    $S = 'missing'\n", f"if $C:\n{inner}",
        f"try:\n{inner}    u()\nexcept Exception:\n    $S = 'gone'\n", f"try:\n{inner}except (ImportError, AttributeError):\n    pass\n",
    )))  # fmt: skip


def _module(writer: Writer, name: str) -> str:
    names = list(MODULES)
    below = [each for each in names[names.index(name) + 1 :] if each != "aside"]
    chosen = [each for each in below if writer.chance(0.3)]
    if writer.chance(0.08):
        chosen.append(writer.random.choice(names[:-1]))  # perhaps a cycle
    imports = "".join(_imported(writer, each) for each in chosen)
    if name == "pkg" and writer.chance(0.5):
        imports += writer.whole(writer.random.choice(RELATIVE))
    random = writer.random
    effects = "".join(
        writer.whole(random.choice(EFFECTS)) for _ in range(random.choice((0, 0, 1, 1, 2)))
    )
    if name == "second" and writer.chance(0.3):
        effects += writer.whole("$(if $C:\n    |)$raise ImportError('none')")
    text = headed(imports + statements(writer, random.randint(0, 2)) + effects)
    return f"import registry\nregistry.seen.append(__name__)\n{text}"


def modules(random: Random) -> dict[str, str]:
    """Return a project of several modules, whose imports have effects."""
    unknown = random.choice((0.0, 0.0, 0.05, 0.12))
    files = {path: _module(Writer(random, unknown), name) for name, path in MODULES.items()}
    writer = Writer(random, unknown)
    order = random.sample(list(MODULES)[:-1], random.randint(1, 4))
    imports = "".join(_imported(writer, name) for name in order)
    if writer.chance(0.2):
        path = writer.random.choice(("'lib'", "os.path.join(os.path.dirname(__file__), 'lib')",
                                     "str(Path(__file__).parent / 'lib')", "os.path.abspath('lib')"))  # fmt: skip
        imports += f"sys.path.{writer.random.choice(('append(', 'insert(0, '))}{path})\n{_imported(writer, 'aside')}"
    text = imports + statements(writer, random.randint(1, 3))
    text += (
        "seen, table, settings = registry.seen, list(registry.table), registry.settings\n"
        "variable = os.environ.get('COGFAL_ORACLE', 'none')\n"
    )
    if writer.chance(0.2):
        text += predictor(writer)
    return _project(files, text)


def packages(random: Random) -> dict[str, str]:
    """Return a project of a few modules that uses packages, and ends in a predictor."""
    names = random.sample(("first", "second", "pkg"), random.choice((0, 1, 1, 2)))

    def writer() -> Writer:
        return Writer(random, 0.08, random.choice((0.1, 0.3, 0.5)))

    files = {MODULES[name]: _module(writer(), name) for name in MODULES if name in names}
    own = writer()
    imports = "".join(_imported(own, name) for name in names)
    text = imports + statements(own, random.randint(2, 5)) + predictor(own)
    return _project(files, text)


def _project(files: Mapping[str, str], text: str) -> dict[str, str]:
    """Return a project of modules, what they read, and the text of `predict.py`."""
    return {
        **templates.FILES, "registry.py": REGISTRY, **files,
        "predict.py": "import registry\n" + headed(text),
    }  # fmt: skip
