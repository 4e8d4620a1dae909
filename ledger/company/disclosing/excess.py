"""Where a selector would open far more than was asked for: said and stopped, before anything is."""

from ledger.company.disclosing.contents import Contents, Target
from ledger.company.disclosing.page_texts import is_page
from ledger.company.disclosing.selectors import BLOCK, CALLED, TEXT, Found
from ledger.errors import InvalidInput
from ledger.quoted import Message, quoted

MAX_FOR_WORDS = 64 << 10
"""Bytes of a part that words in it open: some thirty pages of text."""
MAX_BESIDE = 1024
"""Bytes that may be opened beside a span; or as many as it has."""

_GO_ON: Message = (
    "Choose less (`sealbook parts ID` shows what there is), or add --whole to show all of that."
)


def check_excess(selector: str, found: Found, contents: Contents) -> None:
    """Raise InvalidInput, saying how much would be opened, unless that is about what was asked for."""
    for target in found.groups[0]:
        document = target.document
        if document is None or target.field or is_page(contents, document):
            continue
        name, whole = contents.records[document].name, contents.records[document].size
        size = contents.extent(target)[1]
        if found.by == TEXT and size == whole:
            raise InvalidInput(
                f"The words {quoted(selector)} are in {quoted(name)}, which has no smaller part with "
                f"them: all of it, {size:,} bytes, would be shown. {_GO_ON}"
            )
        if found.by == TEXT and size > MAX_FOR_WORDS:
            raise InvalidInput(
                f"The smallest part with the words {quoted(selector)} is "
                f"{quoted(contents.typed((target,)))}: {size:,} bytes would be shown. {_GO_ON}"
            )
        if found.by == CALLED and not target.part:
            raise InvalidInput(
                f"{quoted(selector)} is only some of the name of {quoted(name)}: all of that, "
                f"{size:,} bytes, would be shown. Type its name in full, or what is to be shown of "
                "it; or add --whole."
            )
        if target.span and size - target.span[1] > max(target.span[1], MAX_BESIDE):
            raise InvalidInput(
                f"{quoted(name)} is cut into pieces larger than {quoted(selector)}: "
                f"{_span(contents, target)} would be shown, {size:,} bytes. {_GO_ON}"
            )
        if found.by == BLOCK:
            raise InvalidInput(
                f"{quoted(name)} has so many rows or lines that some stand together in a piece: "
                f"{quoted(contents.typed((target,)))}, {size:,} bytes, would be shown. {_GO_ON}"
            )


def _span(contents: Contents, target: Target) -> str:
    start, size = contents.extent(target)
    return f"bytes {start} to {start + size - 1}"
