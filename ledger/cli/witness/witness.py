"""`sealbook witness`: cosign ledgers, so that nobody can be shown a history of his own."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.root import Lasting
from ledger.errors import InvalidInput, NotFound
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.witness.witness import Witness


@click.group()
def witness() -> None:
    """Run a witness: it cosigns a ledger's checkpoints where each contains the one before.

    \b
    Examples:
      sealbook witness init /srv/witness --name witness.example/w1
      sealbook witness add /srv/witness --trust office.trust
      sealbook witness serve /srv/witness --listen 127.0.0.1:8500
    """


@witness.command(
    epilog="""\b
Example:
  sealbook witness init /srv/witness --name witness.example/w1
"""
)
@click.argument("directory", type=shell.FILE)
@click.option(
    "--name", required=True, help="The witness's name for ever, such as witness.example/w1."
)
@shell.json_option
def init(directory: Path, name: str, as_json: bool) -> None:
    """Found a witness: its keys, and the record of what it has cosigned."""
    from ledger.witness.witness import init_witness

    _show(init_witness(directory, name), as_json)


@witness.command(
    epilog="""\b
Example:
  sealbook witness add /srv/witness --trust office.trust
  sealbook witness add /srv/witness 'log.example/one+f88e2148+ASTY…'
"""
)
@click.argument("directory", type=shell.FILE)
@click.argument("vkey", required=False)
@click.option("--trust", "trust_file", type=shell.FILE, help="The trust file of a Sealbook ledger.")
@click.option("--origin", help="The log's origin, where it is not the name of its key.")
@shell.json_option
def add(
    directory: Path, vkey: str | None, trust_file: Path | None, origin: str | None, as_json: bool
) -> None:
    """Watch a log: a Sealbook ledger by its trust file, another by its key.

    A log that has several keys is given once with each.
    """
    from ledger.witness.witness import open_witness

    if (vkey is None) == (trust_file is None):
        raise click.UsageError("Name the log's key, or the trust file with --trust.")
    vkeys = [vkey] if vkey is not None else []
    if trust_file is not None:
        vkeys += _log_keys(trust_file)
    watched = open_witness(directory)
    named = [watched.add(each, origin) for each in vkeys][-1]
    shell.emit(as_json, {"origin": named}, text.said(f"The log {quoted(named)} is watched."))


@witness.command(
    epilog="""\b
Example:
  sealbook witness serve /srv/witness --listen 127.0.0.1:8500
"""
)
@click.argument("directory", type=shell.FILE)
@shell.listen_option(8500)
def serve(directory: Path, listen: str) -> None:
    """Answer logs that ask for cosignatures, and whoever asks what was cosigned."""
    from ledger.witness.server import WitnessServer
    from ledger.witness.witness import open_witness

    try:
        opened = open_witness(directory)
    except (InvalidInput, NotFound) as error:
        raise Lasting from error
    with WitnessServer(shell.listening_at(listen), opened) as server:
        shell.serve(server)


@witness.command(
    epilog="""\b
Example:
  sealbook witness show /srv/witness
"""
)
@click.argument("directory", type=shell.FILE)
@shell.json_option
def show(directory: Path, as_json: bool) -> None:
    """Print the witness's keys, for the policies that name them."""
    from ledger.witness.witness import open_witness

    _show(open_witness(directory), as_json)


def _log_keys(trust_file: Path) -> list[str]:
    from ledger.chain.note import format_vkey

    trust, _ = shell.read_trust(trust_file)
    policy = trust.policy
    keys = [*(each.key for each in policy.logs), *(each.key for each in policy.witnesses)]
    return [format_vkey(each) for each in keys if each.name == trust.origin]


def _show(found: "Witness", as_json: bool) -> None:
    from ledger.chain.note import format_vkey

    vkeys = [format_vkey(each) for each in found.verifiers]
    shell.emit(
        as_json,
        {"name": found.name, "vkeys": vkeys},
        "\n".join((text.said(f"The witness {quoted(found.name)} signs with these keys:"), *vkeys)),
    )
