"""Witnesses as processes: three cosign, and one that is killed has forgotten nothing."""

import urllib.error
import urllib.request
from pathlib import Path

from ledger.chain.note import ED25519, VerifierKey, format_vkey
from ledger.witness.witness import open_witness
from tests.witness.test_table import LOG, ORIGIN, grown
from tests.witnesses import serve, serving


def submit(url: str, body: bytes) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/add-checkpoint", body, 20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_three_cosign_and_a_killed_one_remembers(tmp_path: Path) -> None:
    log = format_vkey(VerifierKey(ORIGIN, ED25519, LOG.public))
    with serving(tmp_path, [log]) as witnesses:
        for each in witnesses:
            status, lines = submit(each.url, grown(0, 5))
            assert (status, lines.count(f"— {each.name} ")) == (200, 2)
        witnesses[0].process.kill()
        witnesses[0].process.wait()
        again = serve(open_witness(witnesses[0].directory))
        try:
            assert submit(again.url, grown(0, 6)) == (409, "5\n")
            assert submit(again.url, grown(5, 6))[0] == 200
        finally:
            again.process.kill()
            again.process.wait()
