"""An authority that is refused leaves the notary's configuration and trust file as they were."""

from pathlib import Path

import pytest

from ledger.errors import SealbookError
from ledger.notary.care.trusting import add_authority
from ledger.notary.storage.directory import TimestampSettings
from tests.notaries import found
from tests.rogue import ROOT

NAME, URL = "Test TSA", "http://tsa.example/"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("", URL),
        ("a\n\u202eb", URL),
        ("\udcff", URL),
        ("B" * 5000, URL),
        (NAME, "http://x\n\x1b[31m"),
        (NAME, "gopher://x"),
    ],
)
def test_what_is_refused_changes_nothing(tmp_path: Path, name: str, url: str) -> None:
    directory, root = found(tmp_path / "notary"), tmp_path / "root.pem"
    root.write_bytes(ROOT.pem)
    before = {each.name: each.read_bytes() for each in directory.iterdir() if each.is_file()}
    with pytest.raises(SealbookError):
        add_authority(directory, TimestampSettings(url, name, root, None, 60))
    after = {each.name: each.read_bytes() for each in directory.iterdir() if each.is_file()}
    assert after == before
