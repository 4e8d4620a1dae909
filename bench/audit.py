"""Audit of a mirror of 10^6 entries, beside a loop that hashes its leaves and nodes.

The mirror is written here: blocks of 1,000 entries, signed by both keys of the log. Its entries are 400
bytes each; the audit reads tiles and blocks, as a stranger without a credential does. Each audit is a
process of its own, so that its memory is its own.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from time import process_time

from bench.row import Row, interleaved, ratio
from ledger.auditor.mirror import Mirror
from ledger.chain import statement as st
from ledger.chain.block import GENESIS_PREVIOUS, Block, block_payload, note_digest
from ledger.chain.blockpage import BLOCKS_PAGE, SignedBlock
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.tiles import TileEdge
from ledger.chain.trust import format_trust
from ledger.crypto.merkle import leaf_hash
from tests.simulator import NOW, Office, nonce

ENTRIES, IN_A_BLOCK, BYTES = 1_000_000, 1_000, 400
ROUNDS = 3
MOST_MEMORY = 512 << 20


def rows() -> Iterator[Row]:
    """Yield the figures."""
    office = Office()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(office, folder / "mirror")
        (folder / "t.trust").write_bytes(format_trust(office.trust()))
        memory: list[int] = []

        def audit() -> float:
            command = [sys.executable, "-m", "bench.audit", os.fspath(folder)]
            seconds, most = json.loads(subprocess.check_output(command))
            memory.append(most)
            return float(seconds)

        audits, loops = interleaved(ROUNDS, (audit, _hash_all))
    most = max(memory)
    times = ratio(audits, loops)
    yield Row(
        f"audit of {ENTRIES:,} entries in {ENTRIES // IN_A_BLOCK:,} blocks, from a mirror",
        f"{min(audits):.1f} s of processor",
        f"hashing leaves and nodes {min(loops):.2f} s",
        f"{times:.1f}",
        "at most 8",
        times > 8,
    )
    yield Row(
        "memory of that audit",
        f"{most >> 20} MiB",
        gate=f"at most {MOST_MEMORY >> 20} MiB",
        missed=most > MOST_MEMORY,
    )


def _hash_all() -> float:
    """Return the processor's seconds for the hashes of a tree of this size, and no more than that."""
    entry = bytes(BYTES + 1)
    start = process_time()
    row = [sha256(entry).digest() for _ in range(ENTRIES)]
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [sha256(b"\1" + left + right).digest() for left, right in pairs]
    return process_time() - start


def _write(office: Office, folder: Path) -> None:
    mirror, edge = Mirror(folder), TileEdge(lambda *_: b"")
    page: list[SignedBlock] = []
    previous, filler = GENESIS_PREVIOUS, bytes(BYTES)
    height = 0
    while edge.size < ENTRIES:
        start, size = edge.size, 1 if height == 0 else min(ENTRIES, edge.size + IN_A_BLOCK)
        record = office.say(
            st.BLOCK,
            block_payload(
                Block(
                    office.origin, nonce(f"{height}"), height, start, size, NOW, previous, (), None
                )
            ),
        )
        entries = (leaf_hash(filler + n.to_bytes(8, "big")) for n in range(start + 1, size))
        mirror.tiles(edge.extend([leaf_hash(record), *entries]))
        checkpoint = Checkpoint(office.origin, size, edge.root())
        note = sign_checkpoint(checkpoint, office.log, office.ml_dsa, NOW)
        previous = note_digest(note)
        page.append(SignedBlock(record, note))
        if len(page) == BLOCKS_PAGE or size == ENTRIES:
            mirror.blocks(height, page)
            page = []
        height += 1
    mirror.publish(edge, note)


def _audited(folder: Path) -> None:
    from ledger.auditor.audit import Audit
    from ledger.auditor.sources import Folder
    from ledger.chain.trust import parse_trust

    trust = parse_trust((folder / "t.trust").read_bytes())
    start = process_time()
    found = Audit(Folder(folder / "mirror"), trust).run()
    assert found.size == ENTRIES
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([process_time() - start, most]))


if __name__ == "__main__":
    _audited(Path(sys.argv[1]))
