"""What a passkey has to answer: unguessable, for one purpose and one visitor, once, for minutes.

    challenge = issued (8 bytes) || nonce (16) || HMAC-SHA256(key, [holder, purpose, issued, nonce])

Nothing is kept until one was answered, so that nobody fills a table by asking; then it is, until it
would be too old anyway. The key lives as long as the process.
"""

import hmac
from hashlib import sha256
from typing import Any

from ledger.encoding import cbor_encode
from ledger.errors import VerificationFailed
from ledger.notary.storage.desk import StaffDesk

SECONDS = 300
"""How long a challenge can be answered."""
_NONCE, _TIME = 16, 8


class Challenges:
    """Issues challenges and takes them back. `holder` is the visitor's cookie."""

    def __init__(self, desk: StaffDesk) -> None:
        self._desk = desk
        self._key = desk.random(32)

    def issue(self, holder: str, purpose: str) -> bytes:
        """Return a new challenge."""
        head = self._desk.moment.to_bytes(_TIME, "big") + self._desk.random(_NONCE)
        return head + self._mac(holder, purpose, head)

    def take(self, connection: Any, challenge: bytes, holder: str, purpose: str) -> None:
        """Take an answered challenge, inside a transaction. Raises VerificationFailed."""
        head, mac = challenge[: _TIME + _NONCE], challenge[_TIME + _NONCE :]
        now = self._desk.moment
        issued = int.from_bytes(head[:_TIME], "big")
        fresh = issued <= now < issued + SECONDS
        if not hmac.compare_digest(mac, self._mac(holder, purpose, head)) or not fresh:
            raise VerificationFailed("This page is too old, or was not yours; load it again.")
        connection.execute("DELETE FROM answered WHERE expires <= ?", (now,))
        sql = "INSERT INTO answered VALUES (?, ?) ON CONFLICT DO NOTHING"
        if not connection.execute(sql, (challenge, issued + SECONDS)).rowcount:
            raise VerificationFailed("This was answered already; load the page again.")

    def _mac(self, holder: str, purpose: str, head: bytes) -> bytes:
        return hmac.new(self._key, cbor_encode([holder, purpose, head]), sha256).digest()
