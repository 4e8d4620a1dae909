"""Sealing one file of 1 GiB against what the machine can do and against `age`, in one interleaved run.

*floor*: one ChaCha20-Poly1305 pass and two SHA-256 passes over a buffer that stays in the cache, on all
cores, nothing read or written. *age*: `age -r` from file to file. *seal*: read, commit, encrypt, hash
the payload, write and sync, in a process of its own with those that it starts, of which the largest
resident memory is reported. Files lie on a memory file system where there is one, so that no disk is
measured.
"""

import json
import os
import resource
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from bench.row import Row, interleaved, ratio
from ledger.company.documents import Document
from ledger.company.sealing.sources import open_source
from ledger.company.sealing.to_files import seal_files
from ledger.crypto.recipients import HybridIdentity, X25519Identity
from ledger.crypto.stream import CHUNK, ENC_CHUNK
from ledger.evidence.manifest import Cover

MIB = 1 << 20
SIZE = 1024 * MIB
ROUNDS = 7
FLOOR_GATE, AGE_GATE, RESIDENT_GATE_MIB = 0.65, 0.5, 128
_PROCESSES = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
MEMORY_FOLDER = Path("/dev/shm")


def rows() -> Iterator[Row]:
    """Yield the figures."""
    base = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        source = folder / "source"
        with source.open("wb") as file:
            for _ in range(SIZE // MIB):
                file.write(os.urandom(MIB))
        resident: list[float] = []

        def seal() -> float:
            seconds, mib = seal_in_child(source, folder)
            resident.append(mib)
            return seconds

        seal()  # touches memory that the machine has not used before, which costs it more than sealing
        measures = [floor, seal]
        if shutil.which("age"):
            measures.append(lambda: age(source, folder))
        floors, sealed, *other = interleaved(ROUNDS, measures)
    share = ratio(floors, sealed)
    yield _row("seal 1 GiB", sealed, f"crypto alone {_speed(floors)}", share, FLOOR_GATE)
    for aged in other:
        share = ratio(aged, sealed)
        yield _row("seal 1 GiB", sealed, f"`age -r` {_speed(aged)}", share, AGE_GATE)
    most = max(resident)
    gate, missed = f"at most {RESIDENT_GATE_MIB} MiB", most > RESIDENT_GATE_MIB
    yield Row("resident while sealing 1 GiB", f"{most:.0f} MiB", "", "", gate, missed)


def floor() -> float:
    """Return the seconds that the cryptography alone takes on all cores."""
    workers = os.cpu_count() or 1

    def work() -> None:
        cipher, nonce = ChaCha20Poly1305(bytes(32)), bytes(12)
        plain, out = bytearray(CHUNK), bytearray(ENC_CHUNK)
        for _ in range(SIZE // CHUNK // workers):
            cipher.encrypt_into(nonce, plain, None, out)
            sha256(plain).digest()
            sha256(out).digest()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - start


def age(source: Path, folder: Path) -> float:
    """Return the seconds that `age -r` takes."""
    recipient = str(X25519Identity(bytes(32)).recipient())
    target = folder / "age.age"
    start = perf_counter()
    subprocess.run(["age", "-r", recipient, "-o", target, source], check=True)
    seconds = perf_counter() - start
    target.unlink()
    return seconds


def seal_in_child(source: Path, folder: Path) -> tuple[float, float]:
    """Seal in a process of its own; return its seconds, and MiB resident at most."""
    command = [sys.executable, "-m", "bench.sealing", str(source), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True)
    (folder / "content.age").unlink()
    seconds, resident = json.loads(done.stdout)
    return seconds, resident


def _seal(source: Path, folder: Path) -> tuple[float, float]:
    start = perf_counter()
    seal_files(
        [Document(open_source(source), source.name)],
        bytes(32),
        [HybridIdentity(bytes(32)).recipient()],
        Cover("bench"),
        folder / "manifest.age",
        folder / "content.age",
        secrets.token_bytes,
    )
    seconds = perf_counter() - start
    most = max(resource.getrusage(who).ru_maxrss for who in _PROCESSES)
    return seconds, most / 1024


def _speed(times: tuple[float, ...]) -> str:
    return f"{SIZE / MIB / statistics.median(times):.0f} MiB/s"


def _row(figure: str, times: tuple[float, ...], limit: str, share: float, gate: float) -> Row:
    return Row(figure, _speed(times), limit, f"{share:.2f}", f"at least {gate}", share < gate)


if __name__ == "__main__":
    print(json.dumps(_seal(Path(sys.argv[1]), Path(sys.argv[2]))))
