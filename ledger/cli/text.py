"""Text in a plain terminal: widths of Chinese characters, wrapping, sizes, times, grouped hashes."""

import os
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.cli.speech import _, language, told
from ledger.language import at, utc
from ledger.quoted import Message, Words, broken, escape, in_fours, quoted
from ledger.quoted import columns as most_columns
from ledger.recognised import retold

_OPENERS = {
    "a", "an", "the", "not", "no", "two", "one", "what", "there", "it", "this", "under", "over",
    "policy", "decimal", "integer", "extra",
}  # fmt: skip
"""Words that our errors begin with in lower case."""

_PAGE = 80
WIDTH = min(_PAGE, max(40, shutil.get_terminal_size((_PAGE, 24)).columns))
"""Columns of everything that we lay out. What a terminal wraps itself it would wrap to column 0."""

_NARROWEST = 16
"""Columns that a value of others gets at least in a table."""
_NO_LINE_START = "，。、；：？！）》」』”’%,.;:?!)]}"
_NO_LINE_END = "（「『《“([{"
_STATES: tuple[Message, ...] = (
    "waiting", "confirmed", "deposited", "refused", "failed", "missing", "registered", "provisional",
    "final",
)  # fmt: skip
_UNITS = ("B", "kB", "MB", "GB", "TB")


def columns(text: str) -> int:
    """Return how many columns `text` takes: two for wide characters, none for combining ones."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if " " <= character <= "~":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def plain(text: str) -> str:
    """Return `text` with control characters made visible: a name must not steer the terminal."""
    return escape(text, quotes=False)


def pad(text: str, width: int) -> str:
    """Return `text` filled with spaces to `width` columns; what may be wide counts as wide."""
    return text + " " * max(0, width - most_columns(text))


def heads(*columns_: tuple[str, int]) -> str:
    """Return heads of a table, each with its columns, the last with 0; below 0, set to the right."""
    return "".join(
        " " * max(0, -width - columns(head)) + head if width < 0 else pad(head, width)
        for head, width in columns_
    )


def state(word: str) -> str:
    """Return the state of a deposit or a receipt."""
    return _(word) if word in _STATES else word


def inline(value: object, width: int) -> str:
    """Return a value of others, bare, in at most `width` columns of one line."""
    return quoted(value).inline(width)


def screen() -> int:
    """Return the columns of a table: all that the terminal has, where it is wide."""
    return WIDTH if WIDTH < _PAGE else max(WIDTH, shutil.get_terminal_size((_PAGE, 24)).columns)


def last(before: str, value: object, width: int | None = None) -> str:
    """Return a row of a table whose last column is a value of others; below it where room lacks."""
    width = WIDTH if width is None else width
    room = width - columns(before)
    if room >= _NARROWEST:
        return before + inline(value, room)
    return f"{before.rstrip()}\n    {inline(value, width - 4)}"


def foreign(value: object, margin: int, before: str = "") -> str:
    """Return a value of others in a column from `margin` on, behind `before`, which is as wide."""
    shown = _set_in(quoted(value).bare(WIDTH - margin), margin)
    return before + shown[margin:] if before else shown


def said(message: Message, margin: int = 0) -> str:
    """Return a sentence, wrapped, and below it the quoted values that it names, a line for each."""
    words, values = retold(message, language())
    return "\n".join([indent(words, margin), *listed(values, margin + 2)])


def noted(notice: Mapping[str, Any], margin: int, label: str = "") -> Iterator[str]:
    """Yield what is said of documents (facts of a `ledger.company.noting.Noted`), and which."""
    yield pad(label, margin) + said(notice["say"], margin)[margin:]
    for name in notice["names"]:
        yield foreign(name, margin + 2)
    if more := notice["documents"] - len(notice["names"]):
        yield indent(told(f"and {more:,} more"), margin + 2)


@dataclass(frozen=True, slots=True)
class Named:
    """A quoted value, as a sentence names it by number."""

    number: int
    shown: str

    def lines(self, width: int) -> list[str]:
        """Return it in lines of at most `width` columns, behind its number."""
        label = f"({self.number})  "
        first, *others = broken(self.shown, width - len(label))
        return [label + first, *(" " * len(label) + each for each in others)]


def reason(message: str) -> list[str | Named]:
    """Return a sentence and the quoted values that it names, for a row of labelled lines."""
    words, values = retold(message, language())
    return [words, *(Named(number, each) for number, each in enumerate(values, 1))]


def listed(values: tuple[str, ...], margin: int) -> Iterator[str]:
    """Yield the quoted values that a sentence names by number."""
    for number, value in enumerate(values, 1):
        yield _set_in(Named(number, value).lines(WIDTH - margin), margin)


def _set_in(lines: list[str], margin: int) -> str:
    return "\n".join(" " * margin + line for line in lines)


def wrap(text: str, width: int) -> list[str]:
    """Break `text` into lines of at most `width` columns: at spaces, and between wide characters."""
    if columns(text.rstrip()) <= width:
        return [text.rstrip()]
    lines: list[str] = []
    line = ""
    for token in _tokens(text):
        if line and columns(line + token.rstrip()) > width:
            lines.append(line.rstrip())
            line, token = "", token.lstrip()
        while columns(token.rstrip()) > width:
            head = _take(token, width)
            lines.append(head)
            token = token[len(head) :]
        line += token
    lines.append(line.rstrip())
    return lines


def _take(text: str, width: int) -> str:
    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > width:
            return text[:position]
    return text


def _tokens(text: str) -> Iterator[str]:
    """Yield pieces between which a line may break; closing punctuation stays with what it closes."""
    token = ""
    for character in text:
        last = token[-1:]
        joins = character in _NO_LINE_START or character == " " or last in _NO_LINE_END
        if last and not joins and (last == " " or _columns(last) == 2 or _columns(character) == 2):
            yield token
            token = ""
        token += character
    if token:
        yield token


def indent(text: str, margin: int) -> str:
    """Return `text` wrapped, each line behind `margin` spaces."""
    return _set_in(wrap(text, WIDTH - margin), margin)


def size(count: int) -> str:
    """Return a count of bytes for a person: 1.4 MB."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} B" if unit == 0 else f"{value:.{0 if value >= 99.5 else 1}f} {_UNITS[unit]}"


def when(seconds: int) -> Words:
    """Return POSIX seconds as UTC, and as local time with its offset where that differs."""
    text, found = utc(seconds), at(seconds)
    try:
        local = found and found.astimezone()
    except (ValueError, OverflowError, OSError):
        local = None
    if found is None or local is None or not local.utcoffset():
        return text
    shown = f"{local:%H:%M:%S}" if local.date() == found.date() else f"{local:%Y-%m-%d %H:%M:%S}"
    offset = f"{local:%z}"
    return Words(f"{text} ({shown} {offset[:3]}:{offset[3:]})")


def groups(digits: str, per_line: int = 8) -> list[str]:
    """Return hexadecimal digits in groups of four, `per_line` groups a line."""
    parts = in_fours(digits)
    return [" ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]


def home_relative(path: str) -> str:
    """Return a path as the user would type it: relative below the working folder."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return path
    return path if relative.startswith("..") else relative


def sentence(text: str) -> str:
    """Return an error's text with a capital letter and a full stop."""
    if text.partition(" ")[0] in _OPENERS:  # a path or a name keeps its first letter
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "。")) else text + "."
