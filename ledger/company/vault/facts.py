"""What a vault holds of a deposit in the clear, as the catalogue keeps it."""

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.chain.statement import parse_deposit, parse_statement
from ledger.company.vault.life import STATES, State

DAMAGED = "damaged"
SHIFT = 16
"""Bits of a row below its milliseconds: deposits of the same moment differ there."""
_MAX_NUMBER = 1 << 62
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a row says of a deposit; of a damaged one nothing."""

    state: str
    id: str | None = None
    title: str = ""
    path: str = ""
    called: str = ""
    matter: bytes | None = None
    number: int | None = None
    sealed: int = 0
    size: int = 0
    documents: int = 0

    def __post_init__(self) -> None:
        texts, numbers = (
            (self.title, self.path, self.called),
            (self.sealed, self.size, self.documents),
        )
        if not all(isinstance(each, str) for each in texts):
            raise ValueError("no text")
        if not all(type(each) is int and abs(each) < _MAX_NUMBER for each in numbers):
            raise ValueError("no number")


def read_facts(folder: str, place: str) -> Facts:
    """Return what a deposit's folder in a place of the vault says in the clear.

    Raises OSError, MalformedData, ValueError, TypeError, KeyError or AttributeError where that is
    damaged.
    """
    with open(f"{folder}{os.sep}statement", "rb") as file:
        deposit = parse_deposit(parse_statement(file.read()))
    with open(f"{folder}{os.sep}meta.json", "rb") as file:
        meta = json.loads(file.read().decode("utf-8", "surrogateescape"))
    state = STATES[place, os.access(f"{folder}{os.sep}receipt", os.F_OK)]
    return Facts(
        str(State.DEPOSITED if state.entered else state),
        deposit.commitment.hex(),
        meta["title"],
        meta["path"],
        meta.get("matter") or "",
        deposit.matter.id if deposit.matter else None,
        deposit.matter.number if deposit.matter else None,
        meta.get("sealed", 0),
        meta["size"],
        meta["documents"],
    )


def raw(text: str) -> bytes:
    """Return a text of others as the catalogue compares it: whatever it holds, byte for byte."""
    return text.encode("utf-8", "surrogatepass")


def shown(text: str) -> str:
    """Return a text of others as UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode()


def milliseconds(name: str) -> int:
    """Return when a deposit was sealed, by its folder's name: milliseconds since 1970, or 0."""
    try:
        return (datetime.strptime(name[:19], "%Y%m%dT%H%M%S.%f") - _EPOCH) // timedelta(
            milliseconds=1
        )
    except ValueError:
        return 0


def first_row(seconds: float) -> int:
    """Return the row from which on deposits were sealed at `seconds` (POSIX) or later."""
    return int(seconds * 1000) << SHIFT
