"""The section of a report on the file as a whole: what its receipts show of their matters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ledger.cli.court.page import described
from ledger.court import say
from ledger.court.matters import describe_matter

if TYPE_CHECKING:
    from ledger.evidence.casefile import MatterShown


def matters_page(matters: "Sequence[MatterShown]", language: str) -> str:
    """Return the section; there is at least one matter."""
    lines = [click.style(say("title-matters", language), bold=True)]
    for each in matters:
        lines += ["", *described(describe_matter(each, language), each.status)]
    return "\n".join(lines)
