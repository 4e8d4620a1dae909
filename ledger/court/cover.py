"""The words of a deposit's cover: what the depositor's software stated of its origin, field by field.

Labels are words of ours. A field that is not known here may have been named by anybody, so its name
goes into the value, with what it says.
"""

import re
from collections.abc import Iterator, Mapping

from ledger.court.words import Fact
from ledger.language import Message, tr
from ledger.quoted import Quoted, Words

MAX_SHOWN = 100
"""Fields that a page gives; a message with 60 recipients has fewer, and machines get all of them."""

_NUMBER = re.compile(r"\d+")


def cover_facts(fields: Mapping[str, str], language: str) -> Iterator[Fact]:
    """Yield each field that is opened, and how many more there are than a page gives."""
    for name, value in list(fields.items())[:MAX_SHOWN]:
        label = cover_field_called(name, language)
        if not label:
            yield Fact(tr(_OTHER, language), Quoted(f"{name}: {value}"))
        else:
            yield Fact(label, Quoted(value) if value else tr(_NOTHING, language))
    if len(fields) > MAX_SHOWN:
        yield Fact(tr(_MORE, language), Words(f"{len(fields) - MAX_SHOWN:,}"))


def cover_field_called(name: str, language: str) -> Words:
    """Return a field's name for people, "" for one that is not known here."""
    return tr(_FIELDS.get(_NUMBER.sub("#", name), ""), language, *map(Words, _NUMBER.findall(name)))


_NOTHING: Message = "nothing was stated"
_OTHER: Message = "field without a name here"
_MORE: Message = "further fields, see --json"
_FIELDS: dict[str, Message] = {
    "title": "title",
    "stated by": "stated by",
    "path": "path",
    "host": "computer",
    "tool": "sealed with",
    "captured": "captured",
    "clock": "its clock",
    "classification": "classification",
    "matter": "depositor's matter",
    "officer-#": "sealed for, {0}",
    "modified": "file last changed",
    "status changed": "file status changed",
    "created": "file created",
    "left-out": "not taken along",
    "left-out-#": "not taken, {0}",
    "record": "record",
    "event": "event",
    "to": "moved to",
    "the same file stands at": "same file at",
    "noticed": "noticed",
    "by": "noticed with",
    "measure": "measure",
    "mail-source": "mail taken from",
    "mail-received": "mail received",
    "mail-date": "date in the mail",
    "mail-from": "sender in the mail",
    "mail-message-id": "message id",
    "mail-journal": "journal report",
    "mail-journal-date": "date of the report",
    "mail-journal-message-id": "id of the report",
    "mbox-from": "mbox separator",
    "envelope-from": "envelope sender",
    "envelope-to-#": "envelope recipient {0}",
    "envelope-peer": "delivered by",
    "envelope-helo": "named itself",
    "envelope-tls": "delivery encrypted",
    "dkim": "DKIM",
    "dkim-#": "DKIM signature {0}",
    "dkim-#-key": "DKIM key {0}",
    "dkim-#-look-up": "DKIM key {0} from",
    "arc": "ARC",
    "arc-#": "ARC set {0}",
    "arc-key-#": "ARC key {0}",
    "arc-look-up-#": "ARC key {0} from",
}
"""Field names with `#` for numbers, which become {0}."""
