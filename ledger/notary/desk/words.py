"""Who did what, as the portal and the command line say it of the audit trail."""

import re

from ledger.chain.enrolment import RECOVERY_SHEET
from ledger.language import CHINESE, tr
from ledger.notary.desk.roles import Role
from ledger.notary.desk.trail import Action
from ledger.quoted import Message, Words

_MEMBER = re.compile(rf"(.+) \(({'|'.join(Role)})\)")
_ACCOUNT = re.compile("[0-9a-f]{32}")
_THINGS: dict[str, Message] = {
    r"certificate (?P<number>[0-9]{6})": "certificate {number}",
    r"entry (?P<index>[0-9]+)": "entry {index}",
    r"key (?P<key>[0-9a-f]{16})": "key {key}",
    r"account (?P<account>[0-9a-f]{32}), key (?P<key>[0-9a-f]{16})": "account {account}, key {key}",
    r"(?P<account>[0-9a-f]{32}) entries (?P<entries>[0-9, ]+)": "{account} entries {entries}",
}
"""What a row may name before `: `, a reason and the code of an error."""
_LIMITS: dict[str, Message] = {
    r"none": "limits\x04none",
    r"bytes (?P<n>[0-9]+)": "bytes {n}",
    r"per-minute (?P<n>[0-9]+)": "per-minute {n}",
    r"keep-days (?P<n>[0-9]+)": "keep-days {n}",
    r"retain-days (?P<n>[0-9]+)": "retain-days {n}",
    r"retain-days none": "retain-days none",
}
"""What `terms.limit` and `terms.retain` write behind the account."""


def role(name: str, language: str) -> Words:
    """Return a role, also that of whoever sat at the terminal."""
    return {
        Role.CLERK: tr("role\x04clerk", language),
        Role.OFFICER: tr("role\x04officer", language),
        Role.OPERATOR: tr("role\x04operator", language),
        "terminal": tr("at the terminal", language),
        RECOVERY_SHEET: tr("with the recovery sheet", language),
    }.get(name) or tr("unknown", language)


def action(name: str, language: str) -> Words:
    """Return what was done."""
    said: dict[str, Words] = {
        Action.STAFF_ADDED: tr("added to the staff", language),
        Action.STAFF_REMOVED: tr("removed from the staff", language),
        Action.LINK_MADE: tr("link made", language),
        Action.SIGNED_IN: tr("signed in", language),
        Action.SIGNED_OUT: tr("signed out", language),
        Action.REFUSED: tr("proof refused", language),
        Action.PASSKEY_ADDED: tr("passkey made", language),
        Action.PASSKEY_REMOVED: tr("passkey removed", language),
        Action.CODE_SET: tr("one-time codes set up", language),
        Action.PROPOSED: tr("request proposed", language),
        Action.DECLINED: tr("request declined", language),
        Action.APPROVED: tr("request approved", language),
        Action.ENROLLING: tr("enrolment ordered", language),
        Action.ENROLLED: tr("enrolled in the ledger", language),
        Action.REVOKING: tr("revocation ordered", language),
        Action.REVOKED: tr("revoked in the ledger", language),
        Action.CERTIFYING: tr("certificate ordered", language),
        Action.CERTIFIED: tr("certificate issued", language),
        Action.WITHDRAWN: tr("certificate withdrawn", language),
        Action.FAILED: tr("not entered", language),
        Action.SUSPENDED: tr("account suspended", language),
        Action.RESUMED: tr("account goes on", language),
        Action.LIMITED: tr("limits of an account set", language),
        Action.HELD: tr("account put under legal hold", language),
        Action.RELEASED: tr("legal hold ended", language),
        Action.ERASED: tr("identity record erased", language),
        Action.DISCARDED: tr("ciphertext deleted", language),
        Action.PRODUCED: tr("account produced for an order", language),
        Action.HOOK_SET: tr("webhook set", language),
        Action.HOOK_REMOVED: tr("webhook removed", language),
        Action.HOOK_KEY: tr("key for webhooks made", language),
        Action.DESK_OLDER: tr("desk put back from an older copy", language),
        Action.DESK_REVIEWED: tr("holds, suspensions and limits gone through", language),
    }
    return said.get(name) or tr("unknown", language)


def thing(text: str, language: str) -> str:
    """Return what it was done to, as the row names it; what is ours of that in this language."""
    if found := _MEMBER.fullmatch(text):
        return f"{found[1]} ({role(found[2], language)})"
    named, colon, more = text.partition(": ")
    if said := _said(_THINGS, named, language):
        return said + colon + more
    account, _, rest = text.partition(" ")
    limits = [_said(_LIMITS, each, language) for each in rest.split(", ")]
    if _ACCOUNT.fullmatch(account) and all(limits):
        return f"{account} {('，' if language == CHINESE else ', ').join(map(str, limits))}"
    return text


def _said(table: dict[str, Message], text: str, language: str) -> Words | None:
    """Return the message of the pattern that `text` is made by; its places are digits."""
    for pattern, message in table.items():
        if found := re.fullmatch(pattern, text):
            places = {name: Words(value) for name, value in found.groupdict().items()}
            return tr(message, language, **places)
    return None
