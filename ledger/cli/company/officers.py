"""Officers: who besides this vault can open what was deposited. `sealbook officer ...`"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.speech import _, told
from ledger.company.capture.config import MAX_CONFIG
from ledger.encoding import parse_toml
from ledger.errors import InvalidInput, MalformedData, SealbookError, Unavailable
from ledger.language import day
from ledger.quoted import Message, in_fours, quoted

if TYPE_CHECKING:
    from ledger.company.vault.vault import Vault
    from ledger.crypto.recipients import Identity

_MAX_KEY = 1 << 14
"""Bytes of a file with a recipient; a post-quantum one has 1,959."""

PAST: Message = (
    "Past access is past: what {0} has opened, fetched or copied stays readable with that key, and "
    "so does any old header or backup, at the notary too, with the ciphertext beside it."
)


_BY_RULE: Message = "named by a rule"


@click.group(
    epilog="""\b
Examples:
  sealbook officer add "Anna Li" anna.pub
  sealbook officer remove "Anna Li"
  sealbook officer quorum acme-recovery.txt --need 2 \\
      --of anna anna.pub --of bo bo.pub --of chen chen.pub -o quorum/
"""
)
def officer() -> None:
    """Say who besides this vault can open the deposits, and share the recovery sheet."""


@officer.command(
    epilog="""\b
Example:
  sealbook officer add "Anna Li" anna.pub
"""
)
@click.argument("name")
@click.argument("recipient")
@shell.passphrase_option
@shell.json_option
def add(name: str, recipient: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Let an officer open all deposits, past and coming.

    RECIPIENT is a key (age1pq1...) or a file that holds it. Only age headers are written anew, here and
    at the notary; the content stays as it is. Run again, it finishes what was interrupted.
    """
    from ledger.company.access.rewriting import Change, change
    from ledger.company.measures.measure import ACCESS_GIVEN
    from ledger.company.vault.recipients import check_name, with_officer

    vault, key, name = own.open_vault(), read_recipient(recipient), check_name(name)
    with _changing(vault, passphrase_file) as identities:
        now = int(time.time())
        fresh = with_officer(vault.officers, name, key, now)
        if fresh != vault.officers:
            change(vault, fresh, Change(ACCESS_GIVEN, name, key, now))
        _finish(
            vault,
            identities,
            as_json,
            told(f"{quoted(name)} can open what is sealed from now on."),
            "",
        )


@officer.command(
    epilog="""\b
Example:
  sealbook officer remove "Anna Li"
"""
)
@click.argument("name")
@shell.passphrase_option
@shell.json_option
def remove(name: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Take an officer off all deposits. Past access cannot be undone.

    NAME is an officer's name or key; also a key that a rule of capture names. Run again, it finishes
    what was interrupted.
    """
    from ledger.company.access.rewriting import Change, change
    from ledger.company.measures.measure import ACCESS_WITHDRAWN
    from ledger.company.vault.recipients import without_officer

    vault = own.open_vault()
    ruled = set(_ruled(vault))
    with _changing(vault, passphrase_file) as identities:
        now = int(time.time())
        fresh, gone = without_officer(vault.officers, name.strip(), now, ruled.__contains__)
        called = gone.name or _short(gone.recipient)
        if fresh != vault.officers:
            change(vault, fresh, Change(ACCESS_WITHDRAWN, called, gone.recipient, now))
        said = told(f"{quoted(called)} gets nothing that is sealed from now on.")
        _finish(vault, identities, as_json, said, told(PAST.format(quoted(called))))


@officer.command(
    epilog="""\b
Example:
  sealbook officer sync
"""
)
@shell.passphrase_option
@shell.json_option
def sync(passphrase_file: Path | None, as_json: bool) -> None:
    """Finish a change of officers that was interrupted."""
    vault = own.open_vault()
    with _changing(vault, passphrase_file) as identities:
        _finish(vault, identities, as_json, "", "")


@officer.command(
    "list",
    epilog="""\b
Example:
  sealbook officer list
""",
)
@shell.json_option
def list_(as_json: bool) -> None:
    """List who can open the deposits."""
    from ledger.company.access.rewriting import stale

    vault = own.open_vault()
    found = vault.officers
    names: tuple[Message, ...] = ("this vault", "recovery sheet")
    rows: list[dict[str, Any]] = [
        {"name": names[min(n, 1)], "recipient": each, "since": None, "kind": "own"}
        for n, each in enumerate(found.own)
    ]
    rows += [
        {"name": each.name, "recipient": each.recipient, "since": each.since, "kind": "officer"}
        for each in found.officers
    ]
    gone = {each.recipient for each in found.withdrawn}
    rows += [
        {"name": _BY_RULE, "recipient": each, "since": None, "kind": "rule"}
        for each in sorted(set(_ruled(vault)) - gone - set(found.all))
    ]
    behind = len(stale(vault))
    lines = [text.pad(_("key"), 16) + text.pad(_("since"), 12) + _("name")]
    for row in rows:
        since = "" if row["since"] is None else day(row["since"])
        name = row["name"] if row["kind"] == "officer" else _(row["name"])
        lines.append(text.last(f"{_short(row['recipient']):<16}{since:<12}", name))
    if behind:
        lines += ["", told(f"{behind} to be brought up to date; `sealbook officer sync` does it.")]
    shell.emit(as_json, {"recipients": rows, "behind": behind}, "\n".join(lines))


def read_recipient(given: str) -> str:
    """Return the recipient that is given, or stands in the file given. Raises InvalidInput."""
    from ledger.crypto.recipients import parse_recipient

    value = given.strip()
    if not value.lower().startswith("age1"):
        data = shell.read_limited(Path(given), _MAX_KEY, "an age recipient")
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
        found = [line for line in lines if line and not line.startswith("#")]
        if len(found) != 1:
            raise InvalidInput(
                f"{quoted(given)} does not hold one recipient (age1...) on one line."
            )
        value = found[0]
    return str(parse_recipient(value))


@contextmanager
def _changing(vault: "Vault", passphrase_file: Path | None) -> "Iterator[tuple[Identity, ...]]":
    from ledger.company.access.rewriting import changing

    identities = vault.identities(shell.passphrase_from(passphrase_file))
    with changing(vault, lambda: shell.tell(_("Another change of officers is at work; waiting."))):
        yield identities


def _finish(
    vault: "Vault", identities: "tuple[Identity, ...]", as_json: bool, said: str, warning: str
) -> None:
    """Enter the change in the register, rewrite headers, send the entry; say how far it came."""
    from ledger.cli.company.sending import Report, name_of, send, sentence_of
    from ledger.company.access.rewriting import damaged, rewrite, stale

    recorded = _record(vault)
    total = len(stale(vault))
    problems: list[tuple[str, str]] = [
        (place, _("It is damaged; restore it from a backup of the vault."))
        for place in damaged(vault)
    ]
    done, away = 0, ""
    begun = time.monotonic()
    with (
        own.connect(vault) as client,
        shell.Progress("rewriting headers", total, bytes_=False) as progress,
    ):
        try:
            done, failed = rewrite(
                vault,
                client,
                identities,
                os.urandom,
                lambda: shell.tell(_("Another sealbook process is sending; waiting for it.")),
                progress,
            )
            problems += [(name_of(each), sentence_of(error)) for each, error in failed]
        except (Unavailable, SealbookError) as error:
            away = sentence_of(error)
    seconds = time.monotonic() - begun
    if recorded is not None:
        send(vault, Report(as_json=True))
    behind = len(stale(vault))
    lines = [said] if said else []
    if done:
        rate = told(f", {1000 * seconds / done:.1f} ms each") if done >= 100 else ""
        one = _("1 deposit's headers were") if done == 1 else told(f"{done} deposits' headers were")
        lines.append(told(f"{one} written anew, here and at the notary{rate}."))
    elif not behind:
        lines.append(_("All deposits are up to date."))
    if recorded is not None:
        lines.append(_("The change stands in the register of measures."))
    lines += [f"{quoted(name)}: {why}" for name, why in problems]
    if away:
        lines.append(away)
    if behind:
        lines.append(
            told(f"{behind} still to do: the change is kept; `sealbook officer sync` finishes it.")
        )
    if warning:
        lines.append(warning)
    value = {
        "rewritten": done,
        "behind": behind,
        "problems": [{"deposit": name, "message": why} for name, why in problems],
        "message": away or None,
        "measure": None if recorded is None else recorded,
        "past_access": warning or None,
    }
    shell.emit(as_json, value, "\n".join(map(text.said, lines)))
    if behind or problems or away:
        raise SystemExit(1)


def _record(vault: "Vault") -> str | None:
    """Enter a change in the register of measures if it is not there yet; return the entry's id."""
    from ledger.company.access.rewriting import pending, settled
    from ledger.company.measures.measure import OBJECT, Measure, Subject, line_of
    from ledger.company.measures.recording import record

    change = pending(vault)
    if change is None:
        return None
    stored = record(
        vault,
        Measure(
            change.kind,
            datetime.fromtimestamp(change.at).date(),
            (line_of(change.name),),
            subjects=(Subject(OBJECT, "all deposits of this vault"),),
            note=f"age key {_short(change.recipient)} (SHA-256), by sealbook officer",
        ),
        time.time,
        os.urandom,
    )
    settled(vault)
    return stored.commitment


def _ruled(vault: "Vault") -> Iterator[str]:
    """Yield the keys that the rules of capture name."""
    path = vault.home / "capture.toml"
    if not path.exists():
        return
    try:
        value = parse_toml(shell.read_limited(path, MAX_CONFIG, "a configuration"))
    except MalformedData as error:
        raise MalformedData(f"{quoted(path)} cannot be read: {error}") from error
    yield from _officers_in(value)


def _officers_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "officers" and isinstance(each, list):
                yield from (one for one in each if isinstance(one, str))
            else:
                yield from _officers_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _officers_in(each)


def _short(recipient: str) -> str:
    return " ".join(in_fours(sha256(recipient.encode()).hexdigest()[:12]))


@officer.command(
    epilog="""\b
Example:
  sealbook officer quorum acme-recovery.txt --need 2 \\
      --of anna anna.pub --of bo bo.pub --of chen chen.pub -o quorum/
"""
)
@click.argument("sheet", type=shell.FILE)
@click.option("--need", type=int, default=2, show_default=True, help="How many open it together.")
@click.option(
    "--of",
    "holders",
    type=(str, str),
    multiple=True,
    required=True,
    metavar="NAME RECIPIENT",
    help="A holder: a name, and an age key or a file with it. At least two.",
)
@click.option("-o", "--output", type=shell.FILE, required=True, help="A new folder.")
@shell.json_option
def quorum(
    sheet: Path, need: int, holders: tuple[tuple[str, str], ...], output: Path, as_json: bool
) -> None:
    """Seal the recovery sheet so that several holders open it together, and nobody alone.

    For each group of holders a file, age inside age, that any age tool opens; README.txt says how. The
    sheet itself still opens everything: keep it in the safe, or destroy it.
    """
    import secrets
    import shutil

    from ledger.company.access.quorum import Holder, nested, readme
    from ledger.disk.outputs import move_new, write_new

    data = shell.read_limited(sheet, 1 << 16, "a recovery sheet")
    named = [Holder(name, read_recipient(recipient)) for name, recipient in holders]
    files = nested(data, named, need, os.urandom)
    if os.path.lexists(output):
        raise InvalidInput(f"{quoted(output)} exists already and is not overwritten.")
    building = output.with_name(f".{output.name}.{secrets.token_hex(8)}")
    try:
        building.mkdir(mode=0o700, parents=True)
        for name, content in files.items():
            write_new(building / name, content)
        write_new(building / "README.txt", readme(named, need).encode())
        move_new(building, output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    classical = [each.name for each in named if not each.post_quantum]
    lines = [
        told(
            f"{quoted(output)}: {len(files)} files, any {need} of {len(named)} holders open the sheet; "
            "README.txt there says how. Give every holder a copy of the folder."
        ),
        told(
            f"{quoted(sheet)} still opens everything by itself: keep it in a safe, or destroy it."
        ),
    ]
    if classical:
        named_so = ", ".join(str(quoted(each)) for each in classical)
        lines.append(
            told(
                f"X25519 keys do not withstand a quantum computer ({named_so}): a file all "
                " of whose holders have such keys may be opened by one, some day."
            )
        )
    shell.emit(
        as_json,
        {"folder": str(output.absolute()), "files": sorted(files), "classical": classical},
        "\n".join(map(text.said, lines)),
    )
