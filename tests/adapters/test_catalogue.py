"""The catalogue: a cache, right whatever happened to it, that holds what the vault shows anyway."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.chain.statement import Matter, format_deposit
from ledger.company.vault import catalogue
from ledger.company.vault.catalogue import CATALOGUE
from ledger.company.vault.finding import SORTS, Wanted
from ledger.company.vault.matters import count_matters, find_matter, matter_id
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.company.vault.words import phrase, words
from ledger.errors import NotFound
from tests.adapters.test_vault import KEY, add, new
from tests.processes import Program
from tests.simulator import NOW


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return new(tmp_path)


def titles(vault: Vault, *asked: str, **more: object) -> list[str]:
    page = vault.page(Wanted(words=asked, **more))  # type: ignore[arg-type]
    return [each.meta.title for each in page.deposits]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("合", "供应合同"),
        ("合同", "供应合同（南京）第2版.pdf"),
        ("同南", "供应合同（南京）第2版.pdf"),
        ("第2版", "供应合同（南京）第2版.pdf"),
        ("報價", "關於報價單"),
        ("contr", "The CONTRACT, signed"),
        ("ＣＯＮＴＲＡＣＴ", "The contract"),
        ("resume", "Résumé.doc"),
        ("list 2026", "Price List 2026.xlsx"),
        ("単価", "【単価】一覧"),
        ("가격", "가격표"),
    ],
)
def test_words_are_found_as_people_type_them(vault: Vault, typed: str, title: str) -> None:
    add(vault, 1, title=title)
    add(vault, 2, title="other 其他")
    assert titles(vault, typed) == [title]


@pytest.mark.parametrize(
    "typed", ["同合", "tract", "2026 list", "合同合", '" OR title:a', "title:合"]
)
def test_what_is_not_there_is_not_found(vault: Vault, typed: str) -> None:
    add(vault, 1, title="合同 contract list 2026")
    assert titles(vault, typed) == []


def test_words_of_path_and_matter_are_found_and_all_have_to_be_there(vault: Vault) -> None:
    add(vault, 1, "Supply 供应", path="/x/minutes/a.txt", title="a")
    add(vault, 2, path="/x/minutes/b.txt", title="b")
    assert titles(vault, "minutes") == ["b", "a"]
    assert titles(vault, "minutes", "供应") == ["a"]


def test_what_has_no_word_asks_nothing() -> None:
    assert phrase("  …!? ") == "" == phrase("")
    assert words("a_b 合同C3") == ["a", "b", "合", "同", "c3"]


def fill(vault: Vault) -> None:
    for number in range(1, 8):
        add(vault, number, "even" if number % 2 == 0 else "odd", at=NOW + 86_400 * number)


def everything(vault: Vault) -> object:
    pages = [titles(vault, sort=sort, backwards=back) for sort in SORTS for back in (False, True)]
    return pages, count_matters(vault, 10, 1), vault.find("0303").name


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


HURT: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "no database": lambda path: path.write_bytes(b"not a database" * 1000),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "zeros inside": lambda path: path.write_bytes(
        path.read_bytes()[:4096] + bytes(8192) + path.read_bytes()[12288:]
    ),
    "other version": lambda path: change(path, "update about set value = 'x' where key = 'made'"),
    "other tables": lambda path: change(path, "drop table about"),
    "lost table": lambda path: change(path, "drop table words"),
    "folder": folder_instead,
}


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        for each in statements:
            db.execute(each)
        db.commit()


@pytest.mark.parametrize("how", HURT)
def test_it_is_made_anew(vault: Vault, how: str) -> None:
    fill(vault)
    right = everything(vault)
    vault.catalogue.close()
    HURT[how](vault.home / CATALOGUE)
    assert everything(Vault(vault.home)) == right
    assert everything(vault) == right


def test_it_is_private_and_holds_what_stands_in_the_vault_anyway(vault: Vault) -> None:
    deposit = add(vault, 1, "供应", path="/x/合同.txt", title="合同")
    titles(vault)
    for place in vault.home.glob("catalogue*"):
        assert place.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(vault.home / CATALOGUE)) as db:
        row = db.execute("select * from deposits").fetchone()
        found = db.execute("select title, path, matter from words").fetchone()
    matter = deposit.deposit.matter
    assert matter is not None
    assert {*row[5:]} <= {
        *(deposit.commitment, "合同".encode(), "/x/合同.txt".encode(), "合同.txt".encode(), "合同"),
        *("供应".encode(), matter.id, 1, deposit.meta.sealed, 7),
    }
    assert found == ("合 同", "x 合 同 txt", "供 应")


def test_what_becomes_of_a_deposit_is_seen_at_once(vault: Vault) -> None:
    one, two, three = (add(vault, number) for number in (1, 2, 3))
    assert vault.page(Wanted()).waiting == 3
    one.accept(b"receipt")
    assert titles(vault, state="deposited") == ["title 1"]
    one.file_away(None)
    two.put_aside("no")
    assert titles(vault, state="deposited") == ["title 1"]
    assert titles(vault, state="refused") == ["title 2"]
    assert titles(vault, state="waiting") == ["title 3"]
    shutil.rmtree(one.folder)
    assert titles(vault) == ["title 3", "title 2"]
    shutil.move(two.folder, vault.home / "away")
    assert titles(vault) == ["title 3"]
    shutil.move(vault.home / "away", vault.home / "refused" / two.name)
    assert titles(vault) == ["title 3", "title 2"]
    assert three.waits


def test_a_vault_that_was_put_back_from_a_backup_is_read_as_it_is(
    vault: Vault, tmp_path: Path
) -> None:
    for number in (1, 2):
        add(vault, number).accept(b"r")
    shutil.copytree(vault.home, tmp_path / "backup")
    for each in vault.spooled():
        each.file_away(None)
    add(vault, 3)
    assert titles(vault, state="deposited") == ["title 2", "title 1"]
    for place in ("spool", "deposits"):
        shutil.rmtree(vault.home / place)
        shutil.copytree(tmp_path / "backup" / place, vault.home / place)
    assert titles(Vault(vault.home)) == ["title 2", "title 1"]


def test_a_damaged_deposit_hides_no_other_and_is_found_once_it_is_mended(vault: Vault) -> None:
    one, two = add(vault, 1, "matter"), add(vault, 2, "matter")
    whole = (two.folder / "meta.json").read_bytes()
    for harm in (
        b"{}",
        b'{"title": 5}',
        b"\xff",
        whole.replace(b'"size": 7', b'"size": 99999999999999999999'),
    ):
        (two.folder / "meta.json").write_bytes(harm)
        assert vault.find("title 1").name == one.name
        with pytest.raises(NotFound):
            vault.find("title 2")
        assert [each.name for each in vault.page(Wanted()).deposits] == [two.name, one.name]
    (two.folder / "meta.json").write_bytes(whole)
    assert vault.find("title 2").name == two.name
    # Also where the catalogue learnt of it while it was whole.
    (two.folder / "statement").write_bytes(b"")
    assert Vault(vault.home).papers(matter_id(vault, "matter"))[0].name == one.name


def test_it_needs_no_clock_of_the_file_system_that_tells_moments_apart(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has changed within the clock's tick is looked at again; what is old is not."""
    fill(vault)
    for each in vault.spooled():
        each.accept(b"r")
        each.file_away(None)
    looked: list[str] = []
    entries = vault.catalogue._entries

    def noted(place: str) -> list[os.DirEntry[str]]:
        looked.append(place)
        return entries(place)

    monkeypatch.setattr(vault.catalogue, "_entries", noted)
    titles(vault)
    titles(vault)
    assert looked.count("deposits") == 4
    monkeypatch.setattr(catalogue, "_FRESH", -1.0)
    titles(vault)
    looked.clear()
    titles(vault)
    assert set(looked) == {"spool"}


def test_a_question_reads_what_it_hands_out_and_no_other(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(vault)
    for each in vault.spooled():
        each.accept(b"r")
        each.file_away(None)
    vault.find("title 1")
    read: list[str] = []
    check = StoredDeposit.check

    def checked(each: StoredDeposit) -> None:
        read.append(each.name)
        check(each)

    monkeypatch.setattr(StoredDeposit, "check", checked)
    monkeypatch.setattr(catalogue, "read_facts", None)
    fresh = Vault(vault.home)
    wanted = fresh.find("title 4")
    assert fresh.with_commitment(b"\4" * 32) is not None
    assert read == [wanted.name] * 2
    read.clear()
    assert fresh.next_in_matter(matter_id(fresh, "odd")).number == 5
    assert len(read) == 1
    read.clear()
    count_matters(fresh, 10, 1)
    fresh.page(Wanted(limit=2))
    assert not read


def test_a_paper_that_was_numbered_anew_is_followed(vault: Vault) -> None:
    deposit = add(vault, 1, "matter")
    place = deposit.deposit.matter
    assert place is not None and vault.next_in_matter(place.id).number == 2
    moved = deposit.deposit.__class__(
        deposit.deposit.origin,
        deposit.deposit.commitment,
        deposit.deposit.content,
        deposit.deposit.manifest,
        Matter(place.id, 7, b"\1" * 32),
    )
    deposit.restate(format_deposit(moved, vault.config.account, KEY, NOW))
    assert vault.next_in_matter(place.id) == Matter(place.id, 8, deposit.statement.leaf_hash)
    assert find_matter(vault, "matter").lacking == (1, 2, 3, 4, 5, 6)


ASKER = """
import os, sys
from pathlib import Path
from ledger.company.vault import catalogue
from ledger.company.vault.finding import Wanted
from ledger.company.vault.vault import Vault
catalogue._CHUNK = 3
last = int(sys.argv[2])
read = catalogue.Catalogue._read
def counted(self, db, name):
    global last
    if last == 0:
        os.kill(os.getpid(), 9)
    last -= 1
    read(self, db, name)
catalogue.Catalogue._read = counted
page = Vault(Path(sys.argv[1])).page(Wanted())
print(page.found, len(page.deposits))
"""


def asker(vault: Vault, last: int = -1) -> "subprocess.Popen[str]":
    return Program(["-c", ASKER, vault.home, last], stdout=subprocess.PIPE, text=True)


def test_two_processes_that_make_it_at_once_both_see_everything(vault: Vault) -> None:
    fill(vault)
    with asker(vault) as one, asker(vault) as two:
        assert [each.communicate(timeout=60)[0] for each in (one, two)] == ["7 7\n"] * 2
    assert len(titles(vault)) == 7


@pytest.mark.parametrize("last", [0, 2, 3, 5])
def test_what_is_killed_half_way_harms_nothing(vault: Vault, last: int) -> None:
    fill(vault)
    with asker(vault, last) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    assert len(titles(vault)) == 7
    assert vault.find("title 7").commitment == "07" * 32


def test_deposits_of_the_same_moment_are_all_there(vault: Vault) -> None:
    for number in range(1, 6):
        add(vault, number)
    assert len(titles(vault)) == 5
    assert titles(vault, limit=2, page=3) == ["title 1"]


@pytest.mark.parametrize("name", ["stray.txt", "20260230T000000.000Z-00", "合同"])
def test_what_is_no_deposit_harms_nothing(vault: Vault, name: str) -> None:
    add(vault, 1)
    (vault.home / "deposits" / name).write_bytes(b"x")
    assert vault.find("title 1").commitment == "01" * 32
    assert vault.page(Wanted()).found == 2


def test_names_that_no_text_can_hold_are_found(vault: Vault) -> None:
    title = json.loads('"\\udcff \\ud800 contract"')
    add(vault, 1, title=title.replace("\ud800", ""))
    assert titles(vault, "contract") == [title.replace("\ud800", "")]


def test_ids_paths_and_titles_name_a_deposit_and_what_is_ambiguous_is_said(vault: Vault) -> None:
    add(vault, 0x11, title="1212", path="/x/a.txt")
    add(vault, 0x12, title="b", path="/x/b.txt")
    assert vault.find("1212121212").commitment == "12" * 32
    with pytest.raises(NotFound, match="“1212” means 2 deposits"):
        vault.find("1212")
    assert vault.find("12" * 32).commitment == "12" * 32
    assert vault.find("/x/a.txt").commitment == "11" * 32
    add(vault, 0x13, title="Price list 2026", path="/x/p.txt")
    with pytest.raises(
        NotFound, match=r"No deposit .* words are in 131313131313 of 2026-09-21, “/x/p.txt”"
    ):
        vault.find("price list")


def test_a_refused_paper_does_not_stand_in_the_way(vault: Vault) -> None:
    add(vault, 1, title="same").put_aside("no")
    add(vault, 2, title="same")
    assert vault.find("same").commitment == "02" * 32
