"""The witness's case table: what is asked, and what is answered, over HTTP."""

import hashlib
import http.client
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import cosign, verify_signature
from ledger.chain.note import (
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    Signature,
    VerifierKey,
    format_note,
    format_signature,
    format_vkey,
    parse_signature,
    sign_note,
)
from ledger.chain.witnessing import MAX_BODY, SIZE_TYPE, format_request
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.crypto.merkle import EMPTY_ROOT, consistency_proof, leaf_hash, root_from_leaf_hashes
from ledger.encoding import b64encode
from ledger.errors import Conflict, InvalidInput, StorageFailed
from ledger.witness.server import WitnessServer
from ledger.witness.witness import DATABASE, Witness, init_witness, open_witness
from tests.simulator import Tree

ORIGIN, FOREIGN = "log.example/one", "go.sum database tree 公证"
NOW = 1_795_000_000
LOG, LOG_PQ = SigningKey(b"l" * 32), MlDsaKey(b"m" * 32)
ENTRIES = [b"%d" % each for each in range(8)]
OTHERS = [b"other %d" % each for each in range(8)]


def root(size: int, entries: Sequence[bytes] = ENTRIES) -> bytes:
    return (
        root_from_leaf_hashes([leaf_hash(each) for each in entries[:size]]) if size else EMPTY_ROOT
    )


def proof(old: int, new: int) -> list[bytes]:
    return list(consistency_proof(Tree(ENTRIES[:new]), old, new)) if 0 < old < new else []


def note(size: int, tree: bytes | None = None, *more: Signature, origin: str = ORIGIN,
         keys: Sequence[SigningKey | MlDsaKey] = (LOG,)) -> str:  # fmt: skip
    checkpoint = Checkpoint(origin, size, root(size) if tree is None else tree)
    lines = [
        sign_note(checkpoint.text, ORIGIN, each)
        if isinstance(each, SigningKey)
        else cosign(checkpoint, ORIGIN, each, NOW)
        for each in keys
    ]
    return format_note(Note(checkpoint.text, (*lines, *more)))


def asked(old: int, hashes: Sequence[bytes], signed: str) -> bytes:
    return format_request(old, hashes, signed)


def grown(old: int, new: int) -> bytes:
    return asked(old, proof(old, new), note(new))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    found = init_witness(tmp_path / "w", "witness.example/w")
    for origin in (ORIGIN, FOREIGN):
        found.add(format_vkey(VerifierKey(ORIGIN, ED25519, LOG.public)), origin)
        found.add(format_vkey(VerifierKey(ORIGIN, COSIGNATURE_ML_DSA_44, LOG_PQ.public)), origin)
    return found


@pytest.fixture
def server(witness: Witness) -> Iterator[WitnessServer]:
    with WitnessServer(("127.0.0.1", 0), witness, lambda: NOW) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(
    server: WitnessServer, body: bytes, path: str = "/add-checkpoint", method: str = "POST"
) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.getheader("content-type", "")


ORPHAN = parse_signature(format_signature(Signature("stranger.example", b"abcd", b"x" * 64)))
FORGED = Signature(ORIGIN, VerifierKey(ORIGIN, ED25519, LOG.public).key_id, b"\0" * 64)
TEXT = Checkpoint(ORIGIN, 5, root(5)).text


def signed(text: str) -> str:
    return format_note(Note(text, (sign_note(text, ORIGIN, LOG),)))


SPACED = note(5).replace("\n\n", f"\n\n— a name of words {b64encode(b'abcdefgh')}\n")

CASES: list[tuple[str, Sequence[bytes], bytes, int]] = [
    ("1 first", [], grown(0, 5), 200),
    ("2 size 0", [], grown(0, 0), 200),
    ("3 from 0 that is stored", [grown(0, 0)], grown(0, 5), 200),
    ("4 size 0, other root", [], asked(0, [], note(0, root(3))), 422),
    ("4 size 0, other root, 0 stored", [grown(0, 0)], asked(0, [], note(0, root(3))), 422),
    ("5 old 0 with proof", [], asked(0, [root(1)], note(5)), 422),
    ("6 first contact, old 5", [], grown(5, 6), 409),
    ("7 old below stored", [grown(0, 5)], grown(4, 6), 409),
    ("8 old 0 while stored", [grown(0, 5)], grown(0, 6), 409),
    ("9 old above size", [grown(0, 5)], asked(6, [], note(5)), 400),
    ("10 1 to 3", [grown(0, 1)], grown(1, 3), 200),
    ("10 3 to 5", [grown(0, 3)], grown(3, 5), 200),
    ("10 2 to 4", [grown(0, 2)], grown(2, 4), 200),
    ("10 4 to 5", [grown(0, 4)], grown(4, 5), 200),
    ("11 no proof", [grown(0, 3)], asked(3, [], note(5)), 422),
    ("11 wrong proof", [grown(0, 3)], asked(3, [root(2)] * 3, note(5)), 422),
    ("11 one too many", [grown(0, 3)], asked(3, [*proof(3, 5), root(1)], note(5)), 422),
    ("12 same size", [grown(0, 5)], grown(5, 5), 200),
    ("13 same size with proof", [grown(0, 5)], asked(5, [root(1)], note(5)), 422),
    ("14 same size, other root", [grown(0, 5)], asked(5, [], note(5, root(5, OTHERS))), 422),
    ("15 unknown origin", [], asked(0, [], note(5, origin="other.example")), 404),
    ("15 unknown, malformed note", [], b"old 0\n\nother.example\nnothing\n", 404),
    ("16 no trusted line", [], asked(0, [], format_note(Note(TEXT, (ORPHAN,)))), 403),
    ("17 a trusted line that fails", [],
     asked(0, [], note(5, None, FORGED, keys=[LOG_PQ])), 403),
    ("18 unknown lines", [], asked(0, [], note(5, None, ORPHAN)), 200),
    ("18 an unknown name of words", [], asked(0, [], SPACED), 200),
    ("20 no empty line", [], b"old 0\n\n" + TEXT.encode(), 400),
    ("20 no signature", [], b"old 0\n\n" + TEXT.encode() + b"\n", 400),
    ("21 no checkpoint", [], asked(0, [], signed(f"{ORIGIN}\n5\n")), 400),
    ("22 extension", [], asked(0, [], signed(TEXT + "more\n")), 400),
    *[(f"23 {each!r}", [], each.encode() + b"\n\n" + note(5).encode(), 400)
      for each in ("old 05", "old +5", "old -1", "old 5 ", "old 5x", "OLD 5", "old 0\r", "old ")],
    *[(f"24 {each!r}", [], b"old 0\n" + each + b"\n\n" + note(5).encode(), 400)
      for each in (b"?", b64encode(bytes(31)).encode(), b64encode(bytes(33)).encode(), b" ",
                   b64encode(bytes(32)).encode() + b" ", b64encode(bytes(32)).encode()[:-2] + b"B=")],
    ("25 64 lines", [], asked(0, [bytes(32)] * 64, note(5)), 400),
    ("26 over the limit", [], bytes(MAX_BODY + 1), 413),
    ("27 old 2^63", [], b"old 9223372036854775808\n\n" + note(5).encode(), 400),
    ("27 size 2^63", [], asked(0, [], signed(TEXT.replace("\n5\n", "\n9223372036854775808\n"))), 400),
    ("30 twice", [], asked(0, [], note(5, None, ORPHAN, ORPHAN)), 400),
    ("31 both keys", [], asked(0, [], note(5, keys=[LOG, LOG_PQ])), 200),
    ("31 the other key", [], asked(0, [], note(5, keys=[LOG_PQ])), 200),
    ("foreign origin", [], asked(0, [], note(5, origin=FOREIGN)), 200),
    ("not utf-8", [], b"old 0\n\n\xff\n", 400),
    ("nothing", [], b"", 400),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "body", "status"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_the_answer_is_the_tables(
    server: WitnessServer, witness: Witness, before: Sequence[bytes], body: bytes, status: int
) -> None:
    for each in before:
        assert send(server, each)[0] == 200
    stored = witness.cosigned(hashlib.sha256(ORIGIN.encode()).hexdigest())
    answer, said, kind = send(server, body)
    assert answer == status
    if status == 200:
        size = int(body.decode().split("\n\n", 1)[1].split("\n")[1])
        origin = body.decode().split("\n\n", 1)[1].split("\n")[0]
        lines = [parse_signature(each) for each in said.splitlines()]
        for key, line in zip(witness.verifiers, lines, strict=True):
            found = verify_signature(key, line, Checkpoint(origin, size, root(size)))
            assert found.time == NOW
    else:
        assert "—" not in said
        assert witness.cosigned(hashlib.sha256(ORIGIN.encode()).hexdigest()) == stored
    if status == 409:
        assert (said, kind) == (f"{0 if stored is None else stored.splitlines()[1]}\n", SIZE_TYPE)


def test_only_verified_lines_are_stored_and_monitored(server: WitnessServer) -> None:
    forged = Signature("witness.example/w", b"abcd", b"y" * 64)
    assert send(server, asked(0, [], note(5, None, ORPHAN, forged)))[0] == 200
    name = hashlib.sha256(ORIGIN.encode()).hexdigest()
    status, said, _ = send(server, b"", f"/{name}/checkpoint", "GET")
    assert (status, said.count("—"), "stranger" in said) == (200, 3, False)
    assert send(server, grown(5, 6))[0] == 200
    for path in (f"/{name.upper()}/checkpoint", f"/{'0' * 64}/checkpoint", f"/{name}/checkpoint/"):
        assert send(server, b"", path, "GET")[0] == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_submits(server: WitnessServer, method: str) -> None:
    assert send(server, b"", method=method)[0] == 405


def test_other_paths_are_nothing(server: WitnessServer) -> None:
    for path in ("/add-checkpoint/", "/", "/sign-subtree"):
        assert send(server, grown(0, 5), path)[0] == 404
    assert send(server, b"", "/add-checkpoint", "OPTIONS")[0] == 204


def test_two_trees_of_one_size_are_kept_as_evidence(
    server: WitnessServer, witness: Witness
) -> None:
    send(server, grown(0, 5))
    send(server, asked(5, [], note(5, root(5, OTHERS))))
    ((stored, submitted),) = witness.contradictions()
    assert stored.splitlines()[:2] == submitted.splitlines()[:2]
    assert stored.splitlines()[2] != submitted.splitlines()[2]


def test_requests_that_race_never_go_back(server: WitnessServer, witness: Witness) -> None:
    assert send(server, grown(0, 1))[0] == 200
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda new=new: answers.append(send(server, grown(1, new))[0]))
        for new in range(2, 8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [200] + [409] * 5


def test_time_never_runs_backwards(witness: Witness) -> None:
    witness.cosign(grown(0, 5), NOW)
    lines = witness.cosign(grown(5, 5), NOW - 100).splitlines()
    found = [
        verify_signature(key, parse_signature(line), Checkpoint(ORIGIN, 5, root(5))).time
        for key, line in zip(witness.verifiers, lines, strict=True)
    ]
    assert found == [NOW, NOW]


@pytest.mark.parametrize("side", ["before", "after"])
def test_what_fails_around_the_commit_leaks_no_signature_and_forgets_nothing(
    witness: Witness, side: str
) -> None:
    def fail(now: str) -> None:
        if now == side:
            raise StorageFailed("the disk is gone")

    with pytest.raises(StorageFailed):
        witness.cosign(grown(0, 5), NOW, fail)
    again = open_witness(witness.directory)
    stored = again.cosigned(hashlib.sha256(ORIGIN.encode()).hexdigest())
    assert (stored is None) == (side == "before")
    assert again.cosign(grown(0 if side == "before" else 5, 6), NOW)


def test_a_lost_database_is_not_made_anew(server: WitnessServer, witness: Witness) -> None:
    (witness.directory / DATABASE).unlink()
    status, said, _ = send(server, grown(0, 5))
    assert (status, "—" in said) == (500, False)
    assert not (witness.directory / DATABASE).exists()
    with pytest.raises(StorageFailed, match="new witness under new keys"):
        open_witness(witness.directory)


@pytest.mark.parametrize("origin", ["", "x" * 256, "证" * 86, "a\nb", "a\ud800"])
def test_an_origin_that_cannot_be_cosigned_is_not_watched(witness: Witness, origin: str) -> None:
    with pytest.raises(InvalidInput):
        witness.add(format_vkey(VerifierKey(ORIGIN, ED25519, LOG.public)), origin)


def test_a_log_of_the_witnesss_own_name_is_refused(witness: Witness) -> None:
    for name in ("witness.example/w", "log.example/two"):
        vkey = format_vkey(VerifierKey(name, ED25519, b"k" * 32))
        with pytest.raises(Conflict):
            witness.add(vkey, "witness.example/w")


def test_a_name_that_reads_as_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        init_witness(tmp_path / "w", "\u202ewitness.example")
