"""Generate programs that use what predictors' modules use, in every combination."""

from __future__ import annotations

import re
from random import Random
from typing import Final

from tests.reading.oracle import templates

KINDS: Final = "nsldt"
DEPTH: Final = 3
"""How deep expressions, and statements, are nested."""

_CHOICE: Final = re.compile(r"\$\(((?:(?!\$\().)*?)\)\$", re.DOTALL)
_PLACE: Final = re.compile(r"\$(\d|[nsldtvVCF#]|[NSLDT]\d?)")
_BODY: Final = re.compile(r"( *)\$(BODY|LOOP|FUNCTION|TRY)")
_INSIDE_LOOP: Final = re.compile(r"\b(break|continue)\b")


class Writer:
    """Writes one program; the same for the same random numbers.

    `packages` says how often a statement is about a package, which answers questions, too.
    """

    def __init__(self, random: Random, unknown: float, packages: float = 0.0) -> None:
        self.random, self.unknown, self.packages = random, unknown, packages
        self.names: dict[str, list[str]] = {
            "n": ["n0", "n1"], "s": ["s0", "s1"], "l": ["l0", "l1"], "d": ["d0", "d1"], "t": ["t0"],
        }  # fmt: skip
        self.functions: list[str] = []
        self.count = self.loops = self.inside = 0

    def chance(self, of: float) -> bool:
        """Return whether something happens."""
        return self.random.random() < of

    def name(self, kind: str) -> str:
        """Return the name of a variable of a kind."""
        return self.random.choice(self.names[kind])

    # Expressions

    def condition(self, depth: int = 0) -> str:
        """Return a condition, known or not."""
        if self.chance(self.unknown):
            asked = templates.ASKED_OF_PACKAGES if self.packages else templates.ASKED
            return self.filled(self.random.choice(asked), depth + 1)
        return self.filled(self.random.choice(templates.CONDITIONS), depth + 1)

    def expression(self, kind: str, depth: int = 0) -> str:
        """Return an expression that is of a kind, as a rule."""
        if depth >= DEPTH or self.chance(0.25):
            return self.name(kind)
        roll = self.random.random()
        if roll < 0.05:
            template = f"(${kind} if $C else ${kind})"
        elif roll < 0.07 and self.functions:
            template = f"{self.random.choice(self.functions)}($N)"
        elif roll < 0.07 + self.unknown / 4:
            template = "u($V)"
        else:
            template = self.random.choice(templates.EXPRESSIONS[kind])
        return self.filled(template, depth + 1)

    def filled(self, template: str, depth: int = 0) -> str:
        """Return a text with its places filled."""
        while "$(" in template:
            template = _CHOICE.sub(lambda m: self.random.choice(m[1].split("|")), template)
        kept: dict[str, str] = {}

        def fill(match: re.Match[str]) -> str:
            place = match[1]
            if len(place) == 2 or place.isdigit():
                if place not in kept:
                    kept[place] = self._part(place[0], depth)
                return kept[place]
            return self._part(place, depth)

        return _PLACE.sub(fill, template)

    def _part(self, place: str, depth: int) -> str:
        if place.isdigit():
            self.count += 1
            return str(self.count + 1)
        if place in "nsldt":
            return self.expression(place, depth)
        if place in "vV":
            return self.expression(self.random.choice(KINDS), depth + (place == "V"))
        if place == "C":
            return self.name("n") if depth > DEPTH else self.condition(depth)
        if place in "F#":
            return self.random.choice(self.functions or ["len"] if place == "F" else "01234")
        return self.name(place.lower())

    # Statements

    def body(self, count: int) -> str:
        """Return some statements, as they stand inside of another."""
        self.inside += 1
        text = "".join(self.statement() for _ in range(count))
        self.inside -= 1
        return text

    def statement(self) -> str:
        """Return one statement."""
        if self.packages and self.inside <= DEPTH and self.chance(self.packages):
            return self.whole(self.random.choice(templates.PACKAGES))
        if self.inside > DEPTH or self.chance(0.55):
            return self.simple()
        where = templates.CLASSES if self.chance(0.25) else templates.STATEMENTS
        return self.whole(self.random.choice(where))

    def simple(self) -> str:
        """Return a statement that holds no others."""
        if self.loops and self.chance(0.06):
            return self.random.choice(("break\n", "continue\n"))
        if self.chance(self.unknown):
            return self.whole(self.random.choice(templates.UNKNOWN))
        if self.chance(0.4):
            return self.assigned(self.random.choice(KINDS))
        return self.whole(self.random.choice(templates.SIMPLE))

    def assigned(self, kind: str, value: str = "") -> str:
        """Return an assignment to a variable, old or new."""
        value = value or self.expression(kind)
        if self.inside or self.chance(0.5):
            return f"{self.name(kind)} = {value}\n"
        self.count += 1
        self.names[kind].append(f"{kind}{self.count + 1}")
        return f"{self.names[kind][-1]} = {value}\n"

    def whole(self, template: str) -> str:
        """Return the statements of a text, its bodies written."""
        while "$(" in template:
            template = _CHOICE.sub(lambda m: self.random.choice(m[1].split("|")), template)
        filled = self.filled(re.sub(r"\$(BODY|LOOP|FUNCTION|TRY)", r"%%\1", template), 1)
        lines = []
        for line in filled.splitlines():
            held = re.fullmatch(r"( *)%%(BODY|LOOP|FUNCTION|TRY)", line)
            text = f"{line}\n" if held is None else indented(self._held(held[2]), held[1])
            lines.append(text)
        return "".join(lines)

    def _held(self, kind: str) -> str:
        if kind == "FUNCTION":
            return self._function()
        if kind == "TRY":
            return self._try()
        self.loops += kind == "LOOP"
        text = self.body(self.random.randint(1, 2))
        self.loops -= kind == "LOOP"
        return text

    def _try(self) -> str:
        trouble = self.filled(self.random.choice(templates.TROUBLE), 1)
        text = "try:\n" + indented(f"{self.body(1)}{trouble}\n{self.body(1)}")
        bare = self.chance(0.15)
        for kind in [] if bare else sorted(self.random.sample(templates.CAUGHT, 2), reverse=True):
            text += self._handler(kind)
        if not bare and self.chance(0.3):
            text += "else:\n" + indented(self.body(1))
        if bare or self.chance(0.3):
            text += "finally:\n" + indented(_INSIDE_LOOP.sub("pass", self.simple()))
        return text

    def _handler(self, kind: str) -> str:
        bound = " as error" if kind and self.chance(0.4) else ""
        inner = self.body(1)
        if bound:
            told = "error.code" if kind == "Worse" else "type(error).__name__"
            inner = f"{self.name('s')} = {told}\n{inner}"
        if self.chance(0.1):
            inner += self.random.choice(
                ("raise\n", "raise Worse(1)\n", "raise KeyError from None\n")
            )
        return f"except {kind}{bound}:\n".replace("except :", "except:") + indented(inner)

    def _function(self) -> str:
        self.count += 1
        name, local = f"f{self.count}", f"n{self.count}_"
        parameters = self.filled(
            self.random.choice(("a", "a, b=2", "a, b=$L", "a, *b, k=1", "a, **b", "a, b=$N"))
        )
        own = {kind: list(names) for kind, names in self.names.items()}
        kept, self.loops = self.loops, 0
        text = f"global {self.name('n')}, {self.name('l')}\n" if self.chance(0.5) else ""
        text += f"{local} = a\n"
        self.names["n"].append(local)
        text += self.body(self.random.randint(1, 3))
        text += self.filled("if $C:\n    return $V\n") if self.chance(0.4) else ""
        text += self.filled("return $V\n")
        self.names, self.loops = own, kept
        if not self.inside:
            self.functions.append(name)
        call = self.random.choice(("$F($N)", "$F(a=1)", "functools.partial($F, 5)()"))
        assigned = self.assigned(self.random.choice(KINDS), self.filled(call.replace("$F", name)))
        return f"def {name}({parameters}):\n{indented(text)}{assigned}"


def indented(text: str, by: str = "    ") -> str:
    """Return a text, each of its lines further in."""
    return "".join(f"{by}{line}" for line in text.splitlines(keepends=True))


def statements(writer: Writer, count: int) -> str:
    """Return some statements of a module, some of which may fail."""
    parts: list[str] = []
    for _ in range(count):
        if not writer.chance(0.7):
            parts.append(writer.statement())
            continue
        guard = writer.random.choice(("with contextlib.suppress(Exception):\n", "try:\n"))
        parts.append(guard + indented(writer.body(1)))
        if guard == "try:\n":
            parts.append(f"except Exception:\n    {writer.name('s')} = 'failed'\n")
    return "".join(parts)


def headed(text: str) -> str:
    """Return a module's text after what it needs at its beginning."""
    words = set(re.findall(r"\w+", text))
    defined = [text for name, text in templates.DEFINITIONS.items() if name in words]
    if "Worse" in words and "Oops" not in words:
        defined.insert(0, templates.DEFINITIONS["Oops"])
    below = "".join(defined) + templates.VARIABLES + text
    words = set(re.findall(r"\w+", below))
    imported = [line for line in templates.IMPORTS if line.split()[-1] in words]
    return "".join(imported) + below


def predictor(writer: Writer) -> str:
    """Return a predictor whose inputs come from the values of a program."""
    inputs = [
        writer.filled(
            f"x{place}: {writer.random.choice(templates.TYPES)} = {writer.random.choice(templates.INPUTS)}",
            2,
        )
        for place in range(writer.random.randint(1, 3))
    ]
    output = writer.filled(writer.random.choice((*templates.TYPES, "Output")))
    return (
        "from cog import BaseModel, BasePredictor, Input\n"
        f"{writer.whole(writer.random.choice(templates.BEFORE))}class Predictor(BasePredictor):\n"
        f"    def predict(self, *, {', '.join(inputs)}) -> {output}:\n        {writer.name('s')!r}\n"
    )


def program(random: Random) -> dict[str, str]:
    """Return a project of one module, which may end in a predictor."""
    writer = Writer(random, random.choice((0.0, 0.04, 0.1, 0.2)))
    text = statements(writer, random.randint(2, 9))
    if writer.chance(0.3):
        text += predictor(writer)
    files = {name: held for name, held in templates.FILES.items() if name in text}
    return {**files, "predict.py": headed(text)}
