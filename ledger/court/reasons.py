"""Why a claim failed, in Chinese: the verifier's sentences, each with its translation.

The core speaks English, in sentences that hold values. Each stands here once, `{0}`, `{1}` for the
values; a test collects the sentences from the code and finds every one. What a parser says of a damaged
part is not translated: it is for whoever made the file, and is shown behind a general sentence.
"""

import re
from functools import lru_cache

MAX_REASON = 1_000
"""Characters of a reason that is translated: finding the values costs up to the cube of its length."""


def in_chinese(reason: str) -> str:
    """Return the Chinese of a failed claim's reason."""
    for pattern, chinese in _patterns() if len(reason) <= MAX_REASON else ():
        found = pattern.fullmatch(reason)
        if found:
            return chinese.format(*found.groups())
    return f"此部分已损坏，或格式不符合规范（{reason}）。"


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(re.sub(r"\\\{\d\\\}", "(.*)", re.escape(english)), re.S), chinese)
        for english, chinese in _REASONS.items()
    )


_REASONS = {
    # Content
    "the documents shown are not those that were deposited: they give the commitment {0}, the deposit "
    "is {1}": "所示文件不是存证的文件：由所示文件算得加盐指纹 {0}，存证的加盐指纹为 {1}。",
    "{0} was deposited and is not among the documents shown": "{0} 已存证，但不在所示文件之中。",
    "{0} has {1} bytes; {2} bytes were deposited": "{0} 有 {1} 字节，存证时为 {2} 字节。",
    "{0} has {1} bytes, what was deposited had {2}": "{0} 有 {1} 字节，存证时为 {2} 字节。",
    "{0} is shorter than what was deposited": "{0} 短于存证的内容。",
    "{0} has other parts than what was deposited": "{0} 的各部分与存证时不同。",
    "the manifest names another commitment for {0}": "清单为 {0} 所记的加盐指纹与所示内容不符。",
    "the opening names another depositor than the statement": "开示所载存证人与存证声明不同。",
    "a proof names leaves that its tree cannot have": "开示证明所指位置在存证中不可能存在。",
    "a proof has more hashes than its leaves demand": "开示证明的哈希值多于所需。",
    "a proof has fewer hashes than its leaves demand": "开示证明的哈希值少于所需。",
    "the manifest is not the one that the statement names": "清单不是存证声明所指的清单。",
    "the content is not what was deposited: its commitment differs from the statement's": (
        "内容与存证内容不符：其加盐指纹与存证声明中的不同。"
    ),
    # Matter
    "The receipts are of two matters: {0} and {1}.": "各回执属于两个事项：{0} 与 {1}。",
    "Number {0} of the matter is of another account: {1}, not {2}.": (
        "该事项第 {0} 号属于另一账户：{1}，而非 {2}。"
    ),
    "Number {0} of the matter is in another ledger: {1}, not {2}.": (
        "该事项第 {0} 号在另一账本中：{1}，而非 {2}。"
    ),
    "Number {0} of the matter names another paper as its predecessor than the number {1} shown.": (
        "该事项第 {0} 号所指的前一份存证不是所示的第 {1} 号。"
    ),
    "Number {0} of the matter stands before number {1} in the ledger: entry {2}, entry {3}.": (
        "该事项第 {0} 号在账本中位于第 {1} 号之前：第 {2} 号记录、第 {3} 号记录。"
    ),
    "Two papers of the matter bear the number {0}.": "该事项有两份存证使用同一编号 {0}。",
    "The papers of the matter are out of order: number {0} comes after number {1}.": (
        "该事项的存证次序不符：第 {0} 号在第 {1} 号之后。"
    ),
    "Entry {0} belongs to no matter.": "第 {0} 号记录不属于任何事项。",
    "Two checkpoints of {0} entries have different roots: the notary has signed two histories. Keep "
    "both receipts; they prove it.": (
        "两个 {0} 条记录的检查点根值不同：公证机构签署了两份不同的历史。请保留两份回执作为证据。"
    ),
    # Ledger entry
    "the earlier checkpoint is by a key that was revoked before its token": (
        "较早检查点的签名密钥在其时间戳之前已被吊销。"
    ),
    "the notary's key was revoked, and no timestamp shows the checkpoint to be from before that": (
        "公证机构的密钥已被吊销，且没有时间戳证明该检查点形成于吊销之前。"
    ),
    "the deposit was made for {0}, the trust file is for {1}": (
        "该存证属于账本 {0}，信任文件属于账本 {1}。"
    ),
    "The checkpoint of {0} at size {1} is not signed by a log that the policy names; it may be another "
    "ledger's, or the policy is too old.": (
        "账本 {0}（{1} 条记录）的检查点未由信任文件所列账本密钥签署；可能属于其他账本，或信任文件过旧。"
    ),
    "The checkpoint of {0} at size {1} lacks the quorum {2}; of the policy's witnesses these have "
    "signed: {3}.": "账本 {0}（{1} 条记录）的检查点缺少信任文件要求的签署（{2}）；已签署的有：{3}。",
    "The signature is not one by {0} with this key.": "该签名不是 {0} 以此密钥作出的。",
    "The signature by {0} on the checkpoint of {1} at size {2} does not hold; the checkpoint was "
    "altered or is false.": "{0} 对账本 {1}（{2} 条记录）检查点的签名不成立；检查点被改动或系伪造。",
    "The key of {0} is of type {1}, which is not verified here.": (
        "{0} 的密钥类型为 {1}，本程序不核验此类型。"
    ),
    "a cosignature has the wrong length or an impossible time": (
        "共同签署的长度有误，或其时间不可能成立。"
    ),
    "The inclusion proof for entry {0} does not lead to the root of the tree of {1} entries: the entry "
    "is not the one in the ledger, or the proof is for another checkpoint.": (
        "第 {0} 号记录的包含证明不能得出 {1} 条记录的账本根值：该记录不是账本中的记录，"
        "或该证明属于另一检查点。"
    ),
    "The inclusion proof names index {0} in a tree of {1} entries, where no such entry can be.": (
        "包含证明指向第 {0} 号记录，而账本只有 {1} 条记录，不可能有此记录。"
    ),
    "The {0} proof does not have the number of hashes that these tree sizes demand.": (
        "账本证明（{0}）的哈希值个数与账本大小不符。"
    ),
    "The {0} proof is not a list of at most {1} hashes of {2} bytes.": (
        "账本证明（{0}）不是至多 {1} 个 {2} 字节哈希值的列表。"
    ),
    "No path leads from {0} entries to {1}.": "从 {0} 条记录到 {1} 条记录没有证明路径。",
    # Time
    "the earlier token is not one that the block record names": (
        "所附的较早时间戳不是区块记录所列的时间戳。"
    ),
    "the earlier token is not over an earlier checkpoint": (
        "所附的较早时间戳不是对该账本较早检查点的时间戳。"
    ),
    "the block states a time before a token that it names": (
        "区块所述时间早于其所列时间戳的时间。"
    ),
    "the block states a time after the token over its checkpoint": (
        "区块所述时间晚于其检查点时间戳的时间。"
    ),
    # Timestamps
    "no timestamp authority is trusted: add it to the trust file": (
        "信任文件未列任何时间戳机构；请将其加入信任文件。"
    ),
    "a timestamp token's hash function {0} is not verified here": (
        "时间戳使用哈希函数 {0}，本程序不核验此函数。"
    ),
    "a timestamp token is for something else: its hash is another one": (
        "时间戳所指为其他内容：其哈希值不同。"
    ),
    "a timestamp token's extension {0} is critical, and not known here": (
        "时间戳含关键扩展 {0}，本程序不识别。"
    ),
    "a timestamp token was made under the policy {0}, which is not the one that you trust of {1}": (
        "时间戳依策略 {0} 签发，不是信任文件为 {1} 所列的策略。"
    ),
    "a timestamp token's certificate was revoked on {0} without a reason, as a list of {1} says, and "
    "nothing shows that the token is older than that": (
        "时间戳的证书已于 {0} 被撤销（未载原因，见 {1} 的撤销列表），无从证明该时间戳早于撤销。"
    ),
    "a timestamp token's certificate was revoked on {0} for {1}, as a list of {2} says, and nothing "
    "shows that the token is older than that": (
        "时间戳的证书已于 {0} 被撤销（原因：{1}，见 {2} 的撤销列表），无从证明该时间戳早于撤销。"
    ),
    "a timestamp token's certificates use the algorithm {0}, which is not verified here or not in this "
    "size": "时间戳的证书使用算法 {0}，本程序不核验此算法或此长度。",
    "a timestamp token's certificate is not one that an authority you trust has issued for timestamps, "
    "or it was not valid at the token's time": (
        "时间戳的证书不是由信任文件所列机构为时间戳用途签发的，或在时间戳所载时间不在有效期内。"
    ),
    "a timestamp authority's key is not verified here: {0}, or of another size": (
        "时间戳机构的密钥类型为 {0} 或长度不同，本程序不核验。"
    ),
    "a timestamp token brings no certificate of its signer; add it to the validation data": (
        "时间戳未附签署者的证书；请将其加入核验数据。"
    ),
    "a timestamp token's signature is for another kind of content": "时间戳的签名针对其他类型的内容。",
    "a timestamp token's signature is over another statement": "时间戳的签名针对其他声明。",
    "a timestamp token's signature is over another hash than it states": (
        "时间戳的签名所用哈希函数与其所载不同。"
    ),
    "the hash function {0} is not verified here": "本程序不核验哈希函数 {0}。",
    "a timestamp token does not name its certificate under its signature": (
        "时间戳未在其签名之下指明证书。"
    ),
    "a timestamp token names one certificate under its signature and another beside it": (
        "时间戳在其签名之下与之外所指的证书不同。"
    ),
    "RSASSA-PSS with SHA-1 is not verified here": "本程序不核验使用 SHA-1 的 RSASSA-PSS。",
    "RSASSA-PSS with two hash functions is not verified here": (
        "本程序不核验使用两种哈希函数的 RSASSA-PSS。"
    ),
    "a timestamp token's signature does not hold": "时间戳的签名不成立。",
    "a timestamp authority's certificate cannot be read": "时间戳机构的证书无法读取。",
    "a signature by the algorithm {0}, or with a key that is not of it, is not verified here": (
        "本程序不核验算法为 {0} 的签名，或所用密钥不属此算法的签名。"
    ),
    "an OCSP response is signed by nobody that its issuer has certified": (
        "OCSP 响应的签署者未获证书签发者认证。"
    ),
    "a timestamp token is from after {0}, from when on you doubt its hash function {1}": (
        "时间戳晚于 {0}，而其哈希函数 {1} 自该日起已不被信任。"
    ),
    # Evidence records
    "an evidence record does not cover this file: it is of another one, or was changed": (
        "证据记录不涵盖此文件：该记录属于其他文件，或已被改动。"
    ),
    "an evidence record uses a hash function that is not verified here: {0}": (
        "证据记录使用本程序不核验的哈希函数：{0}。"
    ),
    "a chain of an evidence record mixes hash functions": "证据记录的一条链混用多种哈希函数。",
    "an evidence record names other hash functions than its timestamps use": (
        "证据记录所列哈希函数与其时间戳所用的不同。"
    ),
    "a timestamp of an evidence record is over another hash tree than stands there": (
        "证据记录中的时间戳针对其他哈希树，而非所附的哈希树。"
    ),
    "the timestamps of an evidence record are not in the order of time": (
        "证据记录中的时间戳未按时间先后排列。"
    ),
    "the timestamp of {0} in an evidence record was renewed when it no longer held": (
        "证据记录中 {0} 的时间戳在续期时已不再成立。"
    ),
    "the evidence record is from after you doubt SHA-256, on which the receipt's proofs rest": (
        "证据记录形成于 SHA-256 不再被信任之后，而回执的证明以 SHA-256 为基础。"
    ),
    "a hash tree of an evidence record holds what is no such hash": (
        "证据记录的哈希树含有不属该哈希函数的值。"
    ),
    "the block states a time after the evidence record over it": (
        "区块所述时间晚于涵盖它的证据记录的时间。"
    ),
    # Order
    "a statement in the receipt is not the trusted notary's": "回执中的一份声明不是受信任公证机构的。",
    "a statement in the receipt is signed by an unknown key": "回执中的一份声明由未知密钥签署。",
    "the block record does not describe its own place": "区块记录所述位置与其自身位置不符。",
    "the deposit does not lie in the block that the receipt shows": "该存证不在回执所示区块之中。",
    "the checkpoint is older than the end of the block": "检查点早于该区块的结束。",
    # Depositor and identity
    "the key was enrolled only after the deposit": "该密钥在存证之后才登记。",
    "the enrolment is another account's": "该登记属于另一账户。",
    "the enrolled key may not deposit": "所登记的密钥无权存证。",
    "the statement names another key than the one at hand": "声明所指密钥与登记的密钥不同。",
    "the endorsement names another key than the one at hand": "背书所指密钥与登记的密钥不同。",
    "the identity record is not the one that was enrolled": "所附身份登记不是登记入账本的身份登记。",
    # Seal
    "the COSE Receipt is for another place than the proof": "机构签章所指位置与包含证明不同。",
    "the seal names another key than its certificate holds": "签章所指密钥与其证书中的密钥不同。",
    "the seal's certificate names another subject than you trust": (
        "签章证书的主体不是信任文件所列的主体。"
    ),
    "the seal's certificate is not one that an authority you trust has issued for sealing, or it was "
    "not valid at that time": (
        "签章证书不是由信任文件所列机构为签章用途签发的，或当时不在有效期内。"
    ),
    "the seal's certificate holds no P-256 key": "签章证书不含 P-256 密钥。",
    "a certificate of the seal cannot be read": "签章的一份证书无法读取。",
    # Signatures
    "the Ed25519 key or signature has the wrong length": "Ed25519 密钥或签名的长度有误。",
    "the Ed25519 signature does not hold": "Ed25519 签名不成立。",
    "the ML-DSA-44 signature does not hold": "ML-DSA-44 签名不成立。",
    "the ES256 signature has the wrong length": "ES256 签名的长度有误。",
    "the ES256 signature does not hold": "ES256 签名不成立。",
}
