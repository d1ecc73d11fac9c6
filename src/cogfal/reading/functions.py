"""The author's functions: real objects that Python's own machinery can bind, wrap and call."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.outcomes import Left
from cogfal.reading.scopes import FunctionNode, Scope, arguments, bindings, generic, yields
from cogfal.reading.unknown import (
    Atomic,
    Carried,
    GivenUp,
    Named,
    Part,
    Touched,
    Unknown,
    Value,
    Values,
    known,
)
from cogfal.reading.versions import docstring

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

MAX_CALLS = 40
_CHECKED: Final = frozenset((
    "__bool__ __bytes__ __complex__ __float__ __format__ __fspath__ __hash__ __index__ __init__ "
    "__int__ __iter__ __len__ __length_hint__ __repr__ __str__"
).split())  # fmt: skip
"""Methods whose results Python checks."""

_BOUND: Final = ast.Call(ast.Name(" locals", ast.Load()), [], [])
"""No name of the author's has a space."""


class Function(Atomic):
    """A function of the author's; calling it evaluates its text."""

    __slots__ = (
        "__dict__",
        "_bind",
        "annotations",
        "decorators",
        "defaults",
        "name",
        "node",
        "scope",
        "world",
    )  # fmt: skip

    def __init__(
        self, world: Interpreter, node: FunctionNode, scope: Scope, defaults: dict[str, Value]
    ) -> None:
        self.world, self.node, self.scope, self.defaults = world, node, scope, defaults
        self.annotations: dict[str, Value] = {}
        self.decorators: tuple[Value, ...] = ()
        self.name: str = getattr(node, "name", "<lambda>")
        told = None if isinstance(node, ast.Lambda) else docstring(node, world.version)
        self.__dict__.update(
            __name__=self.name, __qualname__=f"{scope.qualified}{self.name}", __doc__=told,
            __module__=scope.module.name,
        )  # fmt: skip
        self._bind: Callable[..., dict[str, Value]] | None = None

    @property
    def bind(self) -> Callable[..., dict[str, Value]]:
        """What binds arguments to its parameters: a function of Python's that has the same."""
        if self._bind is None:
            args, mangled = self.node.args, self.scope.mangled
            groups = (args.posonlyargs, args.args, [args.vararg], args.kwonlyargs, [args.kwarg])
            first, plain, rest, named, others = (
                [ast.arg(mangled(each.arg)) for each in group if each] for group in groups
            )
            none: Any = [None]
            taken = (first, plain, *(rest or none), named, none * len(named), *(others or none), [])
            tree = ast.Expression(ast.Lambda(ast.arguments(*taken), _BOUND))
            code = compile(ast.fix_missing_locations(tree), "<parameters>", "eval")
            bind = eval(code, {" locals": locals})  # noqa: S307 - only the names of parameters
            bind.__qualname__ = self.name
            given = {mangled(name): value for name, value in self.defaults.items()}
            positional = [each.arg for each in (*first, *plain)]
            bind.__defaults__ = tuple(given[name] for name in positional if name in given)
            bind.__kwdefaults__ = given
            self._bind = bind
        return self._bind

    @property
    def is_static(self) -> bool:
        """Whether `@staticmethod` was applied."""
        return any(decorator is staticmethod for decorator in self.decorators)

    def __call__(self, *positional: Value, **keywords: Value) -> Value:
        try:
            result = self.world.functions.invoke(self, positional, keywords)
        except Carried as carried:
            raise carried.error from None
        # Python's own code, which alone calls it so, would say that it is of a wrong class.
        return known(result) if self.name in _CHECKED else result

    def __get__(self, owner: Value, kind: type | None = None) -> Value:
        return self if owner is None else types.MethodType(self, owner)


class Functions(Part):
    """Calls the author's functions."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._depth = 0

    def invoke(self, function: Function, positional: Values, keywords: Named) -> Value:
        """Return the result of a call, unknown where it is not evaluated to its end."""
        world, node = self._world, function.node
        scope = self.entered(function, positional, keywords)
        if isinstance(node, ast.AsyncFunctionDef):
            return Unknown("the result of a coroutine function is not evaluated")
        if yields(node):
            return world.journal.born(self.turns(function, scope))
        self._depth += 1
        start = len(world.journal)
        try:
            if self._depth > MAX_CALLS:
                raise GivenUp(Unknown("calls nested too deeply"), far=True)  # noqa: TRY301
            return world.choices.region(id(node), lambda: self._result(node, scope))
        except (GivenUp, RecursionError) as error:
            given_up = error if isinstance(error, GivenUp) else None
            if (given_up is None or given_up.far) and self._depth > 1:
                raise
            why = Unknown("nested too deeply") if given_up is None else given_up.unknown
            world.choices.spoil(start, why)
            world.effects.of_values((function, *positional, *keywords.values()), why)
            return world.expressions.raising(why)
        finally:
            self._depth -= 1

    def turns(self, function: Function, scope: Scope) -> Any:
        """Return the generator that carries out a function in the scope of a call."""
        held = [*scope.names.values()]
        held.append(self._generate(function, scope, held))
        return held[-1]

    def _result(self, node: ast.FunctionDef | ast.Lambda, scope: Scope) -> Value:
        if isinstance(node, ast.Lambda):
            return self._world.evaluate(node.body, scope)
        try:
            self._world.run(node.body, scope)
        except Left as left:
            return left.value
        return None

    def _generate(
        self, function: Function, scope: Scope, held: list[Value]
    ) -> Generator[Value, Value, Value]:
        """Carry out a generator; what it gives is unknown from where it is not evaluated.

        `held` are its arguments, and itself.
        """
        try:
            yield from self._world.statements.flow(function.node.body, scope)  # type: ignore[arg-type]
        except Left as left:
            return left.value
        except Carried as carried:
            raise RuntimeError("generator raised StopIteration") from carried
        except (Touched, GivenUp) as error:
            self._world.effects.of_values((function, *held, *scope.names.values()), error.unknown)
            raise Touched(error.unknown) from None
        return None

    def entered(self, function: Function, positional: Values, keywords: Named) -> Scope:
        """Return the scope of a call, with its arguments bound."""
        if "__replaced__" in vars(function):
            raise Touched(vars(function)["__replaced__"])
        outer = function.scope
        scope = Scope(outer.module, "function", outer, bindings(function.node), outer.private)
        scope.qualified = f"{outer.qualified}{function.name}.<locals>."
        scope.node = function.node
        scope.names.update(function.bind(*positional, **keywords))
        return scope

    def define(self, node: FunctionNode, scope: Scope) -> Function:
        """Return the function that a definition makes, its defaults and annotations evaluated."""
        world, args = self._world, node.args
        plain = [*args.posonlyargs, *args.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = [
            *zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=True),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        ]
        defaults = {arg.arg: world.evaluate(e, scope) for arg, e in pairs if e is not None}
        inner = generic(getattr(node, "type_params", ()), scope)
        function = Function(world, node, inner, defaults)
        if isinstance(node, ast.Lambda):
            return function
        later = scope.top if inner is scope else inner
        noted = [(a.arg, a.annotation) for a in arguments(args)]
        for name, annotation in [*noted, ("return", node.returns)]:
            if annotation is not None:
                function.annotations[name] = world.classes.annotation(annotation, inner, later)
        return function
