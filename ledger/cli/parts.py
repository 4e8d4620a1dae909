"""`sealbook parts`: the tree of what can be opened in a deposit, as it is typed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.sending import name_of, summary

if TYPE_CHECKING:
    from ledger.contents import Contents, Target
    from ledger.manifest import Part

_MOST = 60
"""Parts of a document that are shown one by one; of more, only the outermost."""
_TOP = 20
"""Outermost parts of a document with more, and documents."""
_FOUND = 8
"""Parts that are shown with all that is in them where words were asked for."""
_PATH = 24


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
    """Show what can be opened in a deposit: documents, their parts, pages and fields.

    WORDS narrow it down: a path, a subject, a name, or words found inside. What is in the first column
    is what `sealbook disclose --only` takes. Subjects and first words are shown to find things; they
    are not disclosed with a part.
    """
    from ledger.adapters.opening import originals
    from ledger.adapters.ranged import view_deposit
    from ledger.contents import Contents, Target
    from ledger.selectors import find

    vault = shell.open_vault()
    found = vault.find(deposit_id)
    identities = vault.identities(shell.passphrase_from(passphrase_file))
    with (
        shell.connect(vault) as client,
        view_deposit(
            found, client, identities, lambda manifest: originals(found, manifest)
        ) as view,
    ):
        contents = Contents(view.manifest, view.index, view.fetch)
        targets = [Target(each) for each in range(len(contents.records))]
        if words:
            targets = [each for group in find(" ".join(words), contents) for each in group]
        value = {
            **summary(found),
            "found": [_found(contents, each) for each in targets],
            "fetched": view.fetched(),
        }
    if as_json:
        shell.emit(True, value, "")
    elif not targets:
        click.echo(f"Nothing in {text.plain(name_of(found))} fits “{text.plain(' '.join(words))}”.")
    else:
        click.echo("\n".join(_page(contents, targets, bool(words))))
    if not targets:
        raise SystemExit(1)


def _found(contents: "Contents", target: "Target") -> dict[str, Any]:
    """Return a target with all that is in it, for a machine."""
    from ledger.contents import parents_of

    record, entry = contents.records[target.document], contents.index[target.document]
    offset, size = contents.extent(target)
    value: dict[str, Any] = {
        "document": target.document + 1,
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
            "rendition": {
                "of": made.of + 1,
                "kind": made.kind,
                "position": made.position,
                "total": made.total,
            }
            if made
            else None,
        }
    parents = parents_of(entry)
    inside = _inside(contents, target)
    value["parts"] = [
        _part_value(contents, target.document, number, entry.parts[number - 1], parents)
        for number in inside
    ]
    return value


def _part_value(
    contents: "Contents", document: int, number: int, part: "Part", parents: Sequence[int]
) -> dict[str, Any]:
    from ledger.contents import Target, short_path

    offset, size = contents.extent(Target(document, number))
    return {
        "position": number,
        "within": parents[number - 1] or None,
        "path": part.path,
        "selector": short_path(part.path),
        "label": part.label,
        "offset": offset,
        "size": size,
    }


def _inside(contents: "Contents", target: "Target") -> list[int]:
    """Return the numbers of the parts in a target, itself among them."""
    entry = contents.index[target.document].parts
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
    shown = targets if narrowed else [each for each in targets if not contents.made(each.document)]
    limit = _FOUND if narrowed and any(each.part for each in shown) else _TOP
    last = None
    for each in shown[:limit]:
        if each.document != last:
            if last is not None:
                yield ""
            yield from _document_head(contents, each.document)
        last = each.document
        yield from _tree(contents, each)
        if not each.part and not each.field and not each.span:
            yield from _renditions(contents, each.document)
            if len(shown) == 1:
                yield from _fields(contents, each.document)
    if len(shown) > limit:
        yield ""
        for each in shown[limit : limit + _TOP]:
            yield _line(0, contents.typed((each,)), contents.label(each), contents.extent(each)[1])
        if len(shown) > limit + _TOP:
            yield f"and {len(shown) - limit - _TOP} more; add words to see less at a time"
    if not narrowed and len(shown) > 1:
        yield ""
        yield "Each document also has fields: “field name”, size, modified, media-type, source, tool."


def _document_head(contents: "Contents", document: int) -> Iterator[str]:
    record = contents.records[document]
    count = len(contents.index[document].parts)
    facts = [f"document {document + 1} of {len(contents.records)}", text.size(record.size)]
    if count:
        facts.append(f"{count:,} part{'' if count == 1 else 's'}, cut by {record.splitter}")
    facts_line = ", ".join(facts)
    name = text.plain(contents.called(document) if contents.made(document) else record.name)
    if text.columns(name) + 2 + len(facts_line) <= text.WIDTH:
        yield click.style(name, bold=True) + "  " + facts_line
    else:
        yield click.style(text.shorten(name, text.WIDTH), bold=True)
        yield "  " + facts_line
    if record.unsplit:
        yield text.indent(f"not split: {text.plain(record.unsplit)}", 2)


def _tree(contents: "Contents", target: "Target") -> Iterator[str]:
    from ledger.contents import Target, parents_of, short_path

    if target.field or target.span:
        yield _line(1, contents.typed((target,)), "", contents.extent(target)[1])
        return
    entry = contents.index[target.document]
    parents = parents_of(entry)
    numbers = _inside(contents, target)
    top = parents[target.part - 1] if target.part else 0
    outermost = [each for each in numbers if parents[each - 1] == top]
    if target.part:
        outermost = [each for each in numbers if parents[each - 1] in (top, target.part)]
    inner: dict[int, int] = {}
    for each in reversed(numbers):
        inner[parents[each - 1]] = inner.get(parents[each - 1], 0) + 1 + inner.get(each, 0)
    brief = len(numbers) > _MOST
    chosen = outermost[: _TOP if len(outermost) > _MOST else None] if brief else numbers
    depths: dict[int, int] = {top: 0}
    for each in chosen:
        up = parents[each - 1]
        depth = depths[each] = depths.get(up, 0) + 1
        part = entry.parts[each - 1]
        path = part.path
        if up and depth > 1 and path.startswith(entry.parts[up - 1].path + "/"):
            path = path[len(entry.parts[up - 1].path) + 1 :]
        label = part.label
        if brief and inner.get(each) and each != target.part:
            label = f"{label}  [{inner[each]} inside]"
        yield _line(
            depth, short_path(path), label, contents.extent(Target(target.document, each))[1]
        )
    if len(chosen) < len(outermost) and brief:
        first = short_path(entry.parts[outermost[len(chosen)] - 1].path)
        count = f"{len(outermost) - len(chosen):,} more"
        more = f"and {count}, from “{first}” on; a path or words show them"
        yield text.indent(text.plain(more), 2)


def _line(depth: int, path: str, label: str, size: int) -> str:
    margin = "  " * depth
    path = text.shorten(text.plain(path), 40)
    left = margin + text.pad(path, max(0, _PATH - len(margin)))
    right = text.size(size)
    room = text.WIDTH - text.columns(left) - len(right) - 3
    return f"{left} {text.pad(text.shorten(text.plain(label), room), room)}  {right}"


def _renditions(contents: "Contents", document: int) -> Iterator[str]:
    from ledger.contents import Target

    made = [(each, contents.records[each]) for each in contents.renditions([document])]
    pages = [
        (record.rendition.position, record.rendition.total, record.tool)
        for _, record in made
        if record.rendition and record.rendition.kind == "page"
    ]
    if pages:
        position, total, tool = pages[-1]
        which = "page 1" if len(pages) == 1 else f"page 1-{position}"
        yield text.indent(
            f"{which} of {total}, as rendered at the deposit by {text.plain(tool)}", 2
        )
    for each, record in made:
        if record.rendition and record.rendition.kind != "page":
            yield text.indent(
                f"{text.plain(contents.called(each))}: its text, as rendered at the deposit by "
                f"{text.plain(record.tool)}",
                2,
            )
            yield from _tree(contents, Target(each))


def _fields(contents: "Contents", document: int) -> Iterator[str]:
    from ledger.manifest import metadata_fields

    for name, value in metadata_fields(contents.records[document]):
        shown = text.when(value) if name == "modified" and value is not None else str(value or "-")
        shown = text.shorten(text.plain(shown), text.WIDTH - _PATH - 1)
        yield f"  {text.pad(f'field {name}', _PATH - 2)} {shown}"
