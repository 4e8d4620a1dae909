"""Mail at a steady rate through the journal: DATA's end to 250, and to the receipt.

`RATE` messages of `SIZE` bytes a second, for `SECONDS`, by smtplib from a process of its own, into a
real `sealbook mail --listen` beside a real notary, all on this machine's cores. Each message is sealed,
signed, durable before 250, uploaded, entered, and its receipt verified and filed. The time to the
receipt ends where the vault has filed it.
"""

import json
import os
import queue
import random
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.row import Row
from bench.service import SERVICE, running
from ledger.chain.trust import fingerprint

RATE = 50
SIZE = 70_000
SECONDS = float(os.environ.get("SEALBOOK_BENCH_MAIL_SECONDS", "60"))
"""How long the load lasts; the promise is for 60."""
CONNECTIONS = 8
ACCEPTED, RECEIPT = 0.2, 3.0
"""Gates: seconds from the end of DATA to 250, and to the receipt, for 99 of 100 messages."""
PATIENCE = 60.0


def rows() -> Iterator[Row]:
    """Yield the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = measure(folder, RATE, SECONDS)
    accepted, receipts = found["accepted"], found["receipts"]
    what = f"mail, {RATE}/s of {SIZE // 1000} kB for {SECONDS:.0f} s, {len(accepted)} messages"
    lost = len(accepted) - len(receipts)
    for name, values, limit in (
        ("end of DATA to 250", accepted, ACCEPTED),
        ("end of DATA to receipt", receipts, RECEIPT),
    ):
        p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
        yield Row(
            f"{what}: {name}",
            f"p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms, longest {1000 * max(values):.0f} ms",
            gate=f"p99 < {1000 * limit:.0f} ms, none lost",
            missed=p99 >= limit or lost > 0 or found["failed"] > 0,
        )
    yield Row(
        f"{what}: sent",
        f"{found['rate']:.1f}/s, {lost} without a receipt, {found['failed']} failed",
    )


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(folder: Path, rate: float, seconds: float) -> dict:
    """Run notary, journal and load; return the delays in seconds."""
    home = folder / "company" / "vault"
    home.parent.mkdir()
    sealbook = [sys.executable, "-m", "ledger"]
    env = {**os.environ, "SEALBOOK_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1])}

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [*sealbook, *map(str, arguments)],
            cwd=home.parent, env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    directory = folder / "notary"
    run(
        "notary",
        "init",
        "--origin",
        "bench.example/ledger",
        "--issuer",
        "Bench",
        "--dir",
        directory,
    )
    with running(SERVICE, directory) as notary, ExitStack() as stack:
        run("init", "--notary", f"http://127.0.0.1:{notary}", "--name", "acme", "--no-passphrase")
        run(
            "notary", "enroll", home.parent / "acme.request", "--dir", directory, "--name", "Acme",
            "--registration", "1", "--checked-by", "bench",
            "--fingerprint", fingerprint((home.parent / "acme.request").read_bytes()),
        )  # fmt: skip
        port = _free_port()
        daemon = subprocess.Popen(
            [*sealbook, "mail", "--listen", f"127.0.0.1:{port}", "--no-dns", "--json"],
            cwd=home.parent, env=env, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(daemon.wait)
        stack.callback(daemon.terminate)
        _answers(port)
        load = subprocess.run(
            [sys.executable, "-m", "bench.mail", str(port), str(rate), str(seconds)],
            cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True,
        )  # fmt: skip
        sent: dict[str, tuple[float, float]] = json.loads(load.stdout)
        until = time.time() + PATIENCE
        while any((home / "spool").glob("2*")) and time.time() < until:
            time.sleep(0.1)
    filed = {
        each.name.rpartition("-")[2]: (each / "receipt").stat().st_mtime
        for each in (home / "deposits").iterdir()
    }
    good = {name: times for name, times in sent.items() if not name.startswith("failed")}
    return {
        "accepted": [after - before for before, after in good.values()],
        "receipts": [filed[name] - good[name][0] for name in good if name in filed],
        "failed": len(sent) - len(good),
        "rate": len(good) / seconds,
    }


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> None:
    for _ in range(300):
        try:
            smtplib.SMTP("127.0.0.1", port, timeout=5).quit()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the journal does not answer")


def load(port: int, rate: float, seconds: float) -> dict[str, tuple[float, float]]:
    """Send messages at a rate; return, by the id in the answer, when DATA ended and 250 came."""
    body = random.Random(1).randbytes(SIZE).hex()
    lines = "\r\n".join(body[i : i + 76] for i in range(0, SIZE, 76))
    due: queue.Queue[int | None] = queue.Queue()
    sent: dict[str, tuple[float, float]] = {}

    def sender() -> None:
        client = smtplib.SMTP("127.0.0.1", port, timeout=60)
        client.ehlo("load.example")
        while (number := due.get()) is not None:
            head = f"From: a@example.com\r\nTo: b@example.net\r\nMessage-ID: <{number}@example.com>"
            message = f"{head}\r\nSubject: letter {number}\r\n\r\n{lines}\r\n".encode()
            client.mail("a@example.com")
            client.rcpt("b@example.net")
            client.putcmd("data")
            client.getreply()
            client.send(message + b".\r\n")
            before = time.time()
            code, answer = client.getreply()
            after = time.time()
            name = answer.decode().rpartition(" ")[2] if code == 250 else f"failed {number}"
            sent[name] = before, after
        client.quit()

    threads = [threading.Thread(target=sender) for _ in range(CONNECTIONS)]
    for each in threads:
        each.start()
    start = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        due.put(number)
    for _ in threads:
        due.put(None)
    for each in threads:
        each.join()
    return sent


if __name__ == "__main__":
    print(json.dumps(load(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))))
