"""Where the vault is, and what can be asked of it without opening it: cheap for every command."""

import contextlib
import os
from pathlib import Path

HOME_VARIABLE = "SEALBOOK_HOME"
CONFIG, TRUST, IDENTITY = "config.toml", "notary.trust", "identity.txt"
SPOOL, FILED, REFUSED = "spool", "deposits", "refused"
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


def may_hold(home: Path, commitment: bytes) -> bool:
    """Return whether the vault may hold the deposit: no is certain, yes is for the vault to confirm."""
    end = f"-{commitment.hex()[:ID_DIGITS]}"
    for place in (SPOOL, FILED):
        with contextlib.suppress(FileNotFoundError), os.scandir(home / place) as found:
            if any(each.name.endswith(end) for each in found):
                return True
    return False
