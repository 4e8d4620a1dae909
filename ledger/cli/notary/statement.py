"""`sealbook notary statement`: drafts for a court, from the office's own books."""

from dataclasses import asdict
from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import books, directory_option
from ledger.cli.speech import told


@click.command(
    epilog="""\b
Examples:
  sealbook notary statement -o platform.txt
  sealbook notary statement contract.pdf.receipt
  sealbook notary statement contract.pdf.receipt --for FRE-902
"""
)
@click.argument("file", type=shell.FILE, required=False)
@click.option("--for", "rule", default="在线诉讼规则", help="在线诉讼规则 or FRE-902.")
@click.option("-o", "--output", type=shell.FILE, help="Write the draft here, UTF-8.")
@directory_option
@shell.json_option
def statement(
    file: Path | None, rule: str, output: Path | None, directory: Path, as_json: bool
) -> None:
    """Draft a statement of the office for a court, from its books.

    For 在线诉讼规则 (also online-litigation): what articles 16 to 18 ask of the platform, in Chinese
    and English; with FILE, a receipt or evidence file, as the platform was stated when its deposit was
    entered. For FRE-902: the declaration of the office's custodian about the deposit in FILE.

    A draft: what the books do not show is a blank for a person, who signs. Nothing is entered.
    """
    from ledger.chain.trust import fingerprint, parse_trust
    from ledger.cli.court.drafts import draft_page
    from ledger.cli.court.verify import asked_rule
    from ledger.cli.notary.custody import deposit_in, inspections_of, read_custody
    from ledger.court.custody import draft_custodian, draft_platform
    from ledger.court.drafts import blanks_of
    from ledger.court.questions import FRE_902
    from ledger.disk.outputs import write_new
    from ledger.notary.storage.directory import read_settings

    asked = asked_rule(rule)
    if asked == FRE_902 and file is None:
        raise click.UsageError("A custodian declares about a deposit: name a receipt as FILE.")
    data = (directory / read_settings(directory).trust_file).read_bytes()
    trust = parse_trust(data)
    if file is not None:
        shell.require_readable(file)
    found = None if file is None else deposit_in(file, trust)
    with books(directory) as (store, signed):
        custody = read_custody(store, signed, trust, fingerprint(data), found)
        inspections = () if found is None else inspections_of(store, custody.size, found)
    if asked == FRE_902 and found is not None:
        draft = draft_custodian(custody, found.report, inspections)
    else:
        draft = draft_platform(custody, None if found is None else found.report)
    page = draft_page(draft)
    if output is not None:
        write_new(output, f"{page}\n".encode())
        page = told(f"The draft, to complete and sign:\n{text.foreign(output, 2)}")
    value = {
        "draft": True,
        "for": asked,
        "facts": custody.as_dict(),
        "inspections": [asdict(each) for each in inspections],
        "blanks": blanks_of(draft),
        "text": draft,
    }
    shell.emit(as_json, value, page)
