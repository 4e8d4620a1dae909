"""Single sentences of a report, by key."""

from ledger.language import Message, tr
from ledger.quoted import Words


def say(key: str, language: str, **values: int | Words) -> Words:
    """Return a sentence of the catalogue."""
    return tr(_SENTENCES[key], language, **values)


_SENTENCES: dict[str, Message] = {
    "title": "Verification report",
    "title-articles": "Verification report by 人民法院在线诉讼规则, articles 16 to 19",
    "title-matters": "The file as a whole",
    "matter": "Matter",
    "matter-id": "matter",
    "matter-unbroken": (
        "Numbers {numbers} of one matter, unbroken: each names the one before it by its hash, so "
        "nothing registered in the matter between them is missing. This says nothing of what was "
        "never deposited, nor of papers before the first and after the last. That the notary has "
        "entered no number twice, only an audit of the ledger shows."
    ),
    "matter-runs": (
        "Numbers {numbers} of one matter. Within each run every number names the one before it by "
        "its hash, so nothing registered in the matter inside a run is missing. Between the runs "
        "numbers are missing; this says nothing of them, of what was never deposited, nor of "
        "papers before the first and after the last."
    ),
    "matter-scattered": (
        "The file holds numbers {numbers} of one matter, no two of them consecutive."
    ),
    "matter-failed": "The receipts of one matter contradict each other.",
    "matter-missing": "not in this file",
    "number-range": "{first} to {last}",
    "and": " and ",
    "deposit": "Deposit",
    "deposit-of": "{number} of {count}",
    "title-deposits": "Deposits in the file",
    "file-good": "Every claim required of each of the {count} deposits is proven.",
    "file-bad": "Not good: {bad} of {count} deposits do not show what is required.",
    "receipts-in-short": (
        "Of receipts alone no content is shown; --full adds their reports, claim by claim."
    ),
    "column-number": "no.",
    "column-matter": "in matter",
    "column-entry": "entry",
    "column-block": "block",
    "column-time": "time (notary states)",
    "column-shown": "shown",
    "shown-whole": "all of it",
    "shown-in-part": "in part",
    "shown-fields": "fields alone",
    "shown-receipt": "receipt alone",
    "shown-failed": "does not hold",
    "gaps-title": "What is shown, and what is not",
    "gap": "- not shown -",
    "all-shown": "all of it",
    "other-documents": "Other documents of the deposit, if there are any, are not shown.",
    "file": "File",
    "trust": "Trust file",
    "fingerprint": "Fingerprint",
    "issued": "issued {issued} by",
    "result": "Result",
    "verdict-good": "Every required claim is proven: {names}.",
    "verdict-failed": "Does not hold: {names}.",
    "refused": (
        "Nothing of what the file says of itself is shown, because none of it can be relied on."
    ),
    "refused-why": "--json gives the reason, for experts.",
    "verdict-missing": "Required but not proven: {names}.",
    "no-trust": (
        "Authenticity was not checked: there is no trust file. Get it from the notary office "
        "itself, not from a party to the case, then run again with --trust FILE."
    ),
    "vault-trust": "pinned in your vault",
    "written": "Written",
    "written-readings": "Written for reading, decoded by this program and not proven",
    "more-readings": "and {count} more",
    "reason": "reason",
    "standing": "At this office, at {size} entries (stated by the notary)",
    "entered": "Entered in our ledger",
    "key-revoked": "Key revoked by now",
    "revoked-key": "Revoked key of the account",
    "entry": "entry {index}",
    "revoked-at": "{when}, {entry}: {reason}",
    "revoked-after": "This deposit was entered before that.",
    "revoked-before": "This deposit was entered after that.",
    "compromised": "compromised",
    "lost": "lost",
    "superseded": "superseded",
    "ceased": "ceased",
    "inspected": "Inspected",
    "inspected-whole": "whole, {entry}",
    "inspected-part": "in part, {entry}",
    "notice": "Notice since",
    "yes": "yes",
    "no": "no",
    "unknown": "unknown here",
}
