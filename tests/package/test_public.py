"""What other software may import: `ledger.__all__`, and the example that a stranger copies."""

import subprocess
import sys
from pathlib import Path

import pytest

import ledger

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "examples" / "vectors"


def example(receipt: Path, *arguments: object, python: Path | None = None) -> tuple[int, str]:
    """Run the example as a stranger would, outside the checkout; no traceback may be shown."""
    script = (ROOT / "examples" / "verify_a_receipt.py").read_text()
    command = [python or sys.executable, "-", receipt, *arguments]
    ended = subprocess.run(
        [str(each) for each in command],
        input=script,
        cwd=receipt.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stdout


def office() -> tuple[Path, str]:
    trust = VECTORS / "notary.trust"
    return trust, ledger.fingerprint(trust.read_bytes())


def test_every_public_name_is_there_and_nothing_else_is() -> None:
    found: dict[str, object] = {}
    exec("from ledger import *", found)
    assert set(found) - {"__builtins__"} == set(ledger.__all__)
    with pytest.raises(ImportError):
        exec("from ledger import parse_receipt", {})


def test_the_example_verifies_a_receipt() -> None:
    code, said = example(VECTORS / "deposit-1.receipt", *office())
    assert code == 0
    assert {"ledger", "block", "depositor", "seal"} <= {
        line.split()[0] for line in said.splitlines()
    }


@pytest.mark.parametrize("change", [-1, 40])
def test_the_example_refuses_a_changed_receipt(change: int, tmp_path: Path) -> None:
    data = bytearray((VECTORS / "deposit-1.receipt").read_bytes())
    data[change] ^= 1
    (tmp_path / "a.receipt").write_bytes(data)
    code, said = example(tmp_path / "a.receipt", *office())
    assert code == 1 and ("failed" in said or "damaged" in said)


def test_the_example_takes_no_other_trust_file_than_the_printed_one() -> None:
    trust, printed = office()
    other = printed.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    code, said = example(VECTORS / "deposit-1.receipt", trust, other)
    assert code == 1 and "not the office's trust file" in said
