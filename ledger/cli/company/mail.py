"""`sealbook mail`: correspondence is sealed and deposited as it arrives."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.capture import serve
from ledger.cli.speech import _, told

if TYPE_CHECKING:
    from ledger.company.capture.config import CaptureConfig
    from ledger.company.capture.daemon import Seams, Service
    from ledger.company.mail.post import MailboxImport
    from ledger.company.mail.sources import MailboxFiles, MailSource


@click.command(
    epilog="""\b
Examples:
  sealbook mail --listen 127.0.0.1:2525
  sealbook mail --imap imaps://lin@mail.example --folder INBOX --folder Sent
  sealbook mail --mbox archive.mbox
"""
)
@click.option("--listen", metavar="ADDR:PORT", help="Be an SMTP journal there.")
@click.option("--tls-cert", type=shell.FILE, help="Certificate (PEM) for STARTTLS, then demanded.")
@click.option("--tls-key", type=shell.FILE, help="The certificate's key (PEM).")
@click.option("--peer", "peers", multiple=True, metavar="NETWORK", help="Who may connect.")
@click.option(
    "--sender", "senders", multiple=True, help="Take mail of this address or @domain only."
)
@click.option("--max-size", type=int, help="Bytes of a message. Default: 52428800.")
@click.option("--imap", "url", metavar="URL", help="Follow a mailbox: imaps://user@host.")
@click.option("--folder", "folders", multiple=True, help="A folder of it. Default: INBOX.")
@click.option("--password-file", type=shell.FILE, help="The mailbox's password.")
@click.option("--mbox", "mboxes", multiple=True, type=shell.FILE, help="Take what an mbox holds.")
@click.option("--maildir", "maildirs", multiple=True, type=shell.FILE, help="... or a Maildir.")
@click.option("--matter", help="The matter that the mail belongs to.")
@click.option("--classification", help="How the company classifies it.")
@click.option("--commitment-only", is_flag=True, help="Deposit fingerprints, no content.")
@click.option("--no-dns", is_flag=True, help="Look no DKIM keys up.")
@shell.json_option
def mail(
    listen: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    peers: tuple[str, ...],
    senders: tuple[str, ...],
    max_size: int | None,
    url: str | None,
    folders: tuple[str, ...],
    password_file: Path | None,
    mboxes: tuple[Path, ...],
    maildirs: tuple[Path, ...],
    matter: str | None,
    classification: str | None,
    commitment_only: bool,
    no_dns: bool,
    as_json: bool,
) -> None:
    """Seal and deposit mail: as a journal, from an IMAP mailbox, from mailboxes in files.

    A journal answers 250 once a message is sealed and durable here. Nothing is marked or deleted
    anywhere, and a message that was taken is never taken twice. --listen and --imap run until they are
    stopped; what waits then goes out with the next `sealbook deposit`, `mail` or `run`.
    """
    from ledger.company.capture.config import Rule
    from ledger.company.mail.sources import (
        MAX_SIZE,
        MailboxFiles,
        MailPolicy,
        imap_source,
        smtp_source,
    )

    rule = Rule(matter, classification or "", (), commitment_only)
    policy = MailPolicy(rule, look_up=not no_dns)
    sources: list[MailSource] = []
    if listen is not None:
        sources.append(
            smtp_source(
                listen,
                policy=policy,
                max_size=MAX_SIZE if max_size is None else max_size,
                peers=peers,
                senders=senders,
                certificate=None if tls_cert is None else str(tls_cert),
                key=None if tls_key is None else str(tls_key),
            )
        )
    elif tls_cert or tls_key or peers or senders or max_size is not None:
        raise click.UsageError(
            "--tls-cert, --tls-key, --peer, --sender and --max-size go with --listen."
        )
    if url is not None:
        file = None if password_file is None else str(password_file.absolute())
        sources.append(imap_source(url, folders or ("INBOX",), policy=policy, password_file=file))
    elif folders or password_file:
        raise click.UsageError("--folder and --password-file go with --imap.")
    files = [
        MailboxFiles(kind, str(path.absolute()), policy)
        for kind, paths in (("mbox", mboxes), ("maildir", maildirs))
        for path in paths
    ]
    if not sources and not files:
        raise click.UsageError("Name a source: --listen, --imap, --mbox or --maildir.")
    _run(sources, files, as_json)


def _run(sources: "list[MailSource]", files: "list[MailboxFiles]", as_json: bool) -> None:
    from ledger.company.capture.config import CaptureConfig
    from ledger.company.mail.dkim import DnsResolver
    from ledger.company.mail.post import MailboxImport, mail_services, wait_until_sent

    vault = own.open_vault()
    stop = threading.Event()
    imports: list[MailboxImport] = []
    followed = [*sources, *files] if sources else []

    def services(_: "CaptureConfig", seams: "Seams") -> "Sequence[Service]":
        found, letters = mail_services(followed, seams, DnsResolver())
        if not sources:

            def finished() -> None:
                wait_until_sent(seams, stop)
                stop.set()

            imports.append(MailboxImport(files, letters, finished))
        return [*found, *imports]

    serve(vault, CaptureConfig(), services, stop, as_json)
    for each in imports:
        _report(each, len(vault.spooled()), as_json)


def _report(done: "MailboxImport", waiting: int, as_json: bool) -> None:
    """Say what mailboxes held; exit 1 where a message was passed over."""
    counts = [
        {"path": path, "folder": folder, "messages": each.taken, "passed_over": each.passed_over}
        for (path, folder), each in done.counts.items()
    ]
    rows: list[str] = []
    for (path, folder), each in done.counts.items():
        left = (
            told(f", {each.passed_over} passed over; `sealbook status` says why")
            if each.passed_over
            else ""
        )
        rows.append(told(f"{each.taken} message{'' if each.taken == 1 else 's'}{left}"))
        rows.append(text.foreign(path, 2))
        if folder:
            rows += [text.indent(_("in its folder"), 2), text.foreign(folder, 4)]
    if waiting:
        rows.append(told(f"{waiting} wait, sealed in the vault; `sealbook deposit` sends them."))
    shell.emit(as_json, {"mailboxes": counts, "waiting": waiting}, "\n".join(rows))
    if done.errors:
        raise done.errors[0]
    if any(each.passed_over for each in done.counts.values()):
        raise SystemExit(1)
