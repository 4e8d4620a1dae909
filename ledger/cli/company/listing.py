"""`sealbook list | show | open`: what was deposited, and back again."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.sending import (
    DEPOSITED,
    REFUSED,
    WAITING,
    name_of,
    sentence_of,
    still_provisional,
    summary,
    verified_receipt,
)
from ledger.cli.speech import _, told
from ledger.company.vault.finding import SORTS
from ledger.errors import InvalidInput, SealbookError
from ledger.language import choose_language
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.cli.table import Value
    from ledger.company.vault.finding import Page, Wanted
    from ledger.company.vault.stored import StoredDeposit
    from ledger.company.vault.vault import Vault
    from ledger.dates import TypedDate

_DAY = 86_400
_ELSEWHERE: Message = (
    "Words are looked for in titles, paths and matters; `sealbook parts ID WORDS` looks\n"
    "inside a deposit."
)
_AWAITED: dict[str, Message] = {"witnesses": "witnesses", "time": "a timestamp"}
_UNKNOWN_PATH: Message = "a path that is not known here"
_LEAP = 9
"""Years within which 29 February comes round."""
_MAX_PAGE = 1 << 40


@click.command(
    "list",
    epilog="""\b
Examples:
  sealbook list
  sealbook list 报价 Nanjing --since 2026-03-03
  sealbook list --matter "Supply LY-40" --state waiting
""",
)
@click.argument("words", nargs=-1)
@click.option(
    "--state", type=click.Choice([DEPOSITED, WAITING, REFUSED]), help="Only in this state."
)
@click.option("--matter", "matter_name", metavar="NAME", help="Only of this matter.")
@click.option("--sender", metavar="TEXT", default="", help="Only captured mail from there.")
@click.option("--message-id", metavar="TEXT", default="", help="Only mail of this Message-ID.")
@click.option("--on", "on", metavar="DATE", help="Only sealed on this day, in this month or year.")
@click.option("--since", metavar="DATE", help="Only sealed then or later.")
@click.option("--until", metavar="DATE", help="Only sealed then or earlier.")
@click.option(
    "--sort", type=click.Choice(list(SORTS)), default="sealed", show_default=True, help="By what."
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many a page."
)
@click.option("--page", type=click.IntRange(1, _MAX_PAGE), default=1, help="Which page.")
@shell.passphrase_option
@shell.json_option
def list_(
    words: tuple[str, ...],
    state: str | None,
    matter_name: str | None,
    sender: str,
    message_id: str,
    on: str | None,
    since: str | None,
    until: str | None,
    sort: str,
    reverse: bool,
    limit: int,
    page: int,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """List what was deposited from this vault and what waits, newest first.

    WORDS stand in title, path or matter, all of them; captured mail has its subject as title. The last
    letters of a word may be left out, and words in quotation marks follow each other. A DATE is typed
    as 2026-03-03, 2026年3月3日, 3月3日, "3 Mar" or 2026-03; it is UTC, like the times in the list, and
    without a year the last such day.

    Senders and Message-IDs are sealed: the newest 2,000 letters that fit all else are opened for them.
    """
    from ledger.company.sending.refreshing import expects
    from ledger.company.vault.finding import Wanted
    from ledger.company.vault.matters import matter_id

    first, last = _span(on, since, until)
    vault = own.open_vault()
    for typed in words:
        _check_words(typed)
    wanted = Wanted(
        words=words,
        state=state,
        matter=None if matter_name is None else matter_id(vault, matter_name),
        since=None if first is None else _midnight(first),
        before=None if last is None else _midnight(last) + _DAY,
        sort=sort,
        backwards=reverse,
        limit=limit,
        page=page,
    )
    left = ""
    if sender or message_id:
        if sort != "sealed":
            raise click.UsageError("Letters that have to be opened come by time; leave out --sort.")
        found, left = _letters(vault, wanted, sender, message_id, passphrase_file)
    else:
        found = vault.page(wanted)
    values: list[dict[str, Any]] = []
    for each in found.deposits:
        try:
            values.append(summary(each))
        except SealbookError as error:
            shell.tell(text.said(sentence_of(error)))
    pages = max(1, -(-found.found // limit))
    provisional = len(vault.provisional())
    value = {
        "deposits": values,
        "found": found.found,
        "page": page,
        "pages": pages,
        "waiting": found.waiting,
        "refused": found.refused,
        "provisional": provisional,
        "since": None if first is None else first.isoformat(),
        "until": None if last is None else last.isoformat(),
        "left_out": left or None,
    }
    asked = bool(words or state or matter_name or first or last or sender or message_id)
    lines = list(_table(values, bool(expects(vault.trust))))
    if not found.found:
        lines = [_("No deposit fits.") if asked else _("Nothing has been deposited yet.")]
    elif page > pages:
        lines = [told(f"There is no page {page}; the last is {pages}.")]
    if words and not found.found:
        lines.append(_(_ELSEWHERE))
    if (found.found and asked) or pages > 1 or first or last:
        lines += ["", *_counted(found.found, page, pages, first, last)]
    if left:
        lines += ["", text.indent(left, 0)]
    lines += _to_do(found)
    if provisional:
        lines += ["", text.said(still_provisional(provisional))]
    shell.emit(as_json, value, "\n".join(lines))


def _letters(
    vault: "Vault", wanted: "Wanted", sender: str, message_id: str, passphrase_file: Path | None
) -> tuple["Page", str]:
    """Return a page of the letters found by what is sealed of them, and what was not looked at."""
    from ledger.company.mail.sought import MAX_OPENED, letters
    from ledger.company.vault.finding import Page

    identities = vault.identities(shell.passphrase_from(passphrase_file))
    counts = vault.page(replace(wanted, limit=1))
    with shell.Progress("opening letters", MAX_OPENED, bytes_=False) as progress:
        sought = letters(vault, wanted, identities, sender, message_id, progress)
    start = (wanted.page - 1) * wanted.limit
    shown = sought.deposits[start : start + wanted.limit]
    left = []
    if sought.opened < sought.candidates:
        left.append(
            told(
                f"The newest {sought.opened} of {sought.candidates} were opened; --since, --until and "
                "words lead to others."
            )
        )
    if sought.unreadable:
        left.append(told(f"{sought.unreadable} could not be opened."))
    return Page(shown, len(sought.deposits), counts.waiting, counts.refused), " ".join(left)


def _table(values: list[dict[str, Any]], finality: bool) -> Iterator[str]:
    """Lay out a page; with `finality`, also what each receipt is under the trust file's policy."""
    counts = [_count(value["documents"], value["size"]) for value in values]
    width = max(7, *(text.columns(count) + 2 for count in counts)) if counts else 7
    receipt = 13 if finality else 0
    yield text.heads(
        (_("id"), 14), (_("sealed (UTC)"), 18), (_("state"), 11),
        (_("receipt") if finality else "", receipt), (_("files"), width), (_("title"), 0),
    )  # fmt: skip
    for value, count in zip(values, counts, strict=True):
        start = f"{value['id'][:12]}  {text.when(value['sealed'])[:16]}  "
        start += text.pad(text.state(value["state"]), 11)
        start += text.pad(text.state(value["receipt_state"] or "") if finality else "", receipt)
        yield text.last(start + text.pad(count, width), value["title"], text.screen())
        if value["state"] in (REFUSED, WAITING) and value["message"]:
            yield text.said(value["message"], 14)


def _counted(
    found: int, page: int, pages: int, first: date | None, last: date | None
) -> Iterator[str]:
    """Say how many were found of which days, and where the others are."""
    days = told(f", sealed {first} to {last}") if first and last else ""
    if first == last:
        days = told(f", sealed {first}") if first else ""
    elif not (first and last):
        days = told(f", sealed since {first}") if first else told(f", sealed until {last}")
    more = (
        told(f"; page {page} of {pages}, `--page {page + 1}` shows the next")
        if page < pages
        else ""
    )
    more = told(f"; page {page} of {pages}") if page == pages > 1 else more
    yield text.indent(told(f"{found} deposit{'' if found == 1 else 's'}{days}{more}."), 0)


def _to_do(found: "Page") -> Iterator[str]:
    if found.waiting:
        yield ""
        yield told(
            f"{found.waiting} waits, sealed in the vault; `sealbook deposit` sends it."
            if found.waiting == 1
            else f"{found.waiting} wait, sealed in the vault; `sealbook deposit` sends them."
        )
    if found.refused:
        yield ""
        yield _("What was refused is kept and not sent again; deposit its path to seal it anew.")


def _check_words(typed: str) -> None:
    from ledger.company.vault.words import phrase

    if not phrase(typed):
        raise click.UsageError(f"{quoted(typed)} holds no letter and no digit to look for.")


def _span(on: str | None, since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """Return the first day and the last of what is asked for."""
    if on is not None:
        if since is not None or until is not None:
            raise click.UsageError("--on names all days; leave out --since and --until.")
        return _days(on)
    return None if since is None else _days(since)[0], None if until is None else _days(until)[1]


def _days(typed: str) -> tuple[date, date]:
    """Return the first day and the last of what was typed, of the last such time where no year was."""
    from ledger.dates import parse_typed_date

    readings = parse_typed_date(typed)
    if not readings:
        raise click.UsageError(
            f"{quoted(typed)} is no date; write it as 2026-03-03, 3月3日, 2026-03 or 2026年."
        )
    today = datetime.now(UTC).date()
    spans = [
        span
        for each in readings
        for year in ([each.year] if each.year else range(today.year, today.year - _LEAP, -1))
        if (span := _bounds(replace(each, year=year))) and (each.year or span[0] <= today)
    ][: len(readings)]
    if len(spans) > 1:
        raise click.UsageError(
            f"{quoted(typed)} may be {spans[0][0]} or {spans[1][0]}; write it in that way."
        )
    return spans[0]


def _bounds(each: "TypedDate") -> tuple[date, date] | None:
    try:
        return each.bounds
    except ValueError:  # 29 February, in most years
        return None


def _not_taken(found: "StoredDeposit") -> "Iterator[tuple[str, Value]]":
    """Yield why the notary has not taken a deposit."""
    if found.meta.refused and not found.state.entered:
        label = _("Refused") if found.refused else _("Not taken")
        yield label, text.reason(found.meta.refused)


def _midnight(found: date) -> float:
    return datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()


@click.command(
    epilog="""\b
Example:
  sealbook show contract.pdf
  sealbook show contract.pdf --picture receipt.svg
"""
)
@click.argument("deposit_id", metavar="ID")
@click.option(
    "--picture", type=shell.FILE, help="Draw what the receipt shows into a file, .svg or .png."
)
@shell.passphrase_option
@shell.json_option
def show(
    deposit_id: str, picture: Path | None, passphrase_file: Path | None, as_json: bool
) -> None:
    """Show one deposit. ID is the start of its id, its path, name or title.

    The documents are listed where the vault opens without asking for a passphrase. A picture holds no
    name and no content of the deposit: place, hashes, times, and who stands for them.
    """
    from ledger.cli.company.picturing import require_kind, write_picture
    from ledger.cli.table import labelled
    from ledger.company.sending.refreshing import expects, lacks
    from ledger.company.vault.home import IDENTITY

    require_kind(picture)
    vault = own.open_vault()
    found = vault.find(deposit_id)
    value = summary(found)
    verified = verified_receipt(vault, found) if found.receipt is not None else None
    statement = found.deposit
    value["content_deposited"] = statement.content is not None
    meta = found.meta
    rows: list[tuple[str, Value]] = [
        (_("Title"), quoted(meta.title)),
        (_("Id"), "\n".join(text.groups(value["id"]))),
        (_("State"), text.state(value["state"])),
        *_not_taken(found),
        (_("Sealed"), text.when(meta.sealed)),
        (_("Path"), quoted(meta.path) if meta.path else _no_path(found)),
        (_("Documents"), _count(meta.documents, meta.size)),
        (_("Content"), _where_content(found)),
        *((_("Note"), text.reason(each.sentence)) for each in meta.notices),
    ]
    if statement.matter:
        name = meta.matter or statement.matter.id.hex()
        rows.append((_("Matter"), [quoted(name), told(f"number {statement.matter.number}")]))
    if verified is not None:
        value |= {"index": verified.index, "block": verified.block.height}
        awaited = expects(vault.trust)
        lacking = [_(_AWAITED[name]) for name in sorted(lacks(verified, vault.trust), reverse=True)]
        value |= {"receipt_state": "provisional" if lacking else "final"}
        under = told(f"provisional, lacks {_(' and ').join(lacking)}") if lacking else _("final")
        rows += [
            (_("Ledger"), told(f"entry {verified.index} in block {verified.block.height}")),
            (_("Registered"), told(f"{text.when(verified.block.time)}, stated by the notary")),
            (_("Receipt"), [quoted(value["receipt"]), *([under] if awaited else [])]),
        ]
    if (vault.home / IDENTITY).exists() or passphrase_file:
        manifest = found.manifest(vault.identities(shell.passphrase_from(passphrase_file)))
        originals = [each for each in manifest.documents if each.rendition is None]
        made = len(manifest.documents) - len(originals)
        value["files"] = [{"name": each.name, "size": each.size} for each in originals]
        value["renditions"] = made
        value["provenance"] = dict(manifest.cover.provenance)
        rows += [
            ("" if number else _("Files"), [quoted(each.name), text.size(each.size)])
            for number, each in enumerate(originals)
        ]
        if made:
            rows.append(
                (
                    _("Rendered"),
                    told(f"{made} rendition{'' if made == 1 else 's'}, made at the deposit"),
                )
            )
    if picture is not None:
        write_picture(picture, found, verified, choose_language(None, os.environ))
        value["picture"] = str(picture.absolute())
        rows.append((_("Picture"), quoted(picture)))
    shell.emit(as_json, value, "\n".join(labelled(rows)))


@click.command(
    "open",
    epilog="""\b
Example:
  sealbook open contract.pdf -o opened/
""",
)
@click.argument("deposit_id", metavar="ID")
@click.option("-o", "--output", type=shell.FILE, required=True, help="The folder to write to.")
@shell.passphrase_option
@shell.json_option
def open_(deposit_id: str, output: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Fetch a deposit from the notary, decrypt it, and compare it with what was deposited.

    Nothing is overwritten, and nothing appears unless every byte is what was deposited. Names that some
    systems refuse are changed, and the changes are shown.
    """
    from ledger.cli.court.sealed import ended_in_order
    from ledger.cli.table import labelled
    from ledger.company.disclosing.opening import open_deposit

    vault = own.open_vault()
    found = vault.find(deposit_id)
    if found.deposit.content is None:
        where = quoted(found.meta.path) if found.meta.path else _UNKNOWN_PATH
        raise InvalidInput(
            f"Only the fingerprint of {quoted(name_of(found))} was deposited; its content never "
            f"left this computer. It was at {where}."
        )
    identities = vault.identities(shell.passphrase_from(passphrase_file))
    with (
        ended_in_order(),
        own.connect(vault) as client,
        shell.Progress(
            f"opening {quoted(name_of(found))}",
            found.deposit.content.size + found.meta.size,
            passes=2,
        ) as progress,
    ):
        opened = open_deposit(found, client, identities, output, progress)
    lines = [_("Written"), *(text.foreign(output / place, 2) for place in opened.top)]
    lines.append(
        told(
            f"{_count(len(opened.names), found.meta.size)}, compared with the deposit byte for byte."
        )
    )
    lines += [
        "\n".join(labelled([("renamed", quoted(name)), ("to", quoted(opened.names[name]))], 2))
        for name in opened.renamed
    ]
    shell.emit(
        as_json,
        {
            **summary(found),
            "output": str(output.absolute()),
            "files": [{"name": name, "file": place} for name, place in opened.names.items()],
        },
        "\n".join(lines),
    )


def _no_path(deposit: "StoredDeposit") -> str:
    if deposit.meta.measure:
        return _("none: an entry in the register of measures")
    return _("none on this computer: it came as mail, or was recovered")


def _where_content(deposit: "StoredDeposit") -> str:
    if deposit.deposit.content is None:
        return _("fingerprint only")
    return _("sealed at the notary") if deposit.receipt else _("sealed in the vault")


def _count(documents: int, size: int) -> str:
    return told(f"{documents} file{'' if documents == 1 else 's'}, {text.size(size)}")
