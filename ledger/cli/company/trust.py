"""`sealbook trust`: the notary's trust file, shown and exported."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.extras import require_extra
from ledger.errors import InvalidInput
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.access.founding import Pinned


@click.group(
    epilog="""\b
Examples:
  sealbook trust show office.trust
  sealbook trust export -o office.trust
"""
)
def trust() -> None:
    """Show or export the notary's trust file."""


@trust.command(
    epilog="""\b
Examples:
  sealbook trust show office.trust
  sealbook trust show office.trust -o keys/
"""
)
@click.argument("file", type=shell.FILE, required=False)
@click.option("-o", "--output", type=shell.FILE, help="Write its keys and policy to this folder.")
@shell.json_option
def show(file: Path | None, output: Path | None, as_json: bool) -> None:
    """Show a trust file and its fingerprint.

    Without FILE, the one that is pinned in the vault. The fingerprint is the first half of SHA-256
    over the file's bytes: `sha256sum office.trust` begins with it. -o writes what other software
    needs: the policy, the log's keys, the seal's authorities and whom they must name.
    """
    from ledger.chain.trust import MAX_TRUST, fingerprint, parse_trust
    from ledger.cli.court.apart import of_trust, write_parts
    from ledger.cli.table import Value, labelled

    data = shell.read_limited(file, MAX_TRUST, "a trust file") if file else _pinned()
    with shell.about(file or Path("notary.trust")):
        found = parse_trust(data)
    witnesses = [each.name for each in found.policy.witnesses if each.key.name != found.origin]
    result = {
        "origin": found.origin,
        "issuer": found.issuer,
        "issued": found.issued,
        "fingerprint": fingerprint(data),
        "required": list(found.required),
        "witnesses": witnesses,
    }
    rows: list[tuple[str, Value]] = [
        ("Ledger", quoted(found.origin)),
        ("Issued by", quoted(found.issuer)),
        ("Issued", text.when(found.issued)),
        ("Required", ", ".join(found.required)),
        ("Signed with", "Ed25519 and ML-DSA-44, both by the notary"),
        ("Witnesses", list(map(quoted, witnesses)) or "none"),
        ("Fingerprint", fingerprint(data)),
    ]
    lines = list(labelled(rows))
    if output is not None:
        parts = of_trust(found)
        lines += ["", *write_parts(output, parts).splitlines()]
        result["files"] = {name: str((output / name).absolute()) for name in parts}
    shell.emit(as_json, result, "\n".join(lines))


@trust.command(
    epilog="""\b
Example:
  sealbook trust export -o office.trust
"""
)
@click.option("-o", "--output", type=shell.FILE, required=True, help="The file to write.")
@shell.json_option
def export(output: Path, as_json: bool) -> None:
    """Write the pinned trust file."""
    from ledger.chain.trust import fingerprint
    from ledger.disk.outputs import write_new

    require_extra("company")
    data = _pinned()
    write_new(output, data)
    shell.emit(
        as_json,
        {"file": str(output.absolute()), "fingerprint": fingerprint(data)},
        f"Written\n{text.foreign(output, 2)}\nfingerprint {fingerprint(data)}",
    )


def _pinned() -> bytes:
    from ledger.chain.trust import MAX_TRUST
    from ledger.company.vault.home import TRUST, has_vault, vault_home

    home = vault_home()
    if not has_vault(home):
        raise InvalidInput(
            f"There is no vault at {quoted(home)}; name a trust file, or make a vault with "
            "`sealbook init`."
        )
    return shell.read_limited(home / TRUST, MAX_TRUST, "a trust file")


def read_trust(notary: str, file: Path | None) -> "Pinned":
    """Return a notary's trust file: the office's, or the one that the notary offers."""
    from ledger.chain.trust import MAX_TRUST, parse_trust
    from ledger.company.access.founding import Pinned
    from ledger.wire.client import NotaryClient

    if file is not None:
        data = shell.read_limited(file, MAX_TRUST, "a trust file")
    else:
        with NotaryClient(notary) as client:
            data = client.trust()
    with shell.about(file or Path(f"{notary}/trust")):
        return Pinned(notary, data, parse_trust(data))
