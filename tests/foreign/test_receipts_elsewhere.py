"""Receipts of the simulator, a real notary and the examples, judged by other people's software."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import scitt_cose
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from ledger.chain.receipt import parse_receipt
from ledger.chain.seal import parse_cose_receipt
from ledger.chain.statement import parse_statement
from ledger.crypto.keys import SealKey, SigningKey, parse_pem
from ledger.encoding import b64decode, b64encode, cbor_decode, cbor_encode
from tests.crypto.test_age_interop import typage  # noqa: F401 - a fixture
from tests.formats.test_vectors import FILES
from tests.notaries import Company, deposit, found, opened
from tests.simulator import DEVICE_KEY, Office

TRANSMUTE = "0.2.11"


@dataclass(frozen=True)
class Case:
    """A receipt, with the keys that a verifier would have from elsewhere."""

    receipt: bytes
    depositor: bytes
    seal: ec.EllipticCurvePublicKey

    @property
    def cose_receipt(self) -> bytes:
        (receipt,) = scitt_cose.extract_receipts(self.receipt)
        return receipt

    @property
    def entry(self) -> bytes:
        """The ledger entry: the receipt with its unprotected header emptied, by CBOR alone."""
        protected, _, payload, signature = cbor_decode(self.receipt[1:])
        return b"\xd2" + cbor_encode([protected, {}, payload, signature])


def pem(key: ec.EllipticCurvePublicKey | Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def in_memory() -> Case:
    office = Office()
    return Case(office.receipt(), DEVICE_KEY.public, office.seal.public)


def of_the_examples() -> Case:
    from examples.make_vectors import DEVICE_KEY, SEAL

    return Case(FILES["deposit-1.receipt"], DEVICE_KEY.public, SEAL.public)


def of_a_real_notary(folder: Path) -> Case:
    with opened(found(folder / "notary")) as notary:
        company = Company().enrol(notary)
        receipts = deposit(notary, company.statements(5))
    parts = parse_receipt(receipts[3])
    certificate = load_der_x509_certificate(parse_cose_receipt(parts.cose_receipt).certificate)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return Case(receipts[3], company.key.public, key)


@pytest.fixture(scope="module", params=["in memory", "examples", "real notary"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    if request.param == "in memory":
        return in_memory()
    if request.param == "examples":
        return of_the_examples()
    return of_a_real_notary(tmp_path_factory.mktemp("foreign"))


def test_the_entry_is_the_transparent_statement_without_its_header(case: Case) -> None:
    assert case.entry == parse_receipt(case.receipt).statement


# --- scitt-cose (PyPI) ---


def test_scitt_cose_verifies_the_receipt(case: Case) -> None:
    result = scitt_cose.verify_receipt(
        case.cose_receipt, leaf_entry_hex=case.entry.hex(), log_public_key_pem=pem(case.seal)
    )
    ours = parse_cose_receipt(parse_receipt(case.receipt).cose_receipt)
    assert result.ok, result.errors
    assert (result.issuer, result.subject) == (ours.origin, "checkpoint")
    assert (result.tree_size, result.leaf_index) == (ours.size, ours.index)


def test_scitt_cose_verifies_the_statement(case: Case) -> None:
    key = pem(Ed25519PublicKey.from_public_bytes(case.depositor))
    read = scitt_cose.parse_signed_statement(case.receipt, public_key_pem=key)
    statement = parse_statement(case.entry)
    assert read["signature_verified"] is True
    assert (read["issuer"], read["subject"]) == (statement.issuer, statement.subject)
    assert cbor_decode(read["payload"]) == statement.payload


def test_scitt_cose_refuses_another_entry_and_another_seal(case: Case) -> None:
    other = case.entry[:-1] + bytes([case.entry[-1] ^ 1])
    stranger = ec.derive_private_key(99, ec.SECP256R1()).public_key()
    for entry, key in ((other, case.seal), (case.entry, stranger)):
        result = scitt_cose.verify_receipt(
            case.cose_receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem(key)
        )
        assert (result.ok, result.failed_at) == (False, "signature")


# --- @transmute/cose (npm) ---

SCRIPT = """
import cose from "@transmute/cose"
import { readFileSync } from "node:fs"
const input = JSON.parse(readFileSync(0))
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"))
const resolve = async (message) => {
  const { value } = cose.cbor.decodeFirstSync(message)
  const kid = Buffer.from(cose.cbor.decodeFirstSync(value[0]).get(4)).toString("hex")
  if (kid !== input.kid) throw new Error("no key " + kid)
  return input.jwk
}
const answers = []
for (const each of input.receipts) {
  try {
    const transparent = bytes(each)
    const entry = new Uint8Array(await cose.receipt.remove(transparent))
    const [receipt] = await cose.receipt.get(transparent)
    const verifier = cose.detached.verifier({ resolver: { resolve } })
    const leaf = await cose.receipt.leaf(entry)
    const root = await cose.receipt.inclusion.verify({ entry: leaf, receipt, verifier })
    answers.push({ entry: Buffer.from(entry).toString("hex"), root: Buffer.from(root).toString("hex") })
  } catch (error) {
    answers.push({ error: String(error) })
  }
}
console.log(JSON.stringify(answers))
"""


@pytest.fixture(scope="session")
def transmute() -> Path:
    """A folder where node finds @transmute/cose; installed once, kept between runs."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node or npm is missing")
    folder = Path(tempfile.gettempdir()) / f"sealbook-tests-{os.getuid()}-transmute-{TRANSMUTE}"
    if not (folder / "node_modules" / "@transmute" / "cose" / "package.json").exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            [*install, "--prefix", folder, f"@transmute/cose@{TRANSMUTE}"],
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode:
            pytest.skip(f"npm cannot install @transmute/cose: {done.stderr.strip()[-200:]}")
    (folder / "verify.mjs").write_text(SCRIPT)
    return folder


def ask_transmute(folder: Path, case: Case, receipts: list[bytes]) -> list[dict[str, str]]:
    numbers = case.seal.public_numbers()
    x, y = (
        b64encode(n.to_bytes(32, "big")).replace("+", "-").replace("/", "_").rstrip("=")
        for n in (numbers.x, numbers.y)
    )
    question = {
        "kid": parse_cose_receipt(case.cose_receipt).key_id.hex(),
        "jwk": {"kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y},
        "receipts": [b64encode(receipt) for receipt in receipts],
    }
    done = subprocess.run(
        ["node", "verify.mjs"],
        cwd=folder,
        input=json.dumps(question).encode(),
        check=True,
        capture_output=True,
        timeout=60,
    )
    answers: list[dict[str, str]] = json.loads(done.stdout)
    return answers


def test_transmute_finds_our_entry_and_verifies_the_seal_over_its_root(
    transmute: Path, case: Case
) -> None:
    protected, header, payload, signature = cbor_decode(case.receipt[1:])
    forged = b"\xd2" + cbor_encode(
        [protected, header, payload, signature[:-1] + bytes([signature[-1] ^ 1])]
    )
    good, bad = ask_transmute(transmute, case, [case.receipt, forged])
    root = parse_receipt(case.receipt).note.split("\n")[2]
    assert good == {"entry": case.entry.hex(), "root": b64decode(root).hex()}
    assert "error" in bad


# --- what section 17 of docs/formats.md says of OpenSSL and age ---

AGE_SCRIPT = """
import * as age from "age-encryption"
import { readFileSync } from "node:fs"
const input = JSON.parse(readFileSync(0))
const decrypter = new age.Decrypter()
decrypter.addIdentity(input.identity)
const plain = await decrypter.decrypt(Buffer.from(input.sealed, "base64"))
process.stdout.write(Buffer.from(plain))
"""


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is missing")
@pytest.mark.parametrize("secret", ["officer", "recovery-sheet"])
def test_an_age_tool_and_tar_open_the_content_without_us(
    secret: str,
    typage: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    (typage / "decrypt.mjs").write_text(AGE_SCRIPT)
    question = {
        "identity": FILES[f"keys/{secret}.txt"].decode().strip(),
        "sealed": b64encode(FILES["content.age"]),
    }
    plain = subprocess.run(
        ["node", "decrypt.mjs"],
        cwd=typage,
        input=json.dumps(question).encode(),
        check=True,
        capture_output=True,
    ).stdout
    subprocess.run(["tar", "x"], cwd=tmp_path, input=plain, check=True)
    assert (tmp_path / "letter.txt").read_bytes() == FILES["documents/letter.txt"]
    assert (tmp_path / "annex" / "prices.csv").read_bytes() == FILES["documents/prices.csv"]


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")


@needs_openssl
def test_openssl_verifies_the_seal_certificate_at_the_time_of_the_block(tmp_path: Path) -> None:
    for name in ("seal-root", "seal"):
        certificate = load_der_x509_certificate(FILES[f"{name}.der"])
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    time = parse_statement(FILES["block-2.cose"]).payload["time"]

    def verify(at: int, anchor: str) -> int:
        command = ["openssl", "verify", "-CAfile", f"{anchor}.pem", "-attime", str(at), "seal.pem"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True).returncode

    assert verify(time, "seal-root") == 0
    assert verify(time - 365 * 86_400, "seal-root") != 0
    assert verify(time, "seal") != 0


@needs_openssl
@pytest.mark.parametrize("name", ["device", "log-ed25519", "seal-p256"])
def test_openssl_reads_the_signing_keys(name: str, tmp_path: Path) -> None:
    key = parse_pem(FILES[f"keys/{name}.pem"])
    assert isinstance(key, SigningKey | SealKey)
    public = (
        Ed25519PublicKey.from_public_bytes(key.public)
        if isinstance(key, SigningKey)
        else key.public
    )
    (tmp_path / "key.pem").write_bytes(FILES[f"keys/{name}.pem"])
    done = subprocess.run(
        ["openssl", "pkey", "-in", "key.pem", "-pubout", "-outform", "DER"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stdout == public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
