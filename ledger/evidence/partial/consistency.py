"""What the parts of an opening say must agree, as `ledger.evidence.rules` asks of a whole one."""

from collections.abc import Mapping
from typing import Any

from ledger.crypto.commitment import MAX_LEAF, padded_count
from ledger.encoding import MAX_INTEGER
from ledger.errors import InvalidInput, MalformedData
from ledger.evidence.partial.views import (
    DocumentOpening,
    PartOfView,
    WholeBytes,
    opened_fields,
    opened_header,
    opened_parts,
)
from ledger.evidence.rules import (
    MAX_PARTS,
    METADATA_FIELDS,
    UNIFORM,
    check_names,
    check_padded,
    check_parts,
    check_renditions,
    check_size,
    check_splitters,
    check_uniform,
)


def check_leaves(view: PartOfView) -> None:
    """Raise unless the leaves are in order, apart, and within what the header counts."""
    ends = [(leaf.index, leaf.index + 1) for leaf in view.leaves]
    ends += [(run.first, run.first + len(run.sizes)) for run in view.runs]
    last = 1
    for first, end in ends:
        if first < last:
            raise MalformedData("an opening's leaves are not in order")
        last = end
    check_padded(view.padded, MAX_INTEGER)
    header = opened_header(view)
    if header is not None and view.padded != padded_count(header.count):
        raise MalformedData("an opening's padded count is not that of its header")
    if last - 1 > _most(view):
        raise MalformedData("an opening shows a leaf that its document does not have")


def _most(view: PartOfView) -> int:
    """Return how many leaves the view has at most."""
    header = opened_header(view)
    return view.padded if header is None else header.count


def check_document(opening: DocumentOpening) -> dict[str, Any]:
    """Return the metadata that is opened.

    Raise unless something is shown, and each piece named by a structure leaf or counted in its view's
    header; and unless what the views say agrees (ledger.evidence.rules).
    """
    content, structure, metadata = opening.content, opening.structure, opening.metadata
    if all(isinstance(view, bytes) for view in (content, structure, metadata)):
        raise MalformedData("an opening names a document and shows nothing of it")
    runs = content.runs if isinstance(content, PartOfView) else ()
    found = {(run.first, len(run.sizes)) for run in runs}
    parts = [part for _, part in opened_parts(opening)]
    named = {(part.first, part.count) for part in parts}
    fields = opened_fields(opening)
    if not named <= found:
        raise MalformedData("an opening names a part whose content it does not show")
    if found - named and opened_header(content) is None:
        raise MalformedData("an opening shows a piece without saying of how many")
    if isinstance(structure, PartOfView):
        header = opened_header(structure)
        if header is None:
            raise MalformedData("an opening shows a part without saying of how many")
        check_padded(structure.padded, MAX_PARTS)
        check_uniform(header.splitter, False, len(parts))
        assert isinstance(content, PartOfView)
        check_parts(parts, _most(content))
    if isinstance(metadata, PartOfView):
        check_padded(metadata.padded, len(METADATA_FIELDS))
        if opened_header(metadata) is not None:
            raise MalformedData("an opening counts a document's metadata")
    check_splitters(_splitters(opening))
    if isinstance(content, PartOfView):
        _check_uniform_runs(content)
    if "size" in fields:
        check_size(fields["size"], *_bounds(content))
    return fields


def _splitters(opening: DocumentOpening) -> set[tuple[str, int]]:
    content = opening.content
    found = {(content.splitter, content.version)} if isinstance(content, WholeBytes) else set()
    headers = (opened_header(content), opened_header(opening.structure))
    return found | {(each.splitter, each.version) for each in headers if each is not None}


def _check_uniform_runs(content: PartOfView) -> None:
    """Raise unless the leaves of a document cut `fixed` are full, except its last: where a piece
    begins in bytes is said of these alone."""
    header = opened_header(content)
    if header is None or header.splitter != UNIFORM:
        return
    for run in content.runs:
        full = run.sizes if run.first + len(run.sizes) <= header.count else run.sizes[:-1]
        check_uniform(UNIFORM, all(size == MAX_LEAF for size in full), 0)


def _bounds(content: bytes | PartOfView | WholeBytes) -> tuple[int, int]:
    """Return the least and the most bytes that a document with this content can have."""
    if isinstance(content, bytes):
        return 0, MAX_INTEGER
    if isinstance(content, WholeBytes):
        return content.size, content.size
    last = content.runs[-1]
    end, shown = last.first + len(last.sizes) - 1, sum(len(run.sizes) for run in content.runs)
    size = sum(run.size for run in content.runs)
    header = opened_header(content)
    count = end if header is None else header.count
    most = size + (_most(content) - shown) * MAX_LEAF
    if header is None or header.splitter != UNIFORM:
        return size + count - shown, most
    # All are full but the last, which has a byte at least.
    return most - (MAX_LEAF - 1 if end < count else 0), most


def check_together(fields: Mapping[int, Mapping[str, Any]]) -> None:
    """Raise unless what several documents say agrees; `fields` are those opened of each."""
    made = {
        document: each["rendition"].of for document, each in fields.items() if "rendition" in each
    }
    check_renditions(made.items(), made)
    try:
        check_names([each["name"] for each in fields.values() if "name" in each])
    except InvalidInput as error:
        raise MalformedData(str(error)) from error
