"""Evidence records: public ones with their known outcome, ours, and what was tampered with."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ledger.chain.renewal.record import format_record, parse_record
from ledger.chain.renewal.renewing import plan_renewal, renew
from ledger.chain.renewal.tree import Tree, root_of
from ledger.chain.renewal.verifying import covered, verify_record
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import parse_token
from ledger.chain.trust import format_trust
from ledger.cli.root import cli
from ledger.crypto import der
from ledger.crypto.envelope import encrypt_bytes
from ledger.crypto.recipients import HybridIdentity
from ledger.errors import SealbookError, VerificationFailed
from tests.certificates import YEAR, issue
from tests.disclosed import Shown
from tests.disclosed import file as disclosed
from tests.forge import forged
from tests.tsa import Tsa, started

PUBLIC = Path(__file__).parents[1] / "vectors" / "evidence-records"
SOUND = (
    ("1_3_Renew_Unsorted.er", (b"123456",), 4, 0),
    ("ER-2Chains3ATS.ers", (b"content of data object DO-01",), 3, 1),
    ("ER-2Chains3ATS.ers", (b"content of data object DO-02",), 3, 1),
    ("er-asn1-simple.ers", (b"1",), 1, 2),
    ("er-asn1-full-renewal.ers", (b"\3", b"\1"), 3, 0),
    ("er-asn1-full-renewal.ers", (b"\3",), 3, 1),
)
UNSOUND = (
    ("er-asn1-simple.ers", b"0"),
    ("er-asn1-chain-renewal-invalid.ers", b"\x09"),
    ("er-asn1-tst-renewal-invalid.ers", b"content of data object DO-01"),
)


def digests(data: bytes) -> Callable[[str], bytes]:
    return lambda name: hashlib.new(name, data).digest()


@pytest.mark.parametrize(("name", "documents", "tokens", "others"), SOUND)
def test_public_records_cover_what_they_should(
    name: str, documents: tuple[bytes, ...], tokens: int, others: int
) -> None:
    data = (PUBLIC / name).read_bytes()
    record = parse_record(data)
    assert format_record(record) == data
    found = covered(record, *map(digests, documents))
    assert (len(found.tokens), found.others) == (tokens, others)


@pytest.mark.parametrize(("name", "document"), UNSOUND)
def test_public_records_that_are_unsound_are_refused(name: str, document: bytes) -> None:
    record = parse_record((PUBLIC / name).read_bytes())
    with pytest.raises(VerificationFailed):
        covered(record, digests(document))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_every_leaf_has_a_branch_to_the_root(count: int) -> None:
    leaves = [hashlib.sha512(bytes((n,))).digest() for n in range(count)]
    tree = Tree("sha512", leaves, bytes(32))
    found = dict(tree.branches())
    assert found.keys() == set(leaves)
    for leaf, branch in found.items():
        lists = [
            [value.content for value in der.children(each)]
            for each in der.children(der.read(der.encode(der.SEQUENCE, branch)))
        ]
        assert root_of("sha512", lists, [leaf]) == tree.root
        # No branch tells a neighbour's hash.
        assert not {value for values in lists for value in values} & (set(leaves) - {leaf})


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with started(tmp_path_factory.mktemp("tsa")) as found:
        yield found


def _renew(*arguments: object) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    result = CliRunner().invoke(cli, ["renew", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}


def test_files_are_stamped_renewed_and_hashed_anew(tsa: Tsa, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.receipt" for n in range(3)]
    for n, file in enumerate(files):
        file.write_bytes(bytes((n,)) * 100)
    asked = tsa.requests
    expected = [("first", ()), ("timestamp", ()), ("hash-tree", ("--hash-tree",))]
    for done, options in expected:
        code, found = _renew(*files, "--tsa", tsa.url, *options)
        assert code == 0
        assert [each["done"] for each in found["files"]] == [done] * 3
        assert [each.get("before", {}).get("held") for each in found["files"]] == (
            [None if done == "first" else True] * 3
        )
    assert tsa.requests == asked + 3
    trusted = [Authority("TSA", tsa.root.der)]
    for file in files:
        record = parse_record((tmp_path / f"{file.name}.ers").read_bytes())
        assert [len(chain) for chain in record.chains] == [2, 1]
        verified = verify_record(record, [digests(file.read_bytes())], trusted)
        assert len(verified.tokens) == 3
        assert verified.since <= verified.until
        with pytest.raises(VerificationFailed):
            verify_record(record, [digests(b"another")], trusted)
        swapped = replace(record, chains=record.chains[::-1])
        with pytest.raises(SealbookError):
            verify_record(swapped, [digests(file.read_bytes())], trusted)


def test_one_bad_file_stops_no_other(tsa: Tsa, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b"good")
    bad.write_bytes(b"bad")
    (tmp_path / "bad.ers").write_bytes(b"no record")
    code, found = _renew(bad, good, tmp_path / "absent", "--tsa", tsa.url)
    assert code == 1
    assert ["done" in each for each in found["files"]] == [False, True, False]
    assert (tmp_path / "bad.ers").read_bytes() == b"no record"


@pytest.mark.parametrize("fault", ["redirect", "large", "rejected", "error", "garbage", "nonce",
                                   "imprint"])  # fmt: skip
def test_an_authority_at_fault_leaves_no_record(tsa: Tsa, tmp_path: Path, fault: str) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"a")
    tsa.fault = fault
    try:
        code, _ = _renew(file, "--tsa", tsa.url)
    finally:
        tsa.fault = None
    assert code == 1
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_an_old_record_is_looked_at_before_it_is_prolonged(tsa: Tsa, tmp_path: Path) -> None:
    good, lapsed, forged_one = (tmp_path / name for name in ("good", "lapsed", "forged"))
    for file in (good, lapsed, forged_one):
        file.write_bytes(file.name.encode())
    now = int(time.time())
    unit = issue("Old unit", start=now - 20 * YEAR, years=10)
    for file, at in ((good, now - 11 * YEAR), (lapsed, now - 11 * YEAR)):
        imprint = hashlib.sha512(file.read_bytes()).digest()
        token = parse_token(forged(imprint, unit, at, algorithm="sha512"))
        record = format_record(renew(plan_renewal(None, imprint), b"", token))
        (tmp_path / f"{file.name}.ers").write_bytes(record)
    imprint = hashlib.sha512(forged_one.read_bytes()).digest()
    signed = forged(imprint, unit, now - 11 * YEAR, algorithm="sha512")
    flipped = signed[:-1] + bytes([signed[-1] ^ 1])
    record = format_record(renew(plan_renewal(None, imprint), b"", parse_token(flipped)))
    (tmp_path / "forged.ers").write_bytes(record)
    _, found = _renew(lapsed, forged_one, "--tsa", tsa.url)
    assert found["files"][0]["before"] == {
        "since": now - 11 * YEAR + 1,
        "until": now - 20 * YEAR + 10 * YEAR,
        "held": False,
    }
    assert "error" in found["files"][1]
    assert (tmp_path / "forged.ers").read_bytes() == record
    said = CliRunner().invoke(cli, ["renew", str(good), "--tsa", tsa.url]).stdout
    assert "it shows only the new time" in " ".join(said.split())


SHOWN = Shown([disclosed("a.txt", [b"text"])])


COURT = HybridIdentity(bytes(range(32)))


@pytest.mark.parametrize("kind", ["receipt", "evidence", "sealed"])
def test_a_court_reads_the_record_beside_a_file(tsa: Tsa, tmp_path: Path, kind: str) -> None:
    office = SHOWN.office
    trust = replace(office.trust(), authorities=(Authority("公共时间戳", tsa.root.der),))
    (tmp_path / "office.trust").write_bytes(format_trust(trust))
    receipt = tmp_path / "a.receipt"
    data = office.receipt() if kind == "receipt" else SHOWN.evidence()
    opens: tuple[object, ...] = ()
    if kind == "sealed":
        data = encrypt_bytes(data, [COURT.recipient()], os.urandom)
        (tmp_path / "court.key").write_text(f"{COURT}\n")
        opens = ("--identity", tmp_path / "court.key")
    receipt.write_bytes(data)

    def claims(*arguments: object, code: int = 0) -> dict[str, dict[str, Any]]:
        trust_file = tmp_path / "office.trust"
        result = CliRunner().invoke(
            cli, ["verify", *map(str, (*arguments, *opens)), "--trust", str(trust_file), "--json"]
        )
        assert result.exit_code == code, result.output
        return {each["claim"]: each for each in json.loads(result.stdout)["reports"][0]["claims"]}

    assert claims(receipt)["time"]["by"] == "notary"
    _renew(receipt, "--tsa", tsa.url)
    found = claims(receipt)
    assert (found["time"]["by"], found["existence"]["status"]) == ("evidence-record", "proven")
    assert claims(receipt, "--at", "2056-01-01")["existence"]["status"] == "not-shown"
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "a.receipt.ers").rename(elsewhere)
    assert claims(receipt)["existence"]["status"] == "not-shown"
    assert claims(receipt, "--record", elsewhere)["existence"]["status"] == "proven"
    (tmp_path / "a.receipt.ers").write_bytes(b"nothing")
    refused = claims(receipt)["existence"]
    assert "record_refused" in refused["facts"] and refused["status"] == "not-shown"
    missing = CliRunner().invoke(cli, ["verify", str(receipt), "--record", str(tmp_path / "no")])
    assert missing.exit_code == 2


@pytest.mark.parametrize("doubt", ["sha256", "md5=2030-01-01", "sha256=2030-13-01", "=", ""])
def test_a_doubt_that_is_none_is_refused(tmp_path: Path, doubt: str) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "office.trust").write_bytes(format_trust(SHOWN.office.trust()))
    result = CliRunner().invoke(
        cli,
        [
            "verify",
            str(tmp_path / "a"),
            "--trust",
            str(tmp_path / "office.trust"),
            "--doubt",
            doubt,
        ],
    )
    assert (result.exit_code, "sha256=2045-01-01" in result.output) == (2, True)
