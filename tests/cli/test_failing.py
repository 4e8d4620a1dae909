"""What the command line says where something fails, and where all of it is (ADR 0062)."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.cli.root import cli
from ledger.court.claims import verdict
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


def test_the_result_names_no_other_claim_of_a_paper_that_is_not_the_notarys() -> None:
    failed = tuple(Claim(name, rp.FAILED, reason="why") for name in rp.CLAIMS)
    result = verdict(Report(failed, ()), "en")
    assert "Ledger entry" in result and "Block" not in result and "Identity" not in result
    beside = tuple(
        Claim(name, rp.FAILED if name in (rp.CONTENT, rp.INSPECTION) else rp.PROVEN, "x")
        for name in rp.CLAIMS
    )
    result = verdict(Report(beside, ()), "en")
    assert "Content" in result and "Inspection" in result


def test_where_content_would_have_gone_is_not_said_of_content_that_fails(tmp_path: Path) -> None:
    case = VECTORS / "refused" / "part-altered.evidence"
    free = said(case, "-o", str(tmp_path / "free"))
    for name in OF_CONTENT:
        (tmp_path / "taken" / name).mkdir(parents=True)
    (tmp_path / "taken" / "part-altered").mkdir()
    taken = said(case, "-o", str(tmp_path / "taken"))
    assert taken.replace("taken", "free") == free and "the report is not good" in free
