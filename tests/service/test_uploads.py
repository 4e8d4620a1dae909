"""Large payloads: cut anywhere they continue, and count only when whole; ranged reads."""

import os
import random
import threading
import time

import httpx2
import pytest

from ledger.chain.statement import Payload
from ledger.crypto.envelope import decrypt_bytes, encrypt_payload
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.errors import Conflict, NotFound, VerificationFailed
from ledger.wire import transfers
from ledger.wire.protocol import OCTETS, Upload

from .conftest import HEADER

PLAIN = random.Random(7).randbytes(3_000_000)


@pytest.fixture
def payload_data():
    data = encrypt_payload(PLAIN, b"k" * 16, os.urandom(16))
    return Payload(len(data), payload_root([data])), data


def patch(service, account, payload, data, offset, end=None, promised=None):
    target = f"/envelopes/{payload.root.hex()}/payload"
    headers = account.signed(
        "PATCH",
        target,
        headers={
            "content-type": OCTETS,
            "upload-offset": str(offset),
            "upload-length": str(payload.size if promised is None else promised),
        },
    )
    return service.http.patch(target, content=data[offset:end], headers=headers)


def test_an_upload_goes_up_and_comes_down_and_opens(company, payload_data):
    payload, data = payload_data
    seen: list[int] = []
    company.client.upload(payload, lambda at, n: data[at : at + n], HEADER, seen.append)
    assert seen == [0, payload.size]
    parts: list[bytes] = []
    company.client.download(payload, parts.append)
    assert decrypt_bytes(b"".join(parts), [X25519Identity(b"i" * 32)]) == PLAIN


def test_an_upload_in_pieces_stands_where_the_last_one_ended(service, company, payload_data):
    payload, data = payload_data
    for start, end in ((0, 1), (1, 16), (16, 17), (17, 65_568), (65_568, 1_500_000)):
        answer = patch(service, company, payload, data, start, end)
        assert answer.status_code == 204
        assert answer.headers["upload-offset"] == str(end)
        assert company.client.upload_status(payload.root) == Upload(payload.size, end, False)
    company.client.upload(payload, lambda at, n: data[at : at + n], HEADER)
    assert company.client.upload_status(payload.root) == Upload(payload.size, payload.size, True)


def test_connections_that_break_at_random_places_lose_nothing(
    service, company, payload_data, raw, monkeypatch
):
    payload, data = payload_data
    source = random.Random(11)
    target = f"/envelopes/{payload.root.hex()}/payload"
    offset = 0
    for _ in range(6):
        headers = company.signed(
            "PATCH",
            target,
            headers={
                "content-type": OCTETS,
                "content-length": str(payload.size - offset),
                "upload-offset": str(offset),
                "upload-length": str(payload.size),
                "host": "a",
            },
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection = raw()
        connection.sendall(f"PATCH {target} HTTP/1.1\r\n{head}\r\n".encode())
        connection.sendall(data[offset : offset + source.randrange(400_000)])
        connection.close()
        deadline = time.monotonic() + 5
        while True:
            upload = company.client.upload_status(payload.root)
            try:
                service.notary.uploads.begin(
                    company.account, payload, upload.offset if upload else 0
                ).close()
                break
            except Conflict:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        assert upload is None or offset <= upload.offset <= payload.size
        offset = upload.offset if upload else 0
    assert 0 < offset < payload.size
    company.client.upload(payload, lambda at, n: data[at : at + n], HEADER)
    assert service.notary.envelopes.holds(company.account, payload)


def test_the_client_continues_after_a_break_in_the_middle(company, payload_data, monkeypatch):
    payload, data = payload_data
    monkeypatch.setattr(transfers, "UPLOAD_PIECE", 1 << 20)
    reads = []

    def read_at(offset, length):
        reads.append(offset)
        if len(reads) in (2, 5):
            raise httpx2.WriteError("the network went away")
        return data[offset : offset + length]

    company.client.upload(payload, read_at, HEADER)
    assert company.client.upload_status(payload.root).complete
    assert len(reads) < 10


def test_bytes_that_are_not_the_payload_are_refused_at_the_end(service, company, payload_data):
    payload, data = payload_data
    wrong = data[:-1] + bytes([data[-1] ^ 1])
    answer = patch(service, company, payload, wrong, 0)
    assert (answer.status_code, answer.json()["code"]) == (422, "verification-failed")
    assert company.client.upload_status(payload.root) is None
    with pytest.raises(VerificationFailed):
        company.client.upload(payload, lambda at, n: wrong[at : at + n], HEADER)


def test_an_upload_that_the_notary_damaged_is_sent_once_more(company, service, payload_data):
    payload, data = payload_data
    patch(service, company, payload, data, 0, 1_000_000)
    store = service.notary.envelopes
    (part,) = [
        path
        for path in (service.notary.directory / "objects").rglob("*.part")
        if payload.root.hex() in path.name
    ]
    part.write_bytes(bytes(1_000_000))
    service.notary.uploads._hashes.clear()
    company.client.upload(payload, lambda at, n: data[at : at + n], HEADER)
    assert store.holds(company.account, payload)


@pytest.mark.parametrize(
    ("offset", "promised", "status", "code"),
    [
        (5, None, 409, "conflict"),
        (0, 1, 422, "malformed"),
        (0, 10, 422, "malformed"),
        (0, (1 << 40) + 1, 413, "too-large"),
        (0, 40, 413, "too-large"),
    ],
)
def test_an_impossible_place_or_size_is_refused(
    service, company, payload_data, offset, promised, status, code
):
    payload, data = payload_data
    answer = patch(service, company, payload, data, offset, offset + 1000, promised)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_place_of_a_piece_is_signed(service, company, payload_data):
    payload, data = payload_data
    target = f"/envelopes/{payload.root.hex()}/payload"
    place = {"content-type": OCTETS, "upload-offset": "0", "upload-length": str(payload.size)}
    headers = company.signed("PATCH", target, headers=place)
    headers["upload-length"] = str(payload.size + 1)
    assert service.http.patch(target, content=data[:9], headers=headers).status_code == 401


def test_a_slow_upload_is_ended_and_keeps_what_came(company, payload_data, raw):
    payload, data = payload_data
    target = f"/envelopes/{payload.root.hex()}/payload"
    headers = company.signed(
        "PATCH",
        target,
        headers={
            "content-type": OCTETS,
            "content-length": str(payload.size),
            "upload-offset": "0",
            "upload-length": str(payload.size),
            "host": "a",
        },
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = raw()
    connection.sendall(f"PATCH {target} HTTP/1.1\r\n{head}\r\n".encode() + data[:1000])
    answer = connection.makefile("rb").readline()
    assert answer == b"HTTP/1.1 408 Request Timeout\r\n"
    assert company.client.upload_status(payload.root) == Upload(payload.size, 1000, False)


def test_two_uploads_of_one_file_at_once_end_with_one_whole_file(service, company, payload_data):
    payload, data = payload_data

    def slowly(offset, length):
        time.sleep(0.02)
        return data[offset : offset + length]

    clients = [service.client(company.key) for _ in range(3)]
    threads = [
        threading.Thread(target=client.upload, args=(payload, slowly, HEADER)) for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.notary.envelopes.holds(company.account, payload)


# --- reading ---


@pytest.fixture(scope="module")
def stored(company):
    data = encrypt_payload(b"x" * 150_000, b"k" * 16, os.urandom(16))
    payload = Payload(len(data), payload_root([data]))
    company.client.upload(payload, lambda at, n: data[at : at + n], HEADER)
    return payload, HEADER + data


@pytest.mark.parametrize(
    ("field", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=150-400", 150, 401),
        ("bytes=100000-", 100_000, None),
        ("bytes=-10", -10, None),
        ("bytes=-99999999", 0, None),
        ("bytes=1000-99999999", 1000, None),
    ],
)
def test_a_range_is_what_it_says(service, company, stored, field, start, end):
    payload, whole = stored
    target = f"/envelopes/{payload.root.hex()}"
    headers = company.signed("GET", target, headers={"range": field})
    answer = service.http.get(target, headers=headers)
    assert answer.status_code == 206
    assert answer.content == whole[start:end]
    first = len(whole) + start if start < 0 else start
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert answer.headers["envelope-header-length"] == str(len(HEADER))


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-9"}])
def test_head_tells_an_age_files_size_and_sends_nothing_of_it(service, company, stored, headers):
    payload, whole = stored
    target = f"/envelopes/{payload.root.hex()}"
    answer = service.http.head(target, headers=company.signed("HEAD", target, headers=headers))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(whole))
    assert answer.headers["envelope-header-length"] == str(len(HEADER))
    of_get = service.http.head(target, headers=company.signed("GET", target))
    assert of_get.status_code == 401


@pytest.mark.parametrize("field", ["bytes=5-2", "bytes=a-", "lines=1-2", "bytes=1-2,4-5", "x" * 99])
def test_a_range_that_is_not_understood_gives_the_whole(service, company, stored, field):
    payload, whole = stored
    target = f"/envelopes/{payload.root.hex()}"
    headers = company.signed("GET", target, headers={"range": field})
    answer = service.http.get(target, headers=headers)
    assert (answer.status_code, answer.content) == (200, whole)


def test_a_range_behind_the_end_is_416(service, company, stored):
    payload, _ = stored
    target = f"/envelopes/{payload.root.hex()}"
    headers = company.signed("GET", target, headers={"range": "bytes=999999-"})
    assert service.http.get(target, headers=headers).status_code == 416


def test_reading_at_a_place_gives_those_bytes(company, stored):
    payload, whole = stored
    assert company.client.read_envelope(payload.root, 70_000, 500) == whole[70_000:70_500]
    assert company.client.read_envelope(payload.root, len(whole) - 3, 500) == whole[-3:]


def test_a_header_can_be_replaced_and_the_payload_stays(company, stored):
    payload, whole = stored
    other = HEADER.replace(HEADER.splitlines()[1], HEADER.splitlines()[1])
    company.client.put_header(payload.root, other)
    assert company.client.read_envelope(payload.root, 0, len(whole)) == whole


def test_a_payload_that_the_notary_changed_is_noticed_while_fetching(service, company, tmp_path):
    data = encrypt_payload(b"y" * 70_000, b"k" * 16, os.urandom(16))
    payload = Payload(len(data), payload_root([data]))
    company.client.upload(payload, lambda at, n: data[at : at + n], HEADER)
    path = service.notary.directory / "objects" / company.account / f"{payload.root.hex()}.payload"
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(VerificationFailed):
        company.client.download(payload, lambda block: None)


def test_what_is_not_here_is_not_found(company):
    with pytest.raises(NotFound):
        company.client.download(Payload(40, bytes(32)), lambda block: None)
    assert company.client.upload_status(bytes(32)) is None
