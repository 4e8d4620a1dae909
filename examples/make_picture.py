"""Draws docs/pictures/receipt.svg from a golden receipt: python -m examples.make_picture."""

from pathlib import Path

from ledger.chain.trust import parse_trust
from ledger.court.picture import draw, picture_of
from ledger.language import ENGLISH
from ledger.verify import parse_deposit_receipt, verify_receipt

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "examples" / "vectors"
PLACE = ROOT / "docs" / "pictures" / "receipt.svg"


def drawn() -> str:
    """Return the drawing."""
    receipt = (VECTORS / "deposit-1.receipt").read_bytes()
    verified = verify_receipt(receipt, parse_trust((VECTORS / "notary.trust").read_bytes()))
    path = parse_deposit_receipt(receipt).parts.position.proof
    picture = picture_of(verified.report, path, ENGLISH)
    assert picture is not None
    return draw(picture, ENGLISH)


if __name__ == "__main__":
    PLACE.write_text(drawn())
