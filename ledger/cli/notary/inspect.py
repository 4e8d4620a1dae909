"""`sealbook notary inspect`: an officer has opened evidence and seen it, and the ledger says so."""

import os
from contextlib import ExitStack
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import _, told
from ledger.errors import Conflict, StorageFailed
from ledger.lines import require_line
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.chain.inspection import VerifiedInspection


@click.command(
    epilog="""\b
Examples:
  sealbook notary inspect case.evidence --officer 王宁 --role 公证员
  sealbook notary inspect case.evidence --again    # its records, anew
"""
)
@click.argument("file", type=shell.FILE)
@click.option("--officer", help="The officer who has seen the content.")
@click.option("--role", help="The office that the officer holds.")
@click.option("--again", is_flag=True, help="Enter nothing: prove what was entered before anew.")
@click.option("-o", "--output", type=shell.FILE, help="The record.  [default: FILE.inspection]")
@click.option("--identity", type=shell.FILE, help="The age identity file that opens FILE.")
@shell.passphrase_option
@directory_option
@shell.json_option
def inspect(
    file: Path,
    officer: str | None,
    role: str | None,
    again: bool,
    output: Path | None,
    identity: Path | None,
    passphrase_file: Path | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Put on record that an officer has opened FILE and seen its content.

    FILE is an evidence file that shows content; look at it first, with `sealbook verify FILE -o`. It is
    checked under the office's trust file, and what is not good or shows nothing is not entered. An
    entry for each deposit says that the office has seen it, whole or in part: no name, no content and
    no hash of it, the officer only under a salted hash.

    Two files are written: the record, for `sealbook verify --inspection`, and beside it a paper that
    ends in .txt, in Chinese and English, for the officer to complete and sign. --again writes both
    once more: when a file was lost, or the office has changed its keys.
    """
    from ledger.chain.inspection import MAX_NAME, format_inspections, verify_inspection
    from ledger.chain.office import WHOLE
    from ledger.chain.trust import fingerprint, parse_trust
    from ledger.cli.court.drafts import draft_page
    from ledger.cli.court.sealed import is_sealed, unsealed
    from ledger.cli.notary.inspections import enter, find, shown_in
    from ledger.court.inspection import Desk, Opened, inspection_paper
    from ledger.disk.outputs import write_new
    from ledger.evidence.inspected import inspections_of
    from ledger.notary.storage.directory import read_settings

    if again == bool(officer or role) or bool(officer) != bool(role):
        raise click.UsageError("Name --officer and --role, or ask --again for what was entered.")
    if officer and role:
        officer, role = require_line(officer, MAX_NAME), require_line(role, MAX_NAME)
    record = output or inspections_of(file)
    paper = record.with_name(record.name + ".txt")
    for each in (record, paper):
        if os.path.lexists(each):
            raise Conflict(f"{quoted(each)} exists already and is not overwritten; name -o.")
    shell.require_readable(file)
    trust_data = (directory / read_settings(directory).trust_file).read_bytes()
    trust = parse_trust(trust_data)
    with ExitStack() as stack:
        plain = file
        if is_sealed(file):
            if identity is None:
                raise click.UsageError(f"{quoted(file)} is sealed; name --identity to open it.")
            plain = stack.enter_context(unsealed(file, identity, passphrase_file))
        seen = shown_in(plain, file, trust)
    if officer and role:
        records = enter(directory, seen, officer, role)
    else:
        records = find(directory, seen)
    verified = {each.inspection.leaf: verify_inspection(each, trust) for each in records}
    opened = [
        Opened(each.report, verified[each.statement.leaf_hash])
        for each in seen
        if each.statement.leaf_hash in verified
    ]
    with file.open("rb") as data:
        digest = file_digest(data, "sha256").hexdigest()
    desk = Desk(trust.issuer, trust.origin, fingerprint(trust_data), file.name, digest, record.name)
    page = draft_page(inspection_paper(opened, desk))
    try:
        write_new(record, format_inspections(records))
        write_new(paper, f"{page}\n".encode())
    except StorageFailed as error:
        what = str(error).rstrip(".")
        raise StorageFailed(
            f"{what}. The inspection is entered: --again, with another -o, writes both files."
        ) from error
    entries = [_value(each.inspection) for each in opened]
    lines = [
        told(
            f"Entry {each['index']}: the deposit at entry {each['entry']} was seen, "
            f"{'whole' if each['scope'] == WHOLE else 'in part'}."
        )
        for each in entries
    ]
    lines += [_("The record, for courts:"), text.foreign(record, 2)]
    lines += [_("The paper, for the officer to sign:"), text.foreign(paper, 2)]
    shell.emit(
        as_json,
        {"record": str(record.absolute()), "paper": str(paper.absolute()), "entries": entries},
        "\n".join(lines),
    )


def _value(verified: "VerifiedInspection") -> dict[str, Any]:
    said = asdict(verified.inspection)
    return {
        "index": verified.index,
        "time": verified.time,
        **{key: each.hex() if isinstance(each, bytes) else each for key, each in said.items()},
    }
