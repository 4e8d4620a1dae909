"""What a rendition says of itself, in our sentences: one for each word of the list in docs/formats.md.

Names and times are the original's own, so they stand beside the sentence and not in it. A word that is
not on the list is shown as what it is: a word of other software.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.court.words import Fact, fill
from ledger.language import Pair, pick, spelled
from ledger.quoted import Quoted, Words

Stated = Mapping[str, Any]
"""A remark by name, as `ledger.evidence.remarks.remark_facts` gives it."""


def remark_words(remark: Stated, language: str) -> Words:
    """Return the sentence of a remark, without a full stop."""
    count = remark["count"]
    one = count == 1
    return fill(
        REMARKS.get(remark["what"], _UNKNOWN),
        language,
        count=count,
        s=Words("" if one else "s"),
        es=Words("" if one else "es"),
        ies=Words("y" if one else "ies"),
        it=Words("it" if one else "they"),
        its=Words("its" if one else "their"),
        is_=Words("is" if one else "are"),
        s_=Words("s" if one else ""),
    )


def remark_names(remark: Stated) -> tuple[Quoted, ...]:
    """Return whom or what a remark names; of an unknown one first its word."""
    names = tuple(map(Quoted, remark["names"]))
    return names if remark["what"] in REMARKS else (Quoted(remark["what"]), *names)


def remark_rest(remark: Stated, language: str) -> Words:
    """Return how many names are left out, and when it was; "" for nothing."""
    said = []
    if remark["more_names"]:
        said.append(fill(_MORE, language, remark["more_names"]))
    if remark["first"] is not None:
        first, last = (spelled(remark[each], _TIME) for each in ("first", "last"))
        said.append(fill(_ONCE if first == last else _WHEN, language, first, last))
    return Words(pick((", ", "，"), language).join(said))


def remarks_facts(remarks: Sequence[Stated], language: str) -> Iterator[Fact]:
    """Yield what a rendition says of itself, for a report."""
    for number, remark in enumerate(remarks):
        label = "  " + pick(_LABEL, language) if number == 0 else ""
        yield Fact(label, remark_words(remark, language))
        yield from (Fact("", name) for name in remark_names(remark))
        if rest := remark_rest(remark, language):
            yield Fact("", rest)


_TIME = "%Y-%m-%d %H:%M"
_LABEL: Pair = ("says of itself", "副本自述")
_MORE: Pair = ("and {0:,} more", "另有 {0:,} 个")
_ONCE: Pair = ("{0} by the original's own clock", "{0}（原件自记时间）")
_WHEN: Pair = ("{0} to {1} by the original's own clock", "{0} 至 {1}（原件自记时间）")
_UNKNOWN: Pair = (
    "{count:,} × what other software calls",
    "{count:,} 处，其他软件称之为",
)

REMARKS: dict[str, Pair] = {
    "repaired": (
        "the PDF was damaged and has been repaired",
        "该 PDF 曾有损坏，已经修复",
    ),
    "annotations": (
        "{count:,} annotation{s} without a stored appearance, missing from the page",
        "未存储外观的批注 {count:,} 处，本页未显示",
    ),
    "link-frames": (
        "{count:,} frame{s} around links, left out",
        "链接外框 {count:,} 个，已略去",
    ),
    "insertions": (
        "{count:,} tracked insertion{s}, shown as accepted",
        "修订插入 {count:,} 处，按已接受显示",
    ),
    "deletions": (
        "{count:,} tracked deletion{s}, left out as accepted",
        "修订删除 {count:,} 处，按已接受略去",
    ),
    "moves": (
        "{count:,} tracked move{s}, shown at the new place only",
        "修订移动 {count:,} 处，仅在新位置显示",
    ),
    "insertions-marked": (
        "{count:,} tracked insertion{s}, marked as {{+…+}}",
        "修订插入 {count:,} 处，标记为 {{+…+}}",
    ),
    "deletions-marked": (
        "{count:,} tracked deletion{s}, marked as [-…-]",
        "修订删除 {count:,} 处，标记为 [-…-]",
    ),
    "moves-marked": (
        "{count:,} tracked move{s}, marked as a deletion at the old place and an insertion at the new",
        "修订移动 {count:,} 处，在原位置标为删除，在新位置标为插入",
    ),
    "format-changes": (
        "{count:,} tracked change{s} of format, not shown",
        "修订格式更改 {count:,} 处，未显示",
    ),
    "struck": (
        "{count:,} passage{s} struck through by hand, marked as ~~…~~",
        "手工删除线 {count:,} 处，标记为 ~~…~~",
    ),
    "hidden": (
        "{count:,} passage{s} of hidden text, left out",
        "隐藏文字 {count:,} 处，已略去",
    ),
    "faint": (
        "{count:,} passage{s} in white or tiny type, shown like the rest",
        "白色或极小字号的文字 {count:,} 处，与其他文字一样显示",
    ),
    "raised": (
        "{count:,} raised or lowered passage{s}, shown as ⁶, ₂, ^(…) or _(…)",
        "上标或下标 {count:,} 处，显示为 ⁶、₂、^(…) 或 _(…)",
    ),
    "formulas": (
        "{count:,} formula{s}, written in one line",
        "公式 {count:,} 个，改写为一行",
    ),
    "numbers": (
        "{count:,} paragraph number{s} in a format that is not known, shown as [n]",
        "段落编号格式未知 {count:,} 处，显示为 [n]",
    ),
    "symbols": (
        "{count:,} character{s} of symbol fonts that {is_} not known, shown as \ufffd",
        "符号字体的未知字符 {count:,} 个，显示为 \ufffd",
    ),
    "headers": (
        "{count:,} page header{s}, left out",
        "页眉 {count:,} 个，已略去",
    ),
    "footers": (
        "{count:,} page footer{s}, left out",
        "页脚 {count:,} 个，已略去",
    ),
    "comments": (
        "{count:,} comment{s}, left out",
        "批注 {count:,} 条，已略去",
    ),
    "text-boxes": (
        "{count:,} text box{es}, shown after the paragraph that {it} belong{s_} to",
        "文本框 {count:,} 个，显示在所属段落之后",
    ),
    "notes": (
        "{count:,} footnote{s} or endnote{s}, shown at the end as [n]",
        "脚注或尾注 {count:,} 条，以 [n] 显示在文末",
    ),
    "pictures": (
        "{count:,} picture{s}, left out",
        "图片 {count:,} 幅，已略去",
    ),
    "drawings": (
        "{count:,} drawing{s}, left out but for the text in {its} boxes",
        "图形 {count:,} 个，除文本框文字外已略去",
    ),
    "charts": (
        "{count:,} chart{s}, left out",
        "图表 {count:,} 个，已略去",
    ),
    "diagrams": (
        "{count:,} diagram{s} (SmartArt), left out",
        "示意图（SmartArt）{count:,} 个，已略去",
    ),
    "objects": (
        "{count:,} embedded or linked object{s}, left out",
        "嵌入或链接的对象 {count:,} 个，已略去",
    ),
    "fields": (
        "{count:,} field{s} without a result, left out",
        "没有结果的域 {count:,} 个，已略去",
    ),
    "results": (
        "{count:,} field{s} with the result that the original holds; what {it} compute{s_} is left out",
        "域 {count:,} 个，显示原件所存的结果，域代码已略去",
    ),
    "unread": (
        "{count:,} passage{s} in places that this software does not read, left out",
        "位于本软件不读取之处的文字 {count:,} 处，已略去",
    ),
    "links": (
        "{count:,} link{s}, {its} address left out",
        "链接 {count:,} 个，其地址已略去",
    ),
    "readings": (
        "{count:,} phonetic guide{s}, left out",
        "拼音指南 {count:,} 处，已略去",
    ),
    "versions": (
        "{count:,} passage{s} in several versions that differ, of which one is shown",
        "存在不同版本的内容 {count:,} 处，仅显示其中一种",
    ),
    "stored-numbers": (
        "numbers as the file stores them, dates as year-month-day; formats of cells are left out",
        "数字按文件所存显示，日期按年-月-日显示，单元格格式已略去",
    ),
    "computed": (
        "{count:,} cell{s} computed by formulas, shown with the result that the file holds",
        "由公式计算的单元格 {count:,} 个，显示文件所存的结果",
    ),
    "hidden-sheets": (
        "{count:,} hidden sheet{s}, shown like the rest",
        "隐藏工作表 {count:,} 张，与其他工作表一样显示",
    ),
    "hidden-cells": (
        "{count:,} hidden row{s} or groups of columns, shown like the rest",
        "隐藏的行或列组 {count:,} 处，与其他单元格一样显示",
    ),
    "hidden-slides": (
        "{count:,} hidden slide{s}, shown like the rest",
        "隐藏幻灯片 {count:,} 张，与其他幻灯片一样显示",
    ),
    "speaker-notes": (
        "speaker's notes of {count:,} slide{s}, left out",
        "{count:,} 张幻灯片的演讲者备注，已略去",
    ),
    "seals": (
        "electronic seals or signatures, left out and not checked",
        "电子印章或签名，已略去，未经验证",
    ),
    "annotation-files": (
        "annotations, left out",
        "注释，已略去",
    ),
    "composed": (
        "{count:,} header field{s} made of what the original stores, which has no such field{s}",
        "原件没有该邮件头字段、由其所存信息生成的字段 {count:,} 个",
    ),
    "replaced-lines": (
        "{count:,} line{s} of the original's header left out: fields of MIME, and what is no field",
        "原件邮件头中已略去的行 {count:,} 行（MIME 字段及非字段内容）",
    ),
    "other-subject": (
        "{count:,} subject{s} that Outlook shows otherwise than the header says, which is kept",
        "Outlook 显示的主题与邮件头不同 {count:,} 处，此处保留邮件头",
    ),
    "names-only": (
        "{count:,} sender{s} or recipient{s} without an internet address, shown by name",
        "没有互联网邮件地址的发件人或收件人 {count:,} 个，仅显示名称",
    ),
    "rich-text": (
        "{count:,} bod{ies} in rich text (RTF), left out",
        "RTF 格式正文 {count:,} 份，已略去",
    ),
    "properties": (
        "{count:,} other propert{ies} that Outlook stores (flags, times, categories, ..), left out",
        "Outlook 所存的其他属性（标记、时间、类别等）{count:,} 项，已略去",
    ),
    "undecoded": (
        "{count:,} text{s} with bytes that are no characters in {its} charset, shown as \ufffd",
        "含有无法按其字符集解读的字节的文字 {count:,} 处，显示为 \ufffd",
    ),
    "guessed": (
        "{count:,} text{s} whose charset is not stated rightly, and was guessed",
        "未正确注明字符集、由软件推测的文字 {count:,} 处",
    ),
    "unreadable": (
        "{count:,} stored value{s} that cannot be read, left out",
        "无法读取的存储值 {count:,} 项，已略去",
    ),
    "deep-messages": (
        "{count:,} message{s} too deep inside others, left out",
        "嵌套过深的邮件 {count:,} 封，已略去",
    ),
    "stored": (
        "{count:,} passage{s} stored in the file that no reader shows, left out",
        "存于文件但阅读软件不显示的文字 {count:,} 处，已略去",
    ),
}
"""A sentence for each word that this version knows."""
