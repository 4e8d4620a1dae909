"""Words of others, so shown that nobody takes them for ours; and our own, so typed that none slip in.

Whoever makes a deposit chooses names, subjects, tools and paths; a notary chooses its answers, whoever
hands a file over chooses its name. None of it may become part of a sentence that this program says. So
a sentence is filled with `Words` and numbers only, and everything else is `Quoted`: one line, control
characters and invisible ones as escapes, runs of spaces as one, at most `LIMIT` columns, between
quotation marks that the text itself cannot close.

The marks hold also inside a plain string: an error's text names its values as `Quoted`, and `lifted`
takes them out again for whoever shows it.
"""

import re
import unicodedata
from dataclasses import dataclass

LIMIT = 320
"""Columns of a value that are shown: four lines. Who needs all of it takes --json."""

Message = str
"""A text of ours, in English, with places `{name}`: the key of its translation in the catalogue.

What is annotated so, is extracted: values of a table, fields, arguments. Where one English text means
two things, its context goes before it: "context\x04text".
"""

MARK = "| "
"""Begins each further line of a value: no such line is a sentence of ours."""

_SHOWN = re.compile(r"“((?:[^“”\\]|\\.)*)”(…?)", re.S)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))", re.S)
_CUT = re.compile(r"((?:\A|[^\\])(?:\\\\)*)\\(?:|x.?|u.{0,3}|U.{0,7})\Z", re.S)
"""An escape at the end that was cut in two."""
_BLANK = frozenset("\u2800\u3164\u115f\u1160\uffa0")
"""Printable characters that show nothing, so that they could move what follows to another line."""
_IGNORABLE = (
    (0x34F, 0x34F),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0xFE00, 0xFE0F),
    (0xE0100, 0xE01EF),
)
"""Code points that Python calls printable and no terminal draws: variation selectors and kin."""
_ISOLATE, _END = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


class Words(str):
    """A text that this program itself has written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text that somebody else has chosen. Its `str` is the quoted form."""

    text: str

    def __str__(self) -> str:
        shown = escape(self.text, quotes=True).strip(" ")
        kept = take(shown, LIMIT)
        # An escape that is cut in two would let what follows slip out of the marks.
        kept = kept if kept == shown else _CUT.sub(r"\1", kept).rstrip(" ")
        return f"“{kept}”" + ("" if kept == shown else "…")

    @classmethod
    def parse(cls, shown: str) -> "Quoted":
        """Return what a quoted form shows; of a longer text its beginning."""
        inner = shown.removeprefix("“").removesuffix("…").removesuffix("”")
        return cls(_ESCAPE.sub(_unescape, inner))

    def lines(self, width: int) -> list[str]:
        """Return the quoted form in lines of at most `width` columns, all but the first marked."""
        return broken(str(self), width)

    def bare(self, width: int) -> list[str]:
        """Return it without quotation marks, for a column that holds nothing else."""
        shown = escape(self.text, quotes=False)
        kept = take(shown, LIMIT)
        return broken(kept if kept == shown else kept + "…", width)

    def inline(self, width: int) -> str:
        """Return it without quotation marks in one line, the middle left out if it is longer."""
        return isolated(shorten(escape(self.text, quotes=False), width))


def quoted(value: object) -> Quoted:
    """Return a value of others, also a path or what an operating system says, as such."""
    return value if isinstance(value, Quoted) else Quoted(str(value))


def lifted(sentence: str) -> tuple[Words, tuple[str, ...]]:
    """Return a sentence with numbers in the place of its quoted values, and these in order."""
    found: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[0] not in found:
            found.append(match[0])
        return f"({found.index(match[0]) + 1})"

    return Words(escape(_SHOWN.sub(number, sentence), quotes=False, lines=True)), tuple(found)


def quotations(sentence: str) -> tuple[str, ...]:
    """Return the quoted values in a sentence, marks and all, each once."""
    return tuple(dict.fromkeys(match[0] for match in _SHOWN.finditer(sentence)))


def escape(text: str, *, quotes: bool, lines: bool = False) -> str:
    """Return `text` in one line that steers no terminal: escapes for what shows nothing or moves.

    With `quotes`, quotation marks and backslashes are escaped as well; with `lines`, line feeds stay.
    """
    plain = lines or text.isascii()
    kept = text if plain else "".join(" " if _is_space(c) else c for c in text)
    kept = re.sub(" {2,}", " ", kept)
    if kept.isascii() and kept.isprintable() and not (quotes and "\\" in kept):
        return kept
    return "".join(_escape(c, quotes, lines) for c in kept)


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    return (
        chr(int(digits, 16))
        if digits
        else {"n": "\n", "r": "\r", "t": "\t"}.get(match[4], match[4])
    )


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def _escape(character: str, quotes: bool, lines: bool) -> str:
    if character in "“”\\":
        return f"\\{character}" if quotes else character
    if "\udc80" <= character <= "\udcff":
        # A byte of a file's name that is not UTF-8 (PEP 383).
        return f"\\x{ord(character) - 0xDC00:02x}"
    code = ord(character)
    hidden = character in _BLANK or any(first <= code <= last for first, last in _IGNORABLE)
    if (character.isprintable() and not hidden) or (lines and character == "\n"):
        return character
    return (
        character.encode("unicode_escape").decode() if code > 126 or code < 32 else f"\\x{code:02x}"
    )


def columns(text: str) -> int:
    """Return how many columns `text` takes at most, where terminals differ."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if character in (_ISOLATE, _END):
        return 0
    # Ambiguous ones are two wide under East Asian settings; signs may be drawn as emoji, and a mark
    # that should combine with what stands before it may be drawn by itself.
    narrow = unicodedata.east_asian_width(character) in ("N", "Na", "H")
    return 1 if narrow and unicodedata.category(character)[0] in "LNP" else 2


def take(text: str, width: int) -> str:
    """Return the beginning of `text` that fits in `width` columns."""
    if text.isascii():
        return text[: max(0, width)]
    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > width:
            return text[:position]
    return text


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, its middle left out."""
    if columns(text) <= width:
        return text
    room = max(0, width - _columns("…"))
    tail = take(text[::-1], room // 2)[::-1]
    return take(text, room - columns(tail)) + "…" + tail


def broken(text: str, width: int) -> list[str]:
    """Return an escaped text in lines of at most `width` columns, all but the first marked."""
    lines: list[str] = []
    rest, mark = text, ""
    while True:
        room = max(2, width - len(mark))
        head = take(rest, room)
        if head != rest:
            space = head.rfind(" ")
            head = head[: space + 1] if space > room // 2 else _CUT.sub(r"\1", head) or head
        lines.append(mark + isolated(head.rstrip() if head != rest else head))
        rest, mark = rest[len(head) :], MARK
        if not rest:
            return lines


def isolated(text: str) -> str:
    """Return `text` with its reading direction kept from what stands around it."""
    if text.isascii() or _RIGHT_TO_LEFT.isdisjoint(map(unicodedata.bidirectional, text)):
        return text
    return f"{_ISOLATE}{text}{_END}"


def in_fours(text: str) -> list[str]:
    """Return a text, such as hexadecimal digits, in groups of four, as people compare it."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]
