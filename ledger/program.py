"""This program: its name, version, and the hash of its own code."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

VERSION = "0.1.0"


@dataclass(frozen=True, slots=True)
class Program:
    """The program that checked: its version, and SHA-256 over its own code, in hex."""

    name: str
    version: str
    digest: str


def tool_name() -> str:
    """Return this software's name and version."""
    return f"sealbook {VERSION}"


@lru_cache(maxsize=1)
def this_program() -> Program:
    """Return the program that runs, with SHA-256 over the list of its files and their SHA-256.

    The list is what `sha256sum` prints for the package's modules in the order of their paths, the
    service left out: it stands elsewhere in a checkout.
    """
    package = Path(__file__).parent
    names = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    listing = sha256()
    for name in names:
        if not name.startswith("api/"):
            digest = sha256((package / name).read_bytes()).hexdigest()
            listing.update(f"{digest}  ledger/{name}\n".encode())
    return Program("sealbook", VERSION, listing.hexdigest())
