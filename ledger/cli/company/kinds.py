"""What parts of documents and their fields are called, for a person; both are typed in English."""

from collections.abc import Iterable

from ledger.cli.speech import _
from ledger.cli.text import inline
from ledger.quoted import Message, Words

_KINDS: dict[str, tuple[Message, Message]] = {
    "message": ("{count:,} message", "{count:,} messages"),
    "separator": ("{count:,} separator", "{count:,} separators"),
    "end": ("{count:,} end", "{count:,} ends"),
    "section": ("{count:,} section", "{count:,} sections"),
    "paragraph": ("{count:,} paragraph", "{count:,} paragraphs"),
    "member": ("{count:,} member", "{count:,} members"),
    "page": ("{count:,} page", "{count:,} pages"),
    "row": ("{count:,} row", "{count:,} rows"),
    "rows": ("{count:,} block of rows", "{count:,} blocks of rows"),
    "line": ("{count:,} line", "{count:,} lines"),
    "lines": ("{count:,} block of lines", "{count:,} blocks of lines"),
    "header": ("{count:,} header", "{count:,} headers"),
    "body": ("{count:,} body", "{count:,} bodies"),
}
_OTHER: tuple[Message, Message] = ("{count:,} part", "{count:,} parts")
_SPLITTERS: dict[str, Message] = {
    "message": "splitter\x04message",
    "mbox": "splitter\x04mbox",
    "emlx": "splitter\x04emlx",
    "text": "splitter\x04text",
    "markdown": "splitter\x04markdown",
    "rows": "splitter\x04rows",
    "lines": "splitter\x04lines",
}
_FIELDS: dict[str, Message] = {
    "name": "name",
    "size": "size",
    "modified": "modified",
    "media-type": "media-type",
    "source": "source",
    "tool": "tool",
    "unsplit": "unsplit",
    "rendition": "rendition",
    "title": "title",
    "path": "path",
    "host": "host",
    "matter": "matter",
    "origin": "origin",
}


def counted(kind: str, count: int) -> str:
    """Return how many parts of a kind (`ledger.company.disclosing.contents.kind_of`) there are."""
    one, more = _KINDS.get(kind, _OTHER)
    return _(one if count == 1 else more, count=count)


def splitter_called(name: str) -> Words:
    """Return what a splitter is called; one that is not known keeps the name that it was given."""
    return Words(_(_SPLITTERS[name]) if name in _SPLITTERS else inline(name, 20))


def field_called(name: str) -> str:
    """Return what a field is called; the cover's may have names that others have chosen."""
    return _(_FIELDS[name]) if name in _FIELDS else name


def stated(name: str, value: str) -> str:
    """Return a field's value, behind its name where that differs from what is typed."""
    called = field_called(name)
    return value if called == name else f"{called}：{value}"


def fields_listed(names: Iterable[str]) -> str:
    """Return what fields are called, in one line."""
    return _(", ").join(map(field_called, names))
