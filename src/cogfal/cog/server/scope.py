"""Where older Cog keeps the prediction's scope."""

from ..scope import Scope, current_scope
from ..scope import use_scope as scope

__all__ = ["Scope", "current_scope", "scope"]
