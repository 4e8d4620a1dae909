"""An office that is killed while it issues: what stands then, and that it goes on."""

import json
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from ledger.chain.office import Withdrawn
from ledger.notary.orders import WithdrawCertificate
from tests.certifying.conftest import Office
from tests.notaries import examined
from tests.processes import ROOT


def test_a_kill_gives_no_number_twice_and_leaves_no_half_certificate(
    office: Office, tmp_path: Path
) -> None:
    directory, out = tmp_path / "notary", tmp_path / "out"
    shutil.copytree(office.directory, directory)
    own = Office(directory, office.tsa, office.plain, office.stamped)
    receipts = [tmp_path / "a.receipt", tmp_path / "b.receipt"]
    for path, data in zip(receipts, (own.plain, own.stamped), strict=True):
        path.write_bytes(data)

    def command(place: str) -> subprocess.CompletedProcess[str]:
        words: list[str | Path] = [sys.executable, "-m", "tests.certifying.killed", place]
        words += ["notary", "certificate", *receipts, "--officer", "王小明"]
        words += ["--dir", directory, "-o", out, "--json"]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    for place in ("made", "entered"):
        done = command(place)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not list(out.glob("*.pdf")), "no file has a name before it is whole"
    done = command("nowhere")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["certificates"]
    assert [each["number"] for each in made] == [5, 6]
    with own.open() as notary:
        assert notary.certificate(1) is notary.certificate(2) is None
        for each in made:
            standing = notary.certificate(each["number"])
            assert standing is not None and standing.index == each["entry"]
            assert standing.digest == sha256(Path(each["file"]).read_bytes()).digest()
        for number in (3, 4):  # entered, and nobody has the paper: the office withdraws them
            notary.execute(WithdrawCertificate(Withdrawn(number, "never handed out")))
            standing = notary.certificate(number)
            assert standing is not None and standing.withdrawn is not None
    assert not examined(directory)
