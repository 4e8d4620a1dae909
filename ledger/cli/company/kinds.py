"""What parts of documents and their fields are called, for a person; both are typed in English."""

from collections.abc import Iterable

from ledger.cli.speech import _
from ledger.quoted import Message

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
