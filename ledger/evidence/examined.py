"""The process that `ledger.evidence.examining` starts: evidence files in, reports out.

    request = trust file, evidence file, inspection records or nothing
                                                 each after its size in 4 bytes, big-endian
    answer  = JSON after its size in 4 bytes
            = { "deposits": [[key, leaf, report]], "matters": [matter] }      hashes in hexadecimal
            / { "refused": an error's code, "detail": its sentence }

It is there to be killed. Before it computes, it counts what there is to compute; deposits come first.
"""

import json
import os
import sys
from io import BytesIO
from typing import Any

from ledger.chain.inspection import parse_inspections
from ledger.chain.trust import parse_trust
from ledger.errors import SealbookError, TooLarge
from ledger.evidence.check import check_disclosed
from ledger.evidence.file import read_evidence
from ledger.evidence.manifest import Manifest
from ledger.evidence.partial import PartialOpening
from ledger.evidence.partial.views import PartOfView
from ledger.limits import limit

MAX_OPENINGS = 1 << 19
"""Bytes that the openings of a file have together: some 2,500 documents, 50 MB in memory at worst."""
MAX_DEPOSITS = 100
"""Deposits in a file: a millisecond each for the receipt alone, and three for its proofs."""
MAX_DOCUMENTS = 2_500
"""Documents that are shown in all: a tenth of a millisecond each, for three small trees."""
MAX_LEAVES = 50_000
"""Leaves and parts that are shown in all: five microseconds each."""
MEMORY = 1 << 30
"""Bytes of address space."""
_NICE = 5
"""A third of what another process gets where both want the processor."""
SECONDS = 10
"""Of processor time for a file; what is within the bounds above takes one."""


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    # A crash must not leave what was disclosed in a core dump.
    limit("RLIMIT_CORE", 0)
    limit("RLIMIT_FSIZE", 0)
    limit("RLIMIT_AS", MEMORY)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    while head := requests.read(4):
        trust = requests.read(int.from_bytes(head, "big"))
        data = requests.read(int.from_bytes(requests.read(4), "big"))
        beside = requests.read(int.from_bytes(requests.read(4), "big"))
        used = os.times()
        limit("RLIMIT_CPU", int(used.user + used.system) + SECONDS)
        answer = json.dumps(_answer(trust, data, beside), separators=(",", ":")).encode()
        answers.write(len(answer).to_bytes(4, "big") + answer)
        answers.flush()


def _answer(trust: bytes, data: bytes, beside: bytes) -> dict[str, Any]:
    try:
        return examine(trust, data, beside)
    except MemoryError:
        return _refusal(
            TooLarge("The evidence file takes more memory than the service has for it.")
        )
    except SealbookError as error:
        return _refusal(error)


def _refusal(error: SealbookError) -> dict[str, Any]:
    return {"refused": error.code, "detail": str(error)}


def examine(trust_file: bytes, data: bytes, beside: bytes = b"") -> dict[str, Any]:
    """Return the answer to a request. Raises InvalidInput, TooLarge before anything is computed."""
    trust = parse_trust(trust_file)
    inspections = parse_inspections(beside) if beside else ()
    disclosed = read_evidence(BytesIO(data), MAX_OPENINGS, MAX_DEPOSITS)
    documents = leaves = 0
    for each in disclosed:
        more_documents, more_leaves = _work(each.opening)
        documents += more_documents
        leaves += more_leaves
    for what, count, most in (
        ("documents", documents, MAX_DOCUMENTS),
        ("leaves and parts", leaves, MAX_LEAVES),
    ):
        if count > most:
            raise TooLarge(
                f"The evidence file shows {count} {what}, and the service checks {most} at once; "
                "check it with `sealbook verify`."
            )
    return check_disclosed(disclosed, trust, inspections).as_dict()


def _work(opening: Manifest | PartialOpening | None) -> tuple[int, int]:
    """Return how many documents an opening shows, and how many leaves and parts."""
    if opening is None:
        return 0, 0
    if isinstance(opening, Manifest):
        counts = (record.leaves + record.parts for record in opening.documents)
        return len(opening.documents), sum(counts)
    named = sum(
        len(view.leaves)
        for each in opening.documents
        for view in (each.structure, each.metadata)
        if isinstance(view, PartOfView)
    )
    return len(opening.documents), named + sum(piece.count for piece in opening.pieces)


if __name__ == "__main__":
    main()
