"""Finding in a vault of many deposits: whole cold commands, beside `sealbook --version`.

One deposit is real, with a notary; the others are written into the vault's folder as files, under the
names and in the forms that the vault gives them, signed by nobody. The commands are taken in turn with
the one that does nothing, and one measure has the folder of deposits changed before each run.
"""

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.row import Row, interleaved, ratio
from bench.service import SERVICE, running
from ledger.chain.statement import Deposit, Matter, Payload, format_deposit, parse_statement
from ledger.chain.trust import fingerprint
from ledger.company.vault.stored import Meta, folder_name, format_meta
from ledger.company.vault.vault import Vault
from ledger.crypto.keys import SigningKey

DEPOSITS = int(os.environ.get("SEALBOOK_BENCH_DEPOSITS", "100000"))
ROUNDS = 5
NEWEST, FIND = 0.5, 1.0
"""Gates: seconds of a whole command on a quiet machine."""
QUIET = 0.055
"""Seconds of `sealbook --version` on a quiet machine; on a busy one the gates are as much longer."""
BEGUN = 1_700_000_000
_LINKS = 30_000
"""Names that a file gets: file systems have a limit."""
_WHAT = ("合同", "报价单", "specification", "Nanjing minutes", "工艺参数", "letter")


class _Nobody(SigningKey):
    """A key that signs with zeros: nothing of these deposits is verified."""

    def sign(self, message: bytes) -> bytes:  # noqa: ARG002
        return bytes(64)


@dataclass(frozen=True, slots=True)
class Place:
    """A company's vault, and the folder that its commands run in."""

    home: Path
    folder: Path

    def seconds(self, *arguments: object) -> float:
        """Return how long a command takes."""
        env = {**os.environ, "SEALBOOK_HOME": str(self.home), "PYTHONPATH": str(_ROOT)}
        before = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "ledger", *map(str, arguments)],
            cwd=self.folder, env=env, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        return time.perf_counter() - before


_ROOT = Path(__file__).parents[1]


def fill(home: Path, count: int) -> None:
    """Write deposits into a vault; every tenth is in one matter, each other in a matter of its own."""
    vault, key, shared = Vault(home), _Nobody(bytes(32)), secrets.token_bytes(16)
    origin, account = vault.config.origin, vault.config.account
    receipt = home / "receipt"
    for number in range(count):
        if number % _LINKS == 0:
            receipt.unlink(missing_ok=True)
            receipt.write_bytes(b"none")
        sealed = BEGUN + 60 * number
        inside = (shared, number // 10 + 1) if number % 10 == 0 else (secrets.token_bytes(16), 1)
        previous = None if inside[1] == 1 else bytes(32)
        deposit = Deposit(
            origin,
            secrets.token_bytes(32),
            None,
            Payload(500, bytes(32)),
            Matter(*inside, previous),
        )
        statement = parse_statement(format_deposit(deposit, account, key, sealed))
        title = f"{_WHAT[number % len(_WHAT)]} {number}.pdf"
        meta = Meta(
            path=f"/srv/papers/{number % 97}/{title}", title=title, sealed=sealed, size=1000 + number,
            documents=1, matter="Supply LY-40" if number % 10 == 0 else None,
        )  # fmt: skip
        folder = home / "deposits" / folder_name(statement, sealed)
        folder.mkdir(mode=0o700)
        (folder / "statement").write_bytes(statement.encoded)
        (folder / "meta.json").write_bytes(format_meta(meta))
        os.link(receipt, folder / "receipt")
    receipt.unlink(missing_ok=True)


def rows() -> Iterator[Row]:
    """Yield the figures."""
    with ExitStack() as stack:
        place = _set_up(stack)
        fill(place.home, DEPOSITS)
        made = place.seconds("list")
        yield Row(f"the catalogue of {DEPOSITS:,} deposits, made once", f"{made:.1f} s")
        time.sleep(3)
        moved = next((place.home / "deposits").glob("2023*"))
        outputs = iter(range(1_000_000))

        def changed() -> float:
            moved.rename(place.home / moved.name)
            (place.home / moved.name).rename(moved)
            return place.seconds("list")

        found = DEPOSITS // 2
        measures: dict[str, tuple[Callable[[], float], float | None]] = {
            "newest page": (lambda: place.seconds("list"), NEWEST),
            "newest page, the folder of deposits changed": (changed, NEWEST),
            "a find: two words": (lambda: place.seconds("list", "报价", found), FIND),
            "a find: a word that a sixth of all have": (
                lambda: place.seconds("list", "合同"),
                FIND,
            ),
            "a find: a matter's papers by title": (
                lambda: place.seconds("list", "--matter", "Supply LY-40", "--sort", "title"),
                FIND,
            ),
            "show": (lambda: place.seconds("show", "needle.txt"), None),
            "receipt": (lambda: place.seconds("receipt", "needle.txt", "-o", "out"), None),
            "parts": (lambda: place.seconds("parts", "needle.txt"), None),
            "open": (lambda: place.seconds("open", "needle.txt", "-o", f"o{next(outputs)}"), None),
            "disclose": (
                lambda: place.seconds("disclose", "needle.txt", "-o", f"{next(outputs)}.evidence"),
                None,
            ),
            "matter list": (lambda: place.seconds("matter", "list"), None),
            "measure list": (lambda: place.seconds("measure", "list"), None),
            "status": (lambda: place.seconds("status"), None),
        }
        nothing, *taken = interleaved(
            ROUNDS,
            [lambda: place.seconds("--version"), *(measure for measure, _ in measures.values())],
        )
        base = statistics.median(nothing)
        for (name, (_, gate)), times in zip(measures.items(), taken, strict=True):
            middle, times_longer = statistics.median(times), ratio(times, nothing)
            yield Row(
                f"{DEPOSITS:,} deposits: {name}",
                f"{1000 * middle:.0f} ms",
                f"`sealbook --version` {1000 * base:.0f} ms",
                f"{times_longer:.1f}",
                gate=f"<= {1000 * gate:.0f} ms, or {gate / QUIET:.0f} times" if gate else "",
                missed=gate is not None and middle > gate and times_longer > gate / QUIET,
            )


def _set_up(stack: ExitStack) -> Place:
    """Return a company with one real deposit, beside a notary that runs until the stack ends."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    directory, company = folder / "notary", folder / "company"
    company.mkdir()
    place = Place(company / "vault", company)
    place.seconds(
        "notary",
        "init",
        "--origin",
        "bench.example/ledger",
        "--issuer",
        "Bench",
        "--dir",
        directory,
    )
    notary = stack.enter_context(running(SERVICE, directory))
    place.seconds(
        "init", "--notary", f"http://127.0.0.1:{notary}", "--name", "acme", "--no-passphrase"
    )
    request = company / "acme.request"
    place.seconds(
        "notary", "enroll", request, "--dir", directory, "--name", "Acme", "--registration", "1",
        "--checked-by", "bench", "--fingerprint", fingerprint(request.read_bytes()),
    )  # fmt: skip
    (company / "needle.txt").write_text("a letter\n\nof two paragraphs\n")
    place.seconds("deposit", "needle.txt")
    return place
