"""Capturing as things come into being: into the spool at once and exactly once, then to the notary."""
