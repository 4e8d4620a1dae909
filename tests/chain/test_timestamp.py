"""Timestamp tokens: good, odd and forged ones, with OpenSSL's verdict beside ours."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha1, sha256, sha512
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.request import (
    MAX_RESPONSE,
    format_request,
    parse_response,
    require_answer,
)
from ledger.chain.timestamp.revocation import Revocation
from ledger.chain.timestamp.token import MAX_TOKEN, parse_token, sorted_sets
from ledger.chain.timestamp.verifying import VerifiedToken, verify_token
from ledger.crypto import der
from ledger.errors import MalformedData, Refused, SealbookError, TooLarge, VerificationFailed
from tests.certificates import (
    STAMPING,
    YEAR,
    Party,
    Revoked,
    issue,
    ocsp_response,
    revocation_list,
)
from tests.forge import Ess, forged
from tests.tsa import OTHER_POLICY, POLICY, Tsa, started

T = 1_790_000_000  # 2026-09-21T13:33:20Z
DAY = 86_400
NOTE = sha256(b"a note").digest()
REASON = x509.ReasonFlags

ROOT = issue("Root", start=T - YEAR, years=30, ca=True)
ISSUER = issue("Authority", ROOT, start=T - YEAR, years=20, ca=True)
UNIT = issue("Unit", ISSUER, start=T - DAY)
STRANGER = issue("Root", start=T - YEAR, years=30, ca=True)
AUTHORITIES = (Authority("Zeit GmbH", ROOT.der, POLICY, accuracy=60),)
CHAIN = (UNIT.der, ISSUER.der)


def _unit(issuer: Party = ISSUER, *, start: int = T - DAY, **odd: object) -> Party:
    return issue("Unit", issuer, start=start, **odd)  # type: ignore[arg-type]


def _token(signer: Party = UNIT, **odd: object) -> bytes:
    odd.setdefault("certificates", (signer.der, ISSUER.der))
    time = odd.pop("time", T)
    return forged(NOTE, signer, time, **odd)  # type: ignore[arg-type]


def _verify(
    data: bytes, *validation: bytes, shown: int | None = None, imprint: bytes = NOTE
) -> VerifiedToken:
    return verify_token(parse_token(data), imprint, AUTHORITIES, validation, shown=shown)


@dataclass(frozen=True)
class Case:
    """One token: what we say (the words of a refusal, or None) and whether OpenSSL accepts it."""

    token: Callable[[], bytes]
    refused: str | None = None
    openssl: bool = True
    validation: tuple[bytes, ...] = field(default=())


USE = "issued for timestamps, or it was not valid"

MATRIX = {
    "plain": Case(_token),
    "sets in no order": Case(lambda: _token(certificates=(ISSUER.der, UNIT.der, ROOT.der))),
    "signed attributes in no order": Case(lambda: _token(sorted_attributes=False)),
    # OpenSSL is handed the chain, as we are in the case below.
    "no certificates": Case(lambda: _token(certificates=()), "brings no certificate of its signer"),
    "no certificates, but validation data": Case(lambda: _token(certificates=()), validation=CHAIN),
    "no nonce": Case(lambda: _token(nonce=None)),
    "no accuracy": Case(lambda: _token(accuracy=None)),
    "accuracy in parts": Case(lambda: _token(accuracy=(None, 5, 250))),
    "accuracy of over a day": Case(lambda: _token(accuracy=(86_400, 1, None)), "tells no time"),
    "accuracy of 1,000 milliseconds": Case(lambda: _token(accuracy=(0, 1000, None)), "accuracy"),
    # OpenSSL never reads the time: a text of any form passes.
    "second 61": Case(lambda: _token(gen_time=b"20260921133361Z"), "does not exist"),
    "month 13": Case(lambda: _token(gen_time=b"20261321133320Z"), "does not exist"),
    "offset not Z": Case(lambda: _token(gen_time=b"20260921133320+0000"), "not one in UTC"),
    "no offset": Case(lambda: _token(gen_time=b"20260921133320"), "not one in UTC"),
    "no seconds": Case(lambda: _token(gen_time=b"202609211333Z"), "not one in UTC"),
    "fraction of no digits": Case(lambda: _token(gen_time=b"20260921133320.Z"), "not one in UTC"),
    "bytes behind": Case(lambda: _token() + b"\0", "bytes behind"),
    "ESSCertID": Case(lambda: _token(ess=(Ess(1, UNIT.der),))),
    "ESSCertID without serial": Case(lambda: _token(ess=(Ess(1, UNIT.der, with_serial=False),))),
    "both ESSCertIDs": Case(lambda: _token(ess=(Ess(1, UNIT.der), Ess(2, UNIT.der)))),
    "first ESSCertID wrong": Case(
        lambda: _token(ess=(Ess(1, ISSUER.der), Ess(2, UNIT.der))),
        "another beside it",
        openssl=False,
    ),
    "second ESSCertID wrong": Case(
        lambda: _token(ess=(Ess(1, UNIT.der), Ess(2, ISSUER.der))),
        "another beside it",
        openssl=False,
    ),
    "no ESSCertID": Case(lambda: _token(ess=()), "does not name its certificate", openssl=False),
    "sid of another": Case(lambda: _token(sid=ISSUER), "another beside it", openssl=False),
    # OpenSSL reads PKCS #7 here, which knows neither key identifiers nor RSA-PSS nor Ed25519.
    "sid by key": Case(lambda: _token(by_key_identifier=True), openssl=False),
    "two signers": Case(lambda: _token(signers=2), "2 signers", openssl=False),
    "no signer": Case(lambda: _token(signers=0), "0 signers", openssl=False),
    "SHA-1 imprint": Case(
        lambda: forged(sha1(b"").digest(), UNIT, T, algorithm="sha1"),
        "hash function “1.3.14.3.2.26” is not verified here",
        openssl=False,
    ),
    "SHA-1 in the signature": Case(
        lambda: _token(signed_digest="sha1"),
        "hash function “1.3.14.3.2.26” is not verified here",
        openssl=False,
    ),
    "other hash signed": Case(
        lambda: _token(digest=bytes(32)), "over another statement", openssl=False
    ),
    # OpenSSL does not compare this attribute.
    "other content type": Case(lambda: _token(content_type="data"), "another kind of content"),
    # What follows is asked of OpenSSL by nobody, or nothing that it asks for.
    "other policy": Case(lambda: _token(policy=OTHER_POLICY), "policy"),
    "unknown critical extension": Case(lambda: _token(critical=True), "critical"),
    "RSA": Case(lambda: _token(_unit(key=rsa.generate_private_key(65537, 2048)))),
    "RSA-PSS": Case(
        lambda: _token(_unit(key=rsa.generate_private_key(65537, 2048)), pss=True), openssl=False
    ),
    # Keys that we name instead of verifying them.
    "RSA of 1,024 bits": Case(
        lambda: _token(_unit(key=rsa.generate_private_key(65537, 1024))),
        "key is not verified here: “1.2.840.113549.1.1.1”",
    ),
    "P-521": Case(lambda: _token(_unit(key=ec.generate_private_key(ec.SECP521R1())))),
    "secp256k1": Case(
        lambda: _token(_unit(key=ec.generate_private_key(ec.SECP256K1()))),
        "key is not verified here: “1.2.840.10045.2.1”",
    ),
    "Ed25519": Case(lambda: _token(_unit(key=ed25519.Ed25519PrivateKey.generate())), openssl=False),
    "EKU not critical": Case(lambda: _token(_unit(critical=False)), USE, openssl=False),
    "EKU with a second": Case(
        lambda: _token(_unit(usages=(STAMPING, ExtendedKeyUsageOID.CODE_SIGNING))),
        USE,
        openssl=False,
    ),
    "no EKU": Case(lambda: _token(_unit(usages=())), USE, openssl=False),
    "CA as signer": Case(
        lambda: _token(_unit(ca=True, usages=(STAMPING, STAMPING))), USE, openssl=False
    ),
    "foreign certificate injected": Case(
        lambda: _token(certificates=(STRANGER.der, _unit(STRANGER).der, *CHAIN))
    ),
    "signer of another root": Case(lambda: _token(_unit(STRANGER)), USE, openssl=False),
    # OpenSSL looks at its own clock, here T, never at the token's time.
    "before the certificate": Case(lambda: _token(time=T - 2 * DAY), USE),
    "after the certificate": Case(lambda: _token(time=T + 11 * YEAR), USE),
    "a list in the token": Case(lambda: _token(crls=(revocation_list(ISSUER, T + DAY),))),
}
"""OpenSSL is asked at T, as we judge at the token's time."""


@pytest.mark.parametrize("name", MATRIX)
def test_the_matrix(name: str, tmp_path: Path) -> None:
    case = MATRIX[name]
    token = case.token()
    if case.refused is None:
        verified = _verify(token, *case.validation)
        assert verified.authority == "Zeit GmbH"
        assert verified.token.der == token
    else:
        with pytest.raises((VerificationFailed, MalformedData), match=case.refused):
            _verify(token, *case.validation)
    ok, said = _openssl(token, tmp_path)
    assert ok == case.openssl, said


def _openssl(token: bytes, tmp_path: Path, time: int = T) -> tuple[bool, str]:
    (tmp_path / "token").write_bytes(token)
    (tmp_path / "root").write_bytes(ROOT.pem)
    (tmp_path / "chain").write_bytes(UNIT.pem + ISSUER.pem)
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-digest", NOTE.hex(), "-in", tmp_path / "token", "-token_in",
         "-CAfile", tmp_path / "root", "-untrusted", tmp_path / "chain", "-attime", str(time)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    return done.returncode == 0, done.stderr


@pytest.mark.parametrize("digits", range(10))
def test_a_fraction_is_rounded_outwards(digits: int, tmp_path: Path) -> None:
    fraction = f".{'0' * (digits - 1)}1" if digits else ""
    token = _token(gen_time=f"20260921133320{fraction}Z".encode(), accuracy=(2, None, None))
    verified = _verify(token)
    past = Fraction(1, 10**digits) if digits else 0
    assert verified.token.gen_time == 1_789_997_600 + past
    assert verified.earliest == 1_789_997_600 - 2
    assert verified.latest == 1_789_997_600 + 2 + (1 if digits else 0)
    assert _openssl(token, tmp_path)[0]


def test_second_60_is_the_next_second() -> None:
    leap = parse_token(_token(gen_time=b"20260921133360.25Z"))
    assert leap.gen_time == parse_token(_token(gen_time=b"20260921133400.25Z")).gen_time


def test_accuracy_is_the_tokens_or_what_is_assumed() -> None:
    assert parse_token(_token(accuracy=(3, 5, 250))).accuracy == Fraction(3_005_250, 1_000_000)
    silent = _verify(_token(accuracy=None))
    assert (silent.earliest, silent.latest) == (T - 60, T + 60)
    exact = _verify(_token(accuracy=(0, 1, None)))
    assert (exact.earliest, exact.latest) == (T - 1, T + 1)


def test_another_hash_than_the_tokens() -> None:
    with pytest.raises(VerificationFailed, match="something else"):
        _verify(_token(), imprint=sha256(b"another").digest())
    long = sha512(b"a note").digest()
    token = forged(long, UNIT, T, algorithm="sha512", certificates=CHAIN)
    assert _verify(token, imprint=long).token.imprint_algorithm == "sha512"


def test_which_authority_stands_for_it() -> None:
    token = parse_token(_token())
    other = Authority("Other", STRANGER.der)
    own = Authority("Unit itself", UNIT.der)
    assert verify_token(token, NOTE, (other, *AUTHORITIES)).authority == "Zeit GmbH"
    assert verify_token(token, NOTE, (own,)).expires == T - DAY + 10 * YEAR
    with pytest.raises(VerificationFailed, match=USE):
        verify_token(token, NOTE, (other,))
    with pytest.raises(VerificationFailed, match="no timestamp authority is trusted"):
        verify_token(token, NOTE, ())
    for other_thing in (b"", revocation_list(ROOT, T)):
        with pytest.raises(MalformedData):
            Authority("None", other_thing)


def test_a_root_that_has_expired_since() -> None:
    root = issue("Short root", start=T - DAY, years=1, ca=True)
    unit = _unit(root)
    token = parse_token(forged(NOTE, unit, T))
    authority = Authority("Short", root.der)
    assert verify_token(token, NOTE, (authority,)).expires == T - DAY + YEAR
    late = parse_token(forged(NOTE, unit, T + 2 * YEAR))
    with pytest.raises(VerificationFailed, match=USE):
        verify_token(late, NOTE, (authority,))


def test_authorities_whose_paths_are_not_verified_here_are_named() -> None:
    root = issue("Ed", start=T - DAY, ca=True, key=ed25519.Ed25519PrivateKey.generate())
    token = parse_token(forged(NOTE, _unit(root), T))
    with pytest.raises(VerificationFailed, match=r"“1\.3\.101\.112”, which is not verified here"):
        verify_token(token, NOTE, (Authority("Ed", root.der),))


def test_an_authority_below_one_for_other_uses() -> None:
    web = issue("Web", ROOT, start=T - DAY, ca=True, usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
    unit = _unit(web)
    with pytest.raises(VerificationFailed, match=USE):
        _verify(forged(NOTE, unit, T, certificates=(unit.der, web.der)))


def test_certificates_that_certify_each_other_cost_little() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    heads = [
        issue(name, start=T - DAY, ca=True, key=key) for name, key in zip("AB", keys, strict=True)
    ]
    pool = [
        issue(name, issuer, start=T - DAY - number, ca=True, key=key).der
        for number in range(7)
        for name, issuer, key in (("A", heads[1], keys[0]), ("B", heads[0], keys[1]))
    ]
    unit = _unit(heads[0])
    with pytest.raises(VerificationFailed, match=USE):
        _verify(forged(NOTE, unit, T, certificates=(unit.der, *pool)))
    more = [issue("A", heads[1], start=T - DAY, ca=True, key=keys[0]).der for _ in range(4)]
    with pytest.raises(TooLarge):
        _verify(forged(NOTE, unit, T, certificates=(unit.der,)), *pool, *more)


FELLS = {None, REASON.key_compromise, REASON.ca_compromise, REASON.aa_compromise,
         REASON.certificate_hold, REASON.privilege_withdrawn, REASON.remove_from_crl}  # fmt: skip


@pytest.mark.parametrize("reason", [None, *REASON])
@pytest.mark.parametrize("by", ["list", "response"])
def test_each_reason_of_a_later_revocation(reason: REASON | None, by: str) -> None:
    revoked = Revoked(UNIT.serial, T + 500, reason)
    said = (
        revocation_list(ISSUER, T + 1000, (revoked,))
        if by == "list"
        else ocsp_response(UNIT, ISSUER, T + 1000, revoked)
    )
    name = None if reason is None else reason.value
    if reason in FELLS:
        with pytest.raises(VerificationFailed, match="was revoked on 2026-09-21"):
            _verify(_token(), said)
    else:
        assert _verify(_token(), said).revoked == Revocation(T + 500, name, T + 1000)
    # Something newer shows that the token is older than the loss of its key.
    assert _verify(_token(), said, shown=T + 499).revoked == Revocation(T + 500, name, T + 1000)
    before = Revoked(UNIT.serial, T + 1, reason)  # the token's latest second
    with pytest.raises(VerificationFailed, match="was revoked"):
        _verify(_token(), revocation_list(ISSUER, T + 1000, (before,)), shown=T + 1)


def test_an_earlier_invalidity_counts() -> None:
    revoked = Revoked(UNIT.serial, T + 500, REASON.superseded, invalidity=T - 1)
    with pytest.raises(VerificationFailed, match="was revoked"):
        _verify(_token(), revocation_list(ISSUER, T + 1000, (revoked,)))


def test_an_intermediate_that_was_revoked() -> None:
    revoked = Revoked(ISSUER.serial, T + 500, REASON.key_compromise)
    with pytest.raises(VerificationFailed, match="was revoked"):
        _verify(_token(), revocation_list(ROOT, T + 1000, (revoked,)))


def test_a_hold_that_was_lifted() -> None:
    held = Revoked(UNIT.serial, T + 500, REASON.certificate_hold)
    lists = revocation_list(ISSUER, T + 1000, (held,)), revocation_list(ISSUER, T + 2000)
    assert _verify(_token(), *lists).revoked is None


POINT = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=True,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)
USERS = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
CHANGES = x509.DeltaCRLIndicator(1)
UPPER = revocation_list(ROOT, T + 900)


@pytest.mark.parametrize(
    ("lists", "checked"),
    [
        ((), None),
        ((UPPER, revocation_list(ISSUER, T + 500)), T + 500),
        ((UPPER, revocation_list(ISSUER, T + 500), revocation_list(ISSUER, T + 600)), T + 600),
        ((UPPER, ocsp_response(UNIT, ISSUER, T + 500)), T + 500),
        ((revocation_list(ISSUER, T + 500),), None),  # nothing about the intermediate
        ((UPPER, revocation_list(ISSUER, T)), None),  # too old
        ((UPPER, revocation_list(ISSUER, T + 12 * YEAR)), None),  # has forgotten what expired
        ((UPPER, revocation_list(STRANGER, T + 500)), None),  # of another issuer
        ((UPPER, revocation_list(ISSUER, T + 500, extensions={POINT: True})), None),
        ((UPPER, revocation_list(ISSUER, T + 500, extensions={CHANGES: True})), None),
        ((UPPER, revocation_list(ISSUER, T + 500, extensions={CHANGES: False})), None),
        ((UPPER, revocation_list(ISSUER, T + 500, extensions={USERS: True})), T + 500),
        ((UPPER, revocation_list(ISSUER, T + 500, extensions={USERS: True, CHANGES: True})), None),
        ((UPPER, revocation_list(ISSUER, T + 500, extensions={CHANGES: True, USERS: True})), None),
    ],
)  # fmt: skip
def test_up_to_when_it_was_checked(lists: tuple[bytes, ...], checked: int | None) -> None:
    assert _verify(_token(), *lists).checked == checked


def test_lists_of_others_say_nothing() -> None:
    revoked = Revoked(UNIT.serial, T + 500)
    namesake = issue("Authority", STRANGER, start=T - YEAR, ca=True)
    responder = issue(
        "Responder", namesake, start=T - DAY, usages=(ExtendedKeyUsageOID.OCSP_SIGNING,)
    )
    others = (
        revocation_list(namesake, T + 1000, (revoked,)),
        ocsp_response(UNIT, namesake, T + 1000, revoked),
        ocsp_response(UNIT, ISSUER, T + 1000, revoked, responder=responder),
        ocsp_response(UNIT, ISSUER, T + 1000, revoked, responder=UNIT),
    )
    assert _verify(_token(), *others).revoked is None
    own = issue("Responder", ISSUER, start=T - DAY, usages=(ExtendedKeyUsageOID.OCSP_SIGNING,))
    with pytest.raises(VerificationFailed, match="without a reason"):
        _verify(_token(), ocsp_response(UNIT, ISSUER, T + 1000, revoked, responder=own))


def test_what_a_token_brings_about_its_revocation() -> None:
    revoked = Revoked(UNIT.serial, T + 500, REASON.superseded)
    response = ocsp_response(UNIT, ISSUER, T + 1000, revoked)
    basic = der.children(der.children(der.children(der.read(response))[1])[0])[1].content
    for written in (
        revocation_list(ISSUER, T + 1000, (revoked,)),
        der.encode(der.context(1), der.oid("1.3.6.1.5.5.7.16.2") + response),
        der.encode(der.context(1), der.oid("1.3.6.1.5.5.7.48.1.1") + basic),
    ):
        assert _verify(_token(crls=(written,))).revoked == Revocation(
            T + 500, "superseded", T + 1000
        )
    unknown = der.encode(der.context(1), der.oid("1.2.3") + der.sequence())
    assert _verify(_token(crls=(unknown,))).revoked is None


def test_validation_data_is_bounded_and_of_three_kinds() -> None:
    with pytest.raises(MalformedData, match="neither a certificate"):
        _verify(_token(), b"\x30\x00")
    with pytest.raises(TooLarge):
        _verify(_token(), *(bytes((n,)) for n in range(65)))
    with pytest.raises(TooLarge):
        _verify(_token(), bytes(16 << 20), b"\0")


def test_a_mebibyte_and_more() -> None:
    with pytest.raises(TooLarge):
        parse_token(bytes(MAX_TOKEN + 1))
    with pytest.raises(TooLarge):
        parse_token(_token(certificates=[ISSUER.der] * 17))
    with pytest.raises(MalformedData):
        parse_token(bytes(MAX_TOKEN))


def test_every_byte_of_a_token_flipped() -> None:
    good = _verify(_token())
    token = good.token.der
    kept = 0
    for position in range(len(token)):
        odd = bytearray(token)
        odd[position] ^= 1 << position % 8
        try:
            verified = _verify(bytes(odd))
        except SealbookError:
            continue
        kept += 1
        assert verified.token.content == good.token.content
        assert (verified.latest, verified.expires) == (good.latest, good.expires)
    # What lies outside of the signature and changes no meaning: versions and the digests' list.
    assert kept < 40


def test_a_token_cut_short_anywhere() -> None:
    token = _token()
    for size in range(len(token)):
        with pytest.raises(MalformedData):
            parse_token(token[:size])


def test_sets_are_sorted_and_nothing_else_changes() -> None:
    certificates = sorted((UNIT.der, ISSUER.der, ROOT.der), reverse=True)
    token = _token(certificates=certificates, gen_time=b"20260921133320.0010Z")
    tidy = sorted_sets(token)
    assert len(tidy) == len(token)
    assert sorted_sets(tidy) == tidy != token
    before, after = parse_token(token), parse_token(tidy)
    assert after.certificates == tuple(sorted(before.certificates))
    assert (after.content, after.signer) == (before.content, before.signer)
    assert _verify(tidy).latest == _verify(token).latest


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory):
    with started(tmp_path_factory.mktemp("tsa")) as running:
        yield running


def _ask(tsa: Tsa, request: bytes) -> bytes:
    return parse_response(tsa.answer(request))


@pytest.mark.parametrize("imprint", [NOTE, sha512(b"a note").digest()])
def test_openssl_answers_our_request(tsa: Tsa, imprint: bytes) -> None:
    nonce = 0xF000_0000_0000_0001
    token = parse_token(sorted_sets(_ask(tsa, format_request(imprint, nonce, policy=POLICY))))
    require_answer(token, imprint, nonce, policy=POLICY)
    authority = Authority("OpenSSL", tsa.root.der, POLICY)
    lists = tsa.revocation_lists(this_update=int(token.gen_time) + 3)
    verified = verify_token(token, imprint, (authority,), lists)
    assert verified.checked == int(token.gen_time) + 3
    with pytest.raises(VerificationFailed, match="another hash"):
        require_answer(token, bytes(len(imprint)), nonce)
    with pytest.raises(VerificationFailed, match="another nonce"):
        require_answer(token, imprint, nonce + 1)
    with pytest.raises(VerificationFailed, match="under the policy"):
        require_answer(token, imprint, nonce, policy=OTHER_POLICY)


def test_a_refusal_is_told_in_the_authoritys_words(tsa: Tsa) -> None:
    with pytest.raises(Refused, match=r"status 2 \(rejected\), and says “"):
        _ask(tsa, format_request(NOTE, 1, policy="1.2.3.4"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", MalformedData),
        (b"<html>", MalformedData),
        (bytes(MAX_RESPONSE + 1), TooLarge),
        (der.sequence(), MalformedData),
        (der.sequence(der.sequence(der.integer(0))), MalformedData),
        (der.sequence(der.sequence(der.integer(1)), der.sequence()), Refused),
        (der.sequence(der.sequence(der.integer(-1))), Refused),
    ],
)
def test_answers_that_are_none(answer: bytes, error: type[SealbookError]) -> None:
    with pytest.raises(error):
        parse_response(answer)
