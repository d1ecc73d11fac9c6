"""Import modules as Python does: where they are imported, once, with their packages, in order."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cogfal.errors import PredictorError
from cogfal.guest.type_names import COG_ROOTS
from cogfal.reading.journal import Place
from cogfal.reading.listed import public_names
from cogfal.reading.namespaces import nearest
from cogfal.reading.operators import HERE
from cogfal.reading.scopes import Scope
from cogfal.reading.source import BUILTINS, LOADED, MODULES, Module
from cogfal.reading.unknown import (
    ABSENT,
    GivenUp,
    Part,
    Possible,
    Touched,
    Unknown,
    Value,
    known,
    may_be_absent,
    refused,
)
from cogfal.reading.versions import docstring

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter


_KEPT: Final = ("__cached__", "__loader__", "__spec__")


class Modules(Part):
    """The modules of one reading."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.path: list[Value] = [HERE]
        """`sys.path`, as far as it concerns the project."""
        self._loaded: dict[str, Any] = {}
        """Modules by name; unknown where it is not known what is imported by it."""
        self._scopes: dict[Module, Any] = {}
        """Their scopes; unknown where it is not known whether they were carried out."""
        self._again: dict[Module, Module] = {}
        """What is carried out where one that failed is imported once more."""
        self._kept: dict[tuple[Module, int], list[tuple[Place, Value]]] = {}

    def main(self, module: Module) -> Scope:
        """Carry out the file of the predictor, and return its names."""
        folder = Path(module.relative).parent.as_posix()
        if folder != ".":
            self.path.append(f"{HERE}/{folder}")
        self._loaded[module.name] = module
        return self.load(module)

    def load(self, module: Module) -> Scope:
        """Return the names of a module, carrying it out if that has not begun."""
        if module not in self._scopes:
            self._load(module)
        scope: Scope | Unknown = self._scopes[module]
        if isinstance(scope, Unknown):
            raise self._doubtful(scope, [module])
        return scope

    def _load(self, module: Module) -> None:
        """Carry out a module; once for all answers where they make no difference to it."""
        choices, journal = self._world.choices, self._world.journal
        clean = choices.repeatable(self._is_name) and not self._world.statements.handled
        key = (module, choices.epoch)
        if clean and key in self._kept:
            for place, value in self._kept[key]:
                journal.put(place, value)
            return
        start, answered = len(journal), choices.answered
        self._carry_out(module)
        if clean and choices.answered == answered and len(journal) > start:
            changed = list(journal.segment(start).values())
            if all(self._is_name(place) for place, _ in changed):
                self._kept[key] = changed

    def _is_name(self, place: Place) -> bool:
        owners = [self._loaded, self._scopes, self._world.library.imported]
        owners += [self._scopes[each].names for each in self.certain()]
        return place.kind == "name" and any(place.owner is owner for owner in owners)

    def fresh(self, module: Module) -> Scope:
        """Return what a module's names are before it is carried out."""
        relative, scope = module.relative, Scope(module, "module")
        scope.names.update(
            __name__=module.name, __file__=f"{HERE}/{relative}",
            __doc__=docstring(module.tree, self._world.version) if module.text else None,
            __package__=module.name if module.folder else module.name.rpartition(".")[0],
            **dict.fromkeys(_KEPT, Unknown("what Python keeps of a module is not evaluated")),
            __builtins__=Unknown("__builtins__ is not evaluated", dotted=BUILTINS, standard=True),
        )  # fmt: skip
        if module.folder is not None:
            scope.names["__path__"] = [f"{HERE}/{Path(relative).parent.as_posix()}"]
        return scope

    def _carry_out(self, module: Module) -> None:
        scope = self.fresh(module)
        self._world.journal.bind(self._scopes, module, scope)
        self._world.run(module.tree.body, scope, fresh=True)

    def carried_out(self, name: Value, every: Unknown) -> Value:
        """Return `sys.modules[name]`, unknown where that is not certainly one of the project's."""
        found: Value = self._loaded.get(name) if isinstance(name, str) else None
        if isinstance(found, Module):
            return found
        return self._world.expressions.raising(Unknown(every.reason, about=(every,)))

    def doubt(self, every: Value, name: Value, why: Unknown) -> bool:
        """Take it as not known what is imported by a name that `sys.modules` is changed at.

        Returns whether it is `sys.modules` that is changed.
        """
        if not isinstance(every, Unknown) or every.dotted != MODULES:
            return False
        for each in [name] if isinstance(name, str) else list(self._loaded):
            self._world.journal.bind(self._loaded, each, why)
        return True

    def scope_of(self, module: Module) -> Scope | None:
        """Return a module's names where it is certain that it was carried out, as far as it is."""
        found = self._scopes.get(module)
        return found if isinstance(found, Scope) else None

    def certain(self) -> list[Module]:
        """Return the modules that were certainly carried out, as far as they are."""
        return [module for module, scope in self._scopes.items() if isinstance(scope, Scope)]

    def carried_out_by(
        self, node: ast.Import | ast.ImportFrom, scope: Scope, why: Unknown
    ) -> Iterable[Value]:
        """Yield what an import that is perhaps carried out takes, and what it may change."""
        try:
            origin = self._absolute(node, scope) if isinstance(node, ast.ImportFrom) else ""
        except ImportError:  # which it raises whenever it is carried out
            return
        for alias in node.names:
            name = f"{origin}.{alias.name}" if origin else alias.name
            module = self._loaded.get(origin or name)
            held = self.scope_of(module) if isinstance(module, Module) else None
            begun = origin or name.partition(".")[0] in self._loaded
            if held is not None and begun and (not origin or alias.name in ("*", *held.names)):
                yield held.names.get(alias.name, module) if origin else module
            elif held is None and not self._is_own(name):
                yield self._world.library.find(name)
            else:
                yield from self._perhaps(name, why)
                yield from self.certain()

    def _perhaps(self, name: str, why: Unknown) -> Iterable[Module]:
        """Yield the modules that are imported by a name, and take them as perhaps imported."""
        module: Module | None = None
        for dotted in accumulate(name.removesuffix(".*").split("."), "{}.{}".format):
            found, bind = self._loaded.get(dotted), self._world.journal.bind
            if isinstance(found, Module) and self.scope_of(found) is not None:
                module = found
                continue
            bind(self._loaded, dotted, why)
            package, last = module and self._scopes.get(module), dotted.rpartition(".")[2]
            if isinstance(package, Scope) and last not in package.names:
                bind(package.names, last, Possible.of(why, [why], absent=True))
            try:
                module = self._located(dotted, module)
            except (GivenUp, Touched, PredictorError):  # it is not known where, or is not Python
                module = None
            yield from filter(None, [module])
        if module is not None and module.folder is not None and name.endswith(".*"):
            for part in ast.walk(module.tree):  # `__all__` may name what lies in the package
                said = part.value if isinstance(part, ast.Constant) else None
                if isinstance(said, str) and said.isidentifier():
                    yield from self._perhaps(f"{module.name}.{said}", why)

    def _is_own(self, name: str) -> bool:
        """Whether a module may be one of the project's."""
        try:
            return self._top(name.partition(".")[0]) is not None
        except (GivenUp, Touched):
            return True

    def _doubtful(self, why: Unknown, modules: Iterable[Module]) -> GivenUp:
        """Return what is raised for modules of which it is not known whether they are carried out.

        What they may have changed is not known either: what they mention, and anything of the
        project's.
        """
        self._world.effects.of_values([*modules, *self.certain()], why)
        return GivenUp(why)

    def imported(self, name: Value, package: Value = None, *, whole: bool = True) -> Value:
        """Return what `import name` binds: the module, or the package that it begins with."""
        if isinstance(name, Unknown):
            raise Touched(name)
        if name.startswith("."):
            if not known(package):
                raise refused("a relative import without a package is not evaluated")
            name = importlib.util.resolve_name(name, package)
        module, top = self._find(name), name.partition(".")[0]
        if module is None:
            return self._world.library.load(name, name if whole else top)
        return module if whole else self._find(top)

    def folder(self, package: Value) -> str:
        """Return the folder of a package of the project, named or imported."""
        module = package if isinstance(package, Module) else self.imported(package)
        if not isinstance(module, Module) or module.folder is None or not module.text:
            raise refused("it is no package of the project")
        return f"{HERE}/{Path(module.relative).parent.as_posix()}"

    def renamed(self, name: str) -> Value:
        """Return what `import name as other` binds: what the package has as an attribute."""
        found = self.imported(name)
        dotted, *rest = name.split(".")
        value = self.imported(dotted)
        if not isinstance(value, Module):
            return found
        for part in rest:
            own = isinstance(value, Module)
            value = (self._taken(value, dotted, part) if own
                     else self._world.attributes.get(value, part))  # fmt: skip
            dotted = f"{dotted}.{part}"
        return value

    def _find(self, dotted: str) -> Value:
        """Return a module of the project, carried out after its packages; None for one outside."""
        front, _, last = dotted.rpartition(".")
        parent = self._find(front) if front and dotted not in self._loaded else None
        found = self._loaded.get(dotted)
        if isinstance(found, Unknown):
            raise self._doubtful(found, self._perhaps(dotted, found))
        if found is not None or (front and parent is None):
            return found
        module = self._located(dotted, parent)
        if module is None:
            if parent is not None:
                raise ModuleNotFoundError(f"No module named {dotted!r}")
            return None
        with self._world.choices.bound(self._loaded, dotted, module):
            self.load(module)
        if parent is not None:
            self._world.journal.bind(self.load(parent).names, last, module)
        return module

    def _located(self, dotted: str, parent: Module | None) -> Module | None:
        """Return a module of the project that is not carried out yet; None where there is none."""
        last = dotted.rpartition(".")[2]
        found = None
        if last == dotted:
            found = self._top(last)
        elif parent is not None and parent.folder is not None:
            found = self._world.project.below(parent.folder, last, dotted)
        while found in self._scopes:  # one that failed, which may be held nevertheless
            found = self._again.setdefault(found, replace(found))
        self._world.files.check_unwritten("" if found is None else f"{HERE}/{found.relative}")
        return found

    def _top(self, name: str) -> Module | None:
        if name in COG_ROOTS or name in LOADED:
            return None
        try:
            return self._on_path(name)
        except (GivenUp, Touched):
            if self._world.project.may_hold(name):
                raise
            return None  # wherever `sys.path` leads

    def _on_path(self, name: str) -> Module | None:
        namespace = lost = None
        for entry in known(self._world.known(self.path)):
            if isinstance(entry, Possible) and any(isinstance(e, str) for e in entry.about):
                raise GivenUp(entry)
            if isinstance(entry, Unknown):
                lost = entry
            if not isinstance(entry, str):
                continue
            if not entry.startswith("/"):
                self._world.files.present()  # has to be known
            try:
                folder = self._world.files.placed(entry)
                module = self._world.project.below(folder, name, name)
            except Touched:
                continue
            except PredictorError as error:
                raise GivenUp(Unknown(f"the imported file cannot be read: {error}")) from error
            if module is not None and module.text:
                return module
            namespace = namespace or module
        if namespace is None and lost is not None:
            raise GivenUp(lost)
        return namespace

    def taken(self, node: ast.ImportFrom, scope: Scope) -> dict[str, Value]:
        """Return what `from module import names` binds."""
        if node.module == "__future__":
            return {}
        name = self._absolute(node, scope)
        source = self.imported(name)
        if node.names[0].name == "*":
            return self._starred_names(source, name, scope)
        if isinstance(source, Module):
            self._prepare(source, [alias.name for alias in node.names])
        return {
            alias.asname or alias.name: self._taken(source, name, alias.name)
            for alias in node.names
        }

    def _prepare(self, source: Module, names: Iterable[Value]) -> None:
        """Import what names are submodules of a package, before they are taken from it."""
        if source.folder is None:
            if self._answers(source, "__path__"):
                raise refused("a module that answers for __path__ is not evaluated")
            return
        for name in names:
            dotted = f"{source.name}.{name}"
            if not self._answers(source, name):
                if self._world.project.below(source.folder, name, dotted) is not None:
                    self._find(dotted)

    def _answers(self, source: Module, name: str) -> bool:
        """Whether a module has a name, perhaps by its own `__getattr__`."""
        scope = self.load(source)
        value: Value = scope.names.get(name, ABSENT)
        if may_be_absent(value):
            return not self._world.choices.decide(value)
        if value is not ABSENT:
            return True
        if "__getattr__" in scope.names or self._world.names.stars[scope]:
            with contextlib.suppress(AttributeError):
                self.member(source, name)
                return True
        return False

    def _absolute(self, node: ast.ImportFrom, scope: Scope) -> str:
        if not node.level:
            return node.module or ""
        package = str(scope.top.names.get("__package__") or "")
        if not package:
            raise ImportError("attempted relative import with no known parent package")
        return importlib.util.resolve_name("." * node.level + (node.module or ""), package)

    def _taken(self, source: Value, module: str, name: str) -> Value:
        """Return what `from module import name` binds."""
        if isinstance(source, Module):
            try:
                return self.member(source, name)
            except AttributeError:
                if f"{module}.{name}" in self._loaded:
                    return self._find(f"{module}.{name}")
                near = nearest(name, self.load(source).names)
                raise ImportError(f"cannot import name {name!r} from {module!r}{near}") from None
        found = self._world.library.taken(f"{module}.{name}")
        if found is ABSENT:
            near = nearest(name, public_names(module))
            raise ImportError(f"cannot import name {name!r} from {module!r}{near}")
        if isinstance(found, Unknown) and module.partition(".")[0] not in COG_ROOTS:
            return self._world.expressions.raising(found)
        return found

    def _starred_names(self, source: Value, name: str, scope: Scope) -> dict[str, Value]:
        if not isinstance(source, Module):
            if name in COG_ROOTS:
                return {n: self._world.library.find(f"{name}.{n}") for n in public_names(name)}
            self._world.names.take_all(name, scope)
            return {}
        names = self.load(source).names
        self._world.names.stars[scope.top] += self._world.names.stars[self.load(source)]
        taken = self._world.items.listed(names["__all__"]) if "__all__" in names else []
        self._prepare(source, taken)
        if "__all__" in names:
            return {n: self._world.attributes.get(source, n) for n in taken}
        if any(self._answers(source, "__all__") for _ in range(2 if source.folder else 1)):
            raise refused("a module that answers for __all__ is not evaluated")
        return {n: value for n, value in names.items() if not n.startswith("_")}

    def member(self, module: Module, name: str) -> Value:
        """Return an attribute of a module."""
        scope = self.load(module)
        if name in scope.names:
            return self._world.there(self._world.known(scope.names[name]))
        if name == "__dict__":
            raise refused("the names of a module are not read")
        if self._world.names.stars[scope]:
            with contextlib.suppress(NameError):
                return self._world.names.starred(name, scope)
        if "__getattr__" in scope.names:
            return self._world.calls.call(scope.names["__getattr__"], [name], {})
        near = nearest(name, scope.names)
        raise AttributeError(f"module {module.name!r} has no attribute {name!r}{near}")
