"""What a child process that takes apart strangers' files gets from us."""

import contextlib
import os


def environment() -> dict[str, str]:
    """Return what a child may know of our environment: that without which Python does not start."""
    return {name: value for name, value in os.environ.items() if name.upper() in _INHERITED}


_INHERITED = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def limit(name: str, value: int) -> None:
    """Lower this process's soft limit `name`; systems without it do with the parent's clock."""
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, hard))
