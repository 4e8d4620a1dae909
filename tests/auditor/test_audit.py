"""A healthy ledger is found good, whole and bit by bit, with entries and without."""

import shutil
from pathlib import Path

import pytest

from ledger.auditor.audit import Audit, Audited
from ledger.auditor.mirror import Mirror
from ledger.auditor.sources import Folder
from ledger.auditor.state import State, format_state, parse_state
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.trust import Trust, parse_trust
from ledger.errors import InvalidInput, VerificationFailed
from ledger.notary.storage.signedlog import format_frame, parse_frames
from tests.notaries import Company, deposit, found, opened


def size(notary_log: Path) -> int:
    return parse_checkpoint(parse_note((notary_log / "checkpoint").read_text()).text).size


@pytest.fixture
def grown(tmp_path: Path) -> tuple[Path, Path, Trust]:
    """The log folder of a notary as it was, as it is, and the trust file."""
    directory = found(tmp_path / "notary")
    with opened(directory) as notary:
        company = Company().enrol(notary)
        deposit(notary, company.statements(70))
        trust = parse_trust(notary.trust)
    before = tmp_path / "before"
    shutil.copytree(directory / "log", before)
    with opened(directory) as notary:
        for _ in range(3):
            deposit(notary, company.statements(90))
        notary.accounts.revoke(company.key.thumbprint, "superseded")
    return before, directory / "log", trust


def audit(log: Path, trust: Trust, **options: object) -> tuple[Audited, State]:
    states: list[State] = []
    result = Audit(Folder(log), trust, save=states.append, **options).run()  # type: ignore[arg-type]
    return result, parse_state(format_state(states[-1]))


def test_a_healthy_ledger_is_found_good_and_so_is_its_mirror(
    grown: tuple[Path, Path, Trust], tmp_path: Path
) -> None:
    before, log, trust = grown
    whole, _ = audit(log, trust)
    assert whole.size == size(log) > 256 and whole.entries
    mirror = tmp_path / "mirror"
    _, state = audit(before, trust, mirror=Mirror(mirror))
    assert Mirror(mirror).size == size(before)
    audit(log, trust, since=state, mirror=Mirror(mirror))
    assert audit(mirror, trust)[0] == whole
    shutil.rmtree(mirror / "tile" / "entries")
    assert audit(mirror, trust)[0].size == whole.size


def test_a_copy_of_a_bucket_has_its_checkpoints_one_by_one(
    grown: tuple[Path, Path, Trust],
) -> None:
    _, log, trust = grown
    whole, _ = audit(log, trust)
    file = log / "signed" / f"{0:09}"
    signed, _ = parse_frames(file.read_bytes(), 0)
    file.unlink()
    pieces = log / "signed" / f"{0:09}.d"
    pieces.mkdir()
    for each in signed:
        (pieces / f"{each.height:012}").write_bytes(format_frame(each))
    assert audit(log, trust)[0] == whole
    (pieces / f"{1:012}").unlink()
    with pytest.raises(VerificationFailed, match=f"no block for those from {signed[0].size} on"):
        audit(log, trust)


@pytest.mark.parametrize("name", ["tile/0/000", "tile/entries/000", "blocks/0"])
def test_an_altered_mirror_is_no_fault_of_the_log(
    grown: tuple[Path, Path, Trust], tmp_path: Path, name: str
) -> None:
    _, log, trust = grown
    mirror = tmp_path / "mirror"
    audit(log, trust, mirror=Mirror(mirror))
    path = mirror / name
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationFailed) as caught:
        audit(mirror, trust)
    assert getattr(caught.value, "fault", None) is None


def test_blocks_that_were_checked_before_stay_in_the_mirror_as_they_are(
    grown: tuple[Path, Path, Trust], tmp_path: Path
) -> None:
    before, log, trust = grown
    source, mirror = tmp_path / "source", tmp_path / "mirror"
    _, state = audit(before, trust, mirror=Mirror(mirror))
    whole, _ = audit(log, trust, mirror=Mirror(source))
    path = source / "blocks/0"
    data = bytearray(path.read_bytes())
    at = data.index("\u2014 ".encode()) + 60  # in a signature on the first block
    data[at] = data[at] ^ 1 if chr(data[at] ^ 1).isalnum() else ord("A")
    path.write_bytes(data)
    audit(source, trust, since=state, mirror=Mirror(mirror))
    assert audit(mirror, trust)[0] == whole


def test_a_mirror_with_entries_does_not_go_on_without_them(
    grown: tuple[Path, Path, Trust], tmp_path: Path
) -> None:
    before, log, trust = grown
    mirror, bare = tmp_path / "mirror", tmp_path / "bare"
    _, state = audit(before, trust, mirror=Mirror(mirror))
    audit(log, trust, mirror=Mirror(bare))
    shutil.rmtree(bare / "tile" / "entries")
    with pytest.raises(InvalidInput):
        audit(bare, trust, since=state, mirror=Mirror(mirror))
    assert audit(mirror, trust)[0].size == size(before)
