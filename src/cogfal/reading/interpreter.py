"""One reading of a project's text: its parts, and the state that they share."""

from __future__ import annotations

import ast
from collections.abc import Callable, ItemsView, Iterator, KeysView, Sequence, ValuesView

from cogfal.reading.attributes import Attributes
from cogfal.reading.calls import Calls
from cogfal.reading.choices import Choices
from cogfal.reading.classes import Classes
from cogfal.reading.contexts import Contexts
from cogfal.reading.effects import Effects
from cogfal.reading.expressions import Expressions
from cogfal.reading.files import Files
from cogfal.reading.functions import Functions
from cogfal.reading.items import Items, Orders
from cogfal.reading.journal import Journal
from cogfal.reading.library import Library
from cogfal.reading.mappings import Environment
from cogfal.reading.modules import Modules
from cogfal.reading.operators import Budget
from cogfal.reading.outside import Outside
from cogfal.reading.scopes import Scope
from cogfal.reading.source import Project
from cogfal.reading.statements import Statements
from cogfal.reading.targets import Targets
from cogfal.reading.texts import Texts
from cogfal.reading.typings import Typings
from cogfal.reading.unknown import Possible, Value, may_be_absent


class Interpreter:
    """Evaluates the text of a project's modules with Python's own semantics, on real values.

    `doubted` names environment variables and files that are taken as unknown, `turn` chooses among
    the orders that Python leaves open.
    """

    def __init__(
        self, project: Project, *, doubted: frozenset[str] = frozenset(), turn: int = 0
    ) -> None:
        self.project, self.doubted, self.version = project, doubted, project.version
        self.journal = Journal()
        self.choices = Choices(self.journal)
        self.budget = Budget(self.choices.tainted)
        self.orders, self.environment = Orders(turn), Environment(self)
        self.texts, self.types, self.effects = Texts(self), Typings(self), Effects(self)
        self.files, self.items, self.attributes = Files(self), Items(self), Attributes(self)
        self.classes, self.functions, self.calls = Classes(self), Functions(self), Calls(self)
        self.expressions, self.statements = Expressions(self), Statements(self)
        self.targets, self.contexts = Targets(self), Contexts(self)
        self.outside = Outside(self)
        self.modules = Modules(self)
        self.library = Library(self)
        self.evaluate = self.expressions.evaluate

    def run(self, body: Sequence[ast.stmt], scope: Scope, *, fresh: bool = False) -> None:
        """Carry out statements; `fresh` gives each an allowance of its own."""
        self.statements.run(body, scope, fresh=fresh)

    def known(self, value: Value) -> Value:
        """Return a value, unknown where unknown code may have changed what it holds."""
        tainted = self.choices.tainted
        if not tainted:
            return value
        looked = [value]
        if isinstance(value, KeysView | ValuesView | ItemsView):
            looked += self.effects.sources.get(id(value), (value, ()))[1]
        for each in looked:
            if id(each) in tainted:
                return Possible.of(tainted[id(each)][1], [each])
        return value

    def there(self, value: Value) -> Value:
        """Return what a name or attribute stands for, which is perhaps not there."""
        return self.expressions.raising(value) if may_be_absent(value) else value

    def bind(self, scope: Scope, name: str, value: Value) -> None:
        """Bind a name in the scope that it belongs to."""
        self.journal.bind(scope.target(name), name, value)

    def unbind(self, scope: Scope, name: str) -> None:
        """Remove a name.

        Raises:
            NameError: It is not bound.
        """
        names = scope.target(name)
        if name not in names:
            raise NameError(f"name {name!r} is not defined")
        self.there(names[name])
        self.journal.unbind(names, name)

    def iterator(self, iterator: Iterator[Value], *sources: Value) -> Iterator[Value]:
        """Note a new iterator and what it takes its items from, and return it."""
        self.journal.born(iterator)
        self.effects.sources[id(iterator)] = (iterator, sources)
        return iterator

    def settled(self, work: Callable[[], Value]) -> Value:
        """Return what `work` returns under every answer of unknown code, after all is imported."""
        self.budget.next_statement()
        self.classes.harden()
        value = self.choices.region(("settled", id(work)), work)
        self.classes.harden()
        return value
