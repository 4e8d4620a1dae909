"""Names that every system can hold, and files that replace no other."""

import errno
import os
import time
import unicodedata
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.court.pieces import outputs as outputs_of
from ledger.disk import outputs
from ledger.disk.outputs import (
    MAX_COMPONENT,
    move_new,
    safe_component,
    safe_names,
    write_new,
    write_numbered,
)
from ledger.disk.staging import Staging
from ledger.errors import Conflict, StorageFailed
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part
from tests.disclosed import Shown, file

PART = some.text(min_size=1, max_size=300).filter(lambda s: "/" not in s and s not in (".", ".."))
NAMES = some.lists(some.lists(PART, min_size=1, max_size=3).map("/".join), unique=True, max_size=8)


def key(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()


@given(NAMES)
def test_different_names_stay_different_and_inside(names: list[str]) -> None:
    safe = safe_names(names)
    assert set(safe) == set(names)
    assert len({key(path) for path in safe.values()}) == len(names)
    for path in safe.values():
        assert not PurePosixPath(path).is_absolute() and not PureWindowsPath(path).is_absolute()
        assert not {"", ".", ".."} & set(path.split("/"))
        assert not set('<>:"|?*\\') & set(path)
        assert all(c >= " " and c != "\x7f" for c in path)
        for part in path.split("/"):
            assert len(part.encode()) <= MAX_COMPONENT + 8
            assert part == part.rstrip(". ")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("contract.pdf", "contract.pdf"),
        ("合同 第二版.txt", "合同 第二版.txt"),
        ("CON", "_CON"), ("con.txt", "_con.txt"), ("Lpt9.tar.gz", "_Lpt9.tar.gz"),
        ("COM¹", "_COM¹"), ("CONIN$", "_CONIN$"), ("nul .txt", "_nul .txt"),
        ("console.txt", "console.txt"), ("com10", "com10"),
        ("a:b", "a_b"), ("a\\..\\b", "a_.._b"), ("C:\\x", "C__x"), ("x\ny", "x_y"),
        ("dot.", "dot_"), ("space ", "space_"), ("...", "___"), (" . ", "___"),
    ],
)  # fmt: skip
def test_what_windows_forbids_is_changed_everywhere(name: str, safe: str) -> None:
    assert safe_component(name) == safe


def test_long_names_are_cut_and_stay_different() -> None:
    first, second = safe_component("长" * 300 + "a.pdf"), safe_component("长" * 300 + "b.pdf")
    assert first != second
    assert len(first.encode()) <= MAX_COMPONENT
    assert first.endswith(".pdf")


def test_case_accents_and_width_do_not_make_two_files_one() -> None:
    safe = safe_names(["A.txt", "a.txt", "e\u0301", "\xe9", "ﬀ", "ff", "d/x", "D/x"])
    assert len({key(path) for path in safe.values()}) == 8


def test_a_file_and_a_folder_of_one_name_both_fit() -> None:
    safe = safe_names(["a?/x", "a_", "a*/x"])
    assert len({path.split("/")[0] for path in safe.values()}) == 3


def test_a_file_is_written_whole_and_private_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_new(path, b"one")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict):
        write_new(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        write_new(tmp_path / "x", b"data")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_comes_up_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"ours")
    target.write_bytes(b"theirs")
    monkeypatch.setattr("ledger.disk.outputs.os.path.lexists", lambda _: False)
    with pytest.raises(Conflict):
        move_new(source, target)
    assert target.read_bytes() == b"theirs"


def test_numbered_files_find_a_free_name_or_the_same_content(tmp_path: Path) -> None:
    assert write_numbered(tmp_path, "a", ".receipt", b"1").name == "a.receipt"
    assert write_numbered(tmp_path, "a", ".receipt", b"2").name == "a-2.receipt"
    assert write_numbered(tmp_path, "a", ".receipt", b"3").name == "a-3.receipt"
    assert write_numbered(tmp_path, "a", ".receipt", b"2").name == "a-2.receipt"


def test_very_many_names_that_are_one_where_case_does_not_count_take_no_longer_than_others() -> (
    None
):
    names = [
        "".join(c.upper() if number >> at & 1 else c for at, c in enumerate("abcdefghijklmn"))
        for number in range(1 << 14)
    ]
    began = time.process_time()
    safe = safe_names([*names, "abcdefghijklmn~2"])
    assert time.process_time() - began < 10
    assert len({each.casefold() for each in safe.values()}) == len(names) + 1


def test_a_piece_with_a_very_long_path_is_written_all_the_same(tmp_path: Path) -> None:
    name, path = "/".join(["d" * 200] * 5), "member 1 of 2: " + "/".join(["\U00020bb7" * 49] * 20)
    case = Shown([file(name, [b"a", b"b"], Part(path, 1, 1), Part(path + "x", 2, 1))])
    opening = case.opened(Selection(0, parts=(1, 2), fields=("name",)))
    with Staging(tmp_path, outputs_of(opening), "case") as staging:
        placed = staging.place()
    assert len(placed.names) == len([each for each in tmp_path.rglob("*") if each.is_file()]) == 3


def test_paths_of_many_folders_stay_flat_enough_and_apart() -> None:
    deep = "/".join("a" * 511)
    names = [f"{deep}/{n}" for n in range(3)] + [f"b/{n}/x" for n in range(outputs.MAX_FOLDERS)]
    safe = safe_names(names)
    assert len(set(safe.values())) == len(names)
    assert max(place.count("/") for place in safe.values()) == outputs.MAX_DEPTH
    assert len({place.rpartition("/")[0] for place in safe.values()}) <= outputs.MAX_FOLDERS
    assert safe["b/7/x"] == "b/7/x" and safe[names[-1]] == f"b/{outputs.MAX_FOLDERS - 1}_x"


def test_nothing_is_made_before_something_is_written_nor_left_behind(tmp_path: Path) -> None:
    output = tmp_path / "new/out"
    with Staging(output, ["a/b", "c"], "case"):
        assert not list(tmp_path.iterdir())
    with Staging(output, ["/".join("a" * 500), "c"], "case") as staging:
        staging.write(0, 0, b"half")
        assert [each.name[:10] for each in output.iterdir()] == [".sealbook-"]
    assert not list(tmp_path.iterdir())
    with Staging(output, ["a/b", "c"], "case") as staging:
        staging.write(0, 1, b"2")
        staging.write(0, 0, b"1")
        staging.place()
    assert (output / "case/a/b").read_bytes() == b"12"
    assert (output / "case/c").read_bytes() == b""
    assert len(list(output.iterdir())) == 1


def test_no_document_takes_the_name_of_the_list_of_gaps_in_any_case() -> None:
    case = Shown([file("_GAPS.TXT", [b"a"]), file("_gaps.txt", [b"b"])])
    whole = [Selection(n, whole=True, fields=("name",)) for n in range(2)]
    *documents, gaps = outputs_of(case.opened(*whole))
    assert gaps == "_gaps.txt"
    assert {each.casefold() for each in documents} == {"_gaps (2).txt", "_gaps (3).txt"}


@pytest.mark.parametrize(("splitter", "suffix"), [("zip", ".zip-entry"), ("tar", ".tar")])
def test_an_archives_entry_is_not_taken_for_the_file_that_is_in_it(
    splitter: str, suffix: str
) -> None:
    document = file("papers", [b"a", b"b"], Part("member 1 of 1: list.txt", 1, 1))
    case = Shown([replace(document, splitting=replace(document.splitting, splitter=splitter))])
    first, _ = outputs_of(case.opened(Selection(0, parts=(1,))))
    assert first == f"document 1.parts/member 1 of 1: list.txt{suffix}"


def test_a_folder_that_is_not_there_is_an_error_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        write_numbered(tmp_path / "missing", "a", ".receipt", b"1")
    with pytest.raises(StorageFailed):
        write_numbered(tmp_path, "n" * 300, ".receipt", b"1")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [(errno.EACCES, "may not write there"), (errno.ENOSPC, "free some space")],
)
def test_a_failed_write_names_the_users_file_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: int, advice: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageFailed, match=advice) as caught:
        write_new(tmp_path / "receipt", b"data")
    assert str(caught.value).startswith(f"“{tmp_path / 'receipt'}” ")
    assert str(caught.value).endswith(".")
    assert ".part" not in str(caught.value)
