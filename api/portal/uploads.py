"""Reads the files that a browser's form sends (multipart/form-data, RFC 7578), in memory alone."""

from collections.abc import Sequence

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ledger.errors import MalformedData

FORM = "multipart/form-data"
MAX_FRAME = 1 << 16
"""Bytes around a form's files: other fields, and each part's header."""
_MAX_PARTS = 8


def parse_upload(content_type: str, body: bytes, *fields: str) -> list[bytes]:
    """Return the content of the form's parts `fields`; their file names are not looked at.

    One that is missing is empty, as is one of which no file was chosen. Raises MalformedData, also
    where one is there twice.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != FORM.encode() or not 1 <= len(boundary) <= 70:
        raise MalformedData("the request is not a form with a file")
    reader = _Reader(fields)
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": reader.begin,
            "on_header_field": reader.header_field,
            "on_header_value": reader.header_value,
            "on_header_end": reader.header_end,
            "on_part_data": reader.data,
            "on_end": reader.end,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise MalformedData("the form was damaged on its way") from error
    if not reader.ended:
        raise MalformedData("the form was damaged on its way")
    return [bytes(reader.contents.get(each, b"")) for each in fields]


class _Reader:
    """Takes in what the parser comes upon."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.contents: dict[str, bytearray] = {}
        self.ended = False
        self._fields = fields
        self._parts = 0
        self._name, self._value = bytearray(), bytearray()
        self._content: bytearray | None = None

    def begin(self) -> None:
        self._parts += 1
        self._content = None
        if self._parts > _MAX_PARTS:
            raise MalformedData("the form has more parts than are read")

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            kind, options = parse_options_header(bytes(self._value))
            name = options.get(b"name", b"").decode("latin-1")
            if kind == b"form-data" and name in self._fields:
                if name in self.contents:
                    raise MalformedData("the form has a part twice")
                self._content = self.contents[name] = bytearray()
        self._name.clear()
        self._value.clear()

    def data(self, data: bytes, start: int, end: int) -> None:
        if self._content is not None:
            self._content += data[start:end]

    def end(self) -> None:
        self.ended = True
