"""`sealbook show --picture`: a deposit's receipt as a drawing."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.company.sending import name_of
from ledger.errors import InvalidInput
from ledger.language import CHINESE
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.vault.stored import StoredDeposit
    from ledger.verify import VerifiedReceipt

_SVG, _PNG = ".svg", ".png"
_SCALE = 2.0
"""Pixels of a PNG for one of the drawing: sharp on paper."""


def require_kind(path: Path | None) -> None:
    """Raise UsageError unless the file's name says which kind of picture is wanted."""
    if path is not None and path.suffix.lower() not in (_SVG, _PNG):
        raise click.UsageError(f"--picture names a file that ends in {_SVG} or {_PNG}.")


def write_picture(
    path: Path, deposit: "StoredDeposit", verified: "VerifiedReceipt | None", language: str
) -> None:
    """Draw the receipt into a new file. Raises InvalidInput, Conflict, StorageFailed."""
    from ledger.chain.receipt import parse_receipt
    from ledger.court.picture import draw, picture_of
    from ledger.disk.outputs import write_new

    if deposit.receipt is None or verified is None:
        raise InvalidInput(
            f"{quoted(name_of(deposit))} has no receipt yet, so there is nothing to draw. "
            "`sealbook deposit` sends what waits."
        )
    parts = parse_receipt(deposit.receipt)
    picture = picture_of(verified.report, parts.position.proof, language)
    assert picture is not None  # a verified receipt proves its place
    drawing = draw(picture, language)
    png = path.suffix.lower() == _PNG
    write_new(path, _png(drawing, language) if png else drawing.encode())


def _png(drawing: str, language: str) -> bytes:
    from resvg_py import svg_to_bytes

    if language == CHINESE and svg_to_bytes(_PROBE.format("中")) == svg_to_bytes(_PROBE.format("")):
        raise InvalidInput(
            "No font of this computer has Chinese characters. Install one, such as Noto Sans CJK, or "
            "name an .svg file, which the reader's program draws."
        )
    return bytes(svg_to_bytes(drawing, zoom=_SCALE))


_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
    '<text x="1" y="16">{}</text></svg>'
)
