"""Matters by name, and what other computers of the account have numbered in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ledger.company.vault.stored import read_file
from ledger.encoding import parse_toml

MAX_MATTERS, MAX_MATTERS_SIZE = 1 << 20, 1 << 28
"""Names in matters.toml, and its bytes: more than a vault can come to hold."""

ELSEWHERE = "elsewhere.json"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other computers of the account have entered in this vault's matters.

    `after` is the index of the last entry that was looked at; `tips` gives number and leaf hash of the
    last such paper of each matter; `renumbered` counts how often papers here had to give way.
    """

    after: int = -1
    tips: Mapping[bytes, tuple[int, bytes]] = field(default_factory=dict)
    renumbered: int = 0


def named_matters(home: Path) -> dict[str, str]:
    path = home / "matters.toml"
    if not path.exists():
        return {}
    return parse_toml(read_file(path), max_size=MAX_MATTERS_SIZE, max_keys=MAX_MATTERS)
