"""What renditions say of themselves, for a person at the command line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.cli import text
from ledger.cli.speech import _, language, told
from ledger.company.disclosing.contents import MARKED
from ledger.court.remarks import remark_names, remark_rest, remark_words
from ledger.evidence.records import Record, Rendition

_MOST = 10
"""Documents, or pages of one, whose remarks are shown one by one."""


def remark_lines(remarks: Sequence[Mapping[str, Any]], margin: int) -> Iterator[str]:
    """Yield each remark of a rendition (see `ledger.evidence.remarks.remark_facts`) as a sentence."""
    for each in remarks:
        said = str(remark_words(each, language()))
        if names := remark_names(each):
            said += _("remark\x04: ") + _(", ").join(map(str, names))
        if rest := remark_rest(each, language()):
            said += _("remark\x04 ({0})", rest)
        yield text.said(said, margin)


def page_lines(pages: Sequence[Rendition], margin: int) -> Iterator[str]:
    """Yield what the pages of a document say of themselves, once where all say the same."""
    if len({each.remarks for each in pages}) == 1:
        yield from remark_lines(pages[0].facts["remarks"], margin)
        return
    saying = [each for each in pages if each.remarks]
    for each in saying[:_MOST]:
        yield text.indent(told(f"page {each.position}"), margin)
        yield from remark_lines(each.facts["remarks"], margin + 2)
    if len(saying) > _MOST:
        yield text.indent(told(f"and {len(saying) - _MOST:,} more pages with remarks"), margin)


def sealed_lines(records: Sequence[Record], margin: int) -> Iterator[str]:
    """Yield what the renditions of a deposit say of themselves, each document's below its name."""
    made: dict[int, list[Rendition]] = {}
    for record in records:
        if record.rendition is not None:
            made.setdefault(record.rendition.of, []).append(record.rendition)
    saying = [of for of, each in made.items() if any(rendition.remarks for rendition in each)]
    for of in saying[:_MOST]:
        yield text.foreign(records[of].name, margin)
        pages = [each for each in made[of] if each.kind == "page"]
        if pages:
            yield from page_lines(pages, margin + 2)
        for each in made[of]:
            if each.kind not in ("page", MARKED):
                yield from remark_lines(each.facts["remarks"], margin + 2)
            elif each.kind == MARKED:
                yield text.indent(_("a second text marks the changes"), margin + 2)
    if len(saying) > _MOST:
        yield text.indent(
            told(
                f"and {len(saying) - _MOST:,} more documents; `sealbook parts` shows their remarks"
            ),
            margin,
        )
