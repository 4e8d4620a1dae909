"""Where mail is captured from, and under which policy: the mail tables of the daemon's configuration.

    [smtp]                               a journal that other mail servers deliver copies to
    listen = "127.0.0.1:2525"
    max_size = 52428800                  bytes of a message
    peers = ["192.0.2.0/28"]             who may connect; default: this computer
    senders = ["@example.com"]           whose mail is taken (MAIL FROM); default: everybody's
    certificate = "/etc/ssl/mail.pem"    with a key: STARTTLS is offered, and demanded
    key = "/etc/ssl/mail.key"

    [[imap]]                             folders of a mailbox on a server, as mail arrives there
    url = "imaps://lin@mail.example"     imap:// is refused except on this computer
    folders = ["INBOX", "Sent"]
    password_file = "/etc/sealbook/imap" first line; default: the variable SEALBOOK_IMAP_PASSWORD

    [[mbox]]                             files that mail programs write
    path = "/home/lin/Mail/archive.mbox"
    [[maildir]]
    path = "/home/lin/Maildir"

Each table takes the keys of a policy (matter, classification, officers, commitment_only), and any
number of `[[smtp.sender]]` (`[[imap.sender]]`, ...) with `address` and a policy of its own, for mail
whose From is that address or, written "@domain", in that domain: the first that fits counts. With
`dns = false` no DKIM keys are looked up.

Outside this computer a journal needs a certificate and the networks that may connect: correspondence
would otherwise cross the office in the clear, and anybody could fill the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import unquote, urlsplit

from ledger.company.capture.config import Rule, Table
from ledger.errors import MalformedData
from ledger.quoted import quoted

MAX_SIZE = 50 << 20
"""Bytes of a message, unless the configuration says otherwise; what large mail services take."""
LARGEST_SIZE = 1 << 30
IMAPS, IMAP = 993, 143

Network = IPv4Network | IPv6Network

_PLAIN = Rule()
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """The rule for mail from a source; `senders` are exceptions by address or "@domain".

    `look_up` is whether DKIM keys are looked up: the resolver learns the domains that sign.
    """

    rule: Rule = _PLAIN
    senders: tuple[tuple[str, Rule], ...] = ()
    look_up: bool = True

    def rule_for(self, sender: str) -> Rule:
        """Return the rule for a message by its From field, decoded."""
        address = address_of(sender)
        return next((rule for wanted, rule in self.senders if matches(address, wanted)), self.rule)


@dataclass(frozen=True, slots=True)
class SmtpSource:
    """A journal. Raises MalformedData where others could reach it unprotected."""

    host: str
    port: int
    policy: MailPolicy = MailPolicy()
    max_size: int = MAX_SIZE
    peers: tuple[Network, ...] = _LOOPBACK
    senders: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None

    def admits(self, peer: str) -> bool:
        """Return whether a host may connect."""
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self.peers if network.version == mapped.version)

    def takes_from(self, sender: str) -> bool:
        """Return whether mail with this MAIL FROM is taken."""
        return not self.senders or any(matches(sender, wanted) for wanted in self.senders)


@dataclass(frozen=True, slots=True)
class ImapSource:
    """Folders of a mailbox on a server; `password_file` None: from the environment."""

    host: str
    port: int
    tls: bool
    user: str
    folders: tuple[str, ...]
    policy: MailPolicy = MailPolicy()
    password_file: str | None = None


@dataclass(frozen=True, slots=True)
class MailboxFiles:
    """A mailbox in files: `kind` is "mbox" or "maildir"."""

    kind: str
    path: str
    policy: MailPolicy = MailPolicy()


MailSource = SmtpSource | ImapSource | MailboxFiles


def address_of(sender: str) -> str:
    """Return the address in a From field, decoded; "" where there is none that can be found."""
    try:
        return parseaddr(sender)[1]
    except RecursionError:  # One call deeper for each comment or group inside another.
        return ""


def matches(address: str, wanted: str) -> bool:
    """Return whether an address is the one wanted, or in the "@domain" wanted; case does not count."""
    address, wanted = address.lower(), wanted.lower()
    return address.endswith(wanted) if wanted.startswith("@") else address == wanted


def parse_sources(tables: Mapping[str, Any]) -> tuple[MailSource, ...]:
    """Return the sources of mail in `CaptureConfig.other`. Raises MalformedData."""
    found: list[MailSource] = []
    if "smtp" in tables:
        found.append(_smtp(Table(tables["smtp"], "smtp")))
    found += [_imap(Table(each, "imap")) for each in _tables(tables, "imap")]
    for kind in ("mbox", "maildir"):
        for value in _tables(tables, kind):
            table = Table(value, kind)
            path = table.take("path", str)
            found.append(MailboxFiles(kind, path, _policy(table)))
            table.finish()
    return tuple(found)


def smtp_source(
    listen: str,
    *,
    policy: MailPolicy = MailPolicy(),
    max_size: int = MAX_SIZE,
    peers: tuple[str, ...] = (),
    senders: tuple[str, ...] = (),
    certificate: str | None = None,
    key: str | None = None,
) -> SmtpSource:
    """Return a journal at "address:port". Raises MalformedData, also where it would be unprotected."""
    host, _, digits = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
        networks = tuple(ip_network(each) for each in peers)
    except ValueError as error:
        raise MalformedData(
            f"{quoted(error)}; a journal listens at an address like 127.0.0.1:2525"
        ) from error
    if not digits.isascii() or not digits.isdigit() or not 0 <= int(digits[:6]) <= 65535:
        raise MalformedData(
            f"{quoted(listen)} has no port; a journal listens at one like 127.0.0.1:2525"
        )
    if not 1 <= max_size <= LARGEST_SIZE:
        raise MalformedData(f"the largest message is 1 to {LARGEST_SIZE} bytes, not {max_size}")
    if (certificate is None) != (key is None):
        raise MalformedData("a certificate for STARTTLS needs its key, and a key its certificate")
    if any("@" not in each for each in senders):
        raise MalformedData('a sender is an address or a domain written as "@example.com"')
    if not address.is_loopback and not (certificate and networks):
        raise MalformedData(
            f"at {quoted(host)} others can reach the journal: name a certificate and a key for "
            "STARTTLS, and "
            "the networks (peers) that may connect"
        )
    return SmtpSource(
        str(address),
        int(digits),
        policy,
        max_size,
        networks or _LOOPBACK,
        senders,
        certificate,
        key,
    )


def imap_source(
    url: str,
    folders: tuple[str, ...],
    *,
    policy: MailPolicy = MailPolicy(),
    password_file: str | None = None,
) -> ImapSource:
    """Return the mailbox at imaps://user@host. Raises MalformedData, also for an unencrypted way."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise MalformedData(f"the mailbox's address has no proper port: {quoted(error)}") from error
    if parts.password is not None:
        raise MalformedData(
            "a password does not belong into an address, where others can see it; put it into a file"
        )
    if parts.scheme not in ("imaps", "imap") or not parts.hostname or not parts.username:
        raise MalformedData("a mailbox's address looks like imaps://user@mail.example")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise MalformedData("a mailbox's address ends with the host; name folders apart")
    if parts.scheme == "imap" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise MalformedData("imap:// is not encrypted; use imaps:// for a server elsewhere")
    if not folders or not all(folders):
        raise MalformedData("name at least one folder of the mailbox")
    tls = parts.scheme == "imaps"
    default = IMAPS if tls else IMAP
    user = unquote(parts.username)
    return ImapSource(parts.hostname, port or default, tls, user, folders, policy, password_file)


def _smtp(table: Table) -> SmtpSource:
    found = smtp_source(
        table.take("listen", str),
        policy=_policy(table),
        max_size=table.take("max_size", int, MAX_SIZE),
        peers=table.texts("peers"),
        senders=table.texts("senders"),
        certificate=table.optional("certificate"),
        key=table.optional("key"),
    )
    table.finish()
    return found


def _imap(table: Table) -> ImapSource:
    found = imap_source(
        table.take("url", str),
        table.texts("folders") or ("INBOX",),
        policy=_policy(table),
        password_file=table.optional("password_file"),
    )
    table.finish()
    return found


def _policy(table: Table) -> MailPolicy:
    senders = []
    for value in table.take("sender", list, []):
        each = Table(value, f"{table.name}.sender")
        address = each.take("address", str)
        if "@" not in address:
            raise MalformedData('a sender is an address or a domain written as "@example.com"')
        senders.append((address, each.rule()))
        each.finish()
    return MailPolicy(table.rule(), tuple(senders), table.take("dns", bool, True))


def _tables(tables: Mapping[str, Any], name: str) -> list[Any]:
    values = tables.get(name, [])
    if not isinstance(values, list):
        raise MalformedData(f"[[{quoted(name)}]] is written with two brackets")
    return values
