"""What of imap_tools, and of imaplib below it, is not their public face; all of it here.

    client.read, client.readline      all that imaplib reads goes through them
    client._get_line                  one line, out of the buffer where it holds one
    client.untagged_responses         what the server has said and nobody has asked for

pyproject.toml takes imap_tools below the version after `LOOKED_AT`, and a test says when it has become
another one. Then: read `mailbox.py` and `idle.py` of the new version for `client`, and change both.
"""

import ssl
from collections.abc import Callable
from imaplib import IMAP4

from imap_tools import imap_utf7
from imap_tools.mailbox import BaseMailBox, MailBox, MailBoxUnencrypted

LOOKED_AT = "1.16.0"


def open_mailbox(
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    timeout: float,
    most: int,
    hear: Callable[[int], None],
) -> BaseMailBox:
    """Return a connection that reads no literal over `most` bytes; `hear` is told of all it reads.

    What `hear` raises ends the connection. Without `tls` nothing is encrypted.
    """
    box: BaseMailBox
    if tls is not None:
        box = MailBox(host, port, timeout=timeout, ssl_context=tls)
    else:
        box = MailBoxUnencrypted(host, port, timeout=timeout)
    read: Callable[[int], bytes] = box.client.read
    read_line: Callable[[], bytes] = box.client.readline

    def read_limited(size: int) -> bytes:
        if size > most:
            raise IMAP4.abort(f"the server sends {size} bytes, more than was asked for")
        hear(size)
        return read(size)

    def read_line_limited() -> bytes:
        line = read_line()
        hear(len(line))
        return line

    box.client.read = read_limited  # type: ignore[method-assign]
    box.client.readline = read_line_limited  # type: ignore[method-assign]
    return box


def has_buffered_line(box: BaseMailBox) -> bool:
    """Return whether a line came together with the answer before it, and take it.

    It then waits in the client's buffer, where a poll of the socket does not see it.
    """
    connection = box.client.socket()
    timeout = connection.gettimeout()
    connection.settimeout(0)
    try:
        return bool(box.client._get_line())
    except (OSError, IMAP4.abort):
        return False
    finally:
        connection.settimeout(timeout)


def has_news(box: BaseMailBox) -> bool:
    """Return whether the server has told of messages that nobody has asked for."""
    return "EXISTS" in box.client.untagged_responses


def stated_validity(box: BaseMailBox, validity: int) -> bool:
    """Return whether the server has said no other UIDVALIDITY than this."""
    said = box.client.untagged_responses.get("UIDVALIDITY", [b"%d" % validity])
    return said == [b"%d" % validity]


def decode_folder(name: str) -> str:
    """Return a folder's name as people read it; one that is no modified UTF-7 is left as it is."""
    try:
        shown = imap_utf7.utf7_decode(name.encode("ascii"))
    except ValueError:
        return name
    return shown if imap_utf7.utf7_encode(shown) == name.encode("ascii") else name
