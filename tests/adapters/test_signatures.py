"""RFC 9421 signatures: exactly what was signed, for this ledger, by this key, now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.crypto.keys import SigningKey
from ledger.errors import NotAuthenticated, StorageFailed
from ledger.wire.signatures import (
    BARE,
    UPLOAD,
    WHOLE,
    WINDOW,
    Message,
    SignedRequest,
    sign_request,
    verify_body,
    verify_request,
)

KEY, OTHER = SigningKey(b"a" * 32), SigningKey(b"b" * 32)
LEDGER, NOW, NONCE = "notary.example/ledger", 1_790_000_000, bytes(range(16))
KEYS = {KEY.thumbprint: KEY.public}
TARGET = "/deposits?after=12"
BODY = b"\x80"


def sign(method="GET", target=TARGET, body=None, headers=None, ledger=LEDGER, now=NOW, key=KEY):
    message = Message(method, target, headers or {"host": "a.example"})
    return sign_request(message, key, ledger, body=body, now=now, nonce=NONCE)


def verify(headers, method="GET", target=TARGET, covered=BARE, ledger=LEDGER, now=NOW):
    return verify_request(
        Message(method, target, headers), ledger, KEYS.get, covered=covered, now=now
    )


def test_a_signed_request_tells_its_key_and_nonce():
    assert verify(sign()) == SignedRequest(KEY.thumbprint, NONCE, NOW + WINDOW)


def test_the_signature_input_is_as_documented():
    headers = sign("POST", "/envelopes", BODY)
    assert headers["signature-input"] == (
        'sealbook=("@method" "@path" "@query" "sealbook-ledger" "content-digest");'
        f'created={NOW};keyid="{KEY.thumbprint.hex()}";alg="ed25519";'
        f'nonce="{NONCE.hex()}";tag="sealbook"'
    )
    assert headers["sealbook-ledger"] == f'"{LEDGER}"'


def test_a_proxy_may_change_the_host_name():
    verify(sign() | {"host": "b.internal", "x-forwarded-for": "192.0.2.1"})


@pytest.mark.parametrize(
    "change",
    [
        {"method": "DELETE"},
        {"target": "/deposits?after=13"},
        {"target": "/deposits"},
        {"target": "/Deposits?after=12"},
        {"target": "/deposits%3Fafter=12"},
        {"ledger": "other.example/ledger"},
        {"covered": WHOLE},
        {"covered": UPLOAD},
        {"now": NOW + WINDOW + 1},
        {"now": NOW - WINDOW - 1},
    ],
)
def test_a_changed_request_is_refused(change):
    with pytest.raises(NotAuthenticated):
        verify(sign(), **change)


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("sealbook-ledger", LEDGER, "other.example/ledger"),
        ("signature-input", f"created={NOW}", f"created={NOW + 1}"),
        ("signature-input", ' "@query"', ""),
        ("signature-input", 'tag="sealbook"', 'tag="another"'),
        ("signature-input", NONCE.hex(), NONCE.hex()[:-2] + "00"),
        ("signature-input", NONCE.hex(), "00"),
        ("signature-input", 'alg="ed25519"', 'alg="hmac-sha256"'),
        ("signature-input", f"created={NOW};", ""),
        ("signature-input", "created=", "expires=1;created="),
        ("signature-input", KEY.thumbprint.hex(), OTHER.thumbprint.hex()),
        ("signature", "sealbook=:", "sealbook=:AA"),
        ("signature", "sealbook=", "other="),
    ],
)
def test_a_changed_header_field_is_refused(field, old, new):
    headers = sign()
    assert old in headers[field]
    with pytest.raises(NotAuthenticated):
        verify(headers | {field: headers[field].replace(old, new)})


@pytest.mark.parametrize("field", ["signature", "signature-input", "sealbook-ledger"])
def test_a_request_without_one_of_the_fields_is_refused(field):
    headers = sign()
    del headers[field]
    with pytest.raises(NotAuthenticated):
        verify(headers)


def test_an_unknown_key_gets_the_same_answer_as_a_wrong_signature():
    with pytest.raises(NotAuthenticated) as unknown:
        verify(sign(key=OTHER))
    with pytest.raises(NotAuthenticated) as wrong:
        verify(sign() | {"signature": sign(key=OTHER)["signature"]})
    assert str(unknown.value) == str(wrong.value)


def test_keys_that_cannot_be_asked_for_are_no_wrong_signature():
    def away(_):
        raise StorageFailed("the database does not answer")

    with pytest.raises(StorageFailed, match="does not answer"):
        verify_request(Message("GET", TARGET, sign()), LEDGER, away, covered=BARE, now=NOW)


def test_two_signatures_under_the_tag_are_refused():
    headers = sign()
    for name in ("signature", "signature-input"):
        headers[name] += ", second" + headers[name].removeprefix("sealbook")
    with pytest.raises(NotAuthenticated):
        verify(headers)


def test_a_body_counts_only_with_its_own_digest():
    headers = sign("POST", "/envelopes", BODY)
    verify(headers, "POST", "/envelopes", covered=WHOLE)
    message = Message("POST", "/envelopes", headers)
    verify_body(message, BODY)
    with pytest.raises(NotAuthenticated):
        verify_body(message, BODY + b"x")
    with pytest.raises(NotAuthenticated):
        verify_body(Message("POST", "/envelopes", {}), BODY)


def test_a_request_without_a_digest_does_not_pass_for_one_with_a_body():
    with pytest.raises(NotAuthenticated):
        verify(sign("POST", "/envelopes"), "POST", "/envelopes", covered=WHOLE)


def test_a_piece_of_an_upload_is_signed_with_its_place():
    place = {"upload-offset": "7", "upload-length": "99"}
    headers = sign("PATCH", "/p", headers=place)
    verify(headers, "PATCH", "/p", covered=UPLOAD)
    with pytest.raises(NotAuthenticated):
        verify(headers | {"upload-offset": "8"}, "PATCH", "/p", covered=UPLOAD)


@given(
    st.text(max_size=200),
    st.text(max_size=200),
    st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=3),
)
def test_nothing_but_not_authenticated_is_raised(signature_input, signature, more):
    headers = {**more, "signature-input": signature_input, "signature": signature}
    with pytest.raises(NotAuthenticated):
        verify(headers | {"sealbook-ledger": f'"{LEDGER}"'})


@given(st.text(alphabet='"@;=()?:,-_ abcdefkeyidnonce0123456789\\', max_size=120))
def test_nothing_but_not_authenticated_is_raised_for_a_changed_field(text):
    headers = sign()
    with pytest.raises(NotAuthenticated):
        verify(headers | {"signature-input": headers["signature-input"] + text[:1] + text + "x"})
