"""`sealbook verify --for`: a report by the questions of a rule, or a draft that is filled from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.chain.trust import fingerprint
from ledger.cli import text
from ledger.cli.court.drafts import draft_page
from ledger.cli.court.page import described, headed
from ledger.cli.table import Rows
from ledger.court import say
from ledger.court.articles import article_title, describe_answer
from ledger.court.declaration import Copy, Exhibit, declaration_facts, draft_declaration
from ledger.court.questions import FRE_902, Answer, Check, online_litigation
from ledger.program import this_program

if TYPE_CHECKING:
    from ledger.chain.report import Report
    from ledger.chain.trust import Trust
    from ledger.evidence.casefile import MatterShown

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Examined:
    """A deposit that was checked: its report, the metadata opened, and the copies shown."""

    report: "Report"
    stated: tuple[Mapping[str, Any], ...] = ()
    copies: tuple[Copy, ...] = ()


def check_of(file: Path, trusted: "tuple[Trust, bytes, str]", language: str) -> Check:
    """Return what was checked with what; a sealed file counts as it was handed over."""
    with file.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    _, data, source = trusted
    trust = source or say("vault-trust", language)
    return Check(str(file), digest, trust, fingerprint(data), this_program())


def digest_of(read: Any, size: int) -> str:
    """Return SHA-256 in hex of what `read(offset, size)` gives, from its beginning to `size`."""
    digest = sha256()
    for offset in range(0, size, _BLOCK):
        digest.update(read(offset, min(_BLOCK, size - offset)))
    return digest.hexdigest()


def structured(
    rule: str, examined: Sequence[Examined], check: Check, matters: "Sequence[MatterShown]"
) -> dict[str, Any]:
    """Return what --json adds to the reports."""
    if rule == FRE_902:
        exhibits = _exhibits(examined)
        text_ = draft_declaration(exhibits, check, matters)
        return {"for": rule, "declaration": {**declaration_facts(exhibits, check), "text": text_}}
    return {
        "for": rule,
        "answers": [
            [answer.as_dict() for answer in online_litigation(each.report, each.stated, check)]
            for each in examined
        ],
    }


def answers_page(examined: Examined, check: Check, language: str, head: Rows) -> str:
    """Return one deposit's report by articles."""
    answers = online_litigation(examined.report, examined.stated, check)
    lines = [headed(examined.report, say("title-articles", language), language, head)]
    article = ""
    for answer in answers:
        if answer.article != article:
            article = answer.article
            lines += ["", click.style(article_title(article, language), bold=True, underline=True)]
        lines += ["", *_answer(answer, language)]
    return "\n".join(lines)


def declaration_page(
    examined: Sequence[Examined], check: Check, matters: "Sequence[MatterShown]"
) -> str:
    """Return the draft, wrapped."""
    return draft_page(draft_declaration(_exhibits(examined), check, matters))


def _exhibits(examined: Sequence[Examined]) -> list[Exhibit]:
    return [Exhibit(each.report, each.copies) for each in examined]


def _answer(answer: Answer, language: str) -> Iterator[str]:
    return described(describe_answer(answer, language, text.when), answer.status)
