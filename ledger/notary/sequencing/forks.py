"""Whether the ledger can go on from what lies on the disk without a fork.

What was signed last must be by our keys, not older than its copy or what was published, and followed by
one whole block at most. Each check raises LedgerFault, and says what to put back.
"""

import contextlib
from collections.abc import Callable, Sequence

from ledger.chain.block import GENESIS_PREVIOUS, Block, note_digest, parse_block
from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import verify_signature
from ledger.chain.note import parse_note
from ledger.chain.replay import RuleBroken, require_link
from ledger.chain.statement import Statement
from ledger.chain.trust import Trust, verify_own
from ledger.errors import LedgerFault, MalformedData, SealbookError, VerificationFailed
from ledger.notary.ports import SignedCheckpoint


def require_signed(trust: Trust, signed: SignedCheckpoint) -> None:
    """Raise LedgerFault unless the log has signed a checkpoint, and its row says the same."""
    try:
        require_log_lines(trust, signed.note, Checkpoint(trust.origin, signed.size, signed.root))
    except SealbookError as error:
        raise LedgerFault(
            f"The signed checkpoint of block {signed.height} is not one by the keys in `keys/`: files "
            "of different ledgers were mixed, or it was altered. Put back the files that belong "
            "together."
        ) from error


def require_log_lines(trust: Trust, note: str, checkpoint: Checkpoint) -> None:
    """Raise unless a note is over this checkpoint, and carries all of the log's lines and no others.

    Raises MalformedData, VerificationFailed.
    """
    if parse_checkpoint(parse_note(note).text) != checkpoint:
        raise VerificationFailed("the entries do not give the root that was signed")
    verified = verify_own(trust, note)
    found = {each.key for each in verified.logs} | {each.key for _, each in verified.witnesses}
    known = {(key.name, key.key_id): key for key in trust.own_keys}
    for signature in verified.note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            raise VerificationFailed("the note carries a line that is not the log's")
        if key not in found:  # a former key's, which signed beside today's
            verify_signature(key, signature, checkpoint)


def require_copied(last: SignedCheckpoint | None, copied: SignedCheckpoint | None) -> None:
    """Raise LedgerFault when the newest copy shows that `last` is not what was signed last."""
    if copied is None:
        return
    if copied.height > next_height(last):
        raise LedgerFault(
            f"Block {copied.height} was signed, but the newest row of signed checkpoints is older: "
            "checkpoints.sqlite, or what lies on the server, is an old copy. Going on would fork the "
            "ledger. Run `sealbook notary fsck --rebuild`, which makes the rows anew from `log`."
        )
    if last is not None and copied.height == last.height and copied != last:
        raise LedgerFault(
            f"Block {copied.height} was signed twice: the rows (checkpoints.sqlite, or on the server) "
            "and `log/signed` hold different checkpoints. One of them belongs to another copy of "
            "this notary. "
            "Stop both, "
            "and put back the files that belong together."
        )


def require_high_water(
    trust: Trust,
    last: SignedCheckpoint | None,
    at_size: Callable[[int], SignedCheckpoint | None],
    mark: str,
) -> None:
    """Raise LedgerFault where the mark that is kept elsewhere tells of more, or of something else."""
    if last is not None and mark == last.note:
        return
    try:
        stated = parse_checkpoint(parse_note(mark).text)
        verify_own(trust, mark)
    except SealbookError as error:
        raise LedgerFault(
            "The high-water mark holds no checkpoint by the keys of this ledger: it is another "
            "ledger's, or was altered. Nothing is signed. Let notary.toml name the right one. Only "
            "where it was altered, and no other copy of this notary can have signed, move it away and "
            "make it anew: `sealbook notary high-water PLACE --anew`."
        ) from error
    size = 0 if last is None else last.size
    if stated.size > size:
        raise LedgerFault(
            f"This copy ends at {size} entries, and the high-water mark says that {stated.size} were "
            "signed: going on would fork the ledger. Either this is an old copy: start the newest one, "
            "or restore a newer backup. Or it is the right one, and another copy was started, as when "
            "a restore is tried out, and has signed: stop that one, and keep it. What witnesses and "
            "receipts have seen tells which. Nothing is lost if what is missing here is taken over: "
            "`sealbook notary restore --mirror`, with a mirror or the `log` folder of the copy that "
            "has it; docs/operate.md says how, under The high-water mark."
        )
    found = at_size(stated.size)
    if found is None or found.root != stated.root:
        raise LedgerFault(
            f"The high-water mark holds another checkpoint over {stated.size} entries than was signed "
            "here: another copy of this notary has signed. Stop both, and put back the files that "
            "belong together."
        )


def require_newest(last: SignedCheckpoint | None, published: str | None) -> None:
    """Raise LedgerFault when a newer checkpoint was published than `last`, the newest signed one."""
    if published is not None and size_of(published) > (0 if last is None else last.size):
        raise LedgerFault(
            f"The checkpoint over {size_of(published)} entries was published, but the newest row of "
            "signed checkpoints is older: checkpoints.sqlite, or what lies on the server, is an old "
            "copy. Going on would fork the ledger. Put back the newest one."
        )


def require_next(last: SignedCheckpoint | None, entries: Sequence[Statement]) -> Block:
    """Return the record of the one block that all entries behind the last signed checkpoint form.

    Raises LedgerFault when they are not the whole block that follows it.
    """
    start, height = (0, 0) if last is None else (last.size, last.height + 1)
    previous = GENESIS_PREVIOUS if last is None else note_digest(last.note)
    with contextlib.suppress(MalformedData, RuleBroken, IndexError):
        block = parse_block(entries[0])
        require_link(block, height, start, previous)
        if block.size == start + len(entries):
            return block
    raise LedgerFault(
        f"The entries from {start} on are not the one block that may wait to be signed: the rows of "
        "signed checkpoints (checkpoints.sqlite, or on the server) are an old copy, or another notary "
        "has written entries. Put back the newest ones; if another notary runs, stop it."
    )


def next_height(last: SignedCheckpoint | None) -> int:
    """Return the height of the block after `last`."""
    return 0 if last is None else last.height + 1


def size_of(note: str) -> int:
    """Return the size that a signed note states. Raises MalformedData."""
    return parse_checkpoint(parse_note(note).text).size
