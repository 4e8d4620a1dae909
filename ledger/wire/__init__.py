"""What travels between company and notary."""
