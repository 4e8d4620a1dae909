"""The ledger's data structures and proofs. Pure: no clock, file, network or database."""
