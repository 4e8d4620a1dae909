"""The court's check of a file: needs no vault, no network and no notary."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell
from ledger.cli.court.reports import Beside, Shown, damaged, show_reports
from ledger.cli.speech import told
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.chain.trust import Trust
    from ledger.cli.court.questions import Examined
    from ledger.cli.court.reports import Trusted
    from ledger.evidence.casefile import DisclosedDeposit
    from ledger.verify import DepositReceipt, OpenedDeposit, VerifiedReceipt

    Compare = Callable[[DepositReceipt, tuple[Path, ...]], OpenedDeposit | None]
    """What documents show of a receipt's content, None where there is nothing to compare."""


def check(
    file: Path,
    documents: tuple[Path, ...],
    trusted: "Trusted | None",
    beside: Beside,
    how: Shown,
    output: Path | None,
    identity: Path | None,
    passphrase_file: Path | None,
    compare: "Compare",
) -> bool:
    """Print the reports on a file that may be sealed for its reader; return whether all are good."""
    from ledger.cli.court.sealed import is_sealed, unsealed

    with ExitStack() as stack:
        if is_sealed(file):
            if identity is None:
                raise click.UsageError(
                    f"{quoted(file)} is sealed for a recipient (an age file); name the identity "
                    "file that "
                    "opens it with --identity FILE."
                )
            file = stack.enter_context(unsealed(file, identity, passphrase_file))
        elif identity is not None:
            raise click.UsageError(f"{quoted(file)} is not sealed; leave out --identity.")
        if _is_zip(file):
            if documents:
                raise click.UsageError("An evidence file brings its documents; name no others.")
            from ledger.cli.court.evidence import verify_evidence

            return verify_evidence(file, trusted, beside, output, how)
        if output is not None:
            raise click.UsageError("A receipt holds no documents to write; leave out -o.")
        return _verify_receipt(file, documents, trusted, beside, how, compare)


def read_beside(file: Path, record: Path | None, inspection: Path | None) -> Beside:
    """Return what lies beside `file`, or in the files named. Raises InvalidInput, MalformedData."""
    from ledger.evidence.inspected import read_inspections
    from ledger.evidence.renewed import read_renewed

    return Beside(read_renewed(file, record), read_inspections(file, inspection))


def asked_rule(asked: str | None) -> str | None:
    """Return the rule that --for names. Raises UsageError for one that is not known."""
    if asked is None:
        return None
    from ledger.court.questions import RULES, find_rule

    rule = find_rule(asked)
    if rule is None:
        known = "; ".join(
            told(f"{name} (also {', '.join(others)})") for name, others in RULES.items()
        )
        raise click.UsageError(f"--for does not know {quoted(asked)}. It knows: {known}.")
    return rule


def read_trust(file: Path, name: str) -> "Trusted":
    """Return the trust in `file`, its bytes, and what the report calls it."""
    return *shell.read_trust(file), name


def _verify_receipt(
    file: Path,
    documents: tuple[Path, ...],
    trusted: "Trusted | None",
    beside: Beside,
    how: Shown,
    compare: "Compare",
) -> bool:
    from ledger.chain.receipt import MAX_RECEIPT
    from ledger.evidence.casefile import DisclosedDeposit, verify_file
    from ledger.verify import parse_deposit_receipt, unchecked_report, verify_parsed

    data = shell.read_limited(file, MAX_RECEIPT, "a receipt")
    with damaged(how.name):
        receipt = parse_deposit_receipt(data)
    if trusted is None:
        return show_reports([unchecked_report()], None, how)

    def verify(_: int, each: "DisclosedDeposit", trust: "Trust") -> "VerifiedReceipt":
        return verify_parsed(
            each.receipt,
            trust,
            lambda _: compare(each.receipt, documents),
            renewed=beside.renewed,
            inspections=beside.inspections,
        )

    result = verify_file([DisclosedDeposit(receipt)], trusted[0], verify)
    examined: list[Examined] = []
    if how.rule is not None:
        from ledger.cli.court.questions import Examined as New

        examined = [New(result.reports[0])]
    return show_reports(result.reports, trusted, how, examined=examined)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
