"""Correspondence: where it comes from, and what is stated of it."""
