"""A certificate as a PDF/A-3b of one A4 page, its receipt attached (`page.typ`, set by Typst).

Every value goes in as JSON, none as code. Typst is given that alone to read, and no package; it refuses
to write PDF/A where a font lacks a character. The data are a file in memory and no input of the page's
program: so Typst sets again only what differs from the page before.
"""

import json
import re
import struct
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import segno
import typst

from ledger.court.certificate.content import Case, Issue
from ledger.court.certificate.fonts import all_fonts, named_fonts
from ledger.court.certificate.wording import NUMBER, Row, wording
from ledger.errors import InvalidInput
from ledger.language import CHINESE, ENGLISH
from ledger.quoted import LIMIT, Quoted, Words, escape, quoted, take

_MISSING = re.compile(r'the text `"(.*?)"` could not be displayed', re.S)
_CODE = re.compile(r"\\u\{([0-9a-f]{1,6})\}")
_GROUP = 4
_NUMBER = struct.Struct(">q")
_DARK = re.compile(rb"\x01+")
_BORDER = 2
"""Modules of light around the code."""
SIZES = (8, 7.2, 6.4, 5.6)
"""Points of the text, tried in turn: the first fits unless names are long."""
_FULL = "the page is full"


def drawer(cases: Sequence[Case], issue: Issue) -> Callable[[int, int], bytes]:
    """Return what draws the certificate for `cases[which]` under a number. From any thread."""
    named_fonts()  # once, before threads ask for them
    return lambda which, number: draw(cases[which], issue, number)


def draw_copy(case: Case, time: int) -> bytes:
    """Return the PDF of an unsigned copy, made at `time` (POSIX seconds). Raises InvalidInput."""
    return _compiled(_data(case, None, 0), time)


def draw(case: Case, issue: Issue, number: int) -> bytes:
    """Return the PDF of a certificate, not signed yet: the same input gives the same bytes.

    Raises InvalidInput where no font has a character that is to be shown, or the page is full.
    """
    return _compiled(_data(case, issue, number), issue.time)


def _compiled(data: dict[str, Any], time: int) -> bytes:
    """Return the PDF, set as large as its one page allows, with more fonts where a name needs them."""
    fonts = named_fonts
    sizes = list(reversed(SIZES))
    while sizes:
        try:
            return _set({**data, "size": sizes[-1]}, time, fonts())
        except typst.TypstError as error:
            if _FULL in error.message:
                sizes.pop()
            elif fonts is named_fonts and _MISSING.search(error.message):
                fonts = all_fonts
            else:
                raise _refused(error) from error
    raise InvalidInput(
        "What the certificate has to say does not fit on one page. Shorten the platform statement."
    )


def _set(data: dict[str, Any], time: int, fonts: Any) -> bytes:
    given = {"main.typ": _page(), "data.json": json.dumps(data, ensure_ascii=False).encode()}
    made = typst.Compiler(given, font_paths=fonts).compile(
        format="pdf", pdf_standards=["a-3b"], timestamp=time
    )
    assert isinstance(made, bytes)
    return made


@lru_cache(maxsize=1)
def _page() -> bytes:
    return files("ledger.court.certificate").joinpath("page.typ").read_bytes()


def _refused(error: typst.TypstError) -> Exception:
    found = _MISSING.search(error.message)
    if found is None:
        return error
    return _missing(_CODE.sub(lambda match: chr(int(match[1], 16)), found[1]))


def _missing(text: str) -> InvalidInput:
    codes = " ".join(f"U+{ord(each):04X}" for each in text[:8])
    return InvalidInput(
        f"No font on this computer has the character {quoted(text)} ({codes}), and a certificate shows "
        f"every character. Install a font that has it, as Debian's {_package(text)}, then try again."
    )


def _private(text: str) -> InvalidInput:
    codes = " ".join(f"U+{ord(each):04X}" for each in text[:8])
    return InvalidInput(
        f"A name has a character of private use ({codes}), which each font draws as it likes. Have the "
        "name enrolled anew with the character's standard code."
    )


def _package(text: str) -> str:
    """Return which Debian package has fonts for a character."""
    code = max(map(ord, text))
    if code >= 0x20000:
        return "fonts-hanazono"
    cjk = 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFFEF
    return "fonts-noto-cjk" if cjk else "fonts-noto-core"


def _data(case: Case, issue: Issue | None, number: int) -> dict[str, Any]:
    zh, en = (wording(case, issue, language) for language in (CHINESE, ENGLISH))

    def pair(name: str) -> list[str]:
        return [getattr(zh, name), getattr(en, name)]

    def pairs(name: str) -> list[list[str]]:
        return [list(each) for each in zip(getattr(zh, name), getattr(en, name), strict=True)]

    shown = "" if issue is None else NUMBER.format(number)
    said = _address(case, issue, shown)
    return {
        "title": f"{zh.title} / {en.title} {shown}".strip(),
        "issuer": _shown(quoted(case.trust.issuer)),
        "signed": issue is not None,
        "titles": pair("title"),
        "no_act": pair("no_act"),
        "unsigned": pair("unsigned"),
        "numbers": pair("number"),
        "number": shown,
        "qr": _qr(said),
        "qr_text": said,
        "rows": _rows(zh.rows, en.rows),
        "limits_title": pair("limits_title"),
        "limits": pairs("limits"),
        "steps_title": pair("steps_title"),
        "steps": pairs("steps"),
        "footer": _rows(zh.footer, en.footer),
        "page": pair("page"),
        "receipt": _packed(case.receipt),
    }


def _rows(zh: tuple[Row, ...], en: tuple[Row, ...]) -> list[dict[str, Any]]:
    return [
        {
            "label": [one.label, other.label],
            "values": [_value(one, *each) for each in zip(one.values, other.values, strict=True)],
        }
        for one, other in zip(zh, en, strict=True)
    ]


def _value(row: Row, zh: Words | Quoted, en: Words | Quoted) -> dict[str, Any]:
    if isinstance(zh, Quoted):
        return {"name": _shown(zh, row.limit)}
    if row.hexadecimal and zh == en:
        groups = [zh[at : at + _GROUP] for at in range(0, len(zh), _GROUP)]
        return {"hex": [" ".join(groups[at : at + 8]) for at in range(0, len(groups), 8)]}
    return {"words": [zh, en]}


def _shown(value: Quoted, limit: int = LIMIT) -> str:
    """Return a value of others for a cell that holds nothing else: escaped, and not without end.

    Raises InvalidInput for a character of private use: each font draws its own there.
    """
    private = "".join(each for each in value.text if unicodedata.category(each) == "Co")
    if private:
        raise _private(private)
    text = escape(value.text, quotes=False).strip(" ")
    kept = take(text, limit)
    return kept if kept == text else kept + "…"


def _address(case: Case, issue: Issue | None, number: str) -> str:
    """Return what the code says: where the office answers for the number, and the fingerprint."""
    mark = case.fingerprint.replace(" ", "")
    if issue is None:
        return f"{case.trust.origin} {case.verified.index} #{mark}"
    if issue.portal is None:
        return f"{case.trust.origin} {number} #{mark}"
    return f"{issue.portal.rstrip('/')}/certificates/{number}#{mark}"


def _qr(text: str) -> str:
    # Most of the text is a hash, which each mask mixes well: trying all eight takes four times as long.
    rows = segno.make(text, error="m", micro=False, mask=0).matrix
    side = len(rows) + 2 * _BORDER
    runs = "".join(
        f"M{_BORDER + run.start()} {_BORDER + y}.5h{len(run[0])}"
        for y, row in enumerate(rows)
        for run in _DARK.finditer(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<path stroke="#000" d="{runs}"/></svg>'
    )


def _packed(data: bytes) -> dict[str, Any]:
    """Return bytes for JSON, which has none: as numbers of eight, which are quick to read."""
    padded = data + bytes(-len(data) % _NUMBER.size)
    return {"length": len(data), "numbers": [each for (each,) in _NUMBER.iter_unpack(padded)]}
