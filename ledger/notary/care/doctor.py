"""What an operator has to see to: a notary's directory, its machine and those that it depends on.

Every check reads: nothing is written, locked or signed for the ledger, so that it may run beside the
service, on a full disk and on one that can only be read. A check that finds nothing wrong says so. What
a check cannot look at is a diagnosis too, and one that hangs is given up at `PATIENCE`.

`looking` has the checks of what lies here, `asking` those of others.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Literal

from ledger.errors import NotFound, SealbookError
from ledger.notary.storage import directory as place
from ledger.notary.storage.directory import Settings
from ledger.quoted import Message, quoted

PATIENCE = 20.0
"""Seconds for all checks together, which run side by side."""
NEEDED = (place.LEDGER, place.CHECKPOINTS)
"""Databases without which there is no ledger."""


Subject = Literal[
    "settings", "log", "disk", "permissions", "databases", "ledger", "standby", "objects", "clock",
    "keys", "seal", "desk", "backup", "high-water", "witnesses", "authorities", "portal", "service",
]  # fmt: skip
"""What is looked at."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    LOOK = "look"
    MEND = "mend"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at, how bad it is, what was found, and what to do where that is anything."""

    subject: Subject
    level: Level
    found: Message
    todo: Message = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A notary whose settings can be read. `now`: POSIX seconds, by the machine's clock."""

    directory: Path
    settings: Settings
    environment: Mapping[str, str]
    now: float


Check = tuple[Subject, Callable[[], Iterable[Diagnosis]]]
"""A subject, and what finds out about it. It may take its time, and raise whatever it raises."""


def examine(
    directory: Path,
    environment: Mapping[str, str],
    now: float,
    files: Callable[[Path], Iterable[Check]],
    checks: Callable[[Case], Iterable[Check]],
    patience: float = PATIENCE,
) -> tuple[Diagnosis, ...]:
    """Return what was found, the worst first.

    Args:
        directory: The notary's.
        environment: Where the service's options are looked for besides.
        now: POSIX seconds, by the machine's clock.
        files: The checks that need no settings.
        checks: Those that do; where they cannot be read, that is what is found.
        patience: Seconds for all checks together.

    Raises NotFound where no notary lives.
    """
    if not directory.is_dir():
        raise NotFound(f"{quoted(directory)} is no folder; name the notary's directory.")
    found: list[Diagnosis] = []
    several = list(files(directory))
    try:
        case = Case(directory, place.read_settings(directory), environment, now)
    except SealbookError as error:
        if isinstance(error, NotFound) and not any((directory / each).exists() for each in NEEDED):
            raise
        todo: Message = "Mend notary.toml, put it back, or run this as the user who owns it."
        found.append(Diagnosis("settings", Level.MEND, str(error), todo))
    else:
        several += checks(case)
    found += _side_by_side(several, patience)
    worst = tuple(Level)[::-1]
    return tuple(sorted(_once(found), key=lambda each: worst.index(each.level)))


def _once(found: Iterable[Diagnosis]) -> Iterator[Diagnosis]:
    """Yield what was found; what keeps several checks from looking, only under the first of them."""
    said: set[Message] = set()
    for each in found:
        if each.level is not Level.MEND or each.found not in said:
            said.add(each.found)
            yield each


def _side_by_side(checks: Sequence[Check], patience: float) -> Iterator[Diagnosis]:
    """Yield what each check finds; of one that takes too long, what it has found by then."""
    found: list[list[Diagnosis]] = [[] for _ in checks]
    threads = [
        # Nobody has to wait for them: looking up a name may take minutes.
        threading.Thread(target=_work, args=(check, into), daemon=True)
        for check, into in zip(checks, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    until = monotonic() + patience
    for (subject, _), thread, into in zip(checks, threads, found, strict=True):
        thread.join(max(0.0, until - monotonic()))
        yield from tuple(into)
        if thread.is_alive():
            yield Diagnosis(
                subject,
                Level.LOOK,
                f"This was given up after {patience:.0f} s.",
                "Look whether the disk, the key token or the network hangs.",
            )


def _work(check: Check, into: list[Diagnosis]) -> None:
    subject, work = check
    try:
        for each in work():
            into.append(each)
    except SealbookError as error:
        into.append(Diagnosis(subject, Level.MEND, str(error)))
    except OSError as error:
        into.append(
            Diagnosis(
                subject,
                Level.MEND,
                f"{quoted(error.filename or subject)} cannot be read: {error.strerror}.",
                "Run this as the user who owns the notary's directory, or mend the disk.",
            )
        )
    except Exception as error:  # noqa: BLE001 - the others are told all the same
        into.append(
            Diagnosis(
                subject,
                Level.LOOK,
                f"The check itself failed: {quoted(repr(error))}.",
                "Tell who made this program.",
            )
        )
