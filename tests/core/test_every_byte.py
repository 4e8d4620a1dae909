"""Each byte of an evidence file is under a checked hash, or its change makes the file refused.

Whoever forges may write a ZIP anew around what they change, so every change is made twice: in the file
as it stands, and in a member with a good ZIP around it. What a change leaves accepted must be the same
file.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from ledger.chain.trust import Trust, parse_trust
from ledger.company.documents import Document
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData
from ledger.evidence.casefile import verify_file
from ledger.evidence.file import read_evidence, recompute_opening, verify_disclosed
from ledger.evidence.partial import Selection, is_partial
from ledger.evidence.parts import Part
from ledger.evidence.records import Rendition
from tests.core.test_sealing import Memory
from tests.disclosed import Shown, evidence, file, members_of, receipt_only, zipped
from tests.formats.test_document import stored
from tests.simulator import NOW

LETTER = file(
    "letter.txt", [b"To: ", b"Li", b"\n"], Part("head", 1, 2, "label"), Part("head/to", 2, 1)
)
EMPTY = Document(Memory(b""), "amendments.txt", NOW)
PLAIN = Document(Memory(b"plain" * 7000), "plain.bin", NOW)
PAGE = replace(file("letter.txt/page 1.pdf", [b"%1"]), rendition=Rendition(0, "page", 1, 2))
FULL_TREE = [file(f"{n}.txt", [b"%d" % at for at in range(8)]) for n in range(8)]
NAMED = ("name", "size", "modified", "media-type", "source", "tool")

Case = tuple[bytes, Trust]


def _shown(documents: list[Document], *selections: Selection) -> Case:
    shown = Shown(documents)
    return shown.evidence(*selections), shown.office.trust()


def _several() -> Case:
    shown = Shown([LETTER, EMPTY])
    whole = shown.disclosure()
    part = shown.disclosure(Selection(1, whole=True), Selection(0, parts=(2,)))
    return evidence(receipt_only(whole), part, whole), shown.office.trust()


def _golden(name: str) -> Callable[[], Case]:
    return lambda: (stored()[name], parse_trust(stored()["notary.trust"]))


CASES: dict[str, Callable[[], Case]] = {
    "golden whole": _golden("case.evidence"),
    "golden part": _golden("part.evidence"),
    "golden with an empty document": _golden("empty.evidence"),
    "whole, with an empty document and a rendition": lambda: _shown([LETTER, EMPTY, PAGE]),
    "an empty document alone": lambda: _shown([EMPTY]),
    "an empty document in part": lambda: _shown(
        [LETTER, EMPTY], Selection(1, whole=True, fields=("name", "size"))
    ),
    "a whole document and all fields": lambda: _shown(
        [LETTER, PAGE], Selection(0, whole=True, fields=NAMED), Selection(1, fields=("rendition",))
    ),
    "one leaf, dummies around it": lambda: _shown([LETTER], Selection(0, parts=(2,))),
    "the last leaf, without dummies": lambda: _shown(FULL_TREE, Selection(7, ranges=((7, 1),))),
    "fields of the cover alone": lambda: _shown([EMPTY], Selection(None, fields=("title",))),
    "fields alone": lambda: _shown([EMPTY], Selection(0, fields=("name",))),
    "receipts alone and several deposits": _several,
}


@cache
def _case(name: str) -> Case:
    return CASES[name]()


def _accepted(data: bytes, trust: Trust) -> bool:
    try:
        disclosed = read_evidence(io.BytesIO(data))
        return verify_file(
            disclosed, trust, lambda _, each, used: verify_disclosed(each, used)
        ).good
    except MalformedData:
        return False


def _content_accepted(data: bytes, commitments: Sequence[bytes | None]) -> bool:
    """The same of the content alone: most changes need no second look at the receipts."""
    try:
        disclosed = read_evidence(io.BytesIO(data))
        found = [recompute_opening(each).commitment if each.opening else None for each in disclosed]
        for each in disclosed:
            each.check()
    except MalformedData:
        return False
    return found == list(commitments)


def _value(opening: bytes) -> Any:
    return cbor_decode(opening if is_partial(opening) else opening.rstrip(b"\0"), 1 << 20)


def _same(one: bytes, other: bytes) -> bool:
    """Whether two evidence files have the same members."""
    return members_of(one) == members_of(other)


STEPS = [7, pytest.param(1, marks=pytest.mark.soak)]
"""Every how many-th byte is changed: all of them take a minute."""


def _changes(data: bytes, step: int) -> Iterator[bytes]:
    """Bytes changed, taken out and doubled, and one put at either end."""
    for at in range(0, len(data), step):
        yield data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
    for at in range(0, len(data), 5 * step):
        yield data[:at] + data[at + 1 :]
        yield data[:at] + data[at : at + 1] + data[at:]
    yield data + b"\0"
    yield b"\0" + data


def _replaced(value: Any) -> Iterator[Any]:
    """A CBOR value with one item in it replaced by another that could stand there."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, each in items:
        news: list[Any] = []
        match each:
            case bool() | None:
                news = [b"", 0, ""]
            case int():
                news = [each - 1, each + 1, each + 8, 2 * each, None]
            case str():
                news = [each + "x", each[1:], each.upper()]
            case bytes():
                news = [each + b"\0", each[:-1], each[32:], bytes(len(each)), None]
            case list() | dict():
                news = [*_replaced(each)]
                if isinstance(each, list):
                    news += [each[:-1], each + each[-1:], each[::-1]]
        for new in news:
            if new != each:
                changed = value.copy()
                changed[key] = new
                yield changed


def _openings(opening: bytes) -> Iterator[bytes]:
    for value in _replaced(_value(opening)):
        data = cbor_encode(value)
        yield data if is_partial(opening) else data.ljust(padme(len(data)), b"\0")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", CASES)
def test_no_byte_of_the_content_changes_without_notice(name: str, step: int) -> None:
    data, trust = _case(name)
    assert _accepted(data, trust)
    commitments = [
        recompute_opening(each).commitment if each.opening else None
        for each in read_evidence(io.BytesIO(data))
    ]
    assert _content_accepted(data, commitments)
    members = members_of(data)
    for at, (member, content) in enumerate(members):
        if member == "HOWTO.txt" or member.endswith(".receipt"):
            continue
        tries = _changes(content[:2048], step)
        rest = content[2048:]
        forged = [each + rest for each in tries]
        if member.endswith("opening.cbor"):
            forged += _openings(content)
        for each in forged:
            changed = zipped([*members[:at], (member, each), *members[at + 1 :]])
            assert changed == data or (
                not _content_accepted(changed, commitments) or _same(changed, data)
            ), (member, each)


@pytest.mark.parametrize("name", ["golden with an empty document", "an empty document in part"])
def test_no_byte_of_the_file_as_it_stands_changes_without_notice(name: str) -> None:
    data, trust = _case(name)
    assert _accepted(data, trust)
    receipt = data.index(b"1/deposit.receipt"), data.index(b"1/opening.cbor")
    for at in range(len(data)):
        # Those of a receipt take longest, and are tried one by one in tests/core/test_verify.py.
        if receipt[0] + 20 < at < receipt[1] - 40 and at % 32:
            continue
        changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        assert not _accepted(changed, trust), at


@pytest.mark.parametrize("name", ["golden part", "receipts alone and several deposits"])
def test_no_member_is_added_dropped_doubled_or_moved(name: str) -> None:
    data, trust = _case(name)
    members = members_of(data)
    assert len(members) > 2
    assert _accepted(zipped(members), trust)
    for at in range(len(members)):
        assert not _accepted(zipped([*members[:at], *members[at + 1 :]]), trust)
        assert not _accepted(zipped([*members[: at + 1], *members[at:]]), trust)
        assert not _accepted(
            zipped([*members[:at], ("1/documents/1/x", b""), *members[at:]]), trust
        )
        if at:
            swapped = [*members[: at - 1], members[at], members[at - 1], *members[at + 1 :]]
            assert not _accepted(zipped(swapped), trust)
