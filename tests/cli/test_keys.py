"""`sealbook notary keys`, beside a running service."""

import json
from pathlib import Path
from typing import Any

from ledger.chain.enrolment import endorse_request, format_request, verify_enrolment_request
from ledger.chain.trust import fingerprint
from ledger.company.access.recovery import find_secret, signing_key
from ledger.crypto.keys import SigningKey, parse_pem
from tests.cli.conftest import ORIGIN, Company, Served, run
from tests.notaries import NOW


def keys(served: Served, *words: object, code: int = 0) -> Any:
    done = run("notary", "keys", *words, "--dir", served.directory, "--json", code=code)
    return json.loads(done.stdout.splitlines()[0])


def holds(company: Company, name: str, trust: Path) -> None:
    company("verify", f"{name}.receipt", "--trust", trust)


def test_the_office_replaces_and_revokes_its_keys(own_company: Company, tmp_path: Path) -> None:
    company, served = own_company, own_company.notary
    old = tmp_path / "old.trust"
    old.write_bytes(served.trust_file.read_bytes())
    for name in ("a", "b", "c"):
        company.write(name)
    company("deposit", "a")
    made = keys(served, "rotate", "log")
    assert made["fingerprint"] == fingerprint(served.trust_file.read_bytes())
    assert keys(served, "rotate", "log", code=1)["error"]["code"] == "conflict"
    company("deposit", "b")
    for name in ("a", "b"):
        holds(company, name, old)
        holds(company, name, served.trust_file)
    shown = run("notary", "status", "--dir", served.directory).stdout
    assert "to be retired" in shown

    assert keys(served, "retire", "log")["fingerprint"] == made["fingerprint"]
    paper = ("--fingerprint", made["fingerprint"])
    company("trust", "adopt", old, *paper, code=1)
    assert company.json("trust", "adopt", *paper)["fingerprint"] == made["fingerprint"]
    company("deposit", "c")
    company("verify", "c.receipt", "--trust", old, code=1)
    request, chain = tmp_path / "seal.csr", served.directory / "seal-chain.pem"
    keys(served, "rotate", "seal", "--request", request)
    assert b"CERTIFICATE REQUEST" in request.read_bytes()
    assert keys(served, "rotate", "seal", "--certificate", chain, code=1)
    root = tmp_path / "root.pem"
    (served.directory / "keys/seal-root-p256.pem").rename(root)
    assert keys(served, "rotate", "seal", code=1)["error"]["code"] == "invalid-input"
    assert keys(served, "rotate", "seal", "--root-key", root)["fingerprint"] == made["fingerprint"]
    holds(company, "a", served.trust_file)

    revoked = keys(served, "revoke", "log", "--reason", "compromised")
    assert (len(revoked["entries"]), revoked["fingerprint"] != made["fingerprint"]) == (2, True)
    company("verify", "c.receipt", "--trust", served.trust_file, code=1)
    holds(company, "a", served.trust_file)
    assert company.json("trust", "adopt", "--fingerprint", revoked["fingerprint"])
    company("receipt", "refresh")
    holds(company, "c", served.trust_file)
    assert keys(served, "revoke", "seal", "--reason", "lost", "--root-key", root)["entries"]
    assert keys(served, "shut", "--passphrase-file", root, code=1)["error"]["code"] == "in-use"


def test_a_devices_key_is_replaced(own_company: Company) -> None:
    company = own_company
    old = parse_pem((company.home / "device.pem").read_bytes())
    assert isinstance(old, SigningKey)
    company.write("a")
    company("deposit", "a")
    account = verify_enrolment_request((company.folder / "acme.request").read_bytes()).account_id
    request = format_request(
        SigningKey(b"n" * 32), origin=ORIGIN, nonce=bytes(32), issued_at=NOW, account=account
    )
    by_device = company.write("device.request", endorse_request(request, old))
    paper = ("--account", account, "--fingerprint", fingerprint(request))
    where = ("--dir", company.notary.directory)
    for by in (
        ("enroll", by_device),
        ("keys", "rotate", "device", by_device, "--replaces", "0"),
    ):
        refused = run("notary", *by, *paper, *where, code=1).stderr
        assert "A device's key admits no other key" in refused
    sheet = find_secret((company.folder / "acme-recovery.txt").read_text())
    file = company.write("new.request", endorse_request(request, signing_key(sheet)))
    command = (
        "notary", "keys", "rotate", "device", file, "--replaces", old.thumbprint.hex()[:16],
        *paper, *where,
    )  # fmt: skip
    done = run(*command).stdout
    assert "Enrolled." in done and "Revoked" in done
    assert "These keys of the account still count" in done and done.count("Key ") == 5
    assert "is revoked already" in run(*command, code=1).stderr
    company("verify", "a.receipt", "--trust", company.notary.trust_file)
