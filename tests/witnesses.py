"""Witnesses as processes of their own, for whoever needs a quorum."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.note import format_vkey
from ledger.witness.witness import Witness, init_witness
from tests.processes import Program


@dataclass(frozen=True)
class Served:
    """A running witness. `vkeys` are Ed25519 and ML-DSA-44."""

    name: str
    url: str
    vkeys: tuple[str, str]
    directory: Path
    process: "subprocess.Popen[str]"


@contextmanager
def serving(directory: Path, logs: Sequence[str], count: int = 3) -> Iterator[list[Served]]:
    """Run witnesses w1, w2, ... in `directory`, which watch the log of these verifier keys."""
    served: list[Served] = []
    try:
        for number in range(1, count + 1):
            witness = init_witness(directory / f"w{number}", f"witness.example/w{number}")
            for each in logs:
                witness.add(each)
            served.append(serve(witness))
        yield served
    finally:
        for one in served:
            one.process.kill()
            one.process.wait()


def serve(witness: Witness) -> Served:
    """Start the process of a witness that is founded."""
    process = Program(
        ["-m", "ledger", "witness", "serve", witness.directory, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None, "the witness does not start"
    ed25519, ml_dsa = map(format_vkey, witness.verifiers)
    return Served(witness.name, found[0], (ed25519, ml_dsa), witness.directory, process)
