"""Whether two processes mean the same directory by a name.

systemd gives a service a /tmp of its own and hides /home from it: a backup that it made there would be
gone with it, and whoever ordered it would look for it in vain.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ledger.errors import Conflict
from ledger.notary.orders import Seen
from ledger.quoted import quoted


def see(target: Path) -> Seen:
    """Return the lowest directory above an absolute path, or the path itself, that is there."""
    return next(_there(target))


def require_same(seen: Seen) -> None:
    """Raise Conflict unless this process finds the same directory under that name."""
    if next(_there(Path(seen.path))) != seen:
        raise Conflict(
            f"The service finds another directory at {quoted(seen.path)} than you do, or none. Under "
            "systemd it has a /tmp and /var/tmp of its own and no /home, in a container only what is "
            "mounted there: choose another place."
        )


def _there(target: Path) -> Iterator[Seen]:
    for each in (target, *target.parents):
        with suppress(OSError):
            found = each.stat()
            yield Seen(str(each), found.st_dev, found.st_ino)
