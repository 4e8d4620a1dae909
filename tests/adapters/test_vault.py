"""The vault: whole or not at all, private, readable by people, found again."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ledger.chain.policy import VerifiedCheckpoint, verify_note
from ledger.chain.statement import Payload
from ledger.chain.trust import format_trust
from ledger.company.sending.confirming import LedgerForked, keep_up
from ledger.company.vault.making import Config, new_vault, write_config
from ledger.company.vault.stored import Meta, Sealing, StoredDeposit, write_file
from ledger.company.vault.vault import Vault
from ledger.crypto.keys import SigningKey, format_pem
from ledger.errors import InvalidInput, MalformedData, NotFound, SealbookError, StorageFailed
from tests.core.test_following import ENTRIES, proofs, signed
from tests.processes import Program
from tests.simulator import NOW, ORIGIN, Office

KEY = SigningKey(b"\7" * 32)
MANIFEST = Payload(500, b"\2" * 32)


def new(place: Path) -> Vault:
    home = place / "vault"
    with new_vault(home) as folder:
        write_config(folder, Config("https://notary.example", ORIGIN, "0" * 32, "acme"))
        write_file(folder / "notary.trust", format_trust(Office().trust()))
        write_file(folder / "device.pem", format_pem(KEY))
    return Vault(home)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return new(tmp_path)


def add(
    vault: Vault, number: int, matter: str | None = None, at: float = NOW + 0.5, **meta: object
) -> StoredDeposit:
    with vault.sealing() as sealing:
        sealing.manifest.write_bytes(b"manifest")
        sealing.content.write_bytes(b"content")
        known: dict[str, Any] = {"path": f"/x/{number}.txt", "title": f"title {number}"} | meta
        with vault.locked():
            signed = vault.sign(
                bytes([number]) * 32,
                Payload(9, b"\1" * 32),
                MANIFEST,
                vault.next_place(matter),
                Meta(size=7, documents=1, matter=matter, **known),
                at,
            )
            return vault.spool(sealing, signed)


def test_a_vault_says_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="sealbook init"):
        Vault(tmp_path)


def test_a_vault_that_fails_to_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_vault(tmp_path / "a" / "vault") as folder:
        (folder / "device.pem").write_bytes(b"x")
        raise ZeroDivisionError
    assert not list((tmp_path / "a").iterdir())


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["folder", "file"])
def test_a_vault_is_made_only_where_nothing_is(tmp_path: Path, make: object) -> None:
    home = tmp_path / "vault"
    make(home)  # type: ignore[operator]
    if home.is_dir():
        (home / "x").touch()
    with pytest.raises(InvalidInput, match="never overwritten"), new_vault(home):
        pass


def test_an_empty_folder_becomes_the_vault(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    with new_vault(tmp_path / "vault") as folder:
        write_config(folder, Config("https://n", ORIGIN, "0" * 32, "a"))
    assert Vault(tmp_path / "vault").config.origin == ORIGIN


def test_a_new_deposit_waits_and_is_filed_with_its_receipt(vault: Vault) -> None:
    deposit = add(vault, 1)
    assert (deposit.waits, deposit.commitment) == (True, "01" * 32)
    assert [path.name for path, _ in deposit.files] == ["manifest.age", "content.age"]
    deposit.accept(b"receipt")
    assert (deposit.waits, deposit.receipt) == (False, b"receipt")
    assert vault.spooled()
    deposit.file_away(Path("/x/1.txt.receipt"))
    assert not vault.spooled()
    assert (deposit.receipt, deposit.meta.receipt) == (b"receipt", "/x/1.txt.receipt")
    assert not (deposit.folder / "content.age").exists()
    (listed,) = vault.deposits()
    assert listed.meta == deposit.meta


def test_everything_in_it_is_private(vault: Vault) -> None:
    add(vault, 1, "matter")
    for path in (vault.home, *vault.home.rglob("*")):
        if path.name not in ("manifest.age", "content.age"):
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_next_person_can_read_it(vault: Vault) -> None:
    deposit = add(vault, 1)
    assert deposit.folder.name == "20260921T141320.500Z-0101010101010101"
    meta = json.loads((deposit.folder / "meta.json").read_text())
    assert (meta["path"], meta["title"], meta["size"]) == ("/x/1.txt", "title 1", 7)


def test_paths_that_are_not_text_are_kept(vault: Vault) -> None:
    path = os.fsdecode(b"/x/\xff\xe5\x90\x88\n.txt")
    add(vault, 1, path=path, title=path)
    assert vault.deposits()[0].meta.path == path
    assert vault.find(path).meta.path == path


def test_deposits_are_found_by_a_unique_start_or_name(vault: Vault) -> None:
    for number in (0x11, 0x12):
        add(vault, number)
    assert vault.find("1111").commitment == "11" * 32
    assert vault.find("11" * 32).commitment == "11" * 32
    assert vault.find("title 18").commitment == "12" * 32
    assert vault.find("18.txt").commitment == "12" * 32
    assert vault.with_commitment(b"\x12" * 32) is not None
    assert vault.with_commitment(b"\x13" * 32) is None
    for wanted in ("111", "1113", "11" * 33, "", "nothing"):
        with pytest.raises(NotFound):
            vault.find(wanted)


def test_an_ambiguous_name_lists_the_ids(vault: Vault) -> None:
    for number in (1, 2):
        add(vault, number, title="same")
    with pytest.raises(NotFound, match="010101010101, 020202020202"):
        vault.find("same")


def test_matters_are_numbered_and_chained(vault: Vault) -> None:
    made = [add(vault, number, "供应" if number % 2 else "other") for number in range(1, 6)]
    matters = [each.deposit.matter for each in made]
    assert [each.number for each in matters if each] == [1, 1, 2, 2, 3]
    assert len({each.id for each in matters if each}) == 2
    last = matters[4]
    assert last is not None and last.previous == made[2].statement.leaf_hash


def test_an_interrupted_sealing_is_swept_and_a_running_one_is_not(vault: Vault) -> None:
    spool = vault.home / "spool"
    dead, alive, old = spool / ".sealing-dead", spool / ".sealing-alive", spool / ".sealing-old"
    for folder in (dead, alive, old):
        folder.mkdir()
        (folder / "content.age").touch()
    (spool / ".sealing-dead.lock").touch()
    with FileLock(spool / ".sealing-alive.lock"), vault.sealing() as sealing:
        assert isinstance(sealing, Sealing)
        assert (dead.exists(), old.exists()) == (False, False)
        assert (alive / "content.age").exists()
    assert not vault.spooled()


def test_a_sealing_that_fails_leaves_nothing(vault: Vault) -> None:
    with pytest.raises(ZeroDivisionError), vault.sealing() as sealing:
        sealing.content.touch()
        raise ZeroDivisionError
    assert not list((vault.home / "spool").iterdir())


def test_a_rejected_receipt_is_kept_and_the_deposit_waits(vault: Vault) -> None:
    deposit = add(vault, 1)
    assert deposit.keep_rejected(b"bad").read_bytes() == b"bad"
    assert deposit.waits


def test_the_checkpoint_is_verified_again_when_it_is_read(vault: Vault) -> None:
    assert vault.checkpoint() is None
    note = Office().parts().note
    assert vault.keep_checkpoint(None, verify_note(vault.trust.policy, note))
    found = vault.checkpoint()
    assert found is not None and found.checkpoint.size == 5
    (vault.home / "checkpoint").write_text(note.replace("\n5\n", "\n6\n"))
    with pytest.raises(SealbookError):
        vault.checkpoint()


KEEPER = """
import sys
from pathlib import Path
from ledger.company.sending.confirming import keep_up
from ledger.company.vault.vault import Vault
from tests.core.test_following import ENTRIES, proofs, signed
vault = Vault(Path(sys.argv[1]))
known = vault.checkpoint()
print("read", flush=True)
for size in map(int, sys.stdin.readline().split()):
    known = keep_up(vault, known, signed(ENTRIES[:size]), proofs)
print(known.checkpoint.size, flush=True)
"""


def keeper(vault: Vault) -> "subprocess.Popen[str]":
    """A process that has read the checkpoint and follows the sizes that it is told next."""
    child = Program(
        ["-c", KEEPER, vault.home],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "read\n"
    return child


def kept(vault: Vault) -> VerifiedCheckpoint:
    found = vault.checkpoint()
    assert found is not None
    return found


def test_a_checkpoint_that_another_process_has_kept_meanwhile_stays(vault: Vault) -> None:
    assert vault.keep_checkpoint(None, signed(ENTRIES[:2]))
    with keeper(vault) as slow, keeper(vault) as fast:
        assert fast.communicate("9\n", timeout=60)[0] == "9\n"
        assert slow.communicate("5\n", timeout=60)[0] == "9\n"
    assert kept(vault).checkpoint.size == 9
    assert not vault.keep_checkpoint(signed(ENTRIES[:2]), signed(ENTRIES[:5]))
    assert not vault.keep_checkpoint(None, signed(ENTRIES[:5]))
    assert kept(vault).checkpoint.size == 9


def test_of_two_processes_that_follow_at_once_the_larger_checkpoint_stays(vault: Vault) -> None:
    odd, even = (range(start, len(ENTRIES) + 1, 2) for start in (1, 2))
    with keeper(vault) as one, keeper(vault) as two:
        for child, sizes in ((one, odd), (two, even)):
            assert child.stdin is not None
            child.stdin.write(f"{' '.join(map(str, sizes))}\n")
            child.stdin.flush()
        assert [child.wait(60) for child in (one, two)] == [0, 0]
    assert kept(vault).checkpoint.size == len(ENTRIES)


def test_a_fork_that_another_process_has_followed_meanwhile_is_noticed(vault: Vault) -> None:
    known = vault.checkpoint()
    with keeper(vault) as other:
        other.communicate("5\n", timeout=60)
    forked = signed([b"other", *ENTRIES[1:9]])
    with pytest.raises(LedgerForked):
        keep_up(vault, known, forked, proofs)
    assert kept(vault).checkpoint == signed(ENTRIES[:5]).checkpoint


@pytest.mark.parametrize("name", ["config.toml", "device.pem", "notary.trust"])
def test_a_damaged_file_is_named(vault: Vault, name: str) -> None:
    (vault.home / name).write_bytes(b"\xff")
    with pytest.raises(MalformedData):
        _ = (vault.config, vault.key, vault.trust)
    (vault.home / name).unlink()
    with pytest.raises((StorageFailed, MalformedData)):
        fresh = Vault(vault.home) if name != "config.toml" else vault
        _ = (fresh.config, fresh.key, fresh.trust)


def test_a_damaged_meta_file_is_named(vault: Vault) -> None:
    deposit = add(vault, 1)
    (deposit.folder / "meta.json").write_text("{}")
    with pytest.raises(MalformedData, match=r"meta\.json” is damaged"):
        _ = vault.deposits()[0].meta


def test_a_vault_can_be_copied_as_plain_files(vault: Vault, tmp_path: Path) -> None:
    add(vault, 1)
    shutil.copytree(vault.home, tmp_path / "copy")
    assert Vault(tmp_path / "copy").find("0101").meta.title == "title 1"
