"""Configuration, names that are ignored, and when a path has settled."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.capture.config import (
    CaptureConfig,
    Failure,
    Rule,
    Watch,
    is_ignored,
    parse_config,
)
from ledger.company.capture.settling import (
    GRACE,
    OPEN_LONGEST,
    OPEN_PATIENCE,
    UNSETTLED,
    Seen,
    Settling,
)
from ledger.crypto.recipients import HybridIdentity
from ledger.errors import MalformedData

OFFICER = str(HybridIdentity(b"o" * 32).recipient())


def test_a_configuration_says_what_is_done_with_each_folder() -> None:
    text = f"""
[[watch]]
folder = "/home/lin/Contracts"
include = ["*.pdf"]
exclude = ["drafts"]
settle = 1
receipts = "beside"
matter = "Nanjing supply"
classification = "confidential"
officers = ["{OFFICER}"]
commitment_only = true

[[watch]]
folder = "~/Letters"

[failure]
command = ["/usr/local/bin/page", "legal"]
webhook = "https://ops.example/hook"
names = true
"""
    rule = Rule("Nanjing supply", "confidential", (OFFICER,), True)
    assert parse_config(text.encode()) == CaptureConfig(
        watch=(
            Watch("/home/lin/Contracts", rule, ("*.pdf",), ("drafts",), 1.0, True),
            Watch("~/Letters"),
        ),
        failure=Failure(("/usr/local/bin/page", "legal"), "https://ops.example/hook", True),
        other={},
    )


def test_tables_of_others_are_handed_on() -> None:
    assert parse_config(b'[smtp]\nlisten = "127.0.0.1:2525"').other == {
        "smtp": {"listen": "127.0.0.1:2525"}
    }


@pytest.mark.parametrize(
    "text",
    [
        "[[watch]]",
        '[[watch]]\nfolder = "relative"',
        '[[watch]]\nfolder = "/a"\nincluded = ["*.pdf"]',
        '[[watch]]\nfolder = "/a"\ninclude = "*.pdf"',
        '[[watch]]\nfolder = "/a"\nsettle = 0.01',
        '[[watch]]\nfolder = "/a"\nsettle = nan',
        '[[watch]]\nfolder = "/a"\nsettle = true',
        '[[watch]]\nfolder = "/a"\ncommitment_only = 1',
        '[[watch]]\nfolder = "/a"\nofficers = ["age1nobody"]',
        '[[watch]]\nfolder = "/a"\nreceipts = "elsewhere"',
        '[watch]\nfolder = "/a"',
        "[watches]",
        "watch = 1",
        '[failure]\nwebhook = "http://ops.example/hook"',
        '[failure]\nwebhook = "file:///etc/passwd"',
        '[failure]\ncommand = "rm"',
        "[failure]\nnames = 1",
        "not toml",
        "\xff",
    ],
)
def test_what_is_not_known_or_not_allowed_is_refused(text: str) -> None:
    with pytest.raises(MalformedData):
        parse_config(text.encode("latin-1"))


@given(st.binary(max_size=200))
def test_a_parser_raises_only_malformed_data(data: bytes) -> None:
    with contextlib.suppress(MalformedData):
        parse_config(data)


@pytest.mark.parametrize(
    "name",
    [
        "~$contract.docx", ".~lock.contract.odt#", ".contract.txt.swp", "contract.pdf.part",
        "contract.pdf.crdownload", "a.TMP", "contract.txt~", "#contract.txt#", ".#contract.txt",
        "contract.pdf.receipt", "case-114.evidence", "acme.request", "Thumbs.db", ".DS_Store",
        ".git/index", "a/.git/objects/00/1234", ".Trash-1000/files/a.pdf", "~WRL0001.tmp",
        ".goutputstream-ABC123", ".nfs0000000000000001", ".~同草案.docx", ".~合同草案.docx",
        "合同.pages.sb-1a2b3c4d-AbCdEf", "合同.pages.sb-1a2b3c4d-AbCdEf/Data/a.jpg",
        ".TemporaryItems/folders.501/a.docx", "plan.DWL", "plan.dwl2", "stock.laccdb", "cover.idlk",
        "film.mp4.xltd", "a.baiduyun.p.downloading", "a.lck", "poetry.lock",
    ],
)  # fmt: skip
def test_locks_copies_in_the_making_and_our_own_files_are_ignored(name: str) -> None:
    assert is_ignored(name)


@pytest.mark.parametrize(
    "name",
    ["contract.pdf", "合同.docx", ".hidden", "receipt", "a/b.txt", "part", "temp/a.txt", "~"],
)
def test_papers_are_not_ignored(name: str) -> None:
    assert is_ignored(name) == (name == "~")


def test_patterns_match_names_folders_or_whole_paths() -> None:
    watch = Watch("/w", include=("*.pdf", "signed/*"), exclude=("drafts", "old/*.pdf"))
    wanted = ["a.pdf", "x/a.pdf", "signed/a.txt", "x/old/a.pdf"]
    other = ["a.txt", "drafts/a.pdf", "x/drafts/a.pdf", "old/a.pdf", "a.pdf.tmp"]
    assert [name for name in wanted + other if watch.wants(name)] == wanted


def test_capital_letters_do_not_count_in_patterns() -> None:
    watch = Watch("/w", include=("*.pdf", "*.DocX", "Signed/*"), exclude=("Drafts", "*.bak"))
    wanted = ["SCAN001.PDF", "合同.DOCX", "signed/a.txt"]
    other = ["drafts/a.pdf", "DRAFTS/A.PDF", "a.BAK", "signed/A.Bak"]
    assert [name for name in wanted + other if watch.wants(name)] == wanted


def test_an_include_that_names_what_is_ignored_wins() -> None:
    watch = Watch("/w", include=("poetry.lock", "*.TMP", "*.docx", ".git/config", "*.receipt", "*"))
    wanted = ["poetry.lock", "a/POETRY.LOCK", "x.tmp", "a.docx", ".git/config"]
    other = ["~$a.docx", "._a.docx", "a.docx~", "a.crdownload", "a.pdf.receipt"]
    assert [name for name in wanted + other if watch.wants(name)] == wanted
    assert watch.enters(".git") and not watch.enters(".svn")
    assert not Watch("/w", include=("Cargo.toml",)).wants("Cargo.lock")


def test_a_file_that_is_written_to_without_end_is_due_at_a_bound() -> None:
    settling, now = Settling(), 0.0
    while not settling.due(now, 1):
        settling.see("a", Seen.WRITTEN, 0.5, now)
        assert settling.unsettled(now) == (["a"] if now > UNSETTLED else [])
        now += 5.0
    assert now == OPEN_LONGEST
    assert settling.unsettled(now) == []


def test_a_closed_file_is_due_once_it_is_quiet() -> None:
    settling = Settling()
    settling.see("a", Seen.WRITTEN, 0.5, 0.0)
    settling.see("a", Seen.CLOSED, 0.5, 1.0)
    settling.see("a", Seen.CLOSED, 0.5, 1.4)
    assert settling.due(1.8, 10) == []
    assert settling.next() == 1.9
    assert settling.due(1.9, 10) == ["a"]
    assert settling.next() is None


def test_a_file_that_never_becomes_quiet_is_taken_all_the_same() -> None:
    settling, now = Settling(), 0.0
    while not settling.due(now, 1):
        settling.see("a", Seen.CLOSED, 0.5, now)
        now += 0.2
    assert now <= UNSETTLED + 0.5


def test_a_file_that_stays_open_waits_for_its_writer() -> None:
    settling = Settling()
    settling.see("a", Seen.CREATED, 0.5, 0.0)
    settling.see("a", Seen.WRITTEN, 0.5, 10.0)
    assert settling.due(10.0 + OPEN_PATIENCE - 0.1, 1) == []
    assert settling.due(10.0 + OPEN_PATIENCE, 1) == ["a"]


def test_where_the_system_does_not_tell_of_closing_quiet_is_enough() -> None:
    settling = Settling(closes=False)
    settling.see("a", Seen.WRITTEN, 0.5, 0.0)
    assert settling.due(GRACE, 1) == ["a"]


def test_a_path_that_comes_back_at_once_was_not_deleted() -> None:
    settling = Settling()
    settling.see("a", Seen.GONE, 0.5, 0.0)
    assert settling.due(GRACE - 0.1, 1) == []
    settling.see("a", Seen.CLOSED, 0.5, 1.0)
    assert settling.due(1.5, 1) == ["a"]


def test_a_file_in_a_new_folder_is_not_put_off_by_a_late_word_of_its_making() -> None:
    settling = Settling()
    settling.see("a", Seen.CLOSED, 0.5, 0.0)
    settling.see("a", Seen.CREATED, 0.5, 0.1)
    assert settling.due(0.5, 1) == ["a"]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Seen), st.floats(0, 5)), max_size=30)
)
def test_every_path_that_was_seen_becomes_due_exactly_once(
    events: list[tuple[str, Seen, float]],
) -> None:
    settling, now = Settling(), 0.0
    for path, seen, pause in events:
        now += pause
        settling.see(path, seen, 0.5, now)
    found = settling.due(now + 2 * OPEN_PATIENCE, 100)
    assert sorted(found) == sorted({path for path, _, _ in events})
    assert len(settling) == 0
