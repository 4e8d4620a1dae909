"""What the notary keeps, on disk: databases, log files, envelopes, identity records."""
