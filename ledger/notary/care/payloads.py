"""Compares stored age files with what deposits name: that they are there whole, or every byte."""

from collections.abc import Iterator

from ledger.chain.statement import Payload
from ledger.errors import StorageFailed, VerificationFailed
from ledger.notary.storage.directory import OBJECTS
from ledger.notary.storage.envelopes import MAX_KEPT_HEADER
from ledger.notary.storage.packed import EnvelopeKeeper
from ledger.quoted import Message, quoted

_DIGEST = len("sha256 \n") + 64
_MIN_HEADER = len(b"age-encryption.org/v1\n-> x\n\n--- \n") + 43 + _DIGEST
"""Bytes of the smallest header: one stanza without a body, the MAC in base64, and the digest's line."""
_HEADER_SIZES = range(_MIN_HEADER, MAX_KEPT_HEADER + _DIGEST + 1)
_RESTORE: Message = "restore it from a backup of `objects`"


def payload_faults(
    store: EnvelopeKeeper, account: str, payload: Payload, *, read: bool
) -> Iterator[Message]:
    """Yield what is wrong with the age file that a deposit names, nothing if all is well.

    What the office has deleted under a notice is well. Presence and sizes are compared; with `read` the
    header and the payload are hashed as well.
    Whether the header's stanzas open with anybody's key, only that key can tell.
    """
    header_size, size = store.sizes(account, payload.root)
    if not read and header_size in _HEADER_SIZES and size == payload.size:
        return
    header = quoted(f"{OBJECTS}/{account}/{payload.root.hex()}.header")
    body = quoted(f"{OBJECTS}/{account}/{payload.root.hex()}.payload")
    if header_size is None and size is None and store.discarded(account, payload.root) is not None:
        return
    if header_size is None:
        yield f"{header} is missing; {_RESTORE}"
    elif header_size not in _HEADER_SIZES:
        yield f"{header} has {header_size} bytes, which is no age header; {_RESTORE}"
    elif read:
        try:
            store.header(account, payload.root)
        except (StorageFailed, VerificationFailed):
            yield f"{header} was altered: it is not what was uploaded; {_RESTORE}"
    if size is None:
        yield f"{body} is missing; {_RESTORE}"
    elif size != payload.size:
        yield f"{body} has {size} bytes where {payload.size} were deposited; {_RESTORE}"
    elif read and store.read_root(account, payload.root) != payload.root:
        yield f"{body} was altered: its hash is another one; {_RESTORE}"
