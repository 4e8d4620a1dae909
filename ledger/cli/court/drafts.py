"""Drafts laid out: paragraphs wrapped, values of others set in."""

import re

from ledger.cli import text
from ledger.quoted import broken

_VALUE = re.compile(r"( +[^“]*(?:: |：))(“.*)")
"""A line of a draft that holds a value of others."""


def draft_page(draft: str) -> str:
    """Return a draft of `ledger.court` in lines of at most 80 columns."""
    lines = []
    for line in draft.split("\n"):
        found = _VALUE.fullmatch(line)
        if found:
            start, value = found.groups()
            width = text.columns(start)
            lines.append(start + f"\n{' ' * width}".join(broken(value, text.WIDTH - width)))
        else:
            lines.append(text.indent(line.strip(), len(line) - len(line.lstrip())))
    return "\n".join(lines)
