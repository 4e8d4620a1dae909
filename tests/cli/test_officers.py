"""officer: who can open what, before and after a change; nothing that stops a change loses anything."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger.company.access.recovery import find_secret
from ledger.company.measures.measure import ACCESS_GIVEN, ACCESS_WITHDRAWN
from ledger.company.vault.vault import Vault
from ledger.crypto.envelope import parse_header
from ledger.crypto.recipients import HybridIdentity, X25519Identity
from ledger.errors import NoMatchingIdentity
from ledger.wire.client import NotaryClient
from tests.cli.conftest import Company, new_company

Identity = HybridIdentity


@pytest.fixture
def anna() -> Identity:
    return HybridIdentity(os.urandom(32))


def sheet_of(company: Company) -> Identity:
    return find_secret((company.folder / "acme-recovery.txt").read_text())


def opens(header: bytes, identity: Identity) -> bool:
    try:
        parse_header(header).unwrap([identity])
    except NoMatchingIdentity:
        return False
    return True


def headers(company: Company) -> list[bytes]:
    """Every header of the company's deposits: in the vault, and at the notary."""
    vault = Vault(company.home)
    found = []
    with NotaryClient(company.notary.url, ledger=vault.config.origin, key=vault.key) as client:
        for each in vault.deposits():
            found.append((each.folder / "manifest.age").read_bytes())
            for name in ("content.age", "content.header"):
                if (each.folder / name).exists():
                    found.append((each.folder / name).read_bytes())
            if each.receipt is not None:
                for payload in (each.deposit.manifest, each.deposit.content):
                    if payload is not None:
                        found.append(client.read_envelope(payload.root, 0, 1 << 16))
    return found


def add(
    company: Company, identity: Identity, name: str = "Anna Li", code: int = 0
) -> dict[str, Any]:
    key = company.write(f"{name}.pub", f"# {name}\n{identity.recipient()}\n".encode())
    return company.json("officer", "add", name, key, code=code)


def three(company: Company) -> None:
    company.write("a.txt", b"a" * 100)
    company.write("big.bin", os.urandom(300_000))
    company.write("only.txt", b"only the fingerprint")
    company("deposit", "a.txt", "big.bin")
    company("deposit", "only.txt", "--commitment-only")


def test_an_officer_opens_every_deposit_once_added_and_none_once_removed(
    company: Company, anna: Identity
) -> None:
    three(company)
    company.write("waits.txt")
    company("deposit", "waits.txt", "--no-wait")
    assert not any(opens(each, anna) for each in headers(company))
    answer = add(company, anna)
    assert answer["rewritten"] == 4
    found = headers(company)
    assert len(found) == 16  # with the entry in the register of measures
    assert all(opens(each, who) for each in found for who in (anna, sheet_of(company)))
    answer = company.json("officer", "remove", "anna li")
    assert "Past access is past" in answer["past_access"]
    found = headers(company)
    assert not any(opens(each, anna) for each in found)
    assert all(opens(each, sheet_of(company)) for each in found)
    assert company.json("open", "big.bin", "-o", "out")["files"]


def test_what_is_sealed_later_is_sealed_for_the_officers_of_that_moment(
    company: Company, anna: Identity
) -> None:
    add(company, anna)
    company.write("a.txt")
    company("deposit", "a.txt")
    assert all(opens(each, anna) for each in headers(company))
    assert company.json("officer", "list")["behind"] == 0


def test_each_change_stands_in_the_register_of_measures(company: Company, anna: Identity) -> None:
    add(company, anna)
    company("officer", "remove", "Anna Li")
    kinds = [each["kind"] for each in company.json("measure", "list")["entries"]]
    assert kinds == [ACCESS_GIVEN, ACCESS_WITHDRAWN]


def test_the_vaults_own_key_and_the_sheets_cannot_be_removed(company: Company) -> None:
    own, sheet = Vault(company.home).officers.own
    for each in (own, sheet, "recovery sheet"):
        assert "cannot be removed" in company("officer", "remove", each, code=1).stderr
    assert Vault(company.home).officers.own == (own, sheet)


def test_a_classical_key_is_refused(company: Company) -> None:
    key = str(X25519Identity(os.urandom(32)).recipient())
    shown = company("officer", "add", "Bo", key, code=1).stderr
    assert "post-quantum" in shown
    assert not Vault(company.home).officers.officers


def test_a_name_or_key_that_is_taken_is_refused(company: Company, anna: Identity) -> None:
    add(company, anna)
    add(company, HybridIdentity(os.urandom(32)), "ANNA LI", code=1)
    add(company, anna, "Bo", code=1)
    assert add(company, anna)["measure"] is None
    company("officer", "remove", "nobody", code=1)


def test_with_the_notary_away_the_change_is_kept_and_finished_later(
    own_company: Company, anna: Identity
) -> None:
    company, own_notary = own_company, own_company.notary
    three(company)
    own_notary.stop()
    answer = add(company, anna, code=1)
    assert answer["behind"] == 3
    assert "cannot be reached" in answer["message"]
    own_notary.start()
    assert company.json("officer", "sync")["behind"] == 0
    assert all(opens(each, anna) for each in headers(company))
    assert len(company.json("measure", "list")["entries"]) == 1
    objects = own_notary.directory / "objects"
    (payload,) = [each for each in objects.rglob("*.payload") if each.stat().st_size > 200_000]
    payload.with_suffix(".header").write_bytes(b"garbage")
    for each in (company.home / "deposits").glob("*/content.header"):
        each.unlink()
    answer = company.json("officer", "remove", "Anna Li", code=1)
    assert len(answer["problems"]) == 1
    assert answer["behind"] == 1
    own_notary.stop()


DYING = """
import itertools, os, signal, sys
from ledger.wire.client import NotaryClient
real, calls = NotaryClient.put_header, itertools.count()
def put_header(*arguments):
    if next(calls) >= {sent}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments)
NotaryClient.put_header = put_header
from ledger.cli.root import cli
cli(sys.argv[1:])
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_removal_that_is_killed_is_finished_by_running_it_again(
    company: Company, anna: Identity
) -> None:
    names = [f"{number}.txt" for number in range(30)]
    for name in names:
        company.write(name, os.urandom(200))
    company("deposit", *names)
    add(company, anna)
    left = len(headers(company))
    assert sum(opens(each, anna) for each in headers(company)) == left
    for sent in (1, 7, 20):
        # It dies when it is about to send its next header: each run gets on, none gets through.
        child = company.spawn("officer", "remove", "Anna Li", script=DYING.format(sent=sent))
        output, errors = child.communicate(timeout=120)
        assert child.returncode == -signal.SIGKILL, (output, errors)
        found = headers(company)
        assert all(opens(each, sheet_of(company)) for each in found)
        before, left = left, sum(opens(each, anna) for each in found)
        assert 0 < left < before
    assert company.json("officer", "remove", "Anna Li")["behind"] == 0
    assert not any(opens(each, anna) for each in headers(company))
    assert company.json("open", "7.txt", "-o", "out")["files"]


def test_two_changes_at_once_are_made_one_after_the_other(company: Company) -> None:
    three(company)
    people = {name: HybridIdentity(os.urandom(32)) for name in ("Bo", "Chen")}
    children = []
    for name, identity in people.items():
        children.append(company.spawn("officer", "add", name, str(identity.recipient())))
    for child in children:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, (out, err)
    found = headers(company)
    assert all(opens(each, identity) for each in found for identity in people.values())


def test_a_full_disk_stops_a_change_and_leaves_every_header_whole(
    company: Company, anna: Identity, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False
    ).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        three(company)
        shutil.copytree(company.home, disk / "vault")
        moved = Company(company.folder, company.notary, disk / "vault")
        filler = disk / "filler"
        with filler.open("wb") as file:
            free = shutil.disk_usage(disk).free
            file.write(bytes(max(0, free - 24_000)))
        key = str(anna.recipient())
        shown = moved("officer", "add", "Anna Li", key, code=1)
        assert "Traceback" not in shown.output
        assert all(opens(each, sheet_of(company)) for each in headers(moved))
        filler.unlink()
        moved("officer", "add", "Anna Li", key)
        assert all(opens(each, anna) for each in headers(moved))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.skipif(shutil.which("age-keygen") is None, reason="Debian's age is not installed")
def test_any_two_of_three_open_the_sheet_with_a_stock_tool_and_nobody_alone(
    company: Company, tmp_path: Path
) -> None:
    three(company)
    folder = company.folder
    people = ("anna", "bo", "chen")
    holders: list[object] = []
    for name in people:
        subprocess.run(
            ["age-keygen", "-o", f"{name}.key"], cwd=folder, check=True, capture_output=True
        )
        made = subprocess.run(
            ["age-keygen", "-y", f"{name}.key"], cwd=folder, check=True, capture_output=True
        )
        holders += ["--of", name, made.stdout.decode().strip()]
    answer = company.json("officer", "quorum", "acme-recovery.txt", *holders, "-o", "q")
    assert len(answer["files"]) == 3
    assert answer["classical"] == list(people)
    sheet = (folder / "acme-recovery.txt").read_bytes()
    (folder / "acme-recovery.txt").unlink()
    readme = (folder / "q" / "README.txt").read_text()
    commands = [line.strip() for line in readme.splitlines() if line.strip().endswith("sheet.txt")]
    pairs = [line for line in commands if "|" in line]
    assert len(pairs) == 3
    for name in people:
        (folder / "q" / f"{name}.key").write_bytes((folder / f"{name}.key").read_bytes())
    for line in pairs:
        subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=folder / "q", check=True)
        assert (folder / "q" / "sheet.txt").read_bytes() == sheet
    for file in answer["files"]:
        for name in people:
            once = subprocess.run(
                ["age", "-d", "-i", f"{name}.key", f"q/{file}"],
                cwd=folder,
                check=False,
                capture_output=True,
            ).stdout
            again = subprocess.run(
                ["age", "-d", "-i", f"{name}.key"],
                cwd=folder,
                check=False,
                input=once,
                capture_output=True,
            )
            assert b"AGE-SECRET-KEY" not in once + again.stdout
    new = new_company(tmp_path / "new", company.notary)
    got = new.json("recover", "--secret-file", folder / "q" / "sheet.txt", "--no-passphrase")
    assert got["deposits"] == 3


def test_what_is_no_quorum_is_refused(company: Company) -> None:
    keys = [str(HybridIdentity(os.urandom(32)).recipient()) for _ in range(3)]
    of = ["--of", "anna", keys[0], "--of", "bo", keys[1]]
    for need in (1, 3):
        company("officer", "quorum", "acme-recovery.txt", *of, "--need", need, "-o", "q", code=1)
    twice = [*of, "--of", "chen", keys[0]]
    company("officer", "quorum", "acme-recovery.txt", *twice, "-o", "q", code=1)
    company("officer", "quorum", "acme.request", *of, "-o", "q", code=1)
    path = [*of, "--of", "../x", keys[2]]
    company("officer", "quorum", "acme-recovery.txt", *path, "-o", "q", code=1)
    assert not (company.folder / "q").exists()
