"""What a court asks, answered from a report: 人民法院在线诉讼规则 (2021), articles 16 to 19.

Article 16 asks whether data has stayed as it was since it was stored, 17 how far the platform can be
relied on, 18 whether it was true before, 19 lets experts look. Each question is answered as a claim is,
proven, stated, not shown or failed, and never with more than the report holds. Words are in
`ledger.court.articles`. Text of the rules: 法释〔2021〕12号, in force since 2021-08-01.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.evidence.manifest import TITLE, Manifest, in_family
from ledger.evidence.partial import PartialOpening
from ledger.evidence.partial.views import opened_fields
from ledger.evidence.records import metadata_fields
from ledger.program import Program

ONLINE_LITIGATION, FRE_902 = "在线诉讼规则", "FRE-902"
RULES = {
    ONLINE_LITIGATION: ("人民法院在线诉讼规则", "诉讼规则", "online-litigation"),
    FRE_902: ("FRE902",),
}
"""The rules that a report can be ordered by, each with its other names."""

SOFTWARE, VERIFIER, CHECKS = "depositor-software", "verifier", "checks"
MAX_VALUES = 5
"""Different values of a field that an answer gives; it says how many there are."""
_SOURCE = (TITLE, "path", "to", "record", "event", "host", "mail-source", "mbox-from", "envelope")
_KEPT = (
    "captured", "noticed", "mail-received", "clock", "classification", "matter", "officer", "left-out",
)  # fmt: skip
"""Families of the cover's fields that say where data came from, and how it was kept; the others say
how it was made."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of one article, answered. `by` and `reason` as in a claim."""

    article: str
    question: str
    status: str
    by: str = ""
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the answer for machines."""
        return {
            "article": self.article,
            "question": self.question,
            "status": self.status,
            "by": self.by,
            "reason": self.reason,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked with what: SHA-256 of the file in hex, and the trust file's fingerprint."""

    file: str
    digest: str
    trust: str
    fingerprint: str
    program: Program


def find_rule(name: str) -> str | None:
    """Return the rule of that name, None where none is known. Case does not count."""
    wanted = name.strip().casefold()
    for rule, others in RULES.items():
        if wanted in {each.casefold() for each in (rule, *others)}:
            return rule
    return None


def stated_fields(opening: Manifest | PartialOpening | None) -> tuple[Mapping[str, Any], ...]:
    """Return the metadata that an opening shows, document by document.

    What it says is proven to have been sealed only where the report's content claim is proven. What a
    rendition says of itself is left out: it is not where the data came from.
    """
    if opening is None:
        return ()
    if isinstance(opening, PartialOpening):
        found = (opened_fields(each) for each in opening.documents)
        return tuple(fields for fields in found if "rendition" not in fields)
    return tuple(
        dict(metadata_fields(record)) for record in opening.documents if record.rendition is None
    )


def online_litigation(
    report: Report, stated: Sequence[Mapping[str, Any]], check: Check
) -> tuple[Answer, ...]:
    """Return the answers for one deposit; `stated` is what `stated_fields` gives of its opening."""
    if report.claim(rp.CONTENT).status != rp.PROVEN:
        stated = ()
    return (
        *_after_entry(report),
        *_platform(report),
        *_before_entry(report, stated),
        *_expertise(report, check),
    )


def _after_entry(report: Report) -> tuple[Answer, ...]:
    entry, block, content = (
        report.claim(rp.LEDGER),
        report.claim(rp.BLOCK),
        report.claim(rp.CONTENT),
    )
    return (
        _all(
            "16",
            "stored",
            (entry, block),
            entry.by,
            **entry.facts,
            height=block.facts.get("height"),
        ),
        _as("16", "registered", report.claim(rp.TIME), height=block.facts.get("height")),
        Answer("16", "consistent", rp.NOT_SHOWN)
        if rp.shows_nothing(content)
        else _as("16", "consistent", content),
        Answer("16", "contrary", rp.NOT_SHOWN),
    )


def _platform(report: Report) -> tuple[Answer, ...]:
    platform = {"platform": report.claim(rp.BLOCK).facts.get("platform")}
    parties = {
        "origin": report.claim(rp.LEDGER).facts.get("origin"),
        "name": report.claim(rp.IDENTITY).facts.get("name"),
    }
    checked = tuple(map(report.claim, (rp.DEPOSITOR, rp.LEDGER, rp.BLOCK, rp.SEAL)))
    return (
        Answer("17", "rules", rp.NOT_SHOWN, facts=platform),
        Answer("17", "interest", rp.NOT_SHOWN, facts=parties),
        _as("17", "interference", report.claim(rp.WITNESSES)),
        Answer("17", "system", rp.NOT_SHOWN, facts=platform),
        _all("17", "methods", checked, CHECKS),
        Answer("17", "standards", rp.NOT_SHOWN, facts=platform),
    )


def _before_entry(report: Report, stated: Sequence[Mapping[str, Any]]) -> tuple[Answer, ...]:
    signed, entered = report.claim(rp.DEPOSITOR), report.claim(rp.TIME)
    kept = Claim(
        rp.DEPOSITOR,
        rp.STATED if signed.status == rp.PROVEN else signed.status,
        "depositor",
        signed.reason,
        {"signed": signed.facts.get("signed"), "time": entered.facts.get("time")}
        | {key: value for key, value in entered.facts.items() if key == "latest"},
    )
    names = [each["name"] for each in report.claim(rp.WITNESSES).facts.get("witnesses", ())]
    source, made, kept_cover = _sorted(report.claim(rp.PROVENANCE).facts.get("fields", {}))
    return (
        _as("18", "who", report.claim(rp.IDENTITY)),
        _stated("source", stated, ("source",), source),
        _stated("made", stated, ("modified", "media-type", "tool"), made),
        _as("18", "kept", kept, cover=kept_cover),
        _as("18", "notarised", report.claim(rp.INSPECTION)),
        Answer("18", "third-party", rp.NOT_SHOWN, facts={"names": names}),
        _as("18", "corroboration", report.claim(rp.MATTER)),
    )


def _expertise(report: Report, check: Check) -> tuple[Answer, ...]:
    program = check.program
    entries = {
        "index": report.claim(rp.LEDGER).facts.get("index"),
        "height": report.claim(rp.BLOCK).facts.get("height"),
        "enrolled": report.claim(rp.DEPOSITOR).facts.get("enrolled"),
        "platform": report.claim(rp.BLOCK).facts.get("platform"),
    }
    return (
        Answer("19", "formats", rp.STATED, VERIFIER),
        Answer(
            "19",
            "repeat",
            rp.STATED,
            VERIFIER,
            facts={
                "file": check.file,
                "digest": check.digest,
                "trust": check.trust,
                "fingerprint": check.fingerprint,
            },
        ),
        Answer(
            "19",
            "program",
            rp.STATED,
            VERIFIER,
            facts={"name": program.name, "version": program.version, "code": program.digest},
        ),
        Answer("19", "other", rp.NOT_SHOWN, facts=entries),
    )


def _as(article: str, question: str, claim: Claim, **more: Any) -> Answer:
    """Return an answer that says what a claim says."""
    facts = {**claim.facts, **more}
    return Answer(article, question, claim.status, claim.by, claim.reason, facts)


def _all(article: str, question: str, claims: Sequence[Claim], by: str, **facts: Any) -> Answer:
    """Return an answer that is proven where each of several claims is."""
    for status in (rp.FAILED, rp.NOT_SHOWN, rp.STATED):
        for claim in claims:
            if claim.status == status:
                return Answer(article, question, status, claim.by, claim.reason, facts)
    return Answer(article, question, rp.PROVEN, by, facts=facts)


def _sorted(cover: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return the cover's fields by what they tell: the source, the making, the keeping."""
    source, made, kept = {}, {}, {}
    for name, value in cover.items():
        if any(in_family(name, family) for family in _SOURCE):
            source[name] = value
        elif any(in_family(name, family) for family in _KEPT):
            kept[name] = value
        else:
            made[name] = value
    return source, made, kept


def _stated(
    question: str,
    stated: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    cover: Mapping[str, str],
) -> Answer:
    """Return an answer from metadata that is opened, with how many documents it is opened of, and from
    the cover."""
    fields = {}
    for name in names:
        values = [each[name] for each in stated if name in each]
        if values:
            different = list(dict.fromkeys(values))
            fields[name] = {
                "opened": len(values),
                "different": len(different),
                "values": different[:MAX_VALUES],
            }
    facts = {
        "documents": len(stated),
        "fields": fields,
        "closed": [name for name in names if name not in fields],
        "cover": cover,
    }
    if not fields and not cover:
        return Answer("18", question, rp.NOT_SHOWN, facts=facts)
    return Answer("18", question, rp.STATED, SOFTWARE, facts=facts)
