"""Tell which names an import statement binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cogfal.inspection.source import Module
from cogfal.inspection.values import Imported, ModuleValue, Unresolved, Value
from cogfal.inspection.world import World


def bindings(
    world: World, node: ast.Import | ast.ImportFrom, module: Module
) -> Iterator[tuple[str, Value]]:
    """Yield the names that a statement binds, each to an import that is followed when needed.

    Inside a `try` the imports are followed at once, since their failure has a meaning there. A star
    import from outside the project binds `*` and the module's name.
    """
    for name, imported in _imports(node, module):
        if imported.attribute == "*":
            yield from _starred(world, imported)
        else:
            if world.state.guarded:
                world.follow(imported)
            yield name, imported


def _imports(node: ast.Import | ast.ImportFrom, module: Module) -> Iterator[tuple[str, Imported]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            imported = Imported(node.module or "", alias.name, node.level, module, node)
            yield alias.asname or alias.name, imported
        else:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or name, Imported(name, None, 0, module, node)


def _starred(world: World, star: Imported) -> Iterator[tuple[str, Value]]:
    source = world.follow(Imported(star.module, None, star.level, star.importer, star.node))
    if not isinstance(source, ModuleValue):
        yield f"*{star.module}", source
        return
    for name in _exported(world, source):
        yield name, Imported(star.module, name, star.level, star.importer, star.node)


def _exported(world: World, source: ModuleValue) -> list[str]:
    """Return the names that a star import takes; also those from further star imports."""
    try:
        listed = world.member(source.module, "__all__")
        return [str(name) for name in world.iterate(listed)]
    except Unresolved:
        names = source.module.scope.names if source.module.scope is not None else {}
        return [name for name in names if not name.startswith("_")]
