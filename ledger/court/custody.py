"""Drafts for the office itself: its statement under article 17, its custodian's declaration.

Of the platform the ledger holds what the office once stated, and how far the ledger is; nothing shows
that this is true, that it conforms with anything, or that nobody has an interest. So every such point
of 人民法院在线诉讼规则, articles 16 to 18, is a blank for a person, with what the program can show
beside it. The declaration under Federal Rules of Evidence 902(13) is that of `declaration`, for whoever
keeps the records.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ledger.chain import report as rp
from ledger.chain.office import WHOLE, Platform
from ledger.chain.report import Report
from ledger.court.declaration import BLANKS, PROCESS, declared, recorded
from ledger.court.drafts import blank, value
from ledger.language import CHINESE, ENGLISH, tr, utc
from ledger.program import Program
from ledger.quoted import Words

Values = list[tuple[Words, object]]
"""Labelled values, quoted where others have chosen them."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A platform statement of the office's: its entry, leaf hash, the time of its block (POSIX)."""

    index: int
    leaf: bytes
    time: int
    platform: Platform


@dataclass(frozen=True, slots=True)
class Inspected:
    """An inspection of a deposit: its entry, the office's time (POSIX seconds), whole or part."""

    index: int
    time: int
    scope: str


@dataclass(frozen=True, slots=True)
class Custody:
    """What the office's books show: the ledger as far as it is signed, and who vouches for it.

    `first` and `newest` are the times of its first and newest blocks, in POSIX seconds; `statements` is
    how often the platform was stated, `recoveries` how often the ledger went on from a backup.
    """

    office: str
    origin: str
    fingerprint: str
    size: int
    blocks: int
    first: int
    newest: int
    stated: Stated | None
    statements: int
    notices: int
    recoveries: int
    inspections: int
    retired: int
    revoked: int
    witnesses: tuple[str, ...]
    authorities: tuple[str, ...]
    program: Program

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines."""
        stated = None
        if self.stated is not None:
            stated = asdict(self.stated) | {"leaf": self.stated.leaf.hex()}
        return asdict(self) | {"stated": stated}


def draft_platform(custody: Custody, deposit: Report | None = None) -> str:
    """Return the draft of the office's statement, each paragraph in Chinese and below it in English.

    With `deposit`, a good report, `custody.stated` is what was stated when it was entered.
    """
    found = []
    for chinese, english in zip(
        _sections(custody, deposit, CHINESE), _sections(custody, deposit, ENGLISH), strict=True
    ):
        values = (
            value(f"{label} {second}", text)
            for (label, text), (second, _) in zip(chinese[1], english[1], strict=True)
        )
        found += [chinese[0], english[0] + "".join(values)]
    return "\n\n".join(found)


def draft_custodian(
    custody: Custody, deposit: Report, inspections: Sequence[Inspected] = ()
) -> str:
    """Return the draft of a custodian's declaration about one deposit, whose report is good."""
    program = custody.program
    seen = [
        f"Entry {each.index} of the ledger ({utc(each.time)}) states that an officer of the office has "
        f"opened {'the whole deposit' if each.scope == WHOLE else 'a part of the deposit'} and seen "
        "it."
        for each in inspections
    ]
    never = (
        "The ledger holds no statement that the office has opened this deposit: by the ledger, the "
        "office witnessed a commitment, a salted hash, and not the content."
    )
    numbered = [
        f"I am {_left(BLANKS['position'])}. {_left(BLANKS['qualification'])}. The office named below "
        "operates the ledger named below, and I am a custodian of its records or another qualified "
        "person." + value("office", custody.office) + value("ledger", custody.origin),
        "[Strike what you cannot say, Rules 902(11) and 803(6)(A) to (C):] The record was made at or "
        "near the time by the office's system; it is kept in the course of a regularly conducted "
        "activity of the office; making it was a regular practice of that activity. "
        + _left("how these records are made and kept, by whom, from your own knowledge")
        + ".",
        f"{PROCESS} Before receipts of a block are given, the office's program verifies at least one "
        f"of them as anybody can. It is {program.name} {program.version}; over its own code it states "
        f"SHA-256 {program.digest}. "
        + _left("who has access to the system; backups; last check of its books, date and result")
        + ".",
        f"When this was drafted the ledger had {custody.size} signed entries in {custody.blocks} "
        f"blocks. Its first block states {utc(custody.first)}, its newest {utc(custody.newest)}. It "
        f"went on from a backup {custody.recoveries} times; each time is an entry.",
        *recorded(deposit, "The deposit"),
        " ".join(seen) or never,
        "I do not declare by reference to the ledger: who wrote the content, whether it is true, "
        "whether it was secret, how it came about or was kept before the deposit.",
        f"Notice: {_left(BLANKS['notice'])}.",
    ]
    return declared("RULE 902(13), CUSTODIAN OF RECORDS", numbered)


def _left(what: str) -> Words:
    return blank(Words(what))


def _sections(
    custody: Custody, deposit: Report | None, language: str
) -> Iterator[tuple[str, Values]]:
    """Yield each paragraph, and the values that go with it."""
    yield tr("*** DRAFT *** NOT SIGNED *** NOT REVIEWED ***", language), []
    yield (
        tr(
            "STATEMENT OF THE PLATFORM, for articles 16 to 18 of the Rules of Online Litigation of the "
            "People's Courts (2021). Made by a program from the office's books. Complete every "
            "[blank], strike what you cannot say, then sign. A line that is set in and quoted holds "
            "words that somebody has chosen. Whether anything is admitted or believed is for the "
            "court.",
            language,
        ),
        [],
    )
    numbered = [
        _operator(custody, deposit, language),
        _after_entry(custody, language),
        (
            tr(
                "Article 17 (1), rules of state on block chain information services. Not shown by the "
                "ledger: {filing}",
                language,
                filing=blank(tr("the filing and its proof, attached; other licences", language)),
            ),
            [],
        ),
        _interest(custody, language),
        (
            tr(
                "Article 17 (3), a clean, safe, reliable and available system by national or industry "
                "standards. Not shown by the ledger: {tests}",
                language,
                tests=blank(
                    tr("tests and certificates of the system, by whom, when; outages", language)
                ),
            ),
            [],
        ),
        _process(custody, language),
        _before_entry(custody, language),
    ]
    for number, (text, values) in enumerate(numbered, 1):
        yield f"{number}. {text}", values
    yield (
        tr(
            "Office: {seal}   Responsible person: {signature}   Date: {date}",
            language,
            seal=blank(tr("official seal", language)),
            signature=blank(tr("signature", language)),
            date=blank(tr("date", language)),
        ),
        [],
    )


def _operator(custody: Custody, deposit: Report | None, language: str) -> tuple[str, Values]:
    values: Values = [
        (tr("notary office", language), custody.office),
        (tr("ledger", language), custody.origin),
        (tr("fingerprint of the trust file", language), Words(custody.fingerprint)),
    ]
    stated = custody.stated
    if stated is None:
        return tr("The platform. The ledger holds no statement of it.", language), values
    platform = stated.platform
    values += [
        (tr("leaf hash of that entry", language), Words(stated.leaf.hex())),
        (tr("operator", language), platform.operator),
        (filing := tr("filing number", language), platform.filing or blank(filing)),
        (tr("environment", language), platform.environment),
        (tr("software", language), platform.software),
        *((tr("standard", language), each) for each in platform.standards),
    ]
    text = tr(
        "The platform, as the office stated it in entry {index} of the ledger, {time}; of such "
        "statements there are {count}. They are the office's own words; nothing here shows that they "
        "are true.",
        language,
        index=stated.index,
        time=utc(stated.time),
        count=custody.statements,
    )
    if deposit is not None:
        text = Words(
            text
            + tr(
                " It was in force when the deposit at entry {entry} was entered, in block {block}.",
                language,
                entry=deposit.claim(rp.LEDGER).facts["index"],
                block=deposit.claim(rp.BLOCK).facts["height"],
            )
        )
    return text, values


def _after_entry(custody: Custody, language: str) -> tuple[str, Values]:
    return tr(
        "Article 16, unaltered after entry. By the office's books: {size} signed entries in {blocks} "
        "blocks, chained by hash; the first block states {first}, the newest {newest}. Each entry is a "
        "leaf of one tree (RFC 9162), and each state of it is signed with Ed25519 and ML-DSA-44. The "
        "ledger went on from a backup {recoveries} times; public notices: {notices}. A receipt is "
        "checked by anybody, offline, and speaks for what it names and for nothing else. {checks}",
        language,
        size=custody.size,
        blocks=custody.blocks,
        first=utc(custody.first),
        newest=utc(custody.newest),
        recoveries=custody.recoveries,
        notices=custody.notices,
        checks=blank(
            tr("last check of the books and last audit by others: date, result", language)
        ),
    ), []


def _interest(custody: Custody, language: str) -> tuple[str, Values]:
    text = tr(
        "Article 17 (2), interest and interference. Whether the office has an interest in common with "
        "a party is not shown by the ledger: {interest} Against interference after entry stand the "
        "institutions that the trust file names, {count} of them, which countersign or stamp states of "
        "the ledger; without any, it rests on the office alone. Pairs of log keys that were retired: "
        "{retired}, of them revoked: {revoked}.",
        language,
        interest=blank(tr("relations to the parties, their counsel and the case", language)),
        count=len(custody.witnesses) + len(custody.authorities),
        retired=custody.retired,
        revoked=custody.revoked,
    )
    return text, [
        *((tr("witness", language), each) for each in custody.witnesses),
        *((tr("timestamp authority", language), each) for each in custody.authorities),
    ]


def _process(custody: Custody, language: str) -> tuple[str, Values]:
    text = tr(
        "Article 17 (4), technique and process, by published methods: encryption on the depositor's "
        "machine (age, ML-KEM-768 with X25519), without a key of the office's; salted commitments "
        "(SHA-256); signatures Ed25519, ML-DSA-44 and ES256; inclusion by RFC 9162, the seal by RFC "
        "9942. SM2 and SM3 are not used. Conformity with a national or industry standard is not shown: "
        "{conformity} The program is sealbook {version}; SHA-256 over its own code, as it states, "
        "stands below.",
        language,
        conformity=blank(tr("standards, assessments and their numbers", language)),
        version=Words(custody.program.version),
    )
    return text, [(tr("code of the program", language), Words(custody.program.digest))]


def _before_entry(custody: Custody, language: str) -> tuple[str, Values]:
    return tr(
        "Article 18, truth before entry. Who an account is, the office checks before it enters a key: "
        "{identity} What it enters is a commitment, a salted fingerprint; where the data came from, "
        "how it was made and kept, only the depositor's software states. Entries which say that an "
        "officer has opened a deposit and seen its content: {inspections}.",
        language,
        identity=blank(tr("how identity is checked, by which rules", language)),
        inspections=custody.inspections,
    ), []
