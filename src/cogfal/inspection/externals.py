"""Turn what lies outside the project into a kind of type."""

from __future__ import annotations

from cogfal.guest import naming
from cogfal.inspection.values import External, Foreign, Unsupported
from cogfal.spec import Type


def external_type(external: External) -> Type:
    """Return the type that something outside the project means by itself.

    Raises:
        Foreign: Its text would be needed; `Unsupported` where it is known to mean none.
    """
    try:
        return naming.plain_type(external.canonical)
    except naming.Unservable as error:
        kind = Foreign if error.foreign else Unsupported
        raise kind(error.reason) from None
