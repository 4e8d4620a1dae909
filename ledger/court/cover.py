"""The words of a deposit's cover: what the depositor's software stated of its origin, field by field.

Labels are words of ours. A field that is not known here may have been named by anybody, so its name
goes into the value, with what it says.
"""

import re
from collections.abc import Iterator, Mapping

from ledger.court.words import Fact
from ledger.language import Pair, pick
from ledger.quoted import Quoted, Words

MAX_SHOWN = 100
"""Fields that a page gives; a message with 60 recipients has fewer, and machines get all of them."""

_NUMBER = re.compile(r"\d+")


def cover_facts(fields: Mapping[str, str], language: str) -> Iterator[Fact]:
    """Yield each field that is opened, and how many more there are than a page gives."""
    for name, value in list(fields.items())[:MAX_SHOWN]:
        label = cover_field_called(name, language)
        if not label:
            yield Fact(pick(_OTHER, language), Quoted(f"{name}: {value}"))
        else:
            yield Fact(label, Quoted(value) if value else pick(_NOTHING, language))
    if len(fields) > MAX_SHOWN:
        yield Fact(pick(_MORE, language), Words(f"{len(fields) - MAX_SHOWN:,}"))


def cover_field_called(name: str, language: str) -> Words:
    """Return a field's name for people, "" for one that is not known here."""
    pair = _FIELDS.get(_NUMBER.sub("#", name))
    return Words("" if pair is None else pick(pair, language).format(*_NUMBER.findall(name)))


_NOTHING: Pair = ("nothing was stated", "未声明")
_OTHER: Pair = ("field without a name here", "本程序未命名的字段")
_MORE: Pair = ("further fields, see --json", "其他字段数（见 --json）")
_FIELDS: dict[str, Pair] = {
    "title": ("title", "标题"),
    "stated by": ("stated by", "声明方"),
    "path": ("path", "路径"),
    "host": ("computer", "计算机"),
    "tool": ("sealed with", "封存工具"),
    "captured": ("captured", "采集时间"),
    "clock": ("its clock", "其时钟"),
    "classification": ("classification", "密级"),
    "matter": ("depositor's matter", "存证人事项"),
    "officer-#": ("sealed for, {0}", "封存对象 {0}"),
    "modified": ("file last changed", "文件最后修改"),
    "status changed": ("file status changed", "文件状态变更"),
    "created": ("file created", "文件创建"),
    "left-out": ("not taken along", "未收入的项目数"),
    "left-out-#": ("not taken, {0}", "未收入 {0}"),
    "record": ("record", "记录性质"),
    "event": ("event", "事件"),
    "to": ("moved to", "移至"),
    "the same file stands at": ("same file at", "同一文件位于"),
    "noticed": ("noticed", "发现时间"),
    "by": ("noticed with", "发现工具"),
    "measure": ("measure", "保密措施"),
    "mail-source": ("mail taken from", "邮件来源"),
    "mail-received": ("mail received", "邮件接收时间"),
    "mail-date": ("date in the mail", "邮件所载日期"),
    "mail-from": ("sender in the mail", "邮件所载发件人"),
    "mail-message-id": ("message id", "邮件标识"),
    "mbox-from": ("mbox separator", "邮箱分隔行"),
    "envelope-from": ("envelope sender", "信封发件人"),
    "envelope-to-#": ("envelope recipient {0}", "信封收件人 {0}"),
    "envelope-peer": ("delivered by", "投递方"),
    "envelope-helo": ("named itself", "投递方自称"),
    "envelope-tls": ("delivery encrypted", "传输加密"),
    "dkim": ("DKIM", "DKIM"),
    "dkim-#": ("DKIM signature {0}", "DKIM 签名 {0}"),
    "dkim-#-key": ("DKIM key {0}", "DKIM 密钥 {0}"),
    "dkim-#-look-up": ("DKIM key {0} from", "DKIM 密钥 {0} 查询"),
    "arc": ("ARC", "ARC"),
    "arc-#": ("ARC set {0}", "ARC 组 {0}"),
    "arc-key-#": ("ARC key {0}", "ARC 密钥 {0}"),
    "arc-look-up-#": ("ARC key {0} from", "ARC 密钥 {0} 查询"),
}
"""Field names with `#` for numbers, which become {0}."""
