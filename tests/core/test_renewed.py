"""What an evidence record beside a receipt shows, as of any day until 2056."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography import x509

from ledger.chain import report as rp
from ledger.chain.note import first_lines
from ledger.chain.receipt import Earlier, Times, TokenEntry, format_receipt
from ledger.chain.renewal.record import EvidenceRecord, format_record
from ledger.chain.renewal.renewing import plan_renewal, renew
from ledger.chain.report import Claim, Report
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import parse_token
from ledger.chain.trust import Trust
from ledger.court.claims import describe
from ledger.recognised import retold
from ledger.verify import ReceiptRefused, verify_receipt
from tests.certificates import Party, Revoked, issue, revocation_list
from tests.core.test_times import EARLY, LATE, ROOT, STRANGE, TSA, stamped
from tests.forge import forged
from tests.simulator import NOW, Office

DAY = 86_400
REASON = x509.ReasonFlags


def _year(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


def _authority(number: int) -> Party:
    """An authority of a later generation: its root is its certificate's issuer."""
    start = _year(2026 + 10 * number) - DAY
    return issue(f"Root {number}", start=start, years=15, ca=True)


ROOTS = {number: _authority(number) for number in (0, 1, 2, 3)}
UNITS = {
    number: issue(f"Unit {number}", root, start=_year(2026 + 10 * number), years=12)
    for number, root in ROOTS.items()
}
"""Unit n signs from 2026 + 10 n for twelve years."""
SECOND, THIRD = UNITS[1], UNITS[2]


def until(party: Party) -> int:
    return int(party.certificate.not_valid_after_utc.timestamp())


OFFICE = Office()
PARTS = OFFICE.parts()


def trusting(at: int | None = None) -> Trust:
    later = [Authority(f"Authority {number}", root.der) for number, root in ROOTS.items()]
    return replace(OFFICE.trust(), authorities=(Authority("Test TSA", ROOT.der), *later), at=at)


@dataclass(frozen=True)
class Stamp:
    """A renewal: who stamps when, and what odd the token is."""

    time: int
    signer: Party
    hash_tree: bool = False
    digest: str = "sha256"


def renewed(data: bytes, *stamps: Stamp) -> bytes:
    """A record over `data` that each of these has renewed."""
    record: EvidenceRecord | None = None
    for each in stamps:
        renewal = plan_renewal(record, hashlib.sha512(data).digest(), hash_tree=each.hash_tree)
        token = parse_token(
            forged(
                renewal.leaf,
                each.signer,
                each.time,
                algorithm="sha512",
                signed_digest=each.digest,
            )
        )
        record = renew(renewal, b"", token)
    assert record is not None
    return format_record(record)


def receipt(*tokens: TokenEntry, validation: Sequence[bytes] = ()) -> bytes:
    return format_receipt(replace(PARTS, times=Times(tokens, None, tuple(validation))))


def report(receipt: bytes, trust: Trust, record: bytes | None) -> Report:
    try:
        return verify_receipt(receipt, trust, record=record).report
    except ReceiptRefused as refused:
        return refused.report


def claims(receipt: bytes, trust: Trust, record: bytes | None) -> tuple[Claim, Claim]:
    found = report(receipt, trust, record)
    return found.claim(rp.TIME), found.claim(rp.EXISTENCE)


def test_a_chain_of_renewals_shows_a_token_until_2056() -> None:
    data = receipt(stamped(PARTS.note))
    stamps = (
        Stamp(_year(2036) + DAY, SECOND),
        Stamp(_year(2047), THIRD),
        Stamp(_year(2057), UNITS[3]),
    )
    first_end = until(TSA)
    assert _year(2036) < first_end
    records = [None, *(renewed(data, *stamps[: n + 1]) for n in range(3))]
    ends = [first_end, until(SECOND), until(THIRD), until(UNITS[3])]
    for record, end in zip(records, ends, strict=True):
        by = "tokens" if record is None else "evidence-record"
        for at, status in ((NOW, rp.PROVEN), (end, rp.PROVEN), (end + 1, rp.NOT_SHOWN)):
            time, existence = claims(data, trusting(at), record)
            assert (existence.status, existence.facts["until"]) == (status, end)
            assert (time.status, time.by, time.facts["latest"]) == (rp.PROVEN, "tokens", LATE + 1)
            if status == rp.PROVEN:
                assert existence.by == by


def test_2056_says_by_which_tokens_and_until_when() -> None:
    data = receipt(stamped(PARTS.note))
    record = renewed(data, Stamp(_year(2036) + DAY, SECOND), Stamp(_year(2047), THIRD))
    _, existence = claims(data, trusting(_year(2056)), record)
    assert existence.facts == {
        "until": until(THIRD),
        "tokens": [{"authority": "Test TSA", "latest": LATE + 1, "until": until(THIRD)}],
        "record": {
            "since": _year(2036) + DAY + 1,
            "until": until(THIRD),
            "tokens": [
                {
                    "authority": "Authority 1",
                    "latest": _year(2036) + DAY + 1,
                    "until": until(SECOND),
                },
                {"authority": "Authority 2", "latest": _year(2047) + 1, "until": until(THIRD)},
            ],
        },
    }
    for language, words in (("en", "The evidence record shows"), ("zh", "证据记录证明")):
        said = describe(existence, language)
        assert words in said.text and "2057-12-31" in said.text
        assert [str(fact.value) for fact in said.facts if fact.label][-1] == "“Authority 2”"


def test_a_record_that_came_too_late_shows_its_own_time_and_no_older_one() -> None:
    data = receipt(stamped(PARTS.note))
    late = _year(2037)
    assert late > until(TSA)
    record = renewed(data, Stamp(late, SECOND))
    for at, latest in ((_year(2036), LATE + 1), (_year(2040), late + 1)):
        time, existence = claims(data, trusting(at), record)
        assert (time.facts["latest"], existence.status) == (latest, rp.PROVEN)
    time, existence = claims(data, trusting(_year(2056)), record)
    assert (existence.status, existence.facts["until"]) == (rp.NOT_SHOWN, until(SECOND))


LOST = Revoked(TSA.serial, _year(2036) + 10 * DAY, REASON.key_compromise)


@pytest.mark.parametrize(
    ("renewed_on", "status"), [(LOST.time - 2, rp.PROVEN), (LOST.time, rp.NOT_SHOWN)]
)
def test_a_key_that_was_lost_fells_no_token_that_was_renewed_before(
    renewed_on: int, status: str
) -> None:
    crl = revocation_list(ROOT, LOST.time + DAY, [LOST])
    data = receipt(stamped(PARTS.note), validation=[crl])
    for at in (NOW, LOST.time - DAY, LOST.time + 5 * DAY, None):
        # Whatever day is asked about: bytes that a thief may have made since are not shown by a word
        # of before the loss.
        time, _ = claims(data, trusting(at), None)
        assert (time.status, len(time.facts["left_out"])) == (rp.STATED, 1)
        assert "revoked on 2036-01-11" in time.facts["left_out"][0]
        time, existence = claims(data, trusting(at), renewed(data, Stamp(renewed_on, SECOND)))
        assert existence.by == "evidence-record"
        saved = status == rp.PROVEN
        assert time.by == ("tokens" if saved else "evidence-record")
        assert time.facts["latest"] == (LATE if saved else renewed_on) + 1
        assert existence.facts["until"] == until(SECOND)
    after = until(SECOND) + 1
    time, existence = claims(data, trusting(after), renewed(data, Stamp(renewed_on, SECOND)))
    assert (existence.status, existence.facts["until"]) == (rp.NOT_SHOWN, until(SECOND))


@pytest.mark.parametrize("reason", [REASON.superseded, REASON.cessation_of_operation])
def test_an_authority_that_closed_is_renewed_before(reason: REASON) -> None:
    closed = Revoked(TSA.serial, _year(2036) + 10 * DAY, reason)
    crl = revocation_list(ROOT, closed.time + DAY, [closed])
    data = receipt(stamped(PARTS.note), validation=[crl])
    record = renewed(data, Stamp(closed.time - DAY, SECOND))
    for given, end in ((None, closed.time), (record, until(SECOND))):
        for at, status in ((end, rp.PROVEN), (end + 1, rp.NOT_SHOWN)):
            _, existence = claims(data, trusting(at), given)
            assert (existence.status, existence.facts["until"]) == (status, end)


def test_a_record_shows_a_time_where_no_token_does() -> None:
    for data in (receipt(), receipt(stamped(PARTS.note, signer=STRANGE))):
        record = renewed(data, Stamp(_year(2036) + DAY, SECOND))
        time, existence = claims(data, trusting(_year(2040)), record)
        assert (time.status, time.by) == (rp.PROVEN, "evidence-record")
        assert time.facts["latest"] == _year(2036) + DAY + 1
        assert time.facts["authorities"] == ["Authority 1"]
        assert existence.status == rp.PROVEN
        assert "Not later than 2036-01-02" in describe(time, "en").text


def test_a_token_in_a_record_that_nobody_trusts_makes_it_show_less() -> None:
    data = receipt(stamped(PARTS.note))
    first, second = Stamp(_year(2036) + DAY, SECOND), Stamp(_year(2047), THIRD)
    stranger = Stamp(_year(2036) + DAY, STRANGE)
    for stamps, kept in (
        ((stranger, second), 1), ((first, replace(stranger, time=_year(2036) + 2 * DAY), second), 2),
        ((first, replace(stranger, time=_year(2036) + 2 * DAY)), 1),
    ):  # fmt: skip
        _, existence = claims(data, trusting(_year(2040)), renewed(data, *stamps))
        assert len(existence.facts["record"]["tokens"]) == kept
        assert len(existence.facts["record_left_out"]) == 1
        assert any(
            fact.label == "证据记录中未计入的时间戳" for fact in describe(existence, "zh").facts
        )


def test_a_record_that_was_renewed_too_late_shows_what_the_newer_part_does() -> None:
    data = receipt(stamped(PARTS.note))
    late = until(SECOND) + DAY
    record = renewed(data, Stamp(_year(2036) + DAY, SECOND), Stamp(late, THIRD))
    time, existence = claims(data, trusting(_year(2056)), record)
    assert (time.by, time.facts["latest"]) == ("evidence-record", late + 1)
    assert "renewed when it no longer held" in existence.facts["record_left_out"][0]


@pytest.mark.parametrize(
    ("make", "said", "chinese"),
    [
        (
            lambda _: renewed(b"another", Stamp(_year(2036), SECOND)),
            "something else",
            "其他内容",
        ),
        (
            lambda data: renewed(data, Stamp(LATE, STRANGE)),
            "not one that an authority",
            "不是由信任",
        ),
        (lambda _: b"no record", "", "。"),
        (lambda _: b"", "", "。"),
        (lambda data: renewed(data, Stamp(_year(2036), SECOND))[:-1], "", "。"),
        (lambda _: bytes(5 << 20), "longer than", "。"),
    ],
)
def test_a_record_that_does_not_hold_counts_for_nothing_and_is_said(
    make: Callable[[bytes], bytes], said: str, chinese: str
) -> None:
    data = receipt(stamped(PARTS.note))
    alone = claims(data, trusting(NOW), None)
    time, existence = claims(data, trusting(NOW), make(data))
    (refused,) = existence.facts.pop("record_refused")
    assert said in refused
    assert (time, existence) == alone
    shown = claims(data, trusting(NOW), make(data))[1]
    assert any(chinese in str(fact.value) for fact in describe(shown, "zh").facts)
    assert any(fact.label == "evidence record not counted" for fact in describe(shown, "en").facts)


def test_a_record_under_a_hash_function_that_is_not_verified_is_named() -> None:
    data = receipt(stamped(PARTS.note))
    token = parse_token(forged(hashlib.sha1(data).digest(), SECOND, _year(2036), algorithm="sha1"))
    record = format_record(renew(plan_renewal(None, b""), b"", token))
    _, existence = claims(data, trusting(NOW), record)
    assert existence.facts["record_refused"] == [
        "an evidence record uses a hash function that is not verified here: 1.3.14.3.2.26"
    ]


def test_a_block_that_states_a_time_after_its_record_is_back_dated() -> None:
    data = receipt()
    record = renewed(data, Stamp(NOW - 700, issue("Early", ROOT, start=NOW - DAY)))
    time, _ = claims(data, trusting(NOW), record)
    assert time.status == rp.FAILED
    assert "after the evidence record" in time.reason
    assert "证据记录" in retold(time.reason, "zh")[0]


def test_an_earlier_token_whose_key_was_lost_counts_where_a_newer_one_stands() -> None:
    office = Office()
    note = office.note(3)
    lost = issue("Lost", ROOT, start=NOW - DAY)
    entry = stamped(note, EARLY, signer=lost)
    office.entries[3] = office.block(2, 3, 5, tokens=(sha256(entry.der).digest(),))
    parts = office.parts()
    for lost_at, known in ((LATE + 2, True), (LATE, False)):
        crl = revocation_list(
            ROOT, LATE + DAY, [Revoked(lost.serial, lost_at, REASON.key_compromise)]
        )
        times = Times((stamped(parts.note),), Earlier(note, entry), (crl,))
        time, _ = claims(format_receipt(replace(parts, times=times)), trusting(NOW), None)
        assert ("earliest" in time.facts, "left_out" in time.facts) == (known, not known)


DOUBTED = _year(2031)
DOUBTS = (("sha256", DOUBTED),)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_doubted_hash_function_shows_nothing_from_then_on(algorithm: str) -> None:
    lines = first_lines(PARTS.note, 2).encode()
    token = forged(hashlib.new(algorithm, lines).digest(), TSA, LATE, algorithm=algorithm)
    data = receipt(TokenEntry(2, token))
    for at, status in ((DOUBTED, rp.PROVEN), (DOUBTED + 1, rp.NOT_SHOWN)):
        _, existence = claims(data, replace(trusting(at), doubts=DOUBTS), None)
        assert (existence.status, existence.facts["until"]) == (status, DOUBTED)
    assert "a hash function is doubted" in describe(existence, "en").text


def test_a_record_under_another_hash_function_carries_what_is_doubted() -> None:
    data = receipt(stamped(PARTS.note))
    unit = issue("Long unit", ROOTS[0], start=NOW, years=14)
    early, late = Stamp(_year(2030), unit), Stamp(_year(2032), unit)
    trust = replace(trusting(_year(2036)), doubts=DOUBTS)
    # The forge signs over SHA-256, so that a token of it is doubted as well.
    time, existence = claims(data, trust, renewed(data, early))
    assert (time.status, existence.status) == (rp.PROVEN, rp.NOT_SHOWN)
    assert existence.facts["until"] == DOUBTED
    _, existence = claims(data, trust, renewed(data, late))
    (refused,) = existence.facts["record_refused"]
    assert refused == (
        "a timestamp token is from after 2031-01-01, from when on you doubt its hash function “sha256”"
    )
    doubts = (("sha384", DOUBTED),)
    _, existence = claims(data, trust, renewed(data, replace(late, digest="sha512")))
    assert "on which the receipt's proofs rest" in existence.facts["record_refused"][0]
    assert claims(data, replace(trust, doubts=doubts), renewed(data, early))[1].status == rp.PROVEN
    strong = renewed(data, replace(early, digest="sha512"))
    time, existence = claims(data, trust, strong)
    assert (time.facts["latest"], existence.status) == (LATE + 1, rp.PROVEN)
    assert existence.facts["until"] == until(unit)
