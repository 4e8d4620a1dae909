"""A vault is made whole or not at all."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ledger.company.vault.home import CONFIG, FILED, HOME_VARIABLE, SPOOL
from ledger.company.vault.stored import write_file
from ledger.disk.files import sync_folder
from ledger.errors import InvalidInput, StorageFailed
from ledger.quoted import quoted


@dataclass(frozen=True, slots=True)
class Config:
    """What config.toml holds."""

    notary: str
    origin: str
    account: str
    name: str


@contextlib.contextmanager
def new_vault(home: Path) -> Iterator[Path]:
    """Yield a folder that becomes the vault at `home` if nothing fails in the block.

    Raises InvalidInput where there is something already, StorageFailed where it cannot be made.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise InvalidInput(
            f"{quoted(home)} is not empty. A vault is never overwritten: name another folder in "
            f"{HOME_VARIABLE}, or move the old vault away."
        )
    building = home.with_name(f".{home.name}.{secrets.token_hex(6)}")
    try:
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        building.mkdir(mode=0o700)
        for place in (SPOOL, FILED):
            (building / place).mkdir(mode=0o700)
        yield building
        if home.exists():
            home.rmdir()
        building.rename(home)
        sync_folder(home.parent)
    except OSError as error:
        raise StorageFailed(
            f"The vault at {quoted(home)} could not be made: {error.strerror}."
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def write_config(folder: Path, config: Config) -> None:
    """Write config.toml."""
    import tomli_w

    write_file(folder / CONFIG, tomli_w.dumps(asdict(config)).encode())
