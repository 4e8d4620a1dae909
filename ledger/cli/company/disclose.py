"""`sealbook disclose`: an evidence file of all of a deposit, of chosen parts, or of a matter."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.sending import name_of, no_receipt, summary
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput, MalformedData, SealbookError
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.disclosing.disclosure import Prepared
    from ledger.company.disclosing.selectors import Ambiguous
    from ledger.company.vault.vault import Vault
    from ledger.crypto.recipients import Identity, Recipient

_MAX_RECIPIENTS = 1 << 16


@click.command(
    epilog="""\b
Examples:
  sealbook disclose contract.pdf -o case-114.evidence
  sealbook disclose inbox.mbox --only "Re: pricing" --dry-run
  sealbook disclose inbox.mbox --only "message 7" --to court.pub -o a.evidence
  sealbook disclose annexes --only "list.txt: paragraph 3" -o case.evidence
  sealbook disclose --matter "Nanjing supply" --complete -o case.evidence
"""
)
@click.argument("deposit_ids", metavar="[ID]...", nargs=-1)
@click.option("--only", "selectors", metavar="SELECTOR", multiple=True, help="Show only this.")
@click.option("--whole", is_flag=True, help="Go on where a selector opens far more than it says.")
@click.option("--matter", "matter_name", metavar="NAME", help="A matter, with --complete.")
@click.option("--complete", is_flag=True, help="The receipts of all papers of the matter.")
@click.option(
    "--to", "to", metavar="RECIPIENT", multiple=True, help="Seal it for an age recipient."
)
@click.option("--dry-run", is_flag=True, help="Show what would be shown and hidden; write nothing.")
@click.option("-o", "--output", type=shell.FILE, help="The evidence file to write.")
@shell.passphrase_option
@shell.json_option
def disclose(
    deposit_ids: tuple[str, ...],
    selectors: tuple[str, ...],
    whole: bool,
    matter_name: str | None,
    complete: bool,
    to: tuple[str, ...],
    dry_run: bool,
    output: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Write an evidence file for a court: receipt, opening, and what is to be shown.

    Without --only, each deposit is shown whole. With it, of the one deposit named, only what is
    selected; nothing else can be learnt of the rest but what --dry-run says. `sealbook parts` lists
    what can be selected, as it is typed:

    \b
      "list.txt"  "message 7/body"  "part 2.1"   a document, a member, a part or
                                                 an attachment, by all of its name
      "message 7"  "messages 5 to 7"  "page 3,5"  "rows 2-9"  "第3页"  by number
      "bytes 100-199"                            from 0, both ends included
      "field modified"  "title"  "cover host"    of a document; of the cover
      "Subject"  "header Received 2"  "message 5/Subject"   a header field of a
                                                 letter, never the word
      "2026-03-03"  "3 Mar 2026"  "3月3日"        the letters of that day
      "zhou@a.example"  "20260305.5@a.example"   the letters from (else to) it;
                                                 the letter with that id
      "第三条"  "Article 3"                       a clause, up to the next
      "Re: pricing"                              a title in full; else words in
                                                 names and titles, else in text
      "“Subject”"                                in marks: words, or what is
                                                 printed so
      "DOCUMENT: any of these"  "message 4: list.xlsx"  in a document, in a part

    The first of these that fits is what is meant, and where it finds nothing, nothing is found. What
    would open far more than was asked (a word in a file without parts) stops and says how much;
    --whole goes on.

    --matter NAME --complete puts in the receipts of all papers of the matter, to show that none is
    missing; of those, the papers named by ID are shown, whole or by --only.

    --to seals the file for a court: an age recipient (age1...), or a file with one on each line. The
    disclosure is entered in the register of measures.
    """
    from ledger.cli.court.sealed import ended_in_order
    from ledger.company.disclosing.disclosure import papers_of, prepare
    from ledger.company.disclosing.selectors import Ambiguous
    from ledger.company.disclosing.writing import SEALED_SUFFIX
    from ledger.company.disclosing.writing import disclose as write

    _check_usage(deposit_ids, selectors, matter_name, complete)
    if output is None and not dry_run:
        raise click.UsageError("Missing option '-o'; or look first, with --dry-run.")
    vault = own.open_vault()
    recipients = _recipients(to)
    if output is not None:
        if recipients and output.suffix != SEALED_SUFFIX:
            output = output.with_name(output.name + SEALED_SUFFIX)
        if os.path.lexists(output) and not dry_run:
            raise InvalidInput(f"{quoted(output)} exists already and is not overwritten.")
    named = [vault.find(each) for each in deposit_ids]
    for each in named:
        if each.receipt is None:
            raise no_receipt(each)
    papers = (
        list({each.name: each for each in named}.values())
        if matter_name is None
        else papers_of(vault, named, matter_name)
    )
    identities: tuple[Identity, ...] = ()
    if named:
        identities = vault.identities(shell.passphrase_from(passphrase_file))
    with ExitStack() as stack:
        # What is written on the way is in the clear, also of what is sealed in the end.
        stack.enter_context(ended_in_order())
        client = stack.enter_context(own.connect(vault))
        # Of parts, nobody knows yet how much there is to read.
        total = 0 if selectors else 3 * sum(each.meta.size for each in named)
        progress = stack.enter_context(shell.Progress("disclosing", total, passes=3))
        try:
            prepared = [
                prepare(
                    vault,
                    each,
                    each in named,
                    selectors,
                    whole,
                    identities,
                    client,
                    stack,
                    progress,
                )
                for each in papers
            ]
        except Ambiguous as error:
            raise InvalidInput(_candidates(error)) from error
        wanted = [each.wanted for each in prepared]
        value: dict[str, Any] = {
            "deposits": [{**summary(each.deposit), **each.preview} for each in prepared]
        }
        if not dry_run:
            assert output is not None
            write(wanted, client, identities, output, recipients, vault.trust, progress)
            value |= {"evidence": str(output.absolute()), "evidence_size": output.stat().st_size}
        value["fetched"] = sum(each.parts.view.fetched() for each in wanted if each.parts)
    entered = None
    if output is not None and not dry_run:
        entered = _enter(vault, prepared, to, output)
        value["measure"] = entered
    shell.emit(
        as_json, value, "\n".join(_page(prepared, output, bool(recipients), dry_run, entered))
    )


def _check_usage(
    ids: Sequence[str], selectors: Sequence[str], matter: str | None, complete: bool
) -> None:
    if complete != (matter is not None):
        raise click.UsageError("--matter and --complete go together.")
    if not ids and matter is None:
        raise click.UsageError("Name the deposit to disclose.")
    if not all(map(str.strip, selectors)):
        raise click.UsageError(
            "A selector cannot be empty; `sealbook parts ID` lists what can be typed."
        )
    if selectors and len(ids) != 1:
        raise click.UsageError("--only selects parts of one deposit; name that one.")


def _recipients(values: Sequence[str]) -> "tuple[Recipient, ...]":
    """Return the recipients that are named, or on the lines of files. Raises InvalidInput."""
    from ledger.company.disclosing.disclosure import parse_recipients, require_one_kind

    found: list[Recipient] = []
    for value in values:
        lines = [value]
        if value.upper().startswith("AGE-SECRET-KEY"):
            raise click.UsageError("--to takes a recipient (age1...), never a secret key.")
        if not value.startswith("age1"):
            data = shell.read_limited(Path(value), _MAX_RECIPIENTS, "a file of recipients")
            lines = data.decode("utf-8", "replace").splitlines()
        try:
            found += parse_recipients(lines)
        except MalformedData as error:
            # Not the line itself: it may be a secret key, given by mistake.
            raise InvalidInput(
                f"{quoted(value[:60])} is or holds no age recipient: {error}"
            ) from error
    if values:
        if not found:
            raise InvalidInput(f"{quoted(values[0][:60])} holds no age recipient.")
        require_one_kind(found, os.urandom)
    return tuple(found)


def _candidates(error: "Ambiguous") -> str:
    lines = [told(f"{quoted(error.selector)} fits {error.count} parts:")]
    lines += [
        f"  {quoted(typed)}  {quoted(label) if label else ''}".rstrip()
        for typed, label in error.candidates
    ]
    if more := error.count - len(error.candidates):
        lines.append(told(f"  and {more} more"))
    return "\n".join([*lines, _("Type one of these.")])


def _enter(
    vault: "Vault", disclosed: "Sequence[Prepared]", to: Sequence[str], output: Path
) -> str | None:
    """Enter the disclosure in the register of measures; return the entry's id, None where it failed."""
    from ledger.cli.company.sending import Report, send
    from ledger.company.disclosing.disclosure import enter

    persons = [text.inline(Path(each).name, 40) for each in to]
    try:
        entry = enter(vault, disclosed, persons, output, time.time, os.urandom)
        send(vault, Report(as_json=True))
    except SealbookError as error:
        shell.tell(text.said(f"The register of measures could not be written: {error}"))
        return None
    return entry.commitment


def _page(
    disclosed: "Sequence[Prepared]",
    output: Path | None,
    sealed: bool,
    dry_run: bool,
    entered: str | None,
) -> Iterator[str]:
    from ledger.cli.company.preview import lines_of, receipt_lines

    named = [(name_of(each.deposit), each.preview) for each in disclosed]
    receipts = [(name, value) for name, value in named if not value["revealed"]]
    for name, value in named:
        if value["revealed"]:
            yield from lines_of(value, name)
            yield ""
    if receipts:
        yield from receipt_lines(receipts)
        yield ""
    if dry_run:
        yield _("Nothing was written.")
        return
    assert output is not None
    yield told(f"Written, {text.size(output.stat().st_size)}")
    yield text.foreign(output, 2)
    how = _("It holds what is shown in the clear.")
    if all(value["disclosed"] == "receipt" for _, value in named):
        how = _("It holds receipts alone, and nothing of the content.")
    if sealed:
        how = _("It is sealed for those named.")
    yield text.indent(how + _(" The court gets the trust file from the notary office."), 0)
    if entered:
        yield _("The disclosure is entered in the register of measures.")
