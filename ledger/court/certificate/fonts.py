"""Fonts that a certificate is set in: those that its page names, or all that this computer has.

Typst reads every font of a folder before it sets a page, and beside the few that are needed lie a
dozen as large: so these are given to it in a folder of their own, which it needs only while it reads.
"""

import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

_PLACES = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts")
_NEEDED = frozenset(
    (
        "NotoSansCJK-Regular.ttc",
        "NotoSansCJK-Bold.ttc",
        "NotoSerifCJK-Regular.ttc",
        "NotoSerifCJK-Bold.ttc",
        "DejaVuSansMono.ttf",
    )
)
_RARE = frozenset(("HanaMinA.ttf", "HanaMinB.ttf"))


@lru_cache(maxsize=1)
def named_fonts() -> Any:
    """Return the fonts that the page names; all where one of them is not found.

    Those for rare characters may be missing: a page asks for them where a name needs them.
    """
    found = {path.name: path for path in _files() if path.name in _NEEDED | _RARE}
    if not found.keys() >= _NEEDED:
        return all_fonts()
    with tempfile.TemporaryDirectory(prefix="sealbook-") as folder:
        for name, path in found.items():
            Path(folder, name).symlink_to(path)
        return typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder]
        )


@lru_cache(maxsize=1)
def all_fonts() -> Any:
    """Return every font of this computer: a character that none of the named has may be in one."""
    return typst.Fonts()


def _files() -> Iterator[Path]:
    for place in _PLACES:
        for folder, _, names in os.walk(Path(place).expanduser()):
            yield from (Path(folder, name) for name in names)
