"""What the command line says where something fails, and where all of it is (ADR 0062)."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.cli.root import cli
from ledger.court.relied import RECEIPT, refused, told
from tests.faces import FAILING, OF_CONTENT, OF_RECEIPT, VECTORS, Failing


def said(path: Path, *more: str) -> str:
    trust = str(VECTORS / "notary.trust")
    result = CliRunner().invoke(cli, ["verify", str(path), "--trust", trust, "--lang", "en", *more])
    assert result.exit_code == 1
    return result.output


@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.name)
def test_the_command_line_says_what_may_be_relied_on(case: Failing) -> None:
    path = VECTORS / "refused" / case.name
    case.check(said(path))
    by_articles = said(path, "--for", "online-litigation")
    assert not [each for each in OF_CONTENT if each in by_articles]
    assert case.kept or not [each for each in OF_RECEIPT if each in by_articles]


@pytest.mark.parametrize("name", rp.CLAIMS)
def test_a_claim_of_the_receipt_takes_all_others_with_it(name: str) -> None:
    claims = tuple(Claim(each, rp.PROVEN, "x") for each in rp.CLAIMS)
    report = Report(claims, ())
    assert refused(report) is None and told(report) == claims
    failed = Claim(name, rp.FAILED, reason="why")
    hurt = replace(report, claims=tuple(failed if c.name == name else c for c in claims))
    assert told(hurt) == ((failed,) if name in RECEIPT else hurt.claims)


def test_what_is_named_is_the_first_step_that_failed() -> None:
    failed = tuple(Claim(name, rp.FAILED, reason="why") for name in rp.CLAIMS)
    assert [each.name for each in told(Report(failed, ()))] == [rp.LEDGER]
    assert {*RECEIPT, rp.CONTENT, rp.INSPECTION, rp.PROVENANCE} == set(rp.CLAIMS)
