"""Auditors: whoever may read entries. The notary keeps a hash of each one's credential."""

import hmac
from collections.abc import Callable
from hashlib import sha256

from ledger.errors import Conflict, NotFound
from ledger.lines import require_line
from ledger.notary.storage.office import Auditor, OfficeDatabase
from ledger.quoted import quoted

MAX_NAME = 128
"""Characters."""
_SECRET = 32


def admit(office: OfficeDatabase, name: str, now: int, random: Callable[[int], bytes]) -> str:
    """Admit an auditor; return the credential, which is kept nowhere here.

    Raises InvalidInput for a name that is none, Conflict where it is taken.
    """
    name = require_line(name, MAX_NAME)
    credential = random(_SECRET).hex()
    if not office.admit(Auditor(name, _digest(credential), now)):
        raise Conflict(
            f"{quoted(name)} is admitted already; dismiss it first, or choose another name."
        )
    return credential


def dismiss(office: OfficeDatabase, name: str) -> None:
    """Dismiss an auditor. Raises NotFound."""
    if not office.dismiss(name):
        raise NotFound(f"No auditor is named {quoted(name)}; `notary auditor list` shows who is.")


def is_admitted(office: OfficeDatabase, credential: str) -> bool:
    """Return whether a credential is an auditor's, in a time that says nothing of any of them."""
    digest = _digest(credential)
    return any([hmac.compare_digest(each.digest, digest) for each in office.auditors()])  # noqa: C419


def _digest(credential: str) -> bytes:
    return sha256(credential.encode()).digest()
