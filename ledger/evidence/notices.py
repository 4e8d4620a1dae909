"""Notices: what of a document cannot be shown by itself, or not as it is drawn; why; what to do.

Each is sealed with its document as a line of English, in the field `unsplit`; several follow one
another, between them `; `. A line that is of this table is a sentence of ours, in either language; any
other is a word of others. (What a rendition says of itself are remarks, a list of their own.)

A new kind of notice is one row here and `raise Unsplit(ROW.line())`: who deposits is told the reason
and what to do by `deposit`, `parts`, `disclose --dry-run` and `status`, the court the reason.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from ledger.language import ENGLISH, Message, tr
from ledger.quoted import Quoted, Words

BETWEEN = "; "


@dataclass(frozen=True, slots=True)
class Notice:
    """Why something is not shown, without a full stop, `{0}` for a number, and what its owner can do.

    English reasons hold no `; `, and begin in lower case.
    """

    reason: Message
    remedy: Message = ""

    def line(self, *numbers: int) -> str:
        """Return what is sealed."""
        return self.reason.format(*(f"{number:,}" for number in numbers))


@dataclass(frozen=True, slots=True)
class Said:
    """A notice as it is shown: the reason, ours where it is `Words`, and what to do, "" for nothing."""

    reason: Words | Quoted
    remedy: Words


def read(stated: str, language: str = ENGLISH) -> list[Said]:
    """Return the notices that a field states, in their order."""
    return [_said(line, language) for line in stated.split(BETWEEN) if line]


def joined(lines: list[str]) -> str:
    """Return lines as one field states them, each once."""
    return BETWEEN.join(dict.fromkeys(filter(None, lines)))


@lru_cache(maxsize=256)
def _said(line: str, language: str) -> Said:
    for pattern, notice in _patterns():
        if found := pattern.fullmatch(line):
            reason = tr(notice.reason, language, *map(Words, found.groups()))
            if language == ENGLISH:
                reason = Words(reason[:1].upper() + reason[1:])
            return Said(tr("{reason}.", language, reason=reason), tr(notice.remedy, language))
    return Said(Quoted(line), Words(""))


@lru_cache
def _patterns() -> list[tuple[re.Pattern[str], Notice]]:
    rows = [each for each in globals().values() if isinstance(each, Notice)]
    number = r"([0-9]{1,3}(?:,[0-9]{3}){0,6}|[0-9]{1,19})"
    return [
        (re.compile(re.sub(r"\\\{\d\\\}", lambda _: number, re.escape(each.reason))), each)
        for each in rows
    ]


# --- what to do ---

_AS_DOCX: Message = "Save it as .docx or PDF too, and deposit both together."
_AS_XLSX: Message = "Save it as .xlsx or PDF too, and deposit both together."
_AS_PPTX: Message = "Save it as .pptx or PDF too, and deposit both together."
_AS_PDF: Message = "Save or print it as PDF too, and deposit both together."
_AS_EML: Message = "Save it as .eml too, and deposit both together."
_WITHOUT_PASSWORD: Message = "Save a copy without the password, and deposit both together."  # noqa: S105
_UNPACKED: Message = "Unpack it, and deposit the folder with it."
_INNER_UNPACKED: Message = "Unpack the inner archives, and deposit the folder with it."
_PRINTED: Message = (
    "Open it in a program that shows it rightly, print it as PDF, and deposit both together."
)
_LOOK: Message = "Open it: if it is not as it should be, get an intact copy and deposit that too."
_SMALLER: Message = "Divide it, and deposit the pieces too."
_AGAIN: Message = "Deposit it again by itself."

# --- kinds that nothing can be shown of but the whole ---

OLD_WORD = Notice(
    "it is a document of Word before 2007 (.doc), of which only the whole can be shown",
    _AS_DOCX,
)
OLD_EXCEL = Notice(
    "it is a workbook of Excel before 2007 (.xls), of which only the whole can be shown",
    _AS_XLSX,
)
OLD_POWERPOINT = Notice(
    "they are slides of PowerPoint before 2007 (.ppt), of which only the whole can be shown",
    _AS_PPTX,
)
WPS_TEXT = Notice(
    "it is a document of WPS Writer (.wps), of which only the whole can be shown",
    _AS_DOCX,
)
WPS_SHEET = Notice(
    "it is a workbook of WPS Spreadsheets (.et), of which only the whole can be shown",
    _AS_XLSX,
)
WPS_SLIDES = Notice(
    "they are slides of WPS Presentation (.dps), of which only the whole can be shown",
    _AS_PPTX,
)
OPEN_DOCUMENT = Notice(
    "it is an OpenDocument file (.odt, .ods, .odp), of which only the whole can be shown",
    _AS_PDF,
)
RICH_TEXT = Notice(
    "it is rich text (.rtf), of which only the whole can be shown",
    _AS_DOCX,
)
OTHER_OFFICE = Notice(
    "it is of a program whose files can only be shown whole",
    _AS_PDF,
)
XPS = Notice(
    "it is an XPS document, of which only the whole can be shown",
    _AS_PDF,
)
SEVEN_ZIP = Notice(
    "it is a 7z archive, whose members cannot be shown alone",
    _UNPACKED,
)
RAR = Notice(
    "it is a RAR archive, whose members cannot be shown alone",
    _UNPACKED,
)
OTHER_ARCHIVE = Notice(
    "it is an archive of a kind whose members cannot be shown alone",
    _UNPACKED,
)
PACKED = Notice(
    "it is compressed as a whole, so that its members have no bytes of their own",
    _UNPACKED,
)
COMPRESSED = Notice(
    "it is compressed, so that only the whole can be shown",
    "Unpack it, and deposit both together.",
)
ENCRYPTED = Notice(
    "it is encrypted with a password, so that only the whole can be shown",
    _WITHOUT_PASSWORD,
)
STRICT = Notice(
    "it is a Strict Open XML file, which is not read",
    "Save it anew as an ordinary .docx, .xlsx or .pptx, or as PDF, and deposit both together.",
)
DAMAGED = Notice("it is damaged, or not what its name says", _LOOK)
NO_ROOM = Notice("too little space was free for temporary files", _AGAIN)

MORE = Notice(
    "there are other notices: {0}",
    "`sealbook parts` shows them.",
)

# --- archives ---

NO_ZIP = Notice(
    "it is no zip archive whose directory can be read",
    _LOOK,
)
TOO_MANY_MEMBERS = Notice(
    "it has more than {0} members",
    _UNPACKED,
)
OVERLAP = Notice("its members overlap", _UNPACKED)
CONTRADICTS = Notice(
    "its directory and its members contradict each other",
    _UNPACKED,
)
TAR_DAMAGED = Notice("one of its headers is damaged", _LOOK)
TAR_LARGE_HEADER = Notice("one of its headers is too large", _UNPACKED)
TAR_CUT = Notice("it ends within a member", _LOOK)
ENCRYPTED_MEMBERS = Notice(
    "members that are encrypted, and shown only as such: {0}",
    "Unpack it with its password, and deposit the folder with it.",
)
INNER_ARCHIVES = Notice(
    "archives among its members, of which nothing inside can be shown alone: {0}",
    _INNER_UNPACKED,
)
GUESSED_NAMES = Notice(
    "names of members whose encoding is not stated, and was guessed: {0}",
    "Look at the names before you disclose a member.",
)
GUESSED_NAME = Notice(
    "the encoding of its name is not stated, and was guessed",
    "Look at the name before you disclose it.",
)
WITHOUT_DATA = Notice(
    "members that are links, devices or pipes, and hold no data of their own: {0}",
)
SPARSE = Notice(
    "members stored without their empty stretches, which only a program for tar fills in: {0}",
    _UNPACKED,
)

# --- mail ---

NO_MESSAGE = Notice(
    "it does not begin with a header field",
    _LOOK,
)
NO_MAILBOX = Notice(
    "it does not begin with a line `From ...`",
    _LOOK,
)
NO_EMLX = Notice(
    "it does not begin with the size of the message in it, as Apple Mail writes it",
    _LOOK,
)
TOO_MANY_MESSAGES = Notice("it has more than {0} messages", _SMALLER)
OUTLOOK_ITEM = Notice(
    "it is a message or form of Outlook (.msg, .oft), of which only the whole can be shown",
    _AS_EML,
)
TNEF = Notice(
    "it is a wrapping of Outlook (winmail.dat), of which only the whole can be shown",
    _AS_EML,
)
OUTLOOK_EMPTY = Notice(
    "there is no header field, body or attachment in it that a message could show",
    _AS_EML,
)
OUTLOOK_STORE = Notice(
    "it is a mailbox of Outlook (.pst, .ost, .olm, .dbx), of which only the whole can be shown",
    "Capture the mail over IMAP, or save it as .eml or .mbox, and deposit that too.",
)
UNFORESEEN = Notice(
    "this program could not take it apart",
    "Nothing is lost: it is sealed whole. Please report it to who maintains the program.",
)

# --- pages of PDFs ---

PDF_ENCRYPTED = Notice("the PDF is encrypted", _WITHOUT_PASSWORD)
PDF_DAMAGED = Notice(
    "the PDF is damaged in a way that could change what its pages show",
    _PRINTED,
)
PDF_NO_PAGES = Notice("the PDF has no pages", _LOOK)
PDF_MANY_PAGES = Notice("it has more than {0} pages", _SMALLER)
PDF_LARGE_PAGES = Notice("its pages take more than {0} MiB", _SMALLER)
PDF_FORM = Notice(
    "its form fields are drawn by each reader, not stored",
    _PRINTED,
)
PDF_XFA = Notice(
    "its pages are a form that a program of its own draws (XFA)",
    _PRINTED,
)
PDF_NAMES = Notice(
    "its resources have names that pikepdf cannot read",
    _PRINTED,
)

# --- what renditions cost ---

TOO_LARGE = Notice("it is larger than {0} MiB", _SMALLER)
NO_TIME = Notice(
    "other documents of the deposit took all the time there is for it",
    _AGAIN,
)
TOO_SLOW = Notice("it took longer than {0} seconds", _AS_PDF)
TOO_MUCH_MEMORY = Notice("it takes more than {0} GiB of memory", _AS_PDF)
ENDED = Notice(
    "the program that makes renditions ended on it (signal or code {0})",
    _LOOK,
)
NONSENSE = Notice(
    "the program that makes renditions gave no usable answer",
    _LOOK,
)
TOO_MANY_PARTS = Notice("it has more than {0} parts", _SMALLER)
DEPOSIT_FULL = Notice(
    "the deposit's documents have too many parts already",
    _AGAIN,
)
LONG_NAME = Notice(
    "its name is too long for names of renditions",
    "Give it a shorter name, and deposit it again.",
)

# --- what splitters and parsers cannot read ---

INNER_MESSAGES = Notice(
    "messages inside it of which only the whole can be shown (encoded, too deep or too large): {0}",
    "Save the inner message as .eml, and deposit it too.",
)
TOO_MANY_PARAGRAPHS = Notice("it has more than {0} paragraphs", _SMALLER)
TOO_MANY_LINES = Notice("it has more than {0} lines", _SMALLER)
LARGE_TEXT = Notice("it is a text of more than {0} MiB", _SMALLER)
UNKNOWN_TEXT = Notice(
    "it is not a text in an encoding whose lines are known",
    "Save it as UTF-8 too, and deposit both together.",
)
NO_DOCX = Notice("it is not a .docx, or a damaged one", _LOOK)
DOCX_ENCRYPTED = Notice(
    "the .docx is encrypted, or of an older format",
    _WITHOUT_PASSWORD,
)
DOCX_PARTS = Notice(
    "it takes in another file, whose text would be missing",
    _AS_PDF,
)
DOCX_EMPTY = Notice("there is no text in it", _AS_PDF)
DOCX_FILES = Notice("it holds more than {0} files", _AS_PDF)
DOCX_XML = Notice("it unpacks to more than {0} MiB of XML", _AS_PDF)
DOCX_UNPACKED = Notice("it unpacks to more than {0} MiB", _AS_PDF)
DOCX_TYPE = Notice(
    "its XML declares a document type, which no .docx does",
    _LOOK,
)
OTHER_KIND = Notice(
    "renditions are made of PDF, OFD, .docx, .xlsx and .pptx files only",
    _AS_PDF,
)

# --- sheets, slides, OFD ---

PACKAGE_LOCKED = Notice("it is encrypted, or of an older format", _AS_PDF)
PACKAGE_BROKEN = Notice("it is not what it is called, or is damaged", _AS_PDF)
PACKAGE_MISSING = Notice("a part of it that it refers to is missing", _AS_PDF)
TOO_MUCH_TEXT = Notice("its text has more than {0} MiB", _SMALLER)
TOO_MANY_PIECES = Notice(
    "it has no sheets, slides or pages, or more than {0}",
    _SMALLER,
)
TOO_MANY_STRINGS = Notice("it has more than {0} texts", _SMALLER)
