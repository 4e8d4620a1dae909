"""Where the office signs in: the origin of its portal."""

import re
from urllib.parse import urlsplit

from ledger.errors import Refused

LOCAL = "localhost"
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class NotHere(Refused):
    """The office is not signed in to at this address."""

    code = "not-here"


def origin_of(portal: str) -> str:
    """Return the origin of the portal's URL as browsers write it (RFC 6454). Raises NotHere.

    Passkeys want https://, or this machine as http://localhost.
    """
    parts = urlsplit(portal)
    host = parts.hostname or ""
    plain = parts.scheme == "http" and host == LOCAL
    try:
        port = "" if parts.port in (None, 80 if plain else 443) else f":{parts.port}"
    except ValueError:  # no number that a port can have
        host = port = ""
    secure = plain or parts.scheme == "https"
    if not secure or parts.username is not None or not _HOST.fullmatch(host):
        raise NotHere(
            "The portal's URL in notary.toml is neither https:// and a name nor http://localhost, so "
            "nobody signs in there."
        )
    return f"{parts.scheme}://{host}{port}"
