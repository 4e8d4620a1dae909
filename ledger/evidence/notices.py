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

from ledger.language import ENGLISH, LANGUAGES, Pair, pick
from ledger.quoted import Quoted, Words

BETWEEN = "; "


@dataclass(frozen=True, slots=True)
class Notice:
    """Why something is not shown, without a full stop, `{0}` for a number, and what its owner can do.

    English reasons hold no `; `, and begin in lower case.
    """

    reason: Pair
    remedy: Pair = ("", "")

    def line(self, *numbers: int) -> str:
        """Return what is sealed."""
        return self.reason[0].format(*(f"{number:,}" for number in numbers))


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


def _said(line: str, language: str) -> Said:
    for pattern, notice in _patterns():
        if found := pattern.fullmatch(line):
            reason = pick(notice.reason, language).format(*found.groups())
            if language == ENGLISH:
                reason = reason[:1].upper() + reason[1:]
            end = (".", "。")[LANGUAGES.index(language)]
            return Said(Words(reason + end), pick(notice.remedy, language))
    return Said(Quoted(line), Words(""))


@lru_cache
def _patterns() -> list[tuple[re.Pattern[str], Notice]]:
    rows = [each for each in globals().values() if isinstance(each, Notice)]
    number = r"([0-9]{1,3}(?:,[0-9]{3}){0,6}|[0-9]{1,19})"
    return [
        (re.compile(re.sub(r"\\\{\d\\\}", lambda _: number, re.escape(each.reason[0]))), each)
        for each in rows
    ]


# --- what to do ---

_AS_DOCX: Pair = (
    "Save it as .docx or PDF too, and deposit both together.",
    "请另存为 .docx 或 PDF，并与原件一并存证。",
)
_AS_XLSX: Pair = (
    "Save it as .xlsx or PDF too, and deposit both together.",
    "请另存为 .xlsx 或 PDF，并与原件一并存证。",
)
_AS_PPTX: Pair = (
    "Save it as .pptx or PDF too, and deposit both together.",
    "请另存为 .pptx 或 PDF，并与原件一并存证。",
)
_AS_PDF: Pair = (
    "Save or print it as PDF too, and deposit both together.",
    "请另存或打印为 PDF，并与原件一并存证。",
)
_AS_EML: Pair = (
    "Save it as .eml too, and deposit both together.",
    "请另存为 .eml，并与原件一并存证。",
)
_WITHOUT_PASSWORD: Pair = (
    "Save a copy without the password, and deposit both together.",
    "请另存一份不带密码的副本，并与原件一并存证。",
)
_UNPACKED: Pair = (
    "Unpack it, and deposit the folder with it.",
    "请解压后将文件夹与其一并存证。",
)
_INNER_UNPACKED: Pair = (
    "Unpack the inner archives, and deposit the folder with it.",
    "请将内层压缩包解压后，连同文件夹一并存证。",
)
_PRINTED: Pair = (
    "Open it in a program that shows it rightly, print it as PDF, and deposit both together.",
    "请用能正确显示的程序打开并打印为 PDF，与原件一并存证。",
)
_LOOK: Pair = (
    "Open it: if it is not as it should be, get an intact copy and deposit that too.",
    "请打开检查；如有异常，请取得完好的副本一并存证。",
)
_SMALLER: Pair = (
    "Divide it, and deposit the pieces too.",
    "请将其拆分后一并存证。",
)
_AGAIN: Pair = (
    "Deposit it again by itself.",
    "请单独再次存证。",
)

# --- kinds that nothing can be shown of but the whole ---

OLD_WORD = Notice(
    (
        "it is a document of Word before 2007 (.doc), of which only the whole can be shown",
        "该文件为 Word 97-2003 文档（.doc），只能整体出示",
    ),
    _AS_DOCX,
)
OLD_EXCEL = Notice(
    (
        "it is a workbook of Excel before 2007 (.xls), of which only the whole can be shown",
        "该文件为 Excel 97-2003 工作簿（.xls），只能整体出示",
    ),
    _AS_XLSX,
)
OLD_POWERPOINT = Notice(
    (
        "they are slides of PowerPoint before 2007 (.ppt), of which only the whole can be shown",
        "该文件为 PowerPoint 97-2003 演示文稿（.ppt），只能整体出示",
    ),
    _AS_PPTX,
)
WPS_TEXT = Notice(
    (
        "it is a document of WPS Writer (.wps), of which only the whole can be shown",
        "该文件为 WPS 文字文档（.wps），只能整体出示",
    ),
    _AS_DOCX,
)
WPS_SHEET = Notice(
    (
        "it is a workbook of WPS Spreadsheets (.et), of which only the whole can be shown",
        "该文件为 WPS 表格文件（.et），只能整体出示",
    ),
    _AS_XLSX,
)
WPS_SLIDES = Notice(
    (
        "they are slides of WPS Presentation (.dps), of which only the whole can be shown",
        "该文件为 WPS 演示文件（.dps），只能整体出示",
    ),
    _AS_PPTX,
)
OPEN_DOCUMENT = Notice(
    (
        "it is an OpenDocument file (.odt, .ods, .odp), of which only the whole can be shown",
        "该文件为 OpenDocument 格式（.odt、.ods、.odp），只能整体出示",
    ),
    _AS_PDF,
)
RICH_TEXT = Notice(
    (
        "it is rich text (.rtf), of which only the whole can be shown",
        "该文件为 RTF 格式，只能整体出示",
    ),
    _AS_DOCX,
)
OTHER_OFFICE = Notice(
    (
        "it is of a program whose files can only be shown whole",
        "该文件所属程序的文件只能整体出示",
    ),
    _AS_PDF,
)
XPS = Notice(
    (
        "it is an XPS document, of which only the whole can be shown",
        "该文件为 XPS 文档，只能整体出示",
    ),
    _AS_PDF,
)
SEVEN_ZIP = Notice(
    (
        "it is a 7z archive, whose members cannot be shown alone",
        "该文件为 7z 压缩包，其中成员不能单独出示",
    ),
    _UNPACKED,
)
RAR = Notice(
    (
        "it is a RAR archive, whose members cannot be shown alone",
        "该文件为 RAR 压缩包，其中成员不能单独出示",
    ),
    _UNPACKED,
)
OTHER_ARCHIVE = Notice(
    (
        "it is an archive of a kind whose members cannot be shown alone",
        "该文件为其他类型的压缩包，其中成员不能单独出示",
    ),
    _UNPACKED,
)
PACKED = Notice(
    (
        "it is compressed as a whole, so that its members have no bytes of their own",
        "该文件整体压缩，其中成员没有独立的字节",
    ),
    _UNPACKED,
)
COMPRESSED = Notice(
    (
        "it is compressed, so that only the whole can be shown",
        "该文件已压缩，只能整体出示",
    ),
    ("Unpack it, and deposit both together.", "请解压后与原件一并存证。"),
)
ENCRYPTED = Notice(
    (
        "it is encrypted with a password, so that only the whole can be shown",
        "该文件以密码加密，只能整体出示",
    ),
    _WITHOUT_PASSWORD,
)
STRICT = Notice(
    (
        "it is a Strict Open XML file, which is not read",
        "该文件为 Strict Open XML 格式，无法读取",
    ),
    (
        "Save it anew as an ordinary .docx, .xlsx or .pptx, or as PDF, and deposit both together.",
        "请另存为普通的 .docx、.xlsx、.pptx 或 PDF，并与原件一并存证。",
    ),
)
DAMAGED = Notice(
    ("it is damaged, or not what its name says", "该文件已损坏，或与其名称不符"), _LOOK
)
NO_ROOM = Notice(
    ("too little space was free for temporary files", "临时文件的可用空间不足"), _AGAIN
)

MORE = Notice(
    ("there are other notices: {0}", "另有其他说明：{0} 条"),
    ("`sealbook parts` shows them.", "请用 `sealbook parts` 查看。"),
)

# --- archives ---

NO_ZIP = Notice(
    (
        "it is no zip archive whose directory can be read",
        "该文件不是目录可读的 zip 压缩包",
    ),
    _LOOK,
)
TOO_MANY_MEMBERS = Notice(
    ("it has more than {0} members", "其成员超过 {0} 个"),
    _UNPACKED,
)
OVERLAP = Notice(("its members overlap", "其成员相互重叠"), _UNPACKED)
CONTRADICTS = Notice(
    (
        "its directory and its members contradict each other",
        "其目录与成员相互矛盾",
    ),
    _UNPACKED,
)
TAR_DAMAGED = Notice(("one of its headers is damaged", "其某个头部已损坏"), _LOOK)
TAR_LARGE_HEADER = Notice(("one of its headers is too large", "其某个头部过大"), _UNPACKED)
TAR_CUT = Notice(("it ends within a member", "其在某一成员中途结束"), _LOOK)
ENCRYPTED_MEMBERS = Notice(
    (
        "members that are encrypted, and shown only as such: {0}",
        "已加密、仅能以密文出示的成员：{0} 个",
    ),
    (
        "Unpack it with its password, and deposit the folder with it.",
        "请用密码解压后将文件夹与其一并存证。",
    ),
)
INNER_ARCHIVES = Notice(
    (
        "archives among its members, of which nothing inside can be shown alone: {0}",
        "成员中的压缩包，其内部内容不能单独出示：{0} 个",
    ),
    _INNER_UNPACKED,
)
GUESSED_NAMES = Notice(
    (
        "names of members whose encoding is not stated, and was guessed: {0}",
        "未注明编码、由软件推测的成员名称：{0} 个",
    ),
    (
        "Look at the names before you disclose a member.",
        "开示成员前请核对名称。",
    ),
)
GUESSED_NAME = Notice(
    (
        "the encoding of its name is not stated, and was guessed",
        "其名称未注明编码，由软件推测",
    ),
    ("Look at the name before you disclose it.", "开示前请核对名称。"),
)
WITHOUT_DATA = Notice(
    (
        "members that are links, devices or pipes, and hold no data of their own: {0}",
        "成员为链接、设备或管道，本身不含数据：{0} 个",
    ),
)
SPARSE = Notice(
    (
        "members stored without their empty stretches, which only a program for tar fills in: {0}",
        "以稀疏方式存储、需用 tar 程序还原空洞的成员：{0} 个",
    ),
    _UNPACKED,
)

# --- mail ---

NO_MESSAGE = Notice(
    ("it does not begin with a header field", "其开头不是邮件头字段"),
    _LOOK,
)
NO_MAILBOX = Notice(
    ("it does not begin with a line `From ...`", "其开头不是邮箱文件的 From 行"),
    _LOOK,
)
NO_EMLX = Notice(
    (
        "it does not begin with the size of the message in it, as Apple Mail writes it",
        "其开头不是 Apple 邮件所记的邮件长度",
    ),
    _LOOK,
)
TOO_MANY_MESSAGES = Notice(("it has more than {0} messages", "其邮件超过 {0} 封"), _SMALLER)
OUTLOOK_ITEM = Notice(
    (
        "it is a message or form of Outlook (.msg, .oft), of which only the whole can be shown",
        "该文件为 Outlook 邮件或模板（.msg、.oft），只能整体出示",
    ),
    _AS_EML,
)
TNEF = Notice(
    (
        "it is a wrapping of Outlook (winmail.dat), of which only the whole can be shown",
        "该文件为 Outlook 封装的邮件及附件（winmail.dat），只能整体出示",
    ),
    _AS_EML,
)
OUTLOOK_EMPTY = Notice(
    (
        "there is no header field, body or attachment in it that a message could show",
        "其中没有可作为邮件显示的邮件头、正文或附件",
    ),
    _AS_EML,
)
OUTLOOK_STORE = Notice(
    (
        "it is a mailbox of Outlook (.pst, .ost, .olm, .dbx), of which only the whole can be shown",
        "该文件为 Outlook 邮箱数据文件（.pst、.ost、.olm、.dbx），只能整体出示",
    ),
    (
        "Capture the mail over IMAP, or save it as .eml or .mbox, and deposit that too.",
        "请通过 IMAP 采集，或将其中邮件另存为 .eml 或 .mbox 一并存证。",
    ),
)
UNFORESEEN = Notice(
    ("this program could not take it apart", "本程序未能拆分该文件"),
    (
        "Nothing is lost: it is sealed whole. Please report it to who maintains the program.",
        "文件已整体封存，并无缺失；请告知程序维护者。",
    ),
)

# --- pages of PDFs ---

PDF_ENCRYPTED = Notice(("the PDF is encrypted", "该 PDF 已加密"), _WITHOUT_PASSWORD)
PDF_DAMAGED = Notice(
    (
        "the PDF is damaged in a way that could change what its pages show",
        "该 PDF 已损坏，其页面内容可能受到影响",
    ),
    _PRINTED,
)
PDF_NO_PAGES = Notice(("the PDF has no pages", "该 PDF 没有页面"), _LOOK)
PDF_MANY_PAGES = Notice(("it has more than {0} pages", "其页数超过 {0} 页"), _SMALLER)
PDF_LARGE_PAGES = Notice(("its pages take more than {0} MiB", "其页面超过 {0} MiB"), _SMALLER)
PDF_FORM = Notice(
    (
        "its form fields are drawn by each reader, not stored",
        "其表单域由各阅读器自行绘制，未存储外观",
    ),
    _PRINTED,
)
PDF_XFA = Notice(
    (
        "its pages are a form that a program of its own draws (XFA)",
        "其页面为由专用程序绘制的动态表单（XFA）",
    ),
    _PRINTED,
)
PDF_NAMES = Notice(
    (
        "its resources have names that pikepdf cannot read",
        "其资源名称无法由 pikepdf 读取",
    ),
    _PRINTED,
)

# --- what renditions cost ---

TOO_LARGE = Notice(("it is larger than {0} MiB", "该文件大于 {0} MiB"), _SMALLER)
NO_TIME = Notice(
    (
        "other documents of the deposit took all the time there is for it",
        "同次存证的其他文件已用尽处理时间",
    ),
    _AGAIN,
)
TOO_SLOW = Notice(("it took longer than {0} seconds", "处理时间超过 {0} 秒"), _AS_PDF)
TOO_MUCH_MEMORY = Notice(
    ("it takes more than {0} GiB of memory", "处理所需内存超过 {0} GiB"), _AS_PDF
)
ENDED = Notice(
    (
        "the program that makes renditions ended on it (signal or code {0})",
        "生成副本的程序在处理该文件时中止（信号或代码 {0}）",
    ),
    _LOOK,
)
NONSENSE = Notice(
    (
        "the program that makes renditions gave no usable answer",
        "生成副本的程序未给出可用的结果",
    ),
    _LOOK,
)
TOO_MANY_PARTS = Notice(("it has more than {0} parts", "其部分超过 {0} 个"), _SMALLER)
DEPOSIT_FULL = Notice(
    (
        "the deposit's documents have too many parts already",
        "同次存证的文件已有过多部分",
    ),
    _AGAIN,
)
LONG_NAME = Notice(
    ("its name is too long for names of renditions", "其名称过长，无法为副本命名"),
    ("Give it a shorter name, and deposit it again.", "请缩短名称后再次存证。"),
)

# --- what splitters and parsers cannot read ---

INNER_MESSAGES = Notice(
    (
        "messages inside it of which only the whole can be shown (encoded, too deep or too large): {0}",
        "因编码、嵌套过深或过大而只能整体出示的内嵌邮件：{0} 封",
    ),
    ("Save the inner message as .eml, and deposit it too.", "请将内嵌邮件另存为 .eml 后一并存证。"),
)
TOO_MANY_PARAGRAPHS = Notice(("it has more than {0} paragraphs", "其段落超过 {0} 段"), _SMALLER)
TOO_MANY_LINES = Notice(("it has more than {0} lines", "其行数超过 {0} 行"), _SMALLER)
LARGE_TEXT = Notice(("it is a text of more than {0} MiB", "该文本超过 {0} MiB"), _SMALLER)
UNKNOWN_TEXT = Notice(
    (
        "it is not a text in an encoding whose lines are known",
        "该文件不是以可识别行结构的编码保存的文本",
    ),
    ("Save it as UTF-8 too, and deposit both together.", "请另存为 UTF-8，并与原件一并存证。"),
)
NO_DOCX = Notice(("it is not a .docx, or a damaged one", "该文件不是 .docx，或已损坏"), _LOOK)
DOCX_ENCRYPTED = Notice(
    (
        "the .docx is encrypted, or of an older format",
        "该 .docx 已加密，或为旧格式",
    ),
    _WITHOUT_PASSWORD,
)
DOCX_PARTS = Notice(
    (
        "it takes in another file, whose text would be missing",
        "该文件引入了其他文件，其文字将会缺失",
    ),
    _AS_PDF,
)
DOCX_EMPTY = Notice(("there is no text in it", "其中没有文字"), _AS_PDF)
DOCX_FILES = Notice(("it holds more than {0} files", "其内含文件超过 {0} 个"), _AS_PDF)
DOCX_XML = Notice(("it unpacks to more than {0} MiB of XML", "其 XML 解压后超过 {0} MiB"), _AS_PDF)
DOCX_UNPACKED = Notice(("it unpacks to more than {0} MiB", "其解压后超过 {0} MiB"), _AS_PDF)
DOCX_TYPE = Notice(
    (
        "its XML declares a document type, which no .docx does",
        "其 XML 声明了文档类型，正常的 .docx 不会如此",
    ),
    _LOOK,
)
OTHER_KIND = Notice(
    (
        "renditions are made of PDF, OFD, .docx, .xlsx and .pptx files only",
        "仅对 PDF、OFD、.docx、.xlsx 和 .pptx 文件生成副本",
    ),
    _AS_PDF,
)

# --- sheets, slides, OFD ---

PACKAGE_LOCKED = Notice(
    ("it is encrypted, or of an older format", "该文件已加密，或为旧格式"), _AS_PDF
)
PACKAGE_BROKEN = Notice(
    ("it is not what it is called, or is damaged", "该文件与其名称不符，或已损坏"), _AS_PDF
)
PACKAGE_MISSING = Notice(("a part of it that it refers to is missing", "其引用的部分缺失"), _AS_PDF)
TOO_MUCH_TEXT = Notice(("its text has more than {0} MiB", "其文本超过 {0} MiB"), _SMALLER)
TOO_MANY_PIECES = Notice(
    (
        "it has no sheets, slides or pages, or more than {0}",
        "其没有工作表、幻灯片或页面，或超过 {0} 个",
    ),
    _SMALLER,
)
TOO_MANY_STRINGS = Notice(("it has more than {0} texts", "其文本条目超过 {0} 条"), _SMALLER)
