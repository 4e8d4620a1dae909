"""What a deposit says of its documents at once: which can only be shown whole, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger.evidence.notices import BETWEEN, MORE, read
from ledger.evidence.records import Record

MOST = 16
"""Notices of a deposit that are said one by one; of more, it says how many."""
NAMED = 3
"""Documents that are named with a notice; of more, it says how many."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A notice as it was sealed, of how many documents, and the names of the first."""

    line: str
    documents: int
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The reason and what to do; a line that is not of the table is quoted."""
        (said,) = read(self.line)
        return f"{said.reason} {said.remedy}".strip()

    @property
    def facts(self) -> dict[str, Any]:
        """The notice by name, for a machine."""
        return {
            "reason": self.line,
            "say": self.sentence,
            "documents": self.documents,
            "names": list(self.names),
        }

    @classmethod
    def parse(cls, value: Any) -> "Noted":
        """Return what was kept of a notice as JSON. Raises ValueError."""
        match value:
            case {"line": str(line), "documents": int(documents), "names": [*names]}:
                return cls(line, documents, tuple(map(str, names)))
        raise ValueError("no notice")


def noted(records: Iterable[Record]) -> tuple[Noted, ...]:
    """Return the notices of a deposit's documents, those of most documents first."""
    names: dict[str, list[str]] = {}
    for record in records:
        for line in dict.fromkeys(filter(None, record.unsplit.split(BETWEEN))):
            names.setdefault(line, []).append(record.name)
    found = [Noted(line, len(each), tuple(each[:NAMED])) for line, each in names.items()]
    found.sort(key=lambda each: -each.documents)
    if more := len(found[MOST:]):
        found[MOST:] = [Noted(MORE.line(more), 0, ())]
    return tuple(found)


def sentences(notices: Iterable[Noted]) -> str:
    """Return what is said of all of them, in one line."""
    return " ".join(each.sentence for each in notices)
