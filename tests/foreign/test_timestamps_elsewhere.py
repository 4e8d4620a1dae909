"""Tokens, evidence records and cosignatures, judged by other people's software beside ours.

Where a judge says otherwise than we do, a table says why. A difference that stands in no table fails,
and so does one in a table that is gone.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import new
from itertools import count
from pathlib import Path

import pytest
import rfc3161_client
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.registry import SimpleTrustManager

from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import sign_checkpoint, verify_signature
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    VerifierKey,
    format_note,
    format_vkey,
    parse_note,
)
from ledger.chain.renewal.record import format_record, parse_record
from ledger.chain.renewal.verifying import covered, verify_record
from ledger.chain.timestamp.token import Token, parse_token, sorted_sets
from ledger.chain.timestamp.verifying import verify_token
from ledger.chain.witnessing import format_request
from ledger.crypto import der
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.encoding import b64encode
from ledger.errors import SealbookError, VerificationFailed
from ledger.evidence.renewed import record_of
from ledger.evidence.renewing import renew_files
from ledger.witness.witness import init_witness
from tests.certificates import YEAR, Party, Revoked, instant, issue, revocation_list
from tests.chain.test_renewal import PUBLIC, SOUND, UNSOUND, digests
from tests.chain.test_timestamp import (
    AUTHORITIES,
    CHAIN,
    DAY,
    ISSUER,
    MATRIX,
    NOTE,
    POINT,
    REASON,
    ROOT,
    STRANGER,
    UNIT,
    Case,
    T,
)
from tests.forge import forged
from tests.tsa import POLICY

Verdicts = Mapping[str, str | None]
"""What a judge has against each case, None where it has nothing."""


def require_explained(judge: Verdicts, ours: Verdicts, reasons: Mapping[str, str]) -> None:
    """Fail where a judge and we differ without a reason, or agree in spite of one."""
    assert judge.keys() == ours.keys()
    differ = {name for name in ours if (ours[name] is None) != (judge[name] is None)}
    unexplained = {each: (ours[each], judge[each]) for each in differ - reasons.keys()}
    assert unexplained == {}
    assert reasons.keys() - differ == set()


def because(reasons: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the reason of each case's difference."""
    return {name: reason for reason, names in reasons.items() for name in names}


def test_a_new_difference_and_one_that_is_gone_fail() -> None:
    judge, ours = {"a": None, "b": "bad"}, {"a": "bad", "b": "bad"}
    require_explained(judge, ours, {"a": "a reason"})
    for reasons in ({}, {"a": "a reason", "b": "another"}):
        with pytest.raises(AssertionError):
            require_explained(judge, ours, reasons)


# --- tokens ---


def _at(text: str) -> Case:
    return Case(lambda: forged(NOTE, UNIT, T, gen_time=text.encode(), certificates=CHAIN))


def _late(issuer: Party, years: int) -> Case:
    unit = issue("Unit", issuer, start=T - DAY, years=40)
    certificates = (unit.der, ISSUER.der)
    return Case(lambda: forged(NOTE, unit, T + years * YEAR, certificates=certificates))


CASES = MATRIX | {
    **{f"{n} digits of a second": _at(f"20260921133320.{'1' * n}Z") for n in range(1, 10)},
    "authority expired": _late(ISSUER, 21),
    "root expired": _late(ROOT, 31),
    "second 60": _at("20260921133360Z"),
    "another note": Case(lambda: forged(bytes(32), UNIT, T, certificates=CHAIN)),
}


@pytest.fixture(scope="module")
def tokens() -> Mapping[str, bytes]:
    """Every case's token as we keep it: its sets are sorted on arrival."""
    return {name: _arrived(case.token()) for name, case in CASES.items()}


def _arrived(token: bytes) -> bytes:
    try:
        return sorted_sets(token)
    except SealbookError:
        return token


@pytest.fixture(scope="module")
def ours(tokens: Mapping[str, bytes]) -> Verdicts:
    return {name: _ours(token, CASES[name].validation) for name, token in tokens.items()}


def _ours(token: bytes, validation: tuple[bytes, ...] = ()) -> str | None:
    try:
        verify_token(parse_token(token), NOTE, AUTHORITIES, validation)
    except SealbookError as error:
        return str(error)
    return None


WEAK = "it verifies keys and hash functions that we name instead of verifying"
LOOSE = "we refuse what RFC 3161 does not allow, or what is critical and unknown; it does not look"
LENIENT_TIME = "it reads, or never reads, times that are not those of RFC 3161 section 2.4.2"
LEAP = "second 60 is a leap second, to us the next one; it knows none"
UNORDERED = (
    "signed attributes are verified as they stand, by OpenSSL too; it knows only DER's order"
)
UNNAMED = (
    "RFC 3161 and 5816 ask for the certificate's hash under the signature; it does not compare it"
)

RFC3161_CLIENT = because(
    {
        UNORDERED: ("signed attributes in no order",),
        LEAP: ("second 60",),
        LOOSE: ("accuracy of over a day", "other content type", "unknown critical extension"),
        UNNAMED: ("first ESSCertID wrong", "second ESSCertID wrong", "no ESSCertID"),
        WEAK: ("RSA of 1,024 bits", "secp256k1"),
        "it reads PKCS #7, which knows neither key identifiers, RSA-PSS nor Ed25519": (
            "sid by key",
            "RSA-PSS",
            "Ed25519",
        ),
    }
)


def test_rfc3161_client_and_we_agree_on_tokens(tokens: Mapping[str, bytes], ours: Verdicts) -> None:
    judge = {name: _rfc3161_client(each, CASES[name]) for name, each in tokens.items()}
    require_explained(judge, ours, RFC3161_CLIENT)


def test_rfc3161_client_takes_unsorted_sets_once_we_have_sorted_them() -> None:
    unsorted = forged(NOTE, UNIT, T, certificates=sorted(CHAIN, reverse=True))
    said = _rfc3161_client(unsorted, MATRIX["plain"])
    assert said is not None
    assert "InvalidSetOrdering" in said
    assert _rfc3161_client(sorted_sets(unsorted), MATRIX["plain"]) is None


def _rfc3161_client(token: bytes, case: Case) -> str | None:
    signer = [x509.load_der_x509_certificate(each) for each in case.validation[:1]]
    verifier = rfc3161_client.VerifierBuilder(
        roots=[ROOT.certificate],
        intermediates=[ISSUER.certificate],
        policy_id=x509.ObjectIdentifier(POLICY),
        tsa_certificate=signer[0] if signer else None,
    ).build()
    try:
        response = der.sequence(der.sequence(der.integer(0)), token)  # granted
        verifier.verify(rfc3161_client.decode_timestamp_response(response), NOTE)
    except (ValueError, rfc3161_client.VerificationError) as error:
        return str(error)
    return None


PYHANKO = because(
    {
        "it is asked about the certificate's path alone": (
            "accuracy of over a day",
            "accuracy of 1,000 milliseconds",
            "another note",
            "bytes behind",
            "first ESSCertID wrong",
            "no ESSCertID",
            "other content type",
            "other hash signed",
            "other policy",
            "second ESSCertID wrong",
            "SHA-1 in the signature",
            "two signers",
            "unknown critical extension",
        ),
        "RFC 3161 section 2.3 wants the purpose critical and alone; X.509 does not": (
            "EKU not critical",
            "EKU with a second",
        ),
        "RFC 5280 section 6.1 takes a root's name and key, not its dates; we keep to them": (
            "root expired",
        ),
        LENIENT_TIME: ("offset not Z", "no seconds"),
        LEAP: ("second 60",),
        WEAK: ("RSA of 1,024 bits", "secp256k1"),
    }
)


def test_pyhanko_and_we_agree_on_paths(tokens: Mapping[str, bytes], ours: Verdicts) -> None:
    judge = {name: _pyhanko_token(each, CASES[name]) for name, each in tokens.items()}
    require_explained(judge, ours, PYHANKO)


def _pyhanko_token(token: bytes, case: Case) -> str | None:
    try:
        signed = cms.ContentInfo.load(token)["content"]
        embedded = [each.chosen for each in signed["certificates"] or ()]
        known = [*embedded, *map(asn1_x509.Certificate.load, case.validation)]
        sid = signed["signer_infos"][0]["sid"]
        signer = next(each for each in known if _is(each, sid))
        time = signed["encap_content_info"]["content"].parsed["gen_time"].native
        if time.tzinfo is None:
            return "local time"
    except (ValueError, LookupError, StopIteration) as error:
        return repr(error)
    return _pyhanko(signer, time, known)


def _is(certificate: asn1_x509.Certificate, sid: cms.SignerIdentifier) -> bool:
    if sid.name == "subject_key_identifier":
        return bool(certificate.key_identifier == sid.chosen.native)
    return bool(
        certificate.issuer == sid.chosen["issuer"]
        and certificate.serial_number == sid.chosen["serial_number"].native
    )


def _pyhanko(
    signer: asn1_x509.Certificate,
    time: datetime,
    known: list[asn1_x509.Certificate],
    lists: Sequence[bytes] = (),
) -> str | None:
    context = ValidationContext(
        trust_manager=SimpleTrustManager.build([asn1_x509.Certificate.load(ROOT.der)]),
        other_certs=known,
        moment=time,
        crls=lists,
        revocation_mode="require" if lists else "soft-fail",
    )
    validator = CertificateValidator(signer, known, context)
    try:
        asyncio.run(validator.async_validate_usage({"digital_signature"}, {"time_stamping"}))
    except (PathError, ValidationError) as error:
        return str(error)
    return None


# --- revocations ---

UPPER = revocation_list(ROOT, T + 900)
NAMESAKE = issue("Authority", STRANGER, start=T - DAY, ca=True)


def _revoked(by: REASON | None, at: int = T + 500) -> bytes:
    return revocation_list(ISSUER, T + 1000, (Revoked(UNIT.serial, at, by),))


LISTS = {
    "clean": revocation_list(ISSUER, T + 1000),
    **{f"revoked later: {each and each.value}": _revoked(each) for each in (None, *REASON)},
    "revoked before": _revoked(REASON.superseded, T - 500),
    "too old": revocation_list(ISSUER, T - 30 * DAY),
    "of another issuer": revocation_list(STRANGER, T + 1000),
    "of a namesake": revocation_list(NAMESAKE, T + 1000),
    "for authorities alone": revocation_list(ISSUER, T + 1000, extensions={POINT: True}),
    "a delta": revocation_list(ISSUER, T + 1000, extensions={x509.DeltaCRLIndicator(1): True}),
}
REVOCATIONS = because(
    {
        "RFC 3161 section 4 and appendix B let earlier tokens stand; X.509 knows no earlier": tuple(
            f"revoked later: {name}"
            for name in ("unspecified", "affiliationChanged", "superseded", "cessationOfOperation")
        ),
        "the reason has no place in a whole list: we take the worst of it, it ignores the entry": (
            "revoked later: removeFromCRL",
        ),
    }
)


def test_pyhanko_and_we_agree_on_revocation_lists() -> None:
    """We judge the token, and ask for checked certificates; it is asked at the list's time."""
    known = [asn1_x509.Certificate.load(each) for each in CHAIN]

    def checked(own: bytes) -> str | None:
        try:
            token = parse_token(forged(NOTE, UNIT, T, certificates=CHAIN))
            found = verify_token(token, NOTE, AUTHORITIES, (UPPER, own))
        except VerificationFailed as error:
            return str(error)
        return None if found.checked or found.revoked else "not checked"

    judge = {
        name: _pyhanko(known[0], instant(T + 1001), known, (UPPER, own))
        for name, own in LISTS.items()
    }
    require_explained(judge, {name: checked(own) for name, own in LISTS.items()}, REVOCATIONS)


# --- evidence records ---


@dataclass(frozen=True)
class Held:
    """A record and what it is said to cover; `signed` where its tokens are judged too."""

    record: bytes
    documents: tuple[bytes, ...]
    signed: bool = True

    def ours(self) -> str | None:
        try:
            record = parse_record(self.record)
            documents = [digests(each) for each in self.documents]
            if self.signed:
                verify_record(record, documents, AUTHORITIES)
            else:
                covered(record, *documents)
        except SealbookError as error:
            return str(error)
        return None


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Held]:
    cases = {
        f"{name} {documents}": Held((PUBLIC / name).read_bytes(), documents, signed=False)
        for name, documents in (
            *((name, documents) for name, documents, _, _ in SOUND),
            *((name, (document,)) for name, document in UNSOUND),
        )
    }
    folder = tmp_path_factory.mktemp("records")
    files = [folder / f"{n}.receipt" for n in range(3)]
    for n, file in enumerate(files):
        file.write_bytes(bytes((n,)) * 100)
    times = count(T, DAY)

    def stamp(imprint: bytes) -> Token:
        return parse_token(
            forged(imprint, UNIT, next(times), algorithm="sha512", certificates=CHAIN)
        )

    for kind, hash_tree in (("first", False), ("timestamp", False), ("hash-tree", True)):
        outcomes = list(renew_files(files, stamp, hash_tree=hash_tree))
        assert {each.kind and each.kind.value for each in outcomes} == {kind}
        for file in files:
            data = record_of(file).read_bytes()
            cases[f"{kind} {file.stem}"] = Held(data, (file.read_bytes(),))
    newest = cases["hash-tree 0"]
    cases["another document"] = replace(newest, documents=(b"another",))
    cases["one document too many"] = replace(newest, documents=(*newest.documents, b"another"))
    record = parse_record(newest.record)
    old, last = record.chains
    for name, chains in {
        "chains swapped": (last, old),
        "first chain gone": (last,),
        "first chain's newest timestamp gone": (old[:1], last),
        "first chain's timestamps swapped": (old[::-1], last),
    }.items():
        cases[name] = replace(newest, record=format_record(replace(record, chains=chains)))
    for name, tampered in {
        "newest signature flipped": last[-1].token.signer.signature,
        "oldest signature flipped": old[0].token.signer.signature,
        "newest tree flipped": last[-1].lists[0][-1],
    }.items():
        other = tampered[:-1] + bytes((tampered[-1] ^ 1,))
        cases[name] = replace(newest, record=newest.record.replace(tampered, other))
    return cases


JARS = [Path(f"/usr/share/java/{name}.jar") for name in ("bcprov", "bcpkix", "bcutil")]


@pytest.fixture(scope="module")
def bouncy_castle(tokens: Mapping[str, bytes], records: Mapping[str, Held]) -> Verdicts:
    """What it says of all tokens and records, in one run."""
    if shutil.which("javac") is None:
        pytest.skip("the Java compiler is missing (Debian: default-jdk-headless)")
    if missing := [each.name for each in JARS if not each.exists()]:
        pytest.skip(f"{', '.join(missing)} missing (Debian: libbcpkix-java)")
    now = str(T + 30 * DAY)
    questions = {
        name: ["token", b64encode(token), b64encode(NOTE), *map(b64encode, CASES[name].validation)]
        for name, token in tokens.items()
    } | {
        name: ["signed" if held.signed else "record", b64encode(held.record), now,
               *map(b64encode, held.documents)]
        for name, held in records.items()
    }  # fmt: skip
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", ":".join(map(str, JARS)),
         Path(__file__).with_name("BouncyCastle.java")],
        input="".join(f"{' '.join(each)}\n" for each in questions.values()),
        text=True,
        capture_output=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    answers = done.stdout.splitlines()
    return {
        name: None if answer == "ok" else answer
        for name, answer in zip(questions, answers, strict=True)
    }


BOUNCY_CASTLE_TOKENS = because(
    {
        "it is asked about the signature and its certificate, not about the path and policy": (
            "authority expired",
            "CA as signer",
            "other policy",
            "root expired",
            "signer of another root",
        ),
        UNORDERED: ("signed attributes in no order",),
        LENIENT_TIME: ("second 61", "month 13", "offset not Z", "no offset", "no seconds"),
        LOOSE: ("accuracy of over a day", "bytes behind", "unknown critical extension"),
        "it compares the first of two hashes of the certificate": ("second ESSCertID wrong",),
        WEAK: ("RSA of 1,024 bits", "secp256k1"),
    }
)
BOUNCY_CASTLE_RECORDS = because(
    {
        "it hashes a list of several hashes above the first alone; RFC 4998 section 4.3 joins what "
        "came from below with all of them": tuple(
            f"ER-2Chains3ATS.ers {documents}" for name, documents, *_ in SOUND if "2Chains" in name
        ),
    }
)


def test_bouncy_castle_and_we_agree_on_tokens_and_records(
    bouncy_castle: Verdicts, ours: Verdicts, records: Mapping[str, Held]
) -> None:
    verdicts = {name: held.ours() for name, held in records.items()}
    for known, reasons in ((ours, BOUNCY_CASTLE_TOKENS), (verdicts, BOUNCY_CASTLE_RECORDS)):
        require_explained({name: bouncy_castle[name] for name in known}, known, reasons)


# --- cosignatures ---

NOBLE = Path(__file__).with_name("noble")
ORIGIN, NOW = "notary.example/ledger", 1_795_000_000
LOG, LOG_PQ = SigningKey(b"l" * 32), MlDsaKey(b"m" * 32)


@pytest.fixture(scope="module")
def noble() -> Path:
    """A folder where node finds what package-lock.json pins; installed once, kept between runs."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node or npm is missing")
    lock = (NOBLE / "package-lock.json").read_bytes()
    label = new("sha256", lock).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"sealbook-tests-{os.getuid()}-noble-{label}"
    shutil.copytree(NOBLE, folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder],
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode:
            pytest.skip(f"npm cannot install @noble/post-quantum: {done.stderr.strip()[-200:]}")
    return folder


def test_noble_and_we_agree_on_the_ml_dsa_44_lines_of_a_log_and_its_witness(
    noble: Path, tmp_path: Path
) -> None:
    witness = init_witness(tmp_path / "w", "witness.example/公证")
    log = VerifierKey(ORIGIN, COSIGNATURE_ML_DSA_44, LOG_PQ.public)
    witness.add(format_vkey(VerifierKey(ORIGIN, ED25519, LOG.public)))
    signed = sign_checkpoint(Checkpoint(ORIGIN, 258, b"\xab" * 32), LOG, LOG_PQ, NOW)
    note = signed + witness.cosign(format_request(0, (), signed), NOW + 5)
    own = next(each for each in witness.verifiers if each.algorithm != COSIGNATURE_ED25519)
    stranger = VerifierKey(own.name, own.algorithm, LOG_PQ.public)
    notes = {
        "good": note,
        "other size": note.replace("\n258\n", "\n259\n", 1),
        "other origin": note.replace(ORIGIN, "notary.example/ledges", 1),
        "other root": note.replace("\nq6ur", "\nq6us", 1),
    }
    at = next(n for n, each in enumerate(parse_note(note).signatures) if each.key_id == own.key_id)
    lines = parse_note(note).signatures
    data = lines[at].signature
    spots = (*range(8), *range(8, len(data), 120), *range(len(data) - 84, len(data)))
    odd = {f"byte {n}": data[:n] + bytes((data[n] ^ 1,)) + data[n + 1 :] for n in spots}
    odd |= {"short": data[:-1], "long": data + b"\0", "time alone": data[:8]}
    for name, value in odd.items():
        others = (*lines[:at], replace(lines[at], signature=value), *lines[at + 1 :])
        notes[name] = format_note(replace(parse_note(note), signatures=others))
    questions = [(each, key) for each in notes.values() for key in (log, own, stranger)]
    done = subprocess.run(
        ["node", "verify.mjs"],
        cwd=noble,
        input=json.dumps([(each, format_vkey(key)) for each, key in questions]).encode(),
        check=True,
        capture_output=True,
        timeout=60,
    )
    answers = json.loads(done.stdout)
    assert answers[:3] == [[NOW], [NOW + 5], []]
    assert answers == [_times(each, key) for each, key in questions]


def _times(text: str, key: VerifierKey) -> list[int | None]:
    note = parse_note(text)
    checkpoint = parse_checkpoint(note.text)
    times = []
    for line in note.signatures:
        try:
            times.append(verify_signature(key, line, checkpoint).time)
        except VerificationFailed:
            continue
    return times
