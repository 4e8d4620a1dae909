"""The notary office's commands. Those that change the ledger work while the service runs."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.errors import (
    Conflict,
    InvalidInput,
    MalformedData,
    NotFound,
    Refused,
    VerificationFailed,
)
from ledger.quoted import Words, quoted

if TYPE_CHECKING:
    from ledger.chain.statement import Statement
    from ledger.chain.trust import Trust
    from ledger.evidence.casefile import FileReport
    from ledger.notary.ports import AccountKey
    from ledger.notary.storage.checkpoints import CheckpointDatabase
    from ledger.notary.storage.ledger_database import LedgerDatabase

DIRECTORY_VARIABLE = "SEALBOOK_NOTARY_DIR"
SHOWN_BLOCKS = 20
UNREAD = {
    False: "the bytes of the age files, beyond presence and size; `--ciphertext` reads them.",
    True: "whether the age files open; only the keys that they were sealed for can tell.",
}
"""What `fsck` leaves out, with and without --ciphertext."""
_SHORTEST_KEY = 8


def directory_option(function: shell.F) -> shell.F:
    """Add --dir."""
    return click.option(
        "--dir",
        "directory",
        type=shell.FILE,
        envvar=DIRECTORY_VARIABLE,
        default=Path(),
        callback=lambda _context, _option, path: path.resolve(),
        help=f"The notary's directory. Default: {DIRECTORY_VARIABLE}, or here.",
    )(function)


@click.group()
def notary() -> None:
    """Run and look after a notary.

    \b
    Examples:
      sealbook notary init --origin notary.example/ledger --dir /srv/notary
      sealbook notary serve --dir /srv/notary
      sealbook notary check contract.pdf.receipt --dir /srv/notary
    """


@notary.command(
    epilog="""\b
Example:
  sealbook notary init --origin notary.example/ledger --issuer "Office"
"""
)
@click.option("--origin", required=True, help="The ledger's name for ever.")
@click.option("--issuer", help="The office's name, for certificates. Default: the origin.")
@click.option("--filing", default="", help="The platform's filing number, for its statement.")
@directory_option
@shell.json_option
def init(origin: str, issuer: str | None, filing: str, directory: Path, as_json: bool) -> None:
    """Found a notary: keys, seal, trust file, the first two blocks."""
    import platform as machine
    from importlib.metadata import version

    from ledger.chain.office import Platform
    from ledger.chain.trust import fingerprint
    from ledger.notary.care.founding import init_notary
    from ledger.notary.storage.directory import read_settings

    office = issuer or origin[:64]
    stated = Platform(
        operator=office,
        filing=filing,
        environment=f"{machine.system()} {machine.release()}, Python {machine.python_version()}",
        software=f"sealbook {version('sealbook')}",
        standards=(
            "RFC 9052", "RFC 9162", "RFC 9942", "RFC 9943", "FIPS 203", "FIPS 204",
            "C2SP age", "C2SP tlog-tiles", "C2SP tlog-cosignature", "C2SP tlog-proof",
        ),
    )  # fmt: skip
    init_notary(directory, origin, issuer=office, platform=stated, random=os.urandom)
    trust = directory / read_settings(directory).trust_file
    printed = fingerprint(trust.read_bytes())
    shell.emit(
        as_json,
        {
            "directory": str(directory.resolve()),
            "origin": origin,
            "trust": str(trust.resolve()),
            "fingerprint": printed,
        },
        text.said(f"The ledger {quoted(origin)} stands in {quoted(directory.resolve())}.")
        + "\nHand its trust file to courts and companies, and the fingerprint on paper:\n"
        f"  {printed}\n{text.foreign(trust.name, 2)}\n"
        "Its private keys are in keys/. `sealbook notary serve` starts the service.",
    )


@notary.command(
    epilog="""\b
Example:
  sealbook notary serve --port 8400 --proxy 127.0.0.1
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8400, show_default=True)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of a reverse proxy whose X-Forwarded-For is believed; may be repeated.",
)
@click.option(
    "--peer-connections",
    type=click.IntRange(1),
    default=128,
    show_default=True,
    help="Connections that one peer address may hold.",
)
@directory_option
def serve(
    host: str, port: int, proxies: tuple[str, ...], peer_connections: int, directory: Path
) -> None:
    """Serve until stopped. Loopback only, unless --host says otherwise."""
    from importlib import import_module
    from importlib.util import find_spec
    from ipaddress import ip_network

    # A wheel carries the service below the one name that it installs.
    package = "ledger.api" if find_spec("ledger.api") else "api"
    try:
        networks = tuple(map(ip_network, proxies))
    except ValueError as error:
        raise click.BadParameter(
            f"{error}; give an address or a network such as 10.1.0.0/16.", param_hint="--proxy"
        ) from error
    settings = import_module(f"{package}.settings").Settings(
        connections=peer_connections, proxies=networks
    )
    import_module(f"{package}.server").serve(directory, host, port, settings)


@notary.command(
    epilog="""\b
Example:
  sealbook notary status
"""
)
@directory_option
@shell.json_option
def status(directory: Path, as_json: bool) -> None:
    """Say how far the ledger is."""
    from ledger.cli.court.page import Value
    from ledger.cli.text import labelled
    from ledger.notary.notary import command

    value = command(directory, "status", {})
    value["root"] = value["root"].hex()
    rows: list[tuple[str, Value]] = [
        ("Ledger", quoted(value["origin"])),
        ("Entries", str(value["size"])),
        ("Blocks", str(value["height"] + 1)),
        ("Accounts", str(value["accounts"])),
        ("Root", "\n".join(text.groups(value["root"]))),
        ("Health", value["health"]),
        ("Seal until", time.strftime("%Y-%m-%d", time.gmtime(value["seal_expires"]))),
    ]
    if value["detail"]:
        rows.append(("To do", value["detail"]))
    shell.emit(as_json, value, "\n".join(labelled(rows)))


@notary.command(
    epilog="""\b
Examples:
  sealbook notary blocks        # the newest
  sealbook notary blocks 12     # from height 12 on
"""
)
@click.argument("height", type=click.IntRange(0), required=False)
@directory_option
@shell.json_option
def blocks(height: int | None, directory: Path, as_json: bool) -> None:
    """List blocks and the hash that closes each."""
    from ledger.chain.block import note_digest, parse_block
    from ledger.chain.statement import parse_statement

    with _books(directory) as (store, signed):
        last = signed.last()
        newest = -1 if last is None else last.height
        first = max(0, newest - SHOWN_BLOCKS + 1) if height is None else height
        if first > newest:
            raise NotFound(f"There is no block {first}; the newest is {newest}.")
        found: list[dict[str, Any]] = []
        for each in signed.all(first - 1, SHOWN_BLOCKS):
            before = signed.at_height(each.height - 1) if each.height else None
            start = before.size if before else 0
            block = parse_block(parse_statement(store.read(start, start + 1)[0].statement))
            found.append(
                {
                    "height": each.height,
                    "start": start,
                    "size": each.size,
                    "time": block.time,
                    "previous": block.previous.hex(),
                    "closed": note_digest(each.note).hex(),
                    "root": each.root.hex(),
                }
            )
    lines = [f"{'block':>7}  {'entries':<15}{'time (UTC)':<21}{'previous':<14}closed by"]
    lines += [
        f"{each['height']:>7}  "
        f"{_span(each['start'], each['size']):<15}"
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(each['time'])):<21}"
        f"{each['previous'][:12]}  {each['closed'][:12]}"
        for each in found
    ]
    shell.emit(as_json, {"blocks": found}, "\n".join(lines))


@notary.command(
    epilog="""\b
Example:
  sealbook notary enroll acme.request --name "Acme Ltd" \\
      --registration 91320100X --checked-by "Wang Li"
"""
)
@click.argument("request", type=shell.FILE)
@click.option("--name", help="Who the company is.")
@click.option("--registration", help="Its registration number.")
@click.option("--checked-by", help="Who at the office checked that.")
@click.option("--account", help="The account on the paper, for a further key of a known company.")
@click.option("--fingerprint", help="The request's fingerprint on the company's paper.")
@directory_option
@shell.json_option
def enroll(
    request: Path,
    name: str | None,
    registration: str | None,
    checked_by: str | None,
    account: str | None,
    fingerprint: str | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Enrol a company whose paper was compared.

    Its identity was checked before.
    The fingerprint is typed from the company's paper, never read from the request: that comparison is
    what ties the key to the company. A further key of an account comes as a request that one of the
    account's keys has signed; it needs no new identity check, only --account.
    """
    from ledger.chain.enrolment import (
        IdentityRecord,
        format_record,
        parse_endorsed,
        verify_request,
    )
    from ledger.chain.statement import MAX_ENTRY
    from ledger.chain.trust import fingerprint as fingerprint_of
    from ledger.crypto.keys import thumbprint_ed25519
    from ledger.notary.notary import command

    data = shell.read_limited(request, MAX_ENTRY, "an enrolment request")
    endorsed = None
    try:
        inner, _, _ = parse_endorsed(data)
        endorsed, data = data, inner
    except MalformedData:
        pass
    with shell.about(request):
        found = verify_request(data)
    if (account is None) != (found.account is None):
        raise click.UsageError(
            f"This request joins the account {quoted(found.account)}; compare it with the paper "
            "and pass "
            "--account."
            if found.account
            else "This request opens a new account; leave out --account."
        )
    if account is not None and "".join(account.split()).lower() != found.account:
        raise VerificationFailed(
            f"The request joins the account {quoted(found.account)}, not {quoted(account)}."
        )
    printed = fingerprint or shell.ask("Fingerprint on the company's paper", "--fingerprint")
    if "".join(printed.split()).lower() != fingerprint_of(data).replace(" ", ""):
        raise VerificationFailed(
            f"The paper does not match {quoted(request)}. Enrol nobody; ask the company for the "
            "request that "
            "it printed."
        )
    if endorsed is not None:
        standing = command(directory, "join", {"request": endorsed})
    elif found.account is not None:
        raise Refused(
            "The request joins an account but none of the account's keys has signed it. The company "
            "makes such a request with `sealbook recover`."
        )
    else:
        name = name or shell.ask("Name", "--name")
        registration = registration or shell.ask("Registration", "--registration")
        record = IdentityRecord(
            salt=os.urandom(32),
            name=name,
            registration=registration,
            checked_by=checked_by or shell.ask("Checked by", "--checked-by"),
            checked_at=int(time.time()),
        )
        standing = command(directory, "enroll", {"request": data}, record=format_record(record))
    value = {"new": standing["new"], **_standing(standing)}
    if value["new"]:
        shell.emit(as_json, value, f"Enrolled.\n{_standing_text(value)}")
        return
    known = f"Already enrolled as {_who(value)}; nothing was changed."
    key = thumbprint_ed25519(found.key).hex()
    revoked = next(each["revoked"] for each in value["keys"] if each["key"] == key)
    if revoked is not None:
        raise Conflict(f"{known} Its key was revoked by entry {revoked}: ask for a new request.")
    if (name or value["name"], registration or value["registration"]) != (
        value["name"],
        value["registration"],
    ):
        raise Conflict(
            f"{known} An identity record is never replaced; compare the request's paper."
        )
    shell.emit(as_json, value, f"{text.said(known)}\n{_standing_text(value)}")


@notary.command(
    epilog="""\b
Example:
  sealbook notary accounts
"""
)
@directory_option
@shell.json_option
def accounts(directory: Path, as_json: bool) -> None:
    """List accounts and their keys."""
    from ledger.notary.notary import command

    found = [_standing(each) for each in command(directory, "accounts", {})["accounts"]]
    lines = [_standing_text(each) for each in found] or ["Nobody is enrolled yet."]
    shell.emit(as_json, {"accounts": found}, "\n\n".join(lines))


@notary.command(
    epilog="""\b
Example:
  sealbook notary revoke 4f0c9d21 --reason lost
"""
)
@click.argument("key")
@click.option(
    "--reason",
    type=click.Choice(["compromised", "lost", "superseded", "ceased"]),
    required=True,
    help="Goes on public record.",
)
@directory_option
@shell.json_option
def revoke(key: str, reason: str, directory: Path, as_json: bool) -> None:
    """Revoke a key for ever. KEY is the start of its id, as `accounts` shows it."""
    from ledger.notary.notary import command

    start = "".join(key.split()).lower()
    if len(start) < _SHORTEST_KEY:
        raise click.UsageError(f"Give at least {_SHORTEST_KEY} digits of the key's id.")
    standings = [_standing(each) for each in command(directory, "accounts", {})["accounts"]]
    found = {
        each["key"] for one in standings for each in one["keys"] if each["key"].startswith(start)
    }
    if len(found) != 1:
        raise NotFound(
            f"{len(found)} keys begin with {quoted(key)}; `sealbook notary accounts` shows all."
        )
    (full,) = found
    answer = command(directory, "revoke", {"key": bytes.fromhex(full), "reason": reason})
    shell.emit(
        as_json,
        {"key": full, "reason": reason, "index": answer["index"]},
        f"Revoked {text.groups(full)[0]} ...: entry {answer['index']}.",
    )


@notary.command(
    epilog="""\b
Example:
  sealbook notary check contract.pdf.receipt --lang zh
"""
)
@click.argument("file", type=shell.FILE)
@directory_option
@shell.language_option
@shell.json_option
def check(file: Path, directory: Path, lang: str | None, as_json: bool) -> None:
    """Say whether a receipt is ours, and how its account stands.

    For the counter. FILE is a receipt or an evidence file.
    """
    from ledger.chain.trust import parse_trust
    from ledger.cli.court.reports import Shown, show_reports
    from ledger.court import choose_language
    from ledger.notary.storage.directory import read_settings

    language = choose_language(lang, os.environ)
    path = directory / read_settings(directory).trust_file
    data = path.read_bytes()
    trust = parse_trust(data)
    checked = _check(file, trust)
    with _books(directory) as (store, signed):
        last = signed.last()
        size = 0 if last is None else last.size
        standings = [_now(store, signed, size, statement) for statement in checked.statements]
    how = Shown(file, language, as_json, full=True)
    more = {"standing": standings}
    trusted = (trust, data, path.name)
    good = show_reports(checked.reports, trusted, how, more, matters=checked.matters)
    if not as_json:
        for standing in standings:
            click.echo("\n" + _now_page(standing, language))
    if not (good and all(each["entered"] for each in standings)):
        raise SystemExit(1)


@notary.command(
    epilog="""\b
Example:
  sealbook notary fsck --rebuild
"""
)
@click.option("--rebuild", is_flag=True, help="Make the database anew from the log's files first.")
@click.option("--ciphertext", is_flag=True, help="Read every byte of the deposited age files too.")
@directory_option
@shell.json_option
def fsck(rebuild: bool, ciphertext: bool, directory: Path, as_json: bool) -> None:
    """Check the ledger's files against each other.

    Stop the service first. Entries, proofs, checkpoints and files are compared, and that the age files
    of every deposit are there in their size; --ciphertext reads those as well.
    """
    from ledger.notary.care.fsck import ERROR
    from ledger.notary.care.fsck import fsck as run
    from ledger.notary.care.fsck import rebuild as make_anew

    value: dict[str, Any] = {}
    if rebuild:
        value["rebuilt"] = make_anew(directory)
        if not as_json:
            click.echo(f"The database was made anew: {value['rebuilt']} entries.")
    found = run(directory, ciphertext=ciphertext)
    value["findings"] = [
        {"level": each.level, "place": each.place, "problem": each.problem} for each in found
    ]
    value["not_checked"] = UNREAD[ciphertext]
    lines = [
        f"{each.level}\n{text.foreign(each.place, 4)}\n{text.said(each.problem, 4)}"
        for each in found
    ]
    lines = lines or ["Everything that was looked at agrees."]
    shell.emit(as_json, value, "\n".join([*lines, f"Not looked at: {UNREAD[ciphertext]}"]))
    if any(each.level == ERROR for each in found):
        raise SystemExit(1)


@notary.command(
    name="accept-clock",
    epilog="""\b
Example:
  sealbook notary accept-clock
""",
)
@directory_option
@shell.json_option
def accept_clock(directory: Path, as_json: bool) -> None:
    """Go on with the clock as it is now.

    For a notary that signs nothing because of its clock: after a correction that was right, or when the
    newest block was signed under a wrong clock. Compare the clock with another one first.
    """
    from ledger.notary.notary import command

    notice = command(directory, "accept-clock", {})["notice"]
    said = f" Entry {notice} says so in public." if notice is not None else ""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    shell.emit(as_json, {"notice": notice}, f"{now} is taken for right.{said}")


@notary.command(
    epilog="""\b
Example:
  sealbook notary backup /mnt/safe/notary
"""
)
@click.argument("destination", type=shell.FILE)
@directory_option
@shell.json_option
def backup(destination: Path, directory: Path, as_json: bool) -> None:
    """Copy everything to a directory.

    New, or an earlier backup, which is brought up to date. The private keys too: keep it like a seal.
    The service may run. Ctrl-C stops it; what was there
    before stays good, and the same command goes on from where it stopped.
    """
    from ledger.notary.notary import command

    place = str(destination.resolve())
    size = command(directory, "backup", {"destination": place})["size"]
    shell.emit(
        as_json,
        {"destination": place, "size": size},
        text.said(
            f"{quoted(place)} holds the ledger up to {size} entries, and the private keys: keep it "
            "like a seal."
        ),
    )


@notary.command(
    epilog="""\b
Example:
  sealbook notary restore /mnt/safe/2026-11-23 --dir /srv/notary
"""
)
@click.argument("source", type=shell.FILE)
@click.option("--checkpoints", type=shell.FILE, help="A checkpoints.sqlite that survived.")
@directory_option
@shell.json_option
def restore(source: Path, checkpoints: Path | None, directory: Path, as_json: bool) -> None:
    """Make the directory from a backup.

    It is refused where that would fork the ledger.
    """
    from ledger.notary.care.backup import restore as run
    from ledger.notary.system_clock import SYSTEM_CLOCK

    last = run(source, directory, checkpoints=checkpoints, clock=SYSTEM_CLOCK, random=os.urandom)
    shell.emit(
        as_json,
        {"directory": str(directory.resolve()), "size": last.size, "root": last.root.hex()},
        text.said(
            f"Restored into {quoted(directory.resolve())}: the ledger goes on from {last.size} "
            "entries. If anybody holds a later checkpoint, do not serve it: that would be a fork."
        ),
    )


def _check(file: Path, trust: "Trust") -> "FileReport":
    from ledger.chain.receipt import MAX_RECEIPT, parse_receipt
    from ledger.chain.statement import parse_statement
    from ledger.evidence.casefile import FileReport as Checked
    from ledger.evidence.casefile import verify_file
    from ledger.evidence.file import read_evidence, verify_disclosed
    from ledger.verify import ReceiptRefused, verify_receipt

    try:
        with file.open("rb") as opened:
            if opened.read(2) == b"PK":
                return verify_file(
                    read_evidence(opened), trust, lambda _, each, used: verify_disclosed(each, used)
                )
    except OSError as error:
        raise InvalidInput(f"{quoted(file)} cannot be read: {error.strerror}.") from error
    with shell.about(file):
        data = shell.read_limited(file, MAX_RECEIPT, "a receipt")
        statement = parse_statement(parse_receipt(data).statement)
        try:
            report = verify_receipt(data, trust).report
        except ReceiptRefused as error:
            report = error.report
    return Checked((report,), (statement,), ())


def _now(
    store: "LedgerDatabase", signed: "CheckpointDatabase", size: int, statement: "Statement"
) -> dict[str, Any]:
    """Return what the ledger says today of a statement and its account."""
    from ledger.chain import statement as st
    from ledger.chain.office import parse_notice
    from ledger.chain.statement import parse_statement
    from ledger.crypto.keys import thumbprint_ed25519
    from ledger.notary.standing import find_revoked

    entry = store.entry(statement.leaf_hash)
    since = -1 if entry is None else entry.index
    index = None if entry is None or entry.index >= size else entry.index
    key = store.key(statement.key_id)

    def revocation(each: "AccountKey | None") -> dict[str, Any] | None:
        revoked = find_revoked(store, signed, each)
        if revoked is None:
            return None
        return {**asdict(revoked), "after_deposit": revoked.follows(index)}

    notices = [
        {"index": each.index, "text": parse_notice(parse_statement(each.statement))}
        for each in store.office(st.NOTICE, since)
    ]
    return {
        "entered": index is not None,
        "index": index,
        "key_revoked": None if key is None else key.revoked_index is not None,
        "revocation": revocation(key),
        "size": size,
        "account": None if key is None else key.account,
        "keys": [
            {
                "key": thumbprint_ed25519(each.public).hex(),
                "role": each.role,
                "enrolled": each.enrolled_index,
                "revoked": each.revoked_index,
                "revocation": revocation(each),
            }
            for each in (store.keys_of(key.account) if key else [])
        ],
        "notices": notices,
    }


def _now_page(standing: dict[str, Any], language: str) -> str:
    from ledger.cli.court.page import Value
    from ledger.cli.text import labelled
    from ledger.court import say

    yes_no = {
        True: say("yes", language), False: say("no", language), None: say("unknown", language)
    }  # fmt: skip

    def entry(index: int) -> Words:
        return say("entry", language, index=index)

    def revoked(found: dict[str, Any]) -> str:
        lines = [
            say(
                "revoked-at",
                language,
                when=text.when(found["time"]),
                entry=entry(found["index"]),
                reason=say(found["reason"], language),
            )
        ]
        if found["after_deposit"] is not None:
            lines.append(
                say(f"revoked-{'after' if found['after_deposit'] else 'before'}", language)
            )
        return "\n".join(lines)

    own = standing["revocation"]
    rows: list[tuple[str, Value]] = [
        (
            say("entered", language),
            yes_no[standing["entered"]]
            if standing["index"] is None
            else f"{yes_no[True]}, {entry(standing['index'])}",
        ),
        (
            say("key-revoked", language),
            yes_no[standing["key_revoked"]] if own is None else revoked(own),
        ),
    ]
    rows += [
        (say("revoked-key", language), f"{each['key'][:16]}\n{revoked(each['revocation'])}")
        for each in standing["keys"]
        if each["revocation"] is not None and each["revocation"] != own
    ]
    rows += [
        (say("notice", language), [entry(each["index"]), quoted(each["text"])])
        for each in standing["notices"]
    ]
    title = say("standing", language, size=standing["size"])
    return "\n".join([click.style(title, bold=True), *labelled(rows, 4)])


def _standing(standing: dict[str, Any]) -> dict[str, Any]:
    from ledger.chain.enrolment import parse_record
    from ledger.crypto.keys import thumbprint_ed25519

    record = None if standing["record"] is None else parse_record(standing["record"])
    return {
        "account": standing["account"],
        "name": record.name if record else None,
        "registration": record.registration if record else None,
        "checked_by": record.checked_by if record else None,
        "keys": [
            {
                "key": thumbprint_ed25519(each["public"]).hex(),
                "role": each["role"],
                "enrolled": each["enrolled"],
                "revoked": each["revoked"],
            }
            for each in standing["keys"]
        ],
    }


def _who(standing: dict[str, Any]) -> str:
    if standing["name"] is None:
        return "somebody whose identity record was erased"
    return f"{quoted(standing['name'])}, registration {quoted(standing['registration'])}"


def _standing_text(standing: dict[str, Any]) -> str:
    from ledger.cli.court.page import Value
    from ledger.cli.text import labelled

    rows: list[tuple[str, Value]] = [
        ("Account", text.groups(standing["account"])[0]),
        ("Name", quoted(standing["name"]) if standing["name"] else "erased"),
        ("Registration", quoted(standing["registration"]) if standing["name"] else "erased"),
    ]
    for each in standing["keys"]:
        revoked = "" if each["revoked"] is None else f", revoked by entry {each['revoked']}"
        rows.append(
            ("Key", f"{each['key'][:16]}  {each['role']}, entry {each['enrolled']}{revoked}")
        )
    return "\n".join(labelled(rows))


def _span(start: int, size: int) -> str:
    return str(start) if size - start == 1 else f"{start}-{size - 1}"


@contextmanager
def _books(directory: Path) -> "Iterator[tuple[LedgerDatabase, CheckpointDatabase]]":
    """Yield the ledger's two databases for reading, also beside a running service."""
    from ledger.notary.storage import directory as place
    from ledger.notary.storage.checkpoints import CheckpointDatabase
    from ledger.notary.storage.ledger_database import LedgerDatabase

    place.read_settings(directory)
    store = LedgerDatabase(directory / place.LEDGER)
    try:
        signed = CheckpointDatabase(directory / place.CHECKPOINTS)
        try:
            yield store, signed
        finally:
            signed.close()
    finally:
        store.close()
