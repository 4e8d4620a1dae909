"""Pages of a PDF, each a PDF of its own that shows what a reader shows on the screen, and no more.

Annotations and form fields become part of the page as they are drawn. Scripts, links, attached files,
bookmarks, tags and the document's metadata stay behind. So do all resources (fonts, images, forms) that
the page's content does not name: many programs give every page those of the whole document, and a page
that is shown must not bring along the pictures of another. A font is carried whole: which characters
the document has in that font can be told from it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, ObjectStreamMode, Pdf, Stream

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.annotations import undrawn
from ledger.company.sealing.rendering.damage import (
    Damaged,
    Warnings,
    check_blank_pages,
    check_tree,
    content_of,
)
from ledger.evidence import notices
from ledger.evidence.remarks import Remark, remark_values

_PAGE_KEYS = (
    "/Contents",
    "/MediaBox",
    "/CropBox",
    "/BleedBox",
    "/TrimBox",
    "/ArtBox",
    "/Rotate",
    "/UserUnit",
    "/Group",
)
_CATEGORIES = (
    "/ColorSpace",
    "/ExtGState",
    "/Font",
    "/Pattern",
    "/Properties",
    "/Shading",
    "/XObject",
)
_UNNAMED = frozenset({"/DefaultGray", "/DefaultRGB", "/DefaultCMYK"})
"""Resources that count without being named."""
_PRIVATE = (
    "/AF",
    "/LastModified",
    "/Metadata",
    "/OPI",
    "/PieceInfo",
    "/Ref",
    "/StructParent",
    "/StructParents",
    "/Thumb",
)
"""Entries that nothing is drawn from: data of the program that made the PDF, or about the document."""
_OFF = "/SealbookOff"
"""Marks a layer that is hidden when the document is opened, while its page is copied."""

_NAME = re.compile(rb"/([^\x00\t\n\x0c\r ()<>\[\]{}/%]+)")
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_NOT_UTF8 = ""
"""Stands in a set of names for those that pikepdf cannot look up."""


def render_pages(source: Path, folder: Path, most_files: int, most_bytes: int) -> Mapping[str, Any]:
    """Write page k to folder/k. Raises NotRendered, and what pikepdf raises.

    A damaged PDF is read anew as readers do, who look for its objects; each page then says so.
    """
    try:
        remarks = _render(source, folder, most_files, most_bytes, repair=False)
    except (NotRendered, MemoryError, OSError):
        raise
    except Exception:  # noqa: BLE001  what damage makes pikepdf raise is of many kinds
        remarks = _repaired(source, folder, most_files, most_bytes)
    return {
        "tool": f"pikepdf {pikepdf.__version__}, qpdf {pikepdf.__libqpdf_version__}",
        "files": [{"kind": "page", "remarks": remark_values(each)} for each in remarks],
    }


def _repaired(source: Path, folder: Path, most_files: int, most_bytes: int) -> list[list[Remark]]:
    try:
        remarks = _render(source, folder, most_files, most_bytes, repair=True)
    except pikepdf.PasswordError as error:
        raise NotRendered(notices.PDF_ENCRYPTED.line()) from error
    except Damaged as damage:
        raise NotRendered(notices.PDF_DAMAGED.line()) from damage
    return [[Remark("repaired", 1), *each] for each in remarks]


def _render(
    source: Path, folder: Path, most_files: int, most_bytes: int, *, repair: bool
) -> list[list[Remark]]:
    """Write the pages and return what each says of itself."""
    # Not memory-mapped: the file's size would count as memory.
    stream = pikepdf.AccessMode.stream
    how = {"access_mode": stream, "attempt_recovery": repair, "suppress_warnings": True}
    with Pdf.open(source, **how) as pdf:
        warnings = Warnings(pdf, repair)
        # Inheriting drops what is no page from the tree, and mends /Count, without a warning.
        with Pdf.open(source, **how, inherit_page_attributes=False) as as_it_stands:
            total = check_tree(as_it_stands, most_files)
        warnings.check()
        check_blank_pages(pdf, source)
        remarks = _flatten(pdf)
        _mark_hidden_layers(pdf)
        pruner = _Pruner()
        size = 0
        for position, page in enumerate(pdf.pages, 1):
            path = folder / str(position)
            _save_page(pdf, pruner.page(page.obj), path, warnings)
            size += path.stat().st_size
            if size > most_bytes:
                raise NotRendered(notices.PDF_LARGE_PAGES.line(most_bytes >> 20))
        if position != total:
            raise Damaged("its tree of pages changed")
    return remarks


def _flatten(pdf: Pdf) -> list[list[Remark]]:
    """Make annotations part of their pages; return of each page which of them it leaves out."""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, Dictionary) and form.get("/Fields") and form.get("/NeedAppearances"):
        raise NotRendered(notices.PDF_FORM.line())
    if pdf.Root.get("/NeedsRendering"):
        raise NotRendered(notices.PDF_XFA.line())
    remarks = [undrawn(page.obj) for page in pdf.pages]
    for page in pdf.pages:
        # Pages may share a list, which qpdf empties with the first of them.
        if isinstance(found := page.obj.get("/Annots"), Array):
            page.obj.Annots = Array(list(found))
    pdf.flatten_annotations("screen")
    return remarks


def _mark_hidden_layers(pdf: Pdf) -> None:
    layers = pdf.Root.get("/OCProperties")
    if not isinstance(layers, Dictionary):
        return
    default = layers.get("/D", Dictionary())
    if default.get("/BaseState") == Name.OFF:
        shown = {layer.objgen for layer in default.get("/ON", Array())}
        hidden = [layer for layer in layers.get("/OCGs", Array()) if layer.objgen not in shown]
    else:
        hidden = list(default.get("/OFF", Array()))
    for layer in hidden:
        layer[_OFF] = True


def _save_page(source: Pdf, page: Dictionary, path: Path, warnings: Warnings) -> None:
    with Pdf.new() as pdf:
        pdf.pages.append(pikepdf.Page(source.make_indirect(page)))
        layers, hidden = Array(), Array()
        for each in pdf.objects:
            if not isinstance(each, Dictionary | Stream):
                continue
            for key in _PRIVATE:
                if key in each:
                    del each[key]
            if each.get("/Type") == Name.OCG:
                layers.append(each)
                if _OFF in each:
                    del each[_OFF]
                    hidden.append(each)
        if layers:
            pdf.Root.OCProperties = Dictionary(OCGs=layers, D=Dictionary(OFF=hidden))
        pdf.save(
            path,
            min_version=source.pdf_version,
            object_stream_mode=ObjectStreamMode.generate,
            deterministic_id=True,
        )
        warnings.check(pdf)


class _Pruner:
    """Takes from resources what content does not name. Changes the document's forms in place."""

    def __init__(self) -> None:
        self._visited: dict[tuple[int, int], set[str]] = {}

    def page(self, page: Object) -> Dictionary:
        """Return a page that holds what is drawn on it."""
        kept = Dictionary(Type=Name.Page)
        for key in _PAGE_KEYS:
            if key in page:
                kept[key] = page[key]
        kept.Resources, _ = self._pruned(page.get("/Resources"), _names(content_of(page)))
        return kept

    def _pruned(self, resources: Object | None, names: set[str]) -> tuple[Dictionary, set[str]]:
        """Return those of the resources that are named, and the names that are not among them."""
        kept: dict[str, Dictionary] = defaultdict(Dictionary)
        if not isinstance(resources, Dictionary):
            return Dictionary(), names
        categories = {
            category: found
            for category in _CATEGORIES
            if isinstance(found := resources.get(category), Dictionary)
        }
        if _NOT_UTF8 in names:
            for found in categories.values():
                _check_names(found)
        names = (names - {_NOT_UTF8}) | _UNNAMED
        todo = list(names)
        while todo:
            name = todo.pop()
            for category, found in categories.items():
                if name not in found:
                    continue
                value = found[name]
                if category == "/Properties" and not _is_layer(value):
                    continue
                kept[category][name] = value
                more = self._visit(value) - names - {_NOT_UTF8}
                names |= more
                todo += more
        missing = names.difference(*(found.keys() for found in kept.values()))
        return Dictionary({category: kept[category] for category in sorted(kept)}), missing

    def _visit(self, value: Object) -> set[str]:
        """Prune what `value` draws with; return the names that some readers look up in those of others.

        Of a form with resources of its own these are the names that are not in them.
        """
        if isinstance(value, Dictionary) and isinstance(mask := value.get("/SMask"), Dictionary):
            value = mask.get("/G", value)
        streams = list(_content_of(value))
        if not streams:
            return set()
        if value.objgen not in self._visited:
            # First, for forms that name themselves.
            self._visited[value.objgen] = set()
            names = _names(streams)
            if "/Resources" in value:
                value.Resources, missing = self._pruned(value.Resources, names)
                self._visited[value.objgen] = missing
            else:
                self._visited[value.objgen] = names
        return self._visited[value.objgen]


def _content_of(value: Object) -> Iterator[Object]:
    """Yield the streams of drawing commands in a form, a tiling pattern or a font of drawings."""
    if isinstance(value, Stream):
        if value.get("/Subtype") == Name.Form or value.get("/PatternType") == 1:
            yield value
    elif isinstance(value, Dictionary) and value.get("/Subtype") == Name.Type3:
        for _, stream in value.get("/CharProcs", Dictionary()).items():
            yield stream


def _names(streams: list[Object]) -> set[str]:
    """Return all that may be a name in the streams; what lies in strings and images does no harm."""
    content = b"\n".join(stream.read_bytes() for stream in streams)
    names = set()
    for name in {found[1] for found in _NAME.finditer(content)}:
        try:
            names.add("/" + _HEX.sub(lambda code: bytes.fromhex(code[1].decode()), name).decode())
        except UnicodeDecodeError:
            names.add(_NOT_UTF8)
    return names


def _check_names(resources: Dictionary) -> None:
    try:
        resources.keys()
    except UnicodeDecodeError as error:
        raise NotRendered(notices.PDF_NAMES.line()) from error


def _is_layer(value: Object) -> bool:
    return isinstance(value, Dictionary) and value.get("/Type") in (Name.OCG, Name.OCMD)
