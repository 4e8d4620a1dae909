"""Evidence records and matters: what lies beside a file, and what its receipts show together."""

import hashlib
import random
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger.chain.renewal.record import EvidenceRecord, format_record
from ledger.chain.renewal.renewing import plan_renewal, renew
from ledger.chain.renewal.tree import Tree
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import parse_token
from ledger.chain.trust import Trust, format_trust
from ledger.crypto import der
from ledger.crypto.keys import SigningKey
from ledger.evidence.howto import HOWTO
from tests.core.test_matter import OTHER_ID, chained
from tests.core.test_renewed import DAY, ROOTS, UNITS
from tests.core.test_renewed import _year as year
from tests.disclosed import members_of, zipped
from tests.forge import forged
from tests.notaries import Company, deposit, found, opened
from tests.page.changing import changed_bytes
from tests.page.files import Case, bases
from tests.simulator import NOW

FOREIGN = sorted((Path(__file__).parents[1] / "vectors/evidence-records").glob("*.er*"))


def _trusting(trust: Trust) -> Trust:
    authorities = [Authority(f"Authority {number}", root.der) for number, root in ROOTS.items()]
    return replace(trust, authorities=tuple(authorities))


def record_over(rng: random.Random, data: bytes) -> EvidenceRecord:
    """A record over `data` of one to four archive timestamps, mostly a good one."""
    record: EvidenceRecord | None = None
    time = year(2027) + rng.randrange(DAY)
    for _ in range(rng.randint(1, 4)):
        renewal = plan_renewal(record, hashlib.sha512(data).digest(), hash_tree=rng.random() < 0.3)
        unit = UNITS[min(3, (time - year(2026)) // (10 * 366 * DAY))]
        branch, stamped = b"", renewal.leaf
        if rng.random() < 0.5:
            tree = Tree(
                "sha512",
                [renewal.leaf, *(rng.randbytes(64) for _ in range(rng.randint(1, 5)))],
                bytes(32),
            )
            branch, stamped = dict(tree.branches())[renewal.leaf], tree.root
        token = parse_token(forged(stamped, unit, time, algorithm="sha512"))
        record = renew(renewal, branch, token)
        time += rng.choice((DAY, 366 * DAY, 9 * 366 * DAY, 11 * 366 * DAY))
    assert record is not None
    return record


def changed_record(rng: random.Random, record: EvidenceRecord) -> bytes:
    """A record with a byte, a timestamp, a hash or a name of a hash function changed."""
    chains = [list(chain) for chain in record.chains]
    chain = rng.choice(chains)
    at = rng.randrange(len(chain))
    match rng.randrange(8):
        case 0 if len(chain) > 1:
            del chain[at]
        case 1:
            chain.insert(at, chain[at])
        case 2:
            chains.reverse()
        case 3:
            return format_record(replace(record, algorithms=record.algorithms[1:]))
        case 4:
            return format_record(
                replace(record, infos=(der.encode(der.context(rng.randrange(3)), b""),))
            )
        case 5:
            old = chain[at]
            new = (
                changed_bytes(rng, old.reduced)
                if old.reduced
                else der.sequence(der.encode(der.OCTET_STRING, bytes(64)))
            )
            algorithm = der.read(old.identifier).content
            raw = der.sequence(
                der.encode(der.context(0), algorithm),
                der.encode(der.context(2), new),
                old.token.der,
            )
            chain[at] = replace(old, raw=raw)
        case _:
            return changed_bytes(rng, format_record(record))
    return format_record(replace(record, chains=tuple(map(tuple, chains))))


def record_case(rng: random.Random, number: int) -> Case:
    """A file or a receipt, and a record beside it."""
    name, (data, trust) = rng.choice(sorted(bases().items()))
    if rng.random() < 0.3:
        data = members_of(data)[1][1]
    stamped = rng.choice([data] * 6 + [data + b"\0"])
    record = record_over(rng, stamped)
    at = rng.choice((None, None, NOW, year(2030), year(2045), year(2058)))
    if rng.random() < 0.1:
        encoded = rng.choice(FOREIGN).read_bytes()
    else:
        encoded = format_record(record) if rng.random() < 0.25 else changed_record(rng, record)
    return Case(f"record {number} of {name}", data, format_trust(_trusting(trust)), encoded, at)


@cache
def _papers() -> tuple[bytes, list[bytes]]:
    """A trust file, and receipts of two matters and of another account's under the same id."""
    with TemporaryDirectory() as folder, opened(found(Path(folder) / "n")) as notary:
        company = Company().enrol(notary)
        stranger = Company(SigningKey(b"\7" * 32), SigningKey(b"\6" * 32)).enrol(notary)
        first = deposit(notary, [*chained(company, 5), *chained(stranger, 3)])
        second = deposit(notary, [*chained(company, 4, OTHER_ID), *company.statements(1)])
        return notary.trust, [*first, *second]


def matter_case(rng: random.Random, number: int) -> Case:
    """A file of receipts alone, of one matter and of several."""
    trust, papers = _papers()
    chosen = [rng.choice(papers) for _ in range(rng.randint(1, 9))]
    members = [(f"{n}/deposit.receipt", each) for n, each in enumerate(chosen, 1)]
    return Case(f"matter {number}", zipped([("HOWTO.txt", HOWTO.encode()), *members]), trust)
