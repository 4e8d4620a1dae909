"""A key comes to an account by proving itself, and later ones by another key's word."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain import enrolment as en
from ledger.chain import statement as st
from ledger.chain.block import notary_statement
from ledger.chain.enrolment import Enrolment, IdentityRecord
from ledger.chain.statement import parse_statement, sign_statement
from ledger.crypto.cose import sig_structure
from ledger.crypto.keys import SigningKey
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, SealbookError, VerificationFailed
from tests.mutations import changed_bytes, changed_value
from tests.simulator import DEVICE_KEY, LOG, NOW, ORIGIN, nonce

RECOVERY_KEY, OTHER = SigningKey(b"\x08" * 32), SigningKey(b"\x99" * 32)
ACCOUNT = "ab" * 16

REQUEST = en.format_request(
    DEVICE_KEY, origin=ORIGIN, nonce=nonce("request"), issued_at=NOW, recovery=RECOVERY_KEY
)
JOINING = en.format_request(
    OTHER, origin=ORIGIN, nonce=nonce("joining"), issued_at=NOW, account=ACCOUNT
)
FIELDS = parse_statement(REQUEST).payload


def request(
    fields: Any, key: SigningKey = DEVICE_KEY, *, issuer: str | None = None, kind: str = ""
) -> bytes:
    kind = kind or st.ENROLMENT_REQUEST
    return sign_statement(
        kind,
        fields,
        issuer=key.thumbprint.hex() if issuer is None else issuer,
        subject=kind,
        issued_at=NOW,
        key_id=key.thumbprint,
        sign=key.sign,
    )


# --- requests ---


def test_a_request_names_its_key_and_opens_the_account_of_its_hash() -> None:
    verified = en.verify_enrolment_request(REQUEST)
    assert (verified.origin, verified.key) == (ORIGIN, DEVICE_KEY.public)
    assert verified.recovery == RECOVERY_KEY.public
    assert verified.digest == sha256(REQUEST).digest()
    assert verified.account_id == sha256(REQUEST).hexdigest()[:32]


def test_a_joining_request_keeps_the_account_it_names() -> None:
    verified = en.verify_enrolment_request(JOINING)
    assert (verified.account, verified.account_id) == (ACCOUNT, ACCOUNT)
    assert verified.recovery is None


def test_a_joining_request_brings_no_recovery_key() -> None:
    both = en.format_request(
        OTHER,
        origin=ORIGIN,
        nonce=nonce("joining"),
        issued_at=NOW,
        account=ACCOUNT,
        recovery=RECOVERY_KEY,
    )
    with pytest.raises(MalformedData):
        en.verify_enrolment_request(both)


def test_two_requests_of_one_key_open_different_accounts() -> None:
    again = en.format_request(DEVICE_KEY, origin=ORIGIN, nonce=nonce("again"), issued_at=NOW)
    assert (
        en.verify_enrolment_request(again).account_id
        != en.verify_enrolment_request(REQUEST).account_id
    )


def test_a_request_for_a_key_that_did_not_sign_it_fails() -> None:
    with pytest.raises(VerificationFailed):
        en.verify_enrolment_request(request({**FIELDS, "key": OTHER.public}))


def test_a_request_by_somebody_who_only_names_the_key_fails() -> None:
    forged = sign_statement(
        st.ENROLMENT_REQUEST,
        FIELDS,
        issuer=DEVICE_KEY.thumbprint.hex(),
        subject=st.ENROLMENT_REQUEST,
        issued_at=NOW,
        key_id=DEVICE_KEY.thumbprint,
        sign=OTHER.sign,
    )
    with pytest.raises(VerificationFailed):
        en.verify_enrolment_request(forged)


@pytest.mark.parametrize("issuer", ["", ACCOUNT, OTHER.thumbprint.hex()])
def test_a_request_issued_in_another_s_name_is_malformed(issuer: str) -> None:
    with pytest.raises(MalformedData):
        en.verify_enrolment_request(request(FIELDS, issuer=issuer))


@pytest.mark.parametrize("kind", [st.DEPOSIT, st.ENROLMENT, st.NOTICE])
def test_a_statement_of_another_kind_is_no_request(kind: str) -> None:
    with pytest.raises(MalformedData):
        en.verify_enrolment_request(request(FIELDS, kind=kind))


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "a b"},
        {"key": bytes(31)},
        {"key": DEVICE_KEY.public.hex()},
        {"nonce": bytes(31)},
        {"nonce": None},
        {"name": "ACME"},
        {"account": "AB" * 16},
        {"account": 1},
        {"recovery": RECOVERY_KEY.public},
        {"recovery": {"key": RECOVERY_KEY.public}},
        {"recovery": {**FIELDS["recovery"], "more": 1}},
    ],
    ids=str,
)
def test_another_request_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        en.verify_enrolment_request(request({**FIELDS, **change}))


# --- the recovery key proves itself too ---


def test_one_key_cannot_have_both_roles() -> None:
    both = en.format_request(
        DEVICE_KEY, origin=ORIGIN, nonce=bytes(32), issued_at=NOW, recovery=DEVICE_KEY
    )
    with pytest.raises(MalformedData):
        en.verify_enrolment_request(both)


def test_the_recovery_proof_is_a_signature_over_origin_key_and_nonce() -> None:
    message = cbor_encode(["sealbook1/recovery-key", ORIGIN, DEVICE_KEY.public, nonce("request")])
    assert FIELDS["recovery"]["proof"] == RECOVERY_KEY.sign(message)


@pytest.mark.parametrize(
    "message",
    [
        ["sealbook1/recovery-key", ORIGIN, OTHER.public, nonce("request")],
        ["sealbook1/recovery-key", ORIGIN, DEVICE_KEY.public, nonce("other")],
        ["sealbook1/recovery-key", "notary.example/other", DEVICE_KEY.public, nonce("request")],
        ["Signature1", ORIGIN, DEVICE_KEY.public, nonce("request")],
    ],
    ids=["another device", "another request", "another ledger", "another purpose"],
)
def test_a_recovery_proof_made_for_something_else_fails(message: list[Any]) -> None:
    proof = RECOVERY_KEY.sign(cbor_encode(message))
    recovery = {"key": RECOVERY_KEY.public, "proof": proof}
    with pytest.raises(VerificationFailed):
        en.verify_enrolment_request(request({**FIELDS, "recovery": recovery}))


def test_a_recovery_key_cannot_be_put_in_by_somebody_who_lacks_it() -> None:
    recovery = {**FIELDS["recovery"], "key": OTHER.public}
    with pytest.raises(VerificationFailed):
        en.verify_enrolment_request(request({**FIELDS, "recovery": recovery}))


# --- endorsements ---


def test_an_endorsement_carries_the_request_and_the_endorsing_key() -> None:
    inner, key_id, message = en.parse_endorsed(en.endorse_request(JOINING, DEVICE_KEY))
    assert (inner, key_id) == (JOINING, DEVICE_KEY.thumbprint)
    en.verify_endorsement(message, DEVICE_KEY.public)


def test_an_endorsement_by_another_key_fails() -> None:
    _, _, message = en.parse_endorsed(en.endorse_request(JOINING, OTHER))
    with pytest.raises(VerificationFailed):
        en.verify_endorsement(message, DEVICE_KEY.public)


def test_an_endorsement_that_names_another_key_than_signed_it_fails() -> None:
    endorsed = cbor_decode(en.endorse_request(JOINING, DEVICE_KEY)[1:])
    protected = cbor_encode({1: -8, 4: OTHER.thumbprint})
    signature = DEVICE_KEY.sign(sig_structure(protected, JOINING))
    _, _, message = en.parse_endorsed(
        b"\xd2" + cbor_encode([protected, {}, endorsed[2], signature])
    )
    with pytest.raises(VerificationFailed):
        en.verify_endorsement(message, DEVICE_KEY.public)


def test_an_endorsement_of_another_request_cannot_be_moved() -> None:
    endorsed = cbor_decode(en.endorse_request(JOINING, DEVICE_KEY)[1:])
    moved = b"\xd2" + cbor_encode([*endorsed[:2], REQUEST, endorsed[3]])
    _, _, message = en.parse_endorsed(moved)
    with pytest.raises(VerificationFailed):
        en.verify_endorsement(message, DEVICE_KEY.public)


def test_a_deposit_s_signature_is_no_endorsement_and_the_reverse() -> None:
    with pytest.raises(MalformedData):
        en.parse_endorsed(REQUEST)
    with pytest.raises(MalformedData):
        parse_statement(en.endorse_request(JOINING, DEVICE_KEY))


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [
        ({1: -8}, {}),
        ({1: -7, 4: DEVICE_KEY.thumbprint}, {}),
        ({1: -8, 4: "key"}, {}),
        ({1: -8, 4: DEVICE_KEY.thumbprint, 3: "text/plain"}, {}),
        ({1: -8, 4: DEVICE_KEY.thumbprint}, {4: b""}),
    ],
)
def test_another_endorsement_is_malformed(
    protected: dict[Any, Any], unprotected: dict[Any, Any]
) -> None:
    data = b"\xd2" + cbor_encode([cbor_encode(protected), unprotected, JOINING, bytes(64)])
    with pytest.raises(MalformedData):
        en.parse_endorsed(data)


def test_an_endorsement_over_the_size_of_an_entry_is_malformed() -> None:
    with pytest.raises(MalformedData, match="large"):
        en.parse_endorsed(en.endorse_request(bytes(st.MAX_ENTRY), DEVICE_KEY))


# --- identity records and enrolments ---

RECORD = en.format_record(IdentityRecord(nonce("salt"), "ACME 有限公司", "9132", "王公证员", NOW))
ENROLMENT = Enrolment(
    ORIGIN,
    nonce("enrolment"),
    ACCOUNT,
    DEVICE_KEY.public,
    en.DEVICE,
    en.record_digest(nonce("enrolment"), RECORD),
)
ENTRY = notary_statement(
    st.ENROLMENT, en.enrolment_payload(ENROLMENT), origin=ORIGIN, key=LOG, issued_at=NOW
)

TEXTS = some.text(max_size=30)


@given(
    some.builds(
        IdentityRecord,
        some.binary(min_size=32, max_size=32),
        TEXTS,
        TEXTS,
        TEXTS,
        some.integers(0, 2**63 - 1),
    )
)
def test_an_identity_record_reads_back(record: IdentityRecord) -> None:
    assert en.parse_record(en.format_record(record)) == record


def test_the_enrolled_record_is_accepted_and_any_other_refused() -> None:
    assert en.verify_record(ENROLMENT, RECORD).name == "ACME 有限公司"
    with pytest.raises(VerificationFailed):
        en.verify_record(ENROLMENT, RECORD.replace(b"9132", b"9133"))


def test_the_digest_is_bound_to_its_entry_by_the_nonce_and_to_a_salt_that_is_erased() -> None:
    assert ENROLMENT.record == sha256(ENROLMENT.nonce + RECORD).digest()
    # Who has the entry and guesses the name still lacks 32 bytes of the record.
    guess = IdentityRecord(bytes(32), "ACME 有限公司", "9132", "王公证员", NOW)
    assert en.record_digest(ENROLMENT.nonce, en.format_record(guess)) != ENROLMENT.record


@pytest.mark.parametrize(
    "change",
    [
        {"salt": bytes(31)},
        {"name": None},
        {"name": "x" * 1025},
        {"checked_at": -1},
        {"checked_at": True},
        {"more": 0},
    ],
    ids=str,
)
def test_another_record_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        en.parse_record(cbor_encode({**cbor_decode(RECORD), **change}))


def test_the_longest_record_is_read() -> None:
    longest = IdentityRecord(bytes(32), "公" * 1024, "公" * 1024, "公" * 1024, NOW)
    assert en.parse_record(en.format_record(longest)) == longest


def test_a_record_over_its_limit_is_malformed_before_it_is_decoded() -> None:
    with pytest.raises(MalformedData, match="large"):
        en.parse_record(bytes(en.MAX_RECORD + 1))


def test_an_enrolment_reads_back() -> None:
    joined = replace(ENROLMENT, endorser=RECOVERY_KEY.thumbprint)
    for made in (ENROLMENT, joined):
        entry = notary_statement(
            st.ENROLMENT, en.enrolment_payload(made), origin=ORIGIN, key=LOG, issued_at=NOW
        )
        assert en.parse_enrolment(parse_statement(entry)) == made


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "a b"},
        {"nonce": bytes(31)},
        {"account": "AB" * 16},
        {"key": bytes(33)},
        {"role": "officer"},
        {"record": None},
        {"name": "ACME"},
        {"endorser": None},
        {"endorser": bytes(31)},
        {"endorser": bytes(32), "role": "recovery"},
    ],
    ids=str,
)
def test_another_enrolment_is_malformed(change: dict[str, Any]) -> None:
    payload = {**en.enrolment_payload(ENROLMENT), **change}
    entry = notary_statement(st.ENROLMENT, payload, origin=ORIGIN, key=LOG, issued_at=NOW)
    with pytest.raises(MalformedData):
        en.parse_enrolment(parse_statement(entry))


def test_a_notice_with_an_enrolment_s_fields_is_no_enrolment() -> None:
    payload = en.enrolment_payload(ENROLMENT)
    entry = notary_statement(st.NOTICE, payload, origin=ORIGIN, key=LOG, issued_at=NOW)
    with pytest.raises(MalformedData):
        en.parse_enrolment(parse_statement(entry))


# --- the law of all parsers ---


@given(
    some.binary(max_size=300)
    | changed_bytes(REQUEST)
    | changed_value(FIELDS).filter(lambda value: isinstance(value, dict)).map(request)
)
def test_a_changed_request_raises_only_our_errors_and_counts_only_with_its_proofs(
    data: bytes,
) -> None:
    try:
        verified = en.verify_enrolment_request(data)
    except (MalformedData, VerificationFailed):
        return
    assert verified.key == DEVICE_KEY.public
    assert verified.recovery in (None, RECOVERY_KEY.public)


@given(some.binary(max_size=300) | changed_bytes(en.endorse_request(JOINING, DEVICE_KEY)))
def test_a_changed_endorsement_never_holds(data: bytes) -> None:
    with pytest.raises(SealbookError):
        _, _, message = en.parse_endorsed(data)
        en.verify_endorsement(message, DEVICE_KEY.public)


@given(
    some.binary(max_size=200)
    | changed_bytes(RECORD)
    | changed_value(cbor_decode(RECORD)).map(cbor_encode)
)
def test_a_changed_record_is_another_one_or_malformed(data: bytes) -> None:
    try:
        record = en.parse_record(data)
    except MalformedData:
        return
    assert en.format_record(record) == data


@given(changed_value(en.enrolment_payload(ENROLMENT)).filter(lambda value: isinstance(value, dict)))
def test_a_changed_enrolment_is_another_one_or_malformed(payload: dict[str, Any]) -> None:
    entry = notary_statement(st.ENROLMENT, payload, origin=ORIGIN, key=LOG, issued_at=NOW)
    try:
        enrolment = en.parse_enrolment(parse_statement(entry))
    except MalformedData:
        return
    assert en.enrolment_payload(enrolment) == payload
