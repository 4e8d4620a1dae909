"""Dates as people type them mean the day that they mean, and no other."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import TypedDate, parse_typed_date, stated_date
from ledger.numerals import number_of

DAY = TypedDate(2026, 3, 3)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-03", "2026-3-3", "2026/3/3", "2026.3.3", "2026.03.03.", "20260303",
        "2026年3月3日", "2026 年 3 月 3 日", "２０２６年３月３日", "2026年3月3号", "二〇二六年三月三日",
        "3 Mar 2026", "03 mar 2026", "3. März 2026", "3rd of March, 2026", "Mar 3, 2026",
        "March 3rd, 2026", "3-Mar-2026", "3.3.2026", "03/03/2026", "Tue, 3 Mar 2026",
        "Tuesday 3 March 2026", "2026年3月3日 星期二", "2026年3月3日(周二)",
    ],
)  # fmt: skip
def test_a_day_in_any_usual_spelling(text: str) -> None:
    assert parse_typed_date(text) == (DAY,)


@pytest.mark.parametrize(
    "text", ["3月3日", "三月三日", "3月3号", "3 Mar", "March 3", "3.3.", "Mar 3rd"]
)
def test_a_day_of_any_year(text: str) -> None:
    (found,) = parse_typed_date(text)
    assert found == TypedDate(None, 3, 3)
    assert found.bounds is None
    assert [found.fits(date(2026, 3, day)) for day in (3, 13, 30)] == [True, False, False]


@pytest.mark.parametrize("text", ["2026-03", "2026年3月", "Mar 2026", "March, 2026", "2026/03"])
def test_a_month(text: str) -> None:
    (found,) = parse_typed_date(text)
    assert found.bounds == (date(2026, 3, 1), date(2026, 3, 31))
    assert found.fits(date(2026, 3, 31))
    assert not found.fits(date(2026, 4, 1))


def test_a_year_and_a_leap_day() -> None:
    (year,) = parse_typed_date("2026年")
    assert year.bounds == (date(2026, 1, 1), date(2026, 12, 31))
    assert parse_typed_date("29 Feb") == (TypedDate(None, 2, 29),)
    assert parse_typed_date("2026-02-29") == ()


def test_what_can_be_read_in_two_ways_is_both() -> None:
    assert set(parse_typed_date("3/4/2026")) == {TypedDate(2026, 4, 3), TypedDate(2026, 3, 4)}
    assert parse_typed_date("13/4/2026") == (TypedDate(2026, 4, 13),)
    assert parse_typed_date("4/13/2026") == (TypedDate(2026, 4, 13),)


@pytest.mark.parametrize(
    "text",
    ["", "2026", "3", "Mar", "May", "march of time", "message 3", "2026-13-01", "13月3日", "0月0日",
     "3 Mar 2026 offer", "Re: 3 Mar 2026", "5.2", "1.2.3", "十月革命", "99999999", "bytes 1-2"],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert parse_typed_date(text) == ()


@given(st.text(max_size=70))
def test_anything_typed_is_a_date_or_none(text: str) -> None:
    for found in parse_typed_date(text):
        assert isinstance(found.fits(date(2026, 3, 3)), bool)
        assert found.bounds is None or found.bounds[0] <= found.bounds[1]


@given(st.dates(date(1900, 1, 1)))
def test_iso_and_chinese_days_are_read_back(day: date) -> None:
    for text in (day.isoformat(), f"{day.year}年{day.month}月{day.day}日"):
        (found,) = parse_typed_date(text)
        assert found.bounds == (day, day)


def test_a_letters_date_is_the_one_it_states() -> None:
    assert stated_date("Tue, 03 Mar 2026 23:50:00 -0500") == date(2026, 3, 3)
    assert stated_date("3 Mar 26 09:10") == date(2026, 3, 3)
    for odd in ("", "yesterday", "Tue, 99 Mar 2026 09:10:00 +0800", "\u00b2 Mar 2026 9:10"):
        assert stated_date(odd) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("三", 3), ("十", 10), ("十二", 12), ("二十", 20), ("廿一", 21), ("一百零三", 103),
     ("一百二十", 120), ("壹拾贰", 12), ("二〇二六", 2026), ("三百", 300), ("一千零一", 1001),
     ("", None), ("三三十", None), ("十十", None), ("a", None), ("-1", None), ("²", None)],
)  # fmt: skip
def test_numerals(text: str, number: int | None) -> None:
    assert number_of(text) == number
