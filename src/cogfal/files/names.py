"""Turn what callers and servers say a file is called into a name that is safe and useful.

A result is one path component: no separator, no control character, not hidden, at most 200 bytes,
and it keeps the stem and suffix it was given as far as that allows. The names that predictors get
hold nothing that a shell, or anybody else who reads them, could take for more than a name.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from urllib import parse

from cogfal.files.kinds import suffix_for

MAX_NAME_BYTES = 200
FALLBACK_NAME = "file"

_SUFFIX = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_+-]{0,23}\Z")
_EXTENDED_NAME = re.compile(
    r"filename\*\s*=\s*\"?(?P<charset>[\w!#$%&+^`{}~-]+)'[^']*'(?P<value>[^\s;\"]+)", re.IGNORECASE
)
_PARAMETER = re.compile(
    r';\s*(?P<key>[\w!#$%&+^`{}~*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^;]*))',
    re.DOTALL,
)
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_LONGEST_HEADER = 4096  # characters; a name has 200 bytes in the end
_CHARSETS = frozenset(
    (
        *("utf-8", "utf8", "us-ascii", "iso-8859-1", "iso-8859-15", "latin-1", "koi8-r"),
        *("windows-1250", "windows-1251", "windows-1252", "gbk", "gb2312", "gb18030"),
        *("big5", "shift_jis", "euc-jp", "euc-kr"),
    )
)
"""What a name may be written in; some of Python's codecs take time that grows as its square."""


def name_for(url_path: str, disposition: str | None, content_type: str | None) -> str:
    """Name a downloaded file after its Content-Disposition, else its URL, else its media type.

    `url_path` is the path of the URL, still percent-encoded and without query. A name without a
    suffix gets the media type's.
    """
    name = input_name(disposition_name(disposition or "") or _last_component(url_path))
    if has_suffix(name):
        return name
    return input_name(name + suffix_for(content_type or ""))


def input_name(text: str) -> str:
    """Reduce any text to a name for a predictor: letters and digits of any script, `.`, `_`, `-`.

    It begins with a letter, a digit or `_`, and anything else in it has become `_`.
    """
    name = "".join(each if _is_plain(each) else "_" for each in safe_name(text))
    return name.lstrip(".-") or FALLBACK_NAME


def safe_name(text: str) -> str:
    """Reduce any text to a file name; text that leaves nothing becomes `file`."""
    last = text.replace("\\", "/").rsplit("/", 1)[-1]
    name = unicodedata.normalize("NFC", "".join(filter(str.isprintable, last)))
    name = _FORBIDDEN.sub("_", name).strip().strip(".").strip()
    return shortened(name) or FALLBACK_NAME


def shortened(name: str, limit: int = MAX_NAME_BYTES) -> str:
    """Cut the stem so that the name has at most `limit` bytes of UTF-8; keep its suffix."""
    if len(name.encode()) <= limit:
        return name
    stem, suffix = split_suffix(name)
    room = limit - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + suffix


def variant(name: str, mark: str) -> str:
    """Return a variant of `name` for the case that it is taken, such as `image-2.png`."""
    stem, suffix = split_suffix(name)
    tail = f"-{mark}{suffix}"
    return shortened(stem, MAX_NAME_BYTES - len(tail.encode())) + tail


def has_suffix(name: str) -> bool:
    """Tell whether `name` ends in something that names a kind of file (`.5` does not)."""
    return split_suffix(name)[1] != ""


def split_suffix(name: str) -> tuple[str, str]:
    """Split a name into stem and suffix; `.tar.gz` and the like stay together."""
    found = _SUFFIX.search(name)
    if found is None or found.start() == 0:
        return name, ""
    stem, suffix = name[: found.start()], found.group()
    if stem.lower().endswith(".tar") and len(stem) > len(".tar"):
        return stem[: -len(".tar")], stem[-len(".tar") :] + suffix
    return stem, suffix


def disposition_name(header: str) -> str:
    """Read the file name from a Content-Disposition header (RFC 6266); "" if it has none.

    `filename*` (RFC 5987) wins over `filename`, whose bytes are tried as UTF-8.
    """
    header = header[:_LONGEST_HEADER]
    extended = _EXTENDED_NAME.search(header)
    if extended:
        decoded = _decoded(parse.unquote_to_bytes(extended["value"]), extended["charset"])
        if decoded:
            return decoded
    plain = _parameter(f";{header}", "filename")
    return _decoded(plain.encode("latin-1", "ignore"), "utf-8") or plain


def _is_plain(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character in "._-"


def _parameter(text: str, name: str) -> str:
    """Return the first parameter of that name; "" if there is none.

    The standard library's parser of headers fails on some that a server can send.
    """
    for found in _PARAMETER.finditer(text):
        if found["key"].lower() == name:
            if found["quoted"] is None:
                return found["plain"].strip()
            return found["quoted"].replace("\\\\", "\\").replace('\\"', '"')
    return ""


def _decoded(raw: bytes, charset: str) -> str:
    """Decode `raw`; "" if it is not in `charset`, or that charset is none for names."""
    if charset.lower() not in _CHARSETS:
        return ""
    try:
        return raw.decode(charset)
    except UnicodeError:
        return ""


def _last_component(url_path: str) -> str:
    """Return the decoded last component of a URL's path."""
    return parse.unquote(posixpath.basename(url_path.rstrip("/")), errors="replace")
