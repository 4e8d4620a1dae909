"""What a webhook is told, and its signature: Standard Webhooks, asymmetric (`v1a`).

    webhook-id: msg_0d4f...                 the same each time it is told again
    webhook-timestamp: 1796000000           POSIX seconds of this attempt
    webhook-signature: v1a,BASE64 v1a,...   Ed25519 over id "." timestamp "." body, by each key

https://www.standardwebhooks.com; docs/formats.md has the bytes and five lines that check them.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ledger.crypto.keys import SigningKey
from ledger.encoding import b64encode

JSON = "application/json"
RECEIPTS, TRIAL = "receipts.ready", "test"
"""Types of events."""
PUBLIC_PREFIX = "whpk_"


def receipts_event(origin: str, receipts: Sequence[tuple[int, bytes]]) -> bytes:
    """Return the body that tells of receipts, by the entry's index and leaf hash, in order."""
    told = [
        {"index": index, "leaf": leaf.hex(), "receipt": f"/receipts/{leaf.hex()}"}
        for index, leaf in receipts
    ]
    return _event(RECEIPTS, {"ledger": origin, "receipts": told})


def trial_event(origin: str, number: str) -> bytes:
    """Return the body that tells of nothing, and shows that telling works; `number` is any."""
    return _event(TRIAL, {"ledger": origin, "number": number})


def signed_fields(body: bytes, now: int, keys: Sequence[SigningKey]) -> dict[str, str]:
    """Return the header fields of a message: what it is called, when it is sent, who has signed.

    `now` is in POSIX seconds.
    """
    name = f"msg_{sha256(body).hexdigest()[:32]}"
    signed = f"{name}.{now}.".encode() + body
    return {
        "Content-Type": JSON,
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1a,{b64encode(each.sign(signed))}" for each in keys),
    }


def format_public(key: SigningKey) -> str:
    """Return a public key as whoever is told writes it down."""
    return PUBLIC_PREFIX + b64encode(key.public)


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "data": data}, separators=(",", ":")).encode()
