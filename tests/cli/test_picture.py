"""The drawing of a receipt: what was shown, in words too, and no name that breaks it."""

import hashlib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from examples.make_picture import PLACE, VECTORS, drawn
from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.chain.trust import parse_trust
from ledger.court.picture import Picture, draw, picture_of
from ledger.crypto.merkle import path_sides, root_from_inclusion_proof
from ledger.verify import parse_deposit_receipt, verify_receipt
from tests.cli.conftest import Company

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>\u202eeman\x1b[31m" + "名" * 500


@pytest.fixture(scope="module")
def picture() -> Picture:
    data = (VECTORS / "deposit-1.receipt").read_bytes()
    verified = verify_receipt(data, parse_trust((VECTORS / "notary.trust").read_bytes()))
    found = picture_of(verified.report, parse_deposit_receipt(data).parts.position.proof, "en")
    assert found is not None
    return found


def texts(drawing: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_every_status_stands_in_words(picture: Picture) -> None:
    said = texts(draw(picture, "en"))
    assert "proven by the inclusion proof" in said
    assert "stated by the notary" in said
    assert "not shown" in said
    assert "Block 2" in said and "entries 4 to 6" in said


def test_the_path_is_the_proofs(picture: Picture) -> None:
    assert picture.entered is not None
    said = texts(draw(picture, "en"))
    for each in picture.entered.path:
        assert f"{each.hex()[:8]}…" in said
    assert f"{picture.root[:8]}…" in said


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 1000])
def test_the_sides_of_a_path_lead_to_the_root(size: int) -> None:
    for index in {0, size // 2, size - 1}:
        sides = path_sides(index, size)
        proof = [bytes([n]) * 32 for n in range(len(sides))]
        node = leaf = bytes(32)
        for left, each in zip(sides, proof, strict=True):
            node = hashlib.sha256(b"\x01" + (each + node if left else node + each)).digest()
        assert root_from_inclusion_proof(leaf, index, size, proof) == node


def test_names_of_others_break_nothing(picture: Picture) -> None:
    plain = draw(picture, "zh")
    drawing = draw(
        replace(picture, origin=HOSTILE, witnesses=(HOSTILE,) * 9, authorities=(HOSTILE,) * 9), "zh"
    )
    tags = {each.tag for each in ElementTree.fromstring(drawing).iter()}
    assert tags == {each.tag for each in ElementTree.fromstring(plain).iter()}
    assert "\u202e" not in drawing and "\x1b" not in drawing
    assert len(drawing) < len(plain) + 10_000
    assert any("6" in each for each in texts(drawing))  # how many of the nine are not named


def test_what_is_not_proven_is_not_drawn() -> None:
    failed = Report((Claim(rp.LEDGER, rp.FAILED, reason="no"),), ())
    assert picture_of(failed, (), "en") is None


def test_a_block_alone_has_no_deposit(picture: Picture) -> None:
    said = texts(draw(replace(picture, entered=None), "en"))
    assert "Block 2" in said and not any("deposit" in each for each in said)


def test_the_picture_in_the_docs_is_what_the_program_draws() -> None:
    assert PLACE.read_text() == drawn()


def test_show_draws_a_receipt(company: Company) -> None:
    folder = company.folder
    company.write("contract.pdf")
    company("deposit", "contract.pdf")
    for name, first in (("a.svg", b"<svg"), ("a.png", b"\x89PNG")):
        found = company.json("show", "contract.pdf", "--picture", folder / name)
        assert Path(found["picture"]) == folder / name
        assert (folder / name).read_bytes().startswith(first)
    assert "contract" not in (folder / "a.svg").read_text()
    assert (
        "not overwritten"
        in company("show", "contract.pdf", "--picture", folder / "a.svg", code=1).stderr
    )
    wrong = company("show", "contract.pdf", "--picture", "a.gif", code=2).stderr
    assert "ends in .svg or .png" in wrong
