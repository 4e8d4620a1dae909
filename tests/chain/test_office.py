"""What the office puts on record: its own words, within limits, and nothing of anybody's identity."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain import office
from ledger.chain import statement as st
from ledger.chain.block import notary_statement
from ledger.chain.office import (
    Inspection,
    Notice,
    Platform,
    Recovery,
    Revocation,
    check_office_statement,
)
from ledger.chain.statement import Statement, parse_statement
from ledger.errors import MalformedData
from tests.mutations import changed_value
from tests.simulator import LOG, NOW, ORIGIN, nonce

TEXTS = some.text(max_size=40)
HASHES = some.binary(min_size=32, max_size=32)
ACCOUNTS = some.text("0123456789abcdef", min_size=32, max_size=32)
LISTS = some.sets(some.integers(0, 2**63 - 1), max_size=256).map(sorted).map(tuple)
HEAD = {"origin": ORIGIN, "nonce": nonce("office")}

SAMPLES: dict[str, dict[str, Any]] = {
    st.PLATFORM: office.platform_payload(Platform("a", "b", "c", "d", ("RFC 9943",))),
    st.KEY: office.revocation_payload(Revocation(bytes(32), "lost")),
    st.NOTICE: office.notice_payload(Notice("Closed on 1 October.")),
    st.RECOVERY: office.recovery_payload(Recovery(office.RESTORED, 7, bytes(32))),
    st.CERTIFICATE: office.certificate_payload(office.Issued(17, bytes(32), 5)),
    st.INSPECTION: office.inspection_payload(
        Inspection(7, bytes(32), office.WHOLE, bytes(range(32)))
    ),
}
PARSERS: dict[str, tuple[Callable[[Statement], Any], Callable[[Any], dict[str, Any]]]] = {
    st.PLATFORM: (office.parse_platform, office.platform_payload),
    st.KEY: (office.parse_revocation, office.revocation_payload),
    st.NOTICE: (office.parse_notice, office.notice_payload),
    st.RECOVERY: (office.parse_recovery, office.recovery_payload),
    st.CERTIFICATE: (office.parse_certificate, office.certificate_payload),
    st.INSPECTION: (office.parse_inspection, office.inspection_payload),
}
KINDS = sorted(SAMPLES)


def say(kind: str, payload: dict[str, Any]) -> Statement:
    full = {**HEAD, **payload}
    return parse_statement(notary_statement(kind, full, origin=ORIGIN, key=LOG, issued_at=NOW))


@given(some.builds(Platform, TEXTS, TEXTS, TEXTS, TEXTS, some.lists(TEXTS, max_size=64).map(tuple)))
def test_a_platform_statement_reads_back(platform: Platform) -> None:
    assert office.parse_platform(say(st.PLATFORM, office.platform_payload(platform))) == platform


@given(some.builds(Revocation, HASHES, some.sampled_from(office.REASONS)))
def test_a_revocation_reads_back(revocation: Revocation) -> None:
    assert office.parse_revocation(say(st.KEY, office.revocation_payload(revocation))) == revocation


@given(
    some.builds(Notice, some.text(min_size=1, max_size=60), LISTS)
    | some.builds(Notice, some.text(min_size=1, max_size=60), erased=ACCOUNTS)
)
def test_a_notice_reads_back(notice: Notice) -> None:
    assert office.parse_notice(say(st.NOTICE, office.notice_payload(notice))) == notice


@given(
    some.builds(office.Issued, some.integers(1, 2**63 - 1), HASHES, some.integers(0, 2**63 - 1))
    | some.builds(office.Withdrawn, some.integers(1, 2**63 - 1), some.text(min_size=1, max_size=60))
)
def test_what_is_said_of_a_certificate_reads_back(said: office.Issued | office.Withdrawn) -> None:
    statement = say(st.CERTIFICATE, office.certificate_payload(said))
    assert office.parse_certificate(statement) == said


@given(some.builds(Recovery, some.just(office.RESTORED), some.integers(0, 2**63 - 1), HASHES))
def test_a_recovery_statement_reads_back(recovery: Recovery) -> None:
    assert office.parse_recovery(say(st.RECOVERY, office.recovery_payload(recovery))) == recovery


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_of_one_kind_is_none_of_the_others(kind: str) -> None:
    statement = say(kind, SAMPLES[kind])
    check_office_statement(statement)
    for other in KINDS:
        if other != kind:
            with pytest.raises(MalformedData):
                PARSERS[other][0](statement)
            with pytest.raises(MalformedData):
                check_office_statement(say(other, SAMPLES[kind]))


@pytest.mark.parametrize("kind", [st.DEPOSIT, st.BLOCK, st.ENROLMENT, st.ENROLMENT_REQUEST])
def test_other_statements_are_not_the_office_s(kind: str) -> None:
    with pytest.raises(MalformedData, match="office"):
        check_office_statement(say(kind, SAMPLES[st.NOTICE]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{"origin": ""}, {"nonce": bytes(31)}, {"more": 0}], ids=str)
def test_origin_nonce_and_no_further_field_are_required(kind: str, change: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        PARSERS[kind][0](say(kind, {**SAMPLES[kind], **change}))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (st.PLATFORM, {"operator": 1}),
        (st.PLATFORM, {"software": "x" * 4097}),
        (st.PLATFORM, {"standards": ["x"] * 65}),
        (st.PLATFORM, {"standards": [1]}),
        (st.PLATFORM, {"standards": "RFC 9943"}),
        (st.KEY, {"key": bytes(31)}),
        (st.KEY, {"action": "rotated"}),
        (st.KEY, {"reason": "because"}),
        (st.NOTICE, {"text": ""}),
        (st.NOTICE, {"text": "x" * 4097}),
        (st.NOTICE, {"discarded": []}),
        (st.NOTICE, {"discarded": [5, 5]}),
        (st.NOTICE, {"discarded": [7, 5]}),
        (st.NOTICE, {"discarded": [-1]}),
        (st.NOTICE, {"discarded": ["5"]}),
        (st.NOTICE, {"discarded": list(range(257))}),
        (st.NOTICE, {"erased": "4f0c"}),
        (st.NOTICE, {"erased": bytes(32)}),
        (st.NOTICE, {"erased": "0" * 32, "discarded": [5]}),
        (st.RECOVERY, {"cause": "other"}),
        (st.RECOVERY, {"size": -1}),
        (st.RECOVERY, {"size": True}),
        (st.CERTIFICATE, {"number": 0}),
        (st.CERTIFICATE, {"number": True}),
        (st.CERTIFICATE, {"entry": -1}),
        (st.CERTIFICATE, {"sha-256": bytes(31)}),
        (st.CERTIFICATE, {"action": "withdrawn"}),
        (st.CERTIFICATE, {"reason": "x"}),
        (st.RECOVERY, {"root": bytes(31)}),
        (st.INSPECTION, {"entry": -1}),
        (st.INSPECTION, {"entry": True}),
        (st.INSPECTION, {"leaf": bytes(31)}),
        (st.INSPECTION, {"scope": "some"}),
        (st.INSPECTION, {"particulars": bytes(33)}),
    ],
    ids=str,
)
def test_other_values_are_malformed(kind: str, change: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        PARSERS[kind][0](say(kind, {**SAMPLES[kind], **change}))


def test_the_longest_texts_are_read() -> None:
    longest = Platform("x" * 4096, "", "", "", ("y",) * 64)
    assert office.parse_platform(say(st.PLATFORM, office.platform_payload(longest))) == longest
    assert office.parse_notice(say(st.NOTICE, office.notice_payload(Notice("x" * 4096))))


def test_a_revocation_names_neither_account_nor_company() -> None:
    assert sorted(say(st.KEY, SAMPLES[st.KEY]).payload) == [
        "action",
        "key",
        "nonce",
        "origin",
        "reason",
    ]


@given(some.data())
def test_a_changed_statement_is_another_one_or_malformed(data: some.DataObject) -> None:
    kind = data.draw(some.sampled_from(KINDS))
    payload = data.draw(changed_value(SAMPLES[kind]).filter(lambda value: isinstance(value, dict)))
    parse, format_payload = PARSERS[kind]
    try:
        statement = say(kind, payload)
        value = parse(statement)
    except MalformedData:
        return
    assert {**HEAD, **format_payload(value)} == statement.payload
