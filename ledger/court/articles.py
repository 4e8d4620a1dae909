"""The words of the questions of 人民法院在线诉讼规则, articles 16 to 19, and of their answers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ledger.chain import report as rp
from ledger.court.claims import status_words
from ledger.court.cover import cover_facts
from ledger.court.questions import Answer
from ledger.court.reasons import in_chinese
from ledger.court.sentences import say
from ledger.court.shown import field_called
from ledger.court.words import Described, Fact, fill, hexadecimal, listed, reason_facts
from ledger.language import CHINESE, Pair, pick, utc
from ledger.quoted import Quoted, Words


def article_title(article: str, language: str) -> Words:
    """Return an article's heading."""
    return pick(_ARTICLES[article], language)


def describe_answer(
    answer: Answer, language: str, when: Callable[[int], Words] | None = None
) -> Described:
    """Return an answer in words: the question, its status, what it says, and the facts behind it."""
    title = pick(_QUESTIONS[answer.question], language)
    status = status_words(answer.status, answer.by, language)
    if answer.status == rp.FAILED:
        why = in_chinese(answer.reason) if language == CHINESE else answer.reason
        facts = reason_facts(say("reason", language), why)
        return Described(title, status, pick(_FAILED, language), facts)
    writer = _Writer(answer, language, when or utc)
    command = _COMMANDS.get(answer.question, ())
    return Described(title, status, writer.text(), tuple(writer.facts()), command)


class _Writer:
    """Writes one answer's text and facts."""

    def __init__(self, answer: Answer, language: str, when: Callable[[int], Words]) -> None:
        self.answer, self.language, self.when = answer, language, when

    def text(self) -> Words:
        question, facts = self.answer.question, self.answer.facts
        pair = (_HIDDEN if self.answer.status == rp.NOT_SHOWN else _SHOWN)[question]
        if question == "consistent" and self.answer.by == "partial-opening":
            pair = _CONSISTENT_IN_PART
        if question == "kept" and facts["cover"]:
            pair = _KEPT_AS_STATED
        if question == "notarised" and facts.get("scope") == "part":
            pair = _NOTARISED_IN_PART
        if question == "third-party" and facts["names"]:
            pair = _COUNTERSIGNED
        if question == "registered" and self.answer.status == rp.PROVEN:
            pair = _REGISTERED_BETWEEN if "earliest" in facts else _REGISTERED_BY
        said = fill(pair, self.language, **self._values())
        if question == "kept" and "latest" in facts:
            said = Words(said + fill(_ENTERED_BY, self.language, **self._values()))
        return said

    def _values(self) -> dict[str, int | Words]:
        """Return what a sentence may be filled with: numbers, times, and names of our own."""
        facts = self.answer.facts
        values: dict[str, int | Words] = {
            key: self.when(value) if key in _TIMES else value
            for key, value in facts.items()
            if isinstance(value, int)
        }
        unknown = {key: Words("?") for key, value in facts.items() if value is None}
        return unknown | values | {"closed": self._closed()}

    def _closed(self) -> Words:
        names = self.answer.facts.get("closed", ())
        return listed((field_called(name, self.language) for name in names), self.language)

    def facts(self) -> Iterator[Fact]:
        facts, language = self.answer.facts, self.language
        for key, label in _FACTS.get(self.answer.question, {}).items():
            value = facts.get(key)
            if key == "platform" and value is None:
                yield Fact(pick(label, language), pick(_NO_PLATFORM, language))
            elif value is not None:
                yield self._fact(key, pick(label, language), value)
        if self.answer.question in ("interference", "third-party"):
            witnesses = [each["name"] for each in facts.get("witnesses", ())]
            for each in facts.get("names", witnesses):
                yield Fact(pick(_WITNESS, language), Quoted(each))
        if self.answer.question == "registered":
            for each in facts.get("authorities", ()):
                yield Fact(pick(_AUTHORITY, language), Quoted(each))
        for name, found in facts.get("fields", {}).items():
            yield from self._field(name, found)
        yield from cover_facts(facts.get("cover", {}), language)
        if (facts.get("fields") or facts.get("cover")) and facts.get("closed"):
            yield Fact(pick(_CLOSED, language), self._closed())

    def _fact(self, key: str, label: Words, value: Any) -> Fact:
        if key in _DIGESTS:
            return Fact(label, hexadecimal(value), digest=True)
        if isinstance(value, int):
            return Fact(label, self.when(value) if key in _TIMES else Words(value))
        if self.answer.question == "program" or key == "fingerprint":
            return Fact(label, Words(value))
        return Fact(label, Quoted(str(value)))

    def _field(self, name: str, found: Mapping[str, Any]) -> Iterator[Fact]:
        label = field_called(name, self.language)
        for value in found["values"]:
            if value in (None, ""):
                yield Fact(label, pick(_NOTHING, self.language))
            else:
                yield Fact(label, self.when(value) if isinstance(value, int) else Quoted(value))
            label = Words()
        documents = self.answer.facts["documents"]
        if found["opened"] < documents or found["different"] > 1:
            counts = {key: found[key] for key in ("different", "opened")}
            yield Fact("", fill(_OF_DOCUMENTS, self.language, documents=documents, **counts))


_TIMES = {"time", "signed", "checked_at", "earliest", "latest"}
_DIGESTS = {"platform", "digest", "code", "id"}

_ARTICLES: dict[str, Pair] = {
    "16": (
        "Article 16 - unaltered after entry, by a technical check",
        "第十六条 上链后未经篡改：技术核验",
    ),
    "17": ("Article 17 - the platform and its process", "第十七条 存证平台与存证过程"),
    "18": ("Article 18 - truth before entry", "第十八条 上链存储前数据的真实性"),
    "19": ("Article 19 - experts and comparison", "第十九条 专门知识的人、鉴定与核对"),
}

_QUESTIONS: dict[str, Pair] = {
    "stored": ("Stored by block chain technology?", "是否通过区块链技术存储"),
    "registered": ("When was it entered?", "何时上链"),
    "consistent": ("Is the technical check consistent?", "技术核验是否一致"),
    "contrary": ("Is there evidence to the contrary?", "有无相反证据"),
    "rules": ("(1) State rules on such services?", "（一）平台是否符合国家有关规定"),
    "interest": ("(2) A common interest?", "（二）当事人与平台有无利害关系"),
    "interference": ("(2) Improper interference?", "（二）有无利用技术手段不当干预"),
    "system": ("(3) Clean, safe, reliable, available?", "（三）系统清洁性、安全性、可靠性、可用性"),
    "methods": ("(4) Verification of information?", "（四）信息验证"),
    "standards": ("(4) Environment, security, encryption?", "（四）系统环境、技术安全、加密、传输"),
    "who": ("Who submitted it?", "由谁提交"),
    "source": ("Where does the data come from?", "数据的具体来源"),
    "made": ("How was it made?", "生成机制"),
    "kept": ("How was it kept before entry?", "上链前的存储过程"),
    "notarised": ("Was the content notarised?", "公证机构公证"),
    "third-party": ("Did a third party witness it?", "第三方见证"),
    "corroboration": ("Other data that bears it out?", "关联印证数据"),
    "formats": ("Can an expert examine it?", "可否由专门知识的人检验"),
    "repeat": ("Steps to repeat this check", "重复本核验的步骤"),
    "program": ("The program that checked", "核验所用程序"),
    "other": ("What else can be compared?", "可以调取核对的其他材料"),
}

_SHOWN: dict[str, Pair] = {
    "stored": (
        "Entry {index} of the ledger named below, which is append-only (a Merkle tree, RFC 9162) and "
        "whose blocks are chained by hash, block {height}. It holds a salted fingerprint of "
        "the data. Whether this is block chain technology in the sense of the Rules is for the "
        "court to decide.",
        "下列账本的第 {index} 号记录，第 {height} 号区块。账本只能追加"
        "（默克尔树，RFC 9162），各区块以哈希相连，所载为数据的加盐指纹。"
        "是否属于本规则所称区块链技术，由法院认定。",
    ),
    "registered": (
        "{time}, block {height}. Entries with a smaller number were registered earlier. No other "
        "institution has attested to this time.",
        "{time}，第 {height} 号区块。编号较小的记录登记在先。没有其他机构证实此时间。",
    ),
    "consistent": (
        "Consistent: the salted fingerprint recomputed from the whole content shown equals the one "
        "in the ledger. Anybody can repeat this (article 19).",
        "一致：由所示全部内容重新计算的加盐指纹与账本中的一致。任何人均可重复此核验（见第十九条）。",
    ),
    "interference": (
        "After entry: other institutions have countersigned the state of the ledger that holds "
        "this entry; a later change or removal would contradict what they signed. "
        "Nothing is shown of interference before entry.",
        "上链后：其他机构共同签署了包含本记录的账本状态，此后的改动或删除将与其签署相矛"
        "盾。上链前有无干预，未予证明。",
    ),
    "methods": (
        "Checked here by published methods: the depositor's signature (Ed25519), the ledger's "
        "state (Ed25519 and ML-DSA-44), the entries' inclusion (RFC 9162) and the notary's seal "
        "(ES256, RFC 9942).",
        "本次以公开方法核验：存证人签名（Ed25519）、账本状态（Ed25519 与 ML-DSA-44）、记录包含证明"
        "（RFC 9162）及公证机构签章（ES256，RFC 9942）。",
    ),
    "who": (
        "The deposit is signed with the account's enrolled key. Who holds the account, as the "
        "notary office checked and recorded it:",
        "存证由该账户登记的密钥签名。账户持有人，由公证机构核验并登记：",
    ),
    "source": (
        "As stated and sealed by the depositor's software; nobody else has checked it.",
        "由存证人软件声明并一同封存；未经他人核实。",
    ),
    "made": (
        "As stated and sealed by the depositor's software: which tool took the data in, and when "
        "it was last changed. How the data itself came about is not recorded.",
        "由存证人软件声明并一同封存：由何工具采集、最后修改于何时。数据本身如何生成，没有记录。",
    ),
    "kept": (
        "The depositor's software signed the deposit at {signed}, by its own clock; the notary "
        "states that it was entered at {time}. Where and how the data was kept before the "
        "signature is not recorded.",
        "存证人软件按其自身时钟于 {signed} 签署；公证机构声明于 {time} 登记。签署之前数据存于何处、"
        "如何保管，没有记录。",
    ),
    "notarised": (
        "An officer opened the whole deposit and saw it, as entry {index} of the ledger states "
        "({time}). That is the office's own statement of having seen it; this report is no notarial "
        "certificate of the content.",
        "公证机构以账本第 {index} 号记录声明，公证人员打开并查看了该存证的全部内容（{time}）。"
        "此为公证机构对其查看的声明；本报告不是对内容的公证书。",
    ),
    "corroboration": (
        "The depositor has numbered this deposit {number} in a matter; its other papers can be "
        "compared. The notary admits each number once.",
        "存证人将本存证编为某一事项的第 {number} 号，可与该事项的其他存证核对。公证机构对每个编号只"
        "接受一次。",
    ),
    "formats": (
        "Every format is published: COSE (RFC 9052), SCITT statements and receipts (RFC 9943, RFC "
        "9942), Merkle trees (RFC 9162), C2SP checkpoints and proofs. docs/formats.md, which comes "
        "with the software, describes the rest with test vectors; HOWTO.txt in an evidence file "
        "says how to check it with other software.",
        "各格式均已公开：COSE（RFC 9052）、SCITT 声明与回执（RFC 9943、RFC 9942）、默克尔树（RFC "
        "9162）、C2SP 检查点与证明。其余见随软件发布的 docs/formats.md（附测试向量）；使用其他软件"
        "核验的方法见证据文件中的 HOWTO.txt。",
    ),
    "repeat": (
        "1. Compare SHA-256 of the file. 2. Get the trust file from the notary office itself and "
        "compare its fingerprint. 3. On any machine, without a network, run:",
        "1. 核对文件的 SHA-256。2. 直接向公证机构索取信任文件并核对其指纹。"
        "3. 在任何不联网的计算机上运行：",
    ),
    "program": (
        "What the program says of itself. Its code's hash can be had without it and compared with "
        "the published release; in the folder that holds the package:",
        "程序的自我声明。其代码哈希可以不依赖该程序算得，并与公开发布的版本核对；"
        "在软件包所在的文件夹运行：",
    ),
}

_HIDDEN: dict[str, Pair] = {
    "stored": (
        "No entry in a trusted ledger is shown.",
        "未显示受信任账本中的记录。",
    ),
    "registered": (
        "No time is shown.",
        "未显示时间。",
    ),
    "consistent": (
        "No content is shown, so nothing was compared. The check needs the content together "
        "with its opening, as an evidence file brings them.",
        "未出示内容，故未作比对。此项核验需要内容及其核验密钥（见证据文件）。",
    ),
    "contrary": (
        "This program looks for none. Whether the key was revoked later, the notary office can "
        "say; who wrote the content and whether it is true does not follow from any of this.",
        "本程序不查找相反证据。密钥此后是否被撤销，可向公证机构查询；内容由谁撰写、是否真实，不能由"
        "本报告得出。",
    ),
    "rules": (
        "It does not follow from a receipt. What the office has stated about its platform "
        "(operator, filing, environment, standards) is an entry of the same ledger; ask the office "
        "for it and compare its leaf hash with the one that the block record names.",
        "不能由回执得出。公证机构对其平台的声明（运营者、备案、环境、标准）是同一账本中的一条记录；"
        "可向公证机构调取，并与区块记录所载的该声明叶哈希核对。",
    ),
    "interest": (
        "No record says whether a party and the platform have an interest in common. The court "
        "compares who runs the ledger and who deposited.",
        "没有记录说明当事人与平台是否存在利害关系；请法院比对账本运营者与存证人。",
    ),
    "interference": (
        "No other institution has countersigned this state of the ledger. That nobody interfered "
        "rests on the notary and the depositor.",
        "没有其他机构共同签署账本的这一状态；有无干预仅凭公证机构与存证人。",
    ),
    "system": (
        "It does not follow from a receipt. The platform statement under (1) describes the system; it "
        "is the office's own statement, and no test of the system is shown.",
        "不能由回执得出。（一）所述平台声明载有系统情况，为公证机构自身的声明；未出示对系统的检测。",
    ),
    "methods": (
        "Not every signature and proof was shown.",
        "并非各项签名与证明均已出示。",
    ),
    "standards": (
        "Environment, encryption and transmission leave no trace in a receipt, and no conformity "
        "with a national or industry standard is shown. The office's platform statement names its "
        "standards; ask for it and compare its leaf hash.",
        "系统环境、加密方式与数据传输不体现于回执；是否符合国家标准或者行业标准，未予证明。公证机构"
        "的平台声明载明其标准，可调取并核对其叶哈希。",
    ),
    "who": (
        "The identity record was not handed over with this receipt; the notary office keeps it.",
        "本回执未附身份登记，可向公证机构查询。",
    ),
    "source": (
        "The field “{closed}” is not opened here. If it was sealed with the content, the depositor "
        "can open it without showing more.",
        "此处未开示字段“{closed}”。如已与内容一同封存，存证人可单独开示。",
    ),
    "made": (
        "Of the original, the fields {closed} are not opened here. How the data itself came about is "
        "not recorded.",
        "此处未开示原件的{closed}。数据本身如何生成，没有记录。",
    ),
    "kept": (
        "Nothing is shown of it.",
        "未予证明。",
    ),
    "notarised": (
        "The notary office entered a salted fingerprint; nothing here shows that it has seen or "
        "examined the content. This report is no notarial certificate of the content.",
        "公证机构登记的是加盐指纹；未显示其查看或审查过内容。本报告不是对内容的公证书。",
    ),
    "third-party": (
        "Nobody else is shown to have witnessed how the data was made, collected or kept.",
        "未显示有第三方见证数据的生成、采集或者保管。",
    ),
    "corroboration": (
        "This report compares the deposit with no other evidence.",
        "本报告未将本存证与其他证据核对。",
    ),
    "other": (
        "The notary office, and whoever keeps a copy of the public ledger, can be asked for these "
        "entries, the checkpoints between them, and later revocations.",
        "可向公证机构及保存公开账本副本者调取以下记录、其间的检查点以及此后的密钥撤销记录。",
    ),
}

_COMMANDS = {
    "repeat": ("sealbook verify FILE --trust TRUST --for online-litigation",),
    "program": (
        "find ledger -name '*.py' ! -path 'ledger/api/*' | LC_ALL=C sort |",
        "  xargs sha256sum | sha256sum",
    ),
}

_CONSISTENT_IN_PART: Pair = (
    "Consistent for the part that is shown: it is, byte for byte, what was deposited at its place, and "
    "the salted fingerprint recomputed from it equals the one in the ledger. The rest is not shown.",
    "所示部分一致：与存证中该位置的内容逐字节一致，由其重新计算的加盐指纹与账本中的一致。其余部分未开示。",
)
_KEPT_AS_STATED: Pair = (
    "The depositor's software signed the deposit at {signed}, by its own clock; the notary states that "
    "it was entered at {time}. Of what came before, the software stated at sealing, unchecked by "
    "anybody else, what follows; more is not recorded.",
    "存证人软件按其自身时钟于 {signed} 签署；公证机构声明于 {time} 登记。对此前的过程，存证人软件在"
    "封存时声明如下，未经他人核实；此外没有记录。",
)
_REGISTERED_BY: Pair = (
    "Not later than {latest}, as a timestamp authority has attested, block {height}; the notary states "
    "{time}. Entries with a smaller number were registered earlier.",
    "不晚于 {latest}（时间戳机构证明），第 {height} 号区块；公证机构声明为 {time}。"
    "编号较小的记录登记在先。",
)
_REGISTERED_BETWEEN: Pair = (
    "Between {earliest} and {latest}, as timestamp authorities have attested, block {height}; the "
    "notary states {time}. Entries with a smaller number were registered earlier.",
    "{earliest} 至 {latest} 之间（时间戳机构证明），第 {height} 号区块；公证机构声明为 {time}。"
    "编号较小的记录登记在先。",
)
_ENTERED_BY: Pair = (
    " That it was entered not later than {latest}, a timestamp authority has attested.",
    "时间戳机构证明其登记不晚于 {latest}。",
)
_NOTARISED_IN_PART: Pair = (
    "An officer opened and saw a part of the deposit, as entry {index} of the ledger states ({time}); "
    "which part, the report without --for says. That is the office's own statement of having seen it; "
    "this report is no notarial certificate of the content.",
    "公证机构以账本第 {index} 号记录声明，公证人员打开并查看了该存证的一部分（{time}）；"
    "所查看的部分见不带 --for 的报告。此为公证机构对其查看的声明；本报告不是对内容的公证书。",
)
_COUNTERSIGNED: Pair = (
    "Those named below countersigned the ledger's state, not the content. Nobody else is shown to have "
    "witnessed how the data was made, collected or kept.",
    "下列机构签署的是账本状态，而非内容。未显示有第三方见证数据的生成、采集或者保管。",
)
_FAILED: Pair = (
    "What answers this question does not hold; see the report without --for.",
    "用以回答此问题的内容不成立；详见不带 --for 的报告。",
)
_NO_PLATFORM: Pair = ("none when the block was opened", "区块开启时尚无")
_NOTHING: Pair = ("nothing was stated", "未声明")
_CLOSED: Pair = ("not opened of the original", "原件未开示")
_OF_DOCUMENTS: Pair = (
    "({different} different; opened for {opened} of {documents} documents shown)",
    "（{different} 个不同值；所示 {documents} 份文件中开示 {opened} 份）",
)

_PLATFORM_HASH: dict[str, Pair] = {"platform": ("platform statement", "平台声明（叶哈希）")}
_WITNESS: Pair = ("institution", "机构")
_AUTHORITY: Pair = ("timestamp by", "时间戳机构")
_LEDGER: Pair = ("ledger", "账本")
_FACTS: dict[str, dict[str, Pair]] = {
    "stored": {"origin": _LEDGER},
    "rules": _PLATFORM_HASH,
    "interest": {"origin": _LEDGER, "name": ("depositor, as stated", "存证人（声明）")},
    "who": {
        "name": ("name", "名称"),
        "registration": ("registration", "登记号"),
        "checked_by": ("checked by", "核验人"),
        "checked_at": ("checked", "核验时间"),
    },
    "corroboration": {"id": ("matter", "事项")},
    "repeat": {
        "file": ("file", "文件"),
        "digest": ("SHA-256", "SHA-256"),
        "trust": ("trust file", "信任文件"),
        "fingerprint": ("its fingerprint", "其指纹"),
    },
    "program": {
        "name": ("program", "程序"),
        "version": ("version", "版本"),
        "code": ("code", "代码"),
    },
    "other": {
        "index": ("entry of the deposit", "存证记录"),
        "height": ("block", "区块"),
        "enrolled": ("entry of the enrolment", "登记记录"),
        "platform": ("platform statement", "平台声明（叶哈希）"),
    },
}
