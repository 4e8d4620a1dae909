"""The words of a certificate in one language: the page sets Chinese and English side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.court.certificate.content import (
    Case,
    Issue,
    authorities,
    holder,
    shown_between,
    witnesses,
)
from ledger.language import beijing, tr, utc
from ledger.quoted import LIMIT, Quoted, Words, quoted

MAX_NAMES = 5
"""Authorities or witnesses that a row names; the receipt has them all."""
SHOWN = 110
"""Columns of a name that are shown: a line. The operator's may have some more."""
HOLDER = 512
"""Columns of the holder's name and credit code: all of what an office enrols today, which wraps."""
NUMBER = "{:06d}"


@dataclass(frozen=True, slots=True)
class Row:
    """A label and what stands beside it: words of ours, or of others on a line of their own.

    With `hexadecimal` the last value is a hash. `limit` are the columns of a value of others that are
    shown.
    """

    label: Words
    values: tuple[Words | Quoted, ...]
    hexadecimal: bool = False
    limit: int = SHOWN


@dataclass(frozen=True, slots=True)
class Wording:
    """All words of a certificate in one language."""

    title: Words
    no_act: Words
    number: Words
    rows: tuple[Row, ...]
    limits_title: Words
    limits: tuple[Words, ...]
    steps_title: Words
    steps: tuple[Words, ...]
    footer: tuple[Row, ...]
    unsigned: Words
    page: Words


def wording(case: Case, issue: Issue | None, language: str) -> Wording:
    """Return a certificate's words; without `issue` those of an unsigned copy."""
    return Wording(
        tr("Certificate of Electronic Deposit", language),
        tr("This certificate is not a notarial act.", language),
        tr("No.", language),
        tuple(_rows(case, language)),
        tr("What this does not prove", language),
        _limits(case, language),
        tr("How to check it without the office", language),
        _steps(issue, language),
        tuple(_footer(case, issue, language)),
        tr("unsigned copy", language),
        tr("Page 1 of 1", language),
    )


def _rows(case: Case, language: str) -> Iterator[Row]:
    verified = case.verified
    known = holder(case)
    if known is None:
        nothing = (tr("not in the receipt", language),)
        yield Row(tr("Holder", language), nothing)
    else:
        name, registration = known
        yield Row(tr("Holder, as the office states", language), (quoted(name),), limit=HOLDER)
        yield Row(tr("Credit code", language), (quoted(registration),), limit=HOLDER)
    yield Row(
        tr("Commitment", language),
        (
            tr("root of a salted Merkle tree over SHA-256", language),
            Words(verified.deposit.commitment.hex()),
        ),
        hexadecimal=True,
    )
    yield Row(tr("Registered at", language), _time(verified.block.time, language))
    yield from _between(case, language)
    yield Row(
        tr("Entry and order", language),
        (
            tr(
                "entry {index}, in block {height} (entries {first} to {last}); lower numbers came "
                "before it",
                language,
                index=verified.index,
                height=verified.block.height,
                first=verified.block.start,
                last=verified.block.size - 1,
            ),
            quoted(case.trust.origin),
        ),
    )
    yield Row(tr("Timestamp authorities", language), _named(authorities(case), language))
    yield Row(tr("Witnesses", language), _named(witnesses(case), language))
    yield from _platform(case, language)


def _time(seconds: int, language: str) -> tuple[Words, ...]:
    here = beijing(seconds)
    return (tr("Beijing time {beijing} (UTC {utc})", language, beijing=here, utc=_plain(seconds)),)


def _date(seconds: int, language: str) -> Words:
    return tr("{date}, Beijing time", language, date=beijing(seconds, "%Y-%m-%d"))


def _plain(seconds: int) -> Words:
    return Words(utc(seconds).removesuffix(" UTC"))


def _between(case: Case, language: str) -> Iterator[Row]:
    earliest, latest = shown_between(case)
    unknown = (tr("not shown by others: the time above is stated by the office alone", language),)
    label = tr("Not earlier than", language), tr("Not later than", language)
    if earliest is None and latest is None:
        yield Row(tr("Earliest and latest", language), unknown)
        return
    for name, seconds in zip(label, (earliest, latest), strict=True):
        none = (tr("status\x04not shown", language),)
        yield Row(name, none if seconds is None else _time(seconds, language))


def _named(names: tuple[str, ...], language: str) -> tuple[Words | Quoted, ...]:
    if not names:
        return (tr("none", language),)
    shown: tuple[Words | Quoted, ...] = tuple(quoted(each) for each in names[:MAX_NAMES])
    if len(names) > MAX_NAMES:
        more = len(names) - MAX_NAMES
        shown += (tr("and {more} more, in the receipt", language, more=more),)
    return shown


def _platform(case: Case, language: str) -> Iterator[Row]:
    platform = case.platform
    if platform is None:
        yield Row(tr("Operator", language), (quoted(case.trust.issuer),))
        return
    yield Row(tr("Operator", language), (quoted(platform.operator),), limit=LIMIT)
    if platform.filing:
        yield Row(tr("Filing number", language), (quoted(platform.filing),))
    environment = f"{platform.environment}; {platform.software}"
    yield Row(tr("Environment, as the office states", language), (quoted(environment),))


def _limits(case: Case, language: str) -> tuple[Words, ...]:
    limits = [
        tr(
            "At the deposit the office saw neither name nor content of it: it entered a salted "
            "fingerprint. Only an opening ties a document to the fingerprint.",
            language,
        ),
        tr("Who wrote the content, and whether it is true, lawful or secret.", language),
        tr(
            "Since when the content had existed before the deposit, how it was made and kept, and "
            "whether the holder had a right to it.",
            language,
        ),
        tr("Who used the holder's key, and whether the key was revoked later.", language),
        tr("What a court makes of it: that is for the court.", language),
    ]
    if holder(case) is not None:
        limits.insert(
            3,
            tr(
                "That the holder is who is named: the office checked that when it enrolled the key, "
                "and states it.",
                language,
            ),
        )
    return tuple(limits)


def _steps(issue: Issue | None, language: str) -> tuple[Words, ...]:
    steps = [
        tr(
            "Get the trust file from the office, a court or a witness, never with this certificate. "
            "Its fingerprint must be the one below.",
            language,
        ),
        tr(
            "Save the receipt that is attached to this PDF, and verify it offline: sealbook verify "
            "RECEIPT --trust TRUST, the verifier page, or the published formats. Commitment, entry "
            "and times must be those above.",
            language,
        ),
        tr("This copy is unsigned: only the receipt in it can be checked.", language)
        if issue is None
        else tr(
            "Check the signature of this PDF. A reader that does not know who certified the seal calls "
            "its validity unknown: compare the seal's certificate with the trust file. Whether it was "
            "withdrawn, the office answers under the number above; without the office, only an auditor "
            "who keeps the ledger's entries can say. The receipt counts either way.",
            language,
        ),
    ]
    return tuple(steps)


def _footer(case: Case, issue: Issue | None, language: str) -> Iterator[Row]:
    if issue is None:
        yield Row(tr("Seal", language), (tr("none: unsigned copy", language),))
    else:
        yield Row(tr("Seal", language), (quoted(issue.seal),))
        yield Row(tr("Officer", language), (quoted(issue.officer),))
        yield Row(tr("Date", language), (_date(issue.time, language),))
    yield Row(tr("Trust file's fingerprint", language), (Words(case.fingerprint),))
