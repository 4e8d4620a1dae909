"""deposit, list, show: what is taken, where receipts go, and that nothing is lost or done twice."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import parse_statement
from ledger.company.sending import send
from ledger.company.vault.vault import Vault
from ledger.errors import SealbookError, StorageFailed, Unavailable
from ledger.wire.client import NotaryClient
from ledger.wire.transport import Unexplained
from tests.cli.conftest import Company, Served

ROOT = os.geteuid() == 0 if hasattr(os, "geteuid") else False


def entered(company: Company) -> int:
    """How many deposits the notary has of the company."""
    vault = Vault(company.home)
    with NotaryClient(company.notary.url, ledger=vault.config.origin, key=vault.key) as client:
        return len(list(client.deposits()))


def states(company: Company, *arguments: object, code: int = 0) -> list[str]:
    return [each["state"] for each in company.json(*arguments, code=code)["deposits"]]


def leftovers(company: Company) -> list[Path]:
    hidden = [path for path in company.folder.rglob(".*") if path.is_file() or path.is_dir()]
    return [path for path in hidden if path.suffix != ".lock"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if not ROOT or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=False
    )
    if mounted.returncode:
        pytest.skip("this system lets nobody mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_each_path_is_one_deposit_with_its_receipt_beside_it(company: Company) -> None:
    company.write("contract.pdf", b"%PDF-1.7 ...")
    company.write("nda/a.txt")
    company.write("nda/sub/b.txt")
    answer = company.json("deposit", "contract.pdf", "nda")["deposits"]
    assert [each["documents"] for each in answer] == [1, 2]
    for name in ("contract.pdf", "nda"):
        assert company.json("verify", f"{name}.receipt")["good"]
    files = company.json("show", "nda")["files"]
    assert [each["name"] for each in files] == ["a.txt", "sub/b.txt"]


def test_the_notary_learns_no_name_and_no_content(company: Company) -> None:
    company.write("Geheimnis-7c1.txt", b"plaintext-93ab " * 50)
    secrets = [b"Geheimnis-7c1", b"plaintext-93ab", b"Titel-55e", b"Sache-88d"]
    company("deposit", "Geheimnis-7c1.txt", "--title", "Titel-55e", "--matter", "Sache-88d")
    (deposit,) = company.json("list")["deposits"]
    # What the notary does hold is found by the same search.
    known = [bytes.fromhex(deposit["id"])]
    assert held(company.notary.directory, known) == known
    assert held(company.notary.directory, secrets) == []
    # And each secret is found where it may stand.
    assert held(company.folder, secrets) == secrets


def held(folder: Path, words: list[bytes]) -> list[bytes]:
    """Those of the words that stand readable in a file below a folder, or in its name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    data = [path.read_bytes() + str(path.relative_to(folder)).encode() for path in files]
    return [word for word in words if any(word in each for each in data)]


def test_nothing_in_the_vault_holds_the_content(company: Company) -> None:
    company.write("a.txt", b"plaintext-93ab " * 50)
    company("deposit", "a.txt", "--no-wait")
    title, content = b"a.txt", b"plaintext-93ab"
    assert held(company.home, [title, content]) == [title]
    company("deposit")
    assert held(company.home, [title, content]) == [title]
    assert held(company.folder, [content]) == [content]


def test_once_deposited_the_ciphertext_is_not_kept_twice(company: Company) -> None:
    company.write("a.txt")
    company("deposit", "a.txt", "--no-wait")
    (spooled,) = (company.home / "spool").glob("2*")
    assert (spooled / "content.age").exists()
    company("deposit")
    (filed,) = (company.home / "deposits").iterdir()
    assert sorted(path.name for path in filed.iterdir()) == [
        "manifest.age", "meta.json", "receipt", "statement",
    ]  # fmt: skip


def test_a_receipt_is_never_written_over_another_file(company: Company) -> None:
    company.write("a.txt")
    company.write("a.txt.receipt", b"somebody else's")
    for number in (2, 3):
        answer = company.json("deposit", "a.txt")["deposits"][0]
        assert answer["receipt"].endswith(f"a.txt-{number}.receipt")
    assert (company.folder / "a.txt.receipt").read_bytes() == b"somebody else's"


def test_receipts_go_to_the_folder_that_is_named(company: Company) -> None:
    company.write("a.txt")
    company.write("out/x")
    company("deposit", "a.txt", "-o", "out")
    assert (company.folder / "out" / "a.txt.receipt").exists()
    assert not (company.folder / "a.txt.receipt").exists()
    company("deposit", "a.txt", "-o", "missing", code=2)


def test_where_the_folder_cannot_be_written_the_receipt_stays_in_the_vault(
    company: Company, small_disk: Path
) -> None:
    (small_disk / "a.txt").write_bytes(b"a")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    (answer,) = company.json("deposit", small_disk / "a.txt")["deposits"]
    receipt = Path(answer["receipt"])
    assert receipt.is_relative_to(company.home)
    assert company.json("verify", receipt)["good"]
    assert company.json("show", "a.txt")["receipt"] == str(receipt)


def test_before_enrolment_deposits_wait_and_then_go_out_by_themselves(applicant: Company) -> None:
    applicant.write("a.txt")
    applicant.write("b.txt")
    answer = applicant.json("deposit", "a.txt")["deposits"][0]
    assert answer["state"] == "waiting"
    assert "enrol" in answer["message"]
    assert "1 wait" in applicant("list").output
    applicant.enrol()
    assert states(applicant, "deposit", "b.txt") == ["deposited", "deposited"]
    assert applicant.json("verify", "a.txt.receipt")["good"]
    assert applicant.json("deposit") == {
        "deposits": [], "message": "Nothing waits to be deposited.",
    }  # fmt: skip


def test_before_enrolment_a_large_file_waits_as_small_ones_do(applicant: Company) -> None:
    applicant.write("large.bin", os.urandom(3 << 20))
    applicant.write("a.txt")
    for files in (["large.bin", "a.txt"], []):
        large, small = applicant.json("deposit", *files)["deposits"]
        assert (large["state"], small["state"]) == ("waiting", "waiting")
        assert large["message"] == small["message"]
        assert "enrol" in large["message"]
        assert applicant.json("status")["waiting"] == 2
        assert "2 wait" in applicant("list").output
    applicant.enrol()
    assert states(applicant, "deposit") == ["deposited", "deposited"]


def test_with_the_notary_away_deposits_wait(own_company: Company) -> None:
    company, own_notary = own_company, own_company.notary
    own_notary.stop()
    company.write("a.txt")
    assert states(company, "deposit", "a.txt") == ["waiting"]
    assert states(company, "deposit") == ["waiting"]
    own_notary.start()
    assert states(company, "deposit") == ["deposited"]
    assert entered(company) == 1
    assert company.json("verify", "a.txt.receipt")["good"]


def test_no_wait_seals_and_the_next_deposit_sends(company: Company) -> None:
    company.write("a.txt")
    assert states(company, "deposit", "a.txt", "--no-wait") == ["waiting"]
    assert entered(company) == 0
    company.write("a.txt", b"changed since")
    assert states(company, "deposit") == ["deposited"]
    company("open", "a.txt", "-o", "out")
    assert (company.folder / "out" / "a.txt").read_bytes() == b"a letter\n"


def test_a_commitment_alone_leaves_the_content_here(company: Company) -> None:
    company.write("a.txt", b"x" * 300_000)
    company("deposit", "a.txt", "--commitment-only")
    assert company.json("show", "a.txt")["content_deposited"] is False
    assert company.json("verify", "a.txt.receipt")["reports"][0]["claims"][0]["status"] == "proven"
    shown = company("open", "a.txt", "-o", "out", code=1)
    assert "fingerprint" in shown.stderr


def test_papers_of_one_matter_are_numbered_and_chained(company: Company) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        company.write(name)
    company("deposit", "a.txt", "b.txt", "--matter", "供应合同")
    company("deposit", "c.txt", "--matter", "供应合同")
    statements = [
        parse_statement(parse_receipt((company.folder / f"{name}.receipt").read_bytes()).statement)
        for name in ("a.txt", "b.txt", "c.txt")
    ]
    matters = [each.payload["matter"] for each in statements]
    assert [each["number"] for each in matters] == [1, 2, 3]
    assert len({each["id"] for each in matters}) == 1
    assert [each["previous"] for each in matters] == [
        None, statements[0].leaf_hash, statements[1].leaf_hash,
    ]  # fmt: skip


def test_other_paths_go_on_when_one_fails(company: Company) -> None:
    company.write("good.txt")
    os.mkfifo(company.folder / "pipe")
    (company.folder / "empty").mkdir()
    (company.folder / "broken").symlink_to("nowhere")
    paths = ["missing.txt", "pipe", "/dev/zero", "empty", "broken", "good.txt"]
    answer = company.json("deposit", *paths, code=1)["deposits"]
    assert [each["state"] for each in answer] == ["failed"] * 5 + ["deposited"]
    assert all(each["message"].endswith(".") for each in answer[:5])
    assert not leftovers(company)


def test_an_empty_path_or_title_names_nothing(company: Company) -> None:
    company.write("a.txt")
    assert "empty path" in company("deposit", "", code=2).stderr
    assert "blank" in company("deposit", "a.txt", "--title", " ", code=2).stderr
    assert states(company, "list") == []


def test_one_path_that_cannot_be_read_does_not_stop_the_others(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write("good.txt")
    company.write("locked.txt")
    real = Path.open

    def locked(self: Path, *arguments: Any, **more: Any) -> Any:
        if self.name == "locked.txt":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", locked)
    monkeypatch.setattr(os, "access", lambda path, *_, **__: "locked" not in str(path))
    answer = company.json("deposit", "locked.txt", "good.txt", code=1)["deposits"]
    assert [each["state"] for each in answer] == ["failed", "deposited"]


def test_links_and_special_files_in_a_folder_are_left_out_and_told(company: Company) -> None:
    company.write("f/a.txt")
    (company.folder / "f" / "hollow").mkdir()
    (company.folder / "f" / "link").symlink_to("/etc/passwd")
    (company.folder / "f" / "loop").symlink_to(".")
    os.mkfifo(company.folder / "f" / "pipe")
    with socket.socket(socket.AF_UNIX) as opened:
        here = Path.cwd()
        os.chdir(company.folder / "f")
        opened.bind("socket")
        os.chdir(here)
    shown = company("deposit", "f")
    for name in ("hollow", "link", "loop", "pipe", "socket"):
        assert f"f/{name}" in shown.stderr
    provenance = company.json("show", "f")["provenance"]
    left_out = {provenance[f"left-out-{number}"] for number in range(1, 6)}
    assert provenance["left-out"] == "5"
    assert {"empty folder: hollow", "symbolic link: link"} < left_out
    assert company.json("show", "f")["documents"] == 1


def test_names_in_any_script_survive(company: Company) -> None:
    names = ["合同 第二版.txt", "договор.txt", "e\u0301té.txt", "🔏.txt", " space ", "-dash"]
    for name in names:
        company.write(f"f/{name}", name.encode())
    raw = os.fsencode(company.folder / "f") + b"/\xff\xfe.bin"
    Path(os.fsdecode(raw)).write_bytes(b"raw")
    company.write("f/new\nline.txt")
    company("deposit", "f")
    shown = {each["name"] for each in company.json("show", "f")["files"]}
    assert set(names) <= shown
    assert {"ÿþ.bin", "new\\x0aline.txt"} <= shown, "a guess; what it was, stands in its source"
    company("list")


def test_a_file_whose_name_is_not_text_can_be_deposited(company: Company) -> None:
    path = Path(os.fsdecode(os.fsencode(company.folder) + b"/\xe9.txt"))
    path.write_bytes(b"latin")
    company("deposit", path)
    assert Path(os.fsdecode(os.fsencode(path) + b".receipt")).exists()
    assert "é.txt" in company("list").output
    (listed,) = company.json("list")["deposits"]
    assert listed["title"] == company.json("show", listed["id"])["files"][0]["name"]


def test_empty_files_are_deposited_like_others(company: Company) -> None:
    company.write("empty", b"")
    company("deposit", "empty")
    company("open", "empty", "-o", "out")
    assert (company.folder / "out" / "empty").read_bytes() == b""


def test_a_large_file_goes_in_pieces(company: Company) -> None:
    data = os.urandom(5 << 20)
    company.write("large.bin", data)
    company("deposit", "large.bin")
    company("open", "large.bin", "-o", "out")
    assert (company.folder / "out" / "large.bin").read_bytes() == data


def test_two_processes_deposit_at_once(company: Company) -> None:
    for name in ("a.bin", "b.bin"):
        company.write(name, os.urandom(2 << 20))
    company.write("both.txt")
    processes = [
        company.spawn("deposit", name, "both.txt", "--matter", "one") for name in ("a.bin", "b.bin")
    ]
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, (output, errors)
    listed = company.json("list")["deposits"]
    assert {each["state"] for each in listed} == {"deposited"}
    numbers = sorted(company.json("show", each["id"])["matter_number"] for each in listed)
    assert numbers == list(range(1, len(listed) + 1))
    assert entered(company) == len(listed)
    for receipt in company.folder.glob("*.receipt"):
        assert company.json("verify", receipt)["good"]


def test_the_next_age_files_are_sent_while_the_statements_before_them_are_entered(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        company.write(f"{number}.txt")
    came: list[int] = []
    both = threading.Event()
    put, submit = NotaryClient.put_envelopes, NotaryClient.submit_many

    def put_envelopes(self: NotaryClient, envelopes: Any) -> None:
        put(self, envelopes)
        came.append(len(envelopes))
        if len(came) >= 2:
            both.set()

    def submit_many(self: NotaryClient, statements: Any) -> Any:
        assert both.wait(30)
        return submit(self, statements)

    monkeypatch.setattr(send, "BATCH", 2)
    monkeypatch.setattr(NotaryClient, "put_envelopes", put_envelopes)
    monkeypatch.setattr(NotaryClient, "submit_many", submit_many)
    files = [f"{number}.txt" for number in range(5)]
    assert states(company, "deposit", *files) == ["deposited"] * 5
    assert sum(came) == 10


@pytest.mark.parametrize(
    ("error", "state", "left"),
    [
        (Unavailable("The notary is away."), "waiting", ["2.txt", "3.txt", "4.txt"]),
        (StorageFailed("The disk is full."), "failed", ["2.txt", "3.txt"]),
    ],
)
def test_what_fails_ahead_is_told_of_its_own_deposits(
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    error: SealbookError,
    state: str,
    left: list[str],
) -> None:
    files = [f"{number}.txt" for number in range(5)]
    for name in files:
        company.write(name)
    put = NotaryClient.put_envelopes
    bad: set[bytes] = set()

    def put_envelopes(self: NotaryClient, envelopes: Any) -> None:
        if threading.current_thread().name.startswith("upload") and not bad:
            bad.update(each.payload.root for each in envelopes)
        if bad & {each.payload.root for each in envelopes}:
            raise error
        put(self, envelopes)

    with monkeypatch.context() as patch:
        patch.setattr(send, "BATCH", 2)
        patch.setattr(NotaryClient, "put_envelopes", put_envelopes)
        told = company.json("deposit", *files, code=int(state == "failed"))["deposits"]
    found = {each["title"]: each["state"] for each in told}
    assert found == {name: state if name in left else "deposited" for name in files}
    assert states(company, "deposit") == ["deposited"] * len(left)
    assert entered(company) == 5


def crashed(child: "subprocess.Popen[bytes]") -> None:
    """Wait for a child that kills itself where a script says so, and has to get there."""
    output, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, (output, errors)


CRASHES = [
    "ledger.company.sending.spool:seal_files",
    "ledger.company.vault.vault:Vault.sign",
    "ledger.company.vault.vault:Vault.spool",
    "ledger.company.sending.uploading:Sender.upload",
    "ledger.company.sending.uploading:Sender.submit_many",
    "ledger.company.vault.vault:Vault.keep_checkpoint",
    "ledger.company.vault.stored:StoredDeposit.accept",
    "ledger.company.sending.send:write_numbered",
    "ledger.disk.outputs:move_new",
    "ledger.company.vault.stored:StoredDeposit.file_away",
]


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("place", CRASHES)
def test_a_kill_at_any_step_loses_nothing_and_deposits_nothing_twice(
    company: Company, place: str, side: str
) -> None:
    module, _, name = place.partition(":")
    script = f"""
import functools, importlib, operator, os, signal, sys
module = importlib.import_module({module!r})
*path, last = {name!r}.split(".")
owner = functools.reduce(getattr, path, module)
real = getattr(owner, last)
def die(*arguments, **options):
    if {side!r} == "after":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, last, die)
from ledger.cli.root import cli
cli(sys.argv[1:])
"""
    company.write("paper.txt", b"the paper")
    crashed(company.spawn("deposit", "paper.txt", "--matter", "m", script=script))
    done = (place, side) == (CRASHES[-1], "after")
    answer = company.json("deposit", *([] if done else ["paper.txt", "--matter", "m"]))
    assert [each["state"] for each in answer["deposits"]] == ([] if done else ["deposited"])
    assert entered(company) == 1
    (only,) = company.json("list")["deposits"]
    assert only["state"] == "deposited"
    assert [path.name for path in company.folder.glob("*.receipt")] == ["paper.txt.receipt"]
    assert company.json("verify", "paper.txt.receipt", "paper.txt")["good"]
    hidden = [path for path in leftovers(company) if not path.name.endswith(".part")]
    assert not hidden, "an interrupted sealing is swept away by the next"


def test_a_kill_while_a_large_upload_runs_is_resumed(company: Company) -> None:
    script = """
import os, signal, sys
from ledger.wire.client import NotaryClient
real = NotaryClient.upload
def upload(self, payload, read_at, header, progress):
    def dying(offset, length):
        if offset >= 5 << 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return read_at(offset, length)
    real(self, payload, dying, header, progress)
NotaryClient.upload = upload
from ledger.cli.root import cli
cli(sys.argv[1:])
"""
    company.write("large.bin", os.urandom(9 << 20))
    crashed(company.spawn("deposit", "large.bin", script=script))
    assert entered(company) == 0
    assert states(company, "deposit", "large.bin") == ["deposited"]
    assert entered(company) == 1


def test_ctrl_c_while_sealing_leaves_nothing_and_says_so(company: Company) -> None:
    with company.write("large.bin").open("r+b") as file:
        file.truncate(3 << 30)
    process = company.spawn("deposit", "large.bin")
    deadline = time.monotonic() + 30
    while not list((company.home / "spool").glob(".sealing-*/.*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, (output, errors)
    assert b"Stopped" in errors
    assert b"Traceback" not in errors
    assert not list((company.home / "spool").iterdir())


def test_what_waits_can_be_opened_without_the_notary(applicant: Company) -> None:
    applicant.write("a.txt")
    applicant("deposit", "a.txt", "--no-wait")
    applicant("open", "a.txt", "-o", "out")
    assert (applicant.folder / "out" / "a.txt").read_bytes() == b"a letter\n"
    shown = applicant("disclose", "a.txt", "-o", "x", code=1)
    assert "waits" in shown.stderr


def test_a_file_that_changes_while_it_is_sealed_fails_and_leaves_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = company.write("log.txt", b"x" * 100_000)
    from ledger.company.sealing.to_files import seal_files as real
    from ledger.company.sending import spool

    def grow(*arguments: Any, **options: Any) -> Any:
        path.write_bytes(b"y" * 100_001)
        return real(*arguments, **options)

    monkeypatch.setattr(spool, "seal_files", grow)
    (answer,) = company.json("deposit", "log.txt", code=1)["deposits"]
    assert answer["code"] == "source-changed"
    assert "log.txt" in answer["message"]
    assert not list((company.home / "spool").iterdir())


def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    small_disk: Path, tmp_path: Path, notary: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "company"
    folder.mkdir()
    monkeypatch.chdir(folder)
    company = Company(folder, notary, small_disk / "vault")
    company.init()
    company.enrol()
    company.write("large.bin", os.urandom(4 << 20))
    company.write("small.txt")
    answer = company.json("deposit", "large.bin", "small.txt", code=1)["deposits"]
    assert [(each["state"], each.get("code")) for each in answer] == [
        ("failed", "storage-failed"), ("deposited", None),
    ]  # fmt: skip
    assert not list((company.home / "spool").iterdir())
    company.write("large2.bin", os.urandom(4 << 20))
    company("deposit", "large2.bin", "--commitment-only")
    (small_disk / "fill").write_bytes(b"x" * (1 << 20))
    shown = company("open", "small.txt", "-o", small_disk / "out")
    assert "small.txt" in shown.output.replace("\n  | ", "")


def test_a_full_disk_leaves_no_part_of_what_was_asked_for(
    company: Company, small_disk: Path
) -> None:
    company.write("large.bin", os.urandom(4 << 20))
    company("deposit", "large.bin")
    company("disclose", "large.bin", "-o", "large.evidence")
    trust = company.notary.trust_file
    for command in (
        ["open", "large.bin", "-o", small_disk / "out"],
        ["disclose", "large.bin", "-o", small_disk / "x.evidence"],
        ["verify", "large.evidence", "--trust", trust, "-o", small_disk / "shown"],
    ):
        shown = company(*command, code=1)
        assert "No space left" in shown.stderr or "disk is full" in shown.stderr
        assert not [path for path in small_disk.rglob("*") if path.is_file()]
        assert not list(small_disk.rglob(".sealbook-*"))


def test_a_receipt_that_does_not_verify_is_kept_as_proof_and_the_deposit_waits(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.company.sending.uploading import Sender

    company.write("a.txt")
    real = Sender.submit_many

    def altered(self: Sender, statements: Any) -> Any:
        receipts = [bytearray(each) for each in real(self, statements) if isinstance(each, bytes)]
        for each in receipts:
            each[each.find(b"sealbook") + 400] ^= 1
        return [bytes(each) for each in receipts]

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "submit_many", altered)
        (answer,) = company.json("deposit", "a.txt", code=1)["deposits"]
    assert answer["state"] == "failed"
    assert not (company.folder / "a.txt.receipt").exists()
    assert list(company.home.glob("spool/*/receipt.rejected"))
    assert states(company, "deposit") == ["deposited"]


@contextmanager
def clock_ahead(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """The company's clock, not the notary's."""
    now = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now() + seconds)
        yield


def test_what_the_notary_will_never_take_is_put_aside_and_can_be_sealed_anew(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write("early.txt")
    company.write("other.txt")
    with clock_ahead(monkeypatch, 3 * 86_400):
        company("deposit", "early.txt", "--no-wait", "--matter", "m")
    answer = company.json("deposit", "other.txt")["deposits"]
    assert {each["path"].rpartition("/")[2]: each["state"] for each in answer} == {
        "early.txt": "refused",
        "other.txt": "deposited",
    }
    again = company("deposit", "other.txt")
    assert "1 earlier deposit was refused" in again.stderr
    assert "a day ahead" in company("list").stdout
    assert "refused by the notary" in company("receipt", "early.txt", code=1).stderr
    company("deposit", "early.txt", "--matter", "m")
    assert company.json("show", "early.txt")["state"] == "deposited"
    assert company.json("show", "early.txt")["matter_number"] == 1
    assert sorted(states(company, "list")) == ["deposited"] * 3 + ["refused"]
    assert list(company.home.glob("refused/*/content.age"))


def test_a_refusal_of_what_was_asked_for_ends_with_1(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write("early.txt")
    with clock_ahead(monkeypatch, 3 * 86_400):
        company("deposit", "early.txt", "--no-wait")
    assert states(company, "deposit", code=1) == ["refused"]
    assert company.json("deposit")["deposits"] == []


def test_papers_after_a_refused_one_in_its_matter_are_sealed_anew_too(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1.txt", "2.txt"):
        company.write(name)
    with clock_ahead(monkeypatch, 3 * 86_400):
        company("deposit", "1.txt", "--no-wait", "--matter", "m")
    company("deposit", "2.txt", "--no-wait", "--matter", "m")
    assert states(company, "deposit", code=1) == ["refused", "refused"]
    company("deposit", "1.txt", "2.txt", "--matter", "m")
    assert company.json("show", "2.txt")["matter_number"] == 2


def test_a_refusal_that_nobody_explains_puts_nothing_aside(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write("a.txt")

    def proxy(*_: object) -> Any:
        raise Unexplained("The notary answered with status 403.")

    with monkeypatch.context() as patch:
        patch.setattr(NotaryClient, "put_envelopes", proxy)
        assert states(company, "deposit", "a.txt", code=1) == ["failed"]
    assert states(company, "deposit") == ["deposited"]


@pytest.mark.parametrize("name", ["content.age", "manifest.age", "statement", "meta.json"])
def test_one_damaged_deposit_does_not_hold_up_the_others(company: Company, name: str) -> None:
    company.write("bad.txt")
    company.write("good.txt")
    company("deposit", "bad.txt", "--no-wait", "--matter", "m")
    (spooled,) = (company.home / "spool").glob("2*")
    data = bytearray((spooled / name).read_bytes())
    data[0 if name == "meta.json" else -20] ^= 0x80
    (spooled / name).write_bytes(data)
    answer = company.json("deposit", "good.txt")["deposits"]
    # A statement whose signature does not hold is one that no notary will take.
    bad = "refused" if name == "statement" else "failed"
    assert sorted(each["state"] for each in answer) == ["deposited", bad]
    assert company.json("verify", "good.txt.receipt")["good"]
    assert "good.txt" in company("list").stdout
    if bad == "failed":
        assert states(company, "deposit", code=1) == ["failed"]


def test_one_damaged_receipt_does_not_hold_up_the_others(company: Company) -> None:
    company.write("bad.txt")
    company.write("good.txt")
    company("deposit", "bad.txt", "--no-wait")
    (spooled,) = (company.home / "spool").glob("2*")
    (spooled / "receipt").write_bytes(b"damaged")
    answer = company.json("deposit", "good.txt")["deposits"]
    assert [each["state"] for each in answer] == ["failed", "deposited"]
    assert company.json("verify", "good.txt.receipt")["good"]


def test_a_trust_file_that_requires_content_does_not_hinder_depositing(
    stranger: Company, tmp_path: Path
) -> None:
    text = stranger.notary.trust_file.read_text()
    strict = stranger.write(
        "strict.trust", text.replace("required = [", 'required = ["content",').encode()
    )
    stranger.init("--no-passphrase", "--trust", str(strict))
    stranger.enrol()
    stranger.write("a.txt")
    assert states(stranger, "deposit", "a.txt") == ["deposited"]
    assert stranger.json("verify", "a.txt.receipt")["good"]
    Path("a.txt").unlink()
    stranger("verify", "a.txt.receipt", code=1)


def test_a_forked_ledger_is_refused_and_the_fork_is_kept_as_proof(
    tmp_path: Path, own_company: Company
) -> None:
    company, own_notary = own_company, own_company.notary
    own_notary.stop()
    old = tmp_path / "old"
    shutil.copytree(own_notary.directory, old)
    own_notary.start()
    company.write("a.txt")
    company.write("b.txt")
    assert states(company, "deposit", "a.txt") == ["deposited"]
    own_notary.stop()
    shutil.rmtree(own_notary.directory)
    old.rename(own_notary.directory)
    own_notary.start()
    company.write("c.txt")
    states(company, "deposit", "b.txt", code=1)
    (answer,) = company.json("deposit", code=1)["deposits"]
    assert answer["code"] in ("ledger-forked", "verification-failed", "not-found")
    assert list(company.home.glob("fork-*.checkpoint"))
    assert not (company.folder / "b.txt.receipt").exists()


def test_show_finds_by_id_path_name_and_title_and_refuses_what_is_not_one(
    company: Company,
) -> None:
    company.write("x/a.txt")
    company.write("y/a.txt")
    company("deposit", "x/a.txt", "--title", "first")
    company("deposit", "y/a.txt", "--title", "second")
    wanted = company.json("show", "first")["id"]
    for name in (wanted[:4], wanted[:20], wanted, wanted.upper()[:9], "x/a.txt", "first"):
        assert company.json("show", name)["id"] == wanted
    assert "2 deposits" in company("show", "a.txt", code=1).stderr
    assert "sealbook list" in company("show", "nothing", code=1).stderr
    company("show", wanted[:3], code=1)
