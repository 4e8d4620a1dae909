"""`sealbook trust`: the notary's trust file, shown and exported."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.extras import require_extra
from ledger.cli.speech import _, language, told
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
    from ledger.court.claims import title_of

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
        "authorities": [each.name for each in found.authorities],
        "retired": [
            {"key": each.log.key_id.hex(), "size": each.size, "revoked": each.revoked}
            for each in found.retired
        ],
        "revoked_seals": [
            {"key": each.key.hex(), "size": each.size, "revoked": each.revoked}
            for each in found.revoked_seals
        ],
    }
    rows: list[tuple[str, Value]] = [
        (_("Ledger"), quoted(found.origin)),
        (_("Issued by"), quoted(found.issuer)),
        (_("Issued"), text.when(found.issued)),
        (_("Required"), _(", ").join(title_of(each, language()) for each in found.required)),
        (_("Signed with"), _("Ed25519 and ML-DSA-44, both by the notary")),
        (_("Witnesses"), list(map(quoted, witnesses)) or _("none")),
        (_("Timestamps"), [quoted(each.name) for each in found.authorities] or _("none")),
        *(
            (_("Retired"), _former(told(f"log {each.log.key_id.hex()}"), each.size, each.revoked))
            for each in found.retired
        ),
        *(
            (_("Revoked"), _former(told(f"seal {each.key.hex()[:16]}"), each.size, each.revoked))
            for each in found.revoked_seals
        ),
        (_("Fingerprint"), fingerprint(data)),
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
        told(f"Written\n{text.foreign(output, 2)}\nfingerprint {fingerprint(data)}"),
    )


@trust.command(
    epilog="""\b
Examples:
  sealbook trust compare --export ours.checkpoint
  sealbook trust compare theirs.checkpoint
"""
)
@click.argument("file", type=shell.FILE, required=False)
@click.option("--export", "output", type=shell.FILE, help="Write this vault's checkpoint.")
@shell.json_option
def compare(file: Path | None, output: Path | None, as_json: bool) -> None:
    """Compare another client's checkpoint with this vault's: was one ledger shown to both?

    FILE is what --export wrote in the other vault. Exit code 1 where the two contradict each other;
    both notes are then kept as a fault file, which `sealbook fault` checks.
    """
    from ledger.chain.note import MAX_NOTE_SIZE, format_note
    from ledger.chain.trust import verify_own
    from ledger.company.sending.comparing import Agree, Contradict, NotCompared, keep_proof
    from ledger.company.sending.comparing import compare as use_case
    from ledger.disk.outputs import write_new

    require_extra("company")
    if (file is None) == (output is None):
        raise click.UsageError("Name another's checkpoint, or --export FILE.")
    vault = own.open_vault()
    ours = vault.checkpoint()
    if ours is None:
        raise InvalidInput("This vault has no receipt yet, and so no checkpoint to compare.")
    if output is not None:
        write_new(output, format_note(ours.note).encode())
        shell.emit(
            as_json,
            {"file": str(output.absolute()), "size": ours.checkpoint.size},
            told(f"Written\n{text.foreign(output, 2)}"),
        )
        return
    assert file is not None
    with shell.about(file):
        theirs = verify_own(
            vault.trust,
            shell.read_limited(file, MAX_NOTE_SIZE, "a checkpoint").decode("utf-8", "replace"),
        )
    with own.connect(vault) as client:
        found = use_case(ours, theirs, vault.trust, client.consistency)
    sizes = {"ours": ours.checkpoint.size, "theirs": theirs.checkpoint.size}
    shown = told(f"ours has {sizes['ours']} entries, theirs {sizes['theirs']}")
    match found:
        case Agree():
            shell.emit(as_json, {"result": "same", **sizes}, told(f"The same ledger: {shown}."))
        case NotCompared(why):
            words = told(f"Not compared: {shown}. {why}")
            shell.emit(as_json, {"result": "not-compared", "why": why, **sizes}, text.said(words))
        case Contradict(error):
            proof = keep_proof(vault, theirs, found)
            shell.emit(
                as_json,
                {"result": "contradiction", "file": str(proof), **sizes},
                text.said(f"Two ledgers: {shown}. {error}")
                + told(f"\nKept\n{text.foreign(proof, 2)}"),
            )
            raise SystemExit(1)


@trust.command(
    epilog="""\b
Example:
  sealbook trust adopt office.trust --fingerprint "4078 d851 5499 d7f9 ..."
"""
)
@click.argument("file", type=shell.FILE, required=False)
@click.option("--fingerprint", "printed", help="The file's fingerprint on the office's paper.")
@shell.json_option
def adopt(file: Path | None, printed: str | None, as_json: bool) -> None:
    """Pin the notary's new trust file in the vault.

    Where the notary replaces its keys, it hands out a new one. Without FILE it is fetched. The
    fingerprint is typed from the office's paper; what this vault has verified must hold under the new
    file too.
    """
    from ledger.chain.note import format_note
    from ledger.chain.trust import verify_own
    from ledger.company.vault.home import TRUST
    from ledger.company.vault.stored import write_file

    require_extra("company")
    vault = own.open_vault()
    pinned = read_trust(vault.config.notary, file)
    pinned.require(printed or shell.ask("Fingerprint on the office's paper", "--fingerprint"))
    if pinned.trust.origin != vault.config.origin:
        raise InvalidInput(
            f"This is the trust file of {quoted(pinned.trust.origin)}; the vault deposits with "
            f"{quoted(vault.config.origin)}."
        )
    if pinned.trust.issued < vault.trust.issued:
        raise InvalidInput(
            f"This trust file is of {text.when(pinned.trust.issued)}, the one that is pinned of "
            f"{text.when(vault.trust.issued)}; ask the office for its newest."
        )
    with vault.locked():
        kept = vault.checkpoint()
        if kept is not None:
            verify_own(pinned.trust, format_note(kept.note))
        write_file(vault.home / TRUST, pinned.data)
    shell.emit(
        as_json,
        {"origin": pinned.trust.origin, "fingerprint": pinned.fingerprint},
        told(f"Pinned: {pinned.fingerprint}"),
    )


def _former(key: str, size: int, revoked: int | None) -> str:
    since = "" if revoked is None else told(f", revoked from {text.when(revoked)} on")
    return told(f"{key}, up to {size} entries{since}")


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
