"""A zip of XML from anybody: what is read of it is bounded first, and no entity is resolved."""

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from ledger.company.sealing.rendering import NotRendered
from ledger.evidence import notices

MAX_MEMBERS = 20_000
"""Files in a package."""
MAX_XML = 64 << 20
"""Bytes of XML that is parsed as a whole: in memory it takes ten times as much."""
MAX_STREAMED = 512 << 20
"""Bytes of XML that is read element by element."""

_OLE = b"\xd0\xcf\x11\xe0"
_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


class Package:
    """The XML in a package, by the names of its members. For use in a `with` block."""

    def __init__(self, source: Path) -> None:
        with source.open("rb") as file:
            if file.read(len(_OLE)) == _OLE:
                raise NotRendered(notices.PACKAGE_LOCKED.line())
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise NotRendered(notices.PACKAGE_BROKEN.line()) from error
        self._members = {each.filename.lstrip("/").lower(): each for each in self._zip.infolist()}
        if len(self._members) > MAX_MEMBERS:
            raise NotRendered(notices.DOCX_FILES.line(MAX_MEMBERS))
        self._room, self._streamed = MAX_XML, MAX_STREAMED

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def holds(self, name: str) -> bool:
        """Return whether there is such a member; case does not count."""
        return name.lower() in self._members

    def root(self, name: str) -> Any | None:
        """Return the root of a member, None where there is none. Raises NotRendered for too much."""
        member = self._members.get(name.lower())
        if member is None:
            return None
        self._room -= member.file_size
        if self._room < 0:
            raise NotRendered(notices.DOCX_XML.line(MAX_XML >> 20))
        root = etree.fromstring(self._zip.read(member), etree.XMLParser(**_SAFE))
        _check_doctype(root)
        return root

    def stream(self, name: str, *tags: str) -> Iterator[Any]:
        """Yield the elements with these local names in a member, each complete, and free them."""
        member = self._members.get(name.lower())
        if member is None:
            return
        self._streamed -= member.file_size
        if self._streamed < 0:
            raise NotRendered(notices.DOCX_XML.line(MAX_STREAMED >> 20))
        wanted = [f"{{*}}{tag}" for tag in tags]
        with self._zip.open(member) as file:
            elements = etree.iterparse(file, tag=wanted, **_SAFE)
            for _, element in elements:
                _check_doctype(element)
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Return what a member refers to (OPC): kind and member by id; nothing outside the package."""
        folder, file = posixpath.split(name)
        root = self.root(f"{folder}/_rels/{file}.rels".lstrip("/"))
        found: dict[str, tuple[str, str]] = {}
        for each in () if root is None else root:
            target = each.get("Target", "")
            if each.get("TargetMode") != "External" and target:
                path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                kind = each.get("Type", "").rpartition("/")[2]
                found[each.get("Id", "")] = kind, path
        return found


def _check_doctype(element: Any) -> None:
    # Entities are not resolved, and their text would be missing.
    if element.getroottree().docinfo.doctype:
        raise NotRendered(notices.DOCX_TYPE.line())


def children(element: Any, *tags: str) -> Iterator[Any]:
    """Yield the children with these local names, whatever their namespace."""
    if element is not None:
        yield from element.iterchildren(*(f"{{*}}{tag}" for tag in tags))


def child(element: Any, *path: str) -> Any | None:
    """Return the first child of that name, of that the first of the next name; None for none."""
    for tag in path:
        element = next(children(element, tag), None)
    return element


def attribute(element: Any, name: str) -> str:
    """Return an attribute by its local name, "" for none."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""
