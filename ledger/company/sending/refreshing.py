"""Receipts that come late: what a block's anchor adds, fetched for receipts that were provisional.

A receipt is provisional while witnesses or a timestamp that the trust file names are not shown by it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.chain import report as rp
from ledger.chain.trust import Trust, needs_witnesses
from ledger.company.sending.confirming import ReceiptForAnother, keep_up, verify_answer
from ledger.company.vault.stored import StoredDeposit, write_file
from ledger.company.vault.vault import Vault
from ledger.errors import NotEnrolled, SealbookError, Unavailable
from ledger.verify import VerifiedReceipt
from ledger.wire.client import NotaryClient


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


def is_provisional(verified: VerifiedReceipt, trust: Trust) -> bool:
    """Whether something is still to come that the trust file names."""
    return any(verified.report.claim(each).status != rp.PROVEN for each in expects(trust))


def refresh(
    vault: Vault, client: NotaryClient, deposits: Sequence[StoredDeposit]
) -> Iterator[Refreshed | NotRefreshed]:
    """Fetch provisional receipts again; yield what became of each of them. Call under `sending`.

    A receipt gives way only to one of the same entry and block that shows all it shows, and more.
    Raises Unavailable and NotEnrolled: the rest stays as it was.
    """
    for each in deposits:
        old = each.receipt
        if old is None:
            continue
        try:
            had = verify_answer(each.encoded, old, vault.trust)
            if not is_provisional(had, vault.trust):
                continue
            new = client.receipt(each.statement.leaf_hash)
            found = verify_answer(each.encoded, new, vault.trust)
            if (found.index, found.block) != (had.index, had.block):
                raise ReceiptForAnother("The notary answered with a receipt for another place.")
            keep_up(vault, vault.checkpoint(), found.checkpoint, client.consistency)
            more = _shown(found.report) > _shown(had.report)
            if more:
                _replace(each, old, new)
        except (Unavailable, NotEnrolled):
            raise
        except SealbookError as error:
            yield NotRefreshed(each, error)
        else:
            yield Refreshed(each, more, not is_provisional(found if more else had, vault.trust))


def _shown(report: rp.Report) -> frozenset[tuple[str, str]]:
    """Return what a receipt shows of what comes late."""
    claims = [report.claim(name) for name in rp.PENDING]
    proven = {(each.name, "") for each in claims if each.status == rp.PROVEN}
    names = {
        (rp.WITNESSES, w["name"]) for w in report.claim(rp.WITNESSES).facts.get("witnesses", ())
    }
    tokens = {(rp.TIME, name) for name in report.claim(rp.TIME).facts.get("authorities", ())}
    return frozenset(proven | names | tokens)


def _replace(deposit: StoredDeposit, old: bytes, new: bytes) -> None:
    """Replace the vault's receipt, and the user's where it still is the one that was delivered."""
    write_file(deposit.folder / "receipt", new)
    delivered = Path(deposit.meta.receipt) if deposit.meta.receipt else None
    if delivered is not None and delivered.is_file() and not delivered.is_symlink():
        with delivered.open("rb") as file:
            same = file.read(len(old) + 1) == old
        if same:
            write_file(delivered, new)
