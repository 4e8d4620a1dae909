"""Writes the catalogue of translations: what the sources say, with its Chinese, and compiles it.

    python -m examples.make_messages

`ledger/locale/zh/LC_MESSAGES/sealbook.po` is the text, sorted, without line numbers and dates;
`sealbook.mo` beside it is what the program reads. Messages that have no Chinese yet stand there with an
empty `msgstr`; those that nothing says any longer go.
"""

import io
import sys
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from examples.messages import ROOT, Key, extract, plurals

PLACE = ROOT / "ledger/locale/zh/LC_MESSAGES"
PO, MO = PLACE / "sealbook.po", PLACE / "sealbook.mo"
_HEAD = "# The Chinese of Sealbook. How a message is added: CONTRIBUTING.md."
_WIDTH = 100


class Undated(Catalog):
    """A catalogue whose bytes follow from its messages alone."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """What its first message says."""
        return [
            ("Project-Id-Version", "sealbook"),
            ("Language", "zh"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", "nplurals=1; plural=0;"),
        ]


def read(path: Path) -> dict[Key, str]:
    """Return the translations of a catalogue."""
    found: dict[Key, str] = {}
    for each in read_po(io.BytesIO(path.read_bytes())):
        text, chinese = (
            each if isinstance(each, str) else each[0] for each in (each.id, each.string)
        )
        if text and chinese:
            found[each.context or "", text] = chinese
    return found


def catalogue(messages: Iterable[Key], known: dict[Key, str]) -> Undated:
    """Return messages with their Chinese."""
    made = Undated(locale="zh", fuzzy=False, header_comment=_HEAD)
    second = plurals()
    for context, text in messages:
        chinese = known.get((context, text), "")
        if text in second:
            made.add((text, second[text]), (chinese,))
        else:
            made.add(text, chinese, context=context or None)
    return made


def to_po(made: Catalog) -> bytes:
    """Return a catalogue as text."""
    file = io.BytesIO()
    write_po(file, made, width=_WIDTH, no_location=True, sort_output=True)
    return file.getvalue()


def to_mo(made: Catalog) -> bytes:
    """Return a catalogue compiled."""
    file = io.BytesIO()
    write_mo(file, made)
    return file.getvalue()


def main() -> None:
    """Write both files; say what has no Chinese yet."""
    made = catalogue(extract(), read(PO))
    PLACE.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(to_po(made))
    MO.write_bytes(to_mo(made))
    missing = sum(not each.string for each in made if each.id)
    sys.stdout.write(f"{len(made)} messages, {missing} without Chinese\n")


if __name__ == "__main__":
    main()
