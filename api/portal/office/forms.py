"""What a form brings: bounded before it is read, each field once."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from ledger.chain.statement import MAX_ENTRY
from ledger.errors import MalformedData

from ...requests import read_body

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MAX_FORM = 64 << 10
"""Bytes of a form without a file: a passkey's answer, some lines of text."""
MAX_UPLOAD = MAX_ENTRY + MAX_FORM
"""Bytes of a form with an enrolment request."""
_MAX_FIELDS, _MAX_FIELD = 16, 32_768


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form. A file is bytes, its name is not kept."""

    texts: dict[str, str]
    files: dict[str, bytes]

    def text(self, name: str) -> str:
        """Return a field, "" where it is missing."""
        return self.texts.get(name, "").strip()

    def file(self, name: str) -> bytes:
        """Return a file, empty where none was chosen."""
        return self.files.get(name, b"")


EMPTY = Form({}, {})


async def read_form(request: Request, limit: int) -> Form:
    """Return a form. Raises TooLarge, UnsupportedMedia, RequestTimeout, MalformedData."""
    data = await read_body(request, limit, URLENCODED, MULTIPART)
    texts: dict[str, str] = {}
    files: dict[str, bytes] = {}
    try:
        for name, value in await _parsed(request.headers, data):
            if name in texts or name in files:
                raise MalformedData("the form has a field twice")
            if isinstance(value, UploadFile):
                files[name] = await value.read()
            else:
                texts[name] = value
    except (MultiPartException, UnicodeDecodeError) as error:
        raise MalformedData("the form was damaged on its way") from error
    if len(texts) + len(files) > _MAX_FIELDS or any(
        len(each) > _MAX_FIELD for each in texts.values()
    ):
        raise MalformedData("the form is larger than its page")
    return Form(texts, files)


async def _parsed(headers: Headers, data: bytes) -> list[tuple[str, str | UploadFile]]:
    async def stream() -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(0)
        yield data
        yield b""

    if headers["content-type"].lower().startswith(MULTIPART):
        parser = MultiPartParser(
            headers, stream(), max_files=1, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD
        )
        return (await parser.parse()).multi_items()
    return (await FormParser(headers, stream()).parse()).multi_items()
