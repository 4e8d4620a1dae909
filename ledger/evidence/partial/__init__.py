"""Partial openings: what shows some parts of a deposit and hides the rest."""

from ledger.evidence.partial.checking import recompute_partial
from ledger.evidence.partial.form import format_partial, is_partial, parse_partial
from ledger.evidence.partial.making import Selection, open_in_part
from ledger.evidence.partial.views import PartialOpening, Piece

__all__ = [
    "PartialOpening",
    "Piece",
    "Selection",
    "format_partial",
    "is_partial",
    "open_in_part",
    "parse_partial",
    "recompute_partial",
]
