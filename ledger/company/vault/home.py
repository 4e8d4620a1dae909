"""Where the vault is, and what can be asked of it without opening it: cheap for every command."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

HOME_VARIABLE = "SEALBOOK_HOME"
CONFIG, TRUST, IDENTITY = "config.toml", "notary.trust", "identity.txt"
SPOOL, FILED, REFUSED = "spool", "deposits", "refused"
PROVISIONAL = "provisional"
ID_DIGITS = 16
"""Digits of the commitment in a deposit's folder name."""


def vault_home() -> Path:
    """Return where the vault is: SEALBOOK_HOME, or the platform's place for a user's data."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).absolute()
    from platformdirs import user_data_path

    return user_data_path("sealbook", appauthor=False)


def has_vault(home: Path) -> bool:
    """Return whether a vault stands at `home`."""
    return (home / CONFIG).is_file()


def held(home: Path, commitment: bytes) -> Iterator[str]:
    """Yield the names of the deposits that may have this commitment, by their names alone."""
    end = f"-{commitment.hex()[:ID_DIGITS]}"
    for place in (SPOOL, FILED, REFUSED):
        with contextlib.suppress(FileNotFoundError), os.scandir(home / place) as found:
            yield from (each.name for each in found if each.name.endswith(end))
