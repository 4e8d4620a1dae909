"""The verifier page in Chromium: its size, a final receipt, 10 MB of evidence, chosen to shown."""

import random
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.row import Row
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import cosign
from ledger.chain.note import Note, VerifierKey, format_note, format_vkey, parse_note
from ledger.chain.policy import parse_policy
from ledger.chain.receipt import Times, TokenEntry, format_receipt
from ledger.chain.trust import Trust, format_trust
from ledger.court.page import NAME
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import root_from_leaf_hashes
from tests.disclosed import Shown, file
from tests.forge import forged
from tests.page.browser import Clerk, Upload, chromium, opened
from tests.page.building import built_page
from tests.page.receipt_corpus import CHAIN, KNOWN, UNIT, WITNESSES, fresh, imprint
from tests.simulator import LOG, ML_DSA, NOW, ORIGIN, Tree

ROUNDS = 9
WARM = 3
"""Verifications before the rounds: a browser compiles what runs often."""


def rows() -> Iterator[Row]:
    """Yield the figures."""
    receipt, trust = final_receipt()
    block = random.Random(3).randbytes(16_384)
    shown = Shown([file("large.bin", [block] * 610)])
    evidence = shown.evidence()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        place = Path(folder) / NAME
        size = len(built_page(place))
        yield Row("the verifier page", f"{size:,} B", gate="<= 1.5 MB", missed=size > 1_500_000)
        with opened(browser, place) as clerk:
            clerk.trust(format_trust(trust))
            times = timed(clerk, ("final.receipt", receipt), WARM + ROUNDS)
            yield timing("a final receipt in Chromium, chosen to shown, warm", times[WARM:], 0.15)
            yield timing("the same, the first after load", times[:1], 0.15)
        with opened(browser, place) as clerk:
            clerk.trust(format_trust(shown.office.trust()))
            times = timed(clerk, ("large.evidence", evidence), 4)
            yield timing(
                f"evidence of {len(evidence) / 1e6:.1f} MB in Chromium, the same", times, 2
            )


def final_receipt() -> tuple[bytes, Trust]:
    """Return a receipt with two witnesses and a timestamp, and a trust file that asks for them."""
    office = fresh()
    parts, trust = office.parts(), office.trust()
    tree = Checkpoint(
        ORIGIN, len(office.entries), root_from_leaf_hashes(Tree(office.entries).leaves)
    )
    note = parse_note(parts.note)
    cosigned = [cosign(tree, name, key, NOW) for name, key in WITNESSES]
    text = format_note(Note(note.text, (*note.signatures, *cosigned)))
    token = forged(imprint(text), UNIT, NOW + 1, certificates=CHAIN)
    keys = [(ORIGIN, 6, ML_DSA.public)]
    keys += [(name, 4 if isinstance(key, SigningKey) else 6, key.public) for name, key in WITNESSES]
    lines = [f"witness w{n} {format_vkey(VerifierKey(*key))}" for n, key in enumerate(keys)]
    policy = parse_policy(
        f"log {format_vkey(VerifierKey(ORIGIN, 1, LOG.public))}\n"
        + "\n".join([*lines, "group all all w0 w1 w2", "quorum all", ""])
    )
    required = (*trust.required, "time", "existence", "witnesses")
    trusted = replace(trust, policy=policy, authorities=(KNOWN,), required=required)
    return format_receipt(replace(parts, note=text, times=Times((TokenEntry(2, token),)))), trusted


CLOCK = """(() => { let begun = 0; const done = () => document.querySelectorAll(".result").length;
    let seen = done();
    addEventListener("change", () => { begun = performance.now(); seen = done(); }, true);
    new MutationObserver(() => { if (done() > seen) window.took = performance.now() - begun; })
        .observe(document.body, { childList: true, subtree: true }); })()"""
"""Measures in the page, in ms, from a file's choice to its report."""


def timed(clerk: Clerk, upload: Upload, count: int) -> list[float]:
    """Return the seconds that each of `count` verifications took."""
    times = []
    clerk.page.evaluate(CLOCK)
    for number in range(1, count + 1):
        clerk.verify(upload, results=number)
        times.append(clerk.page.evaluate("window.took") / 1e3)
        assert clerk.page.locator(".headline.failed").count() == 0
    return times


def timing(figure: str, times: list[float], gate: float) -> Row:
    median = statistics.median(times)
    said = f"{median * 1e3:.0f} ms ({min(times) * 1e3:.0f} to {max(times) * 1e3:.0f})"
    return Row(figure, said, gate=f"<= {gate * 1e3:g} ms", missed=median > gate)
