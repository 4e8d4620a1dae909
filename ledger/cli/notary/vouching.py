"""`sealbook notary witness | timestamp`: who else vouches for the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import _, told

if TYPE_CHECKING:
    from ledger.chain.trust import Trust


@click.command(
    epilog="""\b
Example:
  sealbook notary witness 'witness.example/w1+38c7…' \\
      https://witness.example
"""
)
@click.argument("vkey")
@click.argument("url")
@click.option(
    "--quorum",
    type=click.IntRange(1),
    help="How many witnesses must sign from now on. Default: more than half.",
)
@directory_option
@shell.json_option
def witness(vkey: str, url: str, quorum: int | None, directory: Path, as_json: bool) -> None:
    """Ask a witness to cosign from now on.

    VKEY is a key that `sealbook witness show` prints there, URL where it serves. The witness has to
    watch this ledger: `sealbook witness add` there, with both keys of the trust file's policy.
    Receipts are final once the quorum has signed. The service must not run meanwhile.
    """
    from ledger.notary.care.trusting import add_witness

    _show(add_witness(directory, vkey, url, quorum), directory, as_json)


@click.command(
    epilog="""\b
Example:
  sealbook notary timestamp "TSA Example" https://tsa.example \\
      --root tsa-root.pem
"""
)
@click.argument("name")
@click.argument("url")
@click.option("--root", type=shell.FILE, required=True, help="The authority's root, in PEM.")
@click.option("--policy", help="The policy that its tokens must state; others are refused.")
@click.option(
    "--interval",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    help="Seconds between stamps.",
)
@directory_option
@shell.json_option
def timestamp(
    name: str,
    url: str,
    root: Path,
    policy: str | None,
    interval: int,
    directory: Path,
    as_json: bool,
) -> None:
    """Have checkpoints stamped by a timestamp authority (RFC 3161).

    NAME is what reports call it, URL where it answers. It learns a hash and nothing else. The service
    must not run meanwhile.
    """
    from ledger.notary.care.trusting import add_authority
    from ledger.notary.storage.directory import TimestampSettings

    settings = TimestampSettings(url, name, root.resolve(), policy, interval)
    _show(add_authority(directory, settings), directory, as_json)


def _show(trust: "Trust", directory: Path, as_json: bool) -> None:
    from ledger.chain.trust import fingerprint, format_trust
    from ledger.notary.storage.directory import read_settings

    file = directory / read_settings(directory).trust_file
    printed = fingerprint(format_trust(trust))
    witnesses = [each.name for each in trust.policy.witnesses if each.key.name != trust.origin]
    quorum = next((each.threshold for each in trust.policy.groups if each.name == "witnesses"), 0)
    names = [each.name for each in trust.authorities]
    lines = [
        told(f"Witnesses: {len(witnesses)}, of whom {quorum} must sign."),
        told(f"Timestamp authorities: {len(names)}."),
        _("The trust file is a new one; print its fingerprint and hand both out:"),
        text.foreign(file, 2),
        f"  {printed}",
    ]
    shell.emit(
        as_json,
        {
            "trust": str(file),
            "fingerprint": printed,
            "witnesses": witnesses,
            "quorum": quorum,
            "authorities": names,
        },
        "\n".join(lines),
    )
