"""The limits that such a child puts on itself, where the system knows them (POSIX)."""

import contextlib


def limit(name: str, value: int) -> None:
    """Lower this process's soft limit `name`; systems without it do with the parent's clock."""
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, hard))
