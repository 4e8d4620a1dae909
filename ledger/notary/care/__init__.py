"""A notary's directory is founded, checked, mended, copied and restored."""
