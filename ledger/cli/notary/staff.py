"""`sealbook notary staff add | list | link | reset | remove`: who works with the portal."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import _, language, told
from ledger.notary.desk.address import LOCAL, origin_of
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.desk.trail import Actor
    from ledger.notary.storage.desk import StaffDesk

_HERE = f"http://{LOCAL}:8400"
"""Where the portal is while notary.toml names no portal."""


@click.group()
def staff() -> None:
    """Say who works with the portal, and as what.

    A clerk receives enrolment requests and proposes them; an officer approves what another has
    proposed, and revokes; an operator sees to staff and audit trail. Whoever comes gets a link that
    counts once, and makes a passkey with it.

    \b
    Examples:
      sealbook notary staff add "Wang Li" --role clerk
      sealbook notary staff list
    """


@staff.command(
    epilog="""\b
Example:
  sealbook notary staff add "Wang Li" --role clerk
"""
)
@click.argument("name")
@click.option("--role", type=click.Choice(["clerk", "officer", "operator"]), required=True)
@directory_option
@shell.json_option
def add(name: str, role: str, directory: Path, as_json: bool) -> None:
    """Add somebody, and print the link to hand over."""
    from ledger.notary.desk import staff as use
    from ledger.notary.desk.roles import Role

    portal = _portal(directory)
    with opened_desk(directory) as desk:
        secret = use.add(desk, name, Role(role), at_terminal())
    _say_link(portal, name, secret, as_json)


@staff.command(
    "list",
    epilog="""\b
Example:
  sealbook notary staff list
""",
)
@directory_option
@shell.json_option
def list_(directory: Path, as_json: bool) -> None:
    """List who works with the portal, and what they sign in with."""
    from ledger.cli.table import labelled
    from ledger.notary.desk.staff import Standing, roster
    from ledger.notary.desk.words import role

    def signs_in(each: Standing) -> str:
        if not each.active:
            return _("removed")
        if each.passkeys:
            return _("passkeys: {n}", n=each.passkeys)
        if each.code:
            return _("one-time codes")
        return _("has a link, nothing else yet") if each.link else _("cannot sign in")

    with opened_desk(directory) as desk:
        found = roster(desk)
    rows = [
        (f"{role(each.member.role, language())}, {signs_in(each)}", quoted(each.member.name))
        for each in found
    ]
    value = [
        {
            "name": each.member.name,
            "role": each.member.role,
            "active": each.active,
            "passkeys": each.passkeys,
            "code": each.code,
        }
        for each in found
    ]
    lines = labelled(rows) if rows else [_("Nobody works with the portal yet.")]
    shell.emit(as_json, {"staff": value}, "\n".join(lines))


@staff.command(
    epilog="""\b
Example:
  sealbook notary staff link "Wang Li"
"""
)
@click.argument("name")
@directory_option
@shell.json_option
def link(name: str, directory: Path, as_json: bool) -> None:
    """Print a new link for somebody who signs in with a one-time code, or has nothing yet."""
    from ledger.notary.desk import staff as use

    portal = _portal(directory)
    with opened_desk(directory) as desk:
        secret = use.link(desk, name, at_terminal())
    _say_link(portal, name, secret, as_json)


@staff.command(
    epilog="""\b
Example:
  sealbook notary staff reset "Wang Li"
"""
)
@click.argument("name")
@directory_option
@shell.json_option
def reset(name: str, directory: Path, as_json: bool) -> None:
    """Take away somebody's passkeys and codes, and print a link to begin anew."""
    from ledger.notary.desk import staff as use

    portal = _portal(directory)
    with opened_desk(directory) as desk:
        secret = use.reset(desk, name, at_terminal())
    _say_link(portal, name, secret, as_json)


@staff.command(
    epilog="""\b
Example:
  sealbook notary staff remove "Wang Li"
"""
)
@click.argument("name")
@directory_option
@shell.json_option
def remove(name: str, directory: Path, as_json: bool) -> None:
    """Take somebody off the staff; they are signed out at once."""
    from ledger.notary.desk import staff as use

    with opened_desk(directory) as desk:
        use.remove(desk, name, at_terminal())
    shell.emit(as_json, {"name": name}, text.said(told(f"{quoted(name)} is off the staff.")))


def at_terminal() -> "Actor":
    """Return who sits at the terminal, as the audit trail says it."""
    from ledger.notary.desk.trail import Actor

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this user
        user = "unknown"
    return Actor(user, "terminal")


@contextmanager
def opened_desk(directory: Path) -> "Iterator[StaffDesk]":
    """Yield the desk of a notary's directory, also beside a running service."""
    from ledger.notary.storage.directory import read_settings
    from ledger.notary.storage.stores import open_desk

    with open_desk(directory, read_settings(directory)) as desk:
        yield desk


def _portal(directory: Path) -> str | None:
    """Return the portal's URL, None without one. Raises NotHere where nobody signs in there."""
    from ledger.notary.storage.directory import read_settings

    portal = read_settings(directory).portal
    if portal is not None:
        origin_of(portal)
    return portal


def _say_link(portal: str | None, name: str, secret: str, as_json: bool) -> None:
    from ledger.notary.desk.staff import LINK_SECONDS

    # After '#': what stands there is sent to nobody and gets into no log.
    address = f"{(portal or _HERE).rstrip('/')}/office/link#{secret}"
    lines = [
        text.foreign(name, 0),
        _("Open this once, within {n} minutes; it is shown only here:", n=LINK_SECONDS // 60),
        f"  {address}",
    ]
    if portal is None:
        port = _(
            "notary.toml names no portal: this is for this machine, and for `sealbook notary serve` at "
            "its usual port. With another --port, change 8400 in it."
        )
        lines.append(text.indent(port, 0))
    shell.emit(as_json, {"name": name, "link": address, "seconds": LINK_SECONDS}, "\n".join(lines))
