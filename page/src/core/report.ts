// What a verification says: ledger/chain/report.py.

export type Status = "proven" | "stated" | "not-shown" | "failed";
export type Facts = Record<string, unknown>;

/** One claim. `by` names the proof, or who states it; for a failed claim `reason` says why. */
export interface Claim {
  readonly claim: string;
  readonly status: Status;
  readonly by: string;
  readonly reason: string;
  readonly facts: Facts;
}

/** All claims about one receipt; what `sealbook verify --json` prints of it. */
export interface Report {
  readonly format: "sealbook-report-v1";
  readonly good: boolean;
  readonly required: readonly string[];
  readonly missing: readonly string[];
  readonly claims: readonly Claim[];
}

/** Every claim, in the order of a report. */
export const CLAIMS = [
  "content", "provenance", "inspection", "depositor", "identity", "ledger", "block", "seal", "time", "existence",
  "witnesses", "matter", "revocation", "authorship",
] as const;

/** Claims that can be proven, and so required by a trust file. */
export const REQUIRABLE = ["content", "depositor", "ledger", "block", "seal", "time", "existence", "witnesses"] as const;

export function makeClaim(claim: string, status: Status, by = "", facts: Facts = {}): Claim {
  return { claim, status, by, reason: "", facts };
}

export function failedClaim(claim: string, reason: string): Claim {
  return { claim, status: "failed", by: "", reason, facts: {} };
}

export function makeReport(claims: readonly Claim[], required: readonly string[]): Report {
  const missing = required.filter((name) => {
    const claim = claims.find((each) => each.claim === name) ?? makeClaim(name, "not-shown");
    return claim.status === "stated" || claim.status === "not-shown" || showsNothing(claim);
  });
  const good = missing.length === 0 && claims.every((each) => each.status !== "failed");
  return { format: "sealbook-report-v1", good, required, missing, claims };
}

/** Return whether a claim rests on an opening of fields alone, without any content. */
export function showsNothing(claim: Claim): boolean {
  if (claim.by !== "partial-opening") return false;
  const documents = claim.facts["documents"] as { whole: boolean; parts: readonly unknown[] }[];
  return !documents.some((each) => each.whole || each.parts.length > 0);
}
