"""The register of measures as a whole: who has access now, and what is missing, rule by rule.

A rule of law is matched with the kinds of measures that speak to it and with what the vault itself
shows. The result says what is on record and what is not. Whether that suffices is for a court: nothing
here says so, and the words for people are in `ledger.company.measures.words`.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger.company.measures import measure as ms
from ledger.company.measures.measure import Measure, Subject
from ledger.company.measures.rules import Rule, rules

REGISTERED, WAITING, REFUSED, DAMAGED = "registered", "waiting", "refused", "damaged"
RECORDED, NOT_REGISTERED, NOT_RECORDED = "recorded", "not-registered", "not-recorded"
NOT_SHOWN = "not-shown"

NEVER_SHOWN = ("secrecy", "value", "infringement", "channel", "sameness")
"""Gaps of every register: what it cannot show, whatever stands in it."""

LATE_DAYS = 2
"""Days between the date stated and the registration from which on that is a gap: two time zones, and a
register that is kept the next morning, are none."""


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """An entry of the register. `index`, `block` and `time` (POSIX seconds) are set once registered.

    It is DAMAGED where the receipt that is kept here does not hold.
    """

    number: int
    id: str
    measure: Measure
    state: str
    index: int | None = None
    block: int | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """All entries by number, and what does not belong to a whole register.

    Attributes:
        ids: The matters that hold it, in hexadecimal: one, unless two computers began one each.
        entries: By number.
        lacking: Numbers of which this vault has no paper.
        unreadable: Numbers whose papers are no measures that this version reads.
    """

    ids: tuple[str, ...] = ()
    entries: tuple[RegisterEntry, ...] = ()
    lacking: tuple[int, ...] = ()
    unreadable: tuple[int, ...] = ()

    @property
    def standing(self) -> tuple[RegisterEntry, ...]:
        """All entries but those that the notary refused."""
        return tuple(each for each in self.entries if each.state != REFUSED)


@dataclass(frozen=True, slots=True)
class Access:
    """What a person may see at the moment, by the register; `since` is the entry that gave it."""

    person: str
    subject: Subject
    since: RegisterEntry


@dataclass(frozen=True, slots=True)
class VaultFacts:
    """What the vault itself shows, the register's own entries left out.

    Attributes:
        deposits: How many deposits, refused ones left out.
        contents: How many of them with the content, sealed; the others are commitments alone.
        keys: The least and the greatest number of keys that a deposit is sealed for.
        levels: How many deposits were captured under each classification; None where the vault was not
            opened, so that nobody knows.
        classified: How many deposits the register classifies, by themselves or by their matter, or a
            rule of capture has.
        unread: How many deposits could not be looked at: damaged, or sealed for other keys.
    """

    deposits: int = 0
    contents: int = 0
    keys: tuple[int, int] = (0, 0)
    levels: Mapping[str, int] | None = None
    classified: int = 0
    unread: int = 0

    @property
    def openable(self) -> int:
        """How many deposits can be opened in part: those with their content."""
        return self.contents


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is not on record. `facts` fill in the words."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """What is on record for one rule: entries, facts of the vault (names of VaultFacts), gaps."""

    rule: Rule
    entries: tuple[RegisterEntry, ...]
    facts: tuple[str, ...]
    gaps: tuple[Gap, ...]

    @property
    def status(self) -> str:
        """RECORDED where something is on record, NOT_REGISTERED where all of that still waits.

        NOT_SHOWN is the status of a rule that asks for what no register can show. That deposits can be
        opened in part is a means, and records nothing.
        """
        if self.rule.beyond:
            return NOT_SHOWN
        if set(self.facts) - {"openable"} or any(e.state == REGISTERED for e in self.entries):
            return RECORDED
        return NOT_REGISTERED if self.entries else NOT_RECORDED


def access_now(entries: Iterable[RegisterEntry]) -> tuple[Access, ...]:
    """Return who has access to what, by person.

    Entries count by the day that they state, those of a day by number; refused ones do not count. A
    withdrawal that names no subject ends all access of the person.
    """
    held: dict[tuple[str, str], Access] = {}
    for each in sorted(entries, key=lambda each: (each.measure.date, each.number)):
        measure = each.measure
        if each.state == REFUSED:
            continue
        for person in measure.persons:
            if measure.kind == ms.ACCESS_GIVEN:
                for subject in measure.subjects:
                    held.setdefault((_same(person), _about(subject)), Access(person, subject, each))
            elif measure.kind == ms.ACCESS_WITHDRAWN:
                ended = {_about(subject) for subject in measure.subjects}
                for key in [key for key in held if key[0] == _same(person)]:
                    if not ended or key[1] in ended:
                        del held[key]
    return tuple(sorted(held.values(), key=lambda each: (each.person, each.since.number)))


def examine(
    register: Register, facts: VaultFacts, law: str | None = None
) -> tuple[RuleFinding, ...]:
    """Return what is on record for each rule of a law, or of all, and what is not."""
    gaps = _gaps(register, facts)
    return tuple(
        RuleFinding(
            rule,
            tuple(each for each in register.standing if each.measure.kind in rule.measures),
            tuple(name for name in rule.facts if _says_something(getattr(facts, name))),
            tuple(gaps[code] for code in rule.gaps if _open(gaps[code])),
        )
        for rule in rules(law)
    )


def _says_something(fact: Any) -> bool:
    return any(fact) if isinstance(fact, tuple) else bool(fact)


def _gaps(register: Register, facts: VaultFacts) -> dict[str, Gap]:
    """Return every gap by the code that rules name it by; those without a fact are none."""
    entries = register.standing
    holders = _persons(each.person for each in access_now(entries))
    agreements = _of(entries, ms.AGREEMENT)
    bound = _persons(person for each in agreements for person in each.measure.persons)
    told = _of(entries, ms.RULES, ms.TRAINING)
    everyone = any(not each.measure.persons for each in told)
    taught = _persons(person for each in told for person in each.measure.persons)
    access = _of(entries, ms.ACCESS_GIVEN, ms.ACCESS_WITHDRAWN)
    left = _persons(p for each in _of(entries, ms.DEPARTURE) for p in each.measure.persons)
    found = {
        "waiting": _numbered("waiting", [each for each in entries if each.state == WAITING]),
        "refused": Gap("refused", {"count": len(register.entries) - len(entries)}),
        "damaged": _numbered("damaged", [each for each in entries if each.state == DAMAGED]),
        "lacking": Gap("lacking", {"numbers": list(register.lacking)}),
        "unreadable": Gap("unreadable", {"numbers": list(register.unreadable)}),
        "two-registers": Gap("two-registers", {"ids": list(register.ids[1:])}),
        "late": _numbered("late", [each for each in entries if _days_late(each) >= LATE_DAYS]),
        "unclassified": Gap(
            "unclassified" if facts.levels is not None else "unclassified-here",
            {"count": facts.deposits - facts.classified, "of": facts.deposits},
        ),
        "unread": Gap("unread", {"count": facts.unread}),
        "no-paper": _numbered(
            "no-paper", [each for each in agreements if not each.measure.attached]
        ),
        "no-agreement": _named("no-agreement", holders, bound),
        "not-told": _named("not-told", {} if everyone else holders, taught),
        "by-nobody": _numbered("by-nobody", [each for each in access if not each.measure.by]),
        "not-opened": Gap("not-opened", {"unknown": facts.levels is None and facts.deposits > 0}),
        "left-with-access": Gap(
            "left-with-access", {"persons": [n for key, n in holders.items() if key in left]}
        ),
        "immunity": _numbered("immunity", agreements),
    }
    return found | {code: Gap(code, {"always": True}) for code in NEVER_SHOWN}


def _open(gap: Gap) -> bool:
    return bool(next(iter(gap.facts.values())))


def _numbered(code: str, entries: Sequence[RegisterEntry]) -> Gap:
    return Gap(code, {"numbers": [each.number for each in entries]})


def _named(code: str, persons: dict[str, str], but: dict[str, str]) -> Gap:
    return Gap(code, {"persons": [name for key, name in persons.items() if key not in but]})


def _of(entries: Sequence[RegisterEntry], *kinds: str) -> list[RegisterEntry]:
    return [each for each in entries if each.measure.kind in kinds]


def _days_late(entry: RegisterEntry) -> int:
    if entry.time is None:
        return 0
    return (datetime.fromtimestamp(entry.time, UTC).date() - entry.measure.date).days


def _persons(names: Iterable[str]) -> dict[str, str]:
    return {_same(name): name for name in names}


def _same(name: str) -> str:
    """Return what is equal for two spellings of a name: width and case do not count."""
    return unicodedata.normalize("NFKC", name).casefold()


def _about(subject: Subject) -> str:
    return f"{subject.kind} {subject.id or _same(subject.text)}"
