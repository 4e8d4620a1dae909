"""The words of the questions of 人民法院在线诉讼规则, articles 16 to 19, and of their answers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ledger.chain import report as rp
from ledger.court.claims import status_words
from ledger.court.cover import cover_facts
from ledger.court.questions import Answer
from ledger.court.sentences import say
from ledger.court.shown import field_called
from ledger.court.words import Described, Fact, hexadecimal, listed, reason_facts
from ledger.language import Message, tr, utc
from ledger.quoted import Quoted, Words


def article_title(article: str, language: str) -> Words:
    """Return an article's heading."""
    return tr(_ARTICLES[article], language)


def describe_answer(
    answer: Answer, language: str, when: Callable[[int], Words] | None = None
) -> Described:
    """Return an answer in words: the question, its status, what it says, and the facts behind it."""
    title = tr(_QUESTIONS[answer.question], language)
    status = status_words(answer.status, answer.by, language)
    if answer.status == rp.FAILED:
        # Why the content fails may name what only the content states.
        named = answer.question != "consistent"
        facts = reason_facts(say("reason", language), answer.reason, language) if named else ()
        return Described(title, status, tr(_FAILED, language), facts)
    writer = _Writer(answer, language, when or utc)
    command = _COMMANDS.get(answer.question, ())
    return Described(title, status, writer.text(), tuple(writer.facts()), command)


class _Writer:
    """Writes one answer's text and facts."""

    def __init__(self, answer: Answer, language: str, when: Callable[[int], Words]) -> None:
        self.answer, self.language, self.when = answer, language, when

    def text(self) -> Words:
        question, facts = self.answer.question, self.answer.facts
        pair = (_HIDDEN if self.answer.status == rp.NOT_SHOWN else _SHOWN)[question]
        if question == "consistent" and self.answer.by == "partial-opening":
            pair = _CONSISTENT_IN_PART
        if question == "kept" and facts["cover"]:
            pair = _KEPT_AS_STATED
        if question == "notarised" and facts.get("scope") == "part":
            pair = _NOTARISED_ELSEWHERE if facts["covers"] is False else _NOTARISED_IN_PART
        if question == "third-party" and facts["names"]:
            pair = _COUNTERSIGNED
        if question == "registered" and self.answer.status == rp.PROVEN:
            pair = _REGISTERED_BETWEEN if "earliest" in facts else _REGISTERED_BY
        said = tr(pair, self.language, **self._values())
        if question == "kept" and "latest" in facts:
            said = Words(said + tr(_ENTERED_BY, self.language, **self._values()))
        return said

    def _values(self) -> dict[str, int | Words]:
        """Return what a sentence may be filled with: numbers, times, and names of our own."""
        facts = self.answer.facts
        values: dict[str, int | Words] = {
            key: self.when(value) if key in _TIMES else value
            for key, value in facts.items()
            if isinstance(value, int)
        }
        unknown = {key: Words("?") for key, value in facts.items() if value is None}
        return unknown | values | {"closed": self._closed()}

    def _closed(self) -> Words:
        names = self.answer.facts.get("closed", ())
        return listed((field_called(name, self.language) for name in names), self.language)

    def facts(self) -> Iterator[Fact]:
        facts, language = self.answer.facts, self.language
        for key, label in _FACTS.get(self.answer.question, {}).items():
            value = facts.get(key)
            if key == "platform" and value is None:
                yield Fact(tr(label, language), tr(_NO_PLATFORM, language))
            elif value is not None:
                yield self._fact(key, tr(label, language), value)
        if self.answer.question in ("interference", "third-party"):
            witnesses = [each["name"] for each in facts.get("witnesses", ())]
            for each in facts.get("names", witnesses):
                yield Fact(tr(_WITNESS, language), Quoted(each))
        if self.answer.question == "registered":
            for each in facts.get("authorities", ()):
                yield Fact(tr(_AUTHORITY, language), Quoted(each))
        for name, found in facts.get("fields", {}).items():
            yield from self._field(name, found)
        yield from cover_facts(facts.get("cover", {}), language)
        if (facts.get("fields") or facts.get("cover")) and facts.get("closed"):
            yield Fact(tr(_CLOSED, language), self._closed())

    def _fact(self, key: str, label: Words, value: Any) -> Fact:
        if key in _DIGESTS:
            return Fact(label, hexadecimal(value), digest=True)
        if isinstance(value, int):
            return Fact(label, self.when(value) if key in _TIMES else Words(value))
        if self.answer.question == "program" or key == "fingerprint":
            return Fact(label, Words(value))
        return Fact(label, Quoted(str(value)))

    def _field(self, name: str, found: Mapping[str, Any]) -> Iterator[Fact]:
        label = field_called(name, self.language)
        for value in found["values"]:
            if value in (None, ""):
                yield Fact(label, tr(_NOTHING, self.language))
            else:
                yield Fact(label, self.when(value) if isinstance(value, int) else Quoted(value))
            label = Words()
        documents = self.answer.facts["documents"]
        if found["opened"] < documents or found["different"] > 1:
            counts = {key: found[key] for key in ("different", "opened")}
            yield Fact("", tr(_OF_DOCUMENTS, self.language, documents=documents, **counts))


_TIMES = {"time", "signed", "checked_at", "earliest", "latest"}
_DIGESTS = {"platform", "digest", "code", "id"}

_ARTICLES: dict[str, Message] = {
    "16": "Article 16 - unaltered after entry, by a technical check",
    "17": "Article 17 - the platform and its process",
    "18": "Article 18 - truth before entry",
    "19": "Article 19 - experts and comparison",
}

_QUESTIONS: dict[str, Message] = {
    "stored": "Stored by block chain technology?",
    "registered": "When was it entered?",
    "consistent": "Is the technical check consistent?",
    "contrary": "Is there evidence to the contrary?",
    "rules": "(1) State rules on such services?",
    "interest": "(2) A common interest?",
    "interference": "(2) Improper interference?",
    "system": "(3) Clean, safe, reliable, available?",
    "methods": "(4) Verification of information?",
    "standards": "(4) Environment, security, encryption?",
    "who": "Who submitted it?",
    "source": "Where does the data come from?",
    "made": "How was it made?",
    "kept": "How was it kept before entry?",
    "notarised": "Was the content notarised?",
    "third-party": "Did a third party witness it?",
    "corroboration": "Other data that bears it out?",
    "formats": "Can an expert examine it?",
    "repeat": "Steps to repeat this check",
    "program": "The program that checked",
    "other": "What else can be compared?",
}

_SHOWN: dict[str, Message] = {
    "stored": (
        "Entry {index} of the ledger named below, which is append-only (a Merkle tree, RFC 9162) and "
        "whose blocks are chained by hash, block {height}. It holds a salted fingerprint of "
        "the data. Whether this is block chain technology in the sense of the Rules is for the "
        "court to decide."
    ),
    "registered": (
        "{time}, block {height}. Entries with a smaller number were registered earlier. No other "
        "institution has attested to this time."
    ),
    "consistent": (
        "Consistent: the salted fingerprint recomputed from the whole content shown equals the one "
        "in the ledger. Anybody can repeat this (article 19)."
    ),
    "interference": (
        "After entry: other institutions have countersigned the state of the ledger that holds "
        "this entry; a later change or removal would contradict what they signed. "
        "Nothing is shown of interference before entry."
    ),
    "methods": (
        "Checked here by published methods: the depositor's signature (Ed25519), the ledger's "
        "state (Ed25519 and ML-DSA-44), the entries' inclusion (RFC 9162) and the notary's seal "
        "(ES256, RFC 9942)."
    ),
    "who": (
        "The deposit is signed with the account's enrolled key. Who holds the account, as the "
        "notary office checked and recorded it:"
    ),
    "source": "As stated and sealed by the depositor's software; nobody else has checked it.",
    "made": (
        "As stated and sealed by the depositor's software: which tool took the data in, and when "
        "it was last changed. How the data itself came about is not recorded."
    ),
    "kept": (
        "The depositor's software signed the deposit at {signed}, by its own clock; the notary "
        "states that it was entered at {time}. Where and how the data was kept before the "
        "signature is not recorded."
    ),
    "notarised": (
        "An officer has opened the whole deposit and seen it, as entry {index} of the ledger states "
        "({time}). That is the office's own statement of having seen it; this report is no notarial "
        "certificate of the content."
    ),
    "corroboration": (
        "The depositor has numbered this deposit {number} in a matter; its other papers can be "
        "compared. The notary admits each number once."
    ),
    "formats": (
        "Every format is published: COSE (RFC 9052), SCITT statements and receipts (RFC 9943, RFC "
        "9942), Merkle trees (RFC 9162), C2SP checkpoints and proofs. docs/formats.md, which comes "
        "with the software, describes the rest with test vectors; HOWTO.txt in an evidence file "
        "says how to check it with other software."
    ),
    "repeat": (
        "1. Compare SHA-256 of the file. 2. Get the trust file from the notary office itself and "
        "compare its fingerprint. 3. On any machine, without a network, run:"
    ),
    "program": (
        "What the program says of itself. Its code's hash can be had without it and compared with "
        "the published release; in the folder that holds the package:"
    ),
}

_HIDDEN: dict[str, Message] = {
    "stored": "No entry in a trusted ledger is shown.",
    "registered": "No time is shown.",
    "consistent": (
        "No content is shown, so nothing was compared. The check needs the content together "
        "with its opening, as an evidence file brings them."
    ),
    "contrary": (
        "This program looks for none. Whether the key was revoked later, the notary office can "
        "say; who wrote the content and whether it is true does not follow from any of this."
    ),
    "rules": (
        "It does not follow from a receipt. What the office has stated about its platform "
        "(operator, filing, environment, standards) is an entry of the same ledger; ask the office "
        "for it and compare its leaf hash with the one that the block record names."
    ),
    "interest": (
        "No record says whether a party and the platform have an interest in common. The court "
        "compares who runs the ledger and who deposited."
    ),
    "interference": (
        "No other institution has countersigned this state of the ledger. That nobody interfered "
        "rests on the notary and the depositor."
    ),
    "system": (
        "It does not follow from a receipt. The platform statement under (1) describes the system; it "
        "is the office's own statement, and no test of the system is shown."
    ),
    "methods": "Not every signature and proof was shown.",
    "standards": (
        "Environment, encryption and transmission leave no trace in a receipt, and no conformity "
        "with a national or industry standard is shown. The office's platform statement names its "
        "standards; ask for it and compare its leaf hash."
    ),
    "who": "The identity record was not handed over with this receipt; the notary office keeps it.",
    "source": (
        "The field “{closed}” is not opened here. If it was sealed with the content, the depositor "
        "can open it without showing more."
    ),
    "made": (
        "Of the original, the fields {closed} are not opened here. How the data itself came about is "
        "not recorded."
    ),
    "kept": "Nothing is shown of it.",
    "notarised": (
        "The notary office entered a salted fingerprint; nothing here shows that it has seen or "
        "examined the content. This report is no notarial certificate of the content."
    ),
    "third-party": "Nobody else is shown to have witnessed how the data was made, collected or kept.",
    "corroboration": "This report compares the deposit with no other evidence.",
    "other": (
        "The notary office, and whoever keeps a copy of the public ledger, can be asked for these "
        "entries, the checkpoints between them, and later revocations."
    ),
}

_COMMANDS = {
    "repeat": ("sealbook verify FILE --trust TRUST --for online-litigation",),
    "program": (
        "find ledger -name '*.py' ! -path 'ledger/api/*' | LC_ALL=C sort |",
        "  xargs sha256sum | sha256sum",
    ),
}

_CONSISTENT_IN_PART: Message = (
    "Consistent for the part that is shown: it is, byte for byte, what was deposited at its place, and "
    "the salted fingerprint recomputed from it equals the one in the ledger. The rest is not shown."
)
_KEPT_AS_STATED: Message = (
    "The depositor's software signed the deposit at {signed}, by its own clock; the notary states that "
    "it was entered at {time}. Of what came before, the software stated at sealing, unchecked by "
    "anybody else, what follows; more is not recorded."
)
_REGISTERED_BY: Message = (
    "Not later than {latest}, as a timestamp authority has attested, block {height}; the notary states "
    "{time}. Entries with a smaller number were registered earlier."
)
_REGISTERED_BETWEEN: Message = (
    "Between {earliest} and {latest}, as timestamp authorities have attested, block {height}; the "
    "notary states {time}. Entries with a smaller number were registered earlier."
)
_ENTERED_BY: Message = (
    " That it was entered not later than {latest}, a timestamp authority has attested."
)
_NOTARISED_IN_PART: Message = (
    "An officer has opened and seen a part of the deposit, as entry {index} of the ledger states "
    "({time}); which part, the report without --for says. That is the office's own statement of having "
    "seen it; this report is no notarial certificate of the content."
)
_NOTARISED_ELSEWHERE: Message = (
    "An officer has opened and seen another part of the deposit than the one shown here, or not all of "
    "it, as entry {index} of the ledger states ({time}); the report without --for says which. Nothing "
    "shows that the office has seen the rest. This report is no notarial certificate of the content."
)
_COUNTERSIGNED: Message = (
    "Those named below countersigned the ledger's state, not the content. Nobody else is shown to have "
    "witnessed how the data was made, collected or kept."
)
_FAILED: Message = "What answers this question does not hold; see the report without --for."
_NO_PLATFORM: Message = "none when the block was opened"
_NOTHING: Message = "nothing was stated"
_CLOSED: Message = "not opened of the original"
_OF_DOCUMENTS: Message = (
    "({different} different; opened for {opened} of {documents} documents shown)"
)

_PLATFORM_HASH: dict[str, Message] = {"platform": "platform statement"}
_WITNESS: Message = "institution"
_AUTHORITY: Message = "timestamp by"
_LEDGER: Message = "ledger"
_FACTS: dict[str, dict[str, Message]] = {
    "stored": {"origin": _LEDGER},
    "rules": _PLATFORM_HASH,
    "interest": {"origin": _LEDGER, "name": "depositor, as stated"},
    "who": {
        "name": "name",
        "registration": "registration",
        "checked_by": "checked by",
        "checked_at": "checked",
    },
    "corroboration": {"id": "matter"},
    "repeat": {
        "file": "file",
        "digest": "SHA-256",
        "trust": "trust file",
        "fingerprint": "its fingerprint",
    },
    "program": {
        "name": "program",
        "version": "version",
        "code": "code",
    },
    "other": {
        "index": "entry of the deposit",
        "height": "block",
        "enrolled": "entry of the enrolment",
        "platform": "platform statement",
    },
}
