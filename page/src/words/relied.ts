// What of a report a person is shown where not all of it holds: ledger/court/relied.py.

import type { Claim, Report } from "../core/report.ts";

/** The claims of a receipt alone, in the order of the steps; others are about what lies beside it. */
const RECEIPT = [
  "ledger", "block", "depositor", "identity", "seal", "time", "existence", "witnesses", "matter", "revocation",
  "authorship",
];

/** Return the first of the receipt's own claims that failed; null where all of them may be shown. */
export function refused(report: Report): Claim | null {
  for (const name of RECEIPT) {
    const found = report.claims.find((each) => each.claim === name && each.status === "failed");
    if (found) return found;
  }
  return null;
}

export function hasFailed(report: Report): boolean {
  return report.claims.some((each) => each.status === "failed");
}
