"""`sealbook notary webhook …`: who is told that receipts are there."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import books, directory_option
from ledger.cli.notary.serve import chosen
from ledger.cli.notary.staff import at_terminal, opened_desk
from ledger.cli.notary.terms import find_account
from ledger.cli.speech import _, told
from ledger.errors import NotFound
from ledger.notary.options import serving
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.desk.hooks import Hook

account_option = click.option(
    "--account", help="The start of an account's id; without it the office's own, for all accounts."
)


@click.group()
def webhook() -> None:
    """Have an address told when receipts are there.

    What is told are numbers of entries and where the receipts are fetched, signed with a key of its
    own; no name, and nothing of a document.

    \b
    Examples:
      sealbook notary webhook set https://example.com/hook --account 4f0c9d21
      sealbook notary webhook test --account 4f0c9d21
      sealbook notary webhook list
    """


@webhook.command(
    "set",
    epilog="""\b
Example:
  sealbook notary webhook set https://example.com/hook --account 4f0c9d21
""",
)
@click.argument("url")
@account_option
@directory_option
@shell.json_option
def set_(url: str, account: str | None, directory: Path, as_json: bool) -> None:
    """Tell URL (https) of receipts from now on; whatever it was before.

    A running service begins within a second. The key that whoever is told checks with is printed.
    """
    from ledger.notary.desk.hooks import keys_of, make_key, set_hook
    from ledger.wire.webhook import format_public

    found = _account(directory, account)
    inside = serving(chosen(directory)).webhook_network
    with books(directory) as (_store, signed), opened_desk(directory) as desk:
        last = signed.last()
        if not keys_of(desk):  # first: a service tells of a webhook within a second
            make_key(desk, at_terminal())
        size = 0 if last is None else last.size
        set_hook(desk, at_terminal(), found, url, size, inside)
        key = format_public(keys_of(desk)[0])
    shell.emit(
        as_json,
        {"account": found or None, "url": url, "key": key},
        told(f"It is told of receipts from now on. Its messages are signed by {quoted(key)}."),
    )


@webhook.command(
    epilog="""\b
Example:
  sealbook notary webhook remove --account 4f0c9d21
"""
)
@account_option
@directory_option
@shell.json_option
def remove(account: str | None, directory: Path, as_json: bool) -> None:
    """Tell of receipts no more."""
    from ledger.notary.desk.hooks import remove_hook

    found = _account(directory, account)
    with opened_desk(directory) as desk:
        remove_hook(desk, at_terminal(), found)
    shell.emit(as_json, {"account": found or None}, _("The webhook is removed."))


@webhook.command(
    "list",
    epilog="""\b
Example:
  sealbook notary webhook list
""",
)
@directory_option
@shell.json_option
def list_(directory: Path, as_json: bool) -> None:
    """Show all webhooks, and how it stands with each."""
    from ledger.cli.table import Value, labelled
    from ledger.notary.desk.hooks import read_hooks

    with opened_desk(directory) as desk:
        found = read_hooks(desk)
    lines = []
    for each in found:
        rows: list[tuple[str, Value]] = [
            (_("Account"), text.groups(each.account)[0] if each.account else _("all accounts")),
            (_("Address"), quoted(each.url)),
            (_("Told below entry"), str(each.told)),
        ]
        if each.failures:
            rows.append(
                (_("Failed attempts"), [str(each.failures), *text.reason(each.trouble or "")])
            )
        lines.append("\n".join(labelled(rows)))
    shell.emit(
        as_json,
        {"webhooks": [_as_dict(each) for each in found]},
        "\n\n".join(lines) or _("There is no webhook."),
    )


@webhook.command(
    epilog="""\b
Example:
  sealbook notary webhook test --account 4f0c9d21
"""
)
@account_option
@directory_option
@shell.json_option
def test(account: str | None, directory: Path, as_json: bool) -> None:
    """Send a message of the type `test` now, and say what came back."""
    from secrets import token_hex

    from ledger.notary.announcing import tell
    from ledger.notary.desk.hooks import keys_of, read_hooks
    from ledger.wire.webhook import trial_event

    found = _account(directory, account)
    with opened_desk(directory) as desk:
        hook = next((each for each in read_hooks(desk) if each.account == found), None)
        keys, origin = keys_of(desk), desk.origin
    if hook is None:
        raise NotFound("There is no such webhook.")
    inside = serving(chosen(directory)).webhook_network
    body = trial_event(origin, token_hex(8))
    tell(hook.url, body, keys, int(time.time()), inside)
    shell.emit(
        as_json, {"account": found or None, "taken": True}, _("The webhook took the message.")
    )


@webhook.command(
    epilog="""\b
Examples:
  sealbook notary webhook key
  sealbook notary webhook key --new
"""
)
@click.option(
    "--new", is_flag=True, help="Make another; the one before it signs too until the next."
)
@directory_option
@shell.json_option
def key(new: bool, directory: Path, as_json: bool) -> None:
    """Show the public keys that webhooks are signed with, the newest first."""
    from ledger.notary.desk.hooks import keys_of, make_key
    from ledger.wire.webhook import format_public

    with opened_desk(directory) as desk:
        if new:
            make_key(desk, at_terminal())
        found = [format_public(each) for each in keys_of(desk)]
    shell.emit(
        as_json,
        {"keys": found},
        "\n".join(map(str, map(quoted, found)))
        or _("There is no key yet; the first webhook makes it."),
    )


def _account(directory: Path, start: str | None) -> str:
    from ledger.notary.desk.hooks import OFFICE

    return OFFICE if start is None else find_account(directory, start)


def _as_dict(hook: "Hook") -> dict[str, Any]:
    return {
        "account": hook.account or None,
        "url": hook.url,
        "told": hook.told,
        "failures": hook.failures,
        "due": hook.due or None,
        "trouble": hook.trouble,
    }
