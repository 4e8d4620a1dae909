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
   n/opening.cbor        核验密钥（CBOR）。完整开示：盐值种子与文件的元数据；
                         部分开示：所示各段的盐值，其余部分只有哈希值。
                         没有此文件：只出示回执，不显示内容。
                         The opening (CBOR). All shown: the seed of the salts, and the documents'
                         metadata. Part shown: the salts of the pieces shown, and nothing but hashes
                         of the rest. Without this file only the receipt is shown, no content.
   n/documents/j/...     交存的文件，逐字节相同。 The documents, byte for byte.
   n/parts/j/k-...       第 j 份文件中所示的第 k 段，逐字节相同；该文件的其余部分不在本文件中。
                         The k-th piece shown of document j, byte for byte; the rest of that document
                         is not in this file.

   加盐指纹可以只用 SHA-256 和 HMAC 重新计算，部分开示也可以，公式见随软件发布的 docs/formats.md。
   The commitment can be recomputed with SHA-256 and HMAC alone, of a part as well; the formulas are
   in docs/formats.md, which comes with the software.

4. 只开示部分内容时 / Where only a part is shown
   已证明的是：所示各段的字节，以及它们在存证中的位置。“第几部分、共几部分”和文件名、来源等，
   是存证人的软件在封存时声明的。页面和文本副本（由软件在存证时生成）与原件是否一致，
   只有完整开示才能显示。
   Proven are the bytes of each piece and its place in the deposit. "Part 7 of 212", a file's name, its
   source and the like are as stated by the depositor's software at sealing. Whether a page or a text
   that software made at the deposit matches the original, only a full opening shows.

   未开示的部分可能改变所示部分的含义。 What is not shown may change the meaning of what is.
"""
