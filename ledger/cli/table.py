"""Labels and values under each other, in the columns of the terminal."""

from collections.abc import Iterator, Sequence

from ledger.cli import text
from ledger.quoted import Quoted

One = str | Quoted | text.Named
Value = One | Sequence[One]
"""What stands behind a label: words of ours, a value of others, or several of them, a line each."""

Rows = Sequence[tuple[str, Value]]


def labelled(rows: Rows, margin: int = 0) -> Iterator[str]:
    """Yield a line or more for each label and value, values under each other."""
    widest = (text.WIDTH - margin) * 2 // 3
    width = min(widest, max((text.columns(label) for label, _ in rows), default=0) + 2)
    for label, value in rows:
        several = [value] if isinstance(value, One) else value
        body = [line for each in several for line in _broken(each, text.WIDTH - margin - width)]
        heads = text.wrap(label, width - 2) if text.columns(label) > width - 2 else [label]
        heads, body = _level(heads, body)
        yield "\n".join(
            (" " * margin + text.pad(head, width) + line).rstrip()
            for head, line in zip(heads, body, strict=True)
        )


def _level(left: list[str], right: list[str]) -> tuple[list[str], list[str]]:
    length = max(len(left), len(right))
    return left + [""] * (length - len(left)), right + [""] * (length - len(right))


def _broken(value: One, width: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield from value.lines(width)
        return
    for line in value.split("\n"):
        yield from text.wrap(line, width)
