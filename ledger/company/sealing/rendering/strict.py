"""Strict Open XML (ISO/IEC 29500-1): ordinary documents under namespaces that no parser here knows."""

import zipfile
from pathlib import Path

_RELATIONS = "_rels/.rels"
_MOST = 1 << 16
_NAMESPACE = b"http://purl.oclc.org/ooxml/"


def is_strict(source: Path) -> bool:
    """Return whether a file is an Office document that says it is Strict Open XML."""
    try:
        with zipfile.ZipFile(source) as package, package.open(_RELATIONS) as relations:
            return _NAMESPACE in relations.read(_MOST)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, RuntimeError, NotImplementedError):
        return False
