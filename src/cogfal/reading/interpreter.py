"""One reading of a project's text: its parts, and the state that they share."""

from __future__ import annotations

import gc
from collections.abc import Callable, ItemsView, KeysView, ValuesView
from types import MappingProxyType

from cogfal.reading.attributes import Attributes
from cogfal.reading.calls import Calls
from cogfal.reading.choices import Choices
from cogfal.reading.classes import Classes, Typings
from cogfal.reading.effects import Effects
from cogfal.reading.expressions import Expressions
from cogfal.reading.files import Files
from cogfal.reading.functions import Functions
from cogfal.reading.handlers import Handlers
from cogfal.reading.items import Items, Orders
from cogfal.reading.journal import Journal
from cogfal.reading.library import Library
from cogfal.reading.listed import GivenArguments
from cogfal.reading.modules import Modules
from cogfal.reading.namespaces import Environment, Names, OfScope
from cogfal.reading.operators import Budget, Texts
from cogfal.reading.source import Project
from cogfal.reading.statements import Statements
from cogfal.reading.unknown import Atomic, Possible, Value, may_be_absent


class Interpreter(Atomic):
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
        self.names, self.expressions = Names(self), Expressions(self)
        self.statements, self.modules = Statements(self), Modules(self)
        self.of_scope, self.arguments = OfScope(self), GivenArguments(self)
        self.handlers = Handlers(self)
        self.library = Library(self)
        self.evaluate, self.run = self.expressions.evaluate, self.statements.run

    def known(self, value: Value) -> Value:
        """Return a value, unknown where unknown code may have changed what it holds."""
        tainted = self.choices.tainted
        if not tainted:
            return value
        looked = [value]
        if isinstance(value, KeysView | ValuesView | ItemsView | MappingProxyType):
            looked += gc.get_referents(value)
        for each in looked:
            if id(each) in tainted:
                return Possible.of(tainted[id(each)][1], [each])
        return value

    def there(self, value: Value) -> Value:
        """Return what a name or attribute stands for, which is perhaps not there."""
        return self.expressions.raising(value) if may_be_absent(value) else value

    def settled(self, work: Callable[[], Value]) -> Value:
        """Return what `work` returns under every answer of unknown code, after all is imported."""
        self.budget.next_statement()
        self.classes.harden()
        value = self.choices.region(("settled", id(work)), work)
        self.classes.harden()
        return value
