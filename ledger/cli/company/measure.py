"""The register of confidentiality measures: `sealbook measure add`, `list` and `report`."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.speech import _, language, told
from ledger.cli.table import Value, labelled
from ledger.company.measures.measure import (
    DEPOSIT,
    KINDS,
    MATTER,
    OBJECT,
    Measure,
    Subject,
    line_of,
)
from ledger.company.measures.register import (
    REGISTERED,
    WAITING,
    Access,
    Register,
    RegisterEntry,
    access_now,
)
from ledger.language import translated
from ledger.quoted import Quoted, quoted

_OPTIONS = {"persons": "--person", "subjects": "--object*", "level": "--level", "note": "--note"}
_KINDS = "\n".join(
    (
        "\b",
        "Kinds, and what each needs:",
        *(
            f"  {each.name:<18}{text.pad(each.chinese, 22)}{' '.join(_OPTIONS[n] for n in each.needs)}"
            for each in KINDS.values()
        ),
        "  * or --deposit, or --matter",
    )
)


@click.group(
    epilog="""\b
Examples:
  sealbook measure add access-given --person "Li Na" --matter "Nanjing supply"
  sealbook measure list
  sealbook measure report --lang zh
"""
)
def measure() -> None:
    """Keep the register of confidentiality measures: what was done to keep a secret, and when."""


@measure.command(
    epilog=f"""{_KINDS}

\b
Examples:
  sealbook measure add agreement --person "Wang Wei" --file nda-signed.pdf
  sealbook measure add classification --level secret --matter "Nanjing supply"
  sealbook measure add access-withdrawn --person "Wang Wei" --by "Chen Li"
"""
)
@click.argument("kind", metavar="KIND", type=click.Choice(list(KINDS)))
@click.option("--person", multiple=True, help="Whom it concerns; may be repeated.")
@click.option("--by", default="", help="Who took the measure for the company.")
@click.option("--deposit", multiple=True, metavar="ID", help="A deposit that it is about.")
@click.option("--matter", multiple=True, metavar="NAME", help="A matter that it is about.")
@click.option("--object", "things", multiple=True, help="Anything else that it is about.")
@click.option("--level", default="", help="The level, for a classification.")
@click.option("--date", "day", metavar="YYYY-MM-DD", help="When it was taken. Default: today.")
@click.option("--note", default="", help="What a reader should know besides.")
@click.option("--file", "files", multiple=True, type=shell.FILE, help="A paper to deposit with it.")
@click.option("--no-wait", is_flag=True, help="Only seal; the next deposit sends it.")
@shell.json_option
def add(
    kind: str,
    person: tuple[str, ...],
    by: str,
    deposit: tuple[str, ...],
    matter: tuple[str, ...],
    things: tuple[str, ...],
    level: str,
    day: str | None,
    note: str,
    files: tuple[Path, ...],
    no_wait: bool,
    as_json: bool,
) -> None:
    """Enter a measure in the register, and deposit it.

    The entry is sealed like any deposit, numbered and chained in a matter of its own. Its text is the
    company's statement. Without the notary it waits; any later deposit sends it.
    """
    from ledger.cli.company.sending import Report, send
    from ledger.company.measures.recording import read_register, record
    from ledger.company.vault.matters import find_matter, number_of

    vault = own.open_vault()
    subjects = [
        Subject(DEPOSIT, line_of(f.meta.title), f.commitment) for f in map(vault.find, deposit)
    ]
    for name in matter:
        found = find_matter(vault, name)
        subjects.append(Subject(MATTER, line_of(found.name), found.id.hex()))
    subjects += [Subject(OBJECT, line_of(each)) for each in things]
    entry = Measure(
        kind,
        _day(day),
        tuple(line_of(each) for each in person),
        line_of(by),
        line_of(level),
        tuple(subjects),
        note=line_of(note),
    )
    _warn(entry, lambda: read_register(vault))
    stored = record(vault, entry, time.time, os.urandom, files)
    report = Report(as_json)
    report.asked_for([stored])
    if no_wait:
        report.waiting(stored, "sealed; `sealbook deposit` sends it")
    else:
        send(vault, report)
    if not as_json:
        shell.tell(told(f"Number {number_of(vault.stored(stored.name))} of the register."))
    report.finish()


def _day(stated: str | None) -> date:
    today = date.today()
    if stated is None:
        return today
    try:
        found = date.fromisoformat(stated)
    except ValueError as error:
        raise click.UsageError(f"{quoted(stated)} is not a day; write it as {today}.") from error
    if found > today:
        raise click.UsageError(
            f"{quoted(stated)} has not come yet; record a measure once it is taken."
        )
    return found


def _warn(entry: Measure, register: Callable[[], Register]) -> None:
    """Say where a withdrawal ends nothing: a name that is spelt in two ways gives two persons."""
    if entry.kind != "access-withdrawn":
        return
    entries = register().entries
    number = max((each.number for each in entries), default=0) + 1
    ended = RegisterEntry(number, "", entry, WAITING)
    if len(access_now([*entries, ended])) == len(access_now(entries)):
        shell.tell(
            text.indent(
                _(
                    "By the register, that person had no such access. Names and things are compared as "
                    "they are written; `sealbook measure list` shows them."
                ),
                0,
            )
        )


@measure.command(
    "list",
    epilog="""\b
Example:
  sealbook measure list
""",
)
@shell.json_option
def list_(as_json: bool) -> None:
    """List who has access to what now, and all entries."""
    from ledger.company.measures.recording import read_register

    register = read_register(own.open_vault())
    access = access_now(register.entries)
    value = {
        "register": list(register.ids),
        "access": [_access(each) for each in access],
        "entries": [_entry(each) for each in register.entries],
        "missing": list(register.lacking),
        "unreadable": list(register.unreadable),
    }
    shell.emit(as_json, value, "\n".join(_list_page(register, access)))


def _list_page(register: Register, access: tuple[Access, ...]) -> Iterator[str]:
    from ledger.company.measures.words import kind_text
    from ledger.company.vault.matters import numbers

    if not register.ids:
        yield _("The register has no entry yet; `sealbook measure add` makes the first.")
        return
    yield click.style(_("Access now, by the register"), bold=True)
    rows: list[tuple[str, Value]] = []
    for person in dict.fromkeys(each.person for each in access):
        held = [_held(each) for each in access if each.person == person]
        label = text.inline(person, min(30, text.WIDTH // 2 - 4))
        rows.append((label, [one for each in held for one in each]))
    yield from labelled(rows, 2) if rows else ["  " + _("nobody")]
    yield ""
    yield click.style(_("Entries"), bold=True)
    yield text.heads(
        (_("no."), -6), ("", 2), (_("stated"), 12), (_("registered (UTC)"), 20), (_("measure"), 0)
    )
    for each in register.entries:
        registered = text.when(each.time)[:16] if each.time is not None else text.state(each.state)
        kind = kind_text(each.measure.kind, language())
        yield f"  {each.number:>4}  {each.measure.date}  {text.pad(registered, 20)}{kind}"
        yield from labelled(_about(each.measure), 8)
    if register.lacking:
        yield ""
        yield text.indent(
            told(
                f"Missing: {numbers(register.lacking)}, not in this vault. Another computer of the "
                "account may hold it."
            ),
            0,
        )


def _held(access: Access) -> "list[str | Quoted]":
    entry = access.since
    by = (
        [quoted(translated("by {0}", language()).format(entry.measure.by))]
        if entry.measure.by
        else []
    )
    since = told(f"since {entry.measure.date} (no. {entry.number})")
    return [quoted(_thing(access.subject)), since, *by]


def _about(measure: Measure) -> list[tuple[str, Value]]:
    """Return what an entry says, labelled: persons and things are the company's words."""
    rows: list[tuple[str, Value]] = [
        (_("persons"), list(map(quoted, measure.persons))),
        (_("level"), [quoted(measure.level)] if measure.level else []),
        (_("about"), [quoted(_thing(each)) for each in measure.subjects]),
        (_("by"), [quoted(measure.by)] if measure.by else []),
        (_("with"), list(map(quoted, measure.attached))),
        (_("note"), [quoted(measure.note)] if measure.note else []),
    ]
    return [(label, value) for label, value in rows if value]


def _thing(subject: Subject) -> str:
    match subject.kind:
        case "deposit":
            return told(f"deposit {subject.id[:12]} {subject.text}").rstrip()
        case "matter":
            return told(f"matter {subject.text or subject.id[:12]}")
    return subject.text


def _entry(entry: RegisterEntry) -> dict[str, Any]:
    measure = entry.measure
    return {
        "number": entry.number,
        "id": entry.id,
        "state": entry.state,
        "kind": measure.kind,
        "date": measure.date.isoformat(),
        "persons": list(measure.persons),
        "by": measure.by or None,
        "level": measure.level or None,
        "subjects": [_subject(each) for each in measure.subjects],
        "attached": list(measure.attached),
        "note": measure.note or None,
        "index": entry.index,
        "block": entry.block,
        "time": entry.time,
    }


def _subject(subject: Subject) -> dict[str, str]:
    found = {"kind": subject.kind, "text": subject.text}
    return {**found, "id": subject.id} if subject.id else found


def _access(access: Access) -> dict[str, Any]:
    return {
        "person": access.person,
        "subject": _subject(access.subject),
        "since": access.since.measure.date.isoformat(),
        "number": access.since.number,
        "registered": access.since.state == REGISTERED,
    }


@measure.command(
    epilog="""\b
Examples:
  sealbook measure report --lang zh
  sealbook measure report --for 反不正当竞争法
"""
)
@click.option(
    "--for",
    "law",
    metavar="LAW",
    help="Only this law: 反不正当竞争法 (AUCL), 商业秘密规定 (SPC), 2016/943 (EU) or DTSA.",
)
@shell.language_option
@shell.passphrase_option
@shell.json_option
def report(law: str | None, lang: str | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Show what is on record for each rule of law, and what is not.

    Each law is named with the version that was used. Nothing says that what is on record suffices. The
    classifications that rules of capture have sealed are read where the vault opens without asking for
    a passphrase.
    """
    from ledger.cli.company.measure_page import report_page, report_value
    from ledger.company.measures.recording import read_register, vault_facts
    from ledger.company.measures.register import examine
    from ledger.company.vault.home import IDENTITY
    from ledger.court import choose_language

    ordered_by = _law(law) if law is not None else None
    vault = own.open_vault()
    register = read_register(vault)
    identities = None
    if (vault.home / IDENTITY).exists() or passphrase_file:
        identities = vault.identities(shell.passphrase_from(passphrase_file))
    with shell.Progress("reading deposits", 0, bytes_=False) as progress:
        facts = vault_facts(vault, register, identities, progress)
    findings = examine(register, facts, ordered_by)
    language = choose_language(lang, os.environ)
    page = "" if as_json else report_page(vault.config, register, facts, findings, language)
    shell.emit(as_json, report_value(vault.config, register, facts, findings), page)


def _law(name: str) -> str:
    from ledger.company.measures.rules import LAWS, find_law

    found = find_law(name)
    if found is None:
        known = ", ".join(each.names[0] for each in LAWS.values())
        raise click.UsageError(f"{quoted(name)} is no law that is known here; there are: {known}.")
    return found
