"""The papers of a matter: `sealbook matter list` and `sealbook matter show`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.sending import DEPOSITED, sentence_of, summary, verified_receipt
from ledger.cli.speech import _, told
from ledger.cli.table import Value, labelled
from ledger.errors import SealbookError
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.vault.matters import MatterCounts, MatterPapers
    from ledger.company.vault.vault import Vault


@click.group(
    epilog="""\b
Examples:
  sealbook matter list
  sealbook matter show "Nanjing supply"
"""
)
def matter() -> None:
    """Show papers that belong together: what is numbered, registered, waiting or missing."""


@matter.command(
    "list",
    epilog="""\b
Example:
  sealbook matter list
""",
)
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many a page."
)
@click.option("--page", type=click.IntRange(1, 1 << 40), default=1, help="Which page.")
@shell.json_option
def list_(limit: int, page: int, as_json: bool) -> None:
    """List the matters that have papers in this vault, that with the newest paper first."""
    from ledger.company.vault.matters import count_matters

    found, total = count_matters(own.open_vault(), limit, page)
    pages = max(1, -(-total // limit))
    lines = [_("There is no matter yet; `sealbook deposit --matter NAME` begins one.")]
    if total:
        heads = [(_("id"), 14), (_("deposited"), -9), (_("waiting"), -9), (_("refused"), -9)]
        lines = [text.heads(*heads, (_("missing"), -9), ("", 2), (_("name"), 0))]
    for each in found:
        counts = (each.deposited, each.waiting, each.refused, len(each.lacking))
        shown = "".join(f"{count or '-':>9}" for count in counts)
        lines.append(text.last(f"{each.id.hex()[:12]}  {shown}  ", each.name, text.screen()))
    if pages > 1:
        more = told(f"; `--page {page + 1}` shows the next") if page < pages else ""
        lines += ["", told(f"{total} matters, page {page} of {pages}{more}.")]
    value = {
        "matters": [_counts(each) for each in found],
        "found": total,
        "page": page,
        "pages": pages,
    }
    shell.emit(as_json, value, "\n".join(lines))


@matter.command(
    epilog="""\b
Example:
  sealbook matter show "Nanjing supply"
"""
)
@click.argument("name")
@shell.json_option
def show(name: str, as_json: bool) -> None:
    """Show the papers of a matter by number. NAME is its name, or the start of its id.

    The receipts are checked, and whether nothing that was registered between the first and the last
    paper shown is missing.
    """
    from ledger.company.vault.matters import find_matter

    vault = own.open_vault()
    found = find_matter(vault, name)
    papers, chain, problem = _checked(vault, found)
    value = {**_counts(found.counts), "papers": papers, "chain": chain, "problem": problem}
    shell.emit(as_json, value, "\n".join(_page(found, papers, chain, problem)))
    if problem:
        raise SystemExit(1)


def _counts(found: "MatterCounts") -> dict[str, Any]:
    return {
        "id": found.id.hex(),
        "name": found.name,
        "deposited": found.deposited,
        "waiting": found.waiting,
        "refused": found.refused,
        "missing": list(found.lacking),
    }


def _checked(
    vault: "Vault", found: "MatterPapers"
) -> tuple[list[dict[str, Any]], dict[str, int] | None, str | None]:
    """Return the papers, the chain that their receipts form, and what is wrong with it."""
    from ledger.evidence.matter import verify_matter

    papers, receipts, problem = [], [], None
    for each in found.papers:
        value = summary(each)
        if value["state"] == DEPOSITED:
            try:
                verified = verified_receipt(vault, each)
                receipts.append(verified)
                block = verified.block
                value |= {"index": verified.index, "block": block.height, "time": block.time}
            except SealbookError as error:
                problem = told(f"Number {value['matter_number']}: {sentence_of(error)}")
        papers.append(value)
    # A gap is no contradiction: the chain is that of the first papers without one.
    whole = [
        each for number, each in enumerate(receipts, 1) if _number(each.deposit.matter) == number
    ]
    chain = None
    if whole and problem is None:
        try:
            verify_matter(receipts if not found.lacking else whole)
            chain = {"first": 1, "last": len(whole)}
        except SealbookError as error:
            problem = sentence_of(error)
    return papers, chain, problem


def _number(place: Any) -> int:
    return 0 if place is None else int(place.number)


def _page(
    found: "MatterPapers",
    papers: list[dict[str, Any]],
    chain: dict[str, int] | None,
    problem: str | None,
) -> Iterator[str]:
    from ledger.company.vault.matters import numbers

    rows: list[tuple[str, Value]] = [
        (_("Matter"), quoted(found.name)),
        (_("Id"), " ".join(text.groups(found.id.hex()))),
    ]
    if problem:
        rows.append((_("Chain"), [_("FAILED"), *text.reason(problem)]))
    elif chain and chain["last"] == 1:
        rows.append((_("Chain"), _("number 1 begins the matter")))
    elif chain:
        rows.append(
            (
                _("Chain"),
                told(
                    f"1 to {chain['last']}: each receipt holds and each paper names the one before it; "
                    "nothing registered in this matter between them is missing"
                ),
            )
        )
    if found.lacking:
        rows.append(
            (
                _("Missing"),
                told(
                    f"{numbers(found.lacking)}: not in this vault. Another computer of the account "
                    "may hold it; `sealbook recover`, with the recovery sheet, fetches what is "
                    "missing here."
                ),
            )
        )
    yield from labelled(rows)
    yield ""
    yield text.heads(
        (_("no."), -4), (_("entry"), -8), (_("block"), -8), ("", 2), (_("registered (UTC)"), 18),
        (_("state"), 11), (_("title"), 0),
    )  # fmt: skip
    for value in papers:
        when = text.when(value["time"])[:16] if "time" in value else "-"
        yield text.last(
            f"{value['matter_number']:>4}  {value.get('index', '-'):>6}  {value.get('block', '-'):>6}  "
            f"{when:<16}  {text.pad(text.state(value['state']), 11)}",
            value["title"],
        )
        if value["message"]:
            yield text.said(value["message"], 6)
    yield ""
    yield text.indent(
        _("Times are the notary's statement. A matter says nothing of what was never deposited."), 0
    )
