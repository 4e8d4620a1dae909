"""`sealbook list`: pages, what is asked for, and titles as wide as the terminal is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.cli import text
from ledger.company.mail import sought
from tests.adapters.test_vault import add, new
from tests.cli.conftest import Company, run

DAYS = ("2025-03-03", "2025-03-13", "2026-03-03", "2026-04-03", "2026-08-01")


class Office:
    """A vault with a deposit for each of some days, the first two in a matter."""

    def __init__(self, folder: Path) -> None:
        self.vault = new(folder)
        for number, day in enumerate(DAYS, 1):
            at = datetime.fromisoformat(f"{day}T23:59:59").replace(tzinfo=UTC).timestamp()
            matter = "Supply 供应" if number <= 2 else None
            size = {"title": f"paper {number} of {day}", "path": f"/x/{day}.pdf"}
            add(self.vault, number, matter, at, **size)

    def __call__(self, *arguments: str, code: int = 0, width: int = 80) -> str:
        env = {"SEALBOOK_HOME": str(self.vault.home), "COLUMNS": str(width)}
        result = run("list", *arguments, code=code, env=env)
        return result.stdout if code == 0 else result.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def numbers(self, *arguments: str) -> list[int]:
        return [int(each["id"][:2]) for each in self.json(*arguments)["deposits"]]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_the_newest_come_first_and_by_pages(office: Office) -> None:
    assert office.numbers() == [5, 4, 3, 2, 1]
    assert office.numbers("--reverse") == [1, 2, 3, 4, 5]
    first = office("--limit", "2")
    assert "paper 5" in first and "paper 3" not in first
    assert "5 deposits; page 1 of 3, `--page 2` shows the next." in first
    assert office.numbers("--limit", "2", "--page", "3") == [1]
    assert "page 3 of 3" in office("--limit", "2", "--page", "3")
    assert "There is no page 4; the last is 3." in office("--limit", "2", "--page", "4")
    value = office.json("--limit", "2", "--page", "2")
    assert (value["found"], value["page"], value["pages"], value["waiting"]) == (5, 2, 3, 5)


def test_what_waits_is_counted_whatever_the_page_shows(office: Office) -> None:
    assert "5 wait, sealed in the vault" in office("--limit", "1")
    assert "5 wait" in office("nothing like that")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("2026-03-03", [3]),
        ("2026年3月3日", [3]),
        ("二〇二六年三月三日", [3]),
        ("3 Mar 2026", [3]),
        ("2025-03", [2, 1]),
        ("2025年", [2, 1]),
        ("13 March 2025", [2]),
    ],
)
def test_days_are_typed_as_people_do(office: Office, typed: str, found: list[int]) -> None:
    assert office.numbers("--on", typed) == found


@pytest.mark.parametrize("typed", ["3月3日", "3 Mar", "March 3", "3.3."])
def test_without_a_year_it_is_the_last_such_day_and_that_is_said(
    office: Office, typed: str
) -> None:
    value = office.json("--on", typed)
    today = datetime.now(UTC).date()
    last = today.replace(month=3, day=3)
    last = last if last <= today else last.replace(year=today.year - 1)
    assert value["since"] == value["until"] == last.isoformat()
    assert f"sealed {last}" in office("--on", typed)


def test_a_span_includes_both_its_ends(office: Office) -> None:
    assert office.numbers("--since", "2025-03-13", "--until", "2026-03-03") == [3, 2]
    assert office.numbers("--since", "2026-04") == [5, 4]
    assert office.numbers("--until", "2025-03") == [2, 1]
    assert "2 deposits, sealed until 2025-03-31." in office("--until", "2025-03")


def test_what_is_no_date_or_may_be_two_is_not_guessed(office: Office) -> None:
    assert "is no date" in office("--on", "soon", code=2)
    assert "is no date" in office("--since", "2026-02-30", code=2)
    assert "2026-04-03 or 2026-03-04" in office("--on", "3/4/2026", code=2)
    assert "leave out" in office("--on", "2026-03-03", "--since", "2025-01-01", code=2)
    assert "29" in office("--on", "2月29日")


def test_words_matter_and_state_narrow_it_down(office: Office) -> None:
    assert office.numbers("paper", "2026") == [5, 4, 3]
    assert office.numbers("供应") == office.numbers("--matter", "Supply 供应") == [2, 1]
    assert office.numbers("--state", "deposited") == []
    assert "No deposit fits." in office("--state", "refused")
    assert "No deposit fits." in office("unheard-of")
    assert "No matter here is called" in office("--matter", "unknown", code=1)
    assert "no letter and no digit" in office("…", code=2)


def test_it_is_sorted_as_asked(office: Office) -> None:
    assert office.numbers("--sort", "title") == [1, 2, 3, 4, 5]
    assert office.numbers("--sort", "title", "--reverse") == [5, 4, 3, 2, 1]
    assert office.numbers("--sort", "matter") == [1, 2, 5, 4, 3]
    assert office.numbers("paper", "--sort", "matter", "--reverse") == [3, 4, 5, 2, 1]
    for sort in ("size", "state", "sealed"):
        assert office.numbers("2026", "--sort", sort) == [5, 4, 3]


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("sign", ["a", "合"])
def test_a_title_gets_all_that_the_terminal_has_left(office: Office, width: int, sign: str) -> None:
    title = f"begin {sign * 120} end"
    add(office.vault, 9, title=title)
    (line,) = [each for each in office(width=width).splitlines() if "begin" in each]
    assert text.columns(line) in (width, width - 1)
    assert "…" in line and line.endswith("end")
    (line,) = [each for each in office(width=400).splitlines() if "begin" in each]
    assert title in line


def test_a_narrow_terminal_has_the_title_below(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "WIDTH", 50)
    page = office(width=50)
    assert "\n    paper 5 of 2026-08-01\n" in page


def test_a_damaged_deposit_is_told_of_and_hides_no_other(office: Office) -> None:
    (office.vault.find("0404").folder / "meta.json").write_bytes(b"{")
    env = {"SEALBOOK_HOME": str(office.vault.home)}
    shown = run("list", env=env)
    assert "is damaged" in shown.stderr
    assert "paper 5" in shown.stdout and "paper 3" in shown.stdout


def test_matters_come_by_pages_too(office: Office) -> None:
    add(office.vault, 8, "second", path="/x/8")
    env = {"SEALBOOK_HOME": str(office.vault.home)}
    value = json.loads(run("matter", "list", "--limit", "1", "--json", env=env).stdout)
    assert ([each["name"] for each in value["matters"]], value["pages"]) == (["second"], 2)
    shown = run("matter", "list", "--limit", "1", "--page", "2", env=env).stdout
    assert "Supply 供应" in shown and "2 matters, page 2 of 2." in shown


def mail(number: int, sender: str) -> bytes:
    return (
        f"From a@b Thu Jan  1 00:00:00 2026\nFrom: {sender}\nMessage-ID: <{number}.x@mail.example>\n"
        f"Subject: =?gb2312?B?sai82w==?= {number}\n\nbody\n\n"
    ).encode()


def test_captured_mail_is_found_by_what_is_sealed_of_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    senders = ("王芳 <wang@a.example>", "Li <li@b.example>", "王芳 <wang@a.example>")
    box = company.write("a.mbox", b"".join(mail(n, each) for n, each in enumerate(senders)))
    company("mail", "--mbox", box, "--no-dns")
    company("deposit", company.write("paper.txt"))

    def found(*asked: str) -> list[str]:
        return [each["title"] for each in company.json("list", *asked)["deposits"]]

    assert sorted(found("--sender", "王芳")) == ["报价 0", "报价 2"]
    assert found("--sender", "LI@b") == ["报价 1"]
    assert found("--message-id", "<2.x@mail.example>", "报价") == ["报价 2"]
    assert found("--message-id", "2.x", "--sender", "li@b.example") == []
    assert found("--sender", "王芳", "--reverse") == found("--sender", "王芳")[::-1]
    assert len(found("--sender", "王芳", "--limit", "1", "--page", "2")) == 1
    assert "leave out --sort" in company("list", "--sender", "x", "--sort", "size", code=2).stderr
    # What is found so stands nowhere in the clear.
    for path in company.home.glob("catalogue*"):
        assert b"wang" not in path.read_bytes() and b"mail.example" not in path.read_bytes()
    monkeypatch.setattr(sought, "MAX_OPENED", 2)
    shown = company("list", "--sender", "王芳").stdout
    assert "The newest 2 of 3 were opened; --since, --until and words lead to others." in shown
    next(company.home.glob("deposits/*/manifest.age")).write_bytes(b"x")
    assert company.json("list", "--sender", "王芳", "--limit", "9")["left_out"]
