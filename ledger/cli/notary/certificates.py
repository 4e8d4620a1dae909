"""`sealbook notary certificate` and `withdraw`: paper for a receipt, and taking it back."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.errors import Conflict, InvalidInput, SealbookError
from ledger.language import choose_language, tr
from ledger.lines import require_line
from ledger.quoted import Words, quoted

if TYPE_CHECKING:
    from ledger.court.certificate.content import Case
    from ledger.notary.certificates.issuing import Desk, IssuedCertificate

MAX_OFFICER = 64
"""Characters of an officer's name on a certificate: what the staff's have."""


@click.command(
    epilog="""\b
Examples:
  sealbook notary certificate a.receipt --officer "Wang Min" -o cert.pdf
  sealbook notary certificate *.receipt --officer "Wang Min" -o certificates/
  sealbook notary certificate a.receipt --unsigned --trust T -o copy.pdf
"""
)
@click.argument("receipts", metavar="RECEIPT...", nargs=-1, required=True, type=shell.FILE)
@click.option(
    "-o", "--output", required=True, type=shell.FILE, help="The PDF; a folder for several receipts."
)
@click.option("--officer", help="Who issues: the name that stands on the certificate.")
@click.option("--unsigned", is_flag=True, help="Make a copy without number, seal and entry.")
@click.option("--trust", type=shell.FILE, help="For --unsigned: the trust file to check under.")
@directory_option
@shell.json_option
def certificate(
    receipts: tuple[Path, ...],
    output: Path,
    officer: str | None,
    unsigned: bool,
    trust: Path | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Issue a certificate for each receipt: PDF, signed, and an entry of the ledger.

    Works beside the service and without it. With --unsigned anybody makes a copy, offline: each page is
    marked as one.
    """
    if unsigned != (trust is not None) or unsigned == (officer is not None):
        raise InvalidInput(
            "Name the --officer who issues; or make an --unsigned copy under a --trust file, without "
            "--officer."
        )
    language = choose_language(None, os.environ)
    names = _names(receipts, output)
    if trust is not None:
        _copy(receipts, trust, names)
        shell.emit(
            as_json,
            {"copies": [str(each) for each in names]},
            "\n".join(f"{tr('unsigned copy', language)}  {quoted(each)}" for each in names),
        )
        return
    assert officer is not None
    officer = require_line(officer, MAX_OFFICER)
    read = _read(receipts)
    from ledger.notary.ordering import open_desk

    made: list[tuple[IssuedCertificate, Path]] = []
    try:
        with open_desk(directory) as desk:
            level, tokens = desk.sealing.level, bool(desk.sealing.authorities)
            for each in _issue(desk, read, officer, names):
                made.append(each)
    except SealbookError:
        if made:  # those stand, whatever became of the rest
            click.echo("\n".join(_lines(made, language)), err=True)
        raise
    lines = _lines(made, language)
    lines.append(tr("Signed as {level}.", language, level=Words(level)))
    if not tokens:
        alone = tr(
            "The office has no timestamp authority: the signature is good while the seal's "
            "certificate is, and no longer. [[timestamps]] in notary.toml names one.",
            language,
        )
        lines.append(text.indent(alone, 0))
    value = {
        "level": level,
        "certificates": [
            {"number": each.number, "entry": each.index, "file": str(path)} for each, path in made
        ],
    }
    shell.emit(as_json, value, "\n".join(lines))


def _lines(made: "Sequence[tuple[IssuedCertificate, Path]]", language: str) -> list[str]:
    return [
        f"{tr('No.', language)} {each.number:06d}  "
        f"{tr('Entry {index}', language, index=each.index)}  {quoted(path)}"
        for each, path in made
    ]


def _issue(
    desk: "Desk",
    receipts: Sequence[tuple[Path, bytes]],
    officer: str,
    names: Sequence[Path],
) -> "Iterator[tuple[IssuedCertificate, Path]]":
    from ledger.cli.notary.papers import Papers
    from ledger.court.certificate.content import Issue
    from ledger.court.certificate.drawing import drawer
    from ledger.notary.certificates.issuing import issue

    cases = [_case(*each, desk.trust, desk.entry) for each in receipts]
    by = Issue(officer, int(desk.now()), desk.sealing.subject, desk.portal)
    deposits = [case.verified.index for case in cases]
    with Papers(names) as papers:
        for which, each in enumerate(issue(desk, deposits, drawer(cases, by), papers.keep)):
            papers.hand_out(which, each)
            yield each, names[which]


def _copy(receipts: Sequence[Path], trust: Path, names: Sequence[Path]) -> None:
    from ledger.cli.notary.papers import make_room
    from ledger.court.certificate.drawing import draw_copy
    from ledger.disk.outputs import write_new

    _, data = shell.read_trust(trust)
    cases = [_case(*each, data) for each in _read(receipts)]
    make_room(names[0].parent)
    for case, path in zip(cases, names, strict=True):
        write_new(path, draw_copy(case, int(time.time())))


def _read(receipts: Sequence[Path]) -> list[tuple[Path, bytes]]:
    from ledger.court.certificate.content import MAX_RECEIPT

    return [(each, shell.read_limited(each, MAX_RECEIPT, "a receipt")) for each in receipts]


def _case(
    path: Path,
    receipt: bytes,
    trust: bytes,
    entry: Callable[[bytes], bytes | None] = lambda _: None,
) -> "Case":
    from ledger.court.certificate.content import read_case

    with shell.about(path):
        return read_case(receipt, trust, entry)


def _names(receipts: Sequence[Path], output: Path) -> list[Path]:
    """Return what the PDFs are called. Raises Conflict where a file is there, InvalidInput."""
    if len(receipts) == 1 and not output.is_dir():
        names = [output]
    else:
        names = [output / f"{each.name.removesuffix('.receipt')}.pdf" for each in receipts]
        if len(set(names)) < len(names):
            raise InvalidInput("Two of the receipts have the same name; issue them one by one.")
    for each in names:
        if each.exists():
            raise Conflict(f"{quoted(each)} exists already; choose another name.")
    return names


@click.command(
    name="withdraw",
    epilog="""\b
Example:
  sealbook notary withdraw 17 --reason "issued in error"
""",
)
@click.argument("number", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why. It becomes public: name nobody.")
@directory_option
@shell.json_option
def withdraw_certificate(number: int, reason: str, directory: Path, as_json: bool) -> None:
    """Put on record that the office withdraws a certificate.

    Whoever asks for its number is told so, with the reason. The deposit's entry is not touched.
    """
    from ledger.chain.office import Withdrawn
    from ledger.notary.certificates.register import require_reason
    from ledger.notary.ordering import command
    from ledger.notary.orders import WithdrawCertificate

    order = WithdrawCertificate(Withdrawn(number, require_reason(reason)))
    index = command(directory, order).index
    language = choose_language(None, os.environ)
    text = tr(
        "Certificate {number} is withdrawn by entry {index}.", language, number=number, index=index
    )
    shell.emit(as_json, {"number": number, "entry": index}, text)
