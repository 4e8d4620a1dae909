"""What a verification says: each claim apart, never a bare "valid".

A claim is *proven* (by what), *stated* (by whom), *not shown* or *failed*. A report is good when no
claim failed and every claim that the trust file requires is proven. Names and facts here are for
machines; the words for people are in `ledger.court`.
"""

from dataclasses import dataclass, field
from typing import Any

PROVEN, STATED, NOT_SHOWN, FAILED = "proven", "stated", "not-shown", "failed"

CONTENT = "content"
PROVENANCE = "provenance"
INSPECTION = "inspection"
DEPOSITOR = "depositor"
IDENTITY = "identity"
LEDGER = "ledger"
BLOCK = "block"
SEAL = "seal"
TIME = "time"
EXISTENCE = "existence"
WITNESSES = "witnesses"
MATTER = "matter"
REVOCATION = "revocation"
AUTHORSHIP = "authorship"
CLAIMS = (
    CONTENT, PROVENANCE, INSPECTION, DEPOSITOR, IDENTITY, LEDGER, BLOCK, SEAL, TIME, EXISTENCE,
    WITNESSES, MATTER, REVOCATION, AUTHORSHIP,
)  # fmt: skip
"""Every claim, in the order of a report."""

REQUIRABLE = (CONTENT, DEPOSITOR, LEDGER, BLOCK, SEAL, TIME, EXISTENCE, WITNESSES)
"""Claims that can be proven, and so required by a trust file."""

PENDING = (TIME, EXISTENCE, WITNESSES)
"""Claims that a provisional receipt, of a block not anchored yet, does not carry."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim. `by` names the proof, or who states it; for a failed claim `reason` says why."""

    name: str
    status: str
    by: str = ""
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """All claims about one receipt, and which of them the trust file requires to be proven."""

    claims: tuple[Claim, ...]
    required: tuple[str, ...]

    def claim(self, name: str) -> Claim:
        """Return the claim of that name; one that nothing was said about is not shown."""
        return next((c for c in self.claims if c.name == name), Claim(name, NOT_SHOWN))

    @property
    def failed(self) -> tuple[Claim, ...]:
        """The claims that failed."""
        return tuple(claim for claim in self.claims if claim.status == FAILED)

    @property
    def missing(self) -> tuple[str, ...]:
        """Required claims that are neither proven nor failed; fields alone show no content."""
        return tuple(
            name
            for name in self.required
            if self.claim(name).status in (STATED, NOT_SHOWN) or shows_nothing(self.claim(name))
        )

    @property
    def good(self) -> bool:
        """Whether none failed and every required claim is proven."""
        return not self.failed and not self.missing

    def as_dict(self) -> dict[str, Any]:
        """Return the report for machines (`--json`, POST /verify)."""
        return {
            "format": "sealbook-report-v1",
            "good": self.good,
            "required": list(self.required),
            "missing": list(self.missing),
            "claims": [
                {
                    "claim": claim.name,
                    "status": claim.status,
                    "by": claim.by,
                    "reason": claim.reason,
                    "facts": claim.facts,
                }
                for claim in self.claims
            ],
        }


def shows_nothing(claim: Claim) -> bool:
    """Return whether a claim rests on an opening of fields alone, without any content."""
    return claim.by == "partial-opening" and not any(
        each["whole"] or each["parts"] for each in claim.facts["documents"]
    )
