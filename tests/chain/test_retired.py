"""What a retired or revoked key of the notary is still worth, to a verifier with the trust file."""

from dataclasses import replace

import pytest

from ledger.chain import office
from ledger.chain import statement as st
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.note import COSIGNATURE_ML_DSA_44, ED25519, VerifierKey, format_vkey
from ledger.chain.policy import parse_policy
from ledger.chain.retired import Retired, RevokedSeal, revocation
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust, format_trust, parse_trust, verify_own
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.errors import MalformedData, VerificationFailed
from tests.simulator import LOG, ML_DSA, NOW, ORIGIN, Office

NEW, NEW_ML_DSA = SigningKey(b"n" * 32), MlDsaKey(b"m" * 32)
SIZE = 7


def keys(log: SigningKey, ml_dsa: MlDsaKey) -> tuple[VerifierKey, VerifierKey]:
    return (
        VerifierKey(ORIGIN, ED25519, log.public),
        VerifierKey(ORIGIN, COSIGNATURE_ML_DSA_44, ml_dsa.public),
    )


def trust(revoked: int | None = None) -> Trust:
    ed25519, ml_dsa = map(format_vkey, keys(NEW, NEW_ML_DSA))
    policy = f"log {ed25519}\nwitness own {ml_dsa}\ngroup signed all own\nquorum signed\n"
    retired = (Retired(*keys(LOG, ML_DSA), SIZE, revoked),)
    return replace(Office().trust(), policy=parse_policy(policy), retired=retired)


def note(size: int, *pairs: tuple[SigningKey, MlDsaKey]) -> str:
    checkpoint = Checkpoint(ORIGIN, size, bytes(32))
    return sign_checkpoint(checkpoint, *pairs[0], NOW, *pairs[1:])


OLD_PAIR, NEW_PAIR = (LOG, ML_DSA), (NEW, NEW_ML_DSA)


def test_the_trust_file_says_what_is_retired_and_revoked() -> None:
    for each in (trust(), replace(trust(NOW), revoked_seals=(RevokedSeal(bytes(32), 5, NOW),))):
        assert parse_trust(format_trust(each)) == each


def test_a_retired_key_counts_up_to_its_last_size_and_no_further() -> None:
    verify_own(trust(), note(SIZE, OLD_PAIR))
    with pytest.raises(VerificationFailed):
        verify_own(trust(), note(SIZE + 1, OLD_PAIR))
    verify_own(trust(), note(SIZE + 1, OLD_PAIR, NEW_PAIR))
    verify_own(trust(), note(SIZE + 1, NEW_PAIR))


def test_while_both_sign_an_old_trust_file_still_verifies() -> None:
    old = Office().trust()
    verify_own(old, note(SIZE + 1, OLD_PAIR, NEW_PAIR))
    with pytest.raises(VerificationFailed):
        verify_own(old, note(SIZE + 1, NEW_PAIR))


@pytest.mark.parametrize(
    ("pairs", "until"),
    [
        ((OLD_PAIR,), NOW),
        (((LOG, NEW_ML_DSA),), NOW),
        (((NEW, ML_DSA),), NOW),
        ((OLD_PAIR, NEW_PAIR), None),
        ((NEW_PAIR,), None),
    ],
)
def test_what_rests_on_a_revoked_key_has_to_be_from_before(
    pairs: tuple[tuple[SigningKey, MlDsaKey], ...], until: int | None
) -> None:
    verified = verify_own(trust(NOW), note(SIZE, *pairs))
    assert revocation(verified, trust(NOW).retired) == until
    assert revocation(verified, trust().retired) is None


ED25519_KEY, COSIGNER = map(format_vkey, keys(LOG, ML_DSA))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ED25519_KEY, format_vkey(keys(NEW, NEW_ML_DSA)[0])),
        (ED25519_KEY, COSIGNER),
        (ED25519_KEY, format_vkey(VerifierKey("other.example", ED25519, LOG.public))),
        (f"size = {SIZE}", "size = -1"),
        (f"size = {SIZE}", "size = true"),
        (f"size = {SIZE}", f"size = {SIZE}\nmore = 1"),
        (f"size = {SIZE}", f"size = {SIZE}\nrevoked = 2026-01-01T00:00:00"),
        (f"size = {SIZE}", f"size = {SIZE}\nrevoked = 2026-01-01T00:00:00.5Z"),
        ("[[retired]]", "[[revoked_seal]]"),
    ],
)
def test_a_retired_key_that_is_not_as_specified_is_refused(old: str, new: str) -> None:
    with pytest.raises(MalformedData):
        parse_trust(format_trust(trust()).decode().replace(old, new).encode())


def rotation() -> office.Rotation:
    made = office.Rotation(LOG.thumbprint, office.LOG, SIZE, NEW.public + NEW_ML_DSA.public)
    return replace(made, proof=NEW.sign(office.proof_message(ORIGIN, made)))


def say(payload: dict[str, object]) -> st.Statement:
    fields = {"origin": ORIGIN, "nonce": bytes(32)} | payload
    return parse_statement(Office().say(st.KEY, fields))


def test_a_rotation_is_signed_by_the_new_key_too() -> None:
    made = rotation()
    assert office.parse_key(say(office.rotation_payload(made))) == made
    for altered in (
        replace(made, size=SIZE + 1),
        replace(made, key=bytes(32)),
        replace(made, use=office.SEAL, successor=bytes(64)),
        replace(made, successor=LOG.public + NEW_ML_DSA.public),
        replace(made, proof=bytes(64)),
    ):
        with pytest.raises(MalformedData):
            office.parse_key(say(office.rotation_payload(altered)))


def test_the_revocation_of_a_notarys_key_ends_no_depositors() -> None:
    made = office.OwnRevocation(LOG.thumbprint, "compromised", office.LOG, NOW)
    statement = say(office.revocation_payload(made))
    assert office.parse_key(statement) == made
    with pytest.raises(MalformedData):
        office.parse_revocation(statement)
