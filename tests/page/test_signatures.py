"""The page verifies Ed25519 as the core's library does, also where implementations differ."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger.crypto.keys import verify_ed25519
from ledger.errors import VerificationFailed


def holds(key: str, message: str, signature: str) -> bool:
    """What the core says."""
    try:
        verify_ed25519(*map(bytes.fromhex, (key, message, signature)))
    except VerificationFailed:
        return False
    return True


def assert_as_the_core(said: list[dict[str, Any]]) -> None:
    ours = [holds(each["key"], each["message"], each["signature"]) for each in said]
    assert ours == [each["holds"] for each in said]
    assert len(said) > 30
    assert 1 < sum(ours) < 12


@pytest.mark.parametrize("kind", ["browser", "none", "cofactor"])
def test_equal_whatever_webcrypto_is_there(edges: Path, kind: str) -> None:
    done = subprocess.run(["node", edges, kind], capture_output=True, check=True)
    assert_as_the_core(json.loads(done.stdout))
