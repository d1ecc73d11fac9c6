"""The fal.App that serves a Cog predictor.

The classes of this module travel to the runner by value (see `source_bundle`). So nothing is kept
at module level here, names are taken from fal but never the module `fal`, and annotations are real
objects: FastAPI could not look up their text where only the used globals arrive.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fal import App as FalApp
from fal import HealthCheck, endpoint
from fastapi import FastAPI, Request, Response

from cogfal.app_base import AppBase, Overridable
from cogfal.errors import SettingError
from cogfal.server.connections import parsing_with_h11
from cogfal.server.lifespan import Provided, provide_on_runner
from cogfal.server.middleware import lighten_middleware
from cogfal.server.request_guard import RequestGuard, on_a_runner, trusted_hosts
from cogfal.server.serving import Serving
from cogfal.source_bundle import BY_VALUE

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cogfal.app_making.settings_validation import FromCogKeywords, WrapKeywords

HEALTH_CHECK = HealthCheck(timeout_seconds=10)
FAL_PATHS = {"/", "/stream", "/cancel", "/stream/cancel", "/train", "/train/cancel"}
DEFAULT_GRACE = 5  # seconds, fal's own default for termination_grace_period_seconds


def untyped(method: Callable[..., Any]) -> Callable[..., Any]:
    """Leave out what an endpoint returns: `fal.AppClient` would make an instance of it."""
    method.__annotations__.pop("return")
    return method


class App(AppBase, FalApp):
    """Serve a Cog predictor as a fal app.

    Subclass it and say where the predictor is; every attribute of `fal.App` works as usual, and
    wins over what cog.yaml says:

        class App(cogfal.App):
            predictor = "predict.py:Predictor"
            machine_type = "GPU-H100"

    The predictor's text is read when the class is made, and nothing of it is executed.

    Raises:
        ProjectError: When the class is made and the project is wrong; the error says where.
    """

    local_python_modules: ClassVar[list[str]] = BY_VALUE
    imported_on_runner: ClassVar[bool] = on_a_runner()
    """Whether this module was imported on a runner of fal's; pickled, it says where it was made."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # fal reads app_name through inheritance, so a subclass would get its base's name.
        if "app_name" not in cls.__dict__:
            cls.app_name = None
        if not App.source.unpacked:
            from cogfal.app_making.app_class import settle  # noqa: PLC0415  # not on the runner

            kwargs = settle(cls, App, kwargs)
        super().__init_subclass__(**kwargs)  # type: ignore[no-untyped-call]  # fal's

    @classmethod
    def from_cog(
        cls, cog_yaml: str = "cog.yaml", **settings: "Unpack[FromCogKeywords]"
    ) -> type["App"]:
        """Make an App of a Cog project, with everything taken from its cog.yaml.

        Args:
            cog_yaml: Its path, relative to the file of the caller.
            **settings: Attributes of the App, which win over cog.yaml; `name` is the app's name.

        Raises:
            ProjectError: The project is wrong, or a setting is not known.
        """
        from cogfal.app_making.app_builder import app_name_of  # noqa: PLC0415  # not on the runner
        from cogfal.app_making.app_class import calling_module, make_app  # noqa: PLC0415

        module, file = calling_module()
        settings.setdefault("name", app_name_of(cog_yaml, file.parent))
        return make_app(cls, "App", {"cog_yaml": cog_yaml}, settings, module=module, file=file)

    @endpoint("/")
    @untyped
    async def predict(self, request: Request) -> Response:
        """Run the predictor and answer with its whole result."""
        return await self.serving.handlers["/"](request)

    @endpoint("/stream")
    @untyped
    async def stream(self, request: Request) -> Response:
        """Run the predictor and stream its result as server-sent events."""
        return await self.serving.handlers["/stream"](request)

    @endpoint("/cancel")
    @untyped
    async def cancel(self, request: Request) -> Response:
        """Cancel the prediction of a request to `/` with the same `x-fal-request-id`."""
        return await self.serving.handlers["/cancel"](request)

    @endpoint("/stream/cancel")
    @untyped
    async def cancel_stream(self, request: Request) -> Response:
        """Cancel the prediction of a request to `/stream` with the same `x-fal-request-id`."""
        return await self.serving.handlers["/stream/cancel"](request)

    @endpoint("/train")
    @untyped
    async def train(self, request: Request) -> Response:
        """Run the training function and answer with its whole result."""
        return await self.serving.handlers["/train"](request)

    @endpoint("/train/cancel")
    @untyped
    async def cancel_training(self, request: Request) -> Response:
        """Cancel the training of a request to `/train` with the same `x-fal-request-id`."""
        return await self.serving.handlers["/train/cancel"](request)

    @endpoint("/health", health_check=HEALTH_CHECK)
    @untyped
    async def check_health(self) -> Response:
        """Tell fal whether this runner can still serve, the author's `healthcheck` included."""
        return await self.serving.check_health()

    @property
    def serving(self) -> Serving:
        """What stands behind the endpoints; made on first use."""
        if "_serving" not in self.__dict__:
            self.__dict__["_serving"] = self._make_serving()
        serving: Serving = self.__dict__["_serving"]
        return serving

    @property
    def project_root(self) -> Path:
        """The project's directory on this machine."""
        assert self.project is not None
        return Path(
            self.project.runner_root if self.source.unpacked else self.project.root
        ).resolve()

    def _make_serving(self) -> Serving:
        project = self.project
        if project is None:
            raise SettingError(
                f"{type(self).__name__} names no predictor",
                remedy='set `predictor = "predict.py:Predictor"` or `cog_yaml = "cog.yaml"`',
            )
        return Serving(
            project.predictor,
            project.trainer,
            self.project_root,
            settings=self.checked_settings,
            choose_store=type(self).choose_store,
            given=self.given[0] if self.given else None,
            title=self.app_name or type(self).__name__,
            grace=float(self.termination_grace_period_seconds or DEFAULT_GRACE),
            provide=self._provide,
            variables=dict(project.server_variables),
            examples=project.examples,
        )

    def _provide(self) -> Provided:
        """Give the author's code what it expects, on a runner or on somebody's own machine."""
        assert self.project is not None
        if self.source.unpacked or self.imported_on_runner:
            return provide_on_runner(self.project, self.project_root)
        from cogfal.local.model_python import provide_here  # noqa: PLC0415  # not on the runner

        return provide_here(
            self.project, self.project_root, self.checked_settings, given=bool(self.given)
        )

    @Overridable
    async def setup(self) -> None:
        """Bring the predictor up; a subclass that overrides it calls `super().setup()`.

        In an `async def` that call is awaited; in a plain one it returns when the predictor is up.

        Raises:
            SetupError: The predictor cannot be brought up; its traceback is in the log.
        """
        try:
            await self.serving.start()
        except BaseException:
            await self.teardown()  # fal calls it only after a setup that succeeded
            raise

    def handle_exit(self) -> None:
        """Begin to end running predictions; an App that overrides it calls `super().handle_exit()`.

        They have most of the grace period to end by themselves, and are cancelled then.
        """
        self.serving.wind_down()

    @Overridable
    async def teardown(self) -> None:
        """Let running predictions end, then run the author's `teardown` and clean up.

        Where a subclass overrides it and does not call it, this happens after the subclass's own.
        """
        # Taken before it is stopped: a second teardown, or one during it, has nothing to stop.
        serving: Serving | None = self.__dict__.pop("_serving", None)
        try:
            if serving is not None:
                await serving.stop()
        finally:
            self.source.discard()

    async def run_predictor(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run the predictor from an endpoint of your own, and return what `/` would answer.

        Raises:
            CogfalError: The inputs do not fit, every place is taken, or there is no result.
        """
        return await self.serving.run(inputs)

    async def serve(self, **options: Any) -> None:
        """Serve as fal does, with the one parser of HTTP that bounds what it keeps."""
        with parsing_with_h11():
            await super().serve(**options)

    def collect_routes(self) -> dict[Any, Callable[..., Any]]:
        """Leave out the endpoints that this predictor has no use for."""
        unused = FAL_PATHS - self.serving.handlers.keys()
        return {
            signature: function
            for signature, function in super().collect_routes().items()
            if signature.path not in unused
        }

    def _add_extra_middlewares(self, app: FastAPI) -> None:
        """Run fal's own the light way; refuse endless heads and, at home, foreign web pages."""
        super()._add_extra_middlewares(app)
        lighten_middleware(app)
        at_home = not (self.source.unpacked or self.imported_on_runner)
        trusted = trusted_hosts(self.trusted_hosts) if at_home else frozenset("*")
        app.add_middleware(RequestGuard, trusted=trusted)

    def _add_extra_routes(self, app: FastAPI) -> None:
        """Add Cog's API, and the one document that describes all of it."""
        super()._add_extra_routes(app)
        own = (App.predict, App.stream, App.cancel, App.cancel_stream, App.train)
        self.serving.mount(app, (*own, App.cancel_training))


def wrap(predictor: Any, **settings: "Unpack[WrapKeywords]") -> type[App]:
    """Make an App of a predictor class or function at hand.

    Its signature is read from the object. Defined in the App's own file it travels with the App;
    defined in another module, that module's file and those beside it do.

    Args:
        predictor: The class or function.
        **settings: Attributes of the App; `name` is the app's name, by default the predictor's.

    Raises:
        ProjectError: It cannot be served, or a setting is not known.
    """
    from cogfal.app_making.app_class import calling_module, make_app  # noqa: PLC0415

    module, file = calling_module()
    body: dict[str, Any] = {"given": (predictor,)}
    its = sys.modules.get(predictor.__module__)
    if predictor.__module__ != module and its is not None and its.__file__:
        path = os.path.relpath(its.__file__, file.parent)
        body["predictor"] = f"{path}:{predictor.__qualname__}"
    return make_app(App, predictor.__name__, body, settings, module=module, file=file)
