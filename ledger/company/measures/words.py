"""The words of the report on confidentiality measures, in Chinese and English.

Rules are told in our own short words, not quoted: the official text decides. No sentence says that
what is on record suffices.
"""

from collections.abc import Sequence

from ledger.company.measures.measure import KINDS
from ledger.company.measures.register import Gap, VaultFacts
from ledger.court import CHINESE
from ledger.court.words import fill
from ledger.quoted import Words

_LAWS = {
    "cn": (
        "SPC Provisions on Trade Secret Cases (2020)",
        "《审理侵犯商业秘密民事案件规定》（2020）",
    ),
    "eu": ("Directive (EU) 2016/943", "欧盟指令 (EU) 2016/943"),
}

_ARTICLES = {
    "cn-5": ("art. 5", "第五条"),
    "cn-6-1": ("art. 6(1)", "第六条第（一）项"),
    "cn-6-2": ("art. 6(2)", "第六条第（二）项"),
    "cn-6-3": ("art. 6(3)", "第六条第（三）项"),
    "cn-6-4": ("art. 6(4)", "第六条第（四）项"),
    "cn-6-5": ("art. 6(5)", "第六条第（五）项"),
    "cn-6-6": ("art. 6(6)", "第六条第（六）项"),
    "cn-6-7": ("art. 6(7)", "第六条第（七）项"),
    "cn-27": ("art. 27", "第二十七条"),
    "eu-2-a": ("art. 2(1)(a)", "第二条第（1）款（a）项"),
    "eu-2-b": ("art. 2(1)(b)", "第二条第（1）款（b）项"),
    "eu-2-c": ("art. 2(1)(c)", "第二条第（1）款（c）项"),
}

_RULES = {
    "cn-5": (
        "Measures taken before the infringement that answer to the secret, its value and its carrier, "
        "and can be recognised as such.",
        "在被诉侵权行为发生以前采取，与商业秘密及其载体、价值相对应，且可识别的保密措施。",
    ),
    "cn-6-1": (
        "A confidentiality agreement, or a duty of confidence in a contract.",
        "签订保密协议，或者在合同中约定保密义务。",
    ),
    "cn-6-2": (
        "Duties of confidence laid down by rules, training or written notice for those who can reach "
        "the secret.",
        "以规章制度、培训、书面告知等方式，向能够接触商业秘密的人提出保密要求。",
    ),
    "cn-6-3": (
        "Visitors kept out of, or zones set up in, places of work that hold secrets.",
        "对涉密的生产经营场所限制来访者或者区分管理。",
    ),
    "cn-6-4": (
        "Secrets and their carriers kept apart by marking, classification, encryption, sealing, or a "
        "limited circle of persons.",
        "以标记、分类、加密、封存、限制接触人员范围等方式，对商业秘密及其载体区分和管理。",
    ),
    "cn-6-5": (
        "Use of, access to, and copying from computers, networks, storage and software restricted.",
        "对计算机、网络、存储设备和软件等限制使用、访问、存储、复制。",
    ),
    "cn-6-6": (
        "Leavers made to list, return or erase what they hold, and bound further.",
        "要求离职人员登记、返还、清除其接触的商业秘密及载体，并继续保密。",
    ),
    "cn-6-7": ("Other reasonable measures.", "其他合理的保密措施。"),
    "cn-27": (
        "The secret has to be specified; only what is specified is tried.",
        "应当明确所主张的商业秘密具体内容；仅审理能够明确的部分。",
    ),
    "eu-2-a": (
        "The information is secret: not generally known, nor readily accessible.",
        "信息处于秘密状态：不为通常涉及该类信息的人普遍知悉或容易获得。",
    ),
    "eu-2-b": (
        "It has commercial value because it is secret.",
        "因处于秘密状态而具有商业价值。",
    ),
    "eu-2-c": (
        "It was subject to reasonable steps, by who lawfully controls it, to keep it secret.",
        "合法控制人为保持其秘密性采取了合理措施。",
    ),
}

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


def heading(rule: str, language: str) -> str:
    """Return law and article."""
    law, article = _pick(_LAWS[rule[:2]], language), _pick(_ARTICLES[rule], language)
    return f"{law}{article}" if law.endswith("）") else f"{law} {article}"


def rule_text(rule: str, language: str) -> str:
    """Return what the rule asks for, in our words."""
    return _pick(_RULES[rule], language)


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


def _pick(pair: tuple[str, str], language: str) -> str:
    return pair[1] if language == CHINESE else pair[0]
