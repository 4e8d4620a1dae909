"""Files as they come into being: thousands at once, one at a time, and none at all.

A real daemon watches a folder and deposits with a real notary; daemon, notary and the writer of the
files are processes of their own and share this machine's cores. A delay is from a file's last write to
its receipt on disk. Resident memory and processor time are the daemon's,
as the system counts them, without those of the processes that seal beside it during a burst.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.row import Row
from bench.sequencer import CORES, verified
from ledger.chain.trust import fingerprint
from ledger.company.vault.vault import Vault

FILES = 10_000
SIZE = 1_000
BURST = 400
"""Gate: files a second, of thousands written at once, closed to receipt."""
SINGLES = 20
PROMISE = 2.0
"""Gate: seconds from closing a file to its receipt."""
IDLE = 60.0
IDLE_CPU = 0.01
IDLE_MEMORY = 100 << 20
PATIENCE = 1_800.0
ROOT = Path(__file__).parents[1]


def sealbook(home: Path, *arguments: object) -> None:
    """Run a command to its end."""
    subprocess.run(
        [sys.executable, "-m", "ledger", *map(str, arguments)],
        env={**os.environ, "SEALBOOK_HOME": str(home)},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )


@contextmanager
def serving(folder: Path, home: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the end of the block."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ledger", *map(str, arguments)],
            env={
                **os.environ,
                "SEALBOOK_HOME": str(home),
                "SEALBOOK_NOTARY_RATE_ENTERING": "off",  # its limit is what is looked for
            },
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


class Place:
    """A notary, an enrolled company, and its daemon on a folder."""

    def __init__(self, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.home = folder / "vault"
        notary = folder / "notary"
        sealbook(
            self.home,
            "notary",
            "init",
            "--origin",
            "bench.example/ledger",
            "--issuer",
            "Bench",
            "--dir",
            notary,
        )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        stack.enter_context(
            serving(folder, self.home, "notary", "serve", "--port", port, "--dir", notary)
        )
        wait(lambda: answers(url))
        os.chdir(folder)
        request = folder / "bench.request"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "ledger",
                "init",
                "--notary",
                url,
                "--name",
                "bench",
                "--no-passphrase",
            ],
            env={**os.environ, "SEALBOOK_HOME": str(self.home), "PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        sealbook(
            self.home, "notary", "enroll", request, "--dir", notary, "--name", "Bench Ltd",
            "--registration", "1", "--checked-by", "bench",
            "--fingerprint", fingerprint(request.read_bytes()),
        )  # fmt: skip
        self.watched = folder / "watched"
        self.watched.mkdir()
        self.daemon = stack.enter_context(serving(folder, self.home, "watch", self.watched))
        wait(lambda: b"Watching" in (folder / "log").read_bytes())

    def deposited(self) -> int:
        """How many deposits have their receipts."""
        return sum(1 for _ in (self.home / "deposits").iterdir())

    def delays(self) -> list[float]:
        """Return the delay of each deposit."""
        return [
            (each.folder / "receipt").stat().st_mtime - Path(each.meta.path).stat().st_mtime
            for each in Vault(self.home).deposits()
        ]

    def processor_time(self) -> float:
        """Return the seconds of a core that the daemon has used."""
        fields = Path(f"/proc/{self.daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name: str) -> int:
        """Return the bytes of a field of the daemon's status: VmRSS now, VmHWM at most."""
        for line in Path(f"/proc/{self.daemon.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) << 10
        return 0


def answers(url: str) -> bool:
    """Return whether a notary answers."""
    try:
        urllib.request.urlopen(f"{url}/health", timeout=5).close()
    except OSError:
        return False
    return True


def wait(condition: object) -> None:
    """Wait until a condition holds."""
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it has not come to pass")
        time.sleep(0.1)


def rows() -> Iterator[Row]:
    """Yield the figures."""
    with ExitStack() as stack:
        place = Place(stack)
        for number in range(SINGLES):
            (place.watched / f"single-{number}.txt").write_bytes(os.urandom(SIZE))
            wait(lambda wanted=number + 1: place.deposited() >= wanted)
        single = place.delays()
        yield Row(
            "one file at a time: closed to receipt",
            f"median {statistics.median(single):.2f} s, longest {max(single):.2f} s",
            gate=f"<= {PROMISE:.0f} s",
            missed=max(single) > PROMISE,
        )
        yield idle(place, "idle daemon")
        began = time.monotonic()
        for number in range(FILES):
            (place.watched / f"{number}.txt").write_bytes(os.urandom(SIZE))
        written = time.monotonic() - began
        wait(lambda: place.deposited() >= FILES + SINGLES)
        took = time.monotonic() - began
        with ProcessPoolExecutor(CORES) as pool:
            limit = sum(pool.map(verified, range(CORES)))
        yield Row(
            f"{FILES:,} files of {SIZE:,} B at once (written in {written:.1f} s)",
            f"all deposited, {FILES / took:.0f} files/s, longest delay {max(place.delays()):.1f} s; "
            f"daemon's memory at most {place.memory('VmHWM') / (1 << 20):.0f} MiB",
            f"{limit:,.0f} Ed25519 verifications/s on {CORES} cores",
            f"{FILES / took / limit:.4f}",
            f"at least {BURST} files/s",
            FILES / took < BURST,
        )
        yield idle(place, f"idle daemon that has {FILES:,} files")


def idle(place: Place, name: str) -> Row:
    """Return what the daemon costs while nothing happens."""
    before = place.processor_time()
    began = time.monotonic()
    time.sleep(IDLE)
    share = (place.processor_time() - before) / (time.monotonic() - began)
    memory = place.memory("VmRSS")
    return Row(
        name,
        f"{100 * share:.2f} % of a core, {memory / (1 << 20):.0f} MiB",
        gate="< 1 % and < 100 MiB",
        missed=share >= IDLE_CPU or memory >= IDLE_MEMORY,
    )
