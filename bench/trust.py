"""Witnesses, timestamps and renewal: what they cost beside the signatures and hashes that they are."""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import sha256, sha512
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bench.row import Row, interleaved, ratio
from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import cosign, sign_checkpoint, verify_signature
from ledger.chain.note import (
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    VerifierKey,
    first_lines,
    format_note,
    format_vkey,
    parse_note,
)
from ledger.chain.policy import format_policy, parse_policy
from ledger.chain.receipt import Times, TokenEntry, format_receipt
from ledger.chain.statement import parse_statement, verify_statement
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import Token, parse_token
from ledger.chain.trust import Trust
from ledger.chain.witnessing import format_request
from ledger.crypto.keys import MlDsaKey
from ledger.crypto.merkle import consistency_proof, root_from_leaf_hashes, verify_consistency
from ledger.evidence.renewing import renew_files
from ledger.notary.care.founding import init_notary
from ledger.notary.notary import Notary, open_notary
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.verify import verify_receipt
from ledger.witness.witness import init_witness
from tests.certificates import issue
from tests.forge import forged
from tests.notaries import ORIGIN, PLATFORM, Company, EveryEnvelope
from tests.simulator import NOW, Office, Tree
from tests.tsa import started

ROUNDS = 5
CHECKPOINTS = 60
RECEIPTS, RECEIPT = 100_000, 17_000
DEPOSITS = 2_000
DAY = 86_400
ROOT = issue("Root", start=NOW - DAY, years=20, ca=True)
TSA = issue("Unit", ROOT, start=NOW - DAY, years=10)


def rows() -> Iterator[Row]:
    """Yield the figures."""
    yield from _witness()
    yield from _final_receipt()
    yield from _hanging_authority()
    yield from _renewal()


# --- a witness ---


def _submissions(office: Office, count: int) -> tuple[list[bytes], list[Checkpoint], list[str]]:
    """Return requests that each add an entry, the checkpoints and the notes in them."""
    entries = [bytes([n % 256]) * 32 for n in range(count)]
    bodies, checkpoints, notes = [], [], []
    for size in range(1, count + 1):
        tree = Tree(entries[:size])
        checkpoint = Checkpoint(office.origin, size, root_from_leaf_hashes(tree.leaves))
        note = sign_checkpoint(checkpoint, office.log, office.ml_dsa, NOW)
        proof = consistency_proof(tree, size - 1, size) if size > 1 else []
        bodies.append(format_request(size - 1, proof, note))
        checkpoints.append(checkpoint)
        notes.append(note)
    return bodies, checkpoints, notes


def _log_keys(office: Office) -> tuple[VerifierKey, VerifierKey]:
    return (
        VerifierKey(office.origin, ED25519, office.log.public),
        VerifierKey(office.origin, COSIGNATURE_ML_DSA_44, office.ml_dsa.public),
    )


def _witness() -> Iterator[Row]:
    office = Office()
    total = CHECKPOINTS * ROUNDS
    bodies, checkpoints, notes = _submissions(office, total)
    keys = _log_keys(office)
    with tempfile.TemporaryDirectory(dir=".") as name:
        witness = init_witness(Path(name) / "w", "witness.example/w")
        for key in keys:
            witness.add(format_vkey(key))
        with closing(sqlite3.connect(Path(name) / "bare.sqlite", isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("CREATE TABLE logs (note TEXT)")
            database.execute("INSERT INTO logs VALUES ('')")
            place = iter(range(total))

            def served() -> float:
                begun = perf_counter()
                for _ in range(CHECKPOINTS):
                    witness.cosign(bodies[next(place)], NOW)
                return (perf_counter() - begun) / CHECKPOINTS

            bare_place = iter(range(total))

            def bare() -> float:
                begun = perf_counter()
                for _ in range(CHECKPOINTS):
                    at = next(bare_place)
                    new, note = checkpoints[at], parse_note(notes[at])
                    for key, line in zip(keys, note.signatures, strict=True):
                        verify_signature(key, line, new)
                    if at:
                        old = checkpoints[at - 1]
                        proof = consistency_proof_of(bodies[at])
                        verify_consistency(old.size, old.root, new.size, new.root, proof)
                    cosign(new, "w", witness.ed25519, NOW)
                    cosign(new, "w", witness.ml_dsa, NOW)
                    database.execute("UPDATE logs SET note = ?", (notes[at],))
                return (perf_counter() - begun) / CHECKPOINTS

            ours, limit = interleaved(ROUNDS, (served, bare))
    found = ratio(ours, limit)
    yield Row(
        "a witness: add-checkpoint",
        f"{median(ours) * 1e3:.2f} ms",
        f"its signatures, proof and a durable commit {median(limit) * 1e3:.2f} ms",
        f"{found:.2f}",
        "at most 3",
        found > 3,
    )
    yield _requests(keys, bodies)


def consistency_proof_of(body: bytes) -> list[bytes]:
    """Return the proof in a request."""
    from ledger.chain.witnessing import parse_request

    return list(parse_request(body).proof)


def _requests(keys: Sequence[VerifierKey], bodies: Sequence[bytes]) -> Row:
    with tempfile.TemporaryDirectory(dir=".") as name:
        witness = init_witness(Path(name) / "w", "witness.example/w")
        for key in keys:
            witness.add(format_vkey(key))
        command = [sys.executable, "-m", "ledger", "witness", "serve", str(witness.directory),
                   "--listen", "127.0.0.1:0"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = re.search(r"http://\S+", process.stdout.readline())
            assert url is not None
            begun = perf_counter()
            with httpx2.Client(base_url=url[0]) as client:
                for body in bodies:
                    client.post("/add-checkpoint", content=body).raise_for_status()
            seconds = perf_counter() - begun
            process.kill()
    return Row(
        "a witness over loopback HTTP, one log, a connection each",
        f"{len(bodies) / seconds:,.0f} requests/s",
        aim="500/s",
    )


# --- a final receipt ---


def _final_receipt() -> Iterator[Row]:
    office = Office()
    receipt, trust, checks = _finished(office)
    assert verify_receipt(receipt, trust).final

    def whole() -> float:
        begun = perf_counter()
        for _ in range(20):
            verify_receipt(receipt, trust)
        return (perf_counter() - begun) / 20

    def bare() -> float:
        begun = perf_counter()
        for _ in range(20):
            for check in checks:
                check()
        return (perf_counter() - begun) / 20

    ours, limit = interleaved(ROUNDS * 3, (whole, bare))
    found, spent = ratio(ours, limit), median(ours)
    yield Row(
        "a final receipt: 3 ML-DSA-44 witnesses, 2 tokens",
        f"{spent * 1e3:.2f} ms",
        f"its {len(checks)} signatures alone {median(limit) * 1e3:.2f} ms",
        f"{found:.2f}",
        "at most 4, under 30 ms",
        found > 4 or spent > 0.030,
    )


def _finished(office: Office) -> tuple[bytes, Trust, list[Callable[[], object]]]:
    """Return a final receipt, the trust file for it, and a call for each signature in it."""
    parts = office.parts()
    note = parse_note(parts.note)
    checkpoint = parse_checkpoint(note.text)
    witnesses = {f"witness.example/{n}": MlDsaKey(bytes([n]) * 32) for n in (11, 12, 13)}
    lines = [cosign(checkpoint, name, key, NOW) for name, key in witnesses.items()]
    whole = Note(note.text, (*note.signatures, *lines))
    imprint = sha256(first_lines(format_note(whole), 2).encode()).digest()
    tokens = tuple(TokenEntry(2, forged(imprint, TSA, NOW + n)) for n in (10, 20))
    verifiers = [
        VerifierKey(name, COSIGNATURE_ML_DSA_44, key.public) for name, key in witnesses.items()
    ]
    own = [
        each
        for each in format_policy(office.trust().policy).splitlines()
        if each.startswith(("log", "witness"))
    ]
    names = [f"w{n}" for n, _ in enumerate(verifiers)]
    own += [
        f"witness {name} {format_vkey(key)}" for name, key in zip(names, verifiers, strict=True)
    ]
    own += [f"group everybody all ml-dsa-44 {' '.join(names)}", "quorum everybody", ""]
    trust = replace(
        office.trust(),
        policy=parse_policy("\n".join(own)),
        authorities=(Authority("Test TSA", ROOT.der),),
    )
    checks: list[Callable[[], object]] = [
        lambda key=key, line=line: verify_signature(key, line, checkpoint)  # type: ignore[misc]
        for key, line in zip((*_log_keys(office), *verifiers), whole.signatures, strict=True)
    ]
    signed = (
        (parts.statement, office.device.public),
        (parts.block, office.log.public),
        (parts.enrolment, office.log.public),
    )
    for data, public in signed:
        statement = parse_statement(data)
        checks.append(
            lambda statement=statement, public=public: verify_statement(statement, public)  # type: ignore[misc]
        )
    # The seal's signature and certificate, and of each token the signature and the unit's certificate.
    key = ec.derive_private_key(5, ec.SECP256R1())
    signature = key.sign(b"seal", ec.ECDSA(hashes.SHA256()))
    root = x509.load_der_x509_certificate(ROOT.der)
    unit = x509.load_der_x509_certificate(TSA.der)
    checks += [lambda: key.public_key().verify(signature, b"seal", ec.ECDSA(hashes.SHA256()))] * 2
    checks += [lambda: unit.verify_directly_issued_by(root)] * 4
    receipt = format_receipt(replace(parts, note=format_note(whole), times=Times(tokens)))
    return receipt, trust, checks


# --- an authority that hangs ---


def _hanging_authority() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(dir=".") as name, started(Path(name) / "tsa") as tsa:
        tsa.fault = "slow"
        notaries = []
        for which in ("without", "with"):
            directory = Path(name) / which
            init_notary(directory, ORIGIN, issuer="Office", platform=PLATFORM, clock=SYSTEM_CLOCK,
                        random=os.urandom)  # fmt: skip
            if which == "with":
                pem = x509.load_der_x509_certificate(tsa.root.der)
                from cryptography.hazmat.primitives.serialization import Encoding

                (directory / "tsa.pem").write_bytes(pem.public_bytes(Encoding.PEM))
                with (directory / "notary.toml").open("a") as file:
                    file.write(f'\n[[timestamps]]\nurl = "{tsa.url}"\nname = "TSA"\nroot = "tsa.pem"\n'
                               "interval = 1\n")  # fmt: skip
            notary = open_notary(directory)
            notary.envelopes = EveryEnvelope()  # type: ignore[assignment]
            notary.sequencer._admission._envelopes = notary.envelopes
            notaries.append((notary, Company().enrol(notary)))
        try:
            without, hanging = interleaved(
                ROUNDS * 2,
                [lambda each=each: _deposits(*each) for each in notaries],  # type: ignore[misc]
            )
        finally:
            for notary, _ in notaries:
                notary.close()
    found = ratio(hanging, without)
    yield Row(
        "deposits with an authority that hangs",
        f"{median(hanging):,.0f}/s",
        f"without it {median(without):,.0f}/s",
        f"{found:.2f}",
        "at least 0.95",
        found < 0.95,
    )


def _deposits(notary: Notary, company: Company) -> float:
    statements = [company.statement(time=int(time.time())) for _ in range(DEPOSITS)]
    begun = perf_counter()
    for first in range(0, DEPOSITS, 256):
        for each in notary.sequencer.submit_many(statements[first : first + 256]):
            each.result(60)
    return DEPOSITS / (perf_counter() - begun)


# --- renewal ---


def _renewal() -> Iterator[Row]:
    now = int(time.time())
    root = issue("Root", start=now - DAY, years=20, ca=True)
    unit = issue("Unit", root, start=now - DAY, years=10)

    def stamp(imprint: bytes) -> Token:
        return parse_token(forged(imprint, unit, now))

    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        files = []
        for n in range(RECEIPTS):
            folder = Path(name) / f"{n // 1000}"
            folder.mkdir(exist_ok=True)
            files.append(folder / f"{n}.receipt")
            files[-1].write_bytes(n.to_bytes(8, "big") * (RECEIPT // 8))

        def renewed() -> float:
            begun = process_time()
            assert all(each.error is None for each in renew_files(files, stamp))
            spent = process_time() - begun
            for each in files:
                each.with_name(f"{each.name}.ers").unlink()
            return spent

        def hashed() -> float:
            begun = process_time()
            for each in files:
                sha512(each.read_bytes()).digest()
            return process_time() - begun

        ours, limit = interleaved(2, (renewed, hashed))
    found = ratio(ours, limit)
    yield Row(
        f"renew {RECEIPTS:,} receipts of {RECEIPT // 1000} kB under one token",
        f"{min(ours):.1f} s of processor",
        f"reading them and SHA-512 {min(limit):.1f} s",
        f"{found:.1f}",
        "at most 4",
        found > 4,
    )
