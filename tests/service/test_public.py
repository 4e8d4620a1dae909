"""What everyone may read: a stranger can follow the ledger from public data alone."""

import pytest

from api.log import FOR_EVER
from ledger.chain.block import note_digest, parse_block
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.policy import verify_note
from ledger.chain.statement import parse_statement
from ledger.chain.tiles import TILE_WIDTH, TileHashes, tile_path, tile_width
from ledger.chain.trust import parse_trust
from ledger.crypto.merkle import tree_root, verify_consistency

from .conftest import ORIGIN


@pytest.fixture(scope="module")
def tree(service, company):
    for _ in range(3):
        company.deposit()
    note = service.notary.sequencer.checkpoint
    return parse_checkpoint(parse_note(note).text)


def published(service):
    return parse_checkpoint(parse_note(service.client().checkpoint()).text)


def test_health_says_origin_and_size(service, tree):
    assert service.client().health() == {
        "status": "ok",
        "reasons": [],
        "warnings": [],
        "origin": ORIGIN,
        "size": tree.size,
    }


def test_the_trust_file_is_the_notarys(service):
    trust = service.client().trust()
    assert trust == service.notary.trust
    assert parse_trust(trust).origin == ORIGIN


def test_the_checkpoint_is_signed_as_the_trust_file_demands_and_never_cached(service):
    answer = service.http.get("/checkpoint")
    assert verify_note(parse_trust(service.client().trust()).policy, answer.text)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_tiles_give_the_checkpoints_root(service, tree):
    size, root = published(service).size, published(service).root
    client = service.client()

    def read_tile(level, index, width):
        assert width == tile_width(level, index, size)
        return client.tile(level, index, width)

    assert tree_root(TileHashes(read_tile, size), size) == root


def test_a_tile_is_cached_for_ever(service, tree):
    size = published(service).size
    path = tile_path(0, size // TILE_WIDTH, size % TILE_WIDTH)
    answer = service.http.get(f"/{path}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == FOR_EVER["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/900",
        "/tile/0/900.p/255",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/0",
        "/tile/00/000",
        "/tile/64/000",
        "/tile/0/x000/001",
        "/tile/0/%30%30%30",
        "/tile/0/000/",
        "/tile//0/000",
        "/tile/0/../../keys/log-ed25519.pem",
        "/tile/0/..%2f..%2f..%2fkeys%2flog-ed25519.pem",
        "/tile/",
        "/tile",
        "/tile/entries/0",
        "/tile/entries/%30%30%30",
    ],
)
def test_any_other_path_is_no_tile(raw, path):
    with raw() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"not-found"' in answer


@pytest.mark.parametrize("path", ["/tile/entries/000", "/tile/entries/000.p/3"])
def test_entries_are_for_admitted_auditors(service, path):
    answer = service.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "refused")


def test_blocks_form_a_chain_from_genesis(service, tree):
    client = service.client()
    previous = bytes(32)
    start = 0
    for height in range(4):
        found = client.block(height)
        block = parse_block(parse_statement(found.statement))
        assert (block.height, block.start, block.previous) == (height, start, previous)
        start = parse_checkpoint(parse_note(found.note).text).size
        assert start == block.size
        previous = note_digest(found.note)


def test_a_consistency_proof_leads_from_an_old_tree_to_a_newer_one(service, tree):
    client = service.client()
    old = parse_checkpoint(parse_note(client.block(2).note).text)
    proof = client.consistency(old.size, tree.size)
    verify_consistency(old.size, old.root, tree.size, tree.root, proof)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/block/100000", 404),
        ("/block/9223372036854775807", 404),
        ("/block/9999999999999999999", 422),
        ("/block/00", 422),
        ("/block/-1", 422),
        ("/block/+1", 422),
        ("/block/%D9%A1", 422),
        ("/consistency/2/1", 422),
        ("/consistency/1/100000", 404),
        ("/consistency/1/01", 422),
        ("/consistency/1", 404),
        ("/docs", 404),
        ("/checkpoint/", 404),
    ],
)
def test_what_does_not_exist_is_a_problem_document(service, path, status):
    answer = service.http.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "code", "detail"}
    assert problem["status"] == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/checkpoint", "GET, HEAD"),
        ("DELETE", "/deposits", "GET, HEAD"),
        ("PUT", "/trust", "GET, HEAD"),
        ("OPTIONS", "/tile/0/000", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("GET", "/statements", "POST"),
        ("HEAD", "/verify", "POST"),
        ("GET", f"/envelopes/{'0' * 64}/payload", "HEAD, PATCH"),
        ("DELETE", f"/envelopes/{'0' * 64}/payload", "HEAD, PATCH"),
        ("POST", f"/envelopes/{'0' * 64}/header", "PUT"),
        ("POST", f"/envelopes/{'0' * 64}", "GET, HEAD"),
    ],
)
def test_another_method_is_405_and_names_all_the_right_ones(service, method, path, allowed):
    answer = service.http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/trust",
        "/checkpoint",
        "/block/0",
        "/block/100000",
        "/consistency/1/2",
        "/tile/entries/000",
        "/deposits",
        "/openapi.json",
        "/nothing",
    ],
)
def test_head_is_what_get_is_without_the_body(service, tree, path):
    of_get, of_head = (service.http.request(method, path) for method in ("GET", "HEAD"))
    assert of_head.status_code == of_get.status_code
    assert of_head.content == b""
    for name in ("content-type", "content-length", "cache-control", "sealbook-problem"):
        assert of_head.headers.get(name) == of_get.headers.get(name)


def test_a_client_may_send_a_tiles_path_as_one_parameter(service, tree):
    size = published(service).size
    path = tile_path(0, size // TILE_WIDTH, size % TILE_WIDTH)
    plain, escaped = (
        service.http.get(each)
        for each in (f"/{path}", f"/tile/{path.removeprefix('tile/').replace('/', '%2F')}")
    )
    assert (plain.status_code, escaped.status_code) == (200, 200)
    assert escaped.content == plain.content
