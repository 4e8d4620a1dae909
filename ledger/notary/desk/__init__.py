"""The desk: who works at the notary office, what each may do, what waits, and what was done."""
