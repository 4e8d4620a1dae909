"""A mirror over HTTP, under the paths that the notary serves (`ledger.wire.serving`).

Entries are left out: who deposited when is for auditors whom the office has admitted.
"""

import re
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from ledger.auditor.sources import CHECKPOINT, Folder
from ledger.chain.anchorpage import anchors_path, format_anchors
from ledger.chain.blockpage import format_page, page_path
from ledger.chain.tiles import parse_tile_path
from ledger.encoding import parse_decimal
from ledger.errors import MalformedData, SealbookError, Unavailable
from ledger.wire.protocol import CBOR, OCTETS
from ledger.wire.serving import TEXT_TYPE, BoundedHandler, BoundedServer

_PAGE = re.compile(r"(blocks|anchors)/(0|[1-9][0-9]{0,18})")


class MirrorServer(BoundedServer):
    """Serves the mirror in a folder at an address. Raises Unavailable where there is none."""

    def __init__(self, address: tuple[str, int], root: Path) -> None:
        self.folder = Folder(root)
        self.folder.checkpoint()
        super().__init__(address, _Handler)


class _Handler(BoundedHandler):
    server: MirrorServer
    server_version = "sealbook-mirror"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.removeprefix("/")
        try:
            found = _resource(self.server.folder, path)
        except (MalformedData, Unavailable):
            found = None
        except SealbookError:
            self.answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The mirror cannot read now.\n")
            return
        if found is None:
            self.answer(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
        else:
            self.answer(HTTPStatus.OK, *found)

    do_HEAD = do_GET


def _resource(folder: Folder, path: str) -> tuple[bytes, str] | None:
    """Return what a path names and its media type. Raises Unavailable, MalformedData."""
    if path == CHECKPOINT:
        return folder.checkpoint().encode(), TEXT_TYPE
    page = _PAGE.fullmatch(path)
    if page is not None:
        number = parse_decimal(page[2])
        if path == page_path(number) and (blocks := folder.blocks(number)):
            return format_page(blocks), CBOR
        if path == anchors_path(number) and (anchors := folder.anchors(number)):
            return format_anchors(anchors), CBOR
        return None
    tile = parse_tile_path(path)
    return folder.tile(tile.level, tile.index, tile.width), OCTETS
