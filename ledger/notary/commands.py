"""The office's commands, carried out on the parts of a notary that they need."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from ledger.chain import statement as st
from ledger.chain.enrolment import parse_endorsed, parse_record, verify_enrolment_request
from ledger.chain.office import (
    Notice,
    Platform,
    notice_payload,
    platform_payload,
    recovery_payload,
)
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import InvalidInput
from ledger.lines import require_line
from ledger.notary import inspecting, orders, retention, tidying
from ledger.notary.care.keychange import KeyChanges
from ledger.notary.certificates.register import Register
from ledger.notary.deleting import Deleting
from ledger.notary.desk.trail import Actor
from ledger.notary.entries import Entries
from ledger.notary.orders import Order, Proven
from ledger.notary.recovering import stated
from ledger.notary.seeing import require_same
from ledger.notary.sequencing.accounts import Accounts
from ledger.notary.sequencing.sequencer import Sequencer
from ledger.notary.storage.records import RecordStore

A = TypeVar("A")

MAX_PUBLIC = 1_000
"""Characters of words that the office types for everybody to read."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the commands work on."""

    accounts: Accounts
    records: RecordStore
    sequencer: Sequencer
    entries: Entries
    prove: Callable[[int], Proven]
    state: Callable[[], orders.State]
    accept_clock: Callable[[], int | None]
    backup: Callable[[Path], int]
    changing_keys: Callable[[], KeyChanges]
    register: Register
    deleting: Callable[[str | None], Deleting]
    """What deletes, of one account or of all. Raises Conflict under a legal hold of that one."""


def carry_out(parts: Parts, order: Order[A]) -> A:
    """Carry out a command. Raises what it raises."""
    return cast("A", _carry_out(parts, order))


def _carry_out(parts: Parts, order: Order[Any]) -> object:
    match order:
        case orders.Enroll(request, staged):
            record = parse_record(parts.records.fetch(staged))
            asked = verify_enrolment_request(request)
            new = _is_new(parts, asked.key)
            return orders.Enrolled(new, parts.accounts.enrol(asked, record))
        case orders.Join(endorsed):
            new = _is_new(parts, verify_enrolment_request(parse_endorsed(endorsed)[0]).key)
            return orders.Enrolled(new, parts.accounts.join(endorsed))
        case orders.Revoke(key, reason):
            return orders.Entered(parts.accounts.revoke(key, reason).index)
        case orders.Erase(account, reason, by, role):
            return parts.deleting(account).erase(account, reason, Actor(by, role))
        case orders.Discard(account, chosen, reason, by, role):
            return parts.deleting(account).discard(account, chosen, reason, Actor(by, role))
        case orders.AskRetired():
            return retention.look(parts.deleting(None))
        case orders.Retire(until):
            deleting = parts.deleting(None)
            retention.believe(deleting.desk)
            until = min(until, retention.ledger_time(deleting))
            return orders.RetiredPart(retention.retire(deleting, until))
        case orders.AskTidied(older_than):
            return tidying.look(parts.deleting(None), older_than)
        case orders.Tidy(older_than):
            return tidying.tidy(parts.deleting(None), older_than)
        case orders.AskReceipts(account, after, limit):
            return orders.GivenReceipts(
                tuple(
                    orders.GivenReceipt(
                        each.index, each.statement, parts.sequencer.receipt(each.leaf_hash)
                    )
                    for each in parts.entries.deposits(account, after, limit)
                )
            )
        case orders.ListAccounts():
            return orders.AllAccounts(parts.accounts.list())
        case orders.AskAccount(account):
            return parts.accounts.standing(account)
        case orders.SayNotice(text):
            return _entered(
                parts, st.NOTICE, notice_payload(Notice(require_line(text, MAX_PUBLIC)))
            )
        case orders.StatePlatform(platform):
            return _entered(parts, st.PLATFORM, platform_payload(_readable(platform)))
        case orders.StateRecovery(recovery):
            parts.sequencer.settle()
            index = stated(parts.entries.office, recovery)
            if index is None:
                return _entered(parts, st.RECOVERY, recovery_payload(recovery))
            return orders.Entered(index)
        case orders.Inspect(deposits):
            return inspecting.enter(parts.sequencer, parts.entries, parts.prove, deposits)
        case orders.AskInspections(leaves):
            return inspecting.find(parts.entries, parts.prove, leaves)
        case orders.ReserveCertificates(count):
            return orders.Reserved(parts.register.reserve(count))
        case orders.EnterCertificates(issued):
            return orders.AllEntered(parts.register.enter(issued))
        case orders.WithdrawCertificate(withdrawn):
            return orders.Entered(parts.register.withdraw(withdrawn))
        case orders.AskState():
            return parts.state()
        case orders.AcceptClock():
            return orders.ClockAccepted(parts.accept_clock())
        case orders.Backup(destination, above):
            if above is not None:
                require_same(above)
            return orders.BackedUp(parts.backup(Path(destination)))
        case orders.RotateLog():
            return parts.changing_keys().rotate_log()
        case orders.RetireLog():
            return parts.changing_keys().retire_log()
        case orders.RevokeLog(reason, since):
            return parts.changing_keys().revoke_log(reason, since)
        case orders.AskSeal():
            return orders.SealAsked(parts.changing_keys().request_seal())
        case orders.InstallSeal(chain, lost, since):
            return parts.changing_keys().install_seal(chain, lost, since)
    raise InvalidInput("There is no such command.")


def _readable(platform: Platform) -> Platform:
    """Return a platform whose words can be read. Raises InvalidInput."""
    return Platform(
        require_line(platform.operator, MAX_PUBLIC),
        require_line(platform.filing, MAX_PUBLIC) if platform.filing else "",
        require_line(platform.environment, MAX_PUBLIC),
        platform.software,
        tuple(require_line(each, MAX_PUBLIC) for each in platform.standards),
    )


def _is_new(parts: Parts, key: bytes) -> bool:
    return parts.accounts.key(thumbprint_ed25519(key)) is None


def _entered(parts: Parts, kind: str, payload: dict[str, Any]) -> orders.Entered:
    return orders.Entered(parts.sequencer.enter((kind, payload)).result()[0].index)
