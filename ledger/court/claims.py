"""The words of a report, claim by claim, in Chinese and English.

`describe` turns a claim into a title, a status and paragraphs; who prints them lays them out. A text
says what is shown and no more: never "valid", never anything of authorship or truth.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.court.cover import cover_facts
from ledger.court.reasons import in_chinese
from ledger.court.sentences import say
from ledger.court.shown import (
    content_facts,
    content_words,
    document_called,
    made_facts,
    seen_words,
)
from ledger.court.words import Described, Fact, fill, hexadecimal, listed, reason_facts
from ledger.language import CHINESE, Pair, pick, utc
from ledger.quoted import Quoted, Words

PARTIAL = "partial-opening"


def describe(claim: Claim, language: str, when: Callable[[int], Words] | None = None) -> Described:
    """Return the claim in words; `when` sets a time for the reader, in UTC unless given."""
    title = pick(_TITLES[claim.name], language)
    status = status_words(claim.status, claim.by, language)
    if claim.status == rp.FAILED:
        facts = _why(say("reason", language), claim.reason, language)
        return Described(title, status, pick(_FAILURES[claim.name], language), facts)
    writer = _Writer(claim, language, when or utc)
    told = claim.status in (rp.PROVEN, rp.STATED) or claim.name in (rp.WITNESSES, rp.EXISTENCE)
    shown = writer.facts() if told else ()
    return Described(title, status, writer.text(), tuple(shown))


def verdict(report: Report, language: str) -> Words:
    """Return the report's result in a sentence: what of the required is proven."""

    def titles(names: Iterable[str]) -> Words:
        return listed((pick(_TITLES[name], language) for name in names), language)

    if report.failed:
        return say("verdict-failed", language, names=titles(claim.name for claim in report.failed))
    if report.missing:
        return say("verdict-missing", language, names=titles(report.missing))
    return say("verdict-good", language, names=titles(report.required))


def status_words(status: str, by: str, language: str) -> Words:
    """Return a status, and by what it is proven or by whom it is stated."""
    return fill(_STATUS[status], language, by=pick(_BY[by], language))


def _why(label: Words, reason: str, language: str) -> tuple[Fact, ...]:
    return reason_facts(label, in_chinese(reason) if language == CHINESE else reason)


class _Writer:
    """Writes one claim's text and facts."""

    def __init__(self, claim: Claim, language: str, when: Callable[[int], Words]) -> None:
        self.claim, self.language, self.when = claim, language, when

    def text(self) -> Words:
        claim = self.claim
        if claim.by == PARTIAL:
            return content_words(claim.facts["documents"], self.language)
        shown = claim.status != rp.NOT_SHOWN
        pair = self._special() or _TEXTS[claim.name][0 if shown else 1]
        said = fill(pair, self.language, **self._values())
        rendered = sum("rendition" in each for each in claim.facts.get("documents", ()))
        if rendered:
            said = Words(said + fill(_RENDERED, self.language, count=rendered))
        return said

    def _special(self) -> Pair | None:
        """Return the sentence of a time that others have attested to, or that is shown no longer."""
        claim = self.claim
        if claim.name == rp.TIME and claim.status == rp.PROVEN:
            return _BOTH if "earliest" in claim.facts else _LATEST
        if claim.name == rp.TIME and claim.status == rp.STATED and "earliest" in claim.facts:
            return _EARLIEST
        if claim.name == rp.EXISTENCE and claim.status == rp.NOT_SHOWN and "until" in claim.facts:
            return _NO_LONGER
        if claim.name == rp.EXISTENCE and claim.by == "evidence-record":
            return _RENEWED
        if claim.name == rp.WITNESSES and claim.status == rp.NOT_SHOWN and claim.facts:
            return _TOO_FEW
        if claim.name == rp.INSPECTION and claim.facts.get("scope") == "part":
            return _ANOTHER_PART if claim.facts["covers"] is False else _IN_PART
        return None

    def _values(self) -> dict[str, int | Words]:
        """Return what a sentence may be filled with: numbers and times."""
        facts = self.claim.facts
        values: dict[str, int | Words] = {
            key: self.when(value) if key in _TIMES else value
            for key, value in facts.items()
            if isinstance(value, int)
        }
        count = len(facts.get("documents", ()))
        values |= {"count": count, "plural": Words("" if count == 1 else "s")}
        if "record" in facts:
            values["since"] = self.when(facts["record"]["since"])
        if self.claim.name == rp.BLOCK and "size" in facts:
            values["last"] = facts["size"] - 1
        return values

    def facts(self) -> Iterator[Fact]:
        claim, language = self.claim, self.language
        if claim.name == rp.PROVENANCE:
            yield from cover_facts(claim.facts["fields"], language)
            return
        if claim.by == PARTIAL:
            yield from content_facts(claim.facts["documents"], language, self.when)
            return
        for key, label in _FACTS.get(claim.name, {}).items():
            value = claim.facts.get(key)
            if key in _DIGESTS and value is not None:
                yield Fact(pick(label, language), hexadecimal(value), digest=True)
            elif key in _TIMES and isinstance(value, int):
                yield Fact(pick(label, language), self.when(value))
            elif value is not None:
                yield Fact(pick(label, language), Quoted(str(value)))
        for each in claim.facts.get("seen", ()):
            yield Fact(document_called(each["document"], language), seen_words(each, language))
        for each in claim.facts.get("witnesses", ()):
            yield Fact(pick(_WITNESS, language), Quoted(each["name"]))
            if each.get("time") is not None:
                yield Fact("", self.when(each["time"]))
        for name in claim.facts.get("authorities", ()):
            yield Fact(pick(_AUTHORITY, language), Quoted(name))
        for each in claim.facts.get("own", ()):
            yield from self._shown(_OWN, each)
        if claim.name == rp.EXISTENCE:
            yield from self._shown_by()
        for key, label in _NOT_COUNTED.items():
            for reason in claim.facts.get(key, ()):
                yield from _why(pick(label, language), reason, language)
        for number, each in enumerate(claim.facts.get("documents", ()), 1):
            yield Fact(document_called(number, language), Quoted(each["name"]))
            yield Fact("", Words(f"{each['size']:,} B"))
            if "rendition" in each:
                yield from made_facts(each["rendition"], language)

    def _shown_by(self) -> Iterator[Fact]:
        """Yield which timestamps show something to have existed, by when and until when."""
        facts = self.claim.facts
        record = facts.get("record", {})
        for label, tokens in (
            (_TOKEN, facts.get("tokens", ())),
            (_RECORD, record.get("tokens", ())),
        ):
            for each in tokens:
                yield from self._shown(label, each)

    def _shown(self, label: Pair, token: Mapping[str, Any]) -> Iterator[Fact]:
        times = {key: self.when(token[key]) for key in ("latest", "until")}
        yield Fact(pick(label, self.language), Quoted(token["authority"]))
        yield Fact("", fill(_SHOWN_BY, self.language, **times))


_TIMES = {"time", "signed", "checked_at", "earliest", "latest", "until"}
_DIGESTS = {"commitment", "root", "previous", "account", "key", "id"}

_STATUS = {
    rp.PROVEN: ("proven by {by}", "已证明（{by}）"),
    rp.STATED: ("stated by {by}", "{by}声明"),
    rp.NOT_SHOWN: ("not shown", "未予证明"),
    rp.FAILED: ("FAILED", "不成立"),
}

_BY = {
    "": ("", ""),
    "inclusion-proof": ("the inclusion proof", "账本包含证明"),
    "cosignatures": ("cosignatures", "共同签署"),
    "tokens": ("timestamp authorities", "时间戳机构"),
    "evidence-record": ("an evidence record", "证据记录"),
    "block-record": ("the block record", "区块记录"),
    "notary": ("the notary", "公证机构"),
    "depositor": ("the depositor", "存证人"),
    "depositor-signature": ("the depositor's signature", "存证人签名"),
    "seal-certificate": ("the seal's certificate", "签章证书"),
    "full-opening": ("the full opening", "完整开示"),
    PARTIAL: ("a partial opening", "部分开示"),
    "matter-chain": ("the chain of receipts", "回执链"),
    "depositor-software": ("the depositor's software at sealing", "存证人软件在封存时"),
    "checks": ("this check", "本次核验"),
    "verifier": ("this program", "本核验程序"),
}

_TITLES = {
    rp.CONTENT: ("Content", "内容"),
    rp.PROVENANCE: ("Origin", "来源"),
    rp.INSPECTION: ("Inspection", "公证机构查看"),
    rp.DEPOSITOR: ("Depositor", "存证人"),
    rp.IDENTITY: ("Identity", "身份"),
    rp.LEDGER: ("Ledger entry", "账本记录"),
    rp.BLOCK: ("Order", "次序"),
    rp.SEAL: ("Seal", "机构签章"),
    rp.TIME: ("Time", "时间"),
    rp.EXISTENCE: ("Existence", "存续证明"),
    rp.WITNESSES: ("Witnesses", "共同签署机构"),
    rp.MATTER: ("Matter", "事项"),
    rp.REVOCATION: ("Revocation", "密钥撤销"),
    rp.AUTHORSHIP: ("Authorship, truth, secrecy", "作者、真实性与秘密性"),
}

_TEXTS: dict[str, tuple[Pair, Pair]] = {
    rp.CONTENT: (
        (
            "What is shown is exactly, byte for byte, what was deposited: the commitment "
            "recomputed from {count} document{plural} equals the one in the ledger.",
            "所示内容与存证内容逐字节一致：由 {count} 份文件重新计算的加盐指纹与账本中的一致。",
        ),
        (
            "No content is shown or compared: this shows that something was deposited, not what.",
            "未出示、未比对任何内容：本报告只显示曾有内容存证，不显示是何内容。",
        ),
    ),
    rp.PROVENANCE: (
        (
            "What the depositor's software stated at sealing of the deposit and where it came from. It "
            "stands under the commitment in the ledger and was not changed since; nobody else has "
            "checked it.",
            "存证人软件在封存时对该存证及其来源的声明。该声明纳入账本中的加盐指纹，此后未经改动；"
            "未经他人核实。",
        ),
        (
            "Nothing is shown of what was stated at sealing of the deposit's title and origin (of "
            "mail: envelope, DKIM, ARC). The depositor can open each field alone.",
            "封存时对存证标题及来源的声明（邮件的信封、DKIM、ARC 结果等）未予显示。"
            "存证人可单独开示各字段。",
        ),
    ),
    rp.INSPECTION: (
        (
            "The office inspected the content: it states, as entry {index} of the ledger, that at "
            "{time} an officer opened the whole deposit and saw it. Of its meaning or truth it "
            "states nothing.",
            "公证机构查看了内容：公证机构以账本第 {index} 号记录声明，公证人员于 {time} 打开并查看了"
            "该存证的全部内容。该声明不涉及内容的含义与真实性。",
        ),
        (
            "The office witnessed a commitment, a salted fingerprint. Nothing here shows that it has "
            "seen the content.",
            "公证机构登记的是加盐指纹；未显示其查看过内容。",
        ),
    ),
    rp.DEPOSITOR: (
        (
            "The deposit is signed with a key that the notary had entered for this account before.",
            "存证由该账户的密钥签名，公证机构此前已将该密钥登记入账本。",
        ),
        ("No depositor is shown.", "未显示存证人。"),
    ),
    rp.IDENTITY: (
        (
            "Who holds the account, as the notary office checked and recorded it.",
            "账户持有人身份，由公证机构核验并登记。",
        ),
        (
            "The identity record was not handed over with this receipt.",
            "本回执未附身份登记。",
        ),
    ),
    rp.LEDGER: (
        (
            "The deposit is entry {index} of the ledger named below, which had {size} entries when "
            "the notary signed its state with Ed25519 and ML-DSA-44.",
            "该存证是下列账本的第 {index} 号记录；账本共有 {size} 条记录，其状态由公证机构以 "
            "Ed25519 与 ML-DSA-44 签署。",
        ),
        ("No ledger entry is shown.", "未显示账本记录。"),
    ),
    rp.BLOCK: (
        (
            "It stands in block {height}, entries {start} to {last}. Entries with a smaller number "
            "were registered earlier, those with a larger number later.",
            "该记录位于第 {height} 号区块（记录 {start} 至 {last}）。账本中编号较小的记录登记在先，"
            "编号较大的记录登记在后。",
        ),
        ("No block is shown.", "未显示区块。"),
    ),
    rp.SEAL: (
        (
            "The same entry is sealed with the notary's certificate.",
            "同一记录由公证机构的证书签章。",
        ),
        ("No seal is shown.", "未显示机构签章。"),
    ),
    rp.TIME: (
        (
            "{time}. Not independently confirmed: no other institution has attested to this time.",
            "{time}。未经独立确认：没有其他机构证实此时间。",
        ),
        ("No time is shown.", "未显示时间。"),
    ),
    rp.EXISTENCE: (
        (
            "That these timestamps existed is shown until {until}: a file that is to be shown later "
            "has to be renewed before.",
            "上述时间戳的存在可证明至 {until}；如需在此后出示，应在该时间之前续期。",
        ),
        (
            "Nothing shows today that it existed: there is no timestamp that a trusted authority "
            "stands for now.",
            "目前没有受信任机构的有效时间戳证明其当时已存在。",
        ),
    ),
    rp.WITNESSES: (
        (
            "Other institutions have countersigned this state of the ledger.",
            "其他机构共同签署了账本的这一状态。",
        ),
        (
            "No other institution has countersigned this state of the ledger.",
            "没有其他机构共同签署账本的这一状态。",
        ),
    ),
    rp.MATTER: (
        (
            "Number {number} in a matter of the depositor's. The notary admits each number once; "
            "what was never deposited does not show.",
            "存证人某一事项的第 {number} 号。公证机构对每个编号只接受一次；从未存证的内容不会显示。",
        ),
        ("The deposit belongs to no matter.", "该存证不属于任何事项。"),
    ),
    rp.REVOCATION: (
        ("", ""),
        (
            "Whether the key was revoked later does not follow from a receipt; the notary office "
            "can say.",
            "回执不能说明密钥此后是否被撤销；可向公证机构查询。",
        ),
    ),
    rp.AUTHORSHIP: (
        ("", ""),
        (
            "Nothing here shows who wrote the content, whether it is true, or whether it was "
            "secret.",
            "本报告不证明内容由谁撰写、是否真实、是否属于秘密。",
        ),
    ),
}

_LATEST: Pair = (
    "Not later than {latest}, as a timestamp authority has attested; the notary states {time}. Nothing "
    "shows how much earlier it was.",
    "不晚于 {latest}（时间戳机构证明）；公证机构声明为 {time}。未证明早于该时间多久。",
)
_BOTH: Pair = (
    "Entered between {earliest} and {latest}, as timestamp authorities have attested; the notary "
    "states {time}.",
    "登记于 {earliest} 至 {latest} 之间（时间戳机构证明）；公证机构声明为 {time}。",
)
_EARLIEST: Pair = (
    "{time}. Not before {earliest}, as a timestamp authority has attested; that it was not later is "
    "not independently confirmed.",
    "{time}。不早于 {earliest}（时间戳机构证明）；未经独立确认不晚于所述时间。",
)
_NO_LONGER: Pair = (
    "Not shown after {until}: the certificates of the timestamp authorities ended or were revoked "
    "then, or a hash function is doubted from then on, and nothing newer is shown.",
    "{until} 之后未予证明：时间戳机构的证书已于该时间到期或被撤销，或其哈希函数自该时间起不再可信，"
    "且未出示更新的证明。",
)
_RENEWED: Pair = (
    "The evidence record shows that this existed by {since}, and that is shown until {until}: a file "
    "that is to be shown later has to be renewed before.",
    "证据记录证明其于 {since} 已存在，并可证明至 {until}；如需在此后出示，应在该时间之前续期。",
)
_TOO_FEW: Pair = (
    "Fewer institutions than the trust file requires have countersigned this state of the ledger.",
    "共同签署账本这一状态的机构少于信任文件的要求。",
)

_IN_PART: Pair = (
    "The office inspected a part of the content: it states, as entry {index} of the ledger, that at "
    "{time} an officer opened and saw what is named below, and no more. Of its meaning or truth it "
    "states nothing.",
    "公证机构查看了部分内容：公证机构以账本第 {index} 号记录声明，公证人员于 {time} 打开并查看了下列"
    "部分，仅此而已。该声明不涉及内容的含义与真实性。",
)
_ANOTHER_PART: Pair = (
    "The office inspected another part than the one shown here, or not all of it: it states, as entry "
    "{index} of the ledger, that at {time} an officer opened and saw what is named below, and no more. "
    "Nothing here shows that it has seen the rest.",
    "公证机构查看的并非（或不全是）此处所示部分：公证机构以账本第 {index} 号记录声明，公证人员于 "
    "{time} 打开并查看了下列部分，仅此而已。未显示其查看过其余部分。",
)

_RENDERED: Pair = (
    " Of these, {count} are renditions made from the original at the deposit; this program does not "
    "compare them with it, whoever reads both can.",
    "其中 {count} 份为存证时由原件生成的副本；本程序未将其与原件比对，读者可以自行比对。",
)

_WITNESS: Pair = ("institution", "机构")
_AUTHORITY: Pair = ("authority", "时间戳机构")
_TOKEN: Pair = ("timestamp by", "时间戳机构")
_OWN: Pair = ("deposit stamped by", "对存证声明加盖时间戳的机构")
_RECORD: Pair = ("renewed by", "续期机构")
_SHOWN_BY: Pair = ("by {latest}, shown until {until}", "不晚于 {latest}，可证明至 {until}")
_NOT_COUNTED: dict[str, Pair] = {
    "left_out": ("a token not counted", "未计入的时间戳"),
    "record_left_out": ("not counted in the record", "证据记录中未计入的时间戳"),
    "record_refused": ("evidence record not counted", "未计入的证据记录"),
}

_SOMETHING_ELSE = ("This part of the file does not hold.", "文件的这一部分不成立。")
_FAILURES = dict.fromkeys(rp.CLAIMS, _SOMETHING_ELSE) | {
    rp.CONTENT: (
        "What is shown is not what was deposited.",
        "所示内容与存证内容不符。",
    ),
    rp.INSPECTION: (
        "The inspection record does not belong to this deposit, or does not hold.",
        "查看记录与该存证不符，或不成立。",
    ),
    rp.DEPOSITOR: (
        "It is not shown that the account's enrolled key made this deposit.",
        "不能确认该存证由该账户登记的密钥作出。",
    ),
    rp.IDENTITY: (
        "The identity record is not the one that the notary entered.",
        "所附身份登记与公证机构登记入账本的不一致。",
    ),
    rp.LEDGER: (
        "The deposit is not shown to stand in the trusted ledger.",
        "不能确认该存证在受信任的账本中。",
    ),
    rp.BLOCK: (
        "The block record does not belong to this deposit.",
        "区块记录与该存证不符。",
    ),
    rp.SEAL: (
        "The notary's seal does not hold.",
        "公证机构的签章不成立。",
    ),
    rp.TIME: (
        "A timestamp does not hold, or contradicts the time that the notary states.",
        "时间戳不成立，或与公证机构声明的时间相矛盾。",
    ),
}

_FACTS: dict[str, dict[str, Pair]] = {
    rp.LEDGER: {
        "origin": ("ledger", "账本"),
        "commitment": ("commitment", "加盐指纹"),
        "root": ("ledger root", "账本根值"),
    },
    rp.INSPECTION: {
        "officer": ("officer", "公证人员"),
        "role": ("office held", "职务"),
    },
    rp.SEAL: {"subject": ("certificate", "证书")},
    rp.BLOCK: {"previous": ("block before", "前一区块")},
    rp.DEPOSITOR: {
        "account": ("account", "账户"),
        "key": ("key", "密钥"),
        "signed": ("signed, by its own clock", "签名时间（存证人时钟）"),
    },
    rp.IDENTITY: {
        "name": ("name", "名称"),
        "registration": ("registration", "登记号"),
        "checked_by": ("checked by", "核验人"),
        "checked_at": ("checked", "核验时间"),
    },
    rp.MATTER: {"id": ("matter", "事项")},
}
