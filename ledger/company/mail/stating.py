"""Mail as it is captured: what a message is called, and what is stated of how it came.

A message is sealed byte for byte as it was received (RFC 5321 transparency undone) or found; nothing
here changes it. Only its header (RFC 5322) is looked at, never a MIME part: at most `MAX_HEADER` bytes,
in time linear in them, and nothing that it holds raises an error. What cannot be decoded is escaped.

What is stated goes into the deposit's manifest, sealed with it, as pairs of a name and a text:

    mail-source          the way it came: "smtp 127.0.0.1:2525", "imap mail.example/INBOX 7:42", ...
    mail-received        when this program had it whole, UTC
    mail-date            the message's own Date, as it stands there
    mail-from            ... its From
    mail-message-id      ... and Message-ID
    envelope-from        SMTP: MAIL FROM, HELO or EHLO, peer, TLS; RCPT TO, one pair each
    envelope-to-1 ...
    dkim, dkim-1, dkim-1-key, dkim-1-look-up, arc, ...      see `ledger.company.mail.dkim`
"""

from dataclasses import dataclass

from ledger.company.capture.config import Provenance
from ledger.company.splitters.headers import MailHeader, decoded, plain
from ledger.language import iso

MAX_RECIPIENTS = 1000
"""Envelope recipients of a message (RFC 5321 section 4.5.3.1.8 asks for at least 100)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an SMTP session said beside the message. `tls` is the protocol and cipher, "" for none."""

    peer: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    tls: str


def header_provenance(header: MailHeader, source: str, received: float) -> Provenance:
    """Return what is stated of any message, whichever way it came. `received`: POSIX seconds."""
    pairs = [("mail-source", plain(source)), ("mail-received", timestamp(received))]
    if header.date:
        pairs.append(("mail-date", decoded(header.date)))
    if header.sender:
        pairs.append(("mail-from", decoded(header.sender)))
    if header.message_id:
        pairs.append(("mail-message-id", decoded(header.message_id)))
    return tuple(pairs)


def envelope_provenance(envelope: Envelope) -> Provenance:
    """Return what is stated of an SMTP envelope."""
    return (
        ("envelope-from", plain(envelope.sender)),
        ("envelope-peer", plain(envelope.peer)),
        ("envelope-helo", plain(envelope.helo)),
        ("envelope-tls", plain(envelope.tls) or "none"),
        *(
            (f"envelope-to-{number}", plain(each))
            for number, each in enumerate(envelope.recipients[:MAX_RECIPIENTS], 1)
        ),
    )


def timestamp(time: float) -> str:
    """Return POSIX seconds as UTC, with milliseconds."""
    return iso(time).replace("+00:00", "Z")
