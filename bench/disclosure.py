"""Disclosure: what it costs to seal mail so that a part can be shown, and to show and check one.

Ten thousand messages of 8 KiB, 11 header fields each, are split into fields and body, committed and
sealed: as one mbox, and as a folder of files that hold one message each. Each sealing is a process of
its own, from the files' names to durable age files; its processor time counts all its threads and
children. Files lie on a memory file system where there is one. One body is then shown, with its path
and the true count of parts, and checked; the bytes are those of the opening, all that the proof needs.

Last, a real company deposits a file of 1 GiB with a real notary and discloses 8 KiB of it. What the
notary sends meanwhile is counted between the two, HTTP and the entry in the register of measures too.
"""

import json
import os
import random
import resource
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from bench.realtime import ROOT, answers, sealbook, serving, wait
from bench.row import Row, interleaved
from bench.sealing import MEMORY_FOLDER, MIB
from ledger.chain.trust import fingerprint
from ledger.company.documents import Document, SealedDeposit
from ledger.company.sealing.preparing import split_all
from ledger.company.sealing.sources import open_source
from ledger.company.sealing.to_files import seal_files
from ledger.crypto.recipients import HybridIdentity
from ledger.disk.age_files import open_payload
from ledger.evidence.manifest import Cover
from ledger.evidence.opening import content_reader, open_manifest, read_index
from ledger.evidence.partial import (
    Selection,
    format_partial,
    open_in_part,
    parse_partial,
    recompute_partial,
)
from ledger.evidence.parts import Cuts

MESSAGES = 10_000
SIZE = 8192
ROUNDS = 5
SECONDS = 3.0
PROOF = 1024
CHECKED = 0.001
LARGE = 1024 * MIB
RANGE = "bytes 500000000-500008191"
WIRE = 4 * MIB
IDENTITY = HybridIdentity(bytes(32))
DEPOSITOR = bytes(32)


def rows() -> Iterator[Row]:
    """Yield the figures."""
    base = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        mbox, letters = write_mail(folder)
        measures = [_in_child(mbox, folder), _in_child(letters, folder)]
        found: dict[Path, list[dict[str, float]]] = {mbox: [], letters: []}

        def seal(path: Path, run: Callable[[], dict[str, float]]) -> float:
            found[path].append(run())
            return found[path][-1]["seconds"]

        interleaved(
            ROUNDS,
            [
                lambda: seal(mbox, measures[0]),
                lambda: seal(letters, measures[1]),
            ],
        )
        for path, what in ((mbox, "one mbox"), (letters, f"{MESSAGES:,} files")):
            yield _sealing_row(what, found[path])
        for path, what in ((mbox, "the mbox"), (letters, f"the {MESSAGES:,} files")):
            yield from _showing_rows(what, path, folder)
        with ExitStack() as stack:
            yield _wire_row(stack, folder)


def _sealing_row(what: str, found: list[dict[str, float]]) -> Row:
    seconds, cpu, split, resident = (
        statistics.median(each[name] for each in found)
        for name in ("seconds", "cpu", "split", "resident")
    )
    return Row(
        f"seal {MESSAGES:,} messages of 8 KiB, {what}",
        f"{seconds:.2f} s, of which splitting {split:.2f} s; {resident:.0f} MiB",
        f"{cpu:.2f} s of processor",
        "",
        f"at most {SECONDS:.0f} s",
        seconds > SECONDS,
    )


def _showing_rows(what: str, path: Path, folder: Path) -> Iterator[Row]:
    deposit, _ = sealed(path, folder)
    manifest = open_manifest((folder / "manifest.age").read_bytes(), [IDENTITY], deposit.manifest)
    with open_payload(folder / "content.age", [IDENTITY]) as content:
        index = read_index(manifest, content)
        document = len(index) // 2
        bodies = [
            n for n, part in enumerate(index[document].parts, 1) if part.path.endswith("body")
        ]
        selection = Selection(document, parts=(bodies[len(bodies) // 2],))
        start = perf_counter()
        opening = open_in_part(manifest, index, [selection], deposit.commitment)
        making = perf_counter() - start
        (piece,) = opening.pieces
        cuts = Cuts(manifest.documents[document].size, index[document].cuts)
        body = content_reader(manifest, content)(document, cuts.start(piece.first - 1), piece.size)
    data = format_partial(opening)

    def check() -> float:
        start = perf_counter()
        for _ in range(100):
            shown = recompute_partial(
                parse_partial(data), DEPOSITOR, lambda _, offset, size: body[offset : offset + size]
            )
        if shown.commitment != deposit.commitment:
            raise RuntimeError("the opening does not lead to the commitment")
        return (perf_counter() - start) / 100

    (times,) = interleaved(15, (check,))
    many = len(index) > 1
    yield Row(
        f"proof of one body in {what}",
        f"{len(data):,} bytes",
        f"{len(body):,} bytes of body, made in {making:.2f} s",
        gate=f"at most {PROOF:,} bytes" if many else "",
        missed=many and len(data) > PROOF,
        aim=f"{PROOF:,} bytes",
    )
    yield Row(
        "check that proof, warm, without the receipt",
        f"{statistics.median(times) * 1e3:.2f} ms",
        gate=f"under {CHECKED * 1e3:.0f} ms",
        missed=statistics.median(times) >= CHECKED,
    )


def _wire_row(stack: ExitStack, base: Path) -> Row:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=base)))
    home, notary, request = folder / "vault", folder / "notary", folder / "bench.request"
    sealbook(
        home, "notary", "init", "--origin", "bench.example/ledger", "--issuer", "Bench",
        "--dir", notary,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    stack.enter_context(serving(folder, home, "notary", "serve", "--port", port, "--dir", notary))
    wait(lambda: answers(f"http://127.0.0.1:{port}"))
    wire = Wire(port)
    company = {**os.environ, "SEALBOOK_HOME": str(home), "PYTHONPATH": str(ROOT)}

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ledger", *map(str, arguments)],
            env=company, cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    run("init", "--notary", f"http://127.0.0.1:{wire.port}", "--name", "bench", "--no-passphrase")
    sealbook(
        home, "notary", "enroll", request, "--dir", notary, "--name", "Bench Ltd",
        "--registration", "1", "--checked-by", "bench",
        "--fingerprint", fingerprint(request.read_bytes()),
    )  # fmt: skip
    large = folder / "large.bin"
    with large.open("wb") as file:
        for _ in range(LARGE // MIB):
            file.write(os.urandom(MIB))
    run("deposit", large)
    before, start = wire.received, perf_counter()
    run("disclose", "large.bin", "--only", RANGE, "-o", folder / "case.evidence")
    read, seconds = wire.received - before, perf_counter() - start
    return Row(
        "disclose 8 KiB of a deposit of 1 GiB: the notary sends",
        f"{read / MIB:.2f} MiB, {seconds:.2f} s in all",
        f"evidence file of {(folder / 'case.evidence').stat().st_size / 1024:.0f} KiB",
        gate=f"at most {WIRE // MIB} MiB",
        missed=read > WIRE,
    )


class Wire:
    """A way to a port of this machine, which counts the bytes that come back on it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._server.accept()
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, target in ((near, far), (far, near)):
                threading.Thread(
                    target=self._carry, args=(source, target, far), daemon=True
                ).start()

    def _carry(self, source: socket.socket, target: socket.socket, far: socket.socket) -> None:
        while data := source.recv(MIB):
            if source is far:
                self.received += len(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def message(number: int, rng: random.Random) -> bytes:
    """Return a letter of `SIZE` bytes in one part, lines ended by LF as an mbox has them."""
    token = rng.randbytes(12).hex()
    host, clock = f"mx{number % 9}.example.com", f"10:{number % 60:02}"
    day = f"Mon, {number % 28 + 1} Jun 2026"
    head = (
        f"Return-Path: <lin.{number}@example.com>\n"
        f"Received: from {host} ({host} [192.0.2.{number % 250}])\n"
        f"\tby mail.example.net (Postfix) with ESMTPS id {token[:10].upper()}\n"
        f"\tfor <buyer@example.net>; Mon, {day[5:]} {clock}:07 +0800 (CST)\n"
        f"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=k1; h=from:to:subject;\n"
        f"\tbh={token}=; b={rng.randbytes(96).hex()}\n"
        f"From: Lin Wei <lin.{number}@example.com>\n"
        f"To: Buyer <buyer@example.net>\n"
        f"Subject: Offer {number} for the supply of valves\n"
        f"Date: {day} {clock}:00 +0800\n"
        f"Message-ID: <{token}@example.com>\n"
        f"MIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: 8bit\n\n"
    )
    text = rng.randbytes(SIZE // 2).hex()
    lines = "\n".join(text[at : at + 75] for at in range(0, len(text), 75))
    return (head + lines)[: SIZE - 1].encode() + b"\n"


def write_mail(folder: Path) -> tuple[Path, Path]:
    """Write the messages as an mbox and as a folder of files; return where."""
    rng = random.Random(1)
    mbox, letters = folder / "inbox.mbox", folder / "letters"
    letters.mkdir()
    with mbox.open("wb") as file:
        for number in range(MESSAGES):
            data = message(number, rng)
            file.write(b"From lin@example.com Mon Jun  1 10:00:00 2026\n" + data + b"\n")
            (letters / f"{number:05}.eml").write_bytes(data)
    return mbox, letters


def _in_child(path: Path, folder: Path) -> Callable[[], dict[str, float]]:
    def run() -> dict[str, float]:
        command = [sys.executable, "-m", "bench.disclosure", str(path), str(folder)]
        done = subprocess.run(command, check=True, capture_output=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    return run


def sealed(path: Path, folder: Path) -> tuple[SealedDeposit, dict[str, float]]:
    """Split and seal a file or a folder; return the seconds, those of the splitting by itself, and the
    processor's, which count the splitting twice."""
    begun = perf_counter()
    paths: Sequence[Path] = sorted(path.iterdir(), key=str) if path.is_dir() else [path]
    sources = [Document(open_source(each), each.name) for each in paths]
    start = perf_counter()
    split_all(sources)
    split = perf_counter()
    deposit = seal_files(
        sources,
        DEPOSITOR,
        [IDENTITY.recipient()],
        Cover("bench"),
        folder / "manifest.age",
        folder / "content.age",
        secrets.token_bytes,
    )
    end = perf_counter()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return deposit, {
        "split": split - start,
        "seconds": end - split + start - begun,
        "cpu": sum(each.ru_utime + each.ru_stime for each in used),
        "resident": used[0].ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(sealed(Path(sys.argv[1]), Path(sys.argv[2]))[1]))
