"""The words of a partial opening: what is shown of each document, where it stands, where gaps are.

A document's bytes were cut into pieces at sealing, its parts (messages, paragraphs, ...) are counted
apart; both counts, and every field, are as stated by the depositor's software at sealing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ledger.court.remarks import remarks_facts
from ledger.court.words import Fact, fill
from ledger.evidence import notices
from ledger.language import CHINESE, Pair, pick
from ledger.quoted import Quoted, Words

Document = Mapping[str, Any]
"""A document of a CONTENT claim proven by a partial opening (see ledger.verify)."""


def hidden_pieces(document: Document) -> Iterator[tuple[int, int | None]]:
    """Yield (first, last) of each gap in a document, last None where it is not stated how far."""
    if document["whole"]:
        return
    next_piece = 1
    for part in document["parts"]:
        if part["first"] > next_piece:
            yield next_piece, part["first"] - 1
        next_piece = part["first"] + part["count"]
    total = document["pieces"]
    if total is None:
        yield next_piece, None
    elif total >= next_piece:
        yield next_piece, total


def content_words(documents: Iterable[Document], language: str) -> Words:
    """Return what the claim says of the content shown, and what it does not say."""
    shown = any(each["whole"] or each["parts"] for each in documents)
    return pick(_PARTIAL if shown else _FIELDS_ONLY, language)


def content_facts(
    documents: Iterable[Document], language: str, when: Callable[[int], Words]
) -> Iterator[Fact]:
    """Yield what is shown of each document, its gaps, and the fields that are opened."""
    for each in documents:
        yield Fact(document_called(each["document"], language), called(each, language))
        if each["whole"]:
            yield Fact("", fill(_WHOLE, language, each["size"]))
        for part in each["parts"]:
            words = part_words(part, language)
            if part["path"] is not None:
                yield Fact("  " + position(part, language), Quoted(part["path"]))
                pieces = span(part["first"], part["first"] + part["count"] - 1, language)
                yield Fact("", Words(f"{words} · {pieces}"))
            else:
                yield Fact("  " + position(part, language), words)
        if not each["whole"]:
            yield Fact("  " + pick(_GAP, language), gaps_in_words(each, language))
        if each["rendition"] is not None:
            made = {**each["rendition"], "tool": each["fields"].get("tool")}
            yield from made_facts(made, language)
            yield Fact("", pick(_MATCH, language))
        for name, value in each["fields"].items():
            yield from _field(name, value, language, when)


def _field(name: str, value: Any, language: str, when: Callable[[int], Words]) -> Iterator[Fact]:
    label = "  " + fill(_STATED, language, field=field_called(name, language))
    if name == "unsplit" and value:
        reasons = [each.reason for each in notices.read(str(value), language)]
        yield from (Fact("" if n else label, reason) for n, reason in enumerate(reasons))
    else:
        yield Fact(label, _field_value(name, value, language, when))


def _field_value(
    name: str, value: Any, language: str, when: Callable[[int], Words]
) -> Quoted | Words:
    if name == "modified" and isinstance(value, int):
        return when(value)
    if isinstance(value, int):
        return Words(f"{value:,} B")
    if value in (None, ""):
        return pick(_NOTHING, language)
    return Quoted(str(value))


def made_facts(made: Mapping[str, Any], language: str) -> Iterator[Fact]:
    """Yield which page or text of which document a rendition shows, by what it was made, and what it
    says of itself."""
    known = made["kind"] in _KINDS
    kind = pick(_KINDS[made["kind"]] if known else _OTHER_KIND, language)
    places = {key: made[key] for key in ("position", "total", "of")}
    yield Fact("  " + pick(_RENDITION, language), fill(_MADE, language, kind=kind, **places))
    if not known:
        yield Fact("  " + pick(_KIND, language), Quoted(str(made["kind"])))
    tool = made["tool"]
    yield Fact(
        "  " + pick(_TOOL, language), Quoted(str(tool)) if tool else pick(_SOME_TOOL, language)
    )
    yield from remarks_facts(made["remarks"], language)


def document_called(number: int, language: str) -> Words:
    """Return the name that a document has by its number, from 1."""
    return fill(("document {0}", "第 {0} 份文件"), language, number)


def field_called(name: str, language: str) -> Words:
    """Return a metadata field's name for people."""
    return pick(_FIELDS[name], language)


def position(part: Mapping[str, Any], language: str) -> Words:
    """Return where a part stands: among the parts, or its pieces."""
    if part["position"] is not None:
        pair = ("part {0:,} of {1:,}", "第 {0:,} 部分，共 {1:,} 部分")
        return fill(pair, language, part["position"], part["total"])
    return span(part["first"], part["first"] + part["count"] - 1, language)


def span(first: int, last: int | None, language: str) -> Words:
    """Return a run of pieces in words."""
    if last is None:
        pair = ("from piece {0:,} on, if there are more", "第 {0:,} 块及以后（如有）")
        return fill(pair, language, first)
    if first == last:
        return fill(("piece {0:,}", "第 {0:,} 块"), language, first)
    return fill(("pieces {0:,} to {1:,}", "第 {0:,} 至 {1:,} 块"), language, first, last)


def seen_words(seen: Mapping[str, Any], language: str) -> Words:
    """Return which pieces of a document somebody has seen, and of how many where that was opened."""
    spans = [span(first, first + count - 1, language) for first, count in seen["runs"]]
    text = Words(pick((", ", "、"), language).join(spans))
    if seen["pieces"] is None:
        return text
    if not spans or seen["runs"] == [[1, seen["pieces"]]]:
        return pick(("whole", "全文"), language)
    return fill(("{0}, of {1:,}", "{0}（共 {1:,} 块）"), language, text, seen["pieces"])


def joined(what: Words, said: Words, language: str) -> Words:
    """Return something and what is said of it."""
    return fill(("{0}: {1}", "{0}：{1}"), language, what, said)


def gaps_in_words(document: Document, language: str) -> Words:
    """Return which pieces of a document are not shown."""
    if not document["parts"]:
        return pick(("its whole content", "全部内容"), language)
    gaps = list(hidden_pieces(document))
    closed = [_range(first, last, language) for first, last in gaps if last is not None]
    words = []
    if closed:
        listed = pick((", ", "、"), language).join(closed[:-1])
        listed = pick((" and ", "、"), language).join([listed, closed[-1]] if listed else closed)
        one = len(gaps) > 0 and closed == [f"{gaps[0][0]:,}"]
        pair = ("piece {0}" if one else "pieces {0}", "第 {0} 块")
        words.append(fill(pair, language, Words(listed)))
    words += [span(first, last, language) for first, last in gaps if last is None]
    if not words:
        return pick(("nothing: every piece is shown", "无：各块均已出示"), language)
    text = Words(pick(("; ", "；"), language).join(words))
    if document["pieces"] is None:
        return text
    return fill(("{0}, of {1:,}", "{0}（共 {1:,} 块）"), language, text, document["pieces"])


def _range(first: int, last: int, language: str) -> Words:
    if first == last:
        return Words(f"{first:,}")
    return fill(("{0:,} to {1:,}", "{0:,} 至 {1:,}"), language, first, last)


def path_meaning(path: str) -> Words:
    """Return what a part's path means, for a Chinese reader: only what is known, and no name."""
    found = []
    # Only an archive's member brings a name of its own, which may hold slashes and stands last.
    places, _, _ = path.partition(": ")
    components = re.split("/|, ", places, maxsplit=_DEEPEST)
    for component in components[:_DEEPEST]:
        for pattern, chinese in _COMPONENTS:
            match = pattern.fullmatch(component)
            if match:
                found.append(chinese.format(*match.groups()))
    return Words("，".join(found))


def called(document: Document, language: str) -> Quoted | Words:
    """Return what a document is called, where that is opened."""
    name = document["name"]
    return Quoted(name) if name else pick(("name not opened", "名称未开示"), language)


def part_words(part: Mapping[str, Any], language: str) -> Words:
    """Return a part's size, or where it begins; for a Chinese reader what its path means goes first."""
    size = Words(f"{part['size']:,} B")
    if part["path"] is not None:
        meaning = path_meaning(part["path"]) if language == CHINESE else ""
        return Words(f"{meaning} · {size}") if meaning else size
    if part["offset"] is None:
        return size
    pair = ("{0} · from byte {1:,} on", "{0} · 自第 {1:,} 字节起（从 0 计）")
    return fill(pair, language, size, part["offset"])


_DEEPEST = 8
"""Components of a path that are explained."""

_COMPONENTS = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"message ([0-9]{1,9}) of ([0-9]{1,9})", "第 {0} 封邮件（共 {1} 封）"),
        (r"message", "整封邮件"),
        (r"header", "邮件头"),
        (r"body", "正文"),
        (r"part ([0-9.]{1,20})", "MIME 部分 {0}"),
        (r"paragraph ([0-9]{1,9}) of ([0-9]{1,9})", "第 {0} 自然段（共 {1} 段）"),
        (r"section ([0-9]{1,9}) of ([0-9]{1,9})", "第 {0} 节（共 {1} 节）"),
        (r"table ([0-9]{1,9}) of ([0-9]{1,9})", "第 {0} 个表格（共 {1} 个）"),
        (r"row ([0-9]{1,9})", "第 {0} 行"),
        (r"member ([0-9]{1,9}) of ([0-9]{1,9})", "第 {0} 个成员（共 {1} 个）"),
        (r"encrypted", "已加密"),
        (r"archive", "压缩包"),
        (r"sparse", "稀疏存储"),
        (r"folder", "文件夹"),
        (r"hard link", "硬链接"),
        (r"symbolic link", "符号链接"),
        (r"device", "设备"),
        (r"pipe", "管道"),
        (r"name guessed as ([a-z0-9_-]{1,20})", "名称按 {0} 推测"),
    )
)

_PARTIAL: Pair = (
    "Only a part of the deposit is shown. What is shown is exactly, byte for byte, what was deposited "
    "at that place: the commitment recomputed from it equals the one in the ledger. “Part n of m”, the "
    "number of pieces, names and other fields are as stated by the depositor's software at sealing. "
    "Not shown: the rest, and that nothing in it changes the meaning of what is shown.",
    "仅开示存证的一部分。所示内容与存证中该位置的内容逐字节一致：由其重新计算的加盐指纹与账本中的一致。"
    "“第几部分、共几部分”、块数、名称及其他字段，均为存证人软件在封存时的声明。"
    "未予证明：其余内容，以及其余内容不会改变所示内容的含义。",
)
_FIELDS_ONLY: Pair = (
    "No content is shown, only fields that were sealed with it: the commitment recomputed from them "
    "equals the one in the ledger. They are as stated by the depositor's software at sealing.",
    "未开示内容，仅开示与其一同封存的字段：由其重新计算的加盐指纹与账本中的一致。"
    "各字段为存证人软件在封存时的声明。",
)
_GAP: Pair = ("not shown", "未开示")
_STATED: Pair = ("{field} (stated)", "{field}（声明）")
_RENDITION: Pair = ("rendition", "副本")
_MADE: Pair = (
    "{kind} {position} of {total} of document {of}",
    "第 {of} 份文件的{kind}（第 {position}，共 {total}）",
)
_WHOLE: Pair = ("whole, {0:,} B", "全文，{0:,} B")
_NOTHING: Pair = ("nothing was stated", "未声明")
_MATCH: Pair = (
    "rendered at the deposit; the match with the original is shown only by a full opening",
    "存证时生成；与原件是否一致，只有完整开示才能显示",
)
_TOOL: Pair = ("rendered by (stated)", "生成工具（声明）")
_KIND: Pair = ("kind (stated)", "种类（声明）")
_OTHER_KIND: Pair = ("rendition", "副本")
_SOME_TOOL: Pair = ("software that is not named here", "未开示名称的软件")
_KINDS: dict[str, Pair] = {
    "page": ("page", "页面"),
    "text": ("text", "文本"),
    "mail": ("message", "邮件"),
    "marked": ("text with its changes marked", "带修订标记的文本"),
}
_FIELDS: dict[str, Pair] = {
    "name": ("name", "名称"),
    "size": ("size", "大小"),
    "modified": ("last change", "最后修改"),
    "media-type": ("media type", "媒体类型"),
    "source": ("source", "来源"),
    "tool": ("tool", "工具"),
    "unsplit": ("what cannot be shown by itself", "不能单独出示的内容"),
}
