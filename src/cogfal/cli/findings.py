"""The findings of a check; and the checks of examples, credentials and files that travel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final

from rich.markup import escape

from cogfal.cli.console import Sign, say, stderr
from cogfal.cli.results import BATCH_RESULTS
from cogfal.errors import InvalidInput, ProjectError
from cogfal.examples import EXAMPLES, find_examples
from cogfal.files.progress import readable
from cogfal.nested import map_leaves
from cogfal.schema.validation import Dialect, Validator
from cogfal.spec import JSON, PredictorSpec

LOG_IN: Final = "`fal auth login`, or set FAL_KEY"
MOST_LISTED: Final = 5
LARGE: Final = 256 * 1024**2  # bytes of code and data that are worth a thought
HEAVY: Final = 100 * 1000**2  # bytes of one file that had better be fetched
_WEIGHTS: Final = frozenset(
    {".bin", ".ckpt", ".gguf", ".h5", ".npz", ".onnx", ".pkl", ".pt", ".pth", ".safetensors"}
)
_PICTURES: Final = frozenset({".gif", ".jpeg", ".jpg", ".mov", ".mp4", ".png", ".wav", ".webp"})
_LEAVE_OUT: Final = "name what the model does not need in .dockerignore"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: its mark, what it is about, where, and what to do."""

    mark: Sign
    what: str
    where: str | None = None
    remedy: str | None = None

    def json(self) -> JSON:
        """Return it as JSON."""
        status = {Sign.GOOD: "ok", Sign.NOTE: "warning", Sign.BAD: "error"}[self.mark]
        return {"status": status, "what": self.what, "where": self.where, "remedy": self.remedy}

    def show(self) -> None:
        """Print it on stderr."""
        place = f"{self.where}: " if self.where else ""
        say(f"{place}{self.what}", self.mark)
        if self.remedy:
            stderr().print(f"    [green]remedy:[/] {escape(self.remedy)}")


@dataclass(slots=True)
class Findings:
    """Collects the findings of several checks."""

    all: list[Finding] = field(default_factory=list)

    def attempt(self, look: Callable[[], Iterator[Finding]]) -> None:
        """Add what a look finds; what it cannot get past is a finding too, told once."""
        try:
            self.all.extend(look())
        except ProjectError as error:
            where = None if error.where is None else str(error.where)
            found = Finding(Sign.BAD, error.what, where, error.remedy)
            if found not in self.all:
                self.all.append(found)

    @property
    def failed(self) -> bool:
        """Whether any of them says that something would not work."""
        return any(finding.mark is Sign.BAD for finding in self.all)


def check_examples(root: Path, spec: PredictorSpec) -> Iterator[Finding]:
    """Tell of each example that a caller could not send; its files are there, or this raises.

    Raises:
        ExamplesError: The file cannot be used.
    """
    examples = find_examples(root)
    names = {each.name for each in spec.inputs}
    validator = Validator(spec, Dialect.FAL)
    wrong = 0
    for example in examples:
        for problem in _problems(validator, names, example.input):
            wrong += 1
            where = f"{EXAMPLES}, {example.name}"
            yield Finding(Sign.BAD, problem, where, "correct the example, or the signature")
    if examples and not wrong:
        count = len(examples)
        yield Finding(Sign.GOOD, f"{EXAMPLES}: {count} example{'s' if count > 1 else ''} fit")


def _problems(validator: Validator, names: set[str], values: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"there is no input {name}" for name in values if name not in names)
    try:
        validator.parse({n: map_leaves(value, _sent) for n, value in values.items() if n in names})
    except InvalidInput as error:
        yield from map(str, error.problems)


def _sent(value: Any) -> JSON:
    """Return a value as a caller would send it, with an address for a file."""
    if not isinstance(value, Path):
        return value
    return value.as_uri().replace("file://", "https://example.invalid", 1)


def find_credentials() -> Iterator[Finding]:
    """Find whether there are credentials of fal's."""
    if has_credentials():
        yield Finding(Sign.GOOD, "fal credentials are there")
        return
    yield Finding(
        Sign.NOTE, "there are no fal credentials here; running locally needs none", remedy=LOG_IN
    )


def has_credentials() -> bool:
    """Tell whether fal would find a key or a login."""
    home = Path(os.environ.get("FAL_HOME_DIR") or Path.home() / ".fal")
    keys = bool(os.environ.get("FAL_KEY") or os.environ.get("FAL_KEY_ID"))
    config = home / "config.toml"
    configured = config.is_file() and "key" in config.read_text("utf-8")
    return keys or (home / "auth0_token").exists() or configured


def travelling(root: Path, names: Sequence[str], *, verbose: bool) -> Iterator[Finding]:
    """Yield how many files go, the largest of them, and what looks as if it were not meant to."""
    paths = {name: root / name for name in names}
    sizes = {name: each.stat().st_size if each.is_file() else 0 for name, each in paths.items()}
    total = sum(sizes.values())
    text = f"{len(names)} files, {readable(total)}, go to the runner"
    if total > LARGE:
        yield Finding(Sign.NOTE, text, remedy=_LEAVE_OUT)
    else:
        yield Finding(Sign.GOOD, text)
    by_size = sorted(sizes, key=lambda name: (-sizes[name], name))
    shown = by_size if verbose else by_size[:MOST_LISTED]
    if names:
        listed = ", ".join(f"{name} ({readable(sizes[name])})" for name in shown)
        left = len(by_size) - len(shown)
        more = f" and {left} more (-v lists all)" if left else ""
        yield Finding(Sign.GOOD, f"the largest: {listed}{more}")
    yield from _doubtful(sizes)


def _doubtful(sizes: dict[str, int]) -> Iterator[Finding]:
    batches = {path.parent for path in map(PurePath, sizes) if path.name == BATCH_RESULTS}
    kinds: dict[str, list[str]] = {}
    for name, size in sizes.items():
        kind = _kind(PurePath(name), size, batches)
        if kind is not None:
            kinds.setdefault(kind, []).append(name)
    for kind, names in kinds.items():
        shown = ", ".join(names[:MOST_LISTED]) + (
            f" and {len(names) - MOST_LISTED} more" if names[MOST_LISTED:] else ""
        )
        remedy = (
            "name them under weights, with the URL they come from" if kind == _HEAVY else _LEAVE_OUT
        )
        yield Finding(Sign.NOTE, f"{kind} go along: {shown}", remedy=remedy)


_HEAVY: Final = "weights of over 100 MB"


def _kind(path: PurePath, size: int, batches: set[PurePath]) -> str | None:
    if path.name.startswith(".env") or path.suffix in (".pem", ".key"):
        return "secrets, by their name,"
    if path.suffix == ".log" or "logs" in path.parts[:-1]:
        return "logs"
    if path.suffix in _WEIGHTS and size > HEAVY:
        return _HEAVY
    in_folder = {"inputs", "outputs", "results", "samples"} & set(path.parts[:-1])
    of_batch = path.name == BATCH_RESULTS or batches.intersection(path.parents[:-1])
    if in_folder or of_batch or (path.suffix in _PICTURES and len(path.parts) == 1):
        return "inputs or results"
    return None
