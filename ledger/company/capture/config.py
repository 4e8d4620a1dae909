"""What is captured as it comes into being, under which policy, and when a file has settled.

The daemon's configuration is one TOML file; what it does not know it refuses.

    [[watch]]
    folder = "/home/lin/Contracts"
    include = ["*.pdf", "*.docx"]        default: everything
    exclude = ["drafts", "*.log"]
    settle = 0.5                         seconds of quiet before a closed file is sealed
    receipts = "vault"                   or "beside": next to each file
    matter = "Nanjing supply"            default: each file is a matter of its own
    classification = "confidential"
    officers = ["age1pq1..."]            for whom it is sealed besides the vault's recipients
    commitment_only = false

    [failure]                            at most one report a minute
    command = ["/usr/local/bin/page"]    gets the report as JSON on stdin
    webhook = "https://ops.example/hook" gets it by POST
    names = false                        whether the report may name files and say why

Other tables (`[smtp]`, `[[imap]]`, ...) are parsed by who serves them, out of `CaptureConfig.other`.

A pattern without a slash is matched with the name of the file and of each folder above it, one with a
slash with the whole path below the watched folder; capital letters do not count. Locks and half-made
copies are left out, unless `include` names them as they are called: "*.lock" or "poetry.lock".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ledger.crypto.recipients import parse_recipient
from ledger.encoding import parse_toml
from ledger.errors import InvalidInput, MalformedData
from ledger.quoted import quoted

MAX_CONFIG = 1 << 20
"""Bytes of a configuration file."""
SETTLE = 0.5
SHORTEST_SETTLE, LONGEST_SETTLE = 0.1, 3600.0
"""Seconds; shorter than a tick of a file system's clock, a change could go unseen."""

OTHER_TABLES = ("smtp", "imap", "mbox", "maildir")

Provenance = tuple[tuple[str, str], ...]
"""What the depositor's software states of a deposit: (field, value), sealed in its cover."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_OURS = ("*.receipt", "*.evidence", "*.request")
_TEMPORARY = (
    *("*~", "~$*", "~*.tmp", "~wrl*", ".~*", ".#*", "#*#", "._*"),
    *(
        "*.swp",
        "*.swo",
        "*.swx",
        "*.swpx",
        "4913",
        "*.kate-swp",
        ".goutputstream-*",
        "*.lock",
        "*.lck",
    ),
    *("*.tmp", "*.temp", "*.part", "*.partial", "*.crdownload", "*.download", "*.opdownload"),
    *(
        "*.downloading",
        "*.xltd",
        "*.td",
        "*.td.cfg",
        "*.aria2",
        "*.filepart",
        "*.!ut",
        "*.!qb",
        "*.bc!",
    ),
    *("*.dwl", "*.dwl2", "*.laccdb", "*.idlk", "*.sb-????????-??????"),
    *(".nfs*", ".fuse_hidden*", ".ds_store", "thumbs.db", "desktop.ini"),
)
_FOLDERS = (
    *(".git", ".hg", ".svn", ".trash*", "$recycle.bin", "lost+found"),
    *(".temporaryitems", "*.sb-????????-??????"),
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rule:
    """Policy for a folder or a sender. `matter` None: each path or thread is a matter of its own."""

    matter: str | None = None
    classification: str = ""
    officers: tuple[str, ...] = ()
    commitment_only: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """A folder to watch, and what is done with what appears there."""

    folder: str
    rule: Rule = Rule()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    settle: float = SETTLE
    receipts_beside: bool = False

    def wants(self, path: str) -> bool:
        """Return whether a file is to be captured; `path` is relative to the folder, with slashes."""
        return (
            not is_ignored(path, self.include)
            and (not self.include or _matches(path, self.include))
            and not _matches(path, self.exclude)
        )

    def enters(self, folder: str) -> bool:
        """Return whether files in a folder below, written as in `wants`, may be captured."""
        return not is_ignored(f"{folder}/file", self.include) and not _matches(folder, self.exclude)


@dataclass(frozen=True, slots=True)
class Failure:
    """Who is told that something failed. `names`: whether the report may name files."""

    command: tuple[str, ...] = ()
    webhook: str | None = None
    names: bool = False


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """What one daemon does. `other` holds the tables that others parse, as TOML gave them."""

    watch: tuple[Watch, ...] = ()
    failure: Failure = Failure()
    other: Mapping[str, Any] | None = None


def is_ignored(path: str, include: tuple[str, ...] = ()) -> bool:
    """Return whether a path names what is not captured: our own files, locks, half-made copies.

    A pattern of `include` that is itself written as such names are wins over the list, but never over
    our own files: each would have a receipt that is captured in its turn.
    """
    *folders, name = path.lower().split("/")
    named = [part for each in include for part in each.lower().split("/")]
    return _any_of(_OURS).match(name) is not None or any(
        fnmatchcase(part, each) and not any(fnmatchcase(one, each) for one in named)
        for parts, patterns in (((name,), _TEMPORARY), (folders, _FOLDERS))
        for part in parts
        if _any_of(patterns).match(part)
        for each in patterns
    )


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches where one of the patterns does: each event of a file system is asked for."""
    return re.compile("|".join(map(translate, patterns)))


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    path = path.casefold()
    parts = path.split("/")
    return any(
        fnmatchcase(path, each) if "/" in each else any(fnmatchcase(part, each) for part in parts)
        for each in map(str.casefold, patterns)
    )


# --- configuration ---


class Table:
    """A TOML table that is read key by key; what is left at the end is refused."""

    def __init__(self, value: Any, name: str) -> None:
        if not isinstance(value, dict):
            raise MalformedData(f"[{quoted(name)}] is not a table")
        self._left = dict(value)
        self.name = name

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Return a value of the kind given. Raises MalformedData; without a default, if it lacks."""
        if key not in self._left:
            if default is None:
                raise MalformedData(f"[{quoted(self.name)}] needs `{quoted(key)}`")
            return default
        value = self._left.pop(key)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise MalformedData(
                f"`{quoted(key)}` in [{quoted(self.name)}] is not a {kind.__name__}"
            )
        return value

    def optional(self, key: str) -> str | None:
        """Return a text, None where there is none."""
        return self.take(key, str) if key in self._left else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty where there is none."""
        values = self.take(key, list, [])
        if not all(isinstance(value, str) and value for value in values):
            raise MalformedData(f"`{quoted(key)}` in [{quoted(self.name)}] is not a list of texts")
        return tuple(values)

    def rule(self) -> Rule:
        """Take the keys of a policy."""
        officers = self.texts("officers")
        for each in officers:
            check_officer(each)
        return Rule(
            matter=self.optional("matter") or None,
            classification=self.optional("classification") or "",
            officers=officers,
            commitment_only=self.take("commitment_only", bool, False),
        )

    def finish(self) -> None:
        """Raise MalformedData if anything is left."""
        for key in self._left:
            raise MalformedData(f"[{quoted(self.name)}] does not know `{quoted(key)}`")


def parse_config(data: bytes) -> CaptureConfig:
    """Return the configuration in a TOML file. Raises MalformedData."""
    try:
        value = parse_toml(data, max_size=MAX_CONFIG)
    except MalformedData as error:
        raise MalformedData(f"the configuration cannot be read: {error}") from error
    root = Table(value, "configuration")
    try:
        watch = tuple(_watch(Table(each, "watch")) for each in root.take("watch", list, []))
        failure = _failure(Table(root.take("failure", dict, {}), "failure"))
    except MalformedData:
        raise
    except InvalidInput as error:
        raise MalformedData(str(error)) from error
    other = {key: value.pop(key) for key in OTHER_TABLES if key in value}
    for key in value:
        if key not in ("watch", "failure"):
            raise MalformedData(f"the configuration has no table [{quoted(key)}]")
    return CaptureConfig(watch, failure, other)


def _watch(table: Table) -> Watch:
    folder = table.take("folder", str)
    if not folder.startswith(("/", "~")) and folder[1:3] != ":\\":
        raise MalformedData(f"the folder {quoted(folder)} is not an absolute path")
    receipts = table.take("receipts", str, "vault")
    if receipts not in ("vault", "beside"):
        raise MalformedData('`receipts` is "vault" or "beside"')
    found = Watch(
        folder=folder,
        include=table.texts("include"),
        exclude=table.texts("exclude"),
        settle=check_settle(table.take("settle", float, SETTLE)),
        receipts_beside=receipts == "beside",
        rule=table.rule(),
    )
    table.finish()
    return found


def check_settle(seconds: float) -> float:
    """Return a settle time. Raises MalformedData outside its limits."""
    if not SHORTEST_SETTLE <= seconds <= LONGEST_SETTLE:
        raise MalformedData(
            f"the settle time is {SHORTEST_SETTLE} to {LONGEST_SETTLE:.0f} seconds, not {seconds}"
        )
    return seconds


def check_officer(text: str) -> None:
    """Raise MalformedData, naming it, where a text is no age recipient."""
    try:
        parse_recipient(text)
    except MalformedData as error:
        raise MalformedData(f"the officer {quoted(text)} is no age recipient: {error}") from error


def _failure(table: Table) -> Failure:
    webhook = table.optional("webhook")
    if webhook is not None:
        parts = urlsplit(webhook)
        if not parts.hostname or (
            parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        ):
            raise MalformedData("`webhook` is an address that begins with https://")
    found = Failure(table.texts("command"), webhook, table.take("names", bool, False))
    table.finish()
    return found


# --- settling ---
