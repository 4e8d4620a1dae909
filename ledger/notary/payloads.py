"""Reads stored ciphertext and compares it with what a deposit names."""

from ledger.adapters.envelopes import EnvelopeStore
from ledger.chain.statement import Payload
from ledger.crypto.merkle import RootBuilder, leaf_hash
from ledger.crypto.stream import ENC_CHUNK, NONCE_SIZE
from ledger.errors import VerificationFailed


def verify_payload(store: EnvelopeStore, account: str, payload: Payload) -> None:
    """Raise VerificationFailed, or NotFound, unless the age file is there and the one named."""
    with store.open(account, payload.root) as (_, size, read_at):
        tree = RootBuilder()
        offset, length = 0, NONCE_SIZE
        while offset < size:
            chunk = read_at(offset, length)
            if not chunk:
                break
            tree.append(leaf_hash(chunk))
            offset, length = offset + len(chunk), ENC_CHUNK
        if (size, tree.root()) != (payload.size, payload.root):
            raise VerificationFailed(
                f"the age file {payload.root.hex()} is not the one that was deposited"
            )
