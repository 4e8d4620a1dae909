"""`sealbook parts`: the tree of what can be opened in a deposit, as it is typed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.kinds import counted, splitter_called, stated
from ledger.cli.company.remarks import page_lines, remark_lines
from ledger.cli.company.sending import name_of, summary
from ledger.cli.speech import _, language, told
from ledger.company.noting import noted
from ledger.quoted import columns as most_columns
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.disclosing.contents import Contents, Target
    from ledger.evidence.parts import Part

_MOST = 60
"""Parts of a document that are shown one by one; of more, only the outermost."""
_TOP = 20
"""Outermost parts that are shown of a document with more; documents, and finds."""
_PATH = 24
_DEEPEST = 12
"""Levels that are set in: behind more, the longest path and the size would not stay in 80 columns."""


@click.command(
    epilog="""\b
Examples:
  sealbook parts inbox.mbox
  sealbook parts inbox.mbox message 7
  sealbook parts inbox.mbox pricing
"""
)
@click.argument("deposit_id", metavar="ID")
@click.argument("words", nargs=-1)
@shell.passphrase_option
@shell.json_option
def parts(
    deposit_id: str, words: tuple[str, ...], passphrase_file: Path | None, as_json: bool
) -> None:
    """Show what can be opened in a deposit: documents, their parts, pages and fields, and its cover.

    WORDS narrow it down: anything that `sealbook disclose --only` takes, as its help lists it. The
    first column is what that takes; what lies inside is typed behind it: "message 7/body". Subjects
    and first words help to find things; they are not disclosed with a part.
    """
    from ledger.company.disclosing.contents import Contents, Target
    from ledger.company.disclosing.opening import originals
    from ledger.company.disclosing.ranged import view_deposit
    from ledger.company.disclosing.selectors import find

    vault = own.open_vault()
    found = vault.find(deposit_id)
    identities = vault.identities(shell.passphrase_from(passphrase_file))
    with (
        own.connect(vault) as client,
        view_deposit(
            found, client, identities, lambda manifest: originals(found, manifest)
        ) as view,
    ):
        contents = Contents(view.manifest, view.index, view.fetch)
        targets = [Target(each) for each in range(len(contents.records))]
        targets += [Target(None, field=name) for name in contents.cover]
        if words:
            targets = [each for group in find(" ".join(words), contents) for each in group]
        value = {
            **summary(found),
            "found": [
                _found(contents, n, each) for each in targets if (n := each.document) is not None
            ],
            "cover": [_field(contents, each) for each in targets if each.document is None],
            "fetched": view.fetched(),
        }
    if as_json:
        shell.emit(True, value, "")
    elif not targets:
        click.echo(
            text.said(f"Nothing in {quoted(name_of(found))} fits {quoted(' '.join(words))}.")
        )
    else:
        click.echo("\n".join(_page(contents, targets, bool(words))))
    if not targets:
        raise SystemExit(1)


def _field(contents: "Contents", target: "Target") -> dict[str, Any]:
    """Return a field of the cover, for a machine."""
    return {
        "selector": contents.typed((target,)),
        "field": target.field,
        "value": contents.cover[target.field],
    }


def _found(contents: "Contents", document: int, target: "Target") -> dict[str, Any]:
    """Return a target in a document with all that is in it, for a machine."""
    from ledger.company.disclosing.contents import parents_of

    record, entry = contents.records[document], contents.index[document]
    offset, size = contents.extent(target)
    value: dict[str, Any] = {
        "document": document + 1,
        "documents": len(contents.records),
        "name": record.name,
        "selector": contents.typed((target,)),
        "offset": offset,
        "size": size,
    }
    if target.field or target.span:
        return value
    if not target.part:
        made = record.rendition
        value |= {
            "splitter": f"{record.splitter} {record.version}",
            "unsplit": record.unsplit or None,
            "tool": record.tool,
            "rendition": made.facts if made else None,
        }
    parents = parents_of(entry)
    inside = _inside(contents, target)
    value["parts"] = [
        _part_value(contents, document, number, entry.parts[number - 1], parents)
        for number in inside
    ]
    return value


def _part_value(
    contents: "Contents", document: int, number: int, part: "Part", parents: Sequence[int]
) -> dict[str, Any]:
    from ledger.company.disclosing.contents import Target

    target = Target(document, number)
    offset, size = contents.extent(target)
    return {
        "position": number,
        "within": parents[number - 1] or None,
        "path": part.path,
        "selector": contents.typed((target,)),
        "label": part.label,
        "offset": offset,
        "size": size,
    }


def _inside(contents: "Contents", target: "Target") -> list[int]:
    """Return the numbers of the parts in a target, itself among them."""
    entry = contents.entry(target).parts
    outer = contents.part(target)
    if outer is None:
        return list(range(1, len(entry) + 1))
    numbers = []
    for number in range(target.part, len(entry) + 1):
        if entry[number - 1].first >= outer.first + outer.count:
            break
        numbers.append(number)
    return numbers


# --- for a person ---


def _page(contents: "Contents", targets: "Sequence[Target]", narrowed: bool) -> Iterator[str]:
    cover = [each.field for each in targets if each.document is None]
    found = [(each.document, each) for each in targets if each.document is not None]
    shown = [each for number, each in found if narrowed or not contents.made(number)]
    # Many finds, or many parts in them, are listed without what is in them.
    brief = sum(len(_inside(contents, each)) for each in shown if each.part) > _MOST
    last, gap = None, False
    for each in shown[:_TOP]:
        assert each.document is not None
        lines = list(_lines(contents, each, each.document, brief, len(shown) == 1))
        if each.document != last:
            if last is not None and (gap or lines):
                yield ""
            yield from _document_head(contents, each.document)
        last, gap = each.document, bool(lines)
        yield from lines
    if len(shown) > _TOP:
        yield told(f"and {len(shown) - _TOP:,} more; words, or more of them, show them")
    if not narrowed and len(shown) > 1:
        yield ""
        names = "size, modified, media-type, source, tool, unsplit"
        yield text.indent(told(f"Fields of a document: “field name”, {names}."), 0)
    if cover:
        if shown:
            yield ""
        yield from _cover(contents, cover)


def _cover(contents: "Contents", names: Sequence[str]) -> Iterator[str]:
    from ledger.company.disclosing.contents import COVER

    yield click.style(_("cover"), bold=True) + _(
        "  as stated by the depositor's software at sealing"
    )
    for name in names[:_MOST]:
        left = f"  {text.pad(f'{COVER} {name}', _PATH - 2)} "
        value = stated(name, contents.cover[name] or _("none"))
        yield left + text.inline(value, text.WIDTH - text.columns(left))
    if len(names) > _MOST:
        yield text.indent(told(f"and {len(names) - _MOST:,} more; words show them"), 2)


def _lines(
    contents: "Contents", target: "Target", document: int, brief: bool, alone: bool
) -> Iterator[str]:
    if target.field:
        yield from _fields(contents, document, target.field)
        return
    if target.span or (target.part and brief):
        size = contents.extent(target)[1]
        yield _line(1, _short(contents, target), contents.label(target), size)
        return
    yield from _tree(contents, target, document)
    if not target.part:
        yield from _renditions(contents, document)
        if alone:
            yield from _fields(contents, document)


def _short(contents: "Contents", target: "Target") -> str:
    from ledger.company.disclosing.contents import short_path

    part = contents.part(target)
    return short_path(part.path) if part else contents.typed((target,))


def _document_head(contents: "Contents", document: int) -> Iterator[str]:
    from ledger.company.disclosing.contents import kinds_of
    from ledger.court.shown import rendition_called

    record, entry = contents.records[document], contents.index[document]
    made = record.rendition
    if made is None:
        # They come before what was made of them.
        originals = sum(not contents.made(each) for each in range(len(contents.records)))
        place = told(f"document {document + 1} of {originals}")
    else:
        place = rendition_called(made.facts, language())
    facts = [place, text.size(record.size)]
    facts += [counted(kind, count) for kind, count in kinds_of(entry)]
    if entry.parts:
        facts.append(_("cut by {0}", splitter_called(record.splitter)))
    yield click.style(text.indent(_(", ").join(facts), 0), bold=True)
    yield text.foreign(contents.called(document) if contents.made(document) else record.name, 2)
    for each in noted([record]):
        yield text.said(each.sentence, 2)
    if made is not None:
        yield from remark_lines(made.facts["remarks"], 2)


def _tree(contents: "Contents", target: "Target", document: int) -> Iterator[str]:
    from ledger.company.disclosing.contents import Target, parents_of, short_path

    parts = contents.index[document].parts
    parents = parents_of(contents.index[document])
    numbers = _inside(contents, target)
    brief = len(numbers) > _MOST
    top = parents[target.part - 1] if target.part else 0
    chosen = [each for each in numbers if parents[each - 1] in (top, target.part or top)]
    rest = chosen[_TOP:] if len(chosen) > _MOST else []
    chosen = chosen[: len(chosen) - len(rest)] if brief else numbers
    inner = Counter[int]()
    for each in reversed(numbers):
        inner[parents[each - 1]] += 1 + inner[each]
    depths = {top: 0}
    for each in chosen:
        part, up = parts[each - 1], parents[each - 1]
        depths[each] = depths[up] + 1
        path = part.path
        while up and not path.startswith(parts[up - 1].path + "/"):
            up = parents[up - 1]
        if up and depths[each] > 1:
            path = path[len(parts[up - 1].path) + 1 :]
        more = (
            told(f"[{inner[each]} inside]") if brief and inner[each] and each != target.part else ""
        )
        size = contents.extent(Target(document, each))[1]
        yield _line(depths[each], short_path(path), part.label, size, more)
    if rest:
        first = short_path(parts[rest[0] - 1].path)
        yield text.said(
            f"and {len(rest):,} more, from {quoted(first)} on; a path or words show them", 2
        )


def _line(depth: int, path: str, label: str, size: int, more: str = "") -> str:
    margin = "  " * min(depth, _DEEPEST)
    path = text.inline(path, min(40, text.WIDTH // 2))
    left = margin + text.pad(path, max(0, _PATH - len(margin))) + " "
    right = f"{more}  {text.size(size):>7}".strip() if more else text.size(size)
    room = max(0, text.WIDTH - most_columns(left) - most_columns(right) - 2)
    return f"{left}{text.pad(text.inline(label, room), room)}  {right}"


def _renditions(contents: "Contents", document: int) -> Iterator[str]:
    from ledger.company.disclosing.contents import Target

    made = [(each, contents.records[each]) for each in contents.renditions([document])]
    pages = [
        (record.rendition.position, record.rendition.total, record.tool)
        for _, record in made
        if record.rendition and record.rendition.kind == "page"
    ]
    if pages:
        position, total, tool = pages[-1]
        which = _("page 1") if len(pages) == 1 else told(f"page 1-{position}")
        yield text.said(f"{which} of {total}, as rendered at the deposit by {quoted(tool)}", 2)
        yield from page_lines(
            [
                each.rendition
                for _, each in made
                if each.rendition and each.rendition.kind == "page"
            ],
            4,
        )
    for each, record in made:
        if contents.is_marked(each):
            words = told(f"{quoted(contents.called(each))}: the same with its changes marked; type")
            yield text.said(f"{words} `marked:` before a part of it", 2)
        elif record.rendition and record.rendition.kind != "page":
            yield text.said(
                f"{quoted(contents.called(each))}: its text, as rendered at the deposit by "
                f"{quoted(record.tool)}",
                2,
            )
            yield from remark_lines(record.rendition.facts["remarks"], 4)
            yield from _tree(contents, Target(each), each)


def _fields(contents: "Contents", document: int, only: str = "") -> Iterator[str]:
    from ledger.cli.company.preview import field_words
    from ledger.evidence.records import Rendition, metadata_fields

    for name, value in metadata_fields(contents.records[document]):
        if only not in ("", name):
            continue
        facts = value.facts if isinstance(value, Rendition) else value
        shown = text.inline(stated(name, field_words(name, facts)), text.WIDTH - _PATH - 1)
        yield f"  {text.pad(f'field {name}', _PATH - 2)} {shown}"
