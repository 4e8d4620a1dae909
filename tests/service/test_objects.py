"""A notary whose log, records and ciphertext lie in a bucket: everything over HTTP, to the end."""

import os
import shutil
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from api.settings import Settings
from ledger.chain.office import Platform
from ledger.chain.statement import Payload
from ledger.chain.tiles import entries_path, partial_tiles, tile_path
from ledger.chain.trust import parse_trust
from ledger.crypto.envelope import decrypt_bytes, encrypt_payload
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.errors import CiphertextMissing, SealbookError, Unavailable
from ledger.notary.care.founding import init_notary
from ledger.notary.care.fsck import fsck
from ledger.notary.care.rebuild import rebuild
from ledger.notary.desk import terms
from ledger.notary.desk.trail import Actor
from ledger.notary.notary import open_notary
from ledger.notary.orders import AskTidied, Tidied, Tidy
from ledger.notary.storage.bucket import open_bucket
from ledger.verify import verify_receipt
from ledger.wire.protocol import SmallEnvelope
from tests.cli.conftest import run
from tests.objects import SECRET, ObjectServer
from tests.postgres import Missing, Postgres
from tests.service.conftest import HEADER, ORIGIN, Account, Service, small_envelope, start

A = TypeVar("A")
CLERK = Actor("wang", "terminal")


@pytest.fixture(scope="module")
def place(object_server: ObjectServer) -> str:
    return object_server.url()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, place: str) -> Path:
    folder = tmp_path_factory.mktemp("in-a-bucket") / "notary"
    run("notary", "init", "--origin", ORIGIN, "--objects", place, "--dir", folder)
    return folder


@contextmanager
def serving(directory: Path, *, serve: bool = False) -> Iterator[Service]:
    with open_notary(directory, serve=serve) as notary:
        server, thread, port = start(notary, Settings(idle=1.0, body=3.0))
        url = f"http://127.0.0.1:{port}"
        with httpx2.Client(base_url=url, timeout=60) as http:
            yield Service(notary, url, port, http)
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def service(directory: Path) -> Iterator[Service]:
    with serving(directory) as running:
        yield running


@pytest.fixture(scope="module")
def company(service: Service) -> Account:
    return service.enrol()


def sent_again(send: Callable[[], A]) -> A:
    """Send as a company does, until it is taken: a store that has just started may still fail."""
    end = time.monotonic() + 60
    while True:
        try:
            return send()
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def until(service: Service, status: int) -> httpx2.Response:
    """Wait until `/ready` has this status."""
    end = time.monotonic() + 60
    while (answer := service.http.get("/ready")).status_code != status:
        assert time.monotonic() < end
        time.sleep(0.1)
    return answer


def test_the_directory_keeps_settings_keys_and_databases_alone(directory: Path, place: str) -> None:
    folders = {each.name for each in directory.iterdir() if each.is_dir()}
    assert folders == {"keys", "uploads"} and not list((directory / "uploads").iterdir())
    settings = (directory / "notary.toml").read_text()
    assert tomllib.loads(settings)["objects"] == place and SECRET not in settings


def test_a_deposit_is_receipted_and_its_age_file_comes_back(
    service: Service, company: Account
) -> None:
    envelope = small_envelope(b"a contract")
    company.client.put_envelopes([envelope])
    statement = company.statement(envelope.payload)
    receipt = company.client.submit(statement)
    trust = parse_trust(service.http.get("/trust").content)
    assert verify_receipt(receipt, trust).statement.encoded == statement
    parts: list[bytes] = []
    company.client.download(envelope.payload, parts.append)
    assert decrypt_bytes(b"".join(parts), [X25519Identity(b"i" * 32)]) == b"a contract"


def test_a_large_age_file_goes_up_in_pieces_and_comes_down_by_range(
    service: Service, company: Account, directory: Path
) -> None:
    data = encrypt_payload(os.urandom(9 << 20), b"k" * 16, os.urandom(16))
    payload = Payload(len(data), payload_root([data]))
    company.client.upload(payload, lambda at, n: data[at : at + n], HEADER)
    target = f"/envelopes/{payload.root.hex()}"
    asked = {"range": f"bytes={len(HEADER) + 5_000_000}-{len(HEADER) + 7_999_999}"}
    answer = service.http.get(target, headers=company.signed("GET", target) | asked)
    assert answer.status_code == 206 and answer.content == data[5_000_000:8_000_000]
    assert answer.headers["cache-control"] == "private, no-store"
    assert not list((directory / "uploads").rglob("*.part"))


def test_the_log_is_given_out_as_it_lies_in_the_bucket(
    service: Service, company: Account, place: str
) -> None:
    company.deposit()
    bucket = open_bucket(place)
    note = service.http.get("/checkpoint")
    assert note.headers["cache-control"] == "no-cache"
    size = int(note.text.splitlines()[1])
    for tile in partial_tiles(size):
        path = tile_path(tile.level, tile.index, tile.width)
        answer = service.http.get(f"/{path}")
        assert answer.headers["cache-control"].endswith("immutable")
        assert answer.content == bucket.read(f"log/{path}")
    assert service.http.get(f"/{entries_path(0, 1)}").status_code == 403


def test_an_erased_identity_record_is_gone_from_the_bucket(service: Service, place: str) -> None:
    bucket, account = open_bucket(place), service.enrol("Gone Ltd")
    before = bucket.keys("records/")
    assert service.notary.accounts.erase(account.account) == 1
    (gone,) = set(before) - set(bucket.keys("records/"))
    assert bucket.read(gone) is None


def test_a_place_that_is_used_is_not_founded_in(
    service: Service, tmp_path: Path, place: str
) -> None:
    other = tmp_path / "other"
    again = run("notary", "init", "--origin", "x", "--objects", place, "--dir", other, code=1)
    assert "lies under" in again.output


def test_what_no_deposit_names_goes_from_the_bucket(
    service: Service, company: Account, place: str
) -> None:
    notary, bucket = service.notary, open_bucket(place)
    desk = notary.staff_desk
    assert desk is not None
    one = service.enrol("Tidy Ltd")
    one.deposit()
    lost, late = small_envelope(b"lost"), small_envelope(b"late")
    one.client.put_envelopes([lost, late])

    def lies(envelope: SmallEnvelope) -> bool:
        key = f"objects/{one.account}/{envelope.payload.root.hex()}.payload"
        return bucket.size(key) is not None

    company.client.put_envelopes([small_envelope()])
    for each in (company, one):
        terms.mark(desk, CLERK, each.account, terms.Mark.HELD, "order 116")
    assert notary.execute(Tidy(0)) == Tidied(held=2)
    terms.clear(desk, CLERK, one.account, terms.Mark.HELD)
    assert notary.execute(Tidy(60)).files == 0
    assert notary.execute(AskTidied(0)).files == 4 and lies(lost)
    one.client.submit(one.statement(late.payload))
    assert notary.execute(Tidy(0)).files == 2
    assert not lies(lost) and lies(late)
    with pytest.raises(CiphertextMissing):  # what was found there lately is not taken for there
        one.client.submit(one.statement(lost.payload))
    one.client.put_envelopes([lost])
    one.client.submit(one.statement(lost.payload))
    assert notary.execute(Tidy(0)).files == 0 and lies(lost)
    terms.clear(desk, CLERK, company.account, terms.Mark.HELD)


def test_a_store_that_stops_costs_nothing_and_the_notary_goes_on(
    service: Service, company: Account, object_server: ObjectServer
) -> None:
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    waiting = company.statement(envelope.payload)
    assert service.http.get("/ready").status_code == 200
    object_server.stop()
    try:
        assert "objects" in until(service, 503).text
        with pytest.raises(SealbookError, match="cannot store anything now"):
            company.client.put_envelopes([small_envelope()])
        with pytest.raises(SealbookError):
            company.client.submit(waiting)
        answer = service.http.get("/checkpoint")
        assert answer.status_code == 507
        for detail in (SECRET, "127.0.0.1", "s3://", "refused"):
            assert detail not in answer.text
    finally:
        object_server.start()
    until(service, 200)
    trust = parse_trust(service.http.get("/trust").content)
    receipt = sent_again(lambda: company.client.submit(waiting))
    assert verify_receipt(receipt, trust).statement.encoded == waiting
    sent_again(company.deposit)


def test_commands_say_what_the_store_answers_and_where(
    directory: Path, object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = ("notary", "init", "--origin", ORIGIN, "--dir", tmp_path / "n", "--objects")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    for command, code in (
        ((*init, object_server.url()), 1),
        (("notary", "doctor", "--dir", directory), 1),
    ):
        said = " ".join(run(*command, code=code).output.replace("|", " ").split())
        assert "does not let the notary use" in said
        assert "403 Forbidden" in said and "http://127.0.0.1:" in said and "s3://" in said
    said = run("--lang", "zh", *init, object_server.url(), code=1).output
    assert "对象存储" in said and "does not" not in said
    said = run(*init, "s3://bucket/p?endpoint=http://127.0.0.1:1", code=1).output
    assert "does not answer" in said and "Connection refused" in said


def test_a_restart_goes_on_and_a_lost_database_is_made_from_the_bucket(
    service: Service, company: Account, directory: Path, place: str
) -> None:
    statement, _ = company.deposit()
    size = service.notary.sequencer.last.size
    service.notary.close()
    assert fsck(directory, ciphertext=True) == ()
    bucket = open_bucket(place)
    for name in (entries_path(0, size), tile_path(0, 0, size)):
        assert bucket.size(f"log/{name}")
        bucket.put(f"log/{name}", b"altered", {})
    assert sum(each.level == "error" for each in fsck(directory)) >= 2
    assert rebuild(directory) == size and fsck(directory) == ()
    for each in directory.glob("ledger.sqlite*"):
        each.unlink()
    assert rebuild(directory) == size
    with serving(directory) as again:
        assert again.notary.sequencer.last.size == size
        found = Account(company.key, company.account, again.client(company.key), again.url)
        trust = parse_trust(again.http.get("/trust").content)
        assert verify_receipt(found.client.submit(statement), trust).statement.encoded == statement
        found.deposit()
    assert fsck(directory) == ()


@pytest.mark.soak
def test_rows_in_postgresql_and_files_in_a_bucket_serve_from_two_hosts(
    object_server: ObjectServer, tmp_path: Path
) -> None:
    try:
        postgres = Postgres()
    except Missing as missing:
        pytest.skip(f"no PostgreSQL: {missing}")
    try:
        one, other = tmp_path / "one", tmp_path / "other"
        init_notary(
            one,
            ORIGIN,
            issuer="Office",
            platform=Platform("Office", "none", "test", "sealbook test", ()),
            database=postgres.new(),
            objects=object_server.url(),
            random=os.urandom,
        )
        shutil.copytree(one, other)
        with serving(one, serve=True) as first:
            company = first.enrol()
            company.deposit()
            with serving(other, serve=True) as second:
                beside = Account(
                    company.key, company.account, second.client(company.key), second.url
                )
                for each in (beside, company) * 5:
                    statement, receipt = each.deposit()
                    trust = parse_trust(second.http.get("/trust").content)
                    assert verify_receipt(receipt, trust).statement.encoded == statement
                first.notary.close()
                statement, _ = beside.deposit()
                second.notary.close()
        assert not list(one.rglob("*.sqlite")) and not (one / "log").exists()
        assert fsck(other, ciphertext=True) == ()
    finally:
        postgres.close()
