"""Ciphertext that no deposit names, deleted once it has lain for a time.

An upload whose statement never came takes room for ever. Nothing tells a file that is forgotten from
one whose statement is on its way. So what goes is chosen between two blocks and withheld until it is
gone, as whatever the office deletes (`ledger.notary.sequencing.withholding`): a statement that names it
meanwhile is refused as lacking its ciphertext, and whoever made it uploads that again.

No entry names it, so there is no notice. Nothing of an account under a legal hold is touched, and
nothing in packs: deposits name it.
"""

import logging

from ledger.notary.deleting import Deleting, roots_of
from ledger.notary.desk.terms import read_terms, terms_of
from ledger.notary.orders import Tidied
from ledger.notary.storage.envelopes import Lying

_log = logging.getLogger("sealbook.notary")


def look(deleting: Deleting, older_than: int) -> Tidied:
    """Return what has lain for so many seconds and is named by nothing; do nothing."""
    return _tidy(deleting, older_than, change=False)


def tidy(deleting: Deleting, older_than: int) -> Tidied:
    """Delete that; return what it was.

    Raises Conflict while nobody has gone through a desk that is an older copy; StorageFailed,
    Unavailable.
    """
    deleting.require_reviewed()
    done = _tidy(deleting, older_than, change=True)
    if done.files:
        _log.info("ciphertext that no deposit names was deleted: files %d", done.files)
    return done


def _tidy(deleting: Deleting, older_than: int, *, change: bool) -> Tidied:
    terms, before = read_terms(deleting.desk), deleting.desk.moment - older_than
    files = size = held = 0
    for account, lying in deleting.envelopes.lying():
        one = terms.get(account)
        if one is not None and one.held is not None:
            held += 1
            continue
        old = {root: each for root, each in lying.items() if each.changed <= before}
        for each in _delete(deleting, account, old) if change else _unnamed(deleting, account, old):
            files += each.files
            size += each.bytes
    return Tidied(files, size, held)


def _unnamed(deleting: Deleting, account: str, old: dict[bytes, Lying]) -> list[Lying]:
    left = dict(old)
    if left:
        for entry in deleting.deposits(account):
            for root in roots_of(entry):
                left.pop(root, None)
    return list(left.values())


def _delete(deleting: Deleting, account: str, old: dict[bytes, Lying]) -> list[Lying]:
    seen = deleting.entries.size - 1
    roots = [each.root for each in _unnamed(deleting, account, old)]
    if not roots:
        return []
    with deleting.withheld(account, roots, seen) as free:
        if terms_of(deleting.desk, account).held is not None:
            return []
        deleting.sequencer.require_leading()
        for root in free:
            deleting.envelopes.forget(account, root)
        return [old[root] for root in free]
