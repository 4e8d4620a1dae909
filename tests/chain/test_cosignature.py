from dataclasses import replace

import pytest

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import MAX_TIME, Verified, cosign, verify_signature
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Signature,
    VerifierKey,
    sign_note,
)
from ledger.crypto.keys import MlDsaKey, SigningKey, verify_ed25519, verify_ml_dsa_44
from ledger.errors import VerificationFailed

NAME = "witness.example/w1"
ED25519_KEY = SigningKey(b"1" * 32)
ML_DSA_KEY = MlDsaKey(b"2" * 32)
CHECKPOINT = Checkpoint("notary.example/ledger", 258, b"\xab" * 32)
TIME = 1_679_315_147


def signed(kind):
    key: SigningKey | MlDsaKey
    if kind == ED25519:
        key, line = ED25519_KEY, sign_note(CHECKPOINT.text, NAME, ED25519_KEY)
    else:
        key = ED25519_KEY if kind == COSIGNATURE_ED25519 else ML_DSA_KEY
        line = cosign(CHECKPOINT, NAME, key, TIME)
    return VerifierKey(NAME, kind, key.public), line


every_kind = pytest.mark.parametrize("kind", [ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44])
timed_kinds = pytest.mark.parametrize("kind", [COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44])


def test_the_signed_bytes_are_the_specification_s():
    text = b"notary.example/ledger\n258\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n"
    _, line = signed(COSIGNATURE_ED25519)
    assert line.signature[:8] == TIME.to_bytes(8, "big")
    verify_ed25519(
        ED25519_KEY.public, b"cosignature/v1\ntime 1679315147\n" + text, line.signature[8:]
    )
    _, line = signed(COSIGNATURE_ML_DSA_44)
    assert line.signature[:8] == TIME.to_bytes(8, "big")
    message = (
        b"subtree/v1\n\0"
        b"\x12witness.example/w1"
        b"\0\0\0\0\x64\x18\x50\xcb"
        b"\x15notary.example/ledger"
        b"\0\0\0\0\0\0\0\0"
        b"\0\0\0\0\0\0\x01\x02" + b"\xab" * 32
    )
    verify_ml_dsa_44(ML_DSA_KEY.public, message, line.signature[8:])


@every_kind
def test_a_signature_holds_and_tells_its_time(kind):
    key, line = signed(kind)
    time = None if kind == ED25519 else TIME
    assert verify_signature(key, line, CHECKPOINT) == Verified(key, time)


@every_kind
@pytest.mark.parametrize(
    "other",
    [
        replace(CHECKPOINT, origin="notary.example/ledges"),
        replace(CHECKPOINT, size=259),
        replace(CHECKPOINT, root=b"\xac" + b"\xab" * 31),
    ],
)
def test_a_signature_over_another_checkpoint_is_refused(kind, other):
    key, line = signed(kind)
    with pytest.raises(VerificationFailed):
        verify_signature(key, line, other)


@every_kind
def test_an_altered_signature_is_refused(kind):
    key, line = signed(kind)
    data = line.signature
    for altered in (
        data[:-1],
        data + b"\0",
        data[:1],
        b"\x80" + data[1:],
        data[:7] + bytes([data[7] ^ 1]) + data[8:],
        data[:-1] + bytes([data[-1] ^ 1]),
    ):
        with pytest.raises(VerificationFailed):
            verify_signature(key, replace(line, signature=altered), CHECKPOINT)


@every_kind
def test_a_signature_under_another_name_or_id_is_refused(kind):
    key, line = signed(kind)
    for altered in (replace(line, name="other.example"), replace(line, key_id=b"\0\0\0\0")):
        with pytest.raises(VerificationFailed):
            verify_signature(key, altered, CHECKPOINT)


def test_ml_dsa_commits_to_the_name_so_a_line_cannot_be_relabelled():
    _, line = signed(COSIGNATURE_ML_DSA_44)
    other = VerifierKey("other.example", COSIGNATURE_ML_DSA_44, ML_DSA_KEY.public)
    with pytest.raises(VerificationFailed):
        verify_signature(other, Signature(other.name, other.key_id, line.signature), CHECKPOINT)


def test_types_do_not_stand_in_for_each_other():
    _, plain = signed(ED25519)
    key, timed = signed(COSIGNATURE_ED25519)
    for data in (plain.signature, TIME.to_bytes(8, "big") + plain.signature):
        with pytest.raises(VerificationFailed):
            verify_signature(key, replace(timed, signature=data), CHECKPOINT)
    unknown = VerifierKey(NAME, 0x02, ED25519_KEY.public)
    with pytest.raises(VerificationFailed):
        verify_signature(unknown, replace(plain, key_id=unknown.key_id), CHECKPOINT)


def post_quantum_line(time):
    key, line = signed(COSIGNATURE_ML_DSA_44)
    message = (
        b"subtree/v1\n\0\x12witness.example/w1"
        + time.to_bytes(8, "big")
        + b"\x15notary.example/ledger"
        + bytes(8)
        + (258).to_bytes(8, "big")
        + b"\xab" * 32
    )
    data = time.to_bytes(8, "big") + ML_DSA_KEY.sign(message)
    return key, replace(line, signature=data)


def test_a_post_quantum_signature_without_a_time_states_none():
    key, line = post_quantum_line(0)
    assert verify_signature(key, line, CHECKPOINT) == Verified(key, None)


def test_a_time_beyond_the_specification_s_limit_is_refused():
    key, line = post_quantum_line(MAX_TIME)
    assert verify_signature(key, line, CHECKPOINT) == Verified(key, MAX_TIME)
    with pytest.raises(VerificationFailed):
        key, line = post_quantum_line(MAX_TIME + 1)
        verify_signature(key, line, CHECKPOINT)


@timed_kinds
@pytest.mark.parametrize("time", [0, -1, MAX_TIME + 1])
def test_nothing_is_signed_at_an_impossible_time(kind, time):
    key = ED25519_KEY if kind == COSIGNATURE_ED25519 else ML_DSA_KEY
    with pytest.raises(ValueError, match="no time"):
        cosign(CHECKPOINT, NAME, key, time)
