"""The words of a partial opening: what is shown of each document, where it stands, where gaps are.

A document's bytes were cut into pieces at sealing, its parts (messages, paragraphs, ...) are counted
apart; both counts, and every field, are as stated by the depositor's software at sealing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ledger.catalogue.words import CHINESE, Fact, Pair, pick

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


def content_words(documents: Iterable[Document], language: str) -> str:
    """Return what the claim says of the content shown, and what it does not say."""
    shown = any(each["whole"] or each["parts"] for each in documents)
    return pick(_PARTIAL if shown else _FIELDS_ONLY, language)


def content_facts(
    documents: Iterable[Document], language: str, when: Callable[[int], str]
) -> Iterator[Fact]:
    """Yield what is shown of each document, its gaps, and the fields that are opened."""
    for each in documents:
        yield Fact(document_called(each["document"], language), headline(each, language))
        for part in each["parts"]:
            words = part_words(part, language)
            if part["path"] is not None:
                words += " · " + span(part["first"], part["first"] + part["count"] - 1, language)
            yield Fact("  " + position(part, language), words)
        if not each["whole"]:
            yield Fact("  " + pick(_GAP, language), gaps_in_words(each, language))
        if each["rendition"] is not None:
            yield Fact("  " + pick(_RENDITION, language), rendition_words(each, language))
        for name, value in each["fields"].items():
            if name == "modified" and isinstance(value, int):
                value = when(value)
            stated = pick(_STATED, language).format(field=field_called(name, language))
            yield Fact("  " + stated, _value(value, language))


def document_called(number: int, language: str) -> str:
    """Return the name that a document has by its number, from 1."""
    return pick(("document {0}", "第 {0} 份文件"), language).format(number)


def field_called(name: str, language: str) -> str:
    """Return a metadata field's name for people."""
    return pick(_FIELDS.get(name, (name, name)), language)


def position(part: Mapping[str, Any], language: str) -> str:
    """Return where a part stands: among the parts, or its pieces."""
    if part["position"] is not None:
        values = (f"{part['position']:,}", f"{part['total']:,}")
        return pick(("part {0} of {1}", "第 {0} 部分，共 {1} 部分"), language).format(*values)
    return span(part["first"], part["first"] + part["count"] - 1, language)


def span(first: int, last: int | None, language: str) -> str:
    """Return a run of pieces in words."""
    if last is None:
        pair = ("from piece {0} on, if there are more", "第 {0} 块及以后（如有）")
    elif first == last:
        pair = ("piece {0}", "第 {0} 块")
    else:
        pair = ("pieces {0} to {1}", "第 {0} 至 {1} 块")
    return pick(pair, language).format(f"{first:,}", "" if last is None else f"{last:,}")


def joined(what: str, said: str, language: str) -> str:
    """Return something and what is said of it."""
    return pick(("{0}: {1}", "{0}：{1}"), language).format(what, said)


def gaps_in_words(document: Document, language: str) -> str:
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
        words.append(pick(pair, language).format(listed))
    words += [span(first, last, language) for first, last in gaps if last is None]
    if not words:
        return pick(("nothing: every piece is shown", "无：各块均已出示"), language)
    text = pick(("; ", "；"), language).join(words)
    if document["pieces"] is None:
        return text
    return pick(("{0}, of {1:,}", "{0}（共 {1:,} 块）"), language).format(text, document["pieces"])


def _range(first: int, last: int, language: str) -> str:
    if first == last:
        return f"{first:,}"
    return pick(("{0:,} to {1:,}", "{0:,} 至 {1:,}"), language).format(first, last)


def rendition_words(document: Document, language: str) -> str:
    """Return what a rendition is of, who made it, and what is not shown of it."""
    tool = document["fields"].get("tool") or pick(_SOME_TOOL, language)
    return pick(_RENDERED, language).format(
        made=made_words(document["rendition"], language), tool=tool
    )


def made_words(made: Mapping[str, Any], language: str) -> str:
    """Return which page or text of which document a rendition shows."""
    kind = pick(_KINDS.get(made["kind"], (made["kind"], made["kind"])), language)
    return pick(_MADE, language).format(**{**made, "kind": kind})


def path_words(path: str, language: str) -> str:
    """Return a part's path; for a Chinese reader what it means goes first."""
    if language != CHINESE:
        return path
    # Only an archive's member brings a name of its own, which may hold slashes.
    places, colon, name = path.partition(": ")
    *outer, last = places.split("/")
    meaning = "，".join(map(_component, [*outer, last + colon + name]))
    return path if meaning == path else f"{meaning}（{path}）"


def headline(document: Document, language: str) -> str:
    """Return what a document is called, and its size where all of it is shown."""
    name = document["name"] or pick(("name not opened", "名称未开示"), language)
    if not document["whole"]:
        return str(name)
    whole = pick(("{0}, whole, {1:,} B", "{0}，全文，{1:,} B"), language)
    return whole.format(name, document["size"])


def part_words(part: Mapping[str, Any], language: str) -> str:
    """Return a part's path and size, or where it begins."""
    size = f"{part['size']:,} B"
    if part["path"] is not None:
        return f"{path_words(part['path'], language)} · {size}"
    if part["offset"] is None:
        return size
    start = pick(("from byte {0:,} on", "自第 {0:,} 字节起（从 0 计）"), language)
    return f"{size} · {start.format(part['offset'])}"


def _value(value: Any, language: str) -> str:
    if value in (None, ""):
        return pick(("nothing was stated", "未声明"), language)
    return f"{value:,} B" if isinstance(value, int) else str(value)


def _component(text: str) -> str:
    for pattern, chinese in _COMPONENTS:
        found = pattern.fullmatch(text)
        if found:
            return chinese.format(*found.groups())
    return text


_COMPONENTS = tuple(
    (re.compile(pattern, re.S), chinese)
    for pattern, chinese in (
        (r"message (\d+) of (\d+)", "第 {0} 封邮件（共 {1} 封）"),
        (r"message", "整封邮件"),
        (r"header", "邮件头"),
        (r"body", "正文"),
        (r"part ([\d.]+)", "MIME 部分 {0}"),
        (r"paragraph (\d+) of (\d+)", "第 {0} 自然段（共 {1} 段）"),
        (r"section (\d+) of (\d+)", "第 {0} 节（共 {1} 节）"),
        (r"table (\d+) of (\d+)", "第 {0} 个表格（共 {1} 个）"),
        (r"row (\d+)", "第 {0} 行"),
        (r"member (\d+) of (\d+): (.*)", "第 {0} 个成员（共 {1} 个）：{2}"),
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
_RENDERED: Pair = (
    "{made}, as rendered by {tool} at the deposit; the match with the original is shown only by a "
    "full opening",
    "{made}，由 {tool} 在存证时生成；与原件是否一致，只有完整开示才能显示",
)
_SOME_TOOL: Pair = ("software that is not named here", "未开示名称的软件")
_KINDS: dict[str, Pair] = {"page": ("page", "页面"), "text": ("text", "文本")}
_FIELDS: dict[str, Pair] = {
    "name": ("name", "名称"),
    "size": ("size", "大小"),
    "modified": ("last change", "最后修改"),
    "media-type": ("media type", "媒体类型"),
    "source": ("source", "来源"),
    "tool": ("tool", "工具"),
    "unsplit": ("why it was not split", "未拆分的原因"),
}
