"""`sealbook notary check`: whether a receipt is ours, and how the account stands today."""

import os
from pathlib import Path
from typing import Any

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import books, directory_option
from ledger.quoted import Words, quoted


@click.command(
    epilog="""\b
Example:
  sealbook notary check contract.pdf.receipt --lang zh
"""
)
@click.argument("file", type=shell.FILE)
@directory_option
@shell.language_option
@shell.json_option
def check(file: Path, directory: Path, lang: str | None, as_json: bool) -> None:
    """Say whether a receipt is ours, and how its account stands.

    For the counter. FILE is a receipt or an evidence file.
    """
    from ledger.chain.trust import parse_trust
    from ledger.cli.court.reports import Shown, damaged, show_reports
    from ledger.court import choose_language
    from ledger.court.relied import refused
    from ledger.evidence.check import check_file
    from ledger.notary.standing import office_standing
    from ledger.notary.storage.directory import read_settings

    language = choose_language(lang, os.environ)
    path = directory / read_settings(directory).trust_file
    data = path.read_bytes()
    trust = parse_trust(data)
    shell.require_readable(file)
    with damaged(file), file.open("rb") as opened:
        checked = check_file(opened, trust)
    with books(directory) as (store, signed):
        standings = [
            office_standing(store, signed, each.key_id, each.leaf_hash)
            for each in checked.statements
        ]
    how = Shown(file, language, as_json, full=True)
    more = {"standing": standings}
    trusted = (trust, data, path.name)
    good = show_reports(checked.reports, trusted, how, more, matters=checked.matters)
    if not as_json:
        for report, standing in zip(checked.reports, standings, strict=True):
            if refused(report) is None:  # ADR 0062: what it names is not known to be its own
                click.echo("\n" + _now_page(standing, language))
    if not (good and all(each["entered"] for each in standings)):
        raise SystemExit(1)


def _now_page(standing: dict[str, Any], language: str) -> str:
    from ledger.cli.table import Value, labelled
    from ledger.court import say

    yes_no = {
        True: say("yes", language), False: say("no", language), None: say("unknown", language)
    }  # fmt: skip

    def entry(index: int) -> Words:
        return say("entry", language, index=index)

    def revoked(found: dict[str, Any]) -> str:
        lines = [
            say(
                "revoked-at",
                language,
                when=text.when(found["time"]),
                entry=entry(found["index"]),
                reason=say(found["reason"], language),
            )
        ]
        if found["after_deposit"] is not None:
            lines.append(
                say(f"revoked-{'after' if found['after_deposit'] else 'before'}", language)
            )
        return "\n".join(lines)

    own = standing["revocation"]
    rows: list[tuple[str, Value]] = [
        (
            say("entered", language),
            yes_no[standing["entered"]]
            if standing["index"] is None
            else f"{yes_no[True]}, {entry(standing['index'])}",
        ),
        (
            say("key-revoked", language),
            yes_no[standing["key_revoked"]] if own is None else revoked(own),
        ),
    ]
    rows += [
        (say("revoked-key", language), f"{each['key'][:16]}\n{revoked(each['revocation'])}")
        for each in standing["keys"]
        if each["revocation"] is not None and each["revocation"] != own
    ]
    rows += [
        (
            say("inspected", language),
            say(f"inspected-{each['scope']}", language, entry=entry(each["index"])),
        )
        for each in standing["inspections"]
    ]
    rows += [
        (say("notice", language), [entry(each["index"]), quoted(each["text"])])
        for each in standing["notices"]
    ]
    title = say("standing", language, size=standing["size"])
    return "\n".join([click.style(title, bold=True), *labelled(rows, 4)])
