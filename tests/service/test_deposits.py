"""Depositing: what is entered, what is refused and why, and that accounts see only their own."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.chain.enrolment import endorse_request, format_request, parse_enrolment
from ledger.chain.receipt import MEDIA_TYPE, parse_receipt
from ledger.chain.statement import MAX_ENTRY, Payload, parse_statement
from ledger.chain.trust import parse_trust
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import leaf_hash
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import (
    CiphertextMissing,
    Conflict,
    KeyRevoked,
    MalformedData,
    NotAuthenticated,
    NotEnrolled,
    NotFound,
    Refused,
    TooLarge,
    WrongOrigin,
)
from ledger.notary.desk.trail import newest
from ledger.verify import verify_receipt
from ledger.wire.protocol import CBOR, COSE, MAX_BATCH, MAX_BATCH_BYTES

from .conftest import HEADER, ORIGIN, Account, small_envelope


def post(service, path, body, media=COSE, **headers):
    return service.http.post(path, content=body, headers={"content-type": media, **headers})


def code(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["sealbook-problem"] == answer.json()["code"]
    return answer.status_code, answer.json()["code"]


# --- statements ---


def test_a_deposit_gets_a_receipt_that_the_trust_file_verifies(service, company):
    statement, receipt = company.deposit()
    verified = verify_receipt(receipt, parse_trust(service.client().trust()))
    assert verified.statement.encoded == statement
    assert verified.report.good


def test_the_same_statement_again_gives_the_same_receipt(service, company):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    statement = company.statement(envelope.payload)
    first, second = (post(service, "/statements", statement) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.headers["content-type"] == MEDIA_TYPE
    assert first.content == second.content


def test_a_statement_whose_age_file_is_not_here_is_409(service, company):
    with pytest.raises(CiphertextMissing):
        company.client.submit(company.statement(small_envelope().payload))
    answer = post(service, "/statements", company.statement(Payload(40, bytes(32))))
    assert code(answer) == (409, "ciphertext-missing")


def test_an_age_file_of_another_account_does_not_count(company, stranger):
    envelope = small_envelope()
    stranger.client.put_envelopes([envelope])
    with pytest.raises(CiphertextMissing):
        company.client.submit(company.statement(envelope.payload))


def test_a_payload_without_its_header_does_not_count(service, company):
    envelope = small_envelope()
    writer = service.notary.uploads.begin(company.account, envelope.payload, 0)
    writer.write(envelope.data)
    writer.close()
    statement = company.statement(envelope.payload)
    with pytest.raises(CiphertextMissing):
        company.client.submit(statement)
    company.client.put_header(envelope.payload.root, envelope.header)
    assert company.client.submit(statement)


def test_a_statement_for_another_ledger_is_refused(service, company):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    statement = company.statement(envelope.payload, origin="other.example/ledger")
    with pytest.raises(WrongOrigin):
        company.client.submit(statement)
    assert code(post(service, "/statements", statement)) == (403, "wrong-origin")


def test_a_key_that_is_not_enrolled_is_refused(service):
    nobody = Account(SigningKey(os.urandom(32)), "0a" * 16, service.client(), service.url)
    statement = nobody.statement(small_envelope().payload)
    with pytest.raises(NotEnrolled):
        nobody.client.submit(statement)
    assert code(post(service, "/statements", statement)) == (403, "not-enrolled")


def test_an_enrolled_key_cannot_deposit_for_another_account(company, stranger):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    forged = Account(stranger.key, company.account, company.client, company.url)
    with pytest.raises(NotEnrolled):
        company.client.submit(forged.statement(envelope.payload))


def test_a_revoked_key_neither_deposits_nor_reads(service):
    account = service.enrol("Revoked Ltd")
    _, receipt = account.deposit()
    envelope = small_envelope()
    account.client.put_envelopes([envelope])
    service.notary.accounts.revoke(account.key.thumbprint, "lost")
    with pytest.raises(KeyRevoked):
        account.client.submit(account.statement(envelope.payload))
    with pytest.raises(KeyRevoked):
        list(account.client.deposits())
    checked = account.client.verify(receipt)["deposits"][0]
    assert checked["standing"]["key_revoked"] is True
    revocation = checked["standing"]["revocation"]
    assert (revocation["reason"], revocation["after_deposit"]) == ("lost", True)
    assert revocation["index"] > checked["standing"]["index"]
    assert checked["report"]["good"]


def test_a_forged_signature_is_refused(company):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    statement = company.statement(envelope.payload)
    with pytest.raises(Refused):
        company.client.submit(statement[:-1] + bytes([statement[-1] ^ 1]))


@pytest.mark.parametrize("body", [b"", b"\xd2", b"\xd2\x84", os.urandom(200), b"{}", b"\xff" * 9])
def test_what_is_no_statement_is_422(service, body):
    assert code(post(service, "/statements", body)) == (422, "malformed")


def test_a_truncated_statement_is_422(service, company):
    statement = company.statement(small_envelope().payload)
    for end in (1, 20, len(statement) // 2, len(statement) - 1):
        assert code(post(service, "/statements", statement[:end])) == (422, "malformed")


def test_an_oversized_statement_is_413(service):
    assert code(post(service, "/statements", bytes(MAX_ENTRY + 1))) == (413, "too-large")


def test_the_wrong_media_type_is_415(service):
    assert code(post(service, "/statements", b"x", "application/json"))[0] == 415


def test_a_chunked_body_is_limited_while_it_arrives(service):
    def blocks():
        for _ in range(100):
            yield bytes(4096)

    answer = service.http.post("/statements", content=blocks(), headers={"content-type": COSE})
    assert code(answer) == (413, "too-large")


# --- batches ---


def test_a_batch_answers_each_statement_for_itself_and_in_order(service, company):
    envelopes = [small_envelope(os.urandom(50)) for _ in range(40)]
    company.client.put_envelopes(envelopes)
    statements = [company.statement(each.payload) for each in envelopes]
    statements[7] = company.statement(Payload(40, bytes(32)))
    statements[9] = b"rubbish"
    answers = company.client.submit_many(statements)
    assert isinstance(answers[7], CiphertextMissing)
    assert isinstance(answers[9], MalformedData)
    for at, (statement, answer) in enumerate(zip(statements, answers, strict=True)):
        if at not in (7, 9):
            assert isinstance(answer, bytes)
            assert parse_receipt(answer).statement == statement


def test_more_statements_than_one_request_takes_go_in_several(company):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    statements = [company.statement(envelope.payload) for _ in range(MAX_BATCH + 20)]
    answers = company.client.submit_many(statements)
    assert [parse_receipt(each).statement for each in answers] == statements


def test_an_empty_batch_gives_an_empty_answer(service):
    answer = post(service, "/statements/batch", cbor_encode([]), CBOR)
    assert cbor_decode(answer.content) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (422, "malformed")),
        (cbor_encode({}), (422, "malformed")),
        (cbor_encode(["x"]), (422, "malformed")),
        (b"\x9f\x41\x00\xff", (422, "malformed")),
        (cbor_encode([b""] * (MAX_BATCH + 1)), (413, "too-large")),
        (bytes(MAX_BATCH_BYTES + 1), (413, "too-large")),
    ],
)
def test_what_is_no_batch_is_refused_whole(service, body, expected):
    assert code(post(service, "/statements/batch", body, CBOR)) == expected


def test_many_depositors_at_once_get_each_their_own_receipt(service, company):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    statements = [company.statement(envelope.payload) for _ in range(100)]
    with ThreadPoolExecutor(16) as pool:
        receipts = list(pool.map(company.client.submit, statements))
    assert [parse_receipt(each).statement for each in receipts] == statements


# --- reading one's own ---


def test_deposits_lists_the_accounts_own_in_order_over_pages(service):
    account = service.enrol("Many Ltd")
    envelope = small_envelope()
    account.client.put_envelopes([envelope])
    statements = [account.statement(envelope.payload) for _ in range(300)]
    account.client.submit_many(statements)
    found = list(account.client.deposits())
    assert sorted(each.statement for each in found) == sorted(statements)
    assert [each.index for each in found] == sorted(each.index for each in found)
    assert all(leaf_hash(each.statement) == each.leaf for each in found)
    assert list(account.client.deposits(after=found[-3].index)) == found[-2:]


def test_a_receipt_can_be_fetched_again_by_its_owner(company):
    statement, receipt = company.deposit()
    assert company.client.receipt(leaf_hash(statement)) == receipt


def test_what_is_another_accounts_is_answered_as_what_does_not_exist(service, company, stranger):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    statement = company.statement(envelope.payload)
    company.client.submit(statement)
    root, leaf = envelope.payload.root.hex(), leaf_hash(statement).hex()

    def ask(method, target, root_or_leaf):
        target = target.format(root_or_leaf)
        headers = stranger.signed(method, target)
        answer = service.http.request(method, target, headers=headers)
        return answer.status_code, answer.content

    for method, target, there in [
        ("GET", "/receipts/{}", leaf),
        ("GET", "/envelopes/{}", root),
        ("HEAD", "/envelopes/{}/payload", root),
    ]:
        assert ask(method, target, there) == ask(method, target, os.urandom(32).hex())
        assert ask(method, target, there)[0] == 404
    with pytest.raises(NotFound):
        stranger.client.put_header(envelope.payload.root, HEADER)
    assert statement not in [each.statement for each in stranger.client.deposits()]


def test_the_receipt_of_an_entry_that_is_no_deposit_is_not_found(service, company):
    block, _ = service.notary.block(1)
    with pytest.raises(NotFound):
        company.client.receipt(leaf_hash(block))


# --- signed requests ---


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/deposits"),
        ("GET", f"/receipts/{'0' * 64}"),
        ("GET", f"/envelopes/{'0' * 64}"),
        ("HEAD", f"/envelopes/{'0' * 64}/payload"),
        ("PATCH", f"/envelopes/{'0' * 64}/payload"),
        ("PUT", f"/envelopes/{'0' * 64}/header"),
        ("POST", "/envelopes"),
    ],
)
def test_without_a_signature_the_answer_is_401(service, method, target):
    answer = service.http.request(method, target)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Signature")
    assert answer.headers["sealbook-problem"] == "not-authenticated"


def test_a_replayed_request_is_refused(service, company):
    headers = company.signed("GET", "/deposits")
    assert service.http.get("/deposits", headers=headers).status_code == 200
    assert code(service.http.get("/deposits", headers=headers)) == (401, "not-authenticated")


def test_a_request_signed_for_another_ledger_is_refused(service, company):
    headers = company.signed("GET", "/deposits", origin="other.example/ledger")
    assert code(service.http.get("/deposits", headers=headers))[0] == 401


@pytest.mark.parametrize("shift", [-301, 305])
def test_a_request_from_outside_the_window_is_refused(service, company, shift):
    headers = company.signed("GET", "/deposits", now=int(time.time()) + shift)
    assert code(service.http.get("/deposits", headers=headers))[0] == 401


def test_a_body_that_was_exchanged_is_refused_and_the_nonce_stays_good(service, company):
    envelope = small_envelope()
    body = cbor_encode([])
    headers = company.signed("POST", "/envelopes", body=body, headers={"content-type": CBOR})
    other = cbor_encode(
        [
            {
                "root": envelope.payload.root,
                "size": envelope.payload.size,
                "header": envelope.header,
                "payload": envelope.data,
            }
        ]
    )
    assert code(service.http.post("/envelopes", content=other, headers=headers))[0] == 401
    assert service.http.post("/envelopes", content=body, headers=headers).status_code == 204


def test_an_unknown_key_cannot_make_the_notary_read_a_body(service):
    nobody = Account(SigningKey(os.urandom(32)), "0a" * 16, service.client(), service.url)
    body = bytes(1000)
    headers = nobody.signed("POST", "/envelopes", body=body, headers={"content-type": CBOR})
    assert code(service.http.post("/envelopes", content=body, headers=headers))[0] == 401


def test_many_signed_requests_at_once_are_all_answered(company):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: list(company.client.deposits(after=10**9)), range(200)))
    assert answers == [[]] * 200


def test_a_client_without_a_key_says_what_it_lacks(service):
    with pytest.raises(Exception, match="key"):
        list(service.client().deposits())


# --- small envelopes ---


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"root": b"x"}, (422, "malformed")),
        ({"size": -1}, (422, "verification-failed")),
        ({"payload": bytes(40)}, (422, "verification-failed")),
        ({"payload": b""}, (422, "malformed")),
        ({"header": b"age-encryption.org/v1\n"}, (422, "malformed")),
        ({"header": HEADER + bytes(70_000)}, (413, "too-large")),
        ({"more": 1}, (422, "malformed")),
    ],
)
def test_an_age_file_that_is_not_what_it_says_is_refused(service, company, change, expected):
    each = small_envelope()
    item = {
        "root": each.payload.root,
        "size": each.payload.size,
        "header": each.header,
        "payload": each.data,
    }
    body = cbor_encode([item | change])
    headers = company.signed("POST", "/envelopes", body=body, headers={"content-type": CBOR})
    assert code(service.http.post("/envelopes", content=body, headers=headers)) == expected


def test_envelopes_of_every_size_go_up_in_one_call(company):
    envelopes = [small_envelope(os.urandom(size)) for size in (1, 65_536, 3_000_000, 9_000_000)]
    envelopes += [small_envelope(os.urandom(9)) for _ in range(30)]
    company.client.put_envelopes(envelopes)
    company.client.put_envelopes(envelopes)
    for each in envelopes:
        parts: list[bytes] = []
        company.client.download(each.payload, parts.append)
        assert b"".join(parts) == each.header + each.data


# --- enrolment ---


def joining(key: SigningKey, account: str) -> bytes:
    return format_request(
        key, origin=ORIGIN, nonce=os.urandom(32), issued_at=1_790_000_000, account=account
    )


@pytest.fixture
def sheet():
    """A recovery sheet's key."""
    return SigningKey(os.urandom(32))


@pytest.fixture
def holder(service, sheet):
    """A company with its recovery sheet at hand."""
    return service.enrol("Holder Ltd", sheet)


def test_a_further_device_joins_by_the_signature_of_the_recovery_sheet(service, holder, sheet):
    key = SigningKey(os.urandom(32))
    answer = service.client().join(endorse_request(joining(key, holder.account), sheet))
    assert answer["account"] == holder.account
    assert (answer["key"], answer["role"]) == (key.thumbprint.hex(), "device")
    entry = service.notary.entries.read(answer["index"]).statement
    assert parse_enrolment(parse_statement(entry)).endorser == sheet.thumbprint
    service.client().join(endorse_request(joining(key, holder.account), sheet))
    object_ = f"account {holder.account}, key {key.thumbprint.hex()[:16]}"
    (row,) = [each for each in newest(service.notary.staff_desk, None, 9) if each.object == object_]
    assert (row.action, row.who, row.role) == ("enrolled", sheet.thumbprint.hex(), "recovery")
    assert row.entry == answer["index"]
    second = Account(key, holder.account, service.client(key), service.url)
    statement, receipt = second.deposit()
    assert parse_receipt(receipt).statement == statement


def test_a_thief_of_a_devices_key_enrols_nothing(service, holder, sheet):
    """Nothing that comes so would end with the stolen key."""
    device = SigningKey(os.urandom(32))
    with pytest.raises(Refused):
        service.client().join(endorse_request(joining(device, holder.account), holder.key))
    with_sheet = format_request(
        device,
        origin=ORIGIN,
        nonce=os.urandom(32),
        issued_at=1_790_000_000,
        account=holder.account,
        recovery=SigningKey(os.urandom(32)),
    )
    for endorser in (holder.key, sheet):
        with pytest.raises(MalformedData):
            service.client().join(endorse_request(with_sheet, endorser))
    keys = [each.public for each in service.notary.accounts.standing(holder.account).keys]
    assert keys == [holder.key.public, sheet.public]


def test_a_key_joins_nothing_by_a_strangers_signature(service, company, stranger):
    request = joining(SigningKey(os.urandom(32)), company.account)
    with pytest.raises(NotEnrolled):
        service.client().join(endorse_request(request, stranger.key))
    with pytest.raises(MalformedData):
        service.client().join(request)


def test_a_key_of_another_account_cannot_join(service, holder, sheet, stranger):
    request = joining(stranger.key, holder.account)
    with pytest.raises(Conflict):
        service.client().join(endorse_request(request, sheet))


# --- checks ---


def test_a_receipt_that_was_altered_is_reported_claim_by_claim(service, company):
    _, receipt = company.deposit()
    at = receipt.index(b"Example Ltd")
    altered = receipt[:at] + b"Another Ltd" + receipt[at + 11 :]
    checked = service.client().verify(altered)["deposits"][0]
    status = {claim["claim"]: claim["status"] for claim in checked["report"]["claims"]}
    assert not checked["report"]["good"]
    assert (status["identity"], status["ledger"]) == ("failed", "proven")
    assert checked["standing"]["entered"]


@pytest.mark.parametrize("data", [b"", b"x", b"\xd2", b"PK\x03\x04", os.urandom(5000)])
def test_what_is_neither_receipt_nor_evidence_is_422(service, data):
    with pytest.raises(MalformedData):
        service.client().verify(data)


def test_a_file_over_the_limit_is_413(service):
    with pytest.raises(TooLarge):
        service.client().verify(bytes((16 << 20) + 1))


def test_a_request_that_is_not_signed_does_not_become_so_by_a_wrong_one(service, company):
    headers = company.signed("GET", "/deposits") | {"signature": "sealbook=:AAAA:"}
    assert code(service.http.get("/deposits", headers=headers)) == (401, "not-authenticated")
    with pytest.raises(NotAuthenticated):
        list(service.client(SigningKey(os.urandom(32))).deposits())
