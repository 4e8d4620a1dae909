"""A stranger's audit of a whole ledger, and the mirror that outlives the notary."""
