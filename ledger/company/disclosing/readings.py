"""What the parts of a deposit say, as text: for a search, and for the first line of a preview.

In mail, what a body's own header states is followed; all is read by `ledger.reading`, as the court's
report reads it.
"""

from collections.abc import Iterator

from ledger.company.disclosing.contents import Contents, Target
from ledger.reading.body import entities, looks_binary, read_body, texts
from ledger.reading.charsets import BEGINNING, How, decode
from ledger.reading.header import MAX_HEADER, header_end, mark, read_value
from ledger.reading.inner import body_inside, fields_inside
from ledger.reading.shown import fold, one_line

_FIRST = 400
"""Bytes in which a first line is looked for."""
_TOGETHER = 1 << 18
_SAMPLE = 4096
"""Bytes that a document's charset is known by."""
_MAIL = ("message", "mbox")


def texts_in(contents: Contents, document: int, wanted: str) -> Iterator[tuple[Target, str]]:
    """Yield the texts of a document's innermost parts, each with its part.

    Where many parts together do not have `wanted`, which is folded, they are left out.
    """
    if contents.records[document].splitter in _MAIL:
        for target in contents.innermost(document):
            for text in _texts_of_mail(contents, target):
                yield target, text
        return
    size = min(_SAMPLE, contents.records[document].size)
    # As a span it is read with what follows, which is asked for next.
    head = contents.content(Target(document, span=(0, size)))[:_SAMPLE] if size else b""
    if looks_binary(head):
        return
    charset = _charset(head)
    for start, end, targets in _together(contents, document):
        data = contents.content(Target(document, span=(start, end - start)))
        if wanted in fold(decode(data, charset).text):
            for target in targets:
                yield target, decode(contents.content(target), charset).text


def _together(contents: Contents, document: int) -> Iterator[tuple[int, int, list[Target]]]:
    """Yield neighbouring innermost parts of some 256 KiB, and where they begin and end."""
    targets: list[Target] = []
    start = end = 0
    for target in contents.innermost(document):
        begin, size = contents.extent(target)
        if targets and begin + size - start > _TOGETHER:
            yield start, end, targets
            targets = []
        start = start if targets else begin
        end = begin + size
        targets.append(target)
    if end > start:
        yield start, end, targets


def _charset(head: bytes) -> str:
    """Return the charset of a text whose parts are read: only its beginning has a mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16-le" if head[0] == 0xFF else "utf-16-be"
    found = decode(head, cut=BEGINNING)
    return found.charset if found.how is How.GUESSED else ""


def _texts_of_mail(contents: Contents, target: Target) -> Iterator[str]:
    # The header first: it lies in what has been read before, and the body behind it.
    header = _header_of(contents, target)
    data = contents.content(target)
    if header is not None:
        data, found = body_inside(data, header)
        yield from texts(found, data)
        return
    data = fields_inside(data) or data
    if _is_field(contents, target):
        yield read_value(data).text
    else:
        end = header_end(data)
        yield read_value(data[:end]).text
        yield from texts(data[:end], data[end:].lstrip(b"\r\n"))


def _is_field(contents: Contents, target: Target) -> bool:
    part = contents.part(target)
    path = part.path.split("/") if part else []
    return "header" in path or path[-2:-1] == ["envelope"]


def _header_of(contents: Contents, target: Target) -> bytes | None:
    """Return the header that a body stands behind, None for what is no body."""
    part = contents.part(target)
    if part is None or part.path.rpartition("/")[2] != "body":
        return None
    around = contents.around(target)
    if around is None:
        return None
    start, _ = contents.extent(around)
    body, _ = contents.extent(target)
    return contents.content(around, min(body - start, MAX_HEADER))


def first_line(contents: Contents, target: Target) -> str:
    """Return the first line of what a part says as text, "" where it is none."""
    assert target.document is not None
    if contents.records[target.document].splitter not in _MAIL:
        return first_line_of(contents.content(target, _FIRST))
    header = _header_of(contents, target)
    data, header = body_inside(contents.content(target, _FIRST), header)
    return first_line_of_mail(fields_inside(data) or data, header)


def first_line_of(data: bytes, charset: str = "") -> str:
    """Return the first line of the beginning of a text, "" where it is none."""
    if looks_binary(data):
        return ""
    found = decode(data, charset, BEGINNING)
    return _first(found.text, found.charset, found.how)


def first_line_of_mail(data: bytes, header: bytes | None) -> str:
    """Return the first line of the beginning of a part of mail; `header` is a body's, else None."""
    if header is None:
        end = header_end(data)
        value = read_value(data[:end].split(b"\n")[0] if end else data)
        return value.marked(_FIRST)
    for each in entities(data, header):
        found = read_body(each.header, each.body, BEGINNING)
        if found.text is not None:
            return _first(found.text.text, found.text.charset, found.text.how)
    return ""


def _first(text: str, charset: str, how: How) -> str:
    lines = map(one_line, text.splitlines())
    line = next((line for line in lines if line and not line.startswith("--")), "")
    return mark(line, charset, how)
