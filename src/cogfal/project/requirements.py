"""Read pip requirements files, and everything they may refer to, into located values.

The format is pip's: continuation lines, comments, `${NAME}` substitution, nested files, options.
Nothing is resolved or fetched here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from cogfal.errors import ConfigError
from cogfal.project.place import read_text
from cogfal.spec import Location

_VARIABLE: Final = re.compile(r"\$\{([A-Z0-9_]+)\}")
_USER: Final = re.compile(r"://(?P<user>[^/\s:@]*)(?::(?P<password>[^/\s@]*))?@")
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_CREDENTIALS: Final = re.compile(r"://[^/\s]*@")
_URL: Final = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_NAMED_URL: Final = re.compile(r"[\w.-]+\s*(\[[^\]]*\])?\s*@")
_UNREACHABLE: Final = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?(file|ssh):", re.IGNORECASE)
_PATH: Final = re.compile(r"(?P<path>[^\[\];]+?)\s*(?P<extras>\[[\w.,\s-]+\])?")
_LIKE_A_PATH: Final = re.compile(r"[./~]|.*(/|\.(whl|tar\.gz|tgz|zip|tar\.bz2|tar\.xz)$)")
_ALIASES: Final = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
    "--pypi-url": "--index-url",
}
_VALUE_OPTIONS: Final = frozenset(
    {"--requirement", "--constraint", "--editable", "--index-url", "--extra-index-url"}
    | {"--find-links", "--no-binary", "--only-binary", "--trusted-host", "--use-feature"}
)
_FLAGS: Final = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes"})
_LINE_OPTIONS: Final = frozenset(
    {"--hash", "--config-settings", "--config-setting", "--global-option", "--install-option"}
)
_RELATIVE: Final = "put it there, or correct the path, relative to the file that names it"


@dataclass(frozen=True, slots=True)
class Package:
    """A named requirement as `packaging` reads it; `hashes` are pip's `--hash` values."""

    requirement: Requirement
    hashes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    where: Location | str | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The package's name in its normal form."""
        return canonicalize_name(self.requirement.name)


@dataclass(frozen=True, slots=True)
class Link:
    """A requirement that is only a URL: a wheel, an archive or a repository."""

    url: str
    marker: str | None = None
    hashes: tuple[str, ...] = ()
    where: Location | str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Local:
    """A wheel, an archive or a project directory on this machine; `extras` as in `[a,b]`."""

    path: Path
    extras: str = ""
    editable: bool = False
    where: Location | str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Option:
    """An installer's option, by its long name; a flag has no value.

    `directory` is set where the value is a directory of packages on this machine.
    """

    name: str
    value: str | None = None
    where: Location | str | None = field(default=None, compare=False)
    directory: Path | None = None


Line: TypeAlias = Package | Link | Local | Option
Options: TypeAlias = list[tuple[str, str | None]]


class RequirementSet(NamedTuple):
    """What the files ask for, in order, and the versions they constrain.

    `secrets` are the variables that stand in a URL's credentials: their `${NAME}` is left as it
    is, for a value that only the build may see.
    """

    lines: tuple[Line, ...] = ()
    constraints: tuple[Package, ...] = ()
    secrets: tuple[str, ...] = ()

    def packages(self) -> tuple[Package, ...]:
        """Return the named requirements."""
        return tuple(line for line in self.lines if isinstance(line, Package))


def read_requirements(
    path: Path,
    environ: Mapping[str, str],
    *,
    root: Path | None = None,
    where: Location | str | None = None,
) -> RequirementSet:
    """Follow a requirements file and the files it names.

    Args:
        path: The file.
        environ: Where `${NAME}` is looked up.
        root: The project's directory, out of which no file may lead; the file's by default.
        where: What names the file, for messages.

    Raises:
        ConfigError: A file or variable is missing, or a line is not in pip's format.
    """
    reader = _LineReader(environ, root or path.parent)
    reader.file(path, where)
    return reader.result()


def read_packages(
    texts: Mapping[str, Location | str], base: Path, environ: Mapping[str, str]
) -> RequirementSet:
    """Read requirement lines with their places, such as `build.python_packages`.

    Cog writes them into a requirements file, so comments and the like are read as in one.
    """
    reader = _LineReader(environ, base)
    for text, where in texts.items():
        for _, line in _logical_lines(text):
            reader.line(line, where, base, constraint=False)
    return reader.result()


class _LineReader:
    def __init__(self, environ: Mapping[str, str], root: Path) -> None:
        self._environ = environ
        self._root = root
        self._lines: list[Line] = []
        self._constraints: list[Package] = []
        self._secrets: dict[str, None] = {}
        self._open: list[Path] = []

    def result(self) -> RequirementSet:
        return RequirementSet(tuple(self._lines), tuple(self._constraints), tuple(self._secrets))

    def file(self, path: Path, where: Location | str | None, *, constraint: bool = False) -> None:
        text = read_text(path, root=self._root, where=where)
        path = path.resolve()
        if path in self._open:
            raise ConfigError(
                f"{path.name} includes itself", where=where, remedy="remove the -r or -c line"
            )
        self._open.append(path)
        for number, line in _logical_lines(text):
            self.line(line, Location(path.name, number), path.parent, constraint=constraint)
        self._open.pop()

    def line(self, text: str, where: Location | str, base: Path, *, constraint: bool) -> None:
        text = self._substitute(text, where)
        if "\0" in text:
            raise ConfigError("there is a NUL character", where=where, remedy="remove it")
        if text.startswith("-"):
            self._apply(_options(text, where), where, base, constraint=constraint)
            return
        subject, options = _split_options(text, where)
        general = [option for option in options if option[0] not in _LINE_OPTIONS]
        self._apply(general, where, base, constraint=constraint)
        own = [option for option in options if option[0] in _LINE_OPTIONS]
        line = self._subject(subject, own, where, base)
        if not constraint:
            self._lines.append(line)
        elif isinstance(line, Package):
            self._constraints.append(line)
        else:
            raise ConfigError(
                "a constraint needs a package's name", where=where, remedy="write `name==version`"
            )

    def _substitute(self, text: str, where: Location | str) -> str:
        """Put in the values of variables, except where a URL's credentials would show them."""
        # Found in the line as it is written: a value could bring an @ or a :// of its own.
        credentials = [match.span() for match in _CREDENTIALS.finditer(text)]

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if any(start <= match.start() < end for start, end in credentials):
                self._secrets[name] = None
                return match[0]
            if name not in self._environ:
                raise ConfigError(
                    f"the environment variable {name} is not set here",
                    where=where,
                    remedy=f"export {name} before deploying, or write the value out",
                )
            return self._environ[name]

        return _VARIABLE.sub(value, text)

    def _apply(
        self, options: Options, where: Location | str, base: Path, *, constraint: bool
    ) -> None:
        """Carry out options of the whole installation, also those that stand behind a package.

        pip overlooks `-f URL` behind a package without a word; Cog moves it to a line of its own.
        """
        for name, value in options:
            if name in ("--requirement", "--constraint"):
                constrains = constraint or name == "--constraint"
                self.file(_included(value, base, where), where, constraint=constrains)
            elif name == "--editable":
                self._lines.append(_editable(value or "", where, base))
            elif name == "--find-links" and value and not _URL.match(value):
                self._lines.append(Option(name, value, where, self._folder(value, base, where)))
            else:
                self._lines.append(Option(name, value, where))

    def _folder(self, value: str, base: Path, where: Location | str) -> Path:
        """Return a directory of packages, which must be there."""
        path = (base / value).resolve()
        if not path.is_relative_to(self._root.resolve()) or not _exists(path):
            raise ConfigError(
                f"--find-links {value}: there is no such directory in the project",
                where=where,
                remedy=_RELATIVE,
            )
        return path

    def _subject(self, text: str, options: Options, where: Location | str, base: Path) -> Line:
        hashes = tuple(value for name, value in options if name == "--hash" and value)
        others = tuple(f"{n}={v}" for n, v in options if n != "--hash")
        _refuse_unreachable(text, where)
        if _URL.match(text):
            url, _, marker = text.partition(" ;")
            return Link(url.strip(), marker.strip() or None, hashes, where)
        local = None if _NAMED_URL.match(text) else _local(text, base, where)
        if local is not None:
            return local
        try:
            return Package(Requirement(text), hashes, others, where)
        except InvalidRequirement as error:
            raise ConfigError(
                f"not a requirement: {text!r}",
                where=where,
                remedy="write it as `name==version`, or as a URL, or as a path that exists",
            ) from error


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines, drop comments and blanks; the number is the first line's."""
    pending: list[str] = []
    start = 1
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        if not pending:
            start = number
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            pending.append(raw[:-1])
            continue
        joined = _COMMENT.sub("", "".join([*pending, raw])).strip()
        pending = []
        if joined:
            yield start, joined


def _split_options(text: str, where: Location | str) -> tuple[str, Options]:
    """Separate a requirement from the options behind it."""
    match = re.search(r"\s--?[a-z]", text)
    if match is None:
        return text, []
    return text[: match.start()].strip(), _options(text[match.start() :], where)


def _options(text: str, where: Location | str) -> Options:
    try:
        tokens = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"cannot be split into words: {error}", where=where, remedy="close the quotes"
        ) from error
    found: Options = []
    while tokens:
        token = tokens.pop(0)
        name, equals, value = token.partition("=")
        if not token.startswith("--"):
            name, equals, value = token[:2], token[2:], token[2:].removeprefix("=")
        name = _ALIASES.get(name, name)
        if name in _FLAGS and not equals:
            found.append((name, None))
        elif name not in _VALUE_OPTIONS and name not in _LINE_OPTIONS:
            raise ConfigError(
                f"{token!r} is not an option of a requirements file",
                where=where,
                remedy="remove it; pip's reference lists those that are",
            )
        elif equals:
            found.append((name, value or None))
        elif tokens:
            found.append((name, tokens.pop(0)))
        else:
            raise ConfigError(f"{name} has no value", where=where, remedy="give one")
    return found


def _refuse_unreachable(text: str, where: Location | str) -> None:
    url = _NAMED_URL.sub("", text, count=1).strip()
    match = _UNREACHABLE.match(url)
    if match:
        remedy = {
            "file": "give the path itself, inside the project",
            "ssh": "use https, with ${TOKEN} for credentials and a fal secret of that name",
        }[match[1].lower()]
        what = f"fal's builder cannot reach {without_credentials(url)}"
        raise ConfigError(what, where=where, remedy=remedy)


def _included(value: str | None, base: Path, where: Location | str) -> Path:
    if value is None or _URL.match(value):
        raise ConfigError(
            f"{value!r} is not a file of the project",
            where=where,
            remedy="save the file in the project and name it by its path",
        )
    return base / value


def _editable(text: str, where: Location | str, base: Path) -> Line:
    if _URL.match(text):
        return Link(text, None, (), where)
    return Local(*_found(text, base, where), editable=True, where=where)


def _local(text: str, base: Path, where: Location | str) -> Local | None:
    """A path, where the text looks like one; it must exist."""
    path = _PATH.fullmatch(text)
    if path is None or not _LIKE_A_PATH.match(path["path"]):
        return None
    return Local(*_found(text, base, where), where=where)


def _found(text: str, base: Path, where: Location | str) -> tuple[Path, str]:
    """Return what lies at a path, and the extras behind it."""
    match = _PATH.fullmatch(text)
    path, extras = (match["path"], match["extras"] or "") if match else (text, "")
    if not _exists(base / path):
        raise ConfigError(f"{path} does not exist", where=where, remedy=_RELATIVE)
    return (base / path).resolve(), extras


def _exists(path: Path) -> bool:
    """Whether there is such a file; text that cannot be a path names none."""
    try:
        return bool(path.stat())
    except (OSError, ValueError):
        return False


def pin_of_wheel(place: str) -> Requirement | None:
    """Return what the path or URL of a wheel installs, pinned; None where it names no wheel."""
    try:
        name, version, _, _ = parse_wheel_filename(unquote(PurePosixPath(place).name.split("#")[0]))
    except InvalidWheelFilename:
        return None
    return Requirement(f"{name}=={version}")


def shows_credentials(text: str) -> bool:
    """Whether a text holds a URL with a password, or a token as user, that is written out."""
    for match in _USER.finditer(text):
        shown = match["user"] if match["password"] is None else match["password"]
        if _VARIABLE.sub("", shown) not in ("", "git"):
            return True
    return False


def without_credentials(text: str) -> str:
    """Return a text that may be shown, with every URL's user name and password left out."""
    return re.sub(r"(://)[^/@\s]+@", r"\1***@", text)
