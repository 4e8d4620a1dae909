"""The words of a report, claim by claim, in Chinese and English.

`describe` turns a claim into a title, a status and paragraphs; who prints them lays them out. A text
says what is shown and no more: never "valid", never anything of authorship or truth.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.court.cover import cover_facts
from ledger.court.relied import refused
from ledger.court.sentences import say
from ledger.court.shown import (
    content_facts,
    content_words,
    document_called,
    made_facts,
    seen_words,
)
from ledger.court.words import Described, Fact, hexadecimal, listed, reason_facts
from ledger.language import Message, tr, utc
from ledger.quoted import Quoted, Words

PARTIAL = "partial-opening"


def describe(claim: Claim, language: str, when: Callable[[int], Words] | None = None) -> Described:
    """Return the claim in words; `when` sets a time for the reader, in UTC unless given."""
    title = title_of(claim.name, language)
    status = status_words(claim.status, claim.by, language)
    if claim.status == rp.FAILED:
        # Other reasons may name what only the thing that failed says; they are for machines.
        inspection = claim.name == rp.INSPECTION
        facts = reason_facts(say("reason", language), claim.reason, language) if inspection else ()
        return Described(title, status, tr(_FAILURES[claim.name], language), facts)
    writer = _Writer(claim, language, when or utc)
    told = claim.status in (rp.PROVEN, rp.STATED) or claim.name in (rp.WITNESSES, rp.EXISTENCE)
    shown = writer.facts() if told else ()
    return Described(title, status, writer.text(), tuple(shown))


def title_of(name: str, language: str) -> Words:
    """Return what a claim is called."""
    return tr(_TITLES[name], language)


def verdict(report: Report, language: str) -> Words:
    """Return the report's result in a sentence: what failed, or what of the required is proven.

    Of a receipt that is not the notary's only the claim is named by which that shows.
    """

    def titles(names: Iterable[str]) -> Words:
        return listed((title_of(name, language) for name in names), language)

    if report.failed:
        first = refused(report)
        failed = report.failed if first is None else (first,)
        return say("verdict-failed", language, names=titles(claim.name for claim in failed))
    if report.missing:
        return say("verdict-missing", language, names=titles(report.missing))
    return say("verdict-good", language, names=titles(report.required))


def status_words(status: str, by: str, language: str) -> Words:
    """Return a status, and by what it is proven or by whom it is stated."""
    return tr(_STATUS[status], language, by=tr(_BY[by], language))


class _Writer:
    """Writes one claim's text and facts."""

    def __init__(self, claim: Claim, language: str, when: Callable[[int], Words]) -> None:
        self.claim, self.language, self.when = claim, language, when

    def text(self) -> Words:
        claim = self.claim
        if claim.by == PARTIAL:
            return content_words(claim.facts["documents"], self.language)
        shown = claim.status != rp.NOT_SHOWN
        pair = self._special() or _TEXTS[claim.name][0 if shown else 1]
        said = tr(pair, self.language, **self._values())
        rendered = sum("rendition" in each for each in claim.facts.get("documents", ()))
        if rendered:
            said = Words(said + tr(_RENDERED, self.language, count=rendered))
        return said

    def _special(self) -> Message | None:
        """Return the sentence of a time that others have attested to, or that is shown no longer."""
        claim = self.claim
        if claim.name == rp.TIME and claim.status == rp.PROVEN:
            return _BOTH if "earliest" in claim.facts else _LATEST
        if claim.name == rp.TIME and claim.status == rp.STATED and "earliest" in claim.facts:
            return _EARLIEST
        if claim.name == rp.EXISTENCE and claim.status == rp.NOT_SHOWN and "until" in claim.facts:
            return _NO_LONGER
        if claim.name == rp.EXISTENCE and claim.by == "evidence-record":
            return _RENEWED
        if claim.name == rp.WITNESSES and claim.status == rp.NOT_SHOWN and claim.facts:
            return _TOO_FEW
        if claim.name == rp.INSPECTION and claim.facts.get("scope") == "part":
            return _ANOTHER_PART if claim.facts["covers"] is False else _IN_PART
        return None

    def _values(self) -> dict[str, int | Words]:
        """Return what a sentence may be filled with: numbers and times."""
        facts = self.claim.facts
        values: dict[str, int | Words] = {
            key: self.when(value) if key in _TIMES else value
            for key, value in facts.items()
            if isinstance(value, int)
        }
        count = len(facts.get("documents", ()))
        values |= {"count": count, "plural": Words("" if count == 1 else "s")}
        if "record" in facts:
            values["since"] = self.when(facts["record"]["since"])
        if self.claim.name == rp.BLOCK and "size" in facts:
            values["last"] = facts["size"] - 1
        return values

    def facts(self) -> Iterator[Fact]:
        claim, language = self.claim, self.language
        if claim.name == rp.PROVENANCE:
            yield from cover_facts(claim.facts["fields"], language)
            return
        if claim.by == PARTIAL:
            yield from content_facts(claim.facts["documents"], language, self.when)
            return
        for key, label in _FACTS.get(claim.name, {}).items():
            value = claim.facts.get(key)
            if key in _DIGESTS and value is not None:
                yield Fact(tr(label, language), hexadecimal(value), digest=True)
            elif key in _TIMES and isinstance(value, int):
                yield Fact(tr(label, language), self.when(value))
            elif value is not None:
                yield Fact(tr(label, language), Quoted(str(value)))
        for each in claim.facts.get("seen", ()):
            yield Fact(document_called(each["document"], language), seen_words(each, language))
        for each in claim.facts.get("witnesses", ()):
            yield Fact(tr(_WITNESS, language), Quoted(each["name"]))
            if each.get("time") is not None:
                yield Fact("", self.when(each["time"]))
        for name in claim.facts.get("authorities", ()):
            yield Fact(tr(_AUTHORITY, language), Quoted(name))
        for each in claim.facts.get("own", ()):
            yield from self._shown(_OWN, each)
        if claim.name == rp.EXISTENCE:
            yield from self._shown_by()
        for key, label in _NOT_COUNTED.items():
            for reason in claim.facts.get(key, ()):
                yield from reason_facts(tr(label, language), reason, language)
        for number, each in enumerate(claim.facts.get("documents", ()), 1):
            yield Fact(document_called(number, language), Quoted(each["name"]))
            yield Fact("", Words(f"{each['size']:,} B"))
            if "rendition" in each:
                yield from made_facts(each["rendition"], language)

    def _shown_by(self) -> Iterator[Fact]:
        """Yield which timestamps show something to have existed, by when and until when."""
        facts = self.claim.facts
        record = facts.get("record", {})
        for label, tokens in (
            (_TOKEN, facts.get("tokens", ())),
            (_RECORD, record.get("tokens", ())),
        ):
            for each in tokens:
                yield from self._shown(label, each)

    def _shown(self, label: Message, token: Mapping[str, Any]) -> Iterator[Fact]:
        times = {key: self.when(token[key]) for key in ("latest", "until")}
        yield Fact(tr(label, self.language), Quoted(token["authority"]))
        yield Fact("", tr(_SHOWN_BY, self.language, **times))


_TIMES = {"time", "signed", "checked_at", "earliest", "latest", "until"}
_DIGESTS = {"commitment", "root", "previous", "account", "key", "id"}

_STATUS: dict[str, Message] = {
    rp.PROVEN: "proven by {by}",
    rp.STATED: "stated by {by}",
    rp.NOT_SHOWN: "status\x04not shown",
    rp.FAILED: "FAILED",
}

_BY: dict[str, Message] = {
    "": "",
    "inclusion-proof": "the inclusion proof",
    "cosignatures": "cosignatures",
    "tokens": "timestamp authorities",
    "evidence-record": "an evidence record",
    "block-record": "the block record",
    "notary": "the notary",
    "depositor": "the depositor",
    "depositor-signature": "the depositor's signature",
    "seal-certificate": "the seal's certificate",
    "full-opening": "the full opening",
    PARTIAL: "a partial opening",
    "matter-chain": "the chain of receipts",
    "depositor-software": "the depositor's software at sealing",
    "checks": "this check",
    "verifier": "this program",
}

_TITLES: dict[str, Message] = {
    rp.CONTENT: "Content",
    rp.PROVENANCE: "Origin",
    rp.INSPECTION: "Inspection",
    rp.DEPOSITOR: "Depositor",
    rp.IDENTITY: "Identity",
    rp.LEDGER: "Ledger entry",
    rp.BLOCK: "Order",
    rp.SEAL: "Seal",
    rp.TIME: "Time",
    rp.EXISTENCE: "Existence",
    rp.WITNESSES: "Witnesses",
    rp.MATTER: "Matter",
    rp.REVOCATION: "Revocation",
    rp.AUTHORSHIP: "Authorship, truth, secrecy",
}

_TEXTS: dict[str, tuple[Message, Message]] = {
    rp.CONTENT: (
        (
            "What is shown is exactly, byte for byte, what was deposited: the commitment "
            "recomputed from {count} document{plural} equals the one in the ledger."
        ),
        "No content is shown or compared: this shows that something was deposited, not what.",
    ),
    rp.PROVENANCE: (
        (
            "What the depositor's software stated at sealing of the deposit and where it came from. It "
            "stands under the commitment in the ledger and was not changed since; nobody else has "
            "checked it."
        ),
        (
            "Nothing is shown of what was stated at sealing of the deposit's title and origin (of "
            "mail: envelope, DKIM, ARC). The depositor can open each field alone."
        ),
    ),
    rp.INSPECTION: (
        (
            "The office inspected the content: it states, as entry {index} of the ledger, {time}, that "
            "an officer has opened the whole deposit and seen it. Of its meaning or truth it states "
            "nothing."
        ),
        ("The office witnessed a commitment; nothing shows that it saw the content."),
    ),
    rp.DEPOSITOR: (
        "The deposit is signed with a key that the notary had entered for this account before.",
        "No depositor is shown.",
    ),
    rp.IDENTITY: (
        "Who holds the account, as the notary office checked and recorded it.",
        "The identity record was not handed over with this receipt.",
    ),
    rp.LEDGER: (
        (
            "The deposit is entry {index} of the ledger named below, which had {size} entries when "
            "the notary signed its state with Ed25519 and ML-DSA-44."
        ),
        "No ledger entry is shown.",
    ),
    rp.BLOCK: (
        (
            "It stands in block {height}, entries {start} to {last}. Entries with a smaller number "
            "were registered earlier, those with a larger number later."
        ),
        "No block is shown.",
    ),
    rp.SEAL: (
        "The same entry is sealed with the notary's certificate.",
        "No seal is shown.",
    ),
    rp.TIME: (
        "{time}. Not independently confirmed: no other institution has attested to this time.",
        "No time is shown.",
    ),
    rp.EXISTENCE: (
        (
            "That these timestamps existed is shown until {until}: a file that is to be shown later "
            "has to be renewed before."
        ),
        (
            "Nothing shows today that it existed: there is no timestamp that a trusted authority "
            "stands for now."
        ),
    ),
    rp.WITNESSES: (
        "Other institutions have countersigned this state of the ledger.",
        "No other institution has countersigned this state of the ledger.",
    ),
    rp.MATTER: (
        (
            "Number {number} in a matter of the depositor's. The notary admits each number once; "
            "what was never deposited does not show."
        ),
        "The deposit belongs to no matter.",
    ),
    rp.REVOCATION: (
        "",
        (
            "Whether the key was revoked later does not follow from a receipt; the notary office "
            "can say."
        ),
    ),
    rp.AUTHORSHIP: (
        "",
        ("Nothing here shows who wrote the content, whether it is true, or whether it was secret."),
    ),
}

_LATEST: Message = (
    "Not later than {latest}, as a timestamp authority has attested; the notary states {time}. Nothing "
    "shows how much earlier it was."
)
_BOTH: Message = (
    "Entered between {earliest} and {latest}, as timestamp authorities have attested; the notary "
    "states {time}."
)
_EARLIEST: Message = (
    "{time}. Not before {earliest}, as a timestamp authority has attested; that it was not later is "
    "not independently confirmed."
)
_NO_LONGER: Message = (
    "Not shown after {until}: the certificates of the timestamp authorities ended or were revoked "
    "then, or a hash function is doubted from then on, and nothing newer is shown."
)
_RENEWED: Message = (
    "The evidence record shows that this existed by {since}, and that is shown until {until}: a file "
    "that is to be shown later has to be renewed before."
)
_TOO_FEW: Message = (
    "Fewer institutions than the trust file requires have countersigned this state of the ledger."
)

_IN_PART: Message = (
    "The office inspected a part of the content: it states, as entry {index} of the ledger, {time}, "
    "that an officer has opened and seen what is named below, and no more. Of its meaning or truth it "
    "states nothing."
)
_ANOTHER_PART: Message = (
    "The office inspected another part than the one shown here, or not all of it: it states, as entry "
    "{index} of the ledger, {time}, that an officer has opened and seen what is named below, and no "
    "more. Nothing here shows that it has seen the rest."
)

_RENDERED: Message = (
    " Of these, {count} are renditions made from the original at the deposit; this program does not "
    "compare them with it, whoever reads both can."
)

_WITNESS: Message = "institution"
_AUTHORITY: Message = "authority"
_TOKEN: Message = "timestamp by"  # noqa: S105
_OWN: Message = "deposit stamped by"
_RECORD: Message = "renewed by"
_SHOWN_BY: Message = "by {latest}, shown until {until}"
_NOT_COUNTED: dict[str, Message] = {
    "left_out": "a token not counted",
    "record_left_out": "not counted in the record",
    "record_refused": "evidence record not counted",
}

_SOMETHING_ELSE: Message = "This part of the file does not hold."
_FAILURES: dict[str, Message] = dict.fromkeys(rp.CLAIMS, _SOMETHING_ELSE) | {
    rp.CONTENT: (
        "The content that was handed over is not what was deposited. Nothing is shown of it, nor of "
        "what only it states: names, sizes, kinds, parts."
    ),
    rp.INSPECTION: "The inspection record does not belong to this deposit, or does not hold.",
    rp.DEPOSITOR: "It is not shown that the account's enrolled key made this deposit.",
    rp.IDENTITY: "The identity record is not the one that the notary entered.",
    rp.LEDGER: (
        "The deposit is not shown to stand in the trusted ledger. One of another office's ledger is "
        "checked with that office's trust file."
    ),
    rp.BLOCK: "The block record does not belong to this deposit.",
    rp.SEAL: "The notary's seal does not hold.",
    rp.TIME: "A timestamp does not hold, or contradicts the time that the notary states.",
}

_FACTS: dict[str, dict[str, Message]] = {
    rp.LEDGER: {
        "origin": "ledger",
        "commitment": "commitment",
        "root": "ledger root",
    },
    rp.INSPECTION: {
        "officer": "officer",
        "role": "office held",
    },
    rp.SEAL: {"subject": "certificate"},
    rp.BLOCK: {"previous": "block before"},
    rp.DEPOSITOR: {
        "account": "account",
        "key": "key",
        "signed": "signed, by its own clock",
    },
    rp.IDENTITY: {
        "name": "name",
        "registration": "registration",
        "checked_by": "checked by",
        "checked_at": "checked",
    },
    rp.MATTER: {"id": "matter"},
}
