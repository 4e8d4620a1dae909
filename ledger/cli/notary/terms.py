"""`sealbook notary account …`: what the office grants an account, and what it deletes of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.notary.staff import at_terminal, opened_desk
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput, NotFound
from ledger.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.notary.desk.terms import Terms
    from ledger.notary.desk.trail import Actor
    from ledger.notary.storage.desk import StaffDesk

_SHORTEST = 8
MAX_YEARS = 200
MAX_ENTRIES = (1 << 63) - 1
_UNITS = {"": 1, "KB": 10**3, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

reason_option = click.option("--reason", required=True, help="Why; goes on the audit trail.")
public_reason = click.option(
    "--reason", required=True, help="Why; goes on public record: name nobody."
)


@click.group()
def account() -> None:
    """Suspend an account, limit it, hold it, or delete of it.

    ACCOUNT is the start of its id, as `sealbook notary accounts` shows it. Nothing here touches an
    entry: what an account has deposited, and its receipts, stay as good as they were.

    \b
    Examples:
      sealbook notary account show 4f0c9d21
      sealbook notary account suspend 4f0c9d21 --reason "fees unpaid"
      sealbook notary account hold 4f0c9d21 --reason "order 2026-117"
    """


@account.command(
    epilog="""\b
Example:
  sealbook notary account show 4f0c9d21
"""
)
@click.argument("account")
@directory_option
@shell.json_option
def show(account: str, directory: Path, as_json: bool) -> None:
    """Show what the office has decided about an account."""
    _decide(directory, account, as_json, lambda _desk, _who, _found: None)


@account.command(
    epilog="""\b
Example:
  sealbook notary account suspend 4f0c9d21 --reason "fees unpaid"
"""
)
@click.argument("account")
@reason_option
@directory_option
@shell.json_option
def suspend(account: str, reason: str, directory: Path, as_json: bool) -> None:
    """Take nothing from an account until it is resumed.

    Its deposits wait at the company; what it has deposited can be fetched and checked as before.
    """
    _mark(directory, account, as_json, "suspended", reason)


@account.command(
    epilog="""\b
Example:
  sealbook notary account resume 4f0c9d21
"""
)
@click.argument("account")
@directory_option
@shell.json_option
def resume(account: str, directory: Path, as_json: bool) -> None:
    """Let a suspended account go on."""
    _mark(directory, account, as_json, "suspended")


@account.command(
    epilog="""\b
Example:
  sealbook notary account limit 4f0c9d21 --bytes 50GB --per-minute 600
"""
)
@click.argument("account")
@click.option("--bytes", "max_bytes", help="Ciphertext that it may keep here: 50GB.")
@click.option(
    "--per-minute", type=click.IntRange(0, 10**9), help="Statements it may enter a minute."
)
@click.option(
    "--keep-days",
    type=click.IntRange(0, 100 * 366),
    help="Days for which its ciphertext is kept at least.",
)
@directory_option
@shell.json_option
def limit(
    account: str,
    max_bytes: str | None,
    per_minute: int | None,
    keep_days: int | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Set the limits of an account, all three anew.

    One that is not given is lifted.

    A running service keeps to them within a second; statements are counted by each of its processes,
    from its start on.
    """
    from ledger.notary.desk import terms

    limits = (None if max_bytes is None else _bytes(max_bytes), per_minute, keep_days)
    _decide(
        directory, account, as_json, lambda desk, who, found: terms.limit(desk, who, found, *limits)
    )


@account.command(
    epilog="""\b
Examples:
  sealbook notary account retain 4f0c9d21 --years 10
  sealbook notary account retain 4f0c9d21 --for-ever
"""
)
@click.argument("account")
@click.option("--years", type=click.IntRange(1, MAX_YEARS), help="Calendar years after a deposit.")
@click.option("--days", type=click.IntRange(1, MAX_YEARS * 365), help="Days after it.")
@click.option("--for-ever", is_flag=True, help="Delete nothing by itself; so it is from the start.")
@directory_option
@shell.json_option
def retain(
    account: str,
    years: int | None,
    days: int | None,
    for_ever: bool,
    directory: Path,
    as_json: bool,
) -> None:
    """Say when the ciphertext of an account's deposits is deleted.

    A running service deletes it by itself, and says so in public notices; entries and receipts stay.
    `sealbook notary retention` shows what would go now. What was deleted does not come back.
    """
    from ledger.notary.desk import terms

    if [years is not None, days is not None, for_ever].count(True) != 1:
        raise click.UsageError("Give one of --years, --days and --for-ever.")
    after = days if years is None else years * 365 + years // 4 + 1  # never before the calendar's
    _decide(directory, account, as_json, lambda desk, who, one: terms.retain(desk, who, one, after))


@account.command(
    epilog="""\b
Example:
  sealbook notary account hold 4f0c9d21 --reason "order 2026-117"
"""
)
@click.argument("account")
@reason_option
@directory_option
@shell.json_option
def hold(account: str, reason: str, directory: Path, as_json: bool) -> None:
    """Let nothing of an account be deleted (legal hold)."""
    _mark(directory, account, as_json, "held", reason)


@account.command(
    epilog="""\b
Example:
  sealbook notary account release 4f0c9d21
"""
)
@click.argument("account")
@directory_option
@shell.json_option
def release(account: str, directory: Path, as_json: bool) -> None:
    """End a legal hold."""
    _mark(directory, account, as_json, "held")


@account.command(
    epilog="""\b
Example:
  sealbook notary account reviewed
"""
)
@directory_option
@shell.json_option
def reviewed(directory: Path, as_json: bool) -> None:
    """Say that holds, suspensions and limits are complete again.

    After a restore, or where desk.sqlite was put back, what was decided about accounts since that copy
    is not in it. Until you have gone through it and said so, nothing is deleted. The audit trail keeps
    who said it.
    """
    from ledger.notary.desk.reviewing import review

    with opened_desk(directory) as desk:
        review(desk, at_terminal())
    words = _("On the audit trail: the office has gone through holds, suspensions and limits.")
    shell.emit(as_json, {"reviewed": True}, words)


@account.command(
    epilog="""\b
Example:
  sealbook notary account erase 4f0c9d21 --reason "asked for by the holder"
"""
)
@click.argument("account")
@public_reason
@directory_option
@shell.json_option
def erase(account: str, reason: str, directory: Path, as_json: bool) -> None:
    """Erase who an account is, and say so in a public notice.

    Receipts that were given before still hold the record; those given from now on do not.
    """
    from ledger.notary.ordering import command
    from ledger.notary.orders import Erase

    found = find_account(directory, account)
    who = at_terminal()
    erased = command(directory, Erase(found, reason, who.name, who.role))
    shell.emit(
        as_json,
        {"account": found, "records": erased.records, "notice": erased.notice},
        told(f"Identity records erased: {erased.records}. Notice: entry {erased.notice}."),
    )


@account.command(
    epilog="""\b
Example:
  sealbook notary account discard 4f0c9d21 1207 1209 --reason "asked for"
"""
)
@click.argument("account")
@click.argument("entries", type=click.IntRange(0, MAX_ENTRIES), nargs=-1, required=True)
@public_reason
@directory_option
@shell.json_option
def discard(
    account: str,
    entries: tuple[int, ...],
    reason: str,
    directory: Path,
    as_json: bool,
) -> None:
    """Delete the ciphertext of deposits, and say so in a public notice.

    ENTRIES are their numbers in the ledger. The entries and receipts stay. Whoever has the age files
    in a vault of his own still has them; a backup lets go of them when it is made the next time.
    """
    from ledger.notary.ordering import command
    from ledger.notary.orders import Discard

    found = find_account(directory, account)
    who = at_terminal()
    answer = command(directory, Discard(found, entries, reason, who.name, who.role))
    shell.emit(
        as_json,
        {"account": found, "files": answer.files, "notice": answer.notice},
        told(f"Files deleted: {answer.files}. Notice: entry {answer.notice}."),
    )


def find_account(directory: Path, start: str) -> str:
    """Return the one account whose id begins so. Raises NotFound, UsageError."""
    from ledger.cli.notary.group import books

    wanted = "".join(start.split()).lower()
    if len(wanted) < _SHORTEST:
        raise click.UsageError(
            f"Give at least {_SHORTEST} of the 32 digits of the account's id, as `sealbook notary "
            "accounts` prints it; with its spaces it stands in quotation marks."
        )
    with books(directory) as (store, _signed):
        found = [each for each in store.accounts() if each.startswith(wanted)]
    if len(found) != 1:
        raise NotFound(
            f"{len(found)} accounts begin with {quoted(start)}; `sealbook notary accounts` shows all."
        )
    return found[0]


def _mark(
    directory: Path, account: str, as_json: bool, name: str, reason: str | None = None
) -> None:
    """Put a mark on an account for a reason, or take it off."""
    from ledger.notary.desk import terms

    def change(desk: "StaffDesk", who: "Actor", found: str) -> None:
        if reason is None:
            terms.clear(desk, who, found, terms.Mark(name))
        else:
            terms.mark(desk, who, found, terms.Mark(name), reason)

    _decide(directory, account, as_json, change)


def _decide(
    directory: Path,
    start: str,
    as_json: bool,
    change: "Callable[[StaffDesk, Actor, str], None]",
) -> None:
    """Change an account's terms, and say how they stand."""
    from ledger.notary.desk.terms import terms_of

    found = find_account(directory, start)
    with opened_desk(directory) as desk:
        change(desk, at_terminal(), found)
        terms = terms_of(desk, found)
    shell.emit(as_json, _as_dict(terms), _text(terms))


def _as_dict(terms: "Terms") -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.__slots__}


def _text(terms: "Terms") -> str:
    from ledger.cli.table import Value, labelled

    none = _("none")
    rows: list[tuple[str, Value]] = [
        (_("Account"), text.groups(terms.account)[0]),
        (_("Suspended"), quoted(terms.suspended) if terms.suspended else _("no")),
        (_("Legal hold"), quoted(terms.held) if terms.held else none),
        (_("Ciphertext"), none if terms.max_bytes is None else text.size(terms.max_bytes)),
        (_("Statements a minute"), none if terms.per_minute is None else str(terms.per_minute)),
        (_("Kept for days"), none if terms.keep_days is None else str(terms.keep_days)),
        (
            _("Deleted after days"),
            _("never") if terms.retain_days is None else str(terms.retain_days),
        ),
    ]
    return "\n".join(labelled(rows))


def _bytes(value: str) -> int:
    digits = value.rstrip("KkMGTB").strip()
    unit = value[len(value.rstrip("KkMGTB")) :]
    if unit not in _UNITS or not digits.isascii() or not digits.isdecimal() or len(digits) > 15:
        raise InvalidInput(f"{quoted(value)} is no size; write it like 50GB, 800MB or 1000000.")
    return int(digits) * _UNITS[unit]
