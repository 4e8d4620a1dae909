"""Charsets: the labels of real mail into codecs, and text without a label by its content.

Labels are read as mail programs read them, by the larger set that is written under the name: gb2312 is
GB18030, iso-8859-1 is windows-1252, shift_jis is windows-31j.
"""

import codecs
import re
from dataclasses import dataclass
from encodings.aliases import aliases
from enum import StrEnum
from functools import lru_cache

from ledger.reading.guessing import loosely, score_of, scores, tolerant

_SAMPLE = 1 << 16
"""Bytes that a charset is guessed by."""
_CLEARLY = 0.3
"""By how much a reading scores better that is taken for what is stated."""
_UNSURE = 0.3
"""A score that no text has that was read rightly, but for one of rare names."""
_BY_CHANCE = 8
"""Characters of two bytes that may be well-formed by chance: of more, one would not be."""
MAX_LABEL = 60
"""Characters of a label; the longest that is registered has 45."""


class How(StrEnum):
    """What a reading rests on."""

    STATED = "stated"
    """A label beside the bytes says so, and they are in it."""
    FORMED = "well-formed"
    """Nothing says so; the bytes are ASCII or well-formed UTF-8, or begin with its mark."""
    GUESSED = "guessed"
    """Nothing says so, or what does is not true; the characters are likely."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes as text; `damaged` where some of them are no characters, U+FFFD in their place."""

    text: str
    charset: str
    how: How
    damaged: bool = False


_GB = "gb18030"
_NAMES = {
    "cp932": "shift_jis", "cp949": "euc-kr", "cp950": "big5", "cp1252": "windows-1252",
    "cp874": "windows-874", "big5hkscs": "big5-hkscs", "euc_jp": "euc-jp", "iso8859_8": "iso-8859-8",
    "ascii": "us-ascii", "utf-8-sig": "utf-8",
}  # fmt: skip
_CODECS = {
    _GB: "cp936 ms936 windows936 win936 936 euccn euccn gbk cngb cngb12345 isoir58 chinese zhcn "
    "iso58gb231280 iso58gb23121980 maczhcn macchinesesimp simplifiedchinese",
    "cp950": "big5 big5eten eten cnbig5 cp950 ms950 windows950 win950 950 zhtw macchinesetrad "
    "traditionalchinese",
    "big5hkscs": "big5hkscs hkscs big5hkscs2004 cp951",
    "cp932": "shiftjis sjis mskanji cp932 ms932 windows31j windows932 932 cp943 cp943c macjapanese "
    "shiftjisms",
    "euc_jp": "eucjp ujis eucjpms cp51932 euc extendedunixcodepackedformatforjapanese",
    "cp949": "euckr ksc5601 ksc56011987 ksc56011989 ksx1001 korean windows949 ms949 cp949 949 uhc "
    "isoir149 isoir149ksc56011987",
    "iso-2022": "iso2022jp iso2022jp1 iso2022jp2 iso2022jp3 iso2022jpms iso2022jpext jis cp50220 "
    "cp50221 cp50222 iso2022kr iso2022cn iso2022cnext iso2022 50220 50221",
    "hz": "hz hzgb hzgb2312",
    "cp874": "tis620 tis6200 tis62025291 iso885911 windows874 cp874 dos874 874 thai",
    "iso8859_8": "iso88598 iso88598i iso88598e iso885981988 isoir138 hebrew visual logical",
    "cp1252": "iso88591 iso885911987 latin1 l1 isolatin1 isoir100 cp819 ibm819 8859 88591 cp1252 "
    "windows1252 1252 ansi windows1252latin1",
    "ascii": "usascii ascii ansix3.41968 ansix341968 iso646us iso646irv us 7bit isoir6 cp367 ibm367",
    "utf-8-sig": "utf8 utf utf8mb4 utf8n utf8sig utf8bom unicode11utf8 unicode20utf8 cp65001 65001",
    "utf-16": "utf16 ucs2 iso10646ucs2 unicode iso10646 utf16bom 1200",
    "utf-16-le": "utf16le unicodelittle ucs2le",
    "utf-16-be": "utf16be unicodebig unicodefffe ucs2be 1201",
    "utf-7": "utf7 unicode11utf7 unicode20utf7 65000",
    "mac_roman": "macintosh mac macroman",
    "koi8_r": "koi koi8 koi8r",
}
_BY_LABEL = {label: codec for codec, labels in _CODECS.items() for label in labels.split()}
_NO_TEXT = {
    "base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec",
    "zlib_codec",
}  # fmt: skip
_KNOWN = {
    re.sub("[^a-z0-9]", "", label): codec
    for label, codec in (*aliases.items(), *zip(aliases.values(), aliases.values(), strict=True))
    if codec not in _NO_TEXT
}
_PREFIX = re.compile(r"(?:x-|cs)+(?=.)")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_ESCAPES = re.compile(rb"\x1b\$?[()*+./-]?[@-~]|[\x0e\x0f]|\x1b[NO]..|[^\x1b\x0e\x0f]+|\x1b", re.S)
_WIDER = {"cp950": ("big5hkscs",), "euc_jp": ("euc_jis_2004",), "cp932": ("shift_jis_2004",)}
"""Charsets that are written under the name of another that they extend."""
_TWO_BYTES = (_GB, "cp950", "big5hkscs", "cp932", "cp949", "euc_jp")
_SWITCHES = re.compile(rb"\x1b\$(?:[@AB]|[()][ACDG])")
_UTF_7 = re.compile(rb"\+[A-Za-z0-9/]{5,}-")
_LONE = re.compile("[\ud800-\udfff]")
"""Halves of characters, which UTF-7 lets pass."""
_SETS = {
    b"A": _GB, b"C": "cp949", b"B": "", b"@": "", b"D": "euc_jp", b"O": "euc_jis_2004",
    b"P": "euc_jis_2004", b"Q": "euc_jis_2004",
}  # fmt: skip
"""The codec of a set of two bytes a character by its final byte (ISO-IR); "" is JIS X 0208."""
_SECOND_PLANES = (b"D", b"P")


@lru_cache(512)
def codec_of(label: str) -> str:
    """Return the codec for a label, "" for one that is unknown or says nothing."""
    plain = label[:MAX_LABEL].partition("*")[0].strip(" \t\"'").lower()
    for each in (plain, _PREFIX.sub("", plain)):
        key = re.sub("[^a-z0-9]", "", each)
        if found := _BY_LABEL.get(key):
            return found
        if key.startswith("gb"):
            return _GB
        if found := _KNOWN.get(key):
            return found
    return ""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where an excerpt may begin or end inside a character, of which nothing is shown then."""

    begin: bool = False
    end: bool = False


WHOLE, BEGINNING, MIDDLE = Cut(), Cut(end=True), Cut(begin=True, end=True)


def decode(data: bytes, label: str = "", cut: Cut = WHOLE) -> Decoded:
    """Return bytes as text, by the charset that `label` names or else by their content."""
    codec = codec_of(label)
    if not codec:
        return _unlabelled(data, cut)
    for each in (codec, *_WIDER.get(codec, ())):
        text, rest = _strictly(data, each, cut)
        if text is None:
            continue
        if each in _TWO_BYTES and (other := _utf_8_instead(data, text, cut)) is not None:
            return Decoded(other, "utf-8", How.GUESSED)
        lost = bool(rest) and not cut.end
        return Decoded(text + "�" * lost, _name(each, data), How.STATED, lost)
    if codec == "ascii":
        return _unlabelled(data, cut)
    loose = _loosely(data, codec)
    if loose is not None:
        return Decoded(loose, _name(codec, data), How.STATED, damaged=True)
    return _unlabelled(data, cut)


def _utf_8_instead(data: bytes, text: str, cut: Cut) -> str | None:
    """Return what is UTF-8 under another label: it may pass for GB18030, of rare characters then."""
    if data.isascii():
        return None
    formed, _ = _strictly(data, "utf-8", cut)
    return formed if formed is not None and score_of(formed) > score_of(text) + _CLEARLY else None


def _unlabelled(data: bytes, cut: Cut) -> Decoded:
    for mark, codec in _BOMS:
        if data.startswith(mark) and len(data) > len(mark):
            text = loosely(data, codec, not cut.end)
            return Decoded(text, _name(codec, data), How.FORMED, "�" in text)
    if data.isascii() and (seven_bit := _seven_bit(data)):
        return seven_bit
    formed, rest = _strictly(data, "utf-8", cut)
    if formed is not None and (cut.end or not rest) and "\0" not in formed:
        if (chinese := _by_chance(data, formed)) is not None:
            return Decoded(chinese, _GB, How.GUESSED)
        return Decoded(formed, "utf-8", How.FORMED)
    head = data[:_SAMPLE]
    ended = not cut.end and len(head) == len(data)
    wide = _wide(head)
    if wide is not None:
        text = loosely(data, wide.charset, not cut.end)
        return Decoded(text, wide.charset, How.GUESSED, "�" in text)
    best, codec, skip = max(
        (score - skip / 8, codec, skip)
        for skip in range(1 + cut.begin)
        for score, codec in scores(head[skip:], ended)
    )
    # One bad byte does not make UTF-8 something else: what is left of it would score far better.
    if best < _UNSURE and tolerant(head, "utf-8", ended):
        codec, skip = "utf-8", 0
    text = loosely(data[skip:], codec, not cut.end)
    return Decoded(text, _name(codec, data), How.GUESSED, "�" in text)


def _by_chance(data: bytes, formed: str) -> str | None:
    """Return the Chinese that is UTF-8 by chance: a word or two, whose UTF-8 no language writes."""
    high = [ord(each) >> 4 for each in formed if each > "\x7f"]
    western = all(each < 0x18 for each in high)
    one_script = len(high) > 2 and max(high) - min(high) < 0x10
    if western or one_script or len(high) > _BY_CHANCE or max(high) >= 0x80:
        return None
    text = tolerant(data, _GB)
    return text if text is not None and score_of(text) > _UNSURE else None


def _seven_bit(data: bytes) -> Decoded | None:
    if _UTF_7.search(data) and b"\0" not in data:
        text = _LONE.sub("�", data.decode("utf-7", "replace"))
        if "�" not in text and score_of(text) > 0.6:
            return Decoded(text, "utf-7", How.GUESSED)
    if _SWITCHES.search(data):
        text = _iso_2022(data)
        return Decoded(text, _name("iso-2022", data), How.GUESSED, "�" in text)
    if b"\0" not in data:
        return Decoded(data.decode("ascii"), "us-ascii", How.FORMED)
    return None


def _wide(data: bytes) -> Decoded | None:
    """Return what is UTF-16 without a mark: half of its bytes say nothing, or all are Chinese."""
    if len(data) < 4:
        return None
    best: tuple[float, str, str] = (0.7, "", "")
    for codec in ("utf-16-le", "utf-16-be"):
        try:
            text = data[: len(data) // 2 * 2].decode(codec)
        except UnicodeDecodeError:
            continue
        ascii_only = sum(" " <= each <= "~" or each in "\r\n\t" for each in text)
        rest = len(text) - ascii_only
        worth = (ascii_only + rest * (score_of(text) if rest else 0)) / len(text)
        if "\0" not in text and worth > best[0]:
            best = worth, codec, text
    return Decoded(best[2], best[1], How.GUESSED) if best[1] else None


def _strictly(data: bytes, codec: str, cut: Cut) -> tuple[str | None, bytes]:
    """Return the text, None where some bytes are no characters, and what the end has cut off."""
    if codec == "iso-2022":
        text = _iso_2022(data)
        return (None if "�" in text else text), b""
    if codec == "utf-16":
        codec, data = _byte_order(data)
    starts: list[tuple[float, str, bytes]] = []
    for skip in range(1 + cut.begin * (3 if codec.startswith("utf") else 1)):
        try:
            decoder = codecs.getincrementaldecoder(codec)()
            text = _LONE.sub("�", decoder.decode(data[skip:]))
            rest = decoder.getstate()[0]
        except (UnicodeError, LookupError):
            continue
        if not cut.begin or codec.startswith("utf-8"):
            return text, rest
        starts.append((score_of(text) - skip / 8, text, rest))
    if starts:
        return max(starts)[1:]
    return None, b""


def _loosely(data: bytes, codec: str) -> str | None:
    if codec == "iso-2022":
        return _iso_2022(data)
    if codec == "utf-16":
        codec, data = _byte_order(data)
    return data.decode("latin-1") if codec == "cp1252" else tolerant(data, codec)


def _byte_order(data: bytes) -> tuple[str, bytes]:
    for mark, codec in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return codec, data[2:]
    wide = _wide(data)
    return (wide.charset if wide else "utf-16-le"), data


def _name(codec: str, data: bytes) -> str:
    if codec == "iso-2022":
        return (
            "iso-2022-cn" if b"$)A" in data else "iso-2022-kr" if b"$)C" in data else "iso-2022-jp"
        )
    return _NAMES.get(codec, codec.replace("_", "-"))


def _iso_2022(data: bytes) -> str:
    """Return the text of ISO-2022-JP, -KR and -CN: sets that escapes and shifts switch between.

    Of JIS X 0208 all that Microsoft's programs write; of CNS 11643, which no codec here knows, U+FFFD.
    """
    sets = {0: b"(B", 1: b""}
    shown, text = 0, []
    for token in _ESCAPES.findall(data):
        if token == b"\x0e":
            shown = 1
        elif token == b"\x0f":
            shown = 0
        elif token[:2] in (b"\x1bN", b"\x1bO"):
            text.append("�")
        elif token.startswith(b"\x1b") and len(token) > 1:
            sets[token[1:2] in b")-" or token[1:3] == b"$)"] = token[1:]
        else:
            text.append(_of_set(token, sets[shown]))
            if b"\n" in token and shown and not sets[1]:
                shown = 0
    return "".join(text)


def _of_set(data: bytes, name: bytes) -> str:
    if not name.startswith(b"$"):
        if name == b"(I":
            return bytes(each | 0x80 for each in data).decode("cp932", "replace")
        return data.decode("ascii", "replace")
    codec = _SETS.get(name[-1:], "none")
    found = []
    for run in re.findall(rb"[!-~]+|[^!-~]+", data):
        if not 0x21 <= run[0] <= 0x7E:
            found.append(run.decode("latin-1"))
        elif codec == "none":
            found.append("�" * (len(run) // 2))
        elif not codec:
            found.append(_shift_jis(run).decode("cp932", "replace"))
        elif name[-1:] in _SECOND_PLANES:
            pairs = (run[at : at + 2] for at in range(0, len(run), 2))
            plane = b"".join(b"\x8f" + bytes(each | 0x80 for each in pair) for pair in pairs)
            found.append(plane.decode(codec, "replace"))
        else:
            found.append(bytes(each | 0x80 for each in run).decode(codec, "replace"))
    return "".join(found)


def _shift_jis(pairs: bytes) -> bytes:
    """Return JIS X 0208 rows and cells as the same characters in Shift_JIS."""
    found = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=False):
        found.append((row + 1 >> 1) + (0x70 if row < 0x5F else 0xB0))
        found.append(cell + ((0x20 if cell > 0x5F else 0x1F) if row % 2 else 0x7E))
    return bytes(found)
