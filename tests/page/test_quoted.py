"""A value of others has one form wherever it stands: the core's, in Python and in the page."""

import json
import subprocess
import unicodedata
from pathlib import Path

from ledger.quoted import LIMIT, quoted
from tests.page.building import bundled, require_node
from tests.spoofs import SPOOFS

STEERING = "".join(
    map(chr, (*range(32), 127, 0x85, 0x9B, 0xAD, 0x61C, 0x200B, 0x202E, 0x2028, 0xFEFF))
)
HIDDEN = "\u2800\u3164\u115f\u1160\uffa0\u034f\u17b4\u180b\ufe0f\U000e0100\U000e0041\U000f0000"
WIDE = "名ｱＡ한🙂é\u0301α→①…Ж⁂𠮷"
VALUES = [
    *SPOOFS, "", " ", "a  b\u3000c\xa0", " both ", "plain", "“”\\", "C:\\new\\u202e",
    STEERING, HIDDEN, WIDE,
    "\ud800", "\udc9b", "\U0010ffff",
    *(each * LIMIT for each in ("x", "名", "é", "\x1b", "\\", "”", "\u202e", "\U000e0001", "a ", "🙂")),
    *("x" * (LIMIT - n) + "\u202e\x1b\U000e0001\\ ”y" for n in range(24)),
]  # fmt: skip


def page_says(values: list[str], folder: Path) -> list[str]:
    program = bundled("test/quoted.ts", folder)
    asked = json.dumps(values)
    found = subprocess.run(
        ["node", program], input=asked, capture_output=True, text=True, check=True
    )
    answer: list[str] = json.loads(found.stdout)
    return answer


def test_the_page_quotes_as_the_core_does(tmp_path: Path) -> None:
    require_node()
    sampled = [chr(code) for code in range(0x20000) if code % 7 == 0 or code < 0x3000]
    known = [
        each for each in sampled if unicodedata.category(each) != "Cn"
    ]  # versions of Unicode differ
    values = VALUES + ["".join(known[at : at + 100]) for at in range(0, len(known), 100)]
    for value, said in zip(values, page_says(values, tmp_path), strict=True):
        assert said == str(quoted(value)), ascii(value)
