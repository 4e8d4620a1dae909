"""`sealbook notary enroll | accounts | revoke`: who may deposit."""

import os
import re
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import books, directory_option
from ledger.cli.notary.staff import at_terminal, opened_desk
from ledger.cli.speech import _, language, told
from ledger.errors import Conflict, NotFound
from ledger.language import tr
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.chain.replay import AccountKey
    from ledger.cli.table import Value
    from ledger.notary.orders import Enrolled

_SHORTEST_KEY = 8
_KEY = re.compile(f"[0-9a-f]{{{_SHORTEST_KEY},64}}")
_SHOWN = 100
"""Keys that are counted when several begin alike."""
_ROLES: dict[str, Message] = {"device": "role\x04device", "recovery": "role\x04recovery"}


@click.command(
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
@click.option(
    "--account", help="The account on the paper, for a further device of a known company."
)
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
    what ties the key to the company. A further device of an account comes as a request that the
    account's recovery sheet has signed (`sealbook recover --request`); it needs no new identity check,
    only --account.
    """
    from ledger.chain.enrolment import format_record
    from ledger.chain.statement import MAX_ENTRY
    from ledger.crypto.keys import thumbprint_ed25519
    from ledger.notary.desk.proposals import object_of
    from ledger.notary.desk.trail import Action, put_on_trail
    from ledger.notary.enrolling import checked, read_asked, require_account, require_paper
    from ledger.notary.ordering import command
    from ledger.notary.orders import Enroll, Join, Order

    data = shell.read_limited(request, MAX_ENTRY, "an enrolment request")
    with shell.about(request):
        asked = read_asked(data)
    found = asked.request
    if (account is None) != (found.account is None):
        raise click.UsageError(
            f"This request joins the account {quoted(found.account)}; compare it with the paper "
            "and pass "
            "--account."
            if found.account
            else "This request opens a new account; leave out --account."
        )
    require_account(asked, account)
    printed = fingerprint or shell.ask("Fingerprint on the company's paper", "--fingerprint")
    require_paper(asked, printed, quoted(request))
    order: Order[Enrolled] = Join(data)
    record = None
    if not asked.endorsed:
        name = name or shell.ask("Name", "--name")
        registration = registration or shell.ask("Registration", "--registration")
        by = checked_by or shell.ask("Checked by", "--checked-by")
        identity = checked(name, registration, by, int(time.time()), os.urandom)
        name, registration = identity.name, identity.registration
        order, record = Enroll(data), format_record(identity)
    with opened_desk(directory) as desk:
        enrolled = put_on_trail(
            desk,
            at_terminal(),
            Action.ENROLLING,
            Action.ENROLLED,
            object_of(found),
            lambda: command(directory, order, record=record),
            lambda answer: answer.standing.key(found.key).enrolled_index,
        )
    value = {"new": enrolled.new, **enrolled.standing.as_dict()}
    if value["new"]:
        shell.emit(as_json, value, told(f"Enrolled.\n{_standing_text(value)}"))
        return
    known = told(f"Already enrolled as {_who(value)}; nothing was changed.")
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


@click.command(
    epilog="""\b
Example:
  sealbook notary accounts
"""
)
@directory_option
@shell.json_option
def accounts(directory: Path, as_json: bool) -> None:
    """List accounts and their keys."""
    from ledger.notary.ordering import command
    from ledger.notary.orders import ListAccounts

    found = [each.as_dict() for each in command(directory, ListAccounts()).accounts]
    lines = [_standing_text(each) for each in found] or [_("Nobody is enrolled yet.")]
    shell.emit(as_json, {"accounts": found}, "\n\n".join(lines))


@click.command(
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
    """Revoke a key for ever. KEY is the start of its id, as `accounts` shows it.

    Says which other keys of the account still count: whoever stole one may have brought others.
    """
    from ledger.cli.table import labelled
    from ledger.crypto.keys import thumbprint_ed25519
    from ledger.notary.desk.proposals import revoke_as
    from ledger.notary.ordering import command

    start = "".join(key.split()).lower()
    if not _KEY.fullmatch(start):
        raise click.UsageError(f"Give at least {_SHORTEST_KEY} digits of the key's id.")
    with books(directory) as (store, _signed):
        found = store.keys_beginning(start, _SHOWN)
    if len(found) != 1:
        raise NotFound(
            f"{len(found)} keys begin with {quoted(key)}; `sealbook notary accounts` shows all."
        )
    full = found[0].hex()
    with opened_desk(directory) as desk:
        index = revoke_as(desk, at_terminal(), found[0], reason, partial(command, directory))
    others = [
        {
            "key": thumbprint_ed25519(each.public).hex(),
            "role": each.role,
            "enrolled": each.enrolled_index,
            "revoked": None,
        }
        for each in _counting_beside(directory, found[0])
    ]
    lines = [told(f"Revoked {text.groups(full)[0]} ...: entry {index}.")]
    if others:
        lines += [
            text.said(
                _(
                    "These keys of the account still count. Look at each that was enrolled after the "
                    "theft or loss, ask the company whose it is, and revoke what it does not know."
                )
            ),
            *labelled(_key_rows(others)),
        ]
    result = {"key": full, "reason": reason, "index": index, "counting": others}
    shell.emit(as_json, result, "\n".join(lines))


def _counting_beside(directory: Path, key: bytes) -> "list[AccountKey]":
    """Return the other keys of a key's account that are not revoked, by order of enrolment."""
    with books(directory) as (store, _signed):
        found = store.key(key)
        assert found is not None
        return [
            each
            for each in store.keys_of(found.account)
            if each.public != found.public and each.revoked_index is None
        ]


def _who(standing: dict[str, Any]) -> str:
    if standing["name"] is None:
        return _("somebody whose identity record was erased")
    return told(f"{quoted(standing['name'])}, registration {quoted(standing['registration'])}")


def _standing_text(standing: dict[str, Any]) -> str:
    from ledger.cli.table import labelled

    rows: list[tuple[str, Value]] = [
        (_("Account"), text.groups(standing["account"])[0]),
        (_("Name"), quoted(standing["name"]) if standing["name"] else _("erased")),
        (_("Registration"), quoted(standing["registration"]) if standing["name"] else _("erased")),
    ]
    return "\n".join(labelled([*rows, *_key_rows(standing["keys"])]))


def _key_rows(keys: list[dict[str, Any]]) -> "list[tuple[str, Value]]":
    """Return a row for each key: the start of its id, its role and its entries."""
    rows: list[tuple[str, Value]] = []
    for each in keys:
        role = tr(_ROLES[each["role"]], language())
        entry, revoked = each["enrolled"], each["revoked"]
        standing_ = (
            _("{role}, entry {entry}", role=role, entry=entry)
            if revoked is None
            else _(
                "{role}, entry {entry}, revoked by entry {revoked}",
                role=role,
                entry=entry,
                revoked=revoked,
            )
        )
        rows.append((_("Key"), f"{each['key'][:16]}  {standing_}"))
    return rows
