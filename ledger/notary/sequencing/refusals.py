"""What a depositor or the office is told when an entry would break a rule of the ledger's order."""

from ledger.chain.replay import Replay, Rule, RuleBroken
from ledger.chain.statement import Statement, parse_deposit
from ledger.errors import Conflict, KeyRevoked, NotEnrolled, NotFound, Refused, WrongOrigin
from ledger.quoted import Message, quoted

_REFUSALS: dict[Rule, tuple[type[Refused], Message]] = {
    Rule.ENROLLED: (
        NotEnrolled,
        "The key that signed this statement is not enrolled here; ask the notary office.",
    ),
    Rule.ACCOUNT: (
        NotEnrolled,
        "The statement's key belongs to another account than it names.",
    ),
    Rule.REVOKED: (
        KeyRevoked,
        "The key that signed this statement was revoked; use another of the account's keys.",
    ),
    Rule.DEVICE: (Refused, "A recovery key reads and admits other keys; it never deposits."),
    Rule.ENROLLED_ONCE: (
        Conflict,
        "This key is enrolled already; a key has one account for ever.",
    ),
    Rule.ENDORSED: (
        Refused,
        "A device's key admits no other key. The account's recovery sheet does: use "
        "`sealbook recover`.",
    ),
    Rule.ENDORSER_REVOKED: (
        KeyRevoked,
        "The key that signed the request was revoked; use another one.",
    ),
    Rule.REVOKES_ENROLLED: (NotFound, "No enrolled key has this thumbprint."),
    Rule.REVOKED_ONCE: (Conflict, "This key is revoked already."),
    Rule.INSPECTED: (NotFound, "An inspection is of a deposit that is an entry already."),
    Rule.CERTIFICATE_ONCE: (Conflict, "There is a certificate of this number already."),
    Rule.CERTIFIES_EARLIER: (NotFound, "There is no entry yet that this certificate is about."),
    Rule.WITHDRAWS_ISSUED: (NotFound, "No certificate of this number was issued."),
    Rule.WITHDRAWN_ONCE: (Conflict, "This certificate is withdrawn already."),
}


def refusal(broken: RuleBroken, statement: Statement, replay: Replay) -> Refused:
    """Return the refusal of a statement that does not follow from what `replay` has read."""
    if broken.rule == Rule.ORIGIN:
        origin = quoted(statement.payload.get("origin"))
        return WrongOrigin(
            f"The statement was made for {quoted(origin)}; this ledger is {quoted(replay.origin)}."
        )
    if broken.rule == Rule.MATTER:
        return _matter(statement, replay)
    return refused(broken.rule)


def refused(rule: Rule) -> Refused:
    """Return the refusal of what would break a rule, for those whose words need nothing else."""
    kind, sentence = _REFUSALS[rule]
    return kind(sentence)


def _matter(statement: Statement, replay: Replay) -> Conflict:
    matter = parse_deposit(statement).matter
    assert matter is not None
    number, _ = replay.matter_tip(statement.issuer, matter.id) or (0, None)
    if matter.number <= number:
        return Conflict(
            f"Number {matter.number} of this matter is taken by another statement; the next is "
            f"{number + 1}. Read the account's deposits, then deposit again."
        )
    return Conflict(
        f"The matter stands at number {number}; a deposit must be number {number + 1} and "
        "name the one before. Read the account's deposits, then deposit again."
    )
