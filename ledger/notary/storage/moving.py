"""Marks of a ledger that was moved to another engine (ADR 0061): so that the old one never goes on.

    engine    where rows and files lie since the last move. notary.toml has to say the same.
    moving    the last step of a move is under way; while it is there, nothing of the notary is opened

The bucket and the database that a ledger has left are marked too, for other hosts whose notary.toml
still names them: an object `moved`, and the schema's name.
"""

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from ledger.disk.files import sync_folder, write_durably
from ledger.encoding import parse_toml
from ledger.errors import Conflict, InvalidInput, MalformedData
from ledger.quoted import quoted

ENGINE, MOVING = "engine", "moving"
MOVED = "moved"
"""The object that tells that a ledger's files lie elsewhere by now."""


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where a ledger goes: URLs, or None for the directory."""

    old_database: str | None
    old_objects: str | None
    database: str | None
    objects: str | None


def read_move(directory: Path) -> Move | None:
    """Return the move whose last step is under way, None where none is. Raises InvalidInput."""
    value = _read(directory / MOVING)
    if value is None:
        return None
    try:
        return Move(*(value[name] or None for name in Move.__slots__))
    except KeyError as error:
        raise InvalidInput(f"{quoted(directory / MOVING)} cannot be read; restore it.") from error


def begin(directory: Path, move: Move) -> None:
    """Let nothing of the notary be opened from now on, durably. Raises OSError."""
    value = {name: getattr(move, name) or "" for name in Move.__slots__}
    write_durably(directory / MOVING, tomli_w.dumps(value).encode(), 0o600)


def note_engine(directory: Path, *, server: bool, bucket: bool) -> None:
    """Note where rows and files lie. Raises OSError."""
    value = {"rows": _place(server), "files": _place(bucket)}
    write_durably(directory / ENGINE, tomli_w.dumps(value).encode(), 0o600)


def end(directory: Path) -> None:
    """Let the notary be opened again. Raises OSError."""
    (directory / MOVING).unlink(missing_ok=True)
    sync_folder(directory)


def require_engine(directory: Path, *, server: bool, bucket: bool) -> None:
    """Raise Conflict where the ledger was moved away from what notary.toml names, or is being moved."""
    if (directory / MOVING).exists():
        raise Conflict(
            "This ledger is being moved, and the last step of it was cut short. Give the same "
            "`sealbook notary migrate` again; it takes a moment."
        )
    value = _read(directory / ENGINE)
    if value is not None and value != {"rows": _place(server), "files": _place(bucket)}:
        raise Conflict(
            "This ledger was moved by `sealbook notary migrate`, and notary.toml names the place that "
            "it has left. Going on there would fork the ledger. Put back the lines `database` and "
            "`objects` that the move has written."
        )


def _place(elsewhere: bool) -> str:
    return "elsewhere" if elsewhere else "directory"


def _read(path: Path) -> dict[str, str] | None:
    try:
        found = parse_toml(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, MalformedData) as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {quoted(error)}") from error
    return {name: str(value) for name, value in found.items()}
