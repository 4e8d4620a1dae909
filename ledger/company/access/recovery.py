"""Recovery: one secret of 32 bytes on a sheet of paper, for both halves of a company's access.

    secret                 an age identity, AGE-SECRET-KEY-PQ-1...: every deposit is sealed for it too
    recovery signing key   Ed25519, seed = HKDF-SHA-256(ikm = secret, no salt,
                                                        info = "sealbook1/recovery-signing-key")

The sheet also names the notary, the ledger, the account and the fingerprint of the trust file, so that
a new machine needs nothing else. The recovery key lists, reads and admits a new device; it does not
deposit itself, but a device that it admits does: the sheet is the whole of the company's access.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.chain.statement import Deposit
from ledger.chain.trust import Trust
from ledger.company.sending.confirming import verify_answer
from ledger.crypto.envelope import parse_header, rewrite_header
from ledger.crypto.keys import SigningKey
from ledger.crypto.recipients import HybridIdentity, Random, Recipient, parse_identity
from ledger.errors import MalformedData
from ledger.evidence.manifest import Manifest
from ledger.evidence.opening import open_manifest
from ledger.verify import VerifiedReceipt

_INFO = b"sealbook1/recovery-signing-key"
_SECRET = re.compile(r"AGE-SECRET-KEY-PQ-1[0-9A-Z]+", re.I)
_NEXT_LINE = r"[^\S\n]*+\n\s*+"
"""The way from a heading to what stands below it; possessive, or blank lines cost the square."""
_NOTARY = re.compile(rf"Notary{_NEXT_LINE}(\S+)")
_FINGERPRINT = re.compile(rf"Fingerprint of the trust file{_NEXT_LINE}([0-9a-f][0-9a-f ]*)", re.I)
_ACCOUNT = re.compile(rf"Account{_NEXT_LINE}([0-9a-f][0-9a-f ]*)", re.I)


@dataclass(frozen=True, slots=True)
class Recovered:
    """A deposit that was fetched back, verified and opened."""

    receipt: bytes
    verified: VerifiedReceipt
    manifest: Manifest
    manifest_file: bytes
    """manifest.age, its header rewritten for the new recipients."""


def signing_key(identity: HybridIdentity) -> SigningKey:
    """Return the recovery signing key of a sheet's secret."""
    return SigningKey(HKDF(SHA256(), 32, None, _INFO).derive(identity.seed))


def find_secret(text: str) -> HybridIdentity:
    """Return the secret in a text: the secret itself, or a whole sheet. Raises MalformedData."""
    found = set(_SECRET.findall(text.replace("\n", " ")))
    if len(found) != 1:
        raise MalformedData(
            "There is no recovery secret here; it starts with AGE-SECRET-KEY-PQ-1 and stands on the "
            "recovery sheet."
        )
    identity = parse_identity(found.pop().upper())
    if not isinstance(identity, HybridIdentity):
        raise MalformedData("The secret is not one of a recovery sheet.")
    return identity


@dataclass(frozen=True, slots=True)
class Printed:
    """What a sheet's text says besides the secret, as it stands there; None where it says nothing."""

    notary: str | None
    fingerprint: str | None
    account: str | None


def find_printed(text: str) -> Printed:
    """Return what a text says that may be a whole sheet."""
    notary, fingerprint, account = (
        None if (found := pattern.search(text)) is None else found[1].strip()
        for pattern in (_NOTARY, _FINGERPRINT, _ACCOUNT)
    )
    return Printed(notary, fingerprint, account)


def recover_deposit(
    statement: bytes,
    receipt: bytes,
    manifest_file: bytes,
    secret: HybridIdentity,
    recipients: Sequence[Recipient],
    trust: Trust,
    random: Random,
) -> Recovered:
    """Return a deposit from what a notary sent, none of which is trusted.

    1. The receipt is for this statement and holds under `trust`.
    2. The manifest is the one that the statement names, and opens with the sheet's secret.
    3. Its header is rewritten for `recipients`: the new device's user, and the sheet.

    Raises VerificationFailed, MalformedData.
    """
    verified = verify_answer(statement, receipt, trust)
    manifest = open_manifest(manifest_file, [secret], verified.deposit.manifest)
    old = parse_header(manifest_file).encoded
    header = rewrite_header(old, [secret], recipients, random)
    return Recovered(receipt, verified, manifest, header + manifest_file[len(old) :])


def newest_header(
    deposit: Deposit,
    read: Callable[[bytes, int, int], bytes],
    limit: int,
    secret: HybridIdentity,
    recipients: Sequence[Recipient],
    random: Random,
) -> bytes | None:
    """Return the content's header rewritten for `recipients`, None for a commitment alone.

    `read(root, offset, length)` gives bytes of an age file. Raises MalformedData, NoMatchingIdentity.
    """
    if deposit.content is None:
        return None
    return rewrite_header(read(deposit.content.root, 0, limit), [secret], recipients, random)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a recovery sheet."""

    name: str
    notary: str
    origin: str
    fingerprint: str
    account: str
    secret: HybridIdentity


def format_sheet(sheet: Sheet) -> str:
    """Return the sheet's text, to be printed and kept in a safe."""
    secret = str(sheet.secret)
    return _SHEET.format(
        rule="=" * 78,
        name=sheet.name,
        notary=sheet.notary,
        origin=sheet.origin,
        fingerprint=sheet.fingerprint,
        account=" ".join(re.findall("....", sheet.account)),
        secret=secret,
    )


_SHEET = """\
{rule}
  SEALBOOK  恢复单  /  RECOVERY SHEET                        {name}
{rule}

  打印本单，存入保险柜，然后删除此文件。持有本单的人可以读取全部存证内容，
  并可使新的计算机加入账户，以公司名义存证。
  Print this sheet, put it into a safe, then delete the file. Whoever holds it
  can read everything that was deposited, and can join a computer that deposits
  in the company's name.

  公证机构 Notary
      {notary}
  账本 Ledger
      {origin}
  信任文件指纹 Fingerprint of the trust file
      {fingerprint}
  账户 Account
      {account}

  恢复密钥 Secret
      {secret}

  计算机丢失或损坏时，在新计算机上：
  When the computer is lost or broken, on a new one:

      sealbook recover --notary {notary}

  按提示输入上述信息。新设备将加入原账户，存证目录与回执从公证机构取回并逐一核验。
  It asks for what stands above, joins the new device to the account, and
  fetches and verifies the list of deposits and every receipt.

  没有 Sealbook 软件时：请公证机构交付存证的加密文件（存为 content.age），将本密钥
  存为 secret.txt，即可用 age 1.3 或更高版本解密：
  Without this software: ask the notary office for a deposit's encrypted file,
  save it as content.age and the secret as secret.txt; age 1.3 or newer opens it:

      age -d -i secret.txt content.age | tar x

  如本单遗失或被他人看到，请立即告知公证机构撤销其密钥。
  If the sheet is lost or was seen by others, tell the notary office at once.
{rule}
"""
