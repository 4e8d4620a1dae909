"""Dates as people type them, and as letters state them. Pure: no clock, no zone but the one stated.

    2026-03-03  2026/3/3  2026.3.3  20260303  2026年3月3日  二〇二六年三月三日     a day
    3 Mar 2026  3rd of March, 2026  Mar 3, 2026  3.3.2026  Tue, 3 Mar 2026
    3月3日  3 Mar  March 3  3.3.                                                   that day of any year
    2026-03  2026年3月  Mar 2026                                                   a month
    2026年                                                                         a year

3/4/2026 is 3 April to some and March 4 to others: both are returned.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate

from ledger.numerals import NUMERAL, number_of

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january", "januar", "jänner"),
            ("feb", "february", "februar"),
            ("mar", "march", "märz", "mär", "mrz"),
            ("apr", "april"),
            ("may", "mai"),
            ("jun", "june", "juni"),
            ("jul", "july", "juli"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october", "okt", "oktober"),
            ("nov", "november"),
            ("dec", "december", "dez", "dezember"),
        ),
        1,
    )
    for name in names
}
_NAME = "(?P<name>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_WEEKDAY = re.compile(
    r"(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\.?,? (?=\S)"
    r"|[(]?(?:星期|周|週|礼拜|禮拜)[一二三四五六日天][)]?"
)
_NUMBER = f"{NUMERAL}{{1,4}}"
_YEAR, _DAY = r"(?P<year>[0-9]{4})", r"(?P<day>[0-9]{1,2})"
_MONTH = r"(?P<month>[0-9]{1,2})"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_YEAR}-{_MONTH}(?:-{_DAY})?",
        rf"{_YEAR}(?P<mark>[/.]) ?{_MONTH}(?P=mark) ?{_DAY}\.?",
        rf"{_YEAR}[/.]{_MONTH}",
        r"(?P<year>(?:19|20)[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
        rf"(?P<year>{NUMERAL}{{4}}) ?年(?: ?(?P<month>{_NUMBER}) ?月"
        rf"(?: ?(?P<day>{_NUMBER}) ?[日号號])?)?",
        rf"(?P<month>{_NUMBER}) ?月 ?(?P<day>{_NUMBER}) ?[日号號]",
        rf"{_DAY}(?:st|nd|rd|th|\.)?[ -]?(?:of )?{_NAME}(?:,? ?-?{_YEAR})?",
        rf"{_NAME} {_DAY}(?:st|nd|rd|th)?(?:,? {_YEAR})?",
        rf"{_NAME},? {_YEAR}",
        rf"{_DAY}\. ?{_MONTH}\.(?: ?{_YEAR})?",
    )
)
_EITHER = re.compile(r"([0-9]{1,2})([/-])([0-9]{1,2})\2([0-9]{4})")
_MAX = 60
"""Characters of a date."""


@dataclass(frozen=True, slots=True)
class TypedDate:
    """A day, a month or a year; without a year, of any."""

    year: int | None
    month: int | None = None
    day: int | None = None

    def fits(self, found: date) -> bool:
        """Return whether `found` is that day, or in that month or year."""
        return (
            self.year in (None, found.year)
            and self.month in (None, found.month)
            and self.day in (None, found.day)
        )

    @property
    def bounds(self) -> tuple[date, date] | None:
        """The first day and the last; None where any year will do."""
        if self.year is None:
            return None
        first = date(self.year, self.month or 1, self.day or 1)
        last = self.month or 12
        return first, date(self.year, last, self.day or monthrange(self.year, last)[1])


def parse_typed_date(text: str) -> tuple[TypedDate, ...]:
    """Return the date that a person has typed: none, one, or two where it can be read in two ways."""
    return tuple(dict.fromkeys(filter(_exists, _readings(_plain(text)))))


def is_typed_date(text: str) -> bool:
    """Return whether a text is written like a date, though there may be no such day."""
    return any(True for _ in _readings(_plain(text)))


def _plain(text: str) -> str:
    text = " ".join(unicodedata.normalize("NFKC", text[:_MAX]).casefold().split())
    return _WEEKDAY.sub("", text, count=1).strip()


def stated_date(value: str) -> date | None:
    """Return the day that a letter's Date field (RFC 5322) states, in its own zone; None for none."""
    try:
        found = parsedate(value)
        return date(*found[:3]) if found else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _readings(text: str) -> Iterator[TypedDate]:
    if either := _EITHER.fullmatch(text):
        one, two, year = int(either[1]), int(either[3]), int(either[4])
        yield TypedDate(year, two, one)
        yield TypedDate(year, one, two)
        return
    for form in _FORMS:
        if found := form.fullmatch(text):
            given = found.groupdict()
            name = given.get("name")
            month = _MONTHS[name] if name else _number(given.get("month"))
            yield TypedDate(_number(given.get("year")), month, _number(given.get("day")))
            return


def _number(text: str | None) -> int | None:
    # What is no number is no month either, and so no date.
    return None if text is None else (number_of(text) or 0)


def _exists(each: TypedDate) -> bool:
    try:
        # 29 February is a day of some year.
        date(
            2000 if each.year is None else each.year,
            *(1 if n is None else n for n in (each.month, each.day)),
        )
    except ValueError:
        return False
    return True
