"""What a typed selector can be: the forms, and what is taken out of each. Looks at no deposit.

`FORMS` is the whole grammar, in the order in which it is tried. The first form that fits decides, and
where nothing is found under it nothing else is tried: a field word is never looked for in the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.numerals import NUMERAL, number_of


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of selector: its name, what is typed, what it means; `marked`: also in quotation marks."""

    name: str
    examples: tuple[str, ...]
    meaning: str
    marked: bool = False


FORMS = (
    Form(
        "name",
        ("list.txt", "annexes/list.txt", "message 7/body", "part 2.1"),
        "a document, a member or an attachment, or a part, by all of its name",
        marked=True,
    ),
    Form(
        "number",
        ("message 7", "messages 5 to 7", "page 3,5", "rows 2-9", "第3页"),
        "parts by their numbers: one, several, from one to another",
        marked=True,
    ),
    Form(
        "bytes",
        ("bytes 100-199",),
        "positions from 0, both ends included",
        marked=True,
    ),
    Form(
        "metadata",
        ("field modified", "title", "cover host"),
        "a field of a document, or of the deposit's cover",
        marked=True,
    ),
    Form(
        "field",
        ("Subject", "header Received 2", "message 5/Subject"),
        "a header field of a letter; never words in the text",
    ),
    Form(
        "date",
        ("2026-03-03", "3 Mar 2026", "3月3日"),
        "the letters of that day, as they state it",
    ),
    Form(
        "address",
        ("zhou@a.example", "20260305.5@a.example"),
        "the letters from that address, or else to it; the letter with that id",
    ),
    Form(
        "clause",
        ("第三条", "Article 3"),
        "a clause of a contract, up to the next",
    ),
    Form(
        "words",
        ("Re: pricing", "“Subject”"),
        "a title in full; else words in names and titles; else words in the text",
        marked=True,
    ),
)

NAME, NUMBER, BYTES, METADATA, FIELD, DATE, ADDRESS, CLAUSE, WORDS = (form.name for form in FORMS)

KNOWN_FIELDS = frozenset(
    (
        *("subject", "from", "sender", "reply-to", "to", "cc", "bcc", "date", "message-id"),
        *("in-reply-to", "references", "received", "return-path", "delivered-to", "user-agent"),
        *("x-mailer", "importance", "content-type", "content-disposition", "mime-version"),
        *("content-transfer-encoding", "dkim-signature", "authentication-results", "list-id"),
    )
)
"""Field words also where no letter has the field; beside them every field that a letter has."""

_MARKED = re.compile(r"""\s*["'“”„‘’«»「『](.+)["'“”‘’«»」』]\s*""", re.DOTALL)
_TO = r" ?(?:[-–—~]| to | bis |至|到) ?"
_LIST = rf"{NUMERAL}{{1,9}}(?:(?:{_TO}| ?[,、;] ?| and | und |和|及){NUMERAL}{{1,9}})*"
_KINDS = "message|paragraph|section|part|member|table|row|line|sheet|slide|page|document|report"
_NUMBERED = re.compile(rf"((?:.*/)?)({_KINDS})s? ?(?:nos?\.? ?)?({_LIST})(?: of \d+)?(/.*)?")
_IN_CHINESE = {
    **dict.fromkeys(("页", "頁"), ("page",)),
    **dict.fromkeys(("封", "封信", "封邮件", "封郵件"), ("message",)),
    **dict.fromkeys(("张幻灯片", "页幻灯片"), ("slide",)),
    **dict.fromkeys(("工作表", "个工作表"), ("sheet",)),
    **dict.fromkeys(("个文件", "份文件"), ("document",)),
    "段": ("paragraph",),
    "行": ("row", "line"),
}
_CHINESE = re.compile(rf"第? ?({_LIST}) ?({'|'.join(_IN_CHINESE)})(/.*)?")
_AGAIN = re.compile(r"(?<=[-–—~至到,、和及]) ?第|[页頁行段封](?= ?[-–—~至到,、和及])")
_BETWEEN = re.compile(_TO)
_NEXT = re.compile(r" ?[,、;] ?| and | und |和|及")
_BYTES = re.compile(rf"bytes? (\d{{1,19}})(?:{_TO}(\d{{1,19}}))?")
_METADATA = re.compile(r"(?:field|metadata) ([a-z-]+)")
_HEADER = re.compile(r"header[ /]([!-9;-~]+(?: \d{1,9})?)")
_ADDRESS = re.compile(r"<?([^\s@<>,;:/]+@[^\s@<>,;:/]+)>?")
_CLAUSE = re.compile(
    rf"第 ?({NUMERAL}{{1,9}}) ?(编|編|章|节|節|条|條)(?:之({NUMERAL}{{1,4}}))?"
    r"|(?:article|clause|art\.|§) ?(\d{1,4}(?:\.\d{1,3})*)"
)
_BEFORE = re.compile(r"(?:[^\w§]|_)*(?:本?合同)?(?:[^\w§]|_)*")
_RANKS = {"编": 0, "編": 0, "章": 1, "节": 2, "節": 2, "条": 3, "條": 3}


def marked(typed: str) -> str | None:
    """Return what stands between the quotation marks around a selector, None for none."""
    found = _MARKED.fullmatch(typed)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Numbered:
    """Parts by number: `kinds` of part, `ranges` (first, last), what stands before and behind."""

    kinds: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]
    before: str = ""
    behind: str = ""

    def numbers(self, most: int) -> list[int]:
        """Return the numbers, in order, each once; none where they are more than `most`, or fall."""
        sizes = [last - first + 1 for first, last in self.ranges]
        if min(sizes) < 1 or sum(sizes) > most:
            return []
        found = {each for first, last in self.ranges for each in range(first, last + 1)}
        return sorted(found)


def parse_numbered(wanted: str) -> Numbered | None:
    """Return the numbers that a folded selector asks for, None where it is of another form."""
    if found := _NUMBERED.fullmatch(wanted):
        before, kind, listed, behind = found.groups()
        return _numbered((kind,), listed, before, behind or "")
    if found := _CHINESE.fullmatch(_AGAIN.sub("", wanted)):
        return _numbered(_IN_CHINESE[found[2]], found[1], "", found[3] or "")
    return None


def _numbered(kinds: tuple[str, ...], listed: str, before: str, behind: str) -> Numbered | None:
    ranges = []
    for piece in _NEXT.split(listed):
        first, *more = (number_of(each.strip()) for each in _BETWEEN.split(piece))
        last = more[0] if more else first
        if first is None or last is None or len(more) > 1 or (not first and not last):
            return None
        ranges.append((first, last))
    return Numbered(kinds, tuple(ranges), before, behind.replace("/header ", "/header/"))


def parse_bytes(wanted: str) -> tuple[int, int] | None:
    """Return the first and the last position asked for."""
    found = _BYTES.fullmatch(wanted)
    return (int(found[1]), int(found[2] or found[1])) if found else None


def parse_metadata(wanted: str) -> str | None:
    """Return the name of the metadata field asked for."""
    found = _METADATA.fullmatch(wanted)
    return found[1] if found else None


def parse_header(wanted: str) -> str | None:
    """Return the name of a header field that is called one."""
    found = _HEADER.fullmatch(wanted)
    return found[1] if found else None


def parse_address(wanted: str) -> str | None:
    """Return an address or a message id, without its angle brackets."""
    found = _ADDRESS.fullmatch(wanted.removeprefix("mailto:"))
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause's number; of a lower `rank` are those that hold others."""

    rank: int
    number: str


def parse_clause(wanted: str) -> Clause | None:
    """Return the clause that a folded selector names."""
    found = _CLAUSE.fullmatch(wanted)
    return _clause(found) if found else None


def clause_at(text: str) -> Clause | None:
    """Return the clause that a folded text begins with, also behind marks, brackets or 合同."""
    found = _CLAUSE.match(text, _BEFORE.match(text).end())  # type: ignore[union-attr]
    return _clause(found) if found else None


def _clause(found: "re.Match[str]") -> Clause | None:
    number, unit, more, latin = found.groups()
    if latin:
        return Clause(3, latin)
    read, again = number_of(number), number_of(more) if more else 0
    if read is None or again is None:
        return None
    return Clause(_RANKS[unit], f"{read}-{again}" if again else f"{read}")


def scopes(typed: str) -> Iterator[tuple[str, str, bool]]:
    """Yield what may name a place, what is asked of it, and whether as of a path: shortest first."""
    for found in re.finditer(r"[:：/]", typed):
        yield typed[: found.start()], typed[found.end() :], found[0] == "/"
