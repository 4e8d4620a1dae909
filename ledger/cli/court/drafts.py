"""Drafts laid out: paragraphs wrapped, values of others set in."""

from ledger.cli import text
from ledger.quoted import broken


def draft_page(draft: str) -> str:
    """Return a draft of `ledger.court` in lines of at most 80 columns."""
    lines = []
    for line in draft.split("\n"):
        label, mark, value = line.partition(": “")
        if mark and line.startswith(" "):
            start = f"{label}: "
            room = text.WIDTH - text.columns(start)
            lines.append(start + f"\n{' ' * text.columns(start)}".join(broken("“" + value, room)))
        else:
            lines.append(text.indent(line.strip(), len(line) - len(line.lstrip())))
    return "\n".join(lines)
