"""What an App class holds besides its settings, for the class itself and for what makes it.

This travels to the runner by value, as `app` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from cogfal.server.stores import StoreChooser, choose_without_fal
from cogfal.settings import AppSettings, Settings
from cogfal.source_bundle import WithSource
from cogfal.spec import ProjectSpec


class AppState(WithSource, Settings):
    """What is known of a class once it was made; on a runner it arrives with all of this."""

    project: ClassVar[ProjectSpec | None] = None
    """What was read when the class was made."""

    checked_settings: ClassVar[AppSettings] = AppSettings()
    """What the class says of itself, read once when it was made."""

    app_file: ClassVar[str | None] = None
    """The file that names the project, and that its paths are relative to."""

    given: ClassVar[tuple[Any, ...]] = ()
    """The predictor itself, where it travels with the App."""

    own_settings: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """What the class itself sets of cogfal's and fal's settings, before its project was read."""

    choose_store: ClassVar[StoreChooser] = choose_without_fal
    """Says where output files go; fal's own stores travel only with an App that may need them."""

    local_python_modules: ClassVar[list[str]]
    host_kwargs: ClassVar[dict[str, Any]]
