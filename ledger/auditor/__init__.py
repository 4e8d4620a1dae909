"""The auditor's room: reads a whole ledger as a stranger, keeps a mirror, writes what it catches."""
