"""An evidence file of a deposit whose depositor has put the worst into every name that he chooses."""

import io
import os
import random
from collections.abc import Callable

from ledger.chain.enrolment import IdentityRecord, verify_enrolment_request
from ledger.chain.statement import Deposit, format_deposit
from ledger.company.documents import Document
from ledger.company.sealing.seal import seal
from ledger.crypto.recipients import HybridIdentity
from ledger.evidence.file import Disclosure, self_contained, write_evidence
from ledger.evidence.manifest import Cover
from ledger.notary.notary import Notary
from tests.core.test_sealing import Buffered, Memory
from tests.notaries import NOW, ORIGIN, Company, deposit

HOSTILE = '"><img src=x onerror=alert(1)>\u202e\x1b[31m\u2066{{7*7}}{% raw %}' + "长" * 400
"""Marks, a script, an override of direction, a terminal's colour, a template, and too much."""


def _plain(name: str) -> str:
    """Return a name without what the name of a document cannot have."""
    return "".join(each for each in name if each >= " " and each != "/")


def deposited(notary: Notary, name: str = HOSTILE[:90]) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Deposit at `notary` under an account of that name.

    Return the statement, and what makes the evidence file that shows it whole out of a receipt.
    """
    company = Company()
    request = verify_enrolment_request(company.ask())
    record = IdentityRecord(os.urandom(32), name, name, name, NOW)
    company.account = notary.accounts.enrol(request, record).account
    content, manifest = Buffered(), Buffered()
    text = b"alert(document.domain)"
    document = Document(
        Memory(text), _plain(name), NOW, media_type="text/html", origin=name, tool=name
    )
    sealed = seal(
        [document],
        company.key.thumbprint,
        [HybridIdentity(bytes(32)).recipient()],
        Cover(name, (("mail-from", name), ("dkim", name))),
        content,
        manifest,
        random.Random(7).randbytes,
    )
    statement = format_deposit(
        Deposit(ORIGIN, sealed.commitment, sealed.content, sealed.manifest),
        company.account,
        company.key,
        NOW,
    )
    deposit(notary, [statement])

    def evidence(receipt: bytes) -> bytes:
        out = io.BytesIO()
        whole = self_contained(sealed.record, sealed.index)
        write_evidence(out, [Disclosure(receipt, whole, lambda _: io.BytesIO(text))])
        return out.getvalue()

    return statement, evidence
