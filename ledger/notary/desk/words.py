"""Who did what, as the portal and the command line say it of the audit trail."""

import re

from ledger.language import tr
from ledger.notary.desk.roles import Role
from ledger.notary.desk.trail import Action
from ledger.quoted import Words

_MEMBER = re.compile(rf"(.+) \(({'|'.join(Role)})\)")
_CERTIFICATE = re.compile("certificate ([0-9]{6})((?:: [a-z-]+)?)")


def role(name: str, language: str) -> Words:
    """Return a role, also that of whoever sat at the terminal."""
    return {
        Role.CLERK: tr("role\x04clerk", language),
        Role.OFFICER: tr("role\x04officer", language),
        Role.OPERATOR: tr("role\x04operator", language),
        "terminal": tr("at the terminal", language),
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
    }
    return said.get(name) or tr("unknown", language)


def thing(text: str, language: str) -> str:
    """Return what it was done to, as the row names it; a certificate or a role in this language."""
    if found := _CERTIFICATE.fullmatch(text):
        return tr("certificate {number}", language, number=Words(found[1])) + found[2]
    if found := _MEMBER.fullmatch(text):
        return f"{found[1]} ({role(found[2], language)})"
    return text
