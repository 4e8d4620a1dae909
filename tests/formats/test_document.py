"""docs/formats.md: what it prints is what the example files hold, and its CDDL describes them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cddl_verifier import Validator
from fastapi.routing import APIRoute

import api.checks
import api.deposits
import api.envelopes
import api.log
from examples.make_vectors import (
    DOCUMENT,
    STRUCTURES,
    VECTORS,
    diagnostics,
    examples,
    excerpt,
    schema,
)
from ledger import encoding
from ledger.auditor.audit import Audit
from ledger.auditor.sources import Folder
from ledger.auditor.state import State, format_state
from ledger.chain import block, enrolment, inspection, note, office, policy, receipt, seal, trust
from ledger.chain import statement as st
from ledger.chain.fault.file import format_fault
from ledger.chain.renewal import record
from ledger.chain.timestamp import request, revocation, token
from ledger.crypto import commitment, envelope
from ledger.crypto.cose import TAG_SIGN1
from ledger.encoding import cbor_decode, cbor_encode
from ledger.evidence import file as evidence
from ledger.evidence import index, rules
from ledger.evidence import plain_zip as archive
from ledger.evidence.partial import form
from ledger.notary import announcing, packing
from ledger.notary.desk import hooks
from ledger.notary.storage import envelopes, packfile, uploads
from tests.chain.test_fault import FAULTS
from tests.rogue import Rogue, trusting
from tests.simulator import NOW

TEXT = DOCUMENT.read_text()
VALIDATOR = Validator(schema(TEXT))


def stored() -> dict[str, bytes]:
    return {
        path.relative_to(VECTORS).as_posix(): path.read_bytes()
        for path in VECTORS.rglob("*")
        if path.is_file() and path.name != "README.md"
    }


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return stored()


@pytest.fixture(scope="module")
def structures(files: dict[str, bytes]) -> dict[str, str]:
    return diagnostics(TEXT, files)


@pytest.mark.parametrize("name", examples(TEXT))
def test_an_example_in_the_document_is_the_file(
    name: str, files: dict[str, bytes], structures: dict[str, str]
) -> None:
    assert examples(TEXT)[name] == excerpt(name, files[name], structures.get(name))


def test_every_cbor_structure_has_an_example_in_the_document() -> None:
    shown = {STRUCTURES[name] for name in examples(TEXT) if name in STRUCTURES}
    assert shown == set(STRUCTURES.values())


@pytest.mark.parametrize(("name", "rule"), STRUCTURES.items())
def test_the_cddl_describes_the_example(name: str, rule: str, files: dict[str, bytes]) -> None:
    result = VALIDATOR.validate(files[name], root_type=rule)
    assert result.valid, [each.message for each in result.diagnostics]


@pytest.mark.parametrize(("name", "rule"), STRUCTURES.items())
def test_the_cddl_refuses_a_member_too_many(name: str, rule: str, files: dict[str, bytes]) -> None:
    for changed in _variants(files[name], _with_a_member):
        assert not VALIDATOR.validate(changed, root_type=rule).valid


@pytest.mark.parametrize(
    ("name", "rule"), [(n, r) for n, r in STRUCTURES.items() if r not in ("index", "cose-key")]
)
def test_the_cddl_refuses_null_in_place_of_a_first_member(
    name: str, rule: str, files: dict[str, bytes]
) -> None:
    variants = list(_variants(files[name], _with_a_null))
    assert variants
    for changed in variants:
        assert not VALIDATOR.validate(changed, root_type=rule).valid


PRELUDE = re.findall(
    "[a-z0-9-]+",
    """any uint nint int bstr bytes tstr text tdate time number biguint bignint bigint integer unsigned
    decfrac bigfloat eb64url eb64legacy eb16 encoded-cbor uri b64url b64legacy regexp mime-message
    cbor-any float16 float32 float64 float16-32 float32-64 float false true bool nil null undefined""",
)
"""RFC 8610, appendix D."""


def test_no_rule_takes_a_name_that_the_cddl_has_already() -> None:
    rules = re.findall(r"^([a-z][a-z0-9-]*)(?:<.*>)? = ", schema(TEXT), re.MULTILINE)
    assert len(rules) > 40 and len(set(rules)) == len(rules)
    assert not set(PRELUDE) & set(rules)


def test_the_cddl_describes_what_an_audit_reads_keeps_and_writes(tmp_path: Path) -> None:
    rogue = Rogue.begun()
    rogue.anchor(NOW)
    mirror, states = rogue.publish(tmp_path), list[State]()
    Audit(Folder(mirror), trusting(rogue.office), save=states.append).run()
    named = {
        "blocks": (mirror / "blocks/0").read_bytes(),
        "anchors": (mirror / "anchors/0").read_bytes(),
        "audit-state": format_state(states[-1]),
    }
    files = [*named.items(), *(("fault", format_fault(each)) for each in FAULTS.values())]
    for rule, data in files:
        result = VALIDATOR.validate(data, root_type=rule)
        assert result.valid, (rule, [each.message for each in result.diagnostics])
    for changed in _variants(format_fault(FAULTS["two roots"]), _with_a_member):
        assert not VALIDATOR.validate(changed, root_type="fault").valid


LIMITS = {
    "statement, endorsed request": (st.MAX_ENTRY,),
    "origin": (st.MAX_ORIGIN,),
    "identity record": (enrolment.MAX_RECORD, enrolment.MAX_RECORD_TEXT),
    "text of the office": (office.MAX_TEXT, office.MAX_STANDARDS),
    "tokens in a block, or a receipt": (block.MAX_TOKENS,),
    "inclusion proof in a receipt": (seal.MAX_PROOF,),
    "receipt": (receipt.MAX_RECEIPT,),
    "timestamp token; answer of an authority": (
        token.MAX_TOKEN,
        token.MAX_CERTIFICATES,
        token.MAX_CERTIFICATES,
        request.MAX_RESPONSE,
    ),
    "validation data for a token": (revocation.MAX_ITEMS, revocation.MAX_VALIDATION),
    "evidence record": (record.MAX_RECORD, record.MAX_TIMESTAMPS),
    "inspection records": (
        inspection.MAX_FILE,
        inspection.MAX_RECORDS,
        inspection.MAX_PARTICULARS,
        inspection.MAX_NAME,
    ),
    "trust file": (trust.MAX_TRUST, encoding.MAX_TOML_KEYS, encoding.MAX_KEY_PARTS),
    "note": (note.MAX_NOTE_SIZE, note.MAX_SIGNATURES),
    "policy": (policy.MAX_LINES_OF_A_KIND,) * 3,
    "leaf of a document": (commitment.MAX_LEAF,),
    "documents in a deposit": (rules.MAX_DOCUMENTS,),
    "parts of a document": (rules.MAX_PARTS,),
    "name; path or other text; label in a manifest": (
        rules.MAX_NAME,
        rules.MAX_PATH,
        rules.MAX_LABEL,
    ),
    "cover": (rules.MAX_COVER, rules.MAX_FIELD),
    "age header": (envelope.MAX_STANZAS, envelope.MAX_HEADER, envelopes.MAX_KEPT_HEADER),
    "age payload at the notary": (uploads.MAX_PAYLOAD,),
    "payload in a pack; pack at the notary": (packing.SMALL, packfile.MAX_PACK, packfile.MAX_PARTS),
    "webhook: receipts in a message; URL": (announcing.MAX_RECEIPTS, hooks.MAX_URL),
    "evidence file": (archive.MAX_MEMBERS, evidence.MAX_OPENING),
    "CBOR": (
        encoding.MAX_DEPTH,
        encoding.MAX_ITEMS,
        index.MAX_ITEMS,
        form.MAX_OPENED_ITEMS,
        encoding.MAX_INTEGER.bit_length() + 1,
    ),
}
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "TiB": 1 << 40}


def test_the_limits_in_the_document_are_those_of_the_code() -> None:
    table = TEXT.split("## 15. Limits")[1].split("## 16.")[0]
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE))
    stated = {
        name: tuple(
            int(number.replace(",", "")) * UNITS.get(unit, 1)
            for number, unit in re.findall(r"([0-9][0-9,]*)(?: ([KMT]iB))?", text)
        )
        for name, text in rows.items()
        if name != "what"
    }
    assert stated == LIMITS


def test_every_request_of_the_service_is_in_the_document() -> None:
    served = {
        f"{method} {re.sub(r'{.+', '', route.path)}"
        for router in (api.checks.router, api.deposits.router, api.envelopes.router, api.log.router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    table = TEXT.split("## 14. HTTP")[1].split("## 15.")[0]
    stated = {
        f"{method} {re.sub(r'[<…?].*', '', path)}"
        for methods, path in re.findall(r"^\| `([A-Z`, ]+) (/[^`]*)`", table, re.MULTILINE)
        for method in re.findall("[A-Z]+", methods)
    }
    assert served == stated


def _variants(data: bytes, change: Callable[[Any], Any]) -> list[bytes]:
    """Return `data` with its value, or its header and its payload, changed."""
    if not data.startswith(TAG_SIGN1):
        return [cbor_encode(change(cbor_decode(data)))]
    parts = cbor_decode(data[1:])
    found = []
    for place in (0, 2):
        inner = parts[place]
        if isinstance(inner, bytes) and not inner.startswith(TAG_SIGN1) and not parts[1]:
            changed = [*parts]
            changed[place] = cbor_encode(change(cbor_decode(inner)))
            found.append(TAG_SIGN1 + cbor_encode(changed))
    found.append(TAG_SIGN1 + cbor_encode([parts[0], change(parts[1]), *parts[2:]]))
    return found


def _with_a_member(value: Any) -> Any:
    return [*value, 0] if isinstance(value, list) else {**value, "more": 0}


def _with_a_null(value: Any) -> Any:
    if isinstance(value, list):
        return [None, *value[1:]]
    return {**value, next(iter(value), "more"): None}
