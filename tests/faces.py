"""What people may read where something fails: the same in each face (ADR 0062).

for case in FAILING:
    case.check(said)     # what the command line, the portal or the verifier page says of `case.data`
"""

import re
from dataclasses import dataclass
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "examples/vectors"
TRUST = (VECTORS / "notary.trust").read_bytes()
OF_CONTENT = (
    "letter.txt",
    "prices.csv",
    "paragraph 2",
    "56 B",
    "154 B",
    "Price for 2027",
    "counsel-2",
)
"""What only the content and its opening state."""
OF_RECEIPT = (
    "示例新材料有限公司",
    "91320100EXAMPLE00X",
    "notary.example/ledger",
    "entry 5",
    "2b2f",
)
"""What the receipt shows or states."""
_TIME = re.compile(r"\d\d:\d\d")
_HIDDEN = "Nothing is shown of it, nor of what only it states"
_NOTHING = "Nothing of what the file says of itself is shown"


@dataclass(frozen=True, slots=True)
class Failing:
    """A file in which one claim fails, by its title; `kept` says whether the receipt's own hold."""

    name: str
    title: str
    kept: bool = False

    @property
    def data(self) -> bytes:
        return (VECTORS / "refused" / self.name).read_bytes()

    def check(self, said: str) -> None:
        """Assert that a face says what it may, and nothing else."""
        said = re.sub(r"\s+", " ", said)
        assert self.title in said and "FAILED" in said, self.name
        assert [each for each in OF_CONTENT if each in said] == [], self.name
        if self.kept:
            assert [each for each in OF_RECEIPT if each not in said] == [], self.name
            assert _HIDDEN in said and _NOTHING not in said and _TIME.search(said), self.name
        else:
            assert [each for each in OF_RECEIPT if each in said] == [], self.name
            assert _NOTHING in said and _HIDDEN not in said, self.name
            assert not _TIME.search(said), self.name
            assert "proven by" not in said, self.name


FAILING = (
    Failing("content-altered.evidence", "Content", kept=True),
    Failing("content-shorter.evidence", "Content", kept=True),
    Failing("part-altered.evidence", "Content", kept=True),
    Failing("cover-another-title.evidence", "Content", kept=True),
    Failing("ledger-proof-cut.receipt", "Ledger entry"),
    Failing("ledger-without-ml-dsa.receipt", "Ledger entry"),
    Failing("block-elsewhere.receipt", "Order"),
    Failing("depositor-not-enrolled.receipt", "Depositor"),
    Failing("identity-another-record.receipt", "Identity"),
    Failing("seal-under-another-root.receipt", "Seal"),
)
