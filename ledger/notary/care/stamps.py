"""Whether the anchors that are kept are this ledger's, and the timestamps over them theirs."""

import hashlib
from collections.abc import Iterator

from ledger.chain.note import first_lines, parse_note
from ledger.chain.renewal.record import parse_stamp
from ledger.chain.renewal.verifying import covered
from ledger.errors import SealbookError
from ledger.notary.ports import Stamp
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.quoted import Message

_ROWS = 100


def anchor_faults(anchors: AnchorDatabase, signed: CheckpointDatabase) -> Iterator[Message]:
    """Yield what is wrong with the anchors: each is a signed checkpoint with lines added.

    Each timestamp, and each renewal, has to be over what it stands beside; who has made it is asked by
    whoever verifies a receipt.
    """
    after = -1
    while True:
        found, stamps = anchors.all(after, _ROWS)
        if not found:
            return
        after = found[-1].height
        notes = {each.height: each.note for each in found}
        for each in found:
            checkpoint = signed.at_height(each.height)
            if checkpoint is None or not _extends(each.note, checkpoint.note):
                yield f"block {each.height}: the anchor is not its checkpoint"
        for stamp in stamps:
            try:
                _require_over(notes[stamp.height], stamp)
            except SealbookError as error:
                yield f"block {stamp.height}: {error}"


def _extends(note: str, signed: str) -> bool:
    try:
        lines = len(parse_note(signed).signatures)
        return first_lines(note, lines) == signed
    except SealbookError:
        return False


def _require_over(note: str, stamp: Stamp) -> None:
    stamped = first_lines(note, stamp.entry.lines).encode()
    covered(parse_stamp(stamp.entry.der), lambda name: hashlib.new(name, stamped).digest())
