"""The report on confidentiality measures as a page: rule by rule, in 80 columns."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from ledger.cli import text
from ledger.cli.table import Value, labelled
from ledger.company.measures.register import (
    RECORDED,
    Register,
    RegisterEntry,
    RuleFinding,
    VaultFacts,
)
from ledger.company.measures.words import (
    fact_text,
    gap_text,
    heading,
    kind_text,
    person_text,
    rule_text,
    say,
    version_text,
)
from ledger.company.vault.making import Config
from ledger.quoted import Quoted, Words, quoted

_SHOWN = 6
"""Entries listed under a rule; `measure list` has them all."""
_MARGIN = 4


def report_page(
    config: Config,
    register: Register,
    facts: VaultFacts,
    findings: Sequence[RuleFinding],
    language: str,
) -> str:
    """Return the report for a person."""
    entries = register.entries
    summary = say(
        "summary",
        language,
        entries=len(entries),
        registered=sum(each.index is not None for each in entries),
    )
    rows: list[tuple[str, Value]] = [
        (say("account", language), [quoted(config.name), config.account]),
        (say("register", language), summary if entries else say("nothing", language)),
    ]
    lines = [click.style(say("title", language), bold=True), "", *labelled(rows)]
    law = ""
    for finding in findings:
        lines.append("")
        if finding.rule.law != law:
            law = finding.rule.law
            lines += [text.indent(version_text(finding.rule, language), 0), ""]
        lines += _finding(finding, facts, language)
    lines += ["", text.indent(say("foot", language), 0)]
    return "\n".join(lines)


def _finding(finding: RuleFinding, facts: VaultFacts, language: str) -> Iterator[str]:
    title = heading(finding.rule, language)
    status = say(finding.status, language)
    gap = max(2, text.WIDTH - text.columns(title) - text.columns(status))
    color = "green" if finding.status == RECORDED else "yellow"
    yield click.style(title, bold=True) + " " * gap + click.style(status, fg=color)
    yield text.indent(rule_text(finding.rule, language), _MARGIN)
    rows: list[tuple[str, Value]] = []
    for name in finding.facts:
        levels = (facts.levels or {}).items() if name == "levels" else ()
        counted = (each for level, count in levels for each in (quoted(level), str(count)))
        rows.append((say("vault", language), [fact_text(name, facts, language), *counted]))
    if finding.rule.overall:
        rows += [(say("book", language), _overall(finding, language))] * bool(finding.entries)
    else:
        rows += [(f"{each.number}", _entry(each, language)) for each in finding.entries[:_SHOWN]]
        if len(finding.entries) > _SHOWN:
            rows.append(("", say("more", language, count=len(finding.entries) - _SHOWN)))
    for lack in finding.gaps:
        persons = map(quoted, lack.facts.get("persons", ()))
        rows.append((say("gap", language), [gap_text(lack, language), *persons]))
    yield from labelled(rows, _MARGIN)


def _overall(finding: RuleFinding, language: str) -> str:
    registered = [each for each in finding.entries if each.time is not None]
    if not registered:
        return say("none", language)
    first = min(registered, key=lambda each: each.time or 0)
    when = text.when(first.time or 0)[:16]
    return say("since", language, index=first.index or 0, time=Words(when), count=len(registered))


def _entry(entry: RegisterEntry, language: str) -> list[str | Quoted]:
    measure = entry.measure
    when = say("not-registered", language) if entry.time is None else text.when(entry.time)[:16]
    persons = (person_text(each, language) for each in measure.persons)
    about = ", ".join((*persons, *(each.text for each in measure.subjects)))
    first = f"{text.pad(when, 16)}  {kind_text(measure.kind, language)}"
    return [first, quoted(about or measure.note)]


def report_value(
    config: Config, register: Register, facts: VaultFacts, findings: Sequence[RuleFinding]
) -> dict[str, Any]:
    """Return the report for a machine."""
    return {
        "account": config.account,
        "register": list(register.ids),
        "entries": len(register.entries),
        "vault": asdict(facts),
        "rules": [
            {
                "rule": each.rule.id,
                "law": heading(each.rule, "en"),
                "version": each.rule.version[0],
                "in_force": each.rule.in_force.isoformat(),
                "source": each.rule.source,
                "status": each.status,
                "entries": [
                    {
                        "number": entry.number,
                        "kind": entry.measure.kind,
                        "date": entry.measure.date.isoformat(),
                        "state": entry.state,
                        "index": entry.index,
                        "time": entry.time,
                    }
                    for entry in each.entries
                ],
                "vault": list(each.facts),
                "gaps": [{"code": gap.code, **gap.facts} for gap in each.gaps],
            }
            for each in findings
        ],
    }
