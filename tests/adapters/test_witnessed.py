"""A company asks the witnesses: one that is away or lies is reported, a split view is kept as proof."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import cosign, sign_checkpoint
from ledger.chain.fault.file import parse_fault
from ledger.chain.fault.verifying import verify_fault
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    Note,
    Signature,
    VerifierKey,
    format_note,
    parse_note,
)
from ledger.chain.policy import Witness
from ledger.chain.trust import format_trust
from ledger.chain.witnessing import MAX_BODY, checkpoint_path
from ledger.company.capture.journal import Event, Journal, Kind
from ledger.company.capture.upkeep import STOP_PATIENCE, Upkeep, Watching
from ledger.company.sending.witnessed import MAX_PROOFS, Cosigned, Finding, Silent, Split, look
from ledger.company.vault.making import Config, new_vault, write_config
from ledger.company.vault.stored import write_file
from ledger.company.vault.vault import Vault
from ledger.crypto.keys import MlDsaKey, SigningKey, format_pem
from ledger.crypto.merkle import consistency_proof, root_from_leaf_hashes
from ledger.errors import (
    InvalidInput,
    NotFound,
    SealbookError,
    TooLarge,
    Unavailable,
    VerificationFailed,
)
from ledger.wire.web import post
from ledger.wire.witnesses import newest_cosigned
from tests.simulator import LOG, ML_DSA, NOW, ORIGIN, Office, Tree

PATIENCE = 0.4
LONG = 30.0
KEYS = [SigningKey(bytes([number]) * 32) for number in (101, 102)]
NAMES = ["witness.example/w1", "witness.example/w2"]
OURS = [bytes([number]) for number in range(20)]
OTHER = [b"other", *OURS[1:]]
LATER = NOW + 1000


def signed(entries: list[bytes], at: int = NOW) -> str:
    checkpoint = Checkpoint(ORIGIN, len(entries), root_from_leaf_hashes(Tree(entries).leaves))
    return sign_checkpoint(checkpoint, LOG, ML_DSA, at)


def with_line(note: str, line: Signature) -> str:
    parsed = parse_note(note)
    return format_note(Note(parsed.text, (*parsed.signatures, line)))


def cosigned(note: str, at: int = NOW, number: int = 0) -> str:
    checkpoint = parse_checkpoint(parse_note(note).text)
    return with_line(note, cosign(checkpoint, NAMES[number], KEYS[number], at))


@dataclass
class Notary:
    """A notary as far as one who watches asks it."""

    published: str
    entries: list[bytes]

    def checkpoint(self) -> str:
        return self.published

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        if new > len(self.entries):
            raise NotFound("There are fewer.")
        return consistency_proof(Tree(self.entries), old, new)


class Away(Notary):
    """One that does not answer."""

    def checkpoint(self) -> str:
        raise Unavailable("away")

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        raise Unavailable("away")


HONEST = Notary(signed(OURS[:9]), OURS)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault that has seen 5 entries, and whose trust file names two witnesses."""
    trust = Office().trust()
    witnesses = tuple(
        Witness(f"w{n}", VerifierKey(name, COSIGNATURE_ED25519, key.public), f"http://w{n}/")
        for n, (name, key) in enumerate(zip(NAMES, KEYS, strict=True), 1)
    )
    wider = replace(trust.policy, witnesses=(*trust.policy.witnesses, *witnesses))
    with new_vault(tmp_path / "vault") as folder:
        write_config(folder, Config("https://notary.example", ORIGIN, "0" * 32, "acme"))
        write_file(folder / "notary.trust", format_trust(replace(trust, policy=wider)))
        write_file(folder / "device.pem", format_pem(SigningKey(b"\7" * 32)))
        write_file(folder / "checkpoint", signed(OURS[:5]).encode())
    return Vault(tmp_path / "vault")


def shown(vault: Vault, notary: Notary, *notes: str | bytes | SealbookError) -> list[Finding]:
    """Look, where the witnesses answer with these notes."""
    answers = dict(zip(("http://w1", "http://w2"), notes, strict=True))

    def fetch(url: str, origin: str) -> bytes:
        answer = answers[url]
        if isinstance(answer, SealbookError):
            raise answer
        return answer.encode() if isinstance(answer, str) else answer

    return look(vault, notary, NOW, fetch)  # type: ignore[arg-type]


def kept(vault: Vault) -> int:
    found = vault.checkpoint()
    assert found is not None
    return found.checkpoint.size


def test_witnesses_of_the_same_ledger_agree_and_the_largest_tree_is_kept(vault: Vault) -> None:
    found = shown(
        vault, HONEST, cosigned(signed(OURS[:12])), cosigned(signed(OURS[:3]), NOW - 9, 1)
    )
    assert found == [Cosigned(("w1",), 12, NOW), Cosigned(("w2",), 3, NOW - 9)]
    assert kept(vault) == 12
    assert vault.faults() == []


@pytest.mark.parametrize("size", [5, 9, 14])
def test_a_split_view_is_kept_as_a_proof_for_strangers(vault: Vault, size: int) -> None:
    """At the size that is held, at the notary's, and where the notary can prove nothing."""
    honest = Notary(signed(OURS[:9]), OURS[:9])
    found = shown(vault, honest, cosigned(signed(OTHER[:size])), cosigned(signed(OURS[:9]), NOW, 1))
    split, *others = found
    assert isinstance(split, Split) and split.names == ("w1",)
    assert others == [
        Cosigned(("w1",), size, NOW, str(split.error)),
        Cosigned(("w2",), 9, NOW),
    ]
    assert kept(vault) == 9
    assert vault.faults() == [split.proof]
    if split.proof.suffix == ".fault":
        proven = verify_fault(parse_fault(split.proof.read_bytes()), vault.trust)
        assert proven.kind == "fork"
    assert (split.proof.suffix == ".fault") == (size <= 9)


def test_a_notary_that_goes_back_is_caught_by_its_own_later_line(vault: Vault) -> None:
    back = Notary(signed(OTHER[:4], LATER), OTHER[:4])
    split, *_ = shown(vault, back, Unavailable("away"), Unavailable("away"))
    assert isinstance(split, Split) and split.names == ()
    assert verify_fault(parse_fault(split.proof.read_bytes()), vault.trust).kind == "rewind"
    assert kept(vault) == 5


def test_a_ledger_that_stays_split_fills_no_disk_and_is_told_of_once(vault: Vault) -> None:
    journal, events = Journal(vault.home, lambda: NOW), list[Event]()
    journal.listen(events.append)
    rounds = Watching(vault, journal, lambda: NOW)
    for size in range(6, 20):
        for notary in (HONEST, Notary(signed(OURS[:9]), OURS[:9])):
            _look_once(rounds, notary, cosigned(signed(OTHER[:size])))
    assert len(vault.faults()) <= MAX_PROOFS
    alarms = [each for each in events if each.kind is Kind.FAILED]
    assert [each.code for each in alarms] == ["ledger-forked"]
    assert "w1" in alarms[0].what and ".fault" in alarms[0].why


def test_upkeep_goes_on_whatever_a_round_meets_and_ends_at_once(vault: Vault) -> None:
    journal, events, done = Journal(vault.home, lambda: NOW), list[Event](), threading.Event()
    journal.listen(events.append)
    troubles: list[Exception] = [Unavailable("away"), ValueError("odd"), VerificationFailed("lies")]

    def work(_: object) -> float:
        if troubles:
            raise troubles.pop(0)
        done.set()
        return 1000.0

    upkeep = Upkeep("receipts", vault, journal, work)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ledger.company.capture.upkeep.backoff", lambda _: 0.01)
        upkeep.start()
        assert done.wait(20)
    began = time.monotonic()
    upkeep.stop()
    assert time.monotonic() - began < STOP_PATIENCE
    assert [(each.kind, each.code) for each in events] == [
        (Kind.FAILED, "unexpected"),
        (Kind.FAILED, "verification-failed"),
    ]


def _look_once(rounds: Watching, notary: Notary, first: str) -> None:
    def fetch(url: str, origin: str) -> bytes:
        if url == "http://w1":
            return first.encode()
        raise Unavailable("away")

    rounds(notary, fetch)  # type: ignore[arg-type]


def test_without_the_notary_what_witnesses_show_is_not_compared_and_nobody_accused(
    vault: Vault,
) -> None:
    found = shown(
        vault, Away("", []), cosigned(signed(OURS[:12])), cosigned(signed(OURS[:5]), NOW, 1)
    )
    notary, ahead, same = found
    assert isinstance(notary, Silent) and notary.names == ()
    assert isinstance(ahead, Cosigned) and ahead.doubt
    assert same == Cosigned(("w2",), 5, NOW)
    assert (kept(vault), vault.faults()) == (5, [])


FOREIGN = Checkpoint("another.example/log", 9, b"r" * 32)


@pytest.mark.parametrize(
    ("note", "says"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"", "empty line"),
        (b"junk\n\n", "signature"),
        (signed(OURS[:9]), "no cosignature"),
        (cosigned(signed(OURS[:9]), number=1), "no cosignature"),
        (cosigned(signed(OURS[:9]), NOW + 3600), "not come yet"),
        (sign_checkpoint(FOREIGN, LOG, ML_DSA, NOW), "log that the policy names"),
        (sign_checkpoint(Checkpoint(ORIGIN, 9, b"r" * 32), KEYS[0], ML_DSA, NOW), "log that"),
        (
            with_line(
                signed(OURS[:9]),
                Signature(NAMES[0], VerifierKey(NAMES[0], 4, KEYS[0].public).key_id, b"\0" * 72),
            ),
            "does not hold",
        ),
    ],
    ids=[
        "bytes",
        "empty",
        "junk",
        "no line",
        "another's line",
        "future",
        "origin",
        "keys",
        "false",
    ],
)
def test_what_does_not_count_is_reported_and_the_others_do_count(
    vault: Vault, note: str | bytes, says: str
) -> None:
    found = shown(vault, HONEST, note, cosigned(signed(OURS[:9]), NOW, 1))
    assert isinstance(found[0], Silent) and found[0].names == ("w1",)
    assert says in str(found[0].error)
    assert found[1:] == [Cosigned(("w2",), 9, NOW)]
    assert vault.faults() == []


def test_time_0_says_nothing_of_time(vault: Vault) -> None:
    key = MlDsaKey(b"m" * 32)
    lines = vault.trust.policy.witnesses
    pq = Witness("w1-pq", VerifierKey(NAMES[0], COSIGNATURE_ML_DSA_44, key.public), "http://w1/")
    trust = replace(vault.trust, policy=replace(vault.trust.policy, witnesses=(*lines, pq)))
    write_file(vault.home / "notary.trust", format_trust(trust))
    note = signed(OURS[:9])
    checkpoint = parse_checkpoint(parse_note(note).text)
    timeless = with_line(note, _timeless(checkpoint, key))
    found = shown(Vault(vault.home), HONEST, timeless, cosigned(note, NOW, 1))
    assert isinstance(found[0], Silent) and found[0].names == ("w1", "w1-pq")
    assert "states a time" in str(found[0].error)


def _timeless(checkpoint: Checkpoint, key: MlDsaKey) -> Signature:
    from ledger.chain.cosignature import _ml_dsa_44_message
    from ledger.chain.note import key_id

    message = _ml_dsa_44_message(checkpoint, NAMES[0], 0)
    return Signature(
        NAMES[0],
        key_id(NAMES[0], COSIGNATURE_ML_DSA_44, key.public),
        b"\0" * 8 + key.sign(message),
    )


def test_a_false_line_of_the_witness_does_not_hide_what_the_log_has_signed(vault: Vault) -> None:
    other = parse_checkpoint(parse_note(signed(OURS[:2])).text)
    note = with_line(signed(OTHER[:9]), cosign(other, NAMES[0], KEYS[0], NOW))
    split, silent, _ = shown(vault, HONEST, note, cosigned(signed(OURS[:9]), NOW, 1))
    assert isinstance(split, Split) and isinstance(silent, Silent)


# --- the GET ---

Talk = Callable[[BaseHTTPRequestHandler], Any]


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append(self.path)  # type: ignore[attr-defined]
            made.talk(self)  # type: ignore[attr-defined]
            self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    made.handle_error = lambda *_: None  # type: ignore[method-assign]
    made.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def answer(body: bytes, status: int = 200, **fields: str) -> Talk:
    def talk(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        for name, value in ({"Content-Length": str(len(body))} | given).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return talk


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b".")
        handler.wfile.flush()
        time.sleep(0.05)


def endless_head(handler: BaseHTTPRequestHandler) -> None:
    while True:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


HOSTILE: dict[str, Talk] = {
    "silent": lambda _: time.sleep(LONG),
    "drip": drip,
    "endless head": endless_head,
    "no HTTP": lambda handler: handler.wfile.write(b"\0" * 500),
    "huge": answer(b"x" * (MAX_BODY + 1)),
    "huge, said only": answer(b"", Content_Length=str(1 << 40)),
    "redirect": answer(b"", 302, Location="http://127.0.0.1:1/"),
    "error": answer(b"\xff" * 100, 500),
    "closed": lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_witness_costs_a_moment_and_is_named(
    server: ThreadingHTTPServer, how: str
) -> None:
    server.talk = HOSTILE[how]  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{server.server_address[1]}"
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        newest_cosigned(url, ORIGIN, PATIENCE)
    assert time.monotonic() - began < LONG / 3
    assert url in str(raised.value)


def test_the_note_is_asked_for_where_the_specification_has_it(server: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    server.talk = answer(b"a note", Content_Encoding="gzip")  # type: ignore[attr-defined]
    assert newest_cosigned(url, ORIGIN) == b"a note"
    assert server.asked[-1] == checkpoint_path(ORIGIN)  # type: ignore[attr-defined]
    server.talk = answer(b"", 404)  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        newest_cosigned(url, ORIGIN)


@pytest.mark.parametrize(
    "url", ["ftp://w.example", "w.example", "http://", "http://[", "http://w\n"]
)
def test_an_address_that_is_none_is_reported(url: str) -> None:
    with pytest.raises(Unavailable):
        newest_cosigned(url, ORIGIN, PATIENCE)


# --- the POST of a log to its witnesses, and of anybody to an authority ---


@pytest.mark.parametrize("how", [each for each in HOSTILE if each not in ("redirect", "error")])
def test_a_post_is_over_at_its_deadline(server: ThreadingHTTPServer, how: str) -> None:
    server.talk = HOSTILE[how]  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{server.server_address[1]}"
    began = time.monotonic()
    with pytest.raises((Unavailable, TooLarge)) as raised:
        post(url, b"x" * 1000, deadline=PATIENCE)
    assert time.monotonic() - began < LONG / 3
    assert url in str(raised.value)


def test_a_redirect_is_an_answer_and_nobody_follows_it(server: ThreadingHTTPServer) -> None:
    asked = len(server.asked)  # type: ignore[attr-defined]
    server.talk = HOSTILE["redirect"]  # type: ignore[attr-defined]
    answered = post(f"http://127.0.0.1:{server.server_address[1]}/x?y=z", b"")
    assert answered.status == 302
    assert server.asked[asked:] == ["/x?y=z"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "a.example", "http://", "http://[", "http://a b"]
)
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        post(url, b"")
