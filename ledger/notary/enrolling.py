"""What the office looks at before it enrols anybody, whether at the terminal or at the desk.

The fingerprint is typed from the company's paper, never read from the request: that comparison is what
ties the key to the company.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ledger.chain.enrolment import (
    EnrolmentRequest,
    IdentityRecord,
    format_record,
    parse_endorsed,
    verify_enrolment_request,
)
from ledger.chain.statement import MAX_ENTRY, NONCE_SIZE
from ledger.chain.trust import fingerprint
from ledger.errors import MalformedData, Refused, TooLarge, VerificationFailed
from ledger.lines import require_line
from ledger.notary.orders import Enroll, Enrolled, Join, Order
from ledger.notary.storage.records import RecordStore
from ledger.quoted import Quoted, quoted

A = TypeVar("A")
MAX_TEXT = 256
"""Characters of a company's name, its registration number, and of whoever checked them."""
Execute = Callable[[Order[Any]], Any]
"""Carries out an order of the office."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An enrolment request as it came. `endorsed`: a recovery key has signed it too, as it says."""

    sent: bytes
    request: EnrolmentRequest
    endorsed: bool


def read_asked(sent: bytes) -> Asked:
    """Return a request, its own key's signature verified.

    Raises TooLarge, MalformedData, VerificationFailed.
    """
    if len(sent) > MAX_ENTRY:
        raise TooLarge(f"An enrolment request has at most {MAX_ENTRY} bytes.")
    try:
        inner, _, _ = parse_endorsed(sent)
    except MalformedData:
        return Asked(sent, verify_enrolment_request(sent), endorsed=False)
    return Asked(sent, verify_enrolment_request(inner), endorsed=True)


def checked(
    name: str, registration: str, by: str, moment: int, random: Callable[[int], bytes]
) -> IdentityRecord:
    """Return who a company is, as the office found it at `moment` (POSIX seconds).

    Raises InvalidInput for what could not be read on a certificate.
    """
    return IdentityRecord(
        salt=random(NONCE_SIZE),
        name=require_line(name, MAX_TEXT),
        registration=require_line(registration, MAX_TEXT),
        checked_by=require_line(by, MAX_TEXT),
        checked_at=moment,
    )


def require_account(asked: Asked, account: str | None) -> None:
    """Raise VerificationFailed unless the account on the paper is the one that the request joins."""
    if account is not None and "".join(account.split()).lower() != asked.request.account:
        raise VerificationFailed(
            f"The request joins the account {quoted(asked.request.account)}, not {quoted(account)}."
        )


def require_paper(asked: Asked, printed: str, what: Quoted | None = None) -> None:
    """Raise VerificationFailed unless the fingerprint on the paper is the request's, named `what`.

    Refused for a request that joins an account without the signature of its recovery key.
    """
    typed = "".join(printed.split()).lower()
    wanted = fingerprint(asked.request.encoded).replace(" ", "")
    if not hmac.compare_digest(typed.encode(), wanted.encode()):
        if what is None:
            raise VerificationFailed(
                "The paper does not match this request. Enrol nobody; ask the company for the request "
                "that it printed."
            )
        raise VerificationFailed(
            f"The paper does not match {what}. Enrol nobody; ask the company for the request that it "
            "printed."
        )
    if asked.request.account is not None and not asked.endorsed:
        raise Refused(
            "The request joins an account, and the account's recovery sheet has not signed it. The "
            "company makes such a request with `sealbook recover --request FILE`."
        )


def enrol(
    asked: Asked, record: IdentityRecord | None, execute: Execute, records: RecordStore
) -> Enrolled:
    """Enrol a request whose paper was compared; `record` says whose it is, None where it joins."""
    if record is None:
        answer: Enrolled = execute(Join(asked.sent))
        return answer
    token = records.stage(format_record(record))
    try:
        answer = execute(Enroll(asked.request.encoded, token))
    finally:
        records.unstage(token)
    return answer
