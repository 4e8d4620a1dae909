"""The words of readings: how each was made, and that none is proven."""

import re
from collections.abc import Iterator, Sequence

from ledger.court.readings import Reading, Rests
from ledger.court.shown import document_called
from ledger.court.words import Described, Fact
from ledger.language import Message, tr
from ledger.quoted import Quoted, Words
from ledger.reading.members import Why
from ledger.reading.shown import one_line

MAX_SHOWN = 40
"""Readings of a deposit on a page; machines get all of them."""

MAX_LINES = 6
"""Lines of a reading on a page."""

_CHARSET = re.compile(r"[a-z0-9_-]+(?:, [a-z0-9_-]+)*")


def described_readings(found: Sequence[Reading], language: str) -> Described:
    """Return the readings of a deposit as a section of its report."""
    facts = [fact for each in found[:MAX_SHOWN] for fact in reading_facts(each, language)]
    if len(found) > MAX_SHOWN:
        more = Words(f"{len(found) - MAX_SHOWN:,}")
        facts.append(Fact(tr(_MORE, language), more))
    title, status = tr(_TITLE, language), tr(_STATUS, language)
    return Described(title, status, readings_text(language), tuple(facts))


def readings_text(language: str) -> Words:
    """Return what readings are, and are not."""
    return tr(_TEXT, language)


def reading_facts(reading: Reading, language: str) -> Iterator[Fact]:
    """Yield which piece a reading is of, how it was read, and what it says."""
    document = document_called(reading.document, language)
    message = tr(_MESSAGE, language, reading.message)
    whole = message if reading.message else tr(_WHOLE, language)
    yield Fact(document, Quoted(reading.path) if reading.path else whole)
    yield Fact("", how_read(reading, language))
    if reading.name:
        size = tr("{0:,} B", language, reading.size or len(reading.data))
        yield Fact("  " + tr(_FILE, language), Quoted(reading.name))
        yield Fact("", size)
        if reading.name_guessed:
            yield Fact("", tr(_NAME_GUESSED, language))
    text = reading.text or ""
    lines = [line for line in map(one_line, text.splitlines()) if line]
    for number, line in enumerate(lines[:MAX_LINES]):
        yield Fact("" if number else "  " + tr(_READ, language), Quoted(line))
    if len(lines) > MAX_LINES or (text and reading.size > len(text.encode()) + 1):
        yield Fact("", tr(_AND_SO_ON, language))


def how_read(reading: Reading, language: str) -> Words:
    """Return by what a reading was made, and what this rests on."""
    if reading.why is not None:
        return tr(_WHY[reading.why], language)
    if reading.unpacked:
        return tr(_UNPACKED, language)
    names = {"charset": _name(reading.charset), "encoding": _name(reading.encoding)}
    pair = _HOW[bool(reading.charset), bool(reading.encoding)]
    words = [tr(pair, language, **names), tr(_RESTS[reading.rests], language)]
    if reading.damaged:
        words.append(tr(_DAMAGED, language))
    return Words(tr("; ", language).join(words))


def _name(charset: str) -> Words:
    """Return the name of a charset or encoding, which is one of ours. Raises TypeError else."""
    if charset and not _CHARSET.fullmatch(charset):
        raise TypeError("a charset has a name of ours")
    return Words(charset)


_TITLE: Message = "For reading"
_STATUS: Message = "not proven"
_TEXT: Message = (
    "What is shown, decoded by this program so that people can read it. No reading is proven: "
    "proven are the exact bytes alone, which are given apart. Where a reading is a guess, another "
    "guess would give other words."
)
_WHOLE: Message = "whole"
_MESSAGE: Message = "message {0:,}"
_FILE: Message = "as a file"
_READ: Message = "reads"
_MORE: Message = "further readings, see --json"
_NAME_GUESSED: Message = "its name is a guess: nothing states its charset"
_AND_SO_ON: Message = "and so on: -o writes all of it"
_UNPACKED: Message = "unpacked from the archive's member that is shown"
_DAMAGED: Message = "some bytes are no characters in it"
_HOW: dict[tuple[bool, bool], Message] = {
    (True, True): "read as {charset}, {encoding}",
    (True, False): "read as {charset}",
    (False, True): "read as {encoding}",
    (False, False): "read as it stands",
}
_RESTS: dict[Rests, Message] = {
    Rests.SHOWN: "the header that states this is shown",
    Rests.ITSELF: "it states this itself",
    Rests.FORMED: "nothing shown states this; the bytes are well-formed in it",
    Rests.HIDDEN: "a guess: the header that would state this is not shown",
    Rests.GUESS: "a guess by its characters: nothing shown states this, or not truly",
}
_WHY: dict[Why, Message] = {
    Why.ENCRYPTED: "not unpacked: it is encrypted",
    Why.METHOD: "not unpacked: by a method of compression that this program does not know",
    Why.TOO_LARGE: "not read: it is too large",
    Why.DAMAGED: "not unpacked: it is damaged",
}
