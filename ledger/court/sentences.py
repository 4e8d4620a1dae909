"""Single sentences of a report, by key."""

from ledger.court.words import fill
from ledger.language import Pair
from ledger.quoted import Words


def say(key: str, language: str, **values: int | Words) -> Words:
    """Return a sentence of the catalogue."""
    return fill(_SENTENCES[key], language, **values)


_SENTENCES: dict[str, Pair] = {
    "title": ("Verification report", "核验报告"),
    "title-articles": (
        "Verification report by 人民法院在线诉讼规则, articles 16 to 19",
        "核验报告：按《人民法院在线诉讼规则》第十六条至第十九条",
    ),
    "title-matters": ("The file as a whole", "整个文件"),
    "matter": ("Matter", "事项"),
    "matter-id": ("matter", "事项"),
    "matter-unbroken": (
        "Numbers {numbers} of one matter, unbroken: each names the one before it by its hash, so "
        "nothing registered in the matter between them is missing. This says nothing of what was "
        "never deposited, nor of papers before the first and after the last. That the notary has "
        "entered no number twice, only an audit of the ledger shows.",
        "同一事项第 {numbers} 号，连续无缺：每一号以哈希指明前一号，故其间登记于该事项的存证没有缺失。"
        "从未存证的内容、首号之前及末号之后的存证，均不在此列。"
        "公证机构未将同一编号登记两次，只有审计账本才能证明。",
    ),
    "matter-runs": (
        "Numbers {numbers} of one matter. Within each run every number names the one before it by its "
        "hash, so nothing registered in the matter inside a run is missing. Between the runs numbers "
        "are missing; this says nothing of them, of what was never deposited, nor of papers before "
        "the first and after the last.",
        "同一事项第 {numbers} 号。各段之内每一号以哈希指明前一号，故段内登记于该事项的存证没有缺失。"
        "各段之间缺少编号；所缺编号、从未存证的内容、首号之前及末号之后的存证，均不在此列。",
    ),
    "matter-scattered": (
        "The file holds numbers {numbers} of one matter, no two of them consecutive.",
        "本文件含同一事项第 {numbers} 号，各号互不相连。",
    ),
    "matter-failed": (
        "The receipts of one matter contradict each other.",
        "同一事项的回执相互矛盾。",
    ),
    "matter-missing": ("not in this file", "不在本文件中"),
    "number-range": ("{first} to {last}", "{first} 至 {last}"),
    "and": (" and ", "、"),
    "deposit": ("Deposit", "存证"),
    "deposit-of": ("{number} of {count}", "第 {number} 份，共 {count} 份"),
    "title-deposits": ("Deposits in the file", "文件所含存证"),
    "file-good": (
        "Every claim required of each of the {count} deposits is proven.",
        "{count} 份存证中，要求证明的各项均已证明。",
    ),
    "file-bad": (
        "Not good: {bad} of {count} deposits do not show what is required.",
        "不成立：{count} 份存证中有 {bad} 份未达到要求。",
    ),
    "receipts-in-short": (
        "Of receipts alone no content is shown; --full adds their reports, claim by claim.",
        "仅有回执的存证未开示内容；加 --full 可逐项列出其报告。",
    ),
    "column-number": ("no.", "序号"),
    "column-matter": ("in matter", "事项编号"),
    "column-entry": ("entry", "记录"),
    "column-block": ("block", "区块"),
    "column-time": ("time (notary states)", "时间（公证机构声明）"),
    "column-shown": ("shown", "开示"),
    "shown-whole": ("all of it", "全文"),
    "shown-in-part": ("in part", "部分"),
    "shown-fields": ("fields alone", "仅字段"),
    "shown-receipt": ("receipt alone", "仅回执"),
    "shown-failed": ("does not hold", "不成立"),
    "gaps-title": ("What is shown, and what is not", "已开示与未开示"),
    "gap": ("- not shown -", "—— 未开示 ——"),
    "all-shown": ("all of it", "全文"),
    "other-documents": (
        "Other documents of the deposit, if there are any, are not shown.",
        "该存证的其他文件（如有）未开示。",
    ),
    "file": ("File", "文件"),
    "trust": ("Trust file", "信任文件"),
    "fingerprint": ("Fingerprint", "指纹"),
    "issued": ("issued {issued} by", "{issued} 签发，签发者"),
    "result": ("Result", "结果"),
    "verdict-good": (
        "Every required claim is proven: {names}.",
        "要求证明的各项均已证明：{names}。",
    ),
    "verdict-failed": ("Does not hold: {names}.", "不成立：{names}。"),
    "verdict-missing": ("Required but not proven: {names}.", "要求证明而未证明：{names}。"),
    "no-trust": (
        "Authenticity was not checked: there is no trust file. Get it from the notary office "
        "itself, not from a party to the case, then run again with --trust FILE.",
        "未核验真实性：没有信任文件。请直接向公证机构（而非当事人）索取，"
        "再以 --trust FILE 重新核验。",
    ),
    "compare": (
        "Compare this fingerprint with the one that the office hands out on paper.",
        "请将此指纹与公证机构书面提供的指纹核对。",
    ),
    "vault-trust": ("pinned in your vault", "本机保险库中固定的信任文件"),
    "written": ("Written", "已写出"),
    "written-readings": (
        "Written for reading, decoded by this program and not proven",
        "为便于阅读而写出，由本程序解码所得，未证明",
    ),
    "more-readings": ("and {count} more", "及另外 {count} 个"),
    "reason": ("reason", "原因"),
    "standing": (
        "At this office, at {size} entries (stated by the notary)",
        "本机构登记情况，账本共 {size} 条记录（公证机构声明）",
    ),
    "entered": ("Entered in our ledger", "已登记入本账本"),
    "key-revoked": ("Key revoked by now", "密钥现已撤销"),
    "revoked-key": ("Revoked key of the account", "该账户已撤销的密钥"),
    "entry": ("entry {index}", "第 {index} 号记录"),
    "revoked-at": ("{when}, {entry}: {reason}", "{when}，{entry}：{reason}"),
    "revoked-after": ("This deposit was entered before that.", "本存证登记在此之前。"),
    "revoked-before": ("This deposit was entered after that.", "本存证登记在此之后。"),
    "compromised": ("compromised", "已泄露"),
    "lost": ("lost", "已遗失"),
    "superseded": ("superseded", "已更换"),
    "ceased": ("ceased", "已停用"),
    "notice": ("Notice since", "此后的公告"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "unknown": ("unknown here", "本机构未知"),
}
