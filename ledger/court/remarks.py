"""What a rendition says of itself, in our sentences: one for each word of the list in docs/formats.md.

Names and times are the original's own, so they stand beside the sentence and not in it. A word that is
not on the list is shown as what it is: a word of other software.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.court.words import Fact
from ledger.language import Message, spelled, tr
from ledger.quoted import Quoted, Words

Stated = Mapping[str, Any]
"""A remark by name, as `ledger.evidence.remarks.remark_facts` gives it."""


def remark_words(remark: Stated, language: str) -> Words:
    """Return the sentence of a remark, without a full stop."""
    count = remark["count"]
    one = count == 1
    return tr(
        REMARKS.get(remark["what"], _UNKNOWN),
        language,
        count=count,
        s=Words("" if one else "s"),
        es=Words("" if one else "es"),
        ies=Words("y" if one else "ies"),
        it=Words("it" if one else "they"),
        its=Words("its" if one else "their"),
        is_=Words("is" if one else "are"),
        s_=Words("s" if one else ""),
    )


def remark_names(remark: Stated) -> tuple[Quoted, ...]:
    """Return whom or what a remark names; of an unknown one first its word."""
    names = tuple(map(Quoted, remark["names"]))
    return names if remark["what"] in REMARKS else (Quoted(remark["what"]), *names)


def remark_rest(remark: Stated, language: str) -> Words:
    """Return how many names are left out, and when it was; "" for nothing."""
    said = []
    if remark["more_names"]:
        said.append(tr(_MORE, language, remark["more_names"]))
    if remark["first"] is not None:
        first, last = (spelled(remark[each], _TIME) for each in ("first", "last"))
        said.append(tr(_ONCE if first == last else _WHEN, language, first, last))
    return Words(tr("clause\x04, ", language).join(said))


def remarks_facts(remarks: Sequence[Stated], language: str) -> Iterator[Fact]:
    """Yield what a rendition says of itself, for a report."""
    for number, remark in enumerate(remarks):
        label = "  " + tr(_LABEL, language) if number == 0 else ""
        yield Fact(label, remark_words(remark, language))
        yield from (Fact("", name) for name in remark_names(remark))
        if rest := remark_rest(remark, language):
            yield Fact("", rest)


_TIME = "%Y-%m-%d %H:%M"
_LABEL: Message = "says of itself"
_MORE: Message = "and {0:,} more"
_ONCE: Message = "{0} by the original's own clock"
_WHEN: Message = "{0} to {1} by the original's own clock"
_UNKNOWN: Message = "{count:,} × what other software calls"

REMARKS: dict[str, Message] = {
    "repaired": "the PDF was damaged and has been repaired",
    "annotations": "{count:,} annotation{s} without a stored appearance, missing from the page",
    "link-frames": "{count:,} frame{s} around links, left out",
    "insertions": "{count:,} tracked insertion{s}, shown as accepted",
    "deletions": "{count:,} tracked deletion{s}, left out as accepted",
    "moves": "{count:,} tracked move{s}, shown at the new place only",
    "insertions-marked": "{count:,} tracked insertion{s}, marked as {{+…+}}",
    "deletions-marked": "{count:,} tracked deletion{s}, marked as [-…-]",
    "moves-marked": (
        "{count:,} tracked move{s}, marked as a deletion at the old place and an insertion at "
        "the new"
    ),
    "format-changes": "{count:,} tracked change{s} of format, not shown",
    "struck": "{count:,} passage{s} struck through by hand, marked as ~~…~~",
    "hidden": "{count:,} passage{s} of hidden text, left out",
    "faint": "{count:,} passage{s} in white or tiny type, shown like the rest",
    "raised": "{count:,} raised or lowered passage{s}, shown as ⁶, ₂, ^(…) or _(…)",
    "formulas": "{count:,} formula{s}, written in one line",
    "numbers": "{count:,} paragraph number{s} in a format that is not known, shown as [n]",
    "symbols": "{count:,} character{s} of symbol fonts that {is_} not known, shown as \ufffd",
    "headers": "{count:,} page header{s}, left out",
    "footers": "{count:,} page footer{s}, left out",
    "comments": "{count:,} comment{s}, left out",
    "text-boxes": "{count:,} text box{es}, shown after the paragraph that {it} belong{s_} to",
    "notes": "{count:,} footnote{s} or endnote{s}, shown at the end as [n]",
    "pictures": "{count:,} picture{s}, left out",
    "drawings": "{count:,} drawing{s}, left out but for the text in {its} boxes",
    "charts": "{count:,} chart{s}, left out",
    "diagrams": "{count:,} diagram{s} (SmartArt), left out",
    "objects": "{count:,} embedded or linked object{s}, left out",
    "fields": "{count:,} field{s} without a result, left out",
    "results": (
        "{count:,} field{s} with the result that the original holds; what {it} compute{s_} is "
        "left out"
    ),
    "unread": "{count:,} passage{s} in places that this software does not read, left out",
    "links": "{count:,} link{s}, {its} address left out",
    "readings": "{count:,} phonetic guide{s}, left out",
    "versions": "{count:,} passage{s} in several versions that differ, of which one is shown",
    "stored-numbers": (
        "numbers as the file stores them, dates as year-month-day; formats of cells are left out"
    ),
    "computed": "{count:,} cell{s} computed by formulas, shown with the result that the file holds",
    "hidden-sheets": "{count:,} hidden sheet{s}, shown like the rest",
    "hidden-cells": "{count:,} hidden row{s} or groups of columns, shown like the rest",
    "hidden-slides": "{count:,} hidden slide{s}, shown like the rest",
    "speaker-notes": "speaker's notes of {count:,} slide{s}, left out",
    "seals": "electronic seals or signatures, left out and not checked",
    "annotation-files": "annotations, left out",
    "composed": (
        "{count:,} header field{s} made of what the original stores, which has no such field{s}"
    ),
    "replaced-lines": (
        "{count:,} line{s} of the original's header left out: fields of MIME, and what is no field"
    ),
    "other-subject": (
        "{count:,} subject{s} that Outlook shows otherwise than the header says, which is kept"
    ),
    "names-only": "{count:,} sender{s} or recipient{s} without an internet address, shown by name",
    "rich-text": "{count:,} bod{ies} in rich text (RTF), left out",
    "properties": (
        "{count:,} other propert{ies} that Outlook stores (flags, times, categories, ..), left out"
    ),
    "undecoded": (
        "{count:,} text{s} with bytes that are no characters in {its} charset, shown as \ufffd"
    ),
    "guessed": "{count:,} text{s} whose charset is not stated rightly, and was guessed",
    "unreadable": "{count:,} stored value{s} that cannot be read, left out",
    "deep-messages": "{count:,} message{s} too deep inside others, left out",
    "stored": "{count:,} passage{s} stored in the file that no reader shows, left out",
}
"""A sentence for each word that this version knows."""
