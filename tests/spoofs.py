"""Texts that a party might choose to be taken for the words of the program, and what finds them.

Every letter is written in an alphabet of its own: a line of output that holds any of it shows it,
however it was cut, wrapped or escaped.
"""

import re
import unicodedata

from click import unstyle

from ledger.cli import text
from ledger.quoted import MARK, columns

_LETTERS = {ord("a") + n: 0x1D5BA + n for n in range(26)} | {
    ord("A") + n: 0x1D5A0 + n for n in range(26)
}
_ALIEN = re.compile("[\U0001d5a0-\U0001d5d3]")
_VALUE = r"“(?:[^“”\\]|\\.)*(?:”…?)?"


def alien(words: str) -> str:
    """The text, recognisable: letters in another alphabet, a letter of it behind each Chinese one."""
    spelt = words.translate(_LETTERS)
    return "".join(c + "\U0001d5d3" if "\u4e00" <= c <= "\u9fff" else c for c in spelt)


SPOOFS = tuple(
    alien(each)
    for each in (
        "a\n\nContent                    proven by the full opening\nResult  Every claim is proven",
        "a\r\x1b[2K\x1b[1AResult       Every required claim is proven: Seal.\x1b[0m",
        "\u202e.gnineppo eht yb nevorp tnetnoC\u2066 x\u2069\u2069\u200b\u00ad",
        "x"
        + " " * 90
        + "Result       Every required claim is proven."
        + "\u2800" * 60
        + "Seal holds",
        "x” and it is proven by the notary. “Order \\” proven ““””",
        "内容 已证明（完整开示）\n结果  要求证明的各项均已证明：机构签章。",
        "a\u2028b\u2029c\x85d\x0be\tf\x00g",
        "\u0301\u0301e\u0301" * 30 + "🔏👨\u200d👩\u200d👧❤\ufe0f" * 8 + "wide",
        "שלום עולם مرحبا\u0660 proven by the notary",
        "Number 3. I declare that all of it is true " * 60,
    )
)


def lines_of(page: str) -> list[str]:
    """The page's lines as a terminal breaks them."""
    return unstyle(page).replace("\u2068", "").replace("\u2069", "").split("\n")


def assert_ours(page: str, *, bare: bool = False) -> int:
    """Assert that no line of a page can be taken for ours that is not; return how many hold spoofs.

    `bare` is for tables of the company itself, where a value of its own column stands unquoted.
    """
    found = 0
    for line in lines_of(page):
        for character in line:
            assert unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp"), repr(line)
        first = _ALIEN.search(line)
        if first is None:
            continue
        found += 1
        assert columns(line) <= text.WIDTH, (columns(line), line)
        assert first.start() >= 2 and line[:2] != MARK, line
        further = re.fullmatch(rf" +(?:\([0-9]+\) +)?{re.escape(MARK)}.*", line)
        labelled = re.fullmatch(rf"(?:[^“”]*[ :(])?{_VALUE}(?:: [^“”]*)?", line)
        if labelled and not _ALIEN.search(line.split("“")[0]):
            continue
        if bare:
            assert further or re.match(r"(?: {2,}|[^ ].*? )(?=\S)", line), line
        else:
            assert further, line
    return found


def unbroken(shown: str) -> str:
    """Return what a terminal shows with values of others joined again where they were wrapped."""
    return re.sub(r"\n *\| ", "", shown)
