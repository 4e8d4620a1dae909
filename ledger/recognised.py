"""Sentences that were said in English, recognised by the messages that they were made of.

The core speaks English: errors and the reasons of failed claims are sentences that hold values. Whoever
shows one to a person finds its message in the catalogue, and with that its words in another language.
Values of others are lifted out first (`ledger.quoted.lifted`), so that none can pose as our words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from string import Formatter

from ledger.language import CHINESE, ENGLISH, Message, messages, translated
from ledger.quoted import Quoted, Words, lifted, quotations

MAX_SENTENCE = 1_000
"""Characters of a sentence that is looked for: finding its values costs more than its length."""
_RUN = 6
"""Characters in a row by which a message is looked up."""
_DEEPEST = 3
"""Sentences within sentences: an error tells of the error below it."""
_PRIVATE = 0xF0000
"""The first of the characters that stand for quoted values meanwhile; `escape` lets none through."""
_HAN = re.compile("[\u4e00-\u9fff]")
_MOST_UNKNOWN = 16
"""Letters in the values of a message with no letters around them. More would be another sentence."""
_FEW, _MOST_IN_FEW = 9, 4
"""A message with fewer letters than that counts something: its values are numbers, units and words that
are Chinese by then, with no more letters than these."""
_NOTARY_SAYS = re.compile(r"The notary says: \((\d+)\)")
"""A quoted reason, as `ledger.wire.saying` gives it."""
_WORD = re.compile(r"\b[0-9a-f]{8,}\b|([A-Za-z]+)")
"""Letters; of the beginning of a hash or a key's id, in hexadecimal, none: they are no word's."""
_ENDS = ("。", "！", "？", "：")

_SENTENCE = re.compile(r"(?:[^{}]|\{\{|\}\}|\{\d+\})*")
"""A message made of an f-string: its places have plain numbers. Others are never errors."""

Template = tuple[tuple[str, ...], Message]
"""The texts around a message's places, one more than there are places; and the message."""


def retold(sentence: str, language: str) -> tuple[Words, tuple[str, ...]]:
    """Return a sentence in this language, numbers in the place of its quoted values, and these.

    What a notary says stays quoted, and is in this language where it is a sentence of ours.
    """
    words, values = lifted(sentence)
    said = {int(each) - 1 for each in _NOTARY_SAYS.findall(words)}
    told = (
        str(Quoted(said_in(Quoted.parse(each).text, language))) if number in said else each
        for number, each in enumerate(values)
    )
    return in_language(words, language) or words, tuple(told if language != ENGLISH else values)


def in_language(sentence: Words, language: str) -> Words | None:
    """Return a sentence of ours in another language, None where its message is not known."""
    if language == ENGLISH:
        return sentence
    told = _told_whole(sentence, language)
    if told is None or language != CHINESE or told.endswith(_ENDS):
        return None if told is None else Words(told)
    return Words(told + "。")


def said_in(sentence: str, language: str) -> str:
    """Return a sentence in another language, its quoted values where they belong; else as it is."""
    values = quotations(sentence)
    for number, value in enumerate(values):
        sentence = sentence.replace(value, chr(_PRIVATE + number))
    told = _told_whole(sentence, language)
    told = sentence if told is None else told
    for number, value in enumerate(values):
        told = told.replace(chr(_PRIVATE + number), value)
    return told


def values_in(message: Message, sentence: str) -> Sequence[str] | None:
    """Return what stands in the places of a message, None for what was not made of it."""
    return _values(_template(message)[0], sentence)


@dataclass(frozen=True, slots=True)
class _Telling:
    """One sentence on its way into a language; `told` is what its parts came to, by part and depth."""

    language: str
    told: dict[tuple[str, int], str | None] = field(default_factory=dict)


def _told_whole(sentence: str, language: str) -> str | None:
    return _told(sentence, _Telling(language), _DEEPEST) if len(sentence) <= MAX_SENTENCE else None


def _told(sentence: str, telling: _Telling, depth: int) -> str | None:
    part = (sentence, depth)
    if part not in telling.told:
        found = _found(sentence, telling, depth)
        ends = found is None or not sentence.endswith(".") or found.endswith(_ENDS)
        telling.told[part] = found if ends else f"{found}。"
    return telling.told[part]


def _found(sentence: str, telling: _Telling, depth: int) -> str | None:
    language = telling.language
    known, templates = _known(language)
    plain = _plain(sentence)
    if plain in known and (told := translated(known[plain], language)) != known[plain]:
        return told
    one_by_one = cache(partial(_one_by_one, sentence, telling, depth - 1))
    for texts, message in templates.possible(plain) if depth else ():
        if (values := _values(texts, plain)) is not None:
            if not texts[0] and values[0]:
                values = [sentence[0] + values[0][1:], *values[1:]]
            below = [_told(each, telling, depth - 1) for each in values]
            unknown = _letters(
                each
                for each, one in zip(values, below, strict=True)
                if not (one or _HAN.search(each))
            )
            filled = [one or _ended(each) for one, each in zip(below, values, strict=True)]
            if _counts(texts):
                fits = _letters(filled) <= _MOST_IN_FEW
            else:
                fits = unknown <= _MOST_UNKNOWN + 2 * _letters_of_ours(texts)
            several = any("; " in each for each in values)
            if (several or unknown) and (apart := one_by_one()):
                return apart
            if fits:
                return _filled(message, translated(message, language), filled)
    return one_by_one() if depth else None


def _one_by_one(sentence: str, telling: _Telling, depth: int) -> str | None:
    """Return sentences, or clauses, that stand one after another, where each is known."""
    for mark, chinese in ((". ", "。"), ("; ", "；")):
        parts = [_told(each, telling, depth) for each in sentence.split(mark)]
        if len(parts) > 1 and all(parts):
            *before, last = (each or "" for each in parts)
            return chinese.join([*(each.rstrip("。") for each in before), last])
    return None


def _counts(texts: tuple[str, ...]) -> bool:
    """Whether a message counts something, so that its values are no sentences."""
    return _letters_of_ours(texts) < _FEW and not set(":'") & set("".join(texts))


def _letters(texts: Iterable[str]) -> int:
    """Return how many letters of words there are, but for Chinese ones: those are told already."""
    return sum(len("".join(_WORD.findall(each))) for each in texts)


@cache
def _letters_of_ours(texts: tuple[str, ...]) -> int:
    return _letters(texts)


def _ended(text: str) -> str:
    """Return a text, where it is Chinese already, with a Chinese full stop."""
    return f"{text[:-1]}。" if text.endswith(".") and _HAN.search(text) else text


def _filled(message: Message, translation: str, values: Sequence[str]) -> str:
    """Return a translation with values as texts: they were formatted when they were said."""
    by_name = dict(zip(_places(message), values, strict=True))
    filled = ""
    for text, name, _, _ in Formatter().parse(translation):
        if text and not text.startswith("\n"):
            filled = filled.removesuffix("。")  # of a sentence within this one
        filled += text + ("" if name is None else by_name[name])
    return filled


def _values(texts: tuple[str, ...], sentence: str) -> Sequence[str] | None:
    if len(texts) == 1:
        return () if sentence == texts[0] else None
    first, *between, last = texts
    if not (sentence.startswith(first) and sentence.endswith(last)):
        return None
    end = len(sentence) - len(last)
    values, begin = [], len(first)
    for number, text in enumerate(between):
        # Of two places that touch, the first has it all.
        following = text or next(filter(None, between[number:]), "")
        found = sentence.find(following, begin, end) if following else end
        if found < 0:
            return None
        values.append(sentence[begin:found])
        begin = found + len(text)
    return None if begin > end else [*values, sentence[begin:end]]


class _Templates:
    """Templates in the order given, looked up by a run of characters: one of its longest text.

    Hardly two are looked up by the same; those whose texts are shorter than a run, by "".
    """

    def __init__(self, templates: Sequence[Template]) -> None:
        self._templates = templates
        self._numbers: dict[str, list[int]] = {}
        for number, (texts, _) in enumerate(templates):
            run = ""
            for run in _runs(max(texts, key=len)):
                if run not in self._numbers:
                    break
            self._numbers.setdefault(run, []).append(number)

    def possible(self, sentence: str) -> Iterator[Template]:
        """Yield every template that a sentence may be made of, and few others."""
        shared = self._numbers.keys() & {"", *_runs(sentence)}
        for number in sorted(number for run in shared for number in self._numbers[run]):
            yield self._templates[number]


def _runs(text: str) -> Iterator[str]:
    """Yield every `_RUN` characters in a row of a text."""
    return (text[at : at + _RUN] for at in range(len(text) - _RUN + 1))


@lru_cache
def _known(language: str) -> tuple[dict[str, Message], _Templates]:
    """Return messages without places, as they are compared, and those with places, longest first."""
    known: dict[str, Message] = {}
    templates = []
    for message in messages(language):
        if "\x04" in message:
            continue
        texts, _ = template = _template(message)
        if len(texts) == 1:
            known[_plain(texts[0])] = message
        elif _SENTENCE.fullmatch(message) and any(map(_tells, texts)):
            templates.append(template)
    templates.sort(key=lambda each: (-sum(map(len, each[0])), each[1][-1:] == "."))
    return known, _Templates(templates)


def _tells(text: str) -> bool:
    """Whether a text around places tells a message from others."""
    return text == ": " or any(map(str.isalpha, text))


def _template(message: Message) -> Template:
    text = message.rpartition("\x04")[2]
    texts = [""]
    for before, name, _, _ in Formatter().parse(text):
        texts[-1] += before
        if name is not None:
            texts.append("")
    texts[0] = texts[0][:1].lower() + texts[0][1:]
    texts[-1] = texts[-1].removesuffix(".")
    return tuple(texts), message


def _places(message: Message) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(message) if name is not None]


def _plain(sentence: str) -> str:
    """Return a sentence as it is compared: some are shown with a capital letter and a full stop."""
    text = sentence.removesuffix(".")
    return text[:1].lower() + text[1:]
