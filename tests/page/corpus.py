"""What both verifiers are asked: golden files, kept differences, and changed ones, seeded.

write(folder, cases)     # the files, each by its hash, and cases.jsonl: case and verdict, a line each
comparable(verdict)      # a verdict without what may differ: reasons and other texts
"""

import copy
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from ledger.chain.trust import parse_trust
from ledger.errors import MalformedData
from tests.certificates import YEAR
from tests.formats.test_document import stored
from tests.page import evidence_corpus, files, inspection_corpus, receipt_corpus
from tests.page.files import Case
from tests.simulator import NOW

KEPT = Path(__file__).parent / "cases"
RECEIPTS, EVIDENCE, INSPECTIONS, DOUBTED = 1_200, 900, 60, 120
SEED = 20_261_129
_HASH = re.compile("[0-9a-f]{64}")
_TEXTS = ("left_out", "record_left_out", "record_refused")
"""Facts that are lists of reasons."""


def golden() -> Iterator[Case]:
    """Yield the golden receipts, evidence and trust files, those that a verifier must refuse too."""
    files = stored()
    trust, receipt = files["notary.trust"], files["deposit-1.receipt"]
    for name, data in sorted(files.items()):
        if name.endswith(".trust"):
            yield Case(name, receipt, data)
        elif name.endswith((".receipt", ".evidence")):
            yield Case(name, data, trust)


def kept() -> Iterator[Case]:
    """Yield the cases that the two verifiers once answered differently (`tests/page/make_cases.py`)."""
    for folder in sorted(KEPT.iterdir()):
        at = folder / "at"
        yield Case(
            folder.name,
            (folder / "file").read_bytes(),
            (folder / "trust").read_bytes(),
            at=int(at.read_text()) if at.exists() else None,
        )


def changed(part: int = 0, parts: int = 1, *, seed: int = SEED) -> Iterator[Case]:
    """Yield one of `parts` equal parts of the changed files, over 2,000 in all."""
    receipts = receipt_corpus.cases(seed + part, RECEIPTS // parts)
    evidence = evidence_corpus.cases(seed + part, EVIDENCE // parts)
    return chain(receipts, evidence)


def doubted(*, seed: int = SEED) -> Iterator[Case]:
    """Yield receipts of which a hash function is doubted, from days around their tokens' on."""
    times = (0, NOW, NOW + 3 * YEAR, 2**53)
    names = ("sha256", "sha384", "sha512")
    for n, case in enumerate(receipt_corpus.cases(seed, DOUBTED)):
        name, other = names[n % 3], names[n % 2]
        doubts = ((name, times[n % 4]),) + ((other, times[n % 3]),) * (n % 5 == 0)
        yield replace(case, doubts=doubts)


def inspected(*, seed: int = SEED) -> Iterator[Case]:
    """Yield files with inspection records beside them: golden, changed and odd ones."""
    return inspection_corpus.cases(seed, INSPECTIONS)


def verdict(case: Case) -> dict[str, Any]:
    """What the core says of a case, of its trust file too."""
    try:
        parse_trust(case.trust)
    except MalformedData as error:
        return {"refused": f"trust: {error.code}", "detail": str(error)}
    return files.verdict(case)


def write(folder: Path, cases: Iterable[Case]) -> list[tuple[Case, dict[str, Any]]]:
    """Write the cases and their verdicts; return both."""
    found = [(each, verdict(each)) for each in cases]
    with (folder / "cases.jsonl").open("w", encoding="utf-8") as lines:
        for case, expected in found:
            files = {
                "file": case.file,
                "trust": case.trust,
                "record": case.record,
                "inspections": case.inspections,
            }
            value: dict[str, Any] = {
                key: _kept(folder, data) for key, data in files.items() if data is not None
            }
            if case.at is not None:
                value["at"] = str(case.at)
            if case.doubts:
                value["doubts"] = [[name, str(time)] for name, time in case.doubts]
            value |= {"name": case.name, "verdict": expected}
            lines.write(json.dumps(value, ensure_ascii=False) + "\n")
    return found


def _kept(folder: Path, data: bytes) -> str:
    name = sha256(data).hexdigest()[:32]
    path = folder / name
    if not path.exists():
        path.write_bytes(data)
    return name


def comparable(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict with each text replaced by whether there is one, and by the hashes in it."""
    value = copy.deepcopy(verdict)
    value.pop("detail", None)
    for report in value.get("reports", ()):
        for claim in report["claims"]:
            claim["reason"] = bool(claim["reason"]), _HASH.findall(claim["reason"])
            for name in _TEXTS:
                if name in claim["facts"]:
                    claim["facts"][name] = len(claim["facts"][name])
    for matter in value.get("matters", ()):
        matter["reason"] = bool(matter["reason"])
    return value
