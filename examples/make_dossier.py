"""Make the example dossier: a contract, its annexes and the correspondence about a trade secret.

    python examples/make_dossier.py OUT_DIR

    OUT_DIR/contract.pdf           PDF/A-2a, Chinese and English, fonts embedded as subsets
    OUT_DIR/annexes/               seven files: GB18030, UTF-8, an image, an empty one, a subfolder
    OUT_DIR/correspondence.mbox    24 letters with attachments (RFC 5322, RFC 2045-2049, RFC 4155)

The texts are in `dossier_source/`. All parties are invented. The bytes and the times of the files
are the same on every run with the same Python, zlib and typst.
"""

import random
import struct
import sys
import tomllib
import zlib
from datetime import datetime
from email.generator import BytesGenerator
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from io import BytesIO
from itertools import pairwise
from os import utime
from pathlib import Path
from time import asctime
from typing import Any

import pylopdf_fonts_zh_cn
import typst

SOURCE = Path(__file__).parent / "dossier_source"
SIGNED_AT = datetime.fromisoformat("2026-06-18T17:20:00+08:00")
MIME_TYPES = {".pdf": "application/pdf", ".png": "image/png", ".csv": "text/csv"}


def main(out: Path) -> None:
    contract, draft, drawing = typeset()
    specification = source("specification.txt")
    parameters, prices, register = (
        source(name).encode("utf-8-sig")  # as spreadsheet programs save it
        for name in ("parameters.csv", "prices.csv", "register.csv")
    )
    letters = mailbox(
        {
            "price list 2026.csv": prices,
            "保密措施登记表.csv": register,
            "技术规格书.txt": specification.encode("gb18030"),
            "LY-40 tube drawing.png": drawing,
            "furnace log 2026-04-17.csv": furnace_log().encode(),
            "SEM micrograph LY-40.png": micrograph(),
            "back-pulse test lot 260417.csv": back_pulse_test().encode(),
            "供货与保密合同 草案3.pdf": draft,
            "供货与保密合同 LYKB-2026-018.pdf": contract,
            "工艺参数表.csv": parameters,
            "offer by a third party (excerpt).txt": source("offer.txt").encode(),
        }
    )
    for name, modified, data in (
        ("contract.pdf", "2026-06-18T17:20:00+08:00", contract),
        ("correspondence.mbox", "2026-09-14T11:40:00+08:00", letters),
        ("annexes/工艺参数表.csv", "2026-06-22T09:40:00+08:00", parameters),
        (
            "annexes/specification (GB18030).txt",
            "2026-03-16T14:02:00+08:00",
            specification.encode("gb18030"),
        ),
        ("annexes/specification (UTF-8).txt", "2026-03-16T14:05:00+08:00", specification.encode()),
        ("annexes/LY-40 tube drawing.png", "2026-03-16T16:30:00+08:00", drawing),
        ("annexes/price list 2026.csv", "2026-01-05T09:00:00+08:00", prices),
        ("annexes/amendments.txt", "2026-06-18T17:30:00+08:00", b""),
        ("annexes/保密措施/登记表.csv", "2026-06-22T10:10:00+08:00", register),
    ):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        set_modified(path, datetime.fromisoformat(modified))
    for folder in (out / "annexes" / "保密措施", out / "annexes", out):
        set_modified(folder, SIGNED_AT)


def source(name: str) -> str:
    return (SOURCE / name).read_text("utf-8")


def set_modified(path: Path, when: datetime) -> None:
    utime(path, (when.timestamp(), when.timestamp()))


def typeset() -> tuple[bytes, bytes, bytes]:
    """The signed contract and its third draft (PDF), and the drawing (PNG).

    PDF/A-2a makes typst refuse text without a glyph; system fonts would change the result.
    """
    fonts = [pylopdf_fonts_zh_cn.serif_path().parent]
    compiler = typst.Compiler(root=SOURCE, font_paths=fonts, ignore_system_fonts=True)

    def compiled(name: str, **options: Any) -> bytes:
        output, warnings = compiler.compile_with_warnings(
            SOURCE / name, timestamp=SIGNED_AT, **options
        )
        if warnings or not isinstance(output, bytes):
            raise SystemExit(f"{name} did not typeset cleanly: {warnings or 'more than one image'}")
        return output

    signed, draft = (
        compiled("contract.typ", format="pdf", pdf_standards=["a-2a"], sys_inputs={"stage": stage})
        for stage in ("signed", "draft")
    )
    return signed, draft, compiled("drawing.typ", format="png", ppi=96.0)


def furnace_log() -> str:
    """Set and measured temperature of the trial, one row a minute."""
    knots = [(0, 25), (342, 1120), (415, 1485), (510, 1485), (567, 1712), (605, 1712), (889, 1200)]
    noise = random.Random(417)
    rows = ["minute,set_C,measured_C,nitrogen_MPa"]
    for (start, low), (end, high) in pairwise(knots):
        for minute in range(start, end):
            wanted = low + (high - low) * (minute - start) / (end - start)
            measured = wanted + noise.uniform(-1.5, 1.5)
            rows.append(f"{minute},{wanted:.0f},{measured:.1f},{noise.uniform(0.61, 0.63):.3f}")
    return "\n".join(rows) + "\n"


def back_pulse_test() -> str:
    noise = random.Random(260417)
    rows = ["tube,cycles,pressure_MPa,leak_rate_percent,cracks"]
    rows += [
        f"260417-{tube:02},20000,0.40,{noise.uniform(0.01, 0.03):.3f},0" for tube in range(1, 9)
    ]
    return "\n".join(rows) + "\n"


def micrograph(width: int = 1280, height: int = 960, cell: int = 8) -> bytes:
    """A grey-scale image of grains and pores, 1.2 MB because its noise hardly compresses."""
    noise = random.Random(40)
    tones = [bytes(base + value // 4 for value in range(256)) for base in (10, 90, 130, 170)]
    columns, rows = width // cell, height // cell
    grains = [
        (noise.uniform(0, columns), noise.uniform(0, rows), noise.choice(tones)) for _ in range(120)
    ]
    scanlines = []
    for y in range(rows):
        grains_here = [(left, (top - y) ** 2) for left, top, _ in grains]
        nearest = []
        for x in range(columns):
            distances = [(left - x) ** 2 + down for left, down in grains_here]
            nearest.append(grains[distances.index(min(distances))][2])
        for _ in range(cell):
            line = noise.randbytes(width)
            cells = (line[cell * x :][:cell].translate(tone) for x, tone in enumerate(nearest))
            scanlines.append(b"\0" + b"".join(cells))
    return png(width, height, b"".join(scanlines))


def png(width: int, height: int, scanlines: bytes) -> bytes:
    """An 8-bit grey-scale PNG; each scanline starts with its filter type (0)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(scanlines, 6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def mailbox(attachments: dict[str, bytes]) -> bytes:
    """The letters as an mboxo file: "From " lines, LF, ">From " in bodies (RFC 4155, appendix A)."""
    contents = tomllib.loads(source("letters.toml"))
    people = {key: address(text) for key, text in contents["people"].items()}
    letters = contents["letter"]
    box = BytesIO()
    for number, letter in enumerate(letters, 1):
        message = mail(number, letters, people, attachments)
        arrived = asctime(letter["date"].utctimetuple())
        envelope = f"From {people[letter['from']].addr_spec} {arrived}\n"
        box.write(envelope.encode())
        BytesGenerator(box, mangle_from_=True).flatten(message)
        box.write(b"\n")
    return box.getvalue()


def address(text: str) -> Address:
    name, addr_spec = parseaddr(text)
    return Address(name, addr_spec=addr_spec)


def mail(
    number: int,
    letters: list[dict[str, Any]],
    people: dict[str, Address],
    attachments: dict[str, bytes],
) -> EmailMessage:
    """Letter `number` (from 1) as a message; boundaries and ids are derived from the number."""
    letter = letters[number - 1]
    sender = people[letter["from"]]
    message = EmailMessage()
    message["Received"] = (
        f"from mail.{sender.domain} by archive.lanyue.example with ESMTPS id LY{number:04}; "
        + format_datetime(letter["date"])
    )
    message["Date"] = letter["date"]
    message["From"] = sender
    message["To"] = [people[key] for key in letter["to"]]
    if "cc" in letter:
        message["Cc"] = [people[key] for key in letter["cc"]]
    message["Subject"] = letter["subject"]
    message["Message-ID"] = message_id(number, letters, people)
    if thread := ancestors(number, letters):
        message["In-Reply-To"] = message_id(thread[-1], letters, people)
        message["References"] = " ".join(message_id(n, letters, people) for n in thread)
    message.set_content(
        letter["body"],
        charset=letter.get("charset", "utf-8"),
        cte=letter.get("encoding", "base64"),
    )
    if "html" in letter:
        message.add_alternative(letter["html"], subtype="html", cte="quoted-printable")
    for name in letter.get("attach", ()):
        attach(message, name, attachments[name])
    for level, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_LYKB-{number:02}-{level}")
    return message


def attach(message: EmailMessage, name: str, data: bytes) -> None:
    maintype, subtype = MIME_TYPES.get(Path(name).suffix, "application/octet-stream").split("/")
    cte = "quoted-printable" if maintype == "text" else "base64"
    message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name, cte=cte)


def ancestors(number: int, letters: list[dict[str, Any]]) -> list[int]:
    """The numbers of the letters that this one answers, oldest first."""
    answered = letters[number - 1].get("answers")
    return [] if answered is None else [*ancestors(answered, letters), answered]


def message_id(number: int, letters: list[dict[str, Any]], people: dict[str, Address]) -> str:
    letter = letters[number - 1]
    return f"<{letter['date']:%Y%m%d}.{number:02}@{people[letter['from']].domain}>"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python examples/make_dossier.py OUT_DIR")
    main(Path(sys.argv[1]))
