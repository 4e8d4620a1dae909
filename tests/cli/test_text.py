"""Layout in a plain terminal, and the catalogue's completeness."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click import unstyle
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as some

from ledger import language
from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.cli import root, shell, text
from ledger.cli.court.page import report_page
from ledger.cli.table import labelled
from ledger.cli.text import sentence
from ledger.court import LANGUAGES, choose_language, describe, verdict
from ledger.quoted import Quoted, columns, shorten
from ledger.verify import verify_receipt
from tests.simulator import Office

WORDS = some.text(some.sampled_from("ab 存证，。e\u0301🔏/-"), max_size=200)


@given(WORDS, some.integers(4, 80))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(line: str, width: int) -> None:
    lines = text.wrap(line, width)
    assert all(text.columns(each) <= width for each in lines)
    assert "".join(lines).replace(" ", "") == line.replace(" ", "")


def test_chinese_takes_two_columns_and_breaks_between_characters() -> None:
    assert text.columns("存证a") == 5
    assert text.wrap("存证存证存证", 8) == ["存证存证", "存证"]
    assert text.wrap("存证存证。存", 8) == ["存证存", "证。存"]


@given(WORDS, some.integers(3, 40))
def test_a_shortened_text_fits_and_keeps_its_ends(line: str, width: int) -> None:
    short = shorten(line, width)
    assert columns(short) <= width
    assert short == line or "…" in short


@given(some.text())
def test_no_name_steers_the_terminal(name: str) -> None:
    assert text.plain(name).isprintable()


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_400, "99.4 kB"), (99_500, "100 kB"),
     (999_500, "1.0 MB"), (1_400_000, "1.4 MB"), (10**15, "1000 TB")],
)  # fmt: skip
def test_sizes_are_for_people(count: int, shown: str) -> None:
    assert text.size(count) == shown


def test_a_time_is_given_in_utc_and_with_the_local_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert text.when(1_790_000_000) == "2026-09-21 14:13:20 UTC (22:13:20 +08:00)"
        assert text.when(1_790_010_000).endswith("(2026-09-22 01:00:00 +08:00)")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert text.when(2**62) == f"{2**62} s"


@pytest.mark.parametrize(
    ("environment", "language"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "de_DE"}, "en"), ({}, "en"),
     ({"LC_ALL": "C", "LANG": "zh_CN"}, "en"), ({"LC_ALL": "", "LANG": "zh_TW"}, "zh")],
)  # fmt: skip
def test_the_language_comes_from_the_environment(
    environment: dict[str, str], language: str
) -> None:
    assert choose_language(None, environment) == language
    assert choose_language("zh", environment) == "zh"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("claim", rp.CLAIMS)
def test_every_claim_has_words_when_not_shown_or_failed(claim: str, language: str) -> None:
    missing = describe(Claim(claim, rp.NOT_SHOWN), language)
    assert missing.text and not missing.facts
    failed = describe(Claim(claim, rp.FAILED, reason="because"), language)
    assert failed.text
    assert ["because" in str(each.value) for each in failed.facts] == [True] * (
        claim == rp.INSPECTION
    )


def test_what_a_parser_says_stands_behind_a_chinese_sentence() -> None:
    failed = describe(
        Claim(rp.INSPECTION, rp.FAILED, reason="bytes of no kind that is known"), "zh"
    )
    assert str(failed.facts[0].value) == (
        "此部分已损坏，或格式不符合规范（bytes of no kind that is known）。"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_claim_of_a_real_report_has_words_and_fits(language: str) -> None:
    office = Office()
    report = verify_receipt(office.receipt(), office.trust()).report
    page = report_page(report, language, [("File", "名" * 60 + ".receipt")])
    page = unstyle(page)
    assert all(text.columns(line) <= text.WIDTH for line in page.splitlines())
    assert "{" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_verdict_names_what_failed_or_is_missing(language: str) -> None:
    bad = Report((Claim(rp.SEAL, rp.FAILED, reason="x"),), (rp.SEAL, rp.LEDGER))
    missing = Report((Claim(rp.SEAL, rp.PROVEN, "seal-certificate"),), (rp.SEAL, rp.LEDGER))
    assert {"en": "Does not hold: Seal.", "zh": "不成立：机构签章。"}[language] == verdict(
        bad, language
    )
    assert {"en": "Ledger entry", "zh": "账本记录"}[language] in verdict(missing, language)


def test_a_long_value_of_others_goes_on_in_marked_lines() -> None:
    path = "/一/" + "long name " * 20
    first, *rest = "\n".join(labelled([("File", Quoted(path))])).split("\n")
    assert first.startswith("File  “/一/long name")
    assert rest and all(line.startswith("      | ") for line in rest)


def test_an_error_that_begins_with_a_name_leaves_it_as_it_is() -> None:
    assert sentence("nofile cannot be read") == "nofile cannot be read."
    assert sentence("not a receipt") == "Not a receipt."


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("watched", [True, False])
def test_progress_shows_share_and_rate_to_whoever_watches(
    monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    screen, clock = (Screen() if watched else io.StringIO()), iter(range(1000, 2000))
    monkeypatch.setattr("ledger.cli.shell.sys.stderr", screen)
    monkeypatch.setattr("ledger.cli.shell.time.monotonic", lambda: next(clock))
    monkeypatch.setenv("TERM", "xterm")
    with shell.Progress("sealing a\nb.pdf", 100_000_000) as progress:
        progress(25_000_000)
        progress(50_000_000)
    shown = screen.getvalue()
    assert bool(shown) is watched
    if watched:
        assert "sealing a\\nb.pdf   25 %  25.0 MB  25.0 MB/s" in shown
        assert " 50 %  50.0 MB  25.0 MB/s  0:02 left" in shown
        assert shown.endswith("\r\x1b[K")


def test_what_cannot_be_counted_shows_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("ledger.cli.shell.sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with shell.Progress("copying", 0) as progress:
        monkeypatch.setattr("ledger.cli.shell.time.monotonic", lambda: progress._start + 3_725)
        progress.wait()
    assert "copying  1:02:05" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("plain", [True, False])
def test_colours_can_be_turned_off(plain: bool) -> None:
    vectors = Path(__file__).parents[2] / "examples" / "vectors"
    file, trust = str(vectors / "deposit-1.receipt"), str(vectors / "notary.trust")
    env = {"NO_COLOR": "1" if plain else "", "LC_ALL": "C.UTF-8"}
    shown = CliRunner().invoke(root.cli, ["verify", file, "--trust", trust], env=env, color=True)
    assert ("\x1b[" in shown.output) is not plain
    assert "proven by the inclusion proof" in shown.output


@pytest.mark.parametrize("write", [language.utc, language.day, language.iso, text.when])
@pytest.mark.parametrize("seconds", [10**12, 10**18, -(10**15)])
def test_a_time_that_no_calendar_has_is_a_number(write: Callable[[int], str], seconds: int) -> None:
    assert write(seconds) == f"{seconds} s"
