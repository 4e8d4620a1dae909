"""Durable files: one writer, and what a system call that fails means to a person."""
