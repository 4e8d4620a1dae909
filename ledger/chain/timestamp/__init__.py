"""Timestamps of authorities (RFC 3161, RFC 5816): asked for, read and verified, and nothing else."""
