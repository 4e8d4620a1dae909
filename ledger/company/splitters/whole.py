"""Files of which only the whole can be shown: known by name and first bytes."""

import struct

from ledger.company.splitters.cutting import Window
from ledger.evidence import notices
from ledger.evidence.notices import Notice

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""What Office before 2007 and WPS write, and what every Office puts around an encrypted document."""
_RTF = b"{\\rtf"
_ZIP = b"PK\x03\x04"
_HEAD = 512
_OLE_HEADER = struct.Struct("<30xH16xL")
"""The exponent of a sector's size, and the directory's first sector."""
_DIRECTORY = 4096
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

_MARKS = (
    (b"7z\xbc\xaf\x27\x1c", notices.SEVEN_ZIP),
    (b"Rar!\x1a\x07", notices.RAR),
    (b"MSCF\0\0\0\0", notices.OTHER_ARCHIVE),
    (b"\x1f\x8b\x08", notices.COMPRESSED),
    (b"BZh", notices.COMPRESSED),
    (b"\xfd7zXZ\0", notices.COMPRESSED),
    (b"\x28\xb5\x2f\xfd", notices.COMPRESSED),
)
"""What such files begin with, whatever they are called."""
_OFFICE = {
    "doc": notices.OLD_WORD,
    "dot": notices.OLD_WORD,
    "xls": notices.OLD_EXCEL,
    "xlt": notices.OLD_EXCEL,
    "ppt": notices.OLD_POWERPOINT,
    "pps": notices.OLD_POWERPOINT,
    "wps": notices.WPS_TEXT,
    "wpt": notices.WPS_TEXT,
    "et": notices.WPS_SHEET,
    "ett": notices.WPS_SHEET,
    "dps": notices.WPS_SLIDES,
    "dpt": notices.WPS_SLIDES,
}
"""Of these the first bytes say whether they are what the name says."""
_SUFFIXES = (
    dict.fromkeys(("odt", "ods", "odp", "ott", "fodt"), notices.OPEN_DOCUMENT)
    | dict.fromkeys(("xps", "oxps"), notices.XPS)
    | dict.fromkeys(("docm", "xlsm", "pptm", "xlsb", "dotx"), notices.OTHER_OFFICE)
    | dict.fromkeys(("vsd", "vsdx", "pub", "one", "caj", "nh", "kdh"), notices.OTHER_OFFICE)
    | dict.fromkeys(("iso", "lzh", "lha", "arj", "ace", "dmg"), notices.OTHER_ARCHIVE)
    | dict.fromkeys(("gz", "bz2", "xz", "zst", "z", "br", "lz4", "lzma"), notices.COMPRESSED)
    | {"rtf": notices.RICH_TEXT, "7z": notices.SEVEN_ZIP, "rar": notices.RAR}
)
_APPLE = ("pages", "numbers", "key")
_OPEN_XML = ("docx", "xlsx", "pptx", "docm", "xlsm", "pptm", "dotx", "xlsb", "vsdx")


def whole_only(name: str, window: Window) -> Notice | None:
    """Return why only the whole of a document can be shown, None where its name and first bytes do
    not say so. Raises SourceChanged.
    """
    suffix = name.rpartition("/")[2].lower().rpartition(".")[2]
    window.step = _HEAD
    head = window.read(0, _HEAD)
    for mark, notice in _MARKS:
        if head.startswith(mark):
            return notice
    if suffix in _OPEN_XML and head.startswith(_OLE):
        return notices.ENCRYPTED if _is_encrypted(head, window) else notices.DAMAGED
    if suffix in _OFFICE:
        if head.startswith(_OLE):
            return _OFFICE[suffix]
        return notices.RICH_TEXT if head.startswith(_RTF) else notices.OTHER_OFFICE
    if suffix in _APPLE and head.startswith(_ZIP):
        return notices.OTHER_OFFICE
    return _SUFFIXES.get(suffix)


def _is_encrypted(head: bytes, window: Window) -> bool:
    if len(head) < _OLE_HEADER.size:
        return False
    exponent, sector = _OLE_HEADER.unpack_from(head)
    start = (sector + 1) << min(exponent, 16)
    return _ENCRYPTED in window.read(start, _DIRECTORY) if start < window.size else False
