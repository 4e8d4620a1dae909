"""What an opening may say of documents: the rules that whole and partial openings share.

A verifier that took in part what it refuses whole would let whoever discloses choose. So every
statement has its rule here, and both parsers (`manifest`, `partial.consistency`) apply it to
whatever is shown to them.
"""

import re
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ledger.chain.statement import is_count
from ledger.crypto.commitment import padded_count
from ledger.errors import InvalidInput, MalformedData
from ledger.evidence.remarks import are_remarks
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.evidence.parts import Part

MAX_DOCUMENTS = 100_000
"""Documents in a deposit: a large mailbox export. Each costs a record and three small trees."""
MAX_PARTS = 1_000_000
"""Parts of a deposit: a mailbox of 80,000 messages, field by field."""
MAX_NAME = 1024
"""UTF-8 bytes of a document's name, folders included."""
MAX_PATH = 4096
"""UTF-8 bytes of a part's path and of other free text."""
MAX_LABEL = 480
"""UTF-8 bytes of a part's label."""
MAX_COVER = 4096
"""Fields of a cover: four times what a message to 1,000 recipients needs."""
MAX_FIELD = 64
"""ASCII characters in the name of a cover's field."""

_COVER_FIELD = re.compile(r"[a-z][a-z0-9]*(?:[ -][a-z0-9]+)*")

UNIFORM = "fixed"
"""The splitter of documents without parts, cut every 16,384 bytes. No other is without cuts."""


def is_text(value: Any, limit: int = MAX_PATH, empty: bool = False) -> bool:
    """Return whether `value` is text of 1 (0 where `empty`) to `limit` bytes of UTF-8."""
    if not isinstance(value, str) or not (value or empty) or len(value) > limit:
        return False
    if value.isascii():
        return True
    try:
        return len(value.encode()) <= limit
    except UnicodeEncodeError:
        return False


def is_name(value: Any) -> bool:
    """Return whether `value` can name a document: a relative path, nothing hidden in it."""
    return (
        is_text(value, MAX_NAME)
        and not any(character < " " or character == "\x7f" for character in value)
        and not {"", ".", ".."} & set(value.split("/"))
    )


def is_splitter(name: Any, version: Any) -> bool:
    """Return whether these are a splitter's name and its version."""
    return is_text(name) and is_count(version) and version > 0


def _is_time(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_free_text(value: Any) -> bool:
    return is_text(value, empty=True)


def _is_rendition(value: Any) -> bool:
    match value:
        case [of, kind, position, total, remarks]:
            return (
                all(map(is_count, (of, position, total)))
                and of >= 1
                and 1 <= position <= total
                and is_text(kind, MAX_LABEL)
                and are_remarks(remarks)
            )
    return False


_FIELDS = {
    "name": is_name,
    "size": is_count,
    "modified": _is_time,
    "media-type": _is_free_text,
    "source": _is_free_text,
    "tool": _is_free_text,
    "unsplit": _is_free_text,
    "rendition": _is_rendition,
}

METADATA_FIELDS = tuple(_FIELDS)
"""The fields of a metadata view, from leaf 1; only renditions have the last."""


def is_field(name: str, value: Any) -> bool:
    """Return whether a metadata view may state this."""
    return _FIELDS[name](value)


def is_cover_field(name: Any, value: Any) -> bool:
    """Return whether a cover can hold the field: named by words of software, the value short text."""
    return (
        is_text(name, MAX_FIELD)
        and _COVER_FIELD.fullmatch(name) is not None
        and is_text(value, empty=True)
    )


def are_cover_fields(fields: Sequence[tuple[str, str]]) -> bool:
    """Return whether a cover can hold these fields together: each name once."""
    return (
        len(fields) <= MAX_COVER
        and all(is_cover_field(name, value) for name, value in fields)
        and len({name for name, _ in fields}) == len(fields)
    )


def check_names(names: Sequence[str]) -> None:
    """Raise InvalidInput unless the names are relative, plain, short and different."""
    for name in names:
        if not is_name(name):
            raise InvalidInput(f"{quoted(name)} cannot be the name of a document in a deposit")
    if len(set(names)) != len(names):
        raise InvalidInput("two documents of the deposit have the same name")


def check_count(documents: int) -> None:
    """Raise InvalidInput unless a deposit can have so many documents."""
    if not 0 < documents <= MAX_DOCUMENTS:
        raise InvalidInput(f"a deposit has 1 to {MAX_DOCUMENTS} documents, not {documents}")


def check_padded(padded: int, most: int) -> None:
    """Raise MalformedData unless `padded` is n' or m' of some count up to `most`."""
    if padded != padded_count(padded) or padded > padded_count(most):
        raise MalformedData(f"an opening has a tree of {padded} leaves, which none is padded to")


def check_renditions(made_from: Iterable[tuple[int, int]], renditions: Container[int]) -> None:
    """Raise MalformedData unless of each (j, of) document `of` stands before j and is an original.

    `renditions` are the documents known to be none.
    """
    for document, of in made_from:
        if of >= document or of in renditions:
            raise MalformedData(
                f"document {document + 1} is called a rendition of document {of + 1}, which is not an "
                "original that stands before it"
            )


def check_parts(parts: Sequence["Part"], leaves: int) -> None:
    """Raise MalformedData unless every part names leaves that exist, parts nest or are apart, outer
    ones first, and there are not too many."""
    if len(parts) > MAX_PARTS:
        raise MalformedData(f"a document has {len(parts)} parts, more than {MAX_PARTS}")
    begin, around = 1, [leaves + 1]
    for part in parts:
        first, end = part.first, part.first + part.count
        while len(around) > 1 and around[-1] <= first:
            around.pop()
        if not begin <= first < end <= around[-1]:
            raise MalformedData(
                f"the part {quoted(part.path)} lies outside its document or the part around it"
            )
        begin = first
        around.append(end)


def check_splitters(stated: set[tuple[str, int]]) -> None:
    """Raise MalformedData where the views of one document name different splitters."""
    if len(stated) > 1:
        raise MalformedData("the views of a document were cut by different splitters")


def check_uniform(splitter: str, uniform: bool, parts: int) -> None:
    """Raise MalformedData unless a document cut `fixed` is cut so, without parts, and no other is."""
    if (splitter == UNIFORM) != uniform or (uniform and parts):
        raise MalformedData(f"a document is not cut as its splitter {quoted(splitter)} cuts")


def check_size(size: int, least: int, most: int) -> None:
    """Raise MalformedData unless a document whose leaves hold `least` to `most` bytes has `size`."""
    if not least <= size <= most:
        raise MalformedData(f"a document is said to have {size} bytes, and its leaves have not")
