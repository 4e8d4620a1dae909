"""A disk that fills up or turns read-only under a running service: told of, and reading goes on."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from api.settings import Settings
from ledger.crypto.envelope import encrypt_payload
from ledger.crypto.keys import thumbprint_ed25519
from ledger.crypto.stream import payload_root
from ledger.errors import KeyRevoked, NoRoom, SealbookError, Unavailable
from ledger.notary.notary import open_notary
from ledger.notary.ordering import command
from ledger.notary.orders import AskState, Backup, SayNotice
from ledger.notary.storage.room import DiskRoom
from ledger.wire.protocol import COSE, OCTETS
from tests.disks import SmallDisk, small_disk
from tests.processes import Program

from .conftest import Account, Service, small_envelope, start

MIB = 1 << 20
RESERVE, TIGHT, SHARE = 12 * MIB, 8 * MIB, 2 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 48) as mounted:
        yield mounted


@pytest.fixture
def folder(disk: SmallDisk, notary_folder: Path) -> Path:
    """A notary of its own on the small disk, never opened yet."""
    copied = disk.place / "notary"
    shutil.copytree(notary_folder, copied)
    for name in ("office.sqlite", "office.sqlite-wal", "office.sqlite-shm"):
        (copied / name).unlink(missing_ok=True)
    return copied


@pytest.fixture
def served(folder: Path) -> Iterator[Service]:
    room = DiskRoom(folder, reserve=RESERVE, tight=TIGHT, share=SHARE)
    with open_notary(folder, room=room) as notary:
        server, thread, port = start(notary, Settings())
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            yield Service(notary, f"http://127.0.0.1:{port}", port, http)
        server.should_exit = True
        thread.join()


def enrolled(served: Service, name: str = "Example Ltd") -> Account:
    """A company whose client tries again without a pause."""
    account = served.enrol(name)
    return replace(account, client=served.client(account.key, sleep=lambda _: None))


def health(served: Service) -> tuple[int, list[str]]:
    answer = served.http.get("/health")
    assert answer.json()["status"] == (answer.json()["reasons"] or ["ok"])[0]
    return answer.status_code, answer.json()["reasons"]


def send(served: Service, statement: bytes) -> tuple[int, str]:
    """Send a statement: the status, and the code of the problem."""
    answer = served.http.post("/statements", content=statement, headers={"content-type": COSE})
    return answer.status_code, answer.headers.get("sealbook-problem", "")


def reads(account: Account, statement: bytes, receipt: bytes) -> bool:
    """Whether an account gets at all that is its own."""
    found = list(account.client.deposits())
    return (
        statement in [each.statement for each in found]
        and account.client.receipt(found[-1].leaf) == receipt
    )


def upload(account: Account, size: int) -> None:
    """Upload an age file in one request. Raises NoRoom."""
    data = encrypt_payload(os.urandom(size), b"k" * 16, os.urandom(16))
    path = f"/envelopes/{payload_root([data]).hex()}/payload"
    fields = {"upload-offset": "0", "upload-length": str(len(data)), "content-type": OCTETS}
    headers = account.signed("PATCH", path, headers=fields)
    answer = httpx2.patch(account.url + path, content=data, headers=headers)
    if answer.headers.get("sealbook-problem") == NoRoom.code:
        raise NoRoom(answer.json()["detail"])
    assert answer.status_code == 204, answer.text


def test_one_account_cannot_stop_the_ledger_for_the_others(
    disk: SmallDisk, served: Service
) -> None:
    greedy, modest = enrolled(served, "Greedy Ltd"), enrolled(served, "Modest Ltd")

    def fill(_: int) -> None:
        with pytest.raises(NoRoom):
            for _ in range(20):
                upload(greedy, 3 * MIB)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(fill, range(6)))
    assert disk.free > RESERVE
    statement, receipt = modest.deposit()
    assert reads(modest, statement, receipt)
    assert health(served) == (200, [])


def test_a_full_disk_says_so_and_the_office_and_readers_go_on(
    disk: SmallDisk, served: Service
) -> None:
    account, lost = enrolled(served), enrolled(served, "Lost Ltd")
    statement, receipt = account.deposit()
    fresh = account.statement(small_envelope().payload)
    disk.fill(leave=RESERVE)
    assert health(served) == (503, ["full"])
    with pytest.raises(Unavailable, match="no room"):
        account.deposit()
    status, code = send(served, fresh)
    assert (status, code) != (201, "")
    assert account.client.submit(statement) == receipt  # entered before: it has its receipt
    assert reads(account, statement, receipt)
    key_id = thumbprint_ed25519(lost.key.public)
    served.notary.accounts.revoke(key_id, "lost")
    with pytest.raises(KeyRevoked):
        list(lost.client.deposits())
    disk.make_room()
    assert health(served) == (200, [])
    account.deposit()


def test_statements_alone_cannot_fill_it(disk: SmallDisk, served: Service) -> None:
    account = enrolled(served)
    envelope = small_envelope()
    account.client.put_envelopes([envelope])
    first = account.statement(envelope.payload)
    account.client.submit(first)
    disk.fill(leave=RESERVE)
    assert health(served) == (503, ["full"])
    status, code = send(served, account.statement(envelope.payload))
    assert (status, code) == (507, "no-room")


def test_signed_reads_go_on_without_a_byte_left_and_none_is_replayed(
    disk: SmallDisk, served: Service
) -> None:
    account = enrolled(served)
    statement, receipt = account.deposit()
    headers = account.signed("GET", "/deposits")
    assert served.http.get("/deposits", headers=headers).status_code == 200
    disk.fill()
    assert disk.free == 0
    assert reads(account, statement, receipt)
    assert served.http.get("/deposits", headers=headers).status_code == 401
    headers = account.signed("GET", "/deposits")
    assert served.http.get("/deposits", headers=headers).status_code == 200
    assert served.http.get("/deposits", headers=headers).status_code == 401


def test_the_office_asks_and_backs_up_without_a_byte_left(
    disk: SmallDisk, folder: Path, tmp_path: Path
) -> None:
    room = DiskRoom(folder, reserve=RESERVE, tight=TIGHT, share=SHARE)
    with open_notary(folder, room=room, serve=True):
        disk.fill()
        assert disk.free == 0
        for _ in range(20):
            assert command(folder, AskState()).health == "full"
        assert command(folder, Backup(str(tmp_path / "backup"))).size > 0
        assert disk.free == 0
    assert (tmp_path / "backup" / "ledger.sqlite").exists()


def test_a_disk_that_turns_read_only_says_so_and_is_read(disk: SmallDisk, served: Service) -> None:
    """The disk says so itself: what is open for writing keeps a test from remounting it."""
    account = enrolled(served)
    statement, receipt = account.deposit()
    fresh = account.statement(small_envelope().payload)
    measure = served.notary._room._measure

    def turned(place: Path) -> os.statvfs_result:
        found = list(measure(place))
        found[8] |= os.ST_RDONLY
        return os.statvfs_result(found)

    served.notary._room._measure = turned
    assert health(served) == (503, ["read-only"])
    assert send(served, fresh) == (503, "unavailable")
    with pytest.raises(Unavailable, match="only be read"):
        account.client.put_envelopes([small_envelope()])
    assert reads(account, statement, receipt)
    headers = account.signed("GET", "/deposits")
    assert served.http.get("/deposits", headers=headers).status_code == 200
    assert served.http.get("/deposits", headers=headers).status_code == 401
    served.notary._room._measure = measure
    assert health(served) == (200, [])
    account.deposit()


SCRIPT = """
import sys
from pathlib import Path
from api.server import serve
serve(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]))
"""


@pytest.mark.parametrize("trouble", ["read-only", "read-only after a kill", "full"])
def test_it_starts_for_readers_alone(disk: SmallDisk, folder: Path, trouble: str) -> None:
    with open_notary(folder, room=DiskRoom(folder, reserve=0)) as notary:
        server, thread, port = start(notary, Settings())
        url = f"http://127.0.0.1:{port}"
        with httpx2.Client(base_url=url, timeout=20) as http:
            account = enrolled(Service(notary, url, port, http))
            statement, receipt = account.deposit()
            if trouble == "read-only after a kill":  # as it lies at this moment
                shutil.copytree(folder, disk.place / "killed")
        server.should_exit = True
        thread.join()
    if trouble == "read-only after a kill":
        folder = disk.place / "killed"
        assert (folder / "ledger.sqlite-wal").stat().st_size
    if trouble == "full":
        disk.fill()
    else:
        disk.remount("ro")
    process = Program(
        ["-c", SCRIPT, str(folder), str(port)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        assert '"event": "reading-only"' in lines[0], lines
        with httpx2.Client(base_url=url, timeout=20) as http:
            served = Service(None, url, port, http)  # type: ignore[arg-type]
            status, reasons = health(served)
            assert (status, reasons[0]) == (503, "read-only")
            assert reads(account, statement, receipt)
            for path in ("/checkpoint", "/trust", "/block/0"):
                assert http.get(path).status_code == 200, path
            # Whether a partial tile of this width is kept depends on how the tree has grown.
            assert http.get("/tile/0/000.p/1").status_code in (200, 404)
            envelope = small_envelope()
            assert send(served, account.statement(envelope.payload)) == (503, "unavailable")
            with pytest.raises(Unavailable, match="only be read"):
                account.client.put_envelopes([envelope])
        if trouble == "read-only":
            assert command(folder, AskState()).size > 2
            with pytest.raises(SealbookError):
                command(folder, SayNotice("not now"))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
