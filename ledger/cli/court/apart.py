"""Receipts and trust files taken apart, into what other software reads. Nothing is verified."""

from collections.abc import Mapping
from pathlib import Path
from ssl import DER_cert_to_PEM_cert

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ledger.chain.block import parse_block
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.note import first_lines, parse_note
from ledger.chain.policy import format_policy
from ledger.chain.proof import TlogProof, format_proof
from ledger.chain.receipt import Receipt, TokenEntry
from ledger.chain.seal import parse_cose_receipt
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust
from ledger.cli import text
from ledger.cli.speech import _
from ledger.crypto.keys import format_public_pem
from ledger.disk.outputs import write_new
from ledger.errors import InvalidInput
from ledger.quoted import quoted

Parts = Mapping[str, tuple[bytes, str]]
"""file name -> (content, what it is)"""


def of_receipt(parts: Receipt) -> Parts:
    """Return a receipt's parts. Raises MalformedData where one of them is none."""
    proof = TlogProof(parts.position.index, parts.position.proof, parts.note)
    depositor = parse_enrolment(parse_statement(parts.enrolment))
    seal = parse_cose_receipt(parts.cose_receipt)
    root = parse_checkpoint(parse_note(parts.note).text).root
    r, s = (int.from_bytes(half, "big") for half in _halves(seal.message.signature))
    files = {
        "statement.cose": (parts.statement, _("what the depositor signed; the ledger's entry")),
        "receipt.cose": (parts.cose_receipt, "COSE Receipt, RFC 9942"),
        "proof.tlog-proof": (
            format_proof(proof).encode(),
            _("C2SP tlog-proof with the checkpoint"),
        ),
        "checkpoint": (parts.note.encode(), _("the checkpoint alone, a C2SP signed note")),
        "block.cose": (parts.block, _("the block record, signed by the notary")),
        "enrolment.cose": (parts.enrolment, _("the enrolment, signed by the notary")),
        "depositor.pem": (format_public_pem(depositor.key), _("the enrolled key, Ed25519")),
        "seal.pem": (DER_cert_to_PEM_cert(seal.certificate).encode(), _("the seal's certificate")),
    }
    time = parse_block(parse_statement(parts.block)).time
    files["block-time.txt"] = (str(time).encode(), _("when the notary says it was, POSIX seconds"))
    for name in ("statement", "block", "enrolment"):
        message = parse_statement(files[f"{name}.cose"][0]).message
        files[f"{name}.signed"] = (message.to_be_signed(), _("what its signature covers"))
        files[f"{name}.signature"] = (message.signature, _("Ed25519, 64 bytes"))
    files["seal.signed"] = (seal.message.to_be_signed(root), _("what the seal's signature covers"))
    files["seal.signature"] = (encode_dss_signature(r, s), _("ECDSA with SHA-256, in DER"))
    if parts.record is not None:
        files["identity.cbor"] = (parts.record, _("the identity record"))
    times = parts.times
    for number, token in enumerate(times.tokens, 1):
        stamped = first_lines(parts.note, token.lines).encode()
        files |= _stamp(f"token-{number}", token, _("timestamp token, RFC 3161"))
        files[f"token-{number}.stamped"] = (stamped, _("what it is over: the note's first lines"))
    for number, der in enumerate(times.own, 1):
        files |= _stamp(f"own-{number}", TokenEntry(0, der), _("the depositor's token"))
        files[f"own-{number}.stamped"] = (parts.statement, _("what it is over: the statement"))
    if times.earlier is not None:
        earlier = times.earlier
        stamped = first_lines(earlier.note, earlier.token.lines).encode()
        files["earlier.note"] = (earlier.note.encode(), _("an earlier checkpoint, signed"))
        files |= _stamp(
            "earlier", earlier.token, _("the token over it, which the block record names")
        )
        files["earlier.stamped"] = (stamped, _("what that token is over"))
    for number, each in enumerate(times.validation, 1):
        files[f"validation-{number}.der"] = (
            each,
            _("a certificate, revocation list or OCSP response"),
        )
    return files


def _stamp(name: str, entry: TokenEntry, what: str) -> Parts:
    token = entry.first.der
    files = {f"{name}.der": (token, what)}
    if entry.der != token:
        files[f"{name}.ers"] = (entry.der, _("its renewals, an RFC 4998 evidence record"))
    return files


def of_trust(trust: Trust) -> Parts:
    """Return a trust file's parts."""
    files = {"policy": (format_policy(trust.policy).encode(), "C2SP tlog-policy")}
    for number, key in enumerate(trust.notary_keys, 1):
        files[f"log-{number}.pem"] = (format_public_pem(key.public), _("key of the log, Ed25519"))
    for number, seal in enumerate(trust.seals, 1):
        pem = DER_cert_to_PEM_cert(seal.authority).encode()
        files[f"root-{number}.pem"] = (pem, _("who must have issued the seal's certificate"))
        files[f"subject-{number}.txt"] = (f"{seal.subject}\n".encode(), _("whom it must name"))
    return files


def write_parts(folder: Path, parts: Parts) -> str:
    """Write the files into a folder, over none that is there; return a line for each.

    Raises InvalidInput, StorageFailed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = [name for name in parts if (folder / name).exists()]
    if taken:
        raise InvalidInput(f"{quoted(folder / taken[0])} exists already and is not overwritten.")
    for name, (data, _about) in parts.items():
        write_new(folder / name, data)
    width = max(map(len, parts)) + 2
    return "\n".join(f"{text.pad(name, width)}{what}" for name, (_, what) in parts.items())


def _halves(signature: bytes) -> tuple[bytes, bytes]:
    return signature[: len(signature) // 2], signature[len(signature) // 2 :]
