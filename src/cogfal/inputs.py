"""Turn a request's inputs into plain JSON for the author's side, each file being its path here."""

from __future__ import annotations

import resource
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from cogfal.cog.types import Secret
from cogfal.concurrency import SHORT, to_the_end, together
from cogfal.errors import FileInputError, Problem
from cogfal.files.cache import FileCache
from cogfal.files.data_urls import parse_data_url
from cogfal.files.fetching import Fetcher
from cogfal.files.limits import FetchBudget, FetchError, FileLimits, TooLarge
from cogfal.files.workspace import Workspace, create_file
from cogfal.nested import Loc, leaves, map_leaves
from cogfal.spec import (
    AnyType,
    DictType,
    FileType,
    ListType,
    ObjectType,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    StringType,
    Type,
    UnionType,
    holds,
)

Source: TypeAlias = tuple[str, bool] | int

_FEW = 4
_SHOWN = 200
_NAMED = 10
"""Inputs with one URL that are named in an error about it."""
_SHARE_OF_DESCRIPTORS = 4
"""The open files of one request may be this part of what the process may have open."""


class FileInput(NamedTuple):
    """Where among the inputs a file goes, and whether as a path or as a file object.

    `url` is its URL, or the path of the author's own file where that is the input's default.
    """

    loc: Loc
    url: str
    as_path: bool

    @property
    def is_own(self) -> bool:
        """Whether it is the author's own file, which is not fetched."""
        return not _is_url(self.url)


class Materialiser:
    """Download a request's file inputs; one instance serves all requests.

    Args:
        spec: The predictor, which says where files are declared; nothing else is fetched.
        fetcher: Gets http and https URLs.
        limits: Bounds each request.
        cache: Where to keep downloads for later requests; None to keep none.
    """

    def __init__(
        self,
        spec: PredictorSpec,
        fetcher: Fetcher,
        limits: FileLimits,
        *,
        cache: FileCache | None = None,
    ) -> None:
        self._inputs = {
            each.name: each for each in spec.inputs if holds(each.type, PathType, FileType)
        }
        self._secret = {each.name for each in spec.inputs if holds(each.type, SecretType)}
        self._fetcher = fetcher
        self._limits = limits
        self._cache = cache

    async def materialise(self, values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
        """Return `values` as plain JSON: the path of a file in place of its URL, a secret's text.

        Each gets a path of its own in the workspace. Several files are fetched at a time, a
        URL that occurs twice once. The first failure, and cancelling, stop the others at once; what
        has arrived goes with the workspace.

        Raises:
            FileInputError: A file cannot be had; it names every input that wanted it.
        """
        values = {n: _without_secrets(v) if n in self._secret else v for n, v in values.items()}
        files = self._files_wanted(values) if self._inputs else []
        if not files:
            return values
        arrived = await self._fetch_all(files, workspace)
        ready = await self._give_all(files, arrived, workspace)
        ways = {loc[:steps] for loc in ready for steps in range(1, len(loc))}
        return {name: _filled(value, (name,), ready, ways) for name, value in values.items()}

    def _files_wanted(self, values: Mapping[str, Any]) -> list[FileInput]:
        """Find the files that are wanted; no more of them than the limit are looked at."""
        most = self._limits.max_files
        files = list(islice(self._files_in(values), most + 1))
        if len(files) > most:
            raise _too_many(files[most].loc, most, "files", "max_files")
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _SHARE_OF_DESCRIPTORS
        opened = [file for file in files if not file.as_path]
        if 0 < descriptors < len(opened):
            raise _too_many(opened[descriptors].loc, descriptors, "open files", None)
        return files

    def _files_in(self, values: Mapping[str, Any]) -> Iterator[FileInput]:
        for name, declared in self._inputs.items():
            if name in values:
                # The default may be a file of the author's own, not a URL.
                yield from _files(declared.type, values[name], (name,), _strings(declared.default))

    def _source(self, file: FileInput) -> Source:
        """Return what two inputs of the same file have in common.

        Data URLs are told apart without being read: they may be large.
        """
        if _is_data_url(file.url):
            return id(file.url)
        return file.url, self._is_cached(file)

    def _is_cached(self, file: FileInput) -> bool:
        return self._cache is not None and not file.is_own and not _is_data_url(file.url)

    async def _fetch_all(
        self, files: Sequence[FileInput], workspace: Workspace
    ) -> dict[Source, Path]:
        wanted = {self._source(file): file for file in files if not file.is_own}
        if not wanted:
            return {}
        sent = {source: p.url for source, p in wanted.items() if _is_data_url(p.url)}
        budget = FetchBudget(self._limits)

        async def download(file: FileInput) -> Path:
            with _naming(file.url, files):
                return await self._download(file, workspace, budget)

        downloads = {
            source: partial(download, file) for source, file in wanted.items() if source not in sent
        }
        stopped = threading.Event()
        work = partial(_decode_all, sent, files, workspace, budget, stopped)
        try:
            short = _is_short(sent.values())
            arrived = work() if short else await to_the_end(work, stop=stopped.set)
            return arrived | await together(downloads, self._limits.concurrency)
        finally:
            workspace.received += budget.spent

    async def _give_all(
        self, files: Sequence[FileInput], arrived: Mapping[Source, Path], workspace: Workspace
    ) -> dict[Loc, str]:
        """Return the path that each input gets."""
        given: set[Path] = set()
        stopped = threading.Event()

        def give() -> dict[Loc, str]:
            return {
                file.loc: file.url
                if file.is_own
                else str(_another(arrived[self._source(file)], workspace, given))
                for file in takewhile(lambda _: not stopped.is_set(), files)
            }

        return give() if len(files) <= _FEW else await to_the_end(give, stop=stopped.set)

    async def _download(self, file: FileInput, workspace: Workspace, budget: FetchBudget) -> Path:
        if self._cache is not None and self._is_cached(file):
            return workspace.link(await self._cache.get(file.url, budget))
        return (await self._fetcher.fetch(file.url, workspace.directory, budget)).path


def materialiser_for(
    spec: PredictorSpec, fetcher: Fetcher, limits: FileLimits, *, cache: FileCache | None = None
) -> Materialiser | None:
    """Return the materialiser of a predictor, or None where its inputs are plain JSON already."""
    if not any(holds(each.type, PathType, FileType, SecretType) for each in spec.inputs):
        return None
    return Materialiser(spec, fetcher, limits, cache=cache)


def _another(path: Path, workspace: Workspace, given: set[Path]) -> Path:
    """Return a file's path for one input, another name of it where it was `given` before."""
    if path in given:
        linked = path.is_symlink()
        path = workspace.link(path.resolve()) if linked else workspace.another_name(path)
    given.add(path)
    return path


def _without_secrets(value: Any) -> Any:
    return map_leaves(value, lambda e: e.get_secret_value() if isinstance(e, Secret) else e)


def _decode_all(
    urls: Mapping[Source, str],
    files: Sequence[FileInput],
    workspace: Workspace,
    budget: FetchBudget,
    stopped: threading.Event,
) -> dict[Source, Path]:
    """Make the prediction's directory, and write what came within the request into it.

    Once it is `stopped` it ends before the next step; what it returns is of no use then.
    """
    directory = workspace.directory
    arrived: dict[Source, Path] = {}
    for source, url in urls.items():
        if stopped.is_set():
            break
        with _naming(url, files):
            arrived[source] = _decode(url, directory, budget, stopped)
    return arrived


def _is_short(urls: Collection[str]) -> bool:
    """Tell whether data URLs are decoded in no time worth a thread; percent escapes take long."""
    if len(urls) > _FEW or sum(map(len, urls)) * 3 // 4 > SHORT:
        return False
    return not any("%" in url for url in urls)


def _decode(url: str, directory: Path, budget: FetchBudget, stopped: threading.Event) -> Path:
    """Write a data URL's bytes to a file, step by step."""
    parsed = parse_data_url(url)
    meter = budget.meter()
    pieces = parsed.pieces(budget.limits.max_file_bytes)
    first = next(pieces, b"")
    path, file = create_file(directory, parsed.file_name(first))
    with file:
        for piece in chain([first], pieces):
            if stopped.is_set():
                break
            meter.add(len(piece))
            file.write(piece)
    return path


@contextmanager
def _naming(url: str, files: Sequence[FileInput]) -> Iterator[None]:
    """Say of a file that cannot be had which inputs wanted it."""
    try:
        yield
    except FetchError as error:
        raise _file_input_error(url, error, files) from error


def _file_input_error(url: str, error: FetchError, files: Sequence[FileInput]) -> FileInputError:
    if isinstance(error, TooLarge):
        kind, context = "file_too_large", {"max_size": error.max_size}
    else:
        kind, context = "file_download_error", None
    return FileInputError(
        [
            Problem(file.loc, f"Failed to get the file: {error}", kind, context, _shown(url))
            for file in islice((each for each in files if each.url == url), _NAMED)
        ]
    )


def _too_many(loc: Loc, most: int, what: str, setting: str | None) -> FileInputError:
    """Refuse a request with more files than are fetched for one."""
    advice = f"; the app's setting is {setting}" if setting else ""
    message = f"Failed to get the files: a request may have {most} {what}{advice}"
    return FileInputError([Problem(loc, message, "too_long", {"max_length": most})])


def _shown(url: str) -> str:
    return url if len(url) <= _SHOWN else f"{url[:_SHOWN]}..."


def _files(kind: Type, value: Any, loc: Loc, own: frozenset[str]) -> Iterator[FileInput]:
    match kind:
        case PathType() | FileType() if value is not None:
            yield FileInput(loc, _checked(value, loc, own), isinstance(kind, PathType))
        case OptionalType(inner):
            yield from _files(inner, value, loc, own)
        case UnionType():
            yield from _files(_chosen(kind, value), value, loc, own)
        case ListType(item) if isinstance(value, list):
            for index, element in enumerate(value):
                yield from _files(item, element, (*loc, index), own)
        case DictType(item) if isinstance(value, dict):
            for key, element in value.items():
                yield from _files(item, element, (*loc, key), own)
        case ObjectType(fields=fields) if isinstance(value, dict):
            for field in (field for field in fields if field.name in value):
                defaults = own.union(_strings(field.default))
                yield from _files(field.type, value[field.name], (*loc, field.name), defaults)
        case _:
            return


def _strings(default: Any) -> frozenset[str]:
    """Find every text in a default."""
    return frozenset(each for _, each in leaves(default) if isinstance(each, str))


def _filled(value: Any, loc: Loc, ready: Mapping[Loc, str], ways: Collection[Loc]) -> Any:
    """Copy `value` with the files at their places, `ways` being what leads to them."""
    if loc in ready:
        return ready[loc]
    if loc not in ways:
        return value
    if isinstance(value, list):
        return [_filled(each, (*loc, i), ready, ways) for i, each in enumerate(value)]
    return {key: _filled(each, (*loc, key), ready, ways) for key, each in value.items()}


def _chosen(union: UnionType, value: Any) -> Type:
    """Pick the member of a union that `value` is taken for, the author's order deciding."""
    fitting: tuple[type[Any], ...]
    match value:
        case list():
            fitting = (ListType,)
        case dict():
            fitting = (DictType, ObjectType)
        case str() if _is_url(value):
            fitting = (StringType, PathType, FileType)
        case _:
            fitting = (StringType,)
    return next((kind for kind in union.members if isinstance(kind, fitting)), AnyType())


def _checked(value: Any, loc: Loc, own: frozenset[str]) -> str:
    """Return what is to be had at a file's place; refuse what a caller may not name: any path."""
    if isinstance(value, str) and (_is_url(value) or value in own):
        return value
    text = _shown(value) if isinstance(value, str) else None
    message = "Failed to get the file: it is not an http, https or data URL"
    raise FileInputError([Problem(loc, message, "file_download_error", value=text)])


def _is_url(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://", "data:"))


def _is_data_url(url: str) -> bool:
    return url[:5].lower() == "data:"
