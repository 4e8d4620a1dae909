"""Reads the file that a browser's form sends (multipart/form-data, RFC 7578), in memory alone."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ledger.errors import MalformedData

FORM = "multipart/form-data"
MAX_FRAME = 1 << 16
"""Bytes around a form's file: other fields, and each part's header."""
_MAX_PARTS = 8


def parse_upload(content_type: str, body: bytes, field: str) -> bytes:
    """Return the content of the form's part `field`; its file name is not looked at.

    Raises MalformedData, also where the part is missing, empty or there twice.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != FORM.encode() or not 1 <= len(boundary) <= 70:
        raise MalformedData("the request is not a form with a file")
    reader = _Reader(field.encode())
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
    if not reader.ended or reader.found != 1 or not reader.content:
        raise MalformedData("no file was chosen")
    return bytes(reader.content)


class _Reader:
    """Takes in what the parser comes upon."""

    def __init__(self, field: bytes) -> None:
        self.field = field
        self.content = bytearray()
        self.found = 0
        self.ended = False
        self._parts = 0
        self._name, self._value = bytearray(), bytearray()
        self._wanted = False

    def begin(self) -> None:
        self._parts += 1
        self._wanted = False
        if self._parts > _MAX_PARTS:
            raise MalformedData("the form has more parts than are read")

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            kind, options = parse_options_header(bytes(self._value))
            if kind == b"form-data" and options.get(b"name") == self.field:
                self._wanted = True
                self.found += 1
        self._name.clear()
        self._value.clear()

    def data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted:
            self.content += data[start:end]

    def end(self) -> None:
        self.ended = True
