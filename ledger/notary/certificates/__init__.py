"""Certificates that the office issues: their numbers, their signatures, their entries."""
