"""The words of the report on confidentiality measures, in Chinese and English.

Rules are told in our own short words, not quoted: the official text decides. No sentence says that
what is on record suffices.
"""

from collections.abc import Sequence

from ledger.company.measures.measure import KINDS
from ledger.company.measures.register import Gap, VaultFacts
from ledger.company.measures.rules import LAWS, Rule
from ledger.language import CHINESE, Message, tr, translated
from ledger.quoted import Words

_GAPS: dict[str, Message] = {
    "waiting": "{numbers}: sealed, not registered yet; until then nothing proves the time.",
    "refused": "Entries that the notary refused, so that they are not registered: {count}.",
    "damaged": "{numbers}: the receipt kept here does not hold; the notary has another copy.",
    "unread": "Deposits that could not be read, damaged here or sealed for other keys: {count}.",
    "lacking": "{numbers}: not in this vault; another computer of the account may hold it.",
    "unreadable": "{numbers}: a paper in the register that is no measure this version reads.",
    "two-registers": (
        "Two computers have begun a register each; the numbers of both are listed together."
    ),
    "late": (
        "{numbers}: registered days after the date stated; the ledger shows the registration only."
    ),
    "unclassified": (
        "Deposits that neither the register nor a rule of capture classifies: {count} of {of}."
    ),
    "unclassified-here": "Deposits that the register does not classify: {count} of {of}.",
    "secrecy": "A register shows to whom the company gave access, not what others know.",
    "no-paper": "{numbers}: the signed paper is not attached.",
    "no-agreement": "Access, but no agreement on record, of those named below.",
    "not-told": "Access, but no training or notice on record, of those named below.",
    "by-nobody": "{numbers}: by whom is not stated.",
    "not-opened": (
        "Classifications that rules of capture have sealed were not read: the vault is locked."
    ),
    "immunity": "{numbers}: whether the paper gives the notice is not recorded; read it there.",
    "infringement": (
        "A register shows nothing of what the other side did; that takes other evidence."
    ),
    "channel": "Entries show whom the company gave access, and when; not what anybody saw or took.",
    "sameness": (
        "Whether two things are in substance the same is for a court or an expert to compare."
    ),
    "left-with-access": "Left, but access not withdrawn, of those named below.",
    "value": "A register of measures does not show value; that takes other evidence.",
}

_FACTS: dict[str, Message] = {
    "contents": (
        "Deposits with content, encrypted before it left this computer: {contents} of {deposits}."
    ),
    "openable": "Deposits of which a part can be opened, the rest staying hidden: {contents}.",
    "keys": "Keys that open a deposit: {keys} (the vault's, officers', the recovery sheet's).",
    "levels": "Classified by rules of capture, by the levels named below.",
    "classified": "Classified deposits: {classified} of {deposits}.",
}

_SENTENCES: dict[str, Message] = {
    "title": "Confidentiality measures on record",
    "account": "Account",
    "register": "Register",
    "summary": "{entries} entries, {registered} of them registered",
    "nothing": "It has no entry yet; `sealbook measure add` makes the first.",
    "recorded": "recorded",
    "not-recorded": "not recorded",
    "gap": "gap",
    "vault": "vault",
    "more": "register\x04and {count} more",
    "not-shown": "register\x04not shown",
    "used": "Version used: {version}, in force since {since}; official text: {source}",
    "not-registered": "not registered",
    "book": "register",
    "since": "entry {index}, {time} UTC: the first of {count} registered",
    "none": "none registered yet",
    "foot": (
        "Each entry stands with the time of its registration, UTC, as the notary states it. What "
        "it says is the company's statement. Rules are paraphrased: compare the official text. "
        "Whether measures suffice is for a court to decide; this list does not say so."
    ),
}
HANDED: Message = "whoever is handed the file"
"""To whom something is disclosed that is not sealed for anybody."""
SEALED_FOR = "who can open it, sealed for "
"""To whom else: whoever holds the key that follows."""


def person_text(person: str, language: str) -> str:
    """Return a person of an entry; what this program entered for one is in the reader's language."""
    if person == HANDED:
        return tr(HANDED, language)
    recipient = person.removeprefix(SEALED_FOR)
    if recipient == person:
        return person
    return translated("who can open it, sealed for {0}", language).format(recipient)


def say(key: str, language: str, **values: int | Words) -> Words:
    """Return a sentence of the report."""
    return tr(_SENTENCES[key], language, **values)


def heading(rule: Rule, language: str) -> Words:
    """Return law and article."""
    law, article = tr(LAWS[rule.law].title, language), tr(rule.article, language)
    return Words(f"{law}{article}" if law.endswith("）") else f"{law} {article}")


def version_text(rule: Rule, language: str) -> Words:
    """Return which version of a law was used, since when it is in force, and its official text."""
    return tr(
        _SENTENCES["used"],
        language,
        version=tr(rule.version, language),
        since=Words(rule.in_force.isoformat()),
        source=Words(rule.source),
    )


def rule_text(rule: Rule, language: str) -> Words:
    """Return what the rule asks for, in our words."""
    return tr(rule.asks, language)


def kind_text(kind: str, language: str) -> str:
    """Return what a kind of measure is called."""
    return KINDS[kind].chinese if language == CHINESE else kind


def gap_text(gap: Gap, language: str) -> Words:
    """Return the sentence for a gap."""
    values: dict[str, int | Words] = {
        key: value for key, value in gap.facts.items() if isinstance(value, int)
    }
    if "numbers" in gap.facts:
        values["numbers"] = numbers_text(gap.facts["numbers"], language)
    return tr(_GAPS[gap.code], language, **values)


def numbers_text(numbers: Sequence[int], language: str) -> Words:
    """Return numbers of entries, the first dozen of them."""
    comma = tr(", ", language)
    shown = comma.join(map(str, numbers[:12])) + (f"{comma}…" if len(numbers) > 12 else "")
    return tr("register\x04No. {0}", language, Words(shown))


def fact_text(name: str, facts: VaultFacts, language: str) -> Words:
    """Return the sentence for what the vault shows."""
    low, high = facts.keys
    return tr(
        _FACTS[name],
        language,
        deposits=facts.deposits,
        contents=facts.contents,
        classified=facts.classified,
        keys=low if low == high else Words(f"{low}-{high}"),
    )
