"""What renditions say of themselves, for a person at the command line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.cli import text
from ledger.court.remarks import remark_names, remark_rest, remark_words
from ledger.language import ENGLISH


def remark_lines(remarks: Sequence[Mapping[str, Any]], margin: int) -> Iterator[str]:
    """Yield each remark of a rendition (see `ledger.evidence.remarks.remark_facts`) as a sentence."""
    for each in remarks:
        said = str(remark_words(each, ENGLISH))
        if names := remark_names(each):
            said += ": " + ", ".join(map(str, names))
        if rest := remark_rest(each, ENGLISH):
            said += f" ({rest})"
        yield text.said(said, margin)
