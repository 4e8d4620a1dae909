"""What a child process that takes apart strangers' files gets from us."""

import os


def environment() -> dict[str, str]:
    """Return what a child may know of our environment: that without which Python does not start."""
    return {name: value for name, value in os.environ.items() if name.upper() in _INHERITED}


_INHERITED = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
