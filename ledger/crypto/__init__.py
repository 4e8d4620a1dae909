"""Bytes in, bytes out: keys, COSE, age, Merkle trees, commitments. Nothing here knows the ledger."""
