"""The words of readings: how each was made, and that none is proven."""

import re
from collections.abc import Iterator, Sequence

from ledger.court.readings import Reading, Rests
from ledger.court.shown import document_called
from ledger.court.words import Described, Fact, fill
from ledger.language import Pair, pick
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
        facts.append(Fact(pick(_MORE, language), more))
    title, status = pick(_TITLE, language), pick(_STATUS, language)
    return Described(title, status, readings_text(language), tuple(facts))


def readings_text(language: str) -> Words:
    """Return what readings are, and are not."""
    return pick(_TEXT, language)


def reading_facts(reading: Reading, language: str) -> Iterator[Fact]:
    """Yield which piece a reading is of, how it was read, and what it says."""
    document = document_called(reading.document, language)
    message = fill(_MESSAGE, language, reading.message)
    whole = message if reading.message else pick(_WHOLE, language)
    yield Fact(document, Quoted(reading.path) if reading.path else whole)
    yield Fact("", how_read(reading, language))
    if reading.name:
        size = fill(("{0:,} B", "{0:,} B"), language, reading.size or len(reading.data))
        yield Fact("  " + pick(_FILE, language), Quoted(reading.name))
        yield Fact("", size)
        if reading.name_guessed:
            yield Fact("", pick(_NAME_GUESSED, language))
    text = reading.text or ""
    lines = [line for line in map(one_line, text.splitlines()) if line]
    for number, line in enumerate(lines[:MAX_LINES]):
        yield Fact("" if number else "  " + pick(_READ, language), Quoted(line))
    if len(lines) > MAX_LINES or (text and reading.size > len(text.encode()) + 1):
        yield Fact("", pick(_AND_SO_ON, language))


def how_read(reading: Reading, language: str) -> Words:
    """Return by what a reading was made, and what this rests on."""
    if reading.why is not None:
        return pick(_WHY[reading.why], language)
    if reading.unpacked:
        return pick(_UNPACKED, language)
    names = {"charset": _name(reading.charset), "encoding": _name(reading.encoding)}
    pair = _HOW[bool(reading.charset), bool(reading.encoding)]
    words = [fill(pair, language, **names), pick(_RESTS[reading.rests], language)]
    if reading.damaged:
        words.append(pick(_DAMAGED, language))
    return Words(pick(("; ", "；"), language).join(words))


def _name(charset: str) -> Words:
    """Return the name of a charset or encoding, which is one of ours. Raises TypeError else."""
    if charset and not _CHARSET.fullmatch(charset):
        raise TypeError("a charset has a name of ours")
    return Words(charset)


_TITLE: Pair = ("For reading", "解码后的可读文本")
_STATUS: Pair = ("not proven", "未证明")
_TEXT: Pair = (
    "What is shown, decoded by this program so that people can read it. No reading is proven: proven "
    "are the exact bytes alone, which are given apart. Where a reading is a guess, another guess would "
    "give other words.",
    "本程序将所示内容解码，供人阅读。解码所得不属于已证明的内容：已证明的只有另行给出的原始字节。"
    "凡注明“推测”的，以其他编码解读会得到不同文字。",
)
_WHOLE: Pair = ("whole", "全文")
_MESSAGE: Pair = ("message {0:,}", "第 {0:,} 封邮件")
_FILE: Pair = ("as a file", "文件")
_READ: Pair = ("reads", "文字")
_MORE: Pair = ("further readings, see --json", "其余解码文本数（见 --json）")
_NAME_GUESSED: Pair = (
    "its name is a guess: nothing states its charset",
    "文件名系推测：未载明其编码",
)
_AND_SO_ON: Pair = ("and so on: -o writes all of it", "下略：用 -o 写出全部内容")
_UNPACKED: Pair = (
    "unpacked from the archive's member that is shown",
    "由所示压缩包成员解压而得",
)
_DAMAGED: Pair = ("some bytes are no characters in it", "部分字节无法按此解读")
_HOW: dict[tuple[bool, bool], Pair] = {
    (True, True): ("read as {charset}, {encoding}", "按 {charset}、{encoding} 解读"),
    (True, False): ("read as {charset}", "按 {charset} 解读"),
    (False, True): ("read as {encoding}", "按 {encoding} 解读"),
    (False, False): ("read as it stands", "按原样解读"),
}
_RESTS: dict[Rests, Pair] = {
    Rests.SHOWN: ("the header that states this is shown", "说明编码的邮件头已出示"),
    Rests.ITSELF: ("it states this itself", "编码由其自身载明"),
    Rests.FORMED: (
        "nothing shown states this; the bytes are well-formed in it",
        "所示内容未载明编码，字节合乎该编码",
    ),
    Rests.HIDDEN: (
        "a guess: the header that would state this is not shown",
        "推测：说明编码的邮件头未出示",
    ),
    Rests.GUESS: (
        "a guess by its characters: nothing shown states this, or not truly",
        "依字符推测：所示内容未载明编码，或所载不实",
    ),
}
_WHY: dict[Why, Pair] = {
    Why.ENCRYPTED: ("not unpacked: it is encrypted", "未解压：已加密"),
    Why.METHOD: (
        "not unpacked: by a method of compression that this program does not know",
        "未解压：本程序不支持其压缩方法",
    ),
    Why.TOO_LARGE: ("not read: it is too large", "未解读：过大"),
    Why.DAMAGED: ("not unpacked: it is damaged", "未解压：已损坏"),
}
