"""Sealbook, a notarized evidence ledger: a room for each party, and the proofs that they share."""
