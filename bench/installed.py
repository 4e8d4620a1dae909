"""Commands as an installation runs them: their modules compiled before."""

import os
from pathlib import Path


def installed(folder: Path) -> dict[str, str]:
    """Return an environment in which compiled modules are kept in `folder`."""
    kept = {name: each for name, each in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder)}
