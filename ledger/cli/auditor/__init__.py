"""The commands of whoever audits a ledger, keeps a mirror of it, or checks a fault."""
