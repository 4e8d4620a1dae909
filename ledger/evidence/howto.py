"""The text that goes into every evidence file."""

HOWTO = """\
如何核验本证据文件 / How to check this evidence file
====================================================

1. 向公证机构（不要向当事人）索取其信任文件（*.trust），并与机构公布的指纹核对。
   指纹是该文件 SHA-256 值的前 32 个十六进制数字，每四个一组：
   Get the notary office's trust file (*.trust) from the office itself, never from a party,
   and compare its fingerprint with the one that the office publishes. It is the first 32
   hexadecimal digits of the file's SHA-256, in groups of four:

       sealbook trust show office.trust
       sha256sum office.trust | cut -c 1-32
       certutil -hashfile office.trust SHA256              (Windows)

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
                         其中还含有 C2SP tlog-proof 文本。 A C2SP tlog-proof is inside as well.
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

   下面两条命令只拆分文件，不作核验；也可以按 docs/verify-offline.md 中的短程序自行拆分。
   These two commands take files apart and check nothing; the short programs in
   docs/verify-offline.md do the same without them:

       sealbook trust show office.trust -o keys
       sealbook receipt unpack 1/deposit.receipt -o parts

   OpenSSL 3.0 及以上版本核验签名和封印。 OpenSSL 3.0 or newer checks the signatures and the seal:

       openssl pkeyutl -verify -rawin -pubin -inkey parts/depositor.pem \\
           -in parts/statement.signed -sigfile parts/statement.signature
       openssl pkeyutl -verify -rawin -pubin -inkey keys/log-1.pem \\
           -in parts/block.signed -sigfile parts/block.signature
       openssl pkeyutl -verify -rawin -pubin -inkey keys/log-1.pem \\
           -in parts/enrolment.signed -sigfile parts/enrolment.signature
       openssl x509 -in parts/seal.pem -noout -subject -nameopt RFC2253,-esc_msb,utf8
       openssl verify -partial_chain -CAfile keys/root-1.pem \\
           -attime "$(cat parts/block-time.txt)" parts/seal.pem
       openssl x509 -in parts/seal.pem -noout -pubkey -out parts/seal-key.pem
       openssl dgst -sha256 -verify parts/seal-key.pem \\
           -signature parts/seal.signature parts/seal.signed

   第四条命令显示的名称须与 keys/subject-1.txt 相同；信任文件列有多个密钥或机构时，换用其编号。
   The fourth prints what keys/subject-1.txt says; where the trust file lists several keys or
   authorities, one of them has to fit: take its number.

   仅有以上各步还不够：账本状态的签名（C2SP 工具，keys/policy 和 parts/checkpoint）、
   存证在账本中的位置（parts/proof.tlog-proof）、加盐指纹（SHA-256 和 HMAC）的核验步骤和公式，
   见 docs/verify-offline.md 和 docs/formats.md，均随软件发布（share/doc/sealbook）。
   That is not all. How to check the signatures on the ledger's state (C2SP tools, keys/policy,
   parts/checkpoint), the deposit's place in the ledger (parts/proof.tlog-proof) and the salted
   commitment (SHA-256 and HMAC alone, of a part as well) stands step by step in
   docs/verify-offline.md and docs/formats.md, which come with the software (share/doc/sealbook).

4. 只开示部分内容时 / Where only a part is shown
   已证明的是：所示各段的字节，以及它们在存证中的位置。“第几部分、共几部分”和文件名、来源等，
   是存证人的软件在封存时声明的。页面和文本副本（由软件在存证时生成）与原件是否一致，
   只有完整开示才能显示。
   Proven are the bytes of each piece and its place in the deposit. "Part 7 of 212", a file's name, its
   source and the like are as stated by the depositor's software at sealing. Whether a page or a text
   that software made at the deposit matches the original, only a full opening shows.

   未开示的部分可能改变所示部分的含义。 What is not shown may change the meaning of what is.
"""
