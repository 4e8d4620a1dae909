"""The words of the report on confidentiality measures, in Chinese and English.

Rules are told in our own short words, not quoted: the official text decides. No sentence says that
what is on record suffices.
"""

from collections.abc import Sequence

from ledger.company.measures.measure import KINDS
from ledger.company.measures.register import Gap, VaultFacts
from ledger.company.measures.rules import LAWS, Rule
from ledger.court import CHINESE
from ledger.court.words import fill
from ledger.language import pick
from ledger.quoted import Words

_GAPS = {
    "waiting": (
        "{numbers}: sealed, not registered yet; until then nothing proves the time.",
        "{numbers}：已封存，尚未登记；登记之前时间无从证明。",
    ),
    "refused": (
        "Entries that the notary refused, so that they are not registered: {count}.",
        "公证机构未予受理、因而未登记的记录：{count} 条。",
    ),
    "damaged": (
        "{numbers}: the receipt kept here does not hold; the notary has another copy.",
        "{numbers}：本机所存回执核验不通过；公证机构另有副本。",
    ),
    "unread": (
        "Deposits that could not be read, damaged here or sealed for other keys: {count}.",
        "未能读取的存证（本机文件损坏，或由其他密钥封存）：{count} 件。",
    ),
    "lacking": (
        "{numbers}: not in this vault; another computer of the account may hold it.",
        "{numbers}：不在本机，可能由本账户的其他计算机保存。",
    ),
    "unreadable": (
        "{numbers}: a paper in the register that is no measure this version reads.",
        "{numbers}：登记簿中有本版本不能识读的文件。",
    ),
    "two-registers": (
        "Two computers have begun a register each; the numbers of both are listed together.",
        "两台计算机各自设立了登记簿，其编号在此合并列出。",
    ),
    "late": (
        "{numbers}: registered days after the date stated; the ledger shows the registration only.",
        "{numbers}：所述日期数日之后才登记；账本只显示登记时间。",
    ),
    "unclassified": (
        "Deposits that neither the register nor a rule of capture classifies: {count} of {of}.",
        "{of} 件存证中有 {count} 件未经登记簿或采集规则确定密级。",
    ),
    "unclassified-here": (
        "Deposits that the register does not classify: {count} of {of}.",
        "{of} 件存证中有 {count} 件未在登记簿中确定密级。",
    ),
    "secrecy": (
        "A register shows to whom the company gave access, not what others know.",
        "登记簿只显示公司准予谁接触，不显示他人是否知悉。",
    ),
    "no-paper": (
        "{numbers}: the signed paper is not attached.",
        "{numbers}：未附签署文本。",
    ),
    "no-agreement": (
        "Access, but no agreement on record, of those named below.",
        "下列人员有接触权限但未登记保密协议。",
    ),
    "not-told": (
        "Access, but no training or notice on record, of those named below.",
        "下列人员有接触权限但未登记培训或书面告知。",
    ),
    "by-nobody": (
        "{numbers}: by whom is not stated.",
        "{numbers}：未注明经办人。",
    ),
    "not-opened": (
        "Classifications that rules of capture have sealed were not read: the vault is locked.",
        "未读取采集规则封存的密级：须提供保管库口令。",
    ),
    "immunity": (
        "{numbers}: whether the paper gives the notice is not recorded; read it there.",
        "{numbers}：未登记协议是否载有该告知，须查阅文本。",
    ),
    "infringement": (
        "A register shows nothing of what the other side did; that takes other evidence.",
        "登记簿不显示对方的行为，须另行举证。",
    ),
    "channel": (
        "Entries show whom the company gave access, and when; not what anybody saw or took.",
        "各条显示公司准予谁、何时接触；不显示谁看到或者取走了什么。",
    ),
    "sameness": (
        "Whether two things are in substance the same is for a court or an expert to compare.",
        "是否实质上相同，由法院或者鉴定人比对。",
    ),
    "left-with-access": (
        "Left, but access not withdrawn, of those named below.",
        "下列人员已登记离职但未收回接触权限。",
    ),
    "value": (
        "A register of measures does not show value; that takes other evidence.",
        "保密措施登记簿不能显示商业价值，须另行举证。",
    ),
}

_FACTS = {
    "contents": (
        "Deposits with content, encrypted before it left this computer: {contents} of {deposits}.",
        "连同内容、离开本机前已加密封存的存证：{contents} 件（共 {deposits} 件）。",
    ),
    "openable": (
        "Deposits of which a part can be opened, the rest staying hidden: {contents}.",
        "可只就其中一部分核验披露、其余不公开的存证：{contents} 件。",
    ),
    "keys": (
        "Keys that open a deposit: {keys} (the vault's, officers', the recovery sheet's).",
        "能够打开每件存证的密钥：{keys} 把（保管库、负责人、恢复单）。",
    ),
    "levels": (
        "Classified by rules of capture, by the levels named below.",
        "由采集规则确定下列密级。",
    ),
    "classified": (
        "Classified deposits: {classified} of {deposits}.",
        "已确定密级的存证：{classified} 件（共 {deposits} 件）。",
    ),
}

_SENTENCES = {
    "title": ("Confidentiality measures on record", "保密措施登记情况"),
    "account": ("Account", "账户"),
    "register": ("Register", "登记簿"),
    "summary": (
        "{entries} entries, {registered} of them registered",
        "共 {entries} 条，其中已登记 {registered} 条",
    ),
    "nothing": (
        "It has no entry yet; `sealbook measure add` makes the first.",
        "尚无记录；以 sealbook measure add 登记第一条。",
    ),
    "recorded": ("recorded", "有记录"),
    "not-recorded": ("not recorded", "无记录"),
    "gap": ("gap", "缺漏"),
    "vault": ("vault", "保管库"),
    "more": ("and {count} more", "另有 {count} 条"),
    "not-shown": ("not shown", "不能显示"),
    "used": (
        "Version used: {version}, in force since {since}; official text: {source}",
        "所用版本：{version}，{since} 起施行；官方文本：{source}",
    ),
    "not-registered": ("not registered", "尚未登记"),
    "book": ("register", "登记簿"),
    "since": (
        "entry {index}, {time} UTC: the first of {count} registered",
        "{time} UTC，账本第 {index} 条：已登记 {count} 条中的首条",
    ),
    "none": ("none registered yet", "均未登记"),
    "foot": (
        "Each entry stands with the time of its registration, UTC, as the notary states it. What it "
        "says is the company's statement. Rules are paraphrased: compare the official text. Whether "
        "measures suffice is for a court to decide; this list does not say so.",
        "各条所列为登记时间（UTC），由公证机构陈述；各条内容由公司陈述。条文为概述，以官方文本为准。"
        "措施是否充分由法院认定，本表不作判断。",
    ),
}
HANDED = "whoever is handed the file"
"""To whom something is disclosed that is not sealed for anybody."""
SEALED_FOR = "who can open it, sealed for "
"""To whom else: whoever holds the key that follows."""


def person_text(person: str, language: str) -> str:
    """Return a person of an entry; what this program entered for one is in the reader's language."""
    if language != CHINESE:
        return person
    if person == HANDED:
        return "获交文件的人"
    recipient = person.removeprefix(SEALED_FOR)
    return person if recipient == person else f"能打开文件的人（为 {recipient} 加密）"


def say(key: str, language: str, **values: int | Words) -> Words:
    """Return a sentence of the report."""
    return fill(_SENTENCES[key], language, **values)


def heading(rule: Rule, language: str) -> Words:
    """Return law and article."""
    law, article = pick(LAWS[rule.law].title, language), pick(rule.article, language)
    return Words(f"{law}{article}" if law.endswith("）") else f"{law} {article}")


def version_text(rule: Rule, language: str) -> Words:
    """Return which version of a law was used, since when it is in force, and its official text."""
    return fill(
        _SENTENCES["used"],
        language,
        version=Words(pick(rule.version, language)),
        since=Words(rule.in_force.isoformat()),
        source=Words(rule.source),
    )


def rule_text(rule: Rule, language: str) -> Words:
    """Return what the rule asks for, in our words."""
    return Words(pick(rule.asks, language))


def kind_text(kind: str, language: str) -> str:
    """Return what a kind of measure is called."""
    return KINDS[kind].chinese if language == CHINESE else kind


def gap_text(gap: Gap, language: str) -> Words:
    """Return the sentence for a gap."""
    values: dict[str, int | Words] = {
        key: value for key, value in gap.facts.items() if isinstance(value, int)
    }
    if "numbers" in gap.facts:
        values["numbers"] = numbers_text(gap.facts["numbers"], language)
    return fill(_GAPS[gap.code], language, **values)


def numbers_text(numbers: Sequence[int], language: str) -> Words:
    """Return numbers of entries, the first dozen of them."""
    comma = "、" if language == CHINESE else ", "
    shown = comma.join(map(str, numbers[:12])) + (f"{comma}…" if len(numbers) > 12 else "")
    return Words(f"第 {shown} 条" if language == CHINESE else f"No. {shown}")


def fact_text(name: str, facts: VaultFacts, language: str) -> Words:
    """Return the sentence for what the vault shows."""
    low, high = facts.keys
    return fill(
        _FACTS[name],
        language,
        deposits=facts.deposits,
        contents=facts.contents,
        classified=facts.classified,
        keys=low if low == high else Words(f"{low}-{high}"),
    )
