"""The text that goes into every evidence file."""

HOWTO = """\
如何核验本证据文件 / How to check this evidence file
====================================================

1. 向公证机构（不要向当事人）索取其信任文件（*.trust），并与机构公布的指纹核对。
   Get the notary office's trust file (*.trust) from the office itself, never from a party,
   and compare its fingerprint with the one that the office publishes:

       sealbook trust show office.trust

2. 在不联网的计算机上核验，并导出原始文件。
   Verify on a machine without a network, and write the documents out:

       sealbook verify case.evidence --trust office.trust -o out

   报告逐项说明：已证明、由谁声明、未予证明、不成立。它从不说明内容是否真实、由谁撰写、是否仍属秘密。
   The report gives each claim as proven, stated by somebody, not shown or failed. It never says
   that the content is true, who wrote it, or that it is still secret.

3. 使用其他软件 / With other software
   本文件是普通的 ZIP（未压缩），任何解压工具都能打开：
   This file is an ordinary ZIP, stored without compression; any tool opens it:

   n/deposit.receipt     SCITT Transparent Statement (RFC 9943), COSE Receipt (RFC 9942).
                         SCITT 核验软件可以直接核验。 A SCITT verifier checks it as it is.
                         其中还含有 C2SP tlog-proof 文本。 A C2SP tlog-proof is inside as well:
                             sealbook receipt unpack n/deposit.receipt -o parts
   n/opening.cbor        核验密钥（CBOR）：盐值种子与文件的元数据。
                         The opening (CBOR): the seed of the salts, and the documents' metadata.
   n/documents/j/...     交存的文件，逐字节相同。 The documents, byte for byte.

   加盐指纹可以只用 SHA-256 和 HMAC 重新计算，公式见随软件发布的 docs/formats.md。
   The commitment can be recomputed with SHA-256 and HMAC alone; the formula is in docs/formats.md,
   which comes with the software.
"""
