"""The page says of a claim what the core's report says of it, in both languages."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import report as rp
from ledger.chain.report import Claim
from ledger.court.claims import describe
from ledger.evidence import notices
from ledger.language import LANGUAGES
from ledger.quoted import Quoted
from tests.page.building import bundled, require_node

AT = 1795424520
TOKEN = {"authority": "Time “A”", "latest": AT, "until": AT + 9 * 10**7}
REMARKS = [
    {"what": "comments", "count": 1, "names": ["Li"], "more_names": 0, "first": None, "last": None},
    {
        "what": "comments",
        "count": 1200,
        "names": [],
        "more_names": 3,
        "first": AT,
        "last": AT + 900,
    },
    {"what": "fields", "count": 2, "names": [], "more_names": 0, "first": AT, "last": AT},
    {
        "what": "unheard-of",
        "count": 2,
        "names": ["x"],
        "more_names": 0,
        "first": None,
        "last": None,
    },
]
MADE = {"kind": "page", "position": 2, "total": 9, "of": 1, "tool": "pdfium", "remarks": REMARKS}


def part(first: int, count: int, **more: Any) -> dict[str, Any]:
    base = {"path": None, "position": None, "total": None, "first": first, "count": count}
    return base | {"size": 5600, "offset": None} | more


def document(number: int, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "document": number,
        "name": None,
        "whole": False,
        "size": None,
        "fields": {},
    }
    return base | {"rendition": None, "pieces": None, "parts": []} | more


PARTIAL = [
    document(1, name="a.mbox", whole=True, size=123456),
    document(2, parts=[part(2, 1, path="message 2 of 3/part 1.2", position=2, total=3)]),
    document(3, pieces=1234, parts=[part(1, 2), part(9, 1, offset=4096), part(20, 1200)]),
    document(4, pieces=4, parts=[part(2, 3)]),
    document(5, pieces=2, parts=[part(1, 2)]),
    document(6, parts=[part(1, 1, path="archive/member 1 of 2, name guessed as gbk: a/b: c.txt")]),
    document(
        7,
        rendition=MADE | {"kind": "hologram"},
        fields={"name": "b", "size": 9000, "modified": AT, "media-type": "", "tool": "x\u202ey"},
    ),
    document(8, fields={"unsplit": notices.joined([notices.OLD_WORD.line(), "words; of others"])}),
]
ODD = "the deposit was made for “a \\x41”, the trust file is for “”"
SEEN: list[tuple[list[list[int]], int | None]] = [
    ([], None), ([[1, 3]], 3), ([[1, 2], [5, 1]], 9), ([[2, 1]], None), ([], 4)
]  # fmt: skip
CLAIMS = [
    *(Claim(name, rp.NOT_SHOWN) for name in rp.CLAIMS),
    *(Claim(name, rp.FAILED, reason=ODD) for name in rp.CLAIMS),
    Claim(rp.CONTENT, rp.FAILED, reason="“a” has 12 bytes, what was deposited had 13"),
    Claim(
        rp.CONTENT,
        rp.PROVEN,
        "full-opening",
        facts={
            "documents": [
                {"name": "a\u202eb", "size": 1234567},
                {"name": "p", "size": 1, "rendition": MADE},
            ]
        },
    ),
    Claim(rp.CONTENT, rp.PROVEN, "full-opening", facts={"documents": [{"name": "a", "size": 0}]}),
    Claim(rp.CONTENT, rp.PROVEN, "partial-opening", facts={"documents": PARTIAL}),
    Claim(rp.CONTENT, rp.PROVEN, "partial-opening", facts={"documents": []}),
    Claim(
        rp.PROVENANCE,
        rp.STATED,
        "depositor-software",
        facts={
            "fields": {"title": "T", "dkim-1-key": "k", "officer-2": "", "strange": "<b>"}
            | {f"envelope-to-{n}": "x" for n in range(120)}
        },
    ),
    *(
        Claim(
            rp.INSPECTION,
            rp.STATED,
            "notary",
            facts={
                "index": 9,
                "time": AT,
                "officer": "王",
                "role": "公证员",
                "scope": scope,
                "covers": covers,
                "seen": [{"document": 1, "runs": runs, "pieces": pieces} for runs, pieces in SEEN],
            },
        )
        for scope, covers in (("whole", None), ("part", True), ("part", False))
    ),
    Claim(
        rp.DEPOSITOR,
        rp.PROVEN,
        "depositor-signature",
        facts={"account": "ab" * 16, "key": "cd" * 32, "signed": AT},
    ),
    Claim(
        rp.IDENTITY,
        rp.STATED,
        "notary",
        facts={"name": "示例", "registration": "9", "checked_by": "王", "checked_at": AT},
    ),
    Claim(
        rp.LEDGER,
        rp.PROVEN,
        "inclusion-proof",
        facts={"origin": "x/y", "index": 5, "size": 7, "root": "ab", "commitment": "cd"},
    ),
    Claim(
        rp.BLOCK,
        rp.PROVEN,
        "block-record",
        facts={"height": 2, "start": 4, "size": 7, "previous": "ab"},
    ),
    Claim(rp.SEAL, rp.PROVEN, "seal-certificate", facts={"subject": "CN=x"}),
    Claim(rp.TIME, rp.STATED, "notary", facts={"time": AT}),
    Claim(
        rp.TIME,
        rp.STATED,
        "notary",
        facts={"time": AT, "earliest": AT - 9, "left_out": ["a token is over “x”"]},
    ),
    Claim(
        rp.TIME,
        rp.PROVEN,
        "tokens",
        facts={"time": AT, "latest": AT + 9, "authorities": ["A"], "own": [TOKEN]},
    ),
    Claim(rp.TIME, rp.PROVEN, "tokens", facts={"time": AT, "earliest": AT - 9, "latest": AT + 9}),
    Claim(rp.EXISTENCE, rp.PROVEN, "tokens", facts={"until": AT, "tokens": [TOKEN]}),
    Claim(
        rp.EXISTENCE,
        rp.PROVEN,
        "evidence-record",
        facts={"until": 4 * 10**11, "record": {"since": AT, "tokens": [TOKEN]}},
    ),
    Claim(
        rp.EXISTENCE,
        rp.NOT_SHOWN,
        facts={"until": AT, "record_refused": ["the record is of another file"]},
    ),
    Claim(
        rp.WITNESSES,
        rp.PROVEN,
        "cosignatures",
        facts={
            "witnesses": [
                {"name": "w", "key": "k", "time": AT},
                {"name": "v", "key": "k", "time": None},
            ]
        },
    ),
    Claim(rp.WITNESSES, rp.NOT_SHOWN, facts={"witnesses": []}),
    Claim(rp.MATTER, rp.STATED, "depositor", facts={"id": "ab" * 16, "number": 3}),
]


def expected(claim: Claim, language: str) -> dict[str, Any]:
    words = describe(claim, language)
    facts = [
        [
            each.label.strip(),
            {"other": each.value.text} if isinstance(each.value, Quoted) else each.value,
            each.digest,
        ]
        for each in words.facts
    ]
    return {"title": words.title, "status": words.status, "text": words.text, "facts": facts}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_node()
    return bundled("test/words.ts", tmp_path_factory.mktemp("words"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_claim_reads_as_in_the_cores_report(program: Path, language: str) -> None:
    asked = [
        {
            "language": language,
            "claim": {
                "claim": c.name,
                "status": c.status,
                "by": c.by,
                "reason": c.reason,
                "facts": c.facts,
            },
        }
        for c in CLAIMS
    ]
    answered = subprocess.run(
        ["node", program], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    for claim, told in zip(CLAIMS, json.loads(answered.stdout), strict=True):
        assert told == expected(claim, language), claim
