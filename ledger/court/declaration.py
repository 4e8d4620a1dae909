"""A draft of the declaration under Federal Rules of Evidence 902(13) and 902(14), from a report.

902(13): a record made by an electronic process that produces an accurate result; 902(14): data copied
from a file, authenticated by a process of digital identification. Both ask for a certification of a
qualified person as 902(11) or 902(12) require it. What only that person can say stays blank; nothing
here says what a court will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain import report as rp
from ledger.chain.office import WHOLE
from ledger.chain.report import Report
from ledger.court.cover import cover_facts
from ledger.court.drafts import blank, value
from ledger.court.questions import Check
from ledger.evidence.casefile import MatterShown
from ledger.language import ENGLISH, utc
from ledger.quoted import Words

BLANKS = {
    "court": "court, parties and docket number",
    "name": "full name of the declarant",
    "position": "position and employer",
    "qualification": "training and experience with this software and process",
    "practice": "how the records were received, kept and checked, from your own knowledge",
    "checked": "date, machine and operating system of the check",
    "notice": "date of written notice and of making record and declaration available, Rule 902(11)",
    "place": "place and date of signing",
    "signature": "signature",
}
"""What a person fills in, by the key in the structured form."""
MAX_VALUE = 400
"""Characters of a value of the cover that the draft gives; the report has all of it."""

PROCESS = (
    "The process: the depositor's software cuts each file into pieces and computes a commitment, a "
    "hash (SHA-256) over salted hashes of every piece, and signs it (Ed25519). The notary enters the "
    "signed statement in an append-only tree (RFC 9162) and signs the state of the tree (Ed25519 and "
    "ML-DSA-44)."
)
_NO_CONTENT = " No content was compared, so no copy is identified under Rule 902(14)."
_OWN_CONTENT = (
    " Content was compared with the depositor's own files; draft from an evidence file to identify "
    "copies under Rule 902(14)."
)


@dataclass(frozen=True, slots=True)
class Copy:
    """Content that a file shows: what it is called there, its size in bytes, its SHA-256 in hex."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One deposit: its report, which must be good, and the copies that the file shows of it."""

    report: Report
    copies: tuple[Copy, ...]


def draft_declaration(
    exhibits: Sequence[Exhibit], check: Check, matters: Sequence[MatterShown] = ()
) -> str:
    """Return the draft: paragraphs on lines of their own, empty lines between them.

    `matters` is what the receipts show together of the matters that they belong to.
    """
    copies = [copy for exhibit in exhibits for copy in exhibit.copies]
    numbered = [
        f"I am {_blank('position')}. {_blank('qualification')}. What follows is from my personal "
        "knowledge of the process described and of the check that I made.",
        *_process(check),
        f"{_blank('practice')}.",
    ]
    several = len(exhibits) > 1
    for number, exhibit in enumerate(exhibits, 1):
        numbered += recorded(exhibit.report, f"Deposit {number}" if several else "The deposit")
    numbered += [_matter(each) for each in matters if each.status == rp.PROVEN]
    if copies:
        numbered += _identified(exhibits)
    numbered += _origins(exhibits)
    numbered += [
        "The check does not show, and I do not declare by reference to it: who wrote the content, "
        "whether it is true, whether it was secret, how it came about or was kept before the "
        "deposit, or that any time was confirmed by an institution other than the one named with "
        "it." + _unidentified(exhibits),
        f"Notice: {_blank('notice')}.",
    ]
    return declared("RULES 902(13) AND 902(14)" if copies else "RULE 902(13)", numbered)


def declared(rules: str, numbered: Sequence[str]) -> str:
    """Return a declaration of these paragraphs, under these rules: what stands before and behind."""
    paragraphs = [
        "*** DRAFT *** NOT SIGNED *** NOT REVIEWED BY COUNSEL ***",
        "Made by a program from a verification report. Complete every [blank], check every "
        "sentence against your own knowledge, strike what you cannot say. Whether anything is "
        "admitted is for the court; authenticity under Rule 902 leaves other objections open, "
        "hearsay and relevance among them.",
        f"DECLARATION UNDER FEDERAL RULES OF EVIDENCE, {rules}",
        _blank("court"),
        f"I, {_blank('name')}, declare:",
        *(f"{number}. {text}" for number, text in enumerate(numbered, 1)),
        "[Within the United States, 28 U.S.C. § 1746(2):] I declare under penalty of perjury that "
        "the foregoing is true and correct.",
        "[Outside the United States, 28 U.S.C. § 1746(1):] I declare under penalty of perjury "
        "under the laws of the United States of America that the foregoing is true and correct. "
        "[For a foreign record in a civil case, Rule 902(12): sign so that a false declaration "
        "would be punishable where it is signed.]",
        f"Executed at {_blank('place')}.",
        _blank("signature"),
        "*** DRAFT ***",
    ]
    return "\n\n".join(paragraphs)


def declaration_facts(exhibits: Sequence[Exhibit], check: Check) -> dict[str, Any]:
    """Return what the draft was filled from, and which blanks it leaves, for machines."""
    return {
        "draft": True,
        "rules": ["902(13)", *(["902(14)"] if any(each.copies for each in exhibits) else [])],
        "blanks": BLANKS,
        "file": {"name": check.file, "sha-256": check.digest},
        "trust": {"name": check.trust, "fingerprint": check.fingerprint},
        "program": {
            "name": check.program.name,
            "version": check.program.version,
            "sha-256": check.program.digest,
        },
        "origins": [
            dict(exhibit.report.claim(rp.PROVENANCE).facts.get("fields", {}))
            for exhibit in exhibits
        ],
        "copies": [
            [
                {"name": copy.name, "size": copy.size, "sha-256": copy.digest}
                for copy in exhibit.copies
            ]
            for exhibit in exhibits
        ],
    }


def _process(check: Check) -> list[str]:
    program = check.program
    return [
        f"I used the program {program.name} {program.version}; over its own code it states SHA-256 "
        f"{program.digest}. {PROCESS} The program checks these signatures, "
        "that the entry leads to the signed state, and, where content is shown, that the "
        "commitment computed from it is the one entered. A change of any byte gives another "
        "commitment, so a match identifies the data.",
        f"On {_blank('checked')}, I checked the file named below (SHA-256 {check.digest}) against the "
        f"trust file named below (fingerprint {check.fingerprint}), which holds the notary office's "
        "keys. The result follows; proven means proven by that check, stated means stated by the one "
        "named, and not proven. Here and below, a line that is set in and quoted holds words of "
        "others, which nobody checked."
        + value("file", check.file)
        + value("trust file", check.trust),
    ]


def _matter(matter: MatterShown) -> str:
    missing = _numbers(matter.missing)
    return (
        f"Matter {matter.id.hex()} (Rule 902(13)). Proven by the chain of receipts: the file holds "
        f"its numbers {_numbers(matter.runs)}; in an unbroken run every number names the one before "
        "it by its hash, so nothing registered in the matter inside a run is missing."
        + (f" Not in this file: {missing}." if missing else "")
        + " Not shown: what was never deposited, what stands before the first number or after the "
        "last, and that the notary has entered no number twice."
    )


def _numbers(runs: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in runs)


def recorded(report: Report, name: str) -> list[str]:
    """Return what a report shows of a deposit, which is called `name`."""
    entry, block = report.claim(rp.LEDGER).facts, report.claim(rp.BLOCK).facts
    depositor, identity = report.claim(rp.DEPOSITOR).facts, report.claim(rp.IDENTITY)
    values = value("ledger", entry["origin"])
    who = "The receipt names nobody behind the account."
    if identity.status == rp.STATED:
        facts = identity.facts
        who = "Stated by the notary, after a check: who holds the account, as named below."
        values += value("account held by", facts["name"])
        values += value("registration", facts["registration"])
        values += value("checked by", facts["checked_by"])
    witnesses = report.claim(rp.WITNESSES).facts.get("witnesses", ())
    values += "".join(value("countersigned by", each["name"]) for each in witnesses)
    signed_by = (
        "Proven: the same state was countersigned by those named below."
        if witnesses
        else "Not shown: that any other institution countersigned this state."
    )
    names = report.claim(rp.TIME).facts.get("authorities", ())
    values += "".join(value("timestamp by", each) for each in names)
    record = report.claim(rp.EXISTENCE).facts.get("record", {})
    values += "".join(value("renewed by", each["authority"]) for each in record.get("tokens", ()))
    return [
        f"{name} (Rule 902(13)). Proven: it is entry {entry['index']} of the ledger named below, in "
        f"block {block['height']} of a tree of {entry['size']} entries, with the commitment "
        f"{entry['commitment']}. Proven: it is signed with key {depositor['key']} of account "
        f"{depositor['account']}. {who} {_when(report)} {signed_by}{_inspected(report)}{values}"
    ]


def _identified(exhibits: Sequence[Exhibit]) -> list[str]:
    texts = []
    for number, exhibit in enumerate(exhibits, 1):
        if not exhibit.copies:
            continue
        whose = f"Copies of deposit {number}" if len(exhibits) > 1 else "Copies"
        part = exhibit.report.claim(rp.CONTENT).by == "partial-opening"
        listed = "".join(
            f"{value(f'copy {n}', each.name)}\n    {each.size:,} bytes, SHA-256\n    {each.digest}"
            for n, each in enumerate(exhibit.copies, 1)
        )
        said = (
            "only parts of the deposit are shown; each is, byte for byte, what was deposited at "
            "its place, and nothing is said of the rest"
            if part
            else "the whole deposit is shown and is, byte for byte, what was deposited"
        )
        texts.append(
            f"{whose} (Rule 902(14)). Proven by recomputing the commitment: {said}. Each copy is "
            f"identified by its hash:{listed}"
        )
    return texts


def _origins(exhibits: Sequence[Exhibit]) -> list[str]:
    texts = []
    for number, exhibit in enumerate(exhibits, 1):
        fields = exhibit.report.claim(rp.PROVENANCE).facts.get("fields", {})
        if not fields:
            continue
        whose = f"deposit {number}" if len(exhibits) > 1 else "the deposit"
        listed = "".join(
            f"\n    {fact.label}: {fact.value}" for fact in cover_facts(fields, ENGLISH)
        )
        texts.append(
            f"Origin of {whose} (Rule 902(13)). Proven: these statements stand under the commitment "
            "and were not changed since. What they say is stated by the depositor's software at "
            f"sealing, and not proven:{listed}"
        )
    return texts


def _blank(key: str) -> Words:
    return blank(Words(BLANKS[key]))


def _unidentified(exhibits: Sequence[Exhibit]) -> str:
    if any(exhibit.copies for exhibit in exhibits):
        return ""
    compared = any(each.report.claim(rp.CONTENT).by == "full-opening" for each in exhibits)
    return _OWN_CONTENT if compared else _NO_CONTENT


def _inspected(report: Report) -> str:
    """Return what the office states to have seen, nothing where that is not shown."""
    inspection = report.claim(rp.INSPECTION)
    if inspection.status != rp.STATED:
        return ""
    facts = inspection.facts
    part = "" if facts["scope"] == WHOLE else " a part of"
    other = (
        ", which is not, or not all of, the part shown here" if facts.get("covers") is False else ""
    )
    return (
        f" Stated by the notary, as entry {facts['index']} ({utc(facts['time'])}): an officer of the "
        f"office has opened{part} the deposit and seen it{other}."
    )


def _when(report: Report) -> str:
    """Return when a deposit was registered: what timestamps prove, then what the notary states."""
    time, existence = report.claim(rp.TIME), report.claim(rp.EXISTENCE)
    if "time" not in time.facts:
        return "Not shown: when it was registered."
    stated = f"Stated by the notary: it was registered at {utc(time.facts['time'])}."
    if time.status != rp.PROVEN:
        return stated
    after = ""
    if "earliest" in time.facts:
        after = f"not before {utc(time.facts['earliest'])} and "
    proven = f"it was registered {after}not later than {utc(time.facts['latest'])}"
    until = utc(existence.facts["until"])
    shown = "shown until" if existence.status == rp.PROVEN else "not shown after"
    return f"Proven by the timestamps named below: {proven}, which is {shown} {until}. {stated}"
