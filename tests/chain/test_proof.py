from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.note import COSIGNATURE_ML_DSA_44, ED25519, VerifierKey, format_vkey
from ledger.chain.policy import parse_policy
from ledger.chain.proof import MAX_EXTRA_SIZE, TlogProof, format_proof, parse_proof, verify_proof
from ledger.chain.tiles import TileEdge
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.crypto.merkle import inclusion_proof, leaf_hash
from ledger.encoding import MAX_INTEGER
from ledger.errors import MalformedData, VerificationFailed

ORIGIN = "notary.example/ledger"
LOG_KEY, PQ_KEY = SigningKey(b"1" * 32), MlDsaKey(b"2" * 32)
POLICY = parse_policy(
    f"log {format_vkey(VerifierKey(ORIGIN, ED25519, LOG_KEY.public))}\n"
    f"witness pq {format_vkey(VerifierKey(ORIGIN, COSIGNATURE_ML_DSA_44, PQ_KEY.public))}\n"
    "quorum pq\n"
)
LEAVES = [leaf_hash(b"%d" % number) for number in range(21)]


def tree():
    edge = TileEdge(lambda *_: b"")
    edge.extend(LEAVES)
    return edge


EDGE = tree()
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 21, EDGE.root()), LOG_KEY, PQ_KEY, 1_795_392_000)
PROOF = TlogProof(13, inclusion_proof(EDGE, 13, 21), NOTE)
TEXT = format_proof(PROOF)

proofs = st.builds(
    TlogProof,
    st.integers(0, MAX_INTEGER),
    st.lists(st.binary(min_size=32, max_size=32), max_size=20).map(tuple),
    st.just(NOTE),
    st.none() | st.binary(min_size=1, max_size=200),
)


@given(proofs)
def test_a_proof_reads_back(proof):
    text = format_proof(proof)
    assert parse_proof(text) == proof
    assert parse_proof(text.encode()) == proof


@given(
    st.text()
    | st.integers(0, TEXT.index("\n\n") + 200).flatmap(
        lambda at: st.text(max_size=2).map(lambda chars: TEXT[:at] + chars + TEXT[at + 1 :])
    )
)
def test_a_proof_that_is_read_is_written_the_same(text):
    try:
        proof = parse_proof(text)
    except MalformedData:
        return
    assert format_proof(proof) == text


def test_the_text_is_the_specification_s():
    lines = format_proof(replace(PROOF, extra=b"\1\2\3")).split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra AQID", "index 13"]
    assert all(len(line) == 44 for line in lines[3:8])
    assert lines[8:10] == ["", ORIGIN]


INDEX = "index 13\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace(INDEX, "index 013\n"),
        TEXT.replace(INDEX, "index -1\n"),
        TEXT.replace(INDEX, f"index {2**63}\n"),
        TEXT.replace(INDEX, ""),
        TEXT.replace(INDEX, INDEX + INDEX),
        TEXT.replace(INDEX, INDEX + "extra AQID\n"),
        TEXT.replace(INDEX, "extra AQID\nextra AQID\n" + INDEX),
        TEXT.replace(INDEX, "extra \n" + INDEX),
        TEXT.replace(INDEX, "extra AQJ=\n" + INDEX),
        TEXT.replace(INDEX, "extra " + "AAAA" * (MAX_EXTRA_SIZE // 3 + 1) + "\n" + INDEX),
        TEXT.replace(INDEX, INDEX + "AQID\n"),
        TEXT.replace(INDEX, INDEX + ("A" * 43 + "=\n") * 60),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(f"{ORIGIN}\n21\n", f"{ORIGIN}\n21\nmore\n"),
        TEXT[: TEXT.index("\n\n")],
        TEXT[: TEXT.index("\n\n") + 2],
        TEXT + "\n",
        TEXT[:-1],
        "x" * 2**20,
    ],
)
def test_what_is_no_proof_is_refused(text):
    with pytest.raises(MalformedData):
        parse_proof(text)


def test_bytes_that_are_not_utf8_are_refused():
    with pytest.raises(MalformedData):
        parse_proof(b"\xff" + TEXT.encode())


def test_a_proof_holds_for_its_entry():
    verified = verify_proof(POLICY, LEAVES[13], parse_proof(TEXT))
    assert verified.checkpoint.size == 21


def test_a_proof_does_not_hold_for_anything_else():
    stranger = sign_checkpoint(
        Checkpoint(ORIGIN, 21, EDGE.root()), SigningKey(b"8" * 32), PQ_KEY, 1_795_392_000
    )
    for leaf, proof in (
        (LEAVES[12], PROOF),
        (LEAVES[13], replace(PROOF, index=12)),
        (LEAVES[13], replace(PROOF, index=21)),
        (LEAVES[13], replace(PROOF, hashes=PROOF.hashes[:-1])),
        (LEAVES[13], replace(PROOF, hashes=(*PROOF.hashes, b"\0" * 32))),
        (LEAVES[13], replace(PROOF, note=stranger)),
    ):
        with pytest.raises(VerificationFailed):
            verify_proof(POLICY, leaf, proof)


def test_extra_data_vouches_for_nothing():
    assert verify_proof(POLICY, LEAVES[13], replace(PROOF, extra=b"anything"))
