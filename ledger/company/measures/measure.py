"""The register of confidentiality measures: what a company did to keep its secrets, entry by entry.

A measure is an ordinary deposit in a matter of its own: a small text that a person can read, and the
files that belong to it. So its time is the ledger's, its place in the register is numbered and chained,
and one entry can be shown without the others. What it says is the company's statement.

    Sealbook measure 1 保密措施登记

    Kind 类别: access-given 准予接触

    Date 日期: 2026-11-23

    Person 人员: 王伟, sales                       any number

    By 经办: Chen Li                               at most one

    Level 密级: confidential                       of a classification only

    Deposit 存证: <64 hexadecimal digits> contract.pdf

    Matter 事项: <32 hexadecimal digits> Nanjing supply

    Object 对象: the price list of 2026             deposits, matters, then other things; any number

    Attached 附件: nda.pdf                         a document of the same deposit; any number

    Note 备注: read only                           at most one

UTF-8, lines in this order, an empty one between two, a line feed after each: so each line is a
paragraph, and can be opened without the others. The date is the day on which the measure was taken, as
the company states it; only the ledger says when it was registered.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput, MalformedData
from ledger.quoted import Message

REGISTER = "register of measures"
"""The company's name of the matter that holds the register."""

MEASURE_NAME = "measure"
"""Where a manifest's provenance repeats the text, so that the register can be read without content."""

TEXT_NAME = "measure.txt"
"""The document that holds the text."""

MAX_MEASURE = 4096
"""UTF-8 bytes of a measure's text: what one value of a manifest's provenance can hold."""
MAX_TITLE = 120

DEPOSIT, MATTER, OBJECT = "deposit", "matter", "object"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of measure: its word in the format and in Chinese, and the lines it needs."""

    name: str
    chinese: str
    needs: tuple[str, ...]


CLASSIFICATION = "classification"
MARKING = "marking"
ACCESS_GIVEN = "access-given"
ACCESS_WITHDRAWN = "access-withdrawn"
AGREEMENT = "agreement"
RULES = "rules"
TRAINING = "training"
PREMISES = "premises"
DEVICES = "devices"
DEPARTURE = "departure"
DISCLOSURE = "disclosure"
OTHER = "other"

KINDS = {
    each.name: each
    for each in (
        Kind(CLASSIFICATION, "确定密级", ("level", "subjects")),
        Kind(MARKING, "标记", ("subjects",)),
        Kind(ACCESS_GIVEN, "准予接触", ("persons", "subjects")),
        Kind(ACCESS_WITHDRAWN, "收回接触", ("persons",)),
        Kind(AGREEMENT, "签订保密协议", ("persons",)),
        Kind(RULES, "规章制度或书面告知", ("note",)),
        Kind(TRAINING, "保密培训", ("persons",)),
        Kind(PREMISES, "场所管理", ("note",)),
        Kind(DEVICES, "设备管理", ("note",)),
        Kind(DEPARTURE, "离职交接", ("persons",)),
        Kind(DISCLOSURE, "披露", ("persons", "subjects")),
        Kind(OTHER, "其他措施", ("note",)),
    )
}
"""Every kind, by name. Words of the format: they do not change."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a measure is about: a deposit or a matter by its id in hexadecimal, or anything in words."""

    kind: str
    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One entry of the register. `date` is the company's statement; `attached` names documents."""

    kind: str
    date: date
    persons: tuple[str, ...] = ()
    by: str = ""
    level: str = ""
    subjects: tuple[Subject, ...] = ()
    attached: tuple[str, ...] = ()
    note: str = ""


def line_of(text: str) -> str:
    """Return any text as one line of a measure: runs of white space as one space, nothing unseen."""
    seen = "".join(c for c in text if c.isprintable() or c.isspace())
    return " ".join(seen.split())


def check_measure(measure: Measure) -> None:
    """Raise InvalidInput, saying what to do, where a measure cannot be written down."""
    kind = KINDS.get(measure.kind)
    if kind is None:
        raise InvalidInput(f"{measure.kind} is no kind of measure; there are: {', '.join(KINDS)}.")
    for need in kind.needs:
        if not getattr(measure, need):
            raise InvalidInput(f"A measure of the kind {kind.name} needs {_NEEDED[need]}.")
    if measure.level and measure.kind != CLASSIFICATION:
        raise InvalidInput(f"Only a {CLASSIFICATION} has a level.")
    if not _is_plain(measure):
        raise InvalidInput(
            "A measure's names and notes are single lines of visible characters, without a space at "
            "either end, and its things are deposits, then matters, then others."
        )
    size = len(_text(measure).encode())
    if size > MAX_MEASURE:
        raise InvalidInput(
            f"The measure takes {size} bytes of text, over its limit of {MAX_MEASURE}. Shorten it, or "
            "put the details into a file and attach that."
        )


def format_measure(measure: Measure) -> bytes:
    """Return the measure's text. Raises InvalidInput as check_measure does."""
    check_measure(measure)
    return _text(measure).encode()


def parse_measure(data: bytes) -> Measure:
    """Return the measure in a text: the inverse of `format_measure`. Raises MalformedData."""
    if len(data) > MAX_MEASURE:
        raise MalformedData(f"a measure is over its limit of {MAX_MEASURE} bytes")
    measure = _lines(data)
    try:
        check_measure(measure)
    except InvalidInput as error:
        raise MalformedData(f"the measure is not as specified: {error}") from error
    if _text(measure).encode() != data:
        raise MalformedData("the measure is not in its one form")
    return measure


def title_of(measure: Measure) -> str:
    """Return what a list of deposits calls the entry, on one line."""
    about = ", ".join((*measure.persons, *(each.text for each in measure.subjects)))
    return f"{measure.kind}: {about or measure.note}"[:MAX_TITLE].rstrip()


# --- the text ---

_HEAD = "Sealbook measure 1 保密措施登记"
_LABELS = {
    "kind": "Kind 类别",
    "date": "Date 日期",
    "persons": "Person 人员",
    "by": "By 经办",
    "level": "Level 密级",
    DEPOSIT: "Deposit 存证",
    MATTER: "Matter 事项",
    OBJECT: "Object 对象",
    "attached": "Attached 附件",
    "note": "Note 备注",
}
_FIELDS = {label: field for field, label in _LABELS.items()}
_ONCE = ("kind", "date", "by", "level", "note")
_ID_DIGITS = {DEPOSIT: 64, MATTER: 32}
_NEEDED: dict[str, Message] = {
    "persons": "whom it concerns (--person)",
    "subjects": "what it is about (--deposit, --matter or --object)",
    "level": "a level (--level)",
    "note": "a description (--note)",
}


def _text(measure: Measure) -> str:
    lines = [_HEAD, *(f"{_LABELS[field]}: {value}" for field, value in _values(measure))]
    return "\n\n".join(lines) + "\n"


def _is_plain(measure: Measure) -> bool:
    """Whether the lines of the measure's text say the same measure again."""
    try:
        return _lines(_text(measure).encode()) == measure
    except (MalformedData, UnicodeEncodeError):
        return False


def _values(measure: Measure) -> Iterator[tuple[str, str]]:
    yield "kind", f"{measure.kind} {KINDS[measure.kind].chinese}"
    yield "date", measure.date.isoformat()
    for each in measure.persons:
        yield "persons", each
    for field in ("by", "level"):
        if value := getattr(measure, field):
            yield field, value
    for kind in (DEPOSIT, MATTER, OBJECT):
        for subject in measure.subjects:
            if subject.kind == kind:
                yield kind, " ".join(filter(None, (subject.id, subject.text)))
    for each in measure.attached:
        yield "attached", each
    if measure.note:
        yield "note", measure.note


def _lines(data: bytes) -> Measure:
    """Return what the lines of a text say, whatever their order. Raises MalformedData."""
    try:
        head, *lines = data.decode().removesuffix("\n").split("\n\n")
    except UnicodeDecodeError as error:
        raise MalformedData("a measure is not UTF-8") from error
    if head != _HEAD:
        raise MalformedData("this is no measure's text")
    found: dict[str, list[str]] = {field: [] for field in _LABELS}
    for line in lines:
        label, colon, value = line.partition(": ")
        if not colon or label not in _FIELDS or not value or value != line_of(value):
            raise MalformedData("a line of the measure is not as specified")
        found[_FIELDS[label]].append(value)
    if any(len(found[field]) > 1 for field in _ONCE):
        raise MalformedData("a line of the measure stands there twice")
    name, _, chinese = _only(found["kind"]).partition(" ")
    if name not in KINDS or KINDS[name].chinese != chinese:
        raise MalformedData("the measure is of an unknown kind")
    return Measure(
        name,
        _date(_only(found["date"])),
        tuple(found["persons"]),
        _only(found["by"]),
        _only(found["level"]),
        tuple(_subject(kind, text) for kind in (DEPOSIT, MATTER, OBJECT) for text in found[kind]),
        tuple(found["attached"]),
        _only(found["note"]),
    )


def _only(values: Sequence[str]) -> str:
    return values[0] if values else ""


def _date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise MalformedData("the measure's date is not a day as YYYY-MM-DD") from error
    if found.isoformat() != text:
        raise MalformedData("the measure's date is not a day as YYYY-MM-DD")
    return found


def _subject(kind: str, text: str) -> Subject:
    if kind == OBJECT:
        return Subject(OBJECT, text)
    identity, _, name = text.partition(" ")
    if not re.fullmatch(f"[0-9a-f]{{{_ID_DIGITS[kind]}}}", identity):
        raise MalformedData(f"a {kind} that the measure names has no id")
    return Subject(kind, name, identity)
