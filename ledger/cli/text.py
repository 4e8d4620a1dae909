"""Text in a plain terminal: widths of Chinese characters, wrapping, sizes, times, grouped hashes."""

import os
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

WIDTH = 80
"""Columns of everything that we lay out."""

_NO_LINE_START = "，。、；：？！）》」』”’%,.;:?!)]}"
_NO_LINE_END = "（「『《“([{"
_UNITS = ("B", "kB", "MB", "GB", "TB")


def columns(text: str) -> int:
    """Return how many columns `text` takes: two for wide characters, none for combining ones."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if " " <= character <= "~":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def plain(text: str) -> str:
    """Return `text` with control characters made visible: a name must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        # A byte of a file's name that is not UTF-8 (PEP 383).
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


class Whole(str):
    """A text that is never broken into lines: a path that someone will copy."""

    __slots__ = ()


def pad(text: str, width: int) -> str:
    """Return `text` filled with spaces to `width` columns."""
    return text + " " * max(0, width - columns(text))


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, its middle left out."""
    if columns(text) <= width:
        return text
    tail = _take(text[::-1], (width - 1) // 2)[::-1]
    return _take(text, width - 1 - columns(tail)) + "…" + tail


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, its end left out."""
    return text if columns(text) <= width else _take(text, max(0, width - 1)) + "…"


def _take(text: str, width: int) -> str:
    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > width:
            return text[:position]
    return text


def wrap(text: str, width: int) -> list[str]:
    """Break `text` into lines of at most `width` columns: at spaces, and between wide characters."""
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


def indent(text: str, margin: int, width: int = WIDTH) -> str:
    """Return `text` wrapped, each line behind `margin` spaces."""
    return "\n".join(" " * margin + line for line in wrap(text, width - margin))


def size(count: int) -> str:
    """Return a count of bytes for a person: 1.4 MB."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} B" if unit == 0 else f"{value:.{0 if value >= 99.5 else 1}f} {_UNITS[unit]}"


def when(seconds: int) -> str:
    """Return POSIX seconds as UTC, and as local time with its offset where that differs."""
    try:
        utc = datetime.fromtimestamp(seconds, UTC)
        local = utc.astimezone()
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"
    text = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    if not local.utcoffset():
        return text
    shown = f"{local:%H:%M:%S}" if local.date() == utc.date() else f"{local:%Y-%m-%d %H:%M:%S}"
    offset = f"{local:%z}"
    return f"{text} ({shown} {offset[:3]}:{offset[3:]})"


def groups(digits: str, per_line: int = 8) -> list[str]:
    """Return hexadecimal digits in groups of four, `per_line` groups a line."""
    parts = [digits[i : i + 4] for i in range(0, len(digits), 4)]
    return [" ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]


def home_relative(path: str) -> str:
    """Return a path as the user would type it: relative below the working folder."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return path
    return path if relative.startswith("..") else relative
