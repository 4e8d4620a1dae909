"""Other people's age: Debian's `age` and pyrage for X25519 and passphrases, typage for post-quantum."""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import pyrage
import pytest

from ledger.crypto.envelope import decrypt_bytes, encrypt_bytes, rewrite_header
from ledger.crypto.recipients import (
    HybridIdentity,
    ScryptIdentity,
    ScryptRecipient,
    X25519Identity,
    parse_identity,
    parse_identity_file,
    parse_recipient,
)
from ledger.disk.age_files import decrypt_file

TYPAGE = "0.3.1"
SIZES = (0, 1, 65535, 65536, 65537, 131072, 300_001)

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="the age command is missing")


@needs_age
@pytest.mark.parametrize("size", SIZES)
def test_the_age_command_and_we_read_each_other(size: int, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    subprocess.run(["age-keygen", "-o", key_file], check=True, capture_output=True)
    (identity,) = parse_identity_file(key_file.read_text())
    plaintext = os.urandom(size)
    ours = encrypt_bytes(plaintext, [identity.recipient()], secrets.token_bytes)
    read = subprocess.run(
        ["age", "-d", "-i", key_file], input=ours, check=True, capture_output=True
    ).stdout
    assert read == plaintext
    for option in ([], ["-a"]):
        theirs = subprocess.run(
            ["age", "-r", str(identity.recipient()), *option],
            input=plaintext,
            check=True,
            capture_output=True,
        ).stdout
        assert decrypt_bytes(theirs, [identity]) == plaintext
        (tmp_path / "theirs.age").write_bytes(theirs)
        decrypt_file(tmp_path / "theirs.age", tmp_path / "plain", [identity])
        assert (tmp_path / "plain").read_bytes() == plaintext


@needs_age
def test_the_age_command_reads_a_header_rewritten_for_a_court(tmp_path: Path) -> None:
    officer = HybridIdentity(os.urandom(32))
    sealed = encrypt_bytes(b"contract", [officer.recipient()], secrets.token_bytes)
    key_file = tmp_path / "court.key"
    subprocess.run(["age-keygen", "-o", key_file], check=True, capture_output=True)
    (court,) = parse_identity_file(key_file.read_text())
    header = rewrite_header(sealed, [officer], [court.recipient()], secrets.token_bytes)
    payload = sealed[-(16 + 8 + 16) :]
    read = subprocess.run(
        ["age", "-d", "-i", key_file], input=header + payload, check=True, capture_output=True
    ).stdout
    assert read == b"contract"


@pytest.mark.parametrize("size", SIZES)
def test_pyrage_and_we_read_each_other(size: int) -> None:
    theirs = pyrage.x25519.Identity.generate()
    ours = parse_identity(str(theirs))
    assert isinstance(ours, X25519Identity)
    assert str(ours) == str(theirs)
    assert str(ours.recipient()) == str(theirs.to_public())
    plaintext = os.urandom(size)
    sealed = encrypt_bytes(plaintext, [ours.recipient()], secrets.token_bytes)
    assert pyrage.decrypt(sealed, [theirs]) == plaintext
    assert decrypt_bytes(pyrage.encrypt(plaintext, [theirs.to_public()]), [ours]) == plaintext


def test_pyrage_and_we_read_each_others_passphrase_files() -> None:
    sealed = encrypt_bytes(b"identity", [ScryptRecipient("秘密 phrase", 12)], secrets.token_bytes)
    assert pyrage.passphrase.decrypt(sealed, "秘密 phrase") == b"identity"
    theirs = pyrage.passphrase.encrypt(b"identity", "秘密 phrase")
    assert decrypt_bytes(theirs, [ScryptIdentity("秘密 phrase")]) == b"identity"


TYPAGE_SCRIPT = """
import * as age from "age-encryption"
import { readFileSync } from "node:fs"
const input = JSON.parse(readFileSync(0))
const decrypter = new age.Decrypter()
decrypter.addIdentity(input.identity)
const plain = await decrypter.decrypt(Buffer.from(input.sealed, "hex"))
const encrypter = new age.Encrypter()
encrypter.addRecipient(input.recipient)
const sealed = await encrypter.encrypt(plain)
const recipient = await age.identityToRecipient(input.identity)
const hex = (bytes) => Buffer.from(bytes).toString("hex")
console.log(JSON.stringify({ plain: hex(plain), sealed: hex(sealed), recipient }))
"""


@pytest.fixture(scope="session")
def typage() -> Path:
    """A folder where node finds the npm package age-encryption; installed once, kept between runs."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node or npm is missing")
    folder = Path(tempfile.gettempdir()) / f"sealbook-tests-{os.getuid()}-typage-{TYPAGE}"
    if not (folder / "node_modules" / "age-encryption" / "package.json").exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            [*install, "--prefix", folder, f"age-encryption@{TYPAGE}"],
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode:
            pytest.skip(f"npm cannot install age-encryption: {done.stderr.strip()[-200:]}")
    (folder / "exchange.mjs").write_text(TYPAGE_SCRIPT)
    return folder


@pytest.mark.parametrize("size", SIZES)
def test_typage_and_we_read_each_others_post_quantum_files(typage: Path, size: int) -> None:
    identity = HybridIdentity(os.urandom(32))
    plaintext = os.urandom(size)
    sealed = encrypt_bytes(plaintext, [identity.recipient()], secrets.token_bytes)
    question = {
        "identity": str(identity),
        "recipient": str(identity.recipient()),
        "sealed": sealed.hex(),
    }
    answer = json.loads(
        subprocess.run(
            ["node", "exchange.mjs"],
            cwd=typage,
            input=json.dumps(question).encode(),
            check=True,
            capture_output=True,
        ).stdout
    )
    assert answer["recipient"] == str(identity.recipient())
    assert parse_recipient(answer["recipient"]) == identity.recipient()
    assert bytes.fromhex(answer["plain"]) == plaintext
    assert decrypt_bytes(bytes.fromhex(answer["sealed"]), [identity]) == plaintext
