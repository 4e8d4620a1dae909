"""Receipts that come late: what a block's anchor adds, fetched for receipts that were provisional.

A receipt is provisional while witnesses or a timestamp that the trust file names are not shown by it.
One whose time is shown for less than a year is asked for too: the notary renews its timestamps. Whoever
keeps a receipt marks it in the vault before; here the mark goes, once a final one is kept.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.chain import report as rp
from ledger.chain.receipt import parse_receipt
from ledger.chain.trust import Trust, needs_witnesses
from ledger.company.sending.confirming import ReceiptForAnother, keep_up, verify_answer
from ledger.company.sending.stamping import with_own_token
from ledger.company.vault.life import State
from ledger.company.vault.stored import StoredDeposit, write_file
from ledger.company.vault.vault import Vault
from ledger.errors import NotEnrolled, SealbookError, StorageFailed, Unavailable
from ledger.verify import ReceiptRefused, VerifiedReceipt
from ledger.wire.client import NotaryClient

ROUND = 100
"""Receipts that are asked for in a row."""
AGAIN = 0.5
"""Seconds between two rounds of `settle`."""
YEAR = 365 * 86_400
"""Seconds before the end of its timestamps in which a receipt is asked for again."""

Shown = frozenset[tuple[str, str]]
"""What a receipt shows of what comes late: claims that are proven, witnesses, authorities."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was asked of one deposit's receipt: whether it shows more now, and whether it is final."""

    deposit: StoredDeposit
    more: bool
    final: bool


@dataclass(frozen=True, slots=True)
class NotRefreshed:
    """Its receipt stays as it was, and why."""

    deposit: StoredDeposit
    error: SealbookError


def expects(trust: Trust) -> frozenset[str]:
    """Return the claims that a receipt comes to carry with its anchor under this trust file."""
    witnessed = needs_witnesses(trust.policy, trust.origin)
    return frozenset([rp.WITNESSES] * witnessed + [rp.TIME] * bool(trust.authorities))


def lacks(verified: VerifiedReceipt, trust: Trust) -> frozenset[str]:
    """Return the claims that the trust file names and that are still to come."""
    report = verified.report
    return frozenset(each for each in expects(trust) if report.claim(each).status != rp.PROVEN)


def is_provisional(verified: VerifiedReceipt, trust: Trust) -> bool:
    """Whether something is still to come that the trust file names."""
    return bool(lacks(verified, trust))


def runs_out(report: rp.Report, now: float) -> bool:
    """Whether the time that a receipt shows is shown for less than a year from `now`."""
    until = _until(report)
    return until is not None and until < now + YEAR


def shows_more(new: rp.Report, old: rp.Report) -> bool:
    """Whether a receipt shows all that an older one shows, and more, or as much for longer."""
    had, has = _shown(old), _shown(new)
    return has > had or (has == had and (_until(new) or 0) > (_until(old) or 0))


def _until(report: rp.Report) -> int | None:
    until: int | None = report.claim(rp.EXISTENCE).facts.get("until")
    return until


def refresh(
    vault: Vault, client: NotaryClient, deposits: Sequence[StoredDeposit]
) -> Iterator[Refreshed | NotRefreshed]:
    """Fetch provisional receipts again; yield what became of each of them.

    A receipt gives way only to one of the same entry and block that shows all it shows, and more. Where
    the notary adds nothing to one, it is not asked for others of the same block that show the same.
    Raises Unavailable and NotEnrolled: the rest stays as it was.
    """
    barren: set[tuple[int, Shown]] = set()
    for each in deposits:
        try:
            outcome = _refreshed(vault, client, each, barren)
        except (Unavailable, NotEnrolled):
            raise
        except SealbookError as error:
            yield NotRefreshed(each, error)
        else:
            if outcome is not None:
                yield outcome


def settle(vault: Vault, client: NotaryClient, seconds: float) -> list[NotRefreshed]:
    """Refresh what is provisional, the newest first, until nothing is or the seconds are over.

    Returns what the notary answered that does not count. Raises nothing that a notary or a disk can
    cause: what has not come by then is fetched another time.
    """
    until = time.monotonic() + seconds
    wrong: dict[str, NotRefreshed] = {}
    with contextlib.suppress(SealbookError, OSError):
        while names := vault.provisional():
            for each in refresh(vault, client, due(vault, names[: -ROUND - 1 : -1])):
                if isinstance(each, NotRefreshed):
                    wrong[each.deposit.name] = each
                if time.monotonic() >= until:
                    return list(wrong.values())
            if time.monotonic() + AGAIN >= until:
                break
            time.sleep(AGAIN)
    return list(wrong.values())


def due(vault: Vault, names: Sequence[str]) -> list[StoredDeposit]:
    """Return the deposits of these marks; the mark of one that is not in the vault any more goes."""
    found = []
    for each in map(vault.stored, names):
        if each.folder.exists():
            found.append(each)
        else:
            vault.mark_final(each.name)
    return found


def _refreshed(
    vault: Vault, client: NotaryClient, deposit: StoredDeposit, barren: set[tuple[int, Shown]]
) -> Refreshed | None:
    old = deposit.receipt
    if old is None or deposit.state is not State.DEPOSITED:
        return None
    try:
        had = verify_answer(deposit.encoded, old, vault.trust)
    except ReceiptRefused:
        return _given_anew(vault, client, deposit, old)
    if not is_provisional(had, vault.trust):
        vault.mark_final(deposit.name)
        if not runs_out(had.report, time.time()):
            return None
    elif not deposit.provisional:
        vault.mark_provisional([deposit.name])
    shows = had.block.height, _shown(had.report)
    if shows in barren:
        return Refreshed(deposit, more=False, final=not is_provisional(had, vault.trust))
    new = with_own_token(client.receipt(deposit.statement.leaf_hash), deposit, vault.trust)
    found = verify_answer(deposit.encoded, new, vault.trust)
    if (found.index, found.block) != (had.index, had.block):
        raise ReceiptForAnother("The notary answered with a receipt for another place.")
    keep_up(vault, vault.checkpoint(), found.checkpoint, client.consistency)
    more = shows_more(found.report, had.report) and _replaced(vault, deposit, old, new)
    final = not is_provisional(found if more else had, vault.trust)
    if final:
        vault.mark_final(deposit.name)
    if not more:
        barren.add(shows)
    return Refreshed(deposit, more, final)


def _given_anew(
    vault: Vault, client: NotaryClient, deposit: StoredDeposit, old: bytes
) -> Refreshed:
    """Replace a receipt that does not hold any more: a key of the notary's was revoked."""
    new = client.receipt(deposit.statement.leaf_hash)
    found = verify_answer(deposit.encoded, new, vault.trust)
    was, now = parse_receipt(old), parse_receipt(new)
    if (now.position.index, now.block) != (was.position.index, was.block):
        raise ReceiptForAnother("The notary answered with a receipt for another place.")
    keep_up(vault, vault.checkpoint(), found.checkpoint, client.consistency)
    final = not is_provisional(found, vault.trust)
    if not final:
        vault.mark_provisional([deposit.name])
    more = _replaced(vault, deposit, old, new)
    if final:
        vault.mark_final(deposit.name)
    return Refreshed(deposit, more, final)


def _shown(report: rp.Report) -> Shown:
    claims = [report.claim(name) for name in rp.PENDING]
    proven = {(each.name, "") for each in claims if each.status == rp.PROVEN}
    names = {
        (rp.WITNESSES, w["name"]) for w in report.claim(rp.WITNESSES).facts.get("witnesses", ())
    }
    tokens = {(rp.TIME, name) for name in report.claim(rp.TIME).facts.get("authorities", ())}
    return frozenset(proven | names | tokens)


def _replaced(vault: Vault, deposit: StoredDeposit, old: bytes, new: bytes) -> bool:
    """Replace the user's receipt where it still is the one that was delivered, then the vault's.

    The user's may be out of reach: the vault's counts. Returns whether that one still was `old`:
    another process may have been faster.
    """
    if deposit.meta.receipt:
        delivered = Path(deposit.meta.receipt)
        with contextlib.suppress(OSError, StorageFailed):
            if delivered.is_file() and not delivered.is_symlink():
                with delivered.open("rb") as file:
                    same = file.read(len(old) + 1) == old
                if same:
                    write_file(delivered, new)
    with vault.locked():
        if deposit.receipt != old:
            return False
        write_file(deposit.folder / "receipt", new)
    return True
