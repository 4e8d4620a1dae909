"""The text of a measure has one form, and the register says who has access and what is missing."""

from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.company.measures import measure as ms
from ledger.company.measures import rules as rules_of_law
from ledger.company.measures.measure import (
    DEPOSIT,
    KINDS,
    MATTER,
    MAX_MEASURE,
    OBJECT,
    Measure,
    Subject,
    format_measure,
    line_of,
    parse_measure,
    title_of,
)
from ledger.company.measures.register import (
    DAMAGED,
    NOT_RECORDED,
    NOT_REGISTERED,
    NOT_SHOWN,
    RECORDED,
    REFUSED,
    REGISTERED,
    WAITING,
    Register,
    RegisterEntry,
    VaultFacts,
    access_now,
    examine,
)
from ledger.company.measures.rules import LAWS, find_law, parse_rule, rules
from ledger.company.measures.words import (
    HANDED,
    SEALED_FOR,
    fact_text,
    gap_text,
    heading,
    person_text,
    rule_text,
    say,
)
from ledger.court import CHINESE, ENGLISH
from ledger.errors import InvalidInput, MalformedData
from tests.mutations import changed_bytes

DAY = date(2026, 11, 23)
PRICES = Subject(OBJECT, "the price list of 2026")
CONTRACT = Subject(DEPOSIT, "contract.pdf", "4f" * 32)
SUPPLY = Subject(MATTER, "南京供应", "0c" * 16)

EXAMPLE = Measure(
    ms.ACCESS_GIVEN,
    DAY,
    ("王伟, sales", "Li Na"),
    "Chen Li",
    subjects=(CONTRACT, SUPPLY, PRICES),
    attached=("attached/request.pdf",),
    note="read only",
)
TEXT = f"""\
Sealbook measure 1 保密措施登记

Kind 类别: access-given 准予接触

Date 日期: 2026-11-23

Person 人员: 王伟, sales

Person 人员: Li Na

By 经办: Chen Li

Deposit 存证: {"4f" * 32} contract.pdf

Matter 事项: {"0c" * 16} 南京供应

Object 对象: the price list of 2026

Attached 附件: attached/request.pdf

Note 备注: read only
"""

lines = some.text(max_size=30).map(line_of)
words = lines.filter(bool)
subjects = some.builds(
    lambda deposits, matters, things: (*deposits, *matters, *things),
    *(
        some.lists(each, max_size=2)
        for each in (
            some.builds(Subject, some.just(DEPOSIT), lines, some.just("4f" * 32)),
            some.builds(Subject, some.just(MATTER), lines, some.just("0c" * 16)),
            some.builds(Subject, some.just(OBJECT), words),
        )
    ),
)
measures = some.builds(
    Measure,
    some.sampled_from(sorted(KINDS)).filter(lambda kind: kind != ms.CLASSIFICATION),
    some.dates(),
    some.lists(words, min_size=1, max_size=3).map(tuple),
    lines,
    some.just(""),
    subjects.map(lambda found: found or (PRICES,)),
    some.lists(words, max_size=2).map(tuple),
    words,
)


def test_the_text_is_what_a_person_can_read() -> None:
    assert format_measure(EXAMPLE).decode() == TEXT
    assert parse_measure(TEXT.encode()) == EXAMPLE


@given(measures)
def test_what_is_written_is_what_is_read(measure: Measure) -> None:
    assert parse_measure(format_measure(measure)) == measure


@given(changed_bytes(TEXT.encode()))
def test_a_changed_text_is_another_measure_or_none(data: bytes) -> None:
    try:
        found = parse_measure(data)
    except MalformedData:
        return
    assert found != EXAMPLE
    assert format_measure(found) == data


@given(some.binary(max_size=200) | some.text(max_size=200).map(str.encode))
def test_anything_else_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_measure(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("measure 1", "measure 2"),
        ("2026-11-23", "20261123"),
        ("2026-11-23", "2026-02-30"),
        ("access-given 准予接触", "access-given"),
        ("access-given 准予接触", "access-given 收回接触"),
        ("access-given 准予接触", "gossip 闲话"),
        ("By 经办: Chen Li\n", "By 经办: Chen Li\n\nBy 经办: Chen Li\n"),
        ("By 经办: Chen Li\n", "By 经办: \n"),
        ("By 经办: Chen Li\n", "By 经办:  Chen Li\n"),
        ("By 经办: Chen Li\n", "By 经办: Chen Li\r\n"),
        ("By 经办: Chen Li\n", "By 经办: Chen\u202eLi\n"),
        ("By 经办: Chen Li\n", "Level 密级: secret\n"),
        ("By 经办: Chen Li\n", "Hour 时间: 12\n"),
        ("Person 人员: 王伟, sales\n\nPerson 人员: Li Na\n\n", ""),
        ("4f4f", "4F4f"),
        ("0c0c", "0c"),
        ("Note 备注: read only\n", "Note 备注: read only"),
        ("\n\nNote", "\nNote"),
        ("\n\nNote", "\n\n\nNote"),
        ("Note 备注: read only\n", "Note 备注: read only\n\n"),
    ],
)
def test_any_other_form_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(MalformedData):
        parse_measure(TEXT.replace(old, new, 1).encode())


def test_lines_out_of_order_are_refused() -> None:
    *head, person, other, by, rest = TEXT.split("\n\n", 6)
    with pytest.raises(MalformedData):
        parse_measure("\n\n".join((*head, by, person, other, rest)).encode())


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_says_what_it_needs(kind: ms.Kind) -> None:
    level = "secret" if kind.name == ms.CLASSIFICATION else ""
    full = Measure(kind.name, DAY, ("Li Na",), "", level, (PRICES,), (), "a note")
    assert parse_measure(format_measure(full)) == full
    for need in kind.needs:
        empty: Any = "" if need in ("level", "note") else ()
        with pytest.raises(InvalidInput, match="needs"):
            format_measure(replace(full, **{need: empty}))


def test_a_measure_over_the_limit_is_refused_with_a_way_out() -> None:
    with pytest.raises(InvalidInput, match="attach"):
        format_measure(replace(EXAMPLE, note="x" * MAX_MEASURE))


@pytest.mark.parametrize("name", ["a\nb", " a", "a\u200b", "a\x1b[2J", ""])
def test_a_name_that_is_no_visible_line_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        format_measure(replace(EXAMPLE, persons=(name,)))
    with pytest.raises(InvalidInput):
        format_measure(replace(EXAMPLE, persons=("Li Na",), by=f"\x00{name}"))


@given(some.text(max_size=50))
def test_any_text_becomes_a_line(text: str) -> None:
    line = line_of(text)
    assert line.isprintable() and line == line_of(line)


def test_a_title_is_short() -> None:
    assert title_of(EXAMPLE).startswith("access-given: 王伟, sales, Li Na, contract.pdf")
    assert len(title_of(replace(EXAMPLE, persons=("x" * 500,)))) <= ms.MAX_TITLE


# --- who has access ---


def entry(number: int, kind: str, *persons: str, **more: object) -> RegisterEntry:
    """A registered entry; `more` changes the measure, `state` and `time` the entry."""
    state, time = more.pop("state", REGISTERED), more.pop("time", 1_795_392_000)
    fields: dict[str, object] = {"subjects": (PRICES,), "by": "Chen Li", "note": "n", **more}
    measure = replace(Measure(kind, DAY, persons), **fields)  # type: ignore[arg-type]
    if state != REGISTERED:
        return RegisterEntry(number, "", measure, str(state))
    return RegisterEntry(number, "", measure, REGISTERED, 10 + number, 3, time)  # type: ignore[arg-type]


def holders(*entries: RegisterEntry) -> list[tuple[str, str, int]]:
    return [(each.person, each.subject.text, each.since.number) for each in access_now(entries)]


def test_access_lasts_until_it_is_withdrawn() -> None:
    given_ = entry(1, ms.ACCESS_GIVEN, "Li Na", "Wang Wei")
    assert [each[0] for each in holders(given_)] == ["Li Na", "Wang Wei"]
    ended = entry(2, ms.ACCESS_WITHDRAWN, "Wang Wei")
    assert [each[0] for each in holders(given_, ended)] == ["Li Na"]


def test_a_withdrawal_ends_what_it_names_and_everything_where_it_names_nothing() -> None:
    given_ = entry(1, ms.ACCESS_GIVEN, "Li Na", subjects=(CONTRACT, PRICES))
    one = entry(2, ms.ACCESS_WITHDRAWN, "Li Na", subjects=(PRICES,))
    assert holders(given_, one) == [("Li Na", "contract.pdf", 1)]
    assert holders(given_, replace(one, measure=replace(one.measure, subjects=()))) == []


def test_deposits_are_compared_by_id_and_names_without_width_or_case() -> None:
    given_ = entry(1, ms.ACCESS_GIVEN, "LI Na", subjects=(CONTRACT,))
    renamed = replace(CONTRACT, text="contract (signed).pdf")
    assert not holders(given_, entry(2, ms.ACCESS_WITHDRAWN, "li Ｎa", subjects=(renamed,)))
    other = replace(CONTRACT, id="5a" * 32)
    assert holders(given_, entry(2, ms.ACCESS_WITHDRAWN, "Li Na", subjects=(other,)))


def test_the_day_that_is_stated_decides_and_the_number_within_a_day() -> None:
    given_ = entry(1, ms.ACCESS_GIVEN, "Li Na")
    again = entry(3, ms.ACCESS_GIVEN, "Li Na")
    ended = entry(2, ms.ACCESS_WITHDRAWN, "Li Na")
    assert holders(given_, ended, again) == [("Li Na", PRICES.text, 3)]
    late = replace(again, measure=replace(again.measure, date=date(2026, 1, 1)))
    assert holders(ended, late) == []


def test_what_was_refused_gives_and_ends_nothing() -> None:
    given_ = entry(1, ms.ACCESS_GIVEN, "Li Na")
    refused = entry(2, ms.ACCESS_WITHDRAWN, "Li Na", state=REFUSED)
    assert holders(given_, refused) == [("Li Na", PRICES.text, 1)]
    assert not holders(replace(given_, state=REFUSED))


# --- rule by rule ---


def found(
    *entries: RegisterEntry, facts: VaultFacts | None = None, **more: object
) -> dict[str, set[str]]:
    """The gaps of each rule."""
    return found_in(Register(("0c" * 16,), entries, **more), facts)  # type: ignore[arg-type]


def found_in(register: Register, facts: VaultFacts | None = None) -> dict[str, set[str]]:
    return {
        each.rule.id: {gap.code for gap in each.gaps}
        for each in examine(register, facts or VaultFacts())
    }


def status(*entries: RegisterEntry, facts: VaultFacts | None = None) -> dict[str, str]:
    register = Register((), entries)
    return {each.rule.id: each.status for each in examine(register, facts or VaultFacts())}


def test_an_empty_register_records_nothing() -> None:
    assert set(status().values()) == {NOT_RECORDED, NOT_SHOWN}


def test_no_register_shows_secrecy_or_value() -> None:
    everything = [
        entry(number, kind, "Li Na", level="x" if kind == ms.CLASSIFICATION else "")
        for number, kind in enumerate(KINDS, 1)
    ]
    shown = status(*everything, facts=VaultFacts(1, 1, (2, 2), {"secret": 1}, 1))
    beyond = {
        "eu-2-a", "eu-2-b", "aucl-39-1-showing", "aucl-39-2-sameness", "us-1833-b-3", "us-1839-3-b"
    }  # fmt: skip
    assert {rule for rule, each in shown.items() if each == NOT_SHOWN} == beyond
    assert {rule for rule, each in shown.items() if each == RECORDED} == set(shown) - beyond


def test_a_report_can_be_ordered_by_article_39() -> None:
    entries = (
        entry(1, ms.ACCESS_GIVEN, "Li Na"),
        entry(2, ms.AGREEMENT, "Li Na", attached=("nda.pdf",)),
    )
    facts = VaultFacts(3, 3, (2, 2), {}, 3)
    findings = examine(Register(("0c" * 16,), entries), facts, find_law("《反不正当竞争法》"))
    assert [each.rule.id.removeprefix("aucl-") for each in findings] == [
        "10", "39-1-measures", "39-1-showing", "39-2-access", "39-2-sameness"
    ]  # fmt: skip
    of = {each.rule.id: each for each in findings}
    assert [each.number for each in of["aucl-39-1-measures"].entries] == [1, 2]
    assert [gap.code for gap in of["aucl-39-1-measures"].gaps] == ["not-told"]
    assert of["aucl-39-1-showing"].status == NOT_SHOWN
    assert [gap.code for gap in of["aucl-39-2-access"].gaps] == ["channel"]
    assert of["aucl-39-2-sameness"].facts == ("openable",)


def test_whether_an_agreement_gives_the_notice_of_immunity_is_a_gap() -> None:
    assert found(entry(1, ms.AGREEMENT, "Li Na"))["us-1833-b-3"] == {"immunity"}
    assert found(entry(1, ms.TRAINING, "Li Na"))["us-1833-b-3"] == set()


def test_a_rule_states_its_version_and_what_was_not_read_is_not_cited() -> None:
    stated: dict[str, set[object]] = {law: set() for law in LAWS}
    for rule in rules():
        assert rule.article and rule.version and rule.asks
        assert isinstance(rule.in_force, date) and rule.source
        assert set(rule.measures) <= set(KINDS)
        assert set(rule.facts) <= {*VaultFacts.__dataclass_fields__, "openable"}
        stated[rule.law].add((rule.version, rule.in_force, rule.source))
    assert {law: len(each) for law, each in stated.items()} == dict.fromkeys(LAWS, 1)
    assert len({rule.id for rule in rules()}) == len(rules())
    assert len(rules("aucl")) == 5 and set(rules("aucl")) < set(rules())
    data = (files(rules_of_law) / LAWS["eu"].folder / "02-b.toml").read_bytes()
    assert parse_rule(data) in rules("eu")
    assert parse_rule(data.replace(b"read = true", b"read = false")) is None


def test_a_measure_speaks_to_its_own_article() -> None:
    assert status(entry(1, ms.AGREEMENT, "Li Na"))["cn-6-1"] == RECORDED
    assert status(entry(1, ms.AGREEMENT, "Li Na"))["cn-6-2"] == NOT_RECORDED
    assert status(entry(1, ms.AGREEMENT, "Li Na", state=WAITING))["cn-6-1"] == NOT_REGISTERED
    assert status(entry(1, ms.AGREEMENT, "Li Na", state=REFUSED))["cn-6-1"] == NOT_RECORDED


def test_encryption_counts_where_there_is_something_encrypted() -> None:
    sealed = status(facts=VaultFacts(3, 3, (2, 2)))
    assert sealed["cn-6-4"] == RECORDED
    assert sealed["cn-27"] == NOT_RECORDED


def test_who_has_access_without_an_agreement_or_a_notice_is_named() -> None:
    access = entry(1, ms.ACCESS_GIVEN, "Li Na")
    gaps = found(access)
    assert gaps["cn-6-1"] == {"no-agreement"}
    assert gaps["cn-6-2"] == {"not-told"}
    gaps = found(access, entry(2, ms.AGREEMENT, "li na"), entry(3, ms.TRAINING, "Li Na"))
    assert gaps["cn-6-1"] == {"no-paper"}
    assert gaps["cn-6-2"] == set()
    assert found(access, entry(2, ms.RULES))["cn-6-2"] == set()
    assert found(access, entry(2, ms.ACCESS_WITHDRAWN, "Li Na"))["cn-6-1"] == set()


def test_who_has_left_with_access_is_named() -> None:
    access, left = entry(1, ms.ACCESS_GIVEN, "Li Na"), entry(2, ms.DEPARTURE, "Li Na")
    assert found(access, left)["cn-6-6"] == {"left-with-access"}
    assert found(access, left, entry(3, ms.ACCESS_WITHDRAWN, "Li Na"))["cn-6-6"] == set()


def test_what_is_wrong_with_the_register_itself_is_a_gap() -> None:
    late = entry(1, ms.MARKING, date=date(2026, 11, 20))
    assert found(late)["cn-5"] == {"late"}
    assert found(entry(1, ms.MARKING, state=WAITING))["cn-5"] == {"waiting"}
    assert found(entry(1, ms.MARKING, state=REFUSED))["cn-5"] == {"refused"}
    assert found(entry(1, ms.MARKING, state=DAMAGED))["cn-5"] == {"damaged"}
    assert found(facts=VaultFacts(1, 1, (2, 2), {}, 1, unread=1))["cn-5"] == {"unread"}
    assert found(lacking=(2,), unreadable=(3,))["cn-5"] == {"lacking", "unreadable"}
    assert found_in(Register(("a", "b")))["cn-5"] == {"two-registers"}


def test_what_nobody_classified_is_a_gap_and_what_was_not_read_is_not_claimed() -> None:
    read, locked = VaultFacts(3, 3, (2, 2), {}, 1), VaultFacts(3, 3, (2, 2), None, 1)
    assert found(facts=read)["cn-5"] == {"unclassified"}
    assert found(facts=locked)["cn-5"] == {"unclassified-here"}
    assert found(facts=locked)["cn-6-4"] == {"not-opened"}


@pytest.mark.parametrize("language", [ENGLISH, CHINESE])
def test_everything_has_words_in_both_languages_and_nothing_is_said_to_suffice(
    language: str,
) -> None:
    facts = VaultFacts(4, 3, (2, 3), {"secret": 1}, 1, 1)
    entries = (
        entry(1, ms.ACCESS_GIVEN, "Li Na", by="", date=date(2026, 1, 1)),
        entry(2, ms.AGREEMENT, "Wang Wei"),
        entry(3, ms.DEPARTURE, "Li Na", state=WAITING),
        entry(4, ms.OTHER, state=REFUSED),
        entry(5, ms.OTHER, state=DAMAGED),
    )
    register = Register(("0c" * 16, "0d" * 16), entries, (7,), (8,))
    said = []
    for each in (facts, replace(facts, levels=None)):
        for finding in examine(register, each):
            said += [heading(finding.rule, language), rule_text(finding.rule, language)]
            said += [gap_text(gap, language) for gap in finding.gaps]
            said += [fact_text(name, each, language) for name in finding.facts]
            said.append(say(finding.status, language))
    assert all(said) and not any("{" in text for text in said)
    for word in ("suffice", "sufficient", "valid", "compliant", "足以", "合规", "有效"):
        assert not any(word in text for text in said), word


def test_to_whom_a_disclosure_went_is_said_in_the_readers_language() -> None:
    for person in (HANDED, SEALED_FOR + "court.pub"):
        assert person_text(person, "en") == person
        assert not person_text(person, "zh").isascii()
    assert "court.pub" in person_text(SEALED_FOR + "court.pub", "zh")
    assert person_text("Li Na", "zh") == "Li Na"
