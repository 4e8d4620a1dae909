"""Leaving with everything: `sealbook export --all`."""

import time
from pathlib import Path
from typing import Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.speech import _, told
from ledger.errors import SealbookError, Unavailable
from ledger.quoted import Message, quoted

README = """\
存证导出 / Export of deposits
=============================

每个文件夹是一份存证，写入前已重新计算其加盐指纹，与交存时一致。
没有 documents/ 的文件夹：仅交存了指纹，且原件已不在或已改变，见 deposit.json。
Each folder is one deposit. Its commitment was recomputed from what is written
here before it appeared. Where there is no documents/, only the fingerprint was
deposited and the originals are gone or were changed: deposit.json says so.

  deposit.json      标题、时间、事项、文件清单
                    title, times, matter, documents
  documents/        交存的文件，逐字节相同
                    the documents, byte for byte
  renditions/       渲染件，逐字节相同：交存时由文件生成的单页或文本，
                    与文件一并封存；其他版本的工具生成的字节会不同，请勿删除
                    renditions, byte for byte: pages and texts made from the
                    documents at the deposit and sealed with them; other
                    versions of the tools make other bytes, so keep these
  deposit.receipt   存证回执
                    the receipt: SCITT Transparent Statement (RFC 9943), COSE
                    Receipt (RFC 9942), with a C2SP tlog-proof inside
  statement.cose    已签名的声明
                    the signed statement: COSE_Sign1 (RFC 9052)
  opening.cbor      核验密钥，须保密
                    the opening (CBOR); keep it secret: it opens everything

notary.trust 是本公司固定的信任文件；法院应向公证机构索取。
checkpoint 是已核验的最大账本状态。
notary.trust is the trust file pinned here; a court gets its own from the notary
office. checkpoint is the largest state of the ledger that was verified, a C2SP
signed note.

核验 / To check:

    sealbook verify deposit.receipt --trust ../notary.trust
    sealbook receipt unpack deposit.receipt -o parts

用其他软件：任何 CBOR 和 COSE 库均可读取 statement.cose 和 deposit.receipt；
加盐指纹由 documents/、renditions/ 和 opening.cbor 按 docs/formats.md 的公式
仅用 SHA-256 和 HMAC 重新计算，须等于 deposit.json 中的 id，即声明的主题。
With other software: any CBOR and COSE library reads statement.cose and
deposit.receipt; the commitment is recomputed from documents/, renditions/ and
opening.cbor with SHA-256 and HMAC alone, by the formula in docs/formats.md, and
must equal `id` in deposit.json, the subject of the statement.
"""


@click.command(
    epilog="""\b
Example:
  sealbook export --all -o leaving/
"""
)
@click.option("--all", "everything", is_flag=True, required=True, help="Every deposit.")
@click.option("-o", "--output", type=shell.FILE, required=True, help="The folder to write to.")
@shell.passphrase_option
@shell.json_option
def export(everything: bool, output: Path, passphrase_file: Path | None, as_json: bool) -> None:  # noqa: ARG001
    """Write every document, receipt and opening in open formats.

    Each deposit is fetched, decrypted and compared before it appears. Run again, only what is missing
    is fetched. Everything is written in the clear: mind where.
    """
    from ledger.cli.company.sending import name_of, sentence_of
    from ledger.company.disclosing.export import export_deposit, exporting, finish, is_full

    vault = own.open_vault()
    identities = vault.identities(shell.passphrase_from(passphrase_file))
    deposits = vault.deposits()
    found: list[dict[str, Any]] = []
    problems: list[tuple[str, str]] = []
    written = without = 0
    notes: list[tuple[str, str]] = []
    done, away = 0, ""
    begun = time.monotonic()
    with (
        exporting(output),
        own.connect(vault) as client,
        shell.Progress("exporting", len(deposits), bytes_=False, begun=begun) as progress,
    ):
        for each in deposits:
            name = str(each.folder)
            done += 1
            try:
                name = name_of(each)
                if away and each.deposit.content is not None and each.receipt is not None:
                    problems.append((name, away))
                    continue
                made = export_deposit(
                    each, client, identities, output, vault.trust, lambda _done: None
                )
            except SealbookError as error:
                problems.append((name, sentence_of(error)))
                if is_full(error):
                    break
                if isinstance(error, Unavailable):
                    away = sentence_of(error)
                continue
            written += made.new and made.compared
            without += not made.compared
            if made.note:
                notes.append((name, made.note))
            found.append({"id": each.commitment, "title": each.meta.title, "folder": made.folder})
            progress(done)
        finish(vault, output, found, README)
    lines: list[Message] = [
        f"{len(found)} of {len(deposits)} deposits are in {quoted(output)}: {written} written now, "
        f"each compared with what was deposited, {len(found) - written - without} there before"
        + (f", {without} without documents, see below." if without else "."),
        "They are in the clear, with their openings. README.txt says how to check them.",
    ]
    lines += [f"{quoted(name)}: {why}" for name, why in notes]
    lines += [told(f"not exported  {quoted(name)}: {why}") for name, why in problems]
    if problems:
        lines.append(_("Run the same command again for what is missing."))
    value = {
        "folder": str(output.absolute()),
        "deposits": found,
        "written": written,
        "without_documents": without,
        "notes": [{"deposit": name, "message": why} for name, why in notes],
        "problems": [{"deposit": name, "message": why} for name, why in problems],
    }
    shell.emit(as_json, value, "\n".join(map(text.said, lines)))
    if problems:
        raise SystemExit(1)
