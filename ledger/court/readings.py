"""Readings: what is shown of a deposit as people read it, beside the exact bytes and never for them.

Encoded header fields and bodies of mail as text, attachments as the files that were attached, members
of archives unpacked, texts in another charset in UTF-8. Nothing of it is proven: each reading says
which piece it is of, how that was read, and what this rests on.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ledger.court.pieces import Called, called_pieces
from ledger.evidence.manifest import Manifest
from ledger.evidence.partial import PartialOpening
from ledger.reading.body import BASE64, Body, Entity, entities, looks_binary, read_body
from ledger.reading.charsets import MIDDLE, WHOLE, Decoded, How, decode
from ledger.reading.header import MAX_HEADER, fields, header_end, read_value
from ledger.reading.inner import body_inside, fields_inside
from ledger.reading.members import NotUnpacked, Why, unpack

MAX_PIECE = 64 << 20
"""Bytes of a piece that is read."""
MAX_ALL = 256 << 20
"""Bytes of all readings of a deposit together; and of the pieces that they are of."""
MAX_TEXT = 2000
"""Characters of a text that a report gives; the file has all of it."""
MAX_READINGS = 5000
"""Readings of a deposit."""

Fetch = Callable[[int, int, int], bytes]
"""fetch(n, offset, size): bytes of content n, as an opening counts it."""

_MEMBER = re.compile(r"(?:.*/)?member \d+ of \d+(?:, [a-z0-9_ -]+)*: (.*)", re.DOTALL)
_ENTITY = re.compile(r"(?:.*/)?(?:message(?: \d+ of \d+)?|part [\d.]+)")
_NAME = re.compile(rb"(?m)^([!-9;-~]+)[ \t]*:")
_SEPARATOR = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\n]*\n")
_BOUNDARY = re.compile(rb"(?:\A|\n)--([^\s\"\\]{1,70})\r?\n(?=[A-Za-z-]+:)")
_MAIL = ("message", "mbox")
_MAIL_SUFFIXES = (".eml", ".mht", ".mhtml")
_TEXT_SUFFIXES = (".txt", ".text", ".csv", ".tsv", ".md", ".log", ".ini", ".srt")
_FILES = (
    (b"%PDF-", ".pdf"),
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"PK\x03\x04", ".zip"),
)


class Rests(StrEnum):
    """What a reading rests on."""

    SHOWN = "shown"
    """The header that states it is shown too."""
    ITSELF = "itself"
    """The field, or the member, states it itself."""
    FORMED = "formed"
    """Nothing states it; the bytes are well-formed."""
    HIDDEN = "hidden"
    """A guess: the header that would state it is not shown."""
    GUESS = "guess"
    """A guess: what is shown states nothing, or nothing that is true."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: of content `content` of the opening, document `document` (from 1), at `path`.

    `place` is where its file goes below the folder of readings, "" for none; `data` is the file. `text`
    is None for what is no text, of a header only what was encoded in it. `charset` and `encoding` are
    "" where they change nothing; `name` is a file's own, `message` the number in a mailbox that is
    shown whole. `why` says that there is nothing, and for what reason.
    """

    content: int
    document: int
    path: str
    place: str
    data: bytes
    text: str | None
    charset: str = ""
    encoding: str = ""
    rests: Rests = Rests.ITSELF
    name: str = ""
    name_guessed: bool = False
    damaged: bool = False
    unpacked: bool = False
    why: Why | None = None
    message: int = 0
    size: int = 0

    def brief(self) -> "Reading":
        """Return it without its file, whose size stays, and with the beginning of its text."""
        text = None if self.text is None else self.text[:MAX_TEXT]
        return replace(self, data=b"", text=text, size=len(self.data))


def readings(
    opening: Manifest | PartialOpening, sizes: Sequence[int], fetch: Fetch
) -> Iterator[Reading]:
    """Yield the readings of a deposit, piece by piece, within the limits of this module.

    `sizes` are those of the opening's contents.
    """
    pieces = called_pieces(opening)
    shown = {(each.document, each.path): each.content for each in pieces if each.path}
    room, count = MAX_ALL, 0
    for each in pieces:
        size = sizes[each.content]
        if each.rendition or not size:
            continue
        if size > min(MAX_PIECE, room):
            found: Iterable[Reading] = [_nothing(each, Why.TOO_LARGE)] if _encoded(each) else []
        else:
            room -= size
            found = _of_piece(each, shown, sizes, fetch, room)
        for reading in found:
            room -= len(reading.data)
            count += 1
            if room < 0 or count > MAX_READINGS:
                yield _nothing(each, Why.TOO_LARGE)
                return
            yield reading


def _nothing(piece: Called, why: Why) -> Reading:
    return Reading(piece.content, piece.document, piece.path, "", b"", None, why=why)


def _is_mail(piece: Called) -> bool:
    """Whether a whole document is mail, which it says in one of three ways."""
    return (
        piece.splitter in _MAIL
        or piece.media_type in ("message/rfc822", "application/mbox")
        or piece.called.lower().endswith((*_MAIL_SUFFIXES, ".mbox", ".mbx"))
    )


def _encoded(piece: Called) -> bool:
    """Whether a piece is of mail or an archive, so that its bytes alone say little."""
    if piece.whole:
        return _is_mail(piece)
    end = piece.path.rpartition("/")[2]
    return end == "body" or bool(_ENTITY.fullmatch(piece.path) or _MEMBER.fullmatch(piece.path))


def _is_text(piece: Called) -> bool:
    return piece.media_type.startswith("text/") or piece.called.lower().endswith(_TEXT_SUFFIXES)


def _of_piece(
    piece: Called,
    shown: Mapping[tuple[int, str], int],
    sizes: Sequence[int],
    fetch: Fetch,
    room: int,
) -> Iterator[Reading]:
    size = sizes[piece.content]
    if piece.whole and not (_is_mail(piece) or _is_text(piece)):
        return
    data = fetch(piece.content, 0, size)
    folder = f"{piece.called}/{piece.path}" if piece.path else piece.called
    path = piece.path.split("/")
    if piece.whole:
        if _is_mail(piece):
            for number, message in enumerate(_messages(data), 1):
                if message == data:
                    yield from _of_entity(piece, message, folder)
                    continue
                for reading in _of_entity(piece, message, f"{folder}/message {number}"):
                    yield replace(reading, message=number)
        elif not looks_binary(data):
            yield from _of_text(piece, decode(data), folder)
    elif member := _MEMBER.fullmatch(piece.path):
        yield from _of_member(piece, data, f"{piece.called}/{member[1]}", room)
    elif "header" in path or "envelope" in path[-2:]:
        yield from _of_fields(piece, data, folder, path[-1] not in ("header", "envelope"))
    elif path[-1] == "body":
        header, complete = _header_shown(piece, shown, sizes, fetch)
        data, inner = body_inside(data, header or None)
        header = inner or b""
        for entity in _parts_of_body(header, data):
            known = complete or entity.header != header
            read = read_body(entity.header, entity.body, complete=known)
            basis = Rests.SHOWN if known else Rests.HIDDEN
            yield from _of_body(piece, read, folder, basis, entity.number)
    elif _ENTITY.fullmatch(piece.path):
        yield from _of_entity(piece, data, folder)
    elif not looks_binary(data):
        cut = WHOLE if piece.path else MIDDLE
        yield from _of_text(piece, decode(data, cut=cut), folder)


def _messages(data: bytes) -> list[bytes]:
    """Return the messages of a mailbox; of a single message, itself."""
    bounds = [(found.start(), found.end()) for found in _SEPARATOR.finditer(data)]
    if not bounds or bounds[0][0]:
        return [data]
    ends = [start for start, _ in bounds[1:]]
    return [data[begin:end] for (_, begin), end in zip(bounds, [*ends, len(data)], strict=True)]


def _header_shown(
    piece: Called, shown: Mapping[tuple[int, str], int], sizes: Sequence[int], fetch: Fetch
) -> tuple[bytes, bool]:
    """Return what is shown of the header that a body belongs to, and whether all that matters is."""
    before = piece.path.removesuffix("body") + "header"
    if (whole := shown.get((piece.document, before))) is not None:
        return fetch(whole, 0, min(sizes[whole], MAX_HEADER)), True
    found = [
        fetch(number, 0, min(sizes[number], MAX_HEADER))
        for name in ("Content-Type", "Content-Transfer-Encoding")
        for (document, path), number in shown.items()
        if document == piece.document and path.lower() == f"{before}/{name}".lower()
    ]
    return b"".join(found), len(found) == 2


def _parts_of_body(header: bytes, body: bytes) -> Iterable[Entity]:
    """Return the parts of a body; one whose header is hidden shows its boundary itself."""
    if not header and (boundary := _BOUNDARY.search(body[:MAX_HEADER])):
        return entities(body, b'Content-Type: multipart/mixed; boundary="%s"' % boundary[1])
    return entities(body, header) if header else [Entity("", header, body)]


def _of_entity(piece: Called, data: bytes, folder: str) -> Iterator[Reading]:
    data = fields_inside(data) or data
    yield from _of_fields(piece, data[: header_end(data)], folder, alone=False)
    for each in entities(data):
        yield from _of_body(
            piece, read_body(each.header, each.body), folder, Rests.SHOWN, each.number
        )


def _of_fields(piece: Called, data: bytes, folder: str, alone: bool) -> Iterator[Reading]:
    inside = fields_inside(data)
    data = inside or data
    found = [(name, read_value(value)) for name, value in fields(data + b"\n\n")]
    encoded = [each for each in found if each[1].charset] or found
    values = [value for _, value in encoded]
    how = max((value.how for value in values), key=_SURE.index, default=How.FORMED)
    if not found or (how is How.FORMED and b"=?" not in data and inside is None):
        return
    charset = ", ".join(dict.fromkeys(value.charset for value in values if value.charset))
    rests = Rests.HIDDEN if inside else _RESTS[how]
    place = f"{folder}{'' if alone else '/header'}, {_said(charset, how)}.txt"
    written = {name.lower(): name for name in _NAME.findall(data)}
    lines = [f"{written.get(name, name).decode('latin-1')}: {value.text}" for name, value in found]
    some = [line for line, each in zip(lines, found, strict=True) if each in encoded]
    shown = found[0][1].text if alone else "\n".join(some)
    text = "\n".join(lines).encode() + b"\n"
    yield Reading(
        piece.content, piece.document, piece.path, place, text, shown, charset,
        BASE64 if inside else "", rests,
    )  # fmt: skip


def _of_body(
    piece: Called, body: Body, folder: str, basis: Rests, number: str
) -> Iterator[Reading]:
    inside = number not in ("", "1") or basis is Rests.SHOWN
    file = body.name.text.rpartition("/")[2] or _file_called(body.data)
    if body.text is not None and not body.name.text:
        if body.as_it_stands:
            return
        yield _text(piece, body.text, f"{folder}/part {number}" if number else folder, body, basis)
    elif body.encoding or inside:
        sure = basis if body.how is not How.GUESSED else Rests.HIDDEN
        yield Reading(
            piece.content, piece.document, piece.path, f"{folder}/{file}", body.data,
            None if body.text is None else body.text.text, _charset(body.text), body.encoding, sure,
            file, body.name.how is How.GUESSED, body.text is not None and body.text.damaged,
        )  # fmt: skip


def _text(
    piece: Called, text: Decoded, place: str, body: Body | None = None, basis: Rests = Rests.GUESS
) -> Reading:
    how = text.how
    rests = basis
    if how is How.GUESSED or (body is not None and body.how is How.GUESSED):
        rests = Rests.HIDDEN if basis is Rests.HIDDEN else Rests.GUESS
    elif how is How.FORMED and basis is Rests.GUESS:
        rests = Rests.FORMED
    return Reading(
        piece.content, piece.document, piece.path, f"{place}, {_said(text.charset, how)}.txt",
        text.text.encode("utf-8", "replace"), text.text, _charset(text),
        body.encoding if body else "", rests, damaged=text.damaged,
    )  # fmt: skip


def _of_text(piece: Called, text: Decoded, place: str) -> Iterator[Reading]:
    if text.charset not in ("us-ascii", "utf-8"):
        yield _text(piece, text, place)


def _of_member(piece: Called, data: bytes, place: str, room: int) -> Iterator[Reading]:
    try:
        file = unpack(data, room)
    except NotUnpacked as error:
        yield _nothing(piece, error.why)
        return
    if file is not None:
        name = place.rpartition("/")[2]
        yield Reading(
            piece.content, piece.document, piece.path, place, file, None, name=name, unpacked=True
        )


def _charset(text: Decoded | None) -> str:
    return "" if text is None or text.charset == "us-ascii" else text.charset


def _said(charset: str, how: How) -> str:
    """Return what the name of a file of a reading says of it."""
    return f"{'guessed' if how is How.GUESSED else 'read as'} {charset or 'us-ascii'}"


def _file_called(data: bytes) -> str:
    return "attachment" + next((end for start, end in _FILES if data.startswith(start)), ".bin")


_RESTS = {How.STATED: Rests.ITSELF, How.FORMED: Rests.FORMED, How.GUESSED: Rests.GUESS}
_SURE = (How.FORMED, How.STATED, How.GUESSED)
