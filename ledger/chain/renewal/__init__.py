"""Evidence records (RFC 4998): read, verified and prolonged by whoever holds what they cover."""
