"""What a .docx holds around its text: headers and footers, comments, and text that no reader shows."""

from collections.abc import Iterator
from typing import Any

from ledger.company.sealing.rendering.reading import parsed
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.wordml import PICTURE, TEXTS, R, V, W, holds_text

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml."
_MARGINS = {f"{_WORD}header+xml": "headers", f"{_WORD}footer+xml": "footers"}
_COMMENTS = f"{_WORD}comments+xml"
_READ = frozenset(
    f"{_WORD}{kind}+xml"
    for kind in ("document.main", "template.main", "footnotes", "endnotes", "styles", "numbering",
                 "settings", "webSettings", "fontTable", "commentsExtended", "commentsIds",
                 "commentsExtensible", "people", "stylesWithEffects", "keyMapCustomizations",
                 "documentTasks", "mailMergeRecipientData")
)  # fmt: skip
_PICTURES = (f"{PICTURE}pic", f"{V}imagedata")


def count_surroundings(document: Any, tally: Tally) -> None:
    """Count what stands around the text of a document that python-docx has read."""
    shown = set(_margins(document))
    for part in document.part.package.iter_parts():
        kind = part.content_type
        is_text = kind.startswith(_WORD) and kind.endswith("+xml") and kind not in _READ
        if part is document.part or not is_text:
            continue
        root = parsed(part.blob)
        if kind == _COMMENTS:
            for each in root.iterchildren(f"{W}comment"):
                tally.add("comments", each.get(f"{W}author"), each.get(f"{W}date"))
        elif kind in _MARGINS and part.partname in shown:
            tally.add(_MARGINS[kind], times=_says_something(root))
        else:
            tally.add("stored", times=sum(map(_holds_text, root.iter(f"{W}p"))))


def _margins(document: Any) -> Iterator[str]:
    """Yield the names of the headers and footers that sections refer to."""
    for each in document.element.iter(f"{W}headerReference", f"{W}footerReference"):
        if part := document.part.related_parts.get(each.get(f"{R}id")):
            yield part.partname


def _says_something(root: Any) -> bool:
    return _holds_text(root) or next(root.iter(*_PICTURES), None) is not None


def _holds_text(element: Any) -> bool:
    return any(map(holds_text, element.iter(*TEXTS)))
