"""Files and rows are damaged: `fsck` says so, or nothing that anybody was given changes."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psycopg
import pytest
from psycopg import sql

from ledger.errors import SealbookError
from ledger.notary.care.fsck import fsck
from tests.faults.test_faults import ROUNDS, SEED, Engines, Place, engines, require_sound

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]
__all__ = ["engines"]
ROWS = ("entries", "keys", "checkpoints")
"""Tables in which bytes are changed."""


@pytest.mark.parametrize("engine", ["embedded", "postgres"])
def test_what_is_damaged_is_found_or_does_not_matter(
    engines: Engines, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ends: Counter[str] = Counter()
    for seed in range(SEED, SEED + ROUNDS):
        rng, place = Random(seed), engines.place(engine, seed)
        rows = engine == "postgres" and rng.random() < 0.3
        what = _change_row(place, rng) if rows else _change_file(place, rng)
        try:
            ends[_judged(place)] += 1
        except BaseException:
            with capsys.disabled():
                print(f"\nSEALBOOK_SOAK_SEED={seed}: {engine}, {what}")  # noqa: T201
            raise
        shutil.rmtree(place.work)
    with capsys.disabled():
        print(f"\n{ROUNDS} damages, {engine}, from seed {SEED}: {dict(sorted(ends.items()))}")  # noqa: T201


def _files(directory: Path) -> Iterator[Path]:
    for each in sorted(directory.rglob("*")):
        if each.is_file() and each.stat().st_size:
            yield each


def _change_file(place: Place, rng: Random) -> str:
    path = rng.choice(list(_files(place.directory)))
    data, how = path.read_bytes(), rng.choice(("bit", "cut", "zeros", "more", "gone"))
    at = rng.randrange(len(data))
    match how:
        case "bit":
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case "cut":
            data = data[:at]
        case "zeros":
            data = data[:at] + bytes(min(512, len(data) - at)) + data[at + 512 :]
        case "more":
            data += rng.randbytes(7)
    path.unlink() if how == "gone" else path.write_bytes(data)
    return f"{path.relative_to(place.directory)}: {how} at {at}"


def _change_row(place: Place, rng: Random) -> str:
    """Flip a bit of a random row, as a server's disk might."""
    table = rng.choice(ROWS)
    with psycopg.connect(place.database, autocommit=True) as connection:
        connection.execute("SET search_path = sealbook")
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
            "AND table_schema = 'sealbook' AND data_type = 'bytea' ORDER BY 1",
            (table,),
        ).fetchall()
        name, column = sql.Identifier(table), sql.Identifier(rng.choice(columns)[0])
        (rows,) = connection.execute(
            sql.SQL("SELECT count(*) FROM {}").format(name)
        ).fetchone() or (0,)
        at, part = rng.randrange(rows), rng.random()
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(name))
        connection.execute(
            sql.SQL(
                "UPDATE {0} SET {1} = set_byte({1}, floor(%s * length({1}))::int, "
                "get_byte({1}, floor(%s * length({1}))::int) # 1) "
                "WHERE ctid = (SELECT ctid FROM {0} OFFSET %s LIMIT 1)"
            ).format(name, column),
            (part, part, at),
        )
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER ALL").format(name))
    return f"{table}, row {at}"


def _judged(place: Place) -> str:
    try:
        found = fsck(place.directory, ciphertext=True)
    except SealbookError:
        return "refused"
    if any(each.level == "error" for each in found):
        return "found"
    require_sound(place)
    return "does not matter"
