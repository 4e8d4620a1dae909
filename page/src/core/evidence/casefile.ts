// An evidence file as one: every deposit in it, and the matters that they belong to (ledger/evidence/casefile.py).

import { hex, int, type Int } from "../bytes.ts";
import { VerificationFailed } from "../errors.ts";
import { leafHash } from "../merkle.ts";
import type { Report, Status } from "../report.ts";
import type { Trust } from "../trust.ts";
import { ReceiptRefused, type DepositReceipt, type VerifiedReceipt } from "../verify.ts";
import type { Manifest } from "./manifest.ts";
import { next, oneHistory, placeOf, verifyMatter, verifyPlaces } from "./matter.ts";
import type { Fetch } from "./opening.ts";
import type { PartialOpening } from "./partial/views.ts";

/** A deposit that somebody is shown; nothing in it is verified yet. */
export interface DisclosedDeposit {
  readonly receipt: DepositReceipt;
  readonly opening: Manifest | PartialOpening | null;
  /** fetch(n, offset, size) gives at most `size` bytes of document n, or of piece n. */
  readonly fetch: Fetch;
  /** What is shown, in the order of `fetch`: a name for people, and the size that the opening says. */
  readonly contents: readonly (readonly [string, Int])[];
  /** Bytes that the ZIP holds of each of `contents`. */
  readonly sizes: readonly number[];
  /** Throws MalformedData unless the ZIP's checksums are those of the content; tells of bytes as they are read. */
  readonly check: (read: (more: number) => void) => Promise<void>;
}

/** What the receipts of a file show together of one matter, as `sealbook verify --json` prints it. */
export interface MatterShown {
  readonly status: Status;
  readonly account: string;
  readonly id: string;
  /** First and last of each unbroken run of numbers that are shown. */
  readonly numbers: readonly (readonly [Int, Int])[];
  /** Numbers between those shown that the file does not hold. */
  readonly missing: readonly (readonly [Int, Int])[];
  readonly reason: string;
}

/** The reports on a file's deposits, in its order, and what they show together. */
export interface FileReport {
  readonly good: boolean;
  readonly reports: readonly Report[];
  readonly matters: readonly MatterShown[];
}

/** Verifies a deposit, by its number from 0, under a trust. Throws ReceiptRefused. */
export type Verify = (number: number, disclosed: DisclosedDeposit, trust: Trust) => Promise<VerifiedReceipt>;

/** Verify every deposit with `verify`, then what they show of their matters. */
export async function verifyDeposits(
  disclosed: readonly DisclosedDeposit[], trust: Trust, verify: Verify,
): Promise<FileReport> {
  const opened = new Set(disclosed.filter((each) => each.opening !== null).map((each) => matterOf(each.receipt)));
  opened.delete(null);
  const withoutContent = { ...trust, required: trust.required.filter((name) => name !== "content") };
  const reports: Report[] = [];
  const verified: VerifiedReceipt[] = [];
  for (const [number, each] of disclosed.entries()) {
    const used = each.opening === null && opened.has(matterOf(each.receipt)) ? withoutContent : trust;
    try {
      const found = await verify(number, each, used);
      verified.push(found);
      reports.push(found.report);
    } catch (error) {
      if (!(error instanceof ReceiptRefused)) throw error;
      reports.push(error.report);
    }
  }
  const matters = [...mattersOf(verified)];
  const good = reports.every((each) => each.good) && matters.every((each) => each.status !== "failed");
  return { good, reports, matters };
}

/** Return the account and the matter that a receipt belongs to, null for none. */
function matterOf({ statement, deposit }: Pick<DepositReceipt, "statement" | "deposit">): string | null {
  return deposit.matter === null ? null : `${statement.issuer} ${hex(deposit.matter.id)}`;
}

function* mattersOf(verified: readonly VerifiedReceipt[]): Generator<MatterShown> {
  const papers = new Map<string, Map<string, VerifiedReceipt>>();
  for (const each of verified) {
    const matter = matterOf(each);
    if (matter === null) continue;
    if (!papers.has(matter)) papers.set(matter, new Map());
    papers.get(matter)!.set(hex(leafHash(each.statement.encoded)), each);
  }
  for (const distinct of papers.values()) {
    if (distinct.size < 2) continue;
    const row = [...distinct.values()].sort((a, b) => Number(BigInt(numberOf(a)) - BigInt(numberOf(b))));
    yield together(row, verified);
  }
}

function together(papers: readonly VerifiedReceipt[], verified: readonly VerifiedReceipt[]): MatterShown {
  const runs: VerifiedReceipt[][] = [];
  for (const paper of papers) {
    // A number that comes twice stays in its run, where it is refused.
    const last = runs.at(-1)?.at(-1);
    if (last !== undefined && numberOf(paper) <= next(numberOf(last))) runs.at(-1)!.push(paper);
    else runs.push([paper]);
  }
  const numbers = runs.map((run) => [numberOf(run[0]!), numberOf(run.at(-1)!)] as const);
  const missing = numbers.slice(1).map(([first], i) => [next(numbers[i]![1]), before(first)] as const);
  const paper = papers[0]!;
  const shown = { account: paper.statement.issuer, id: hex(placeOf(paper).id), numbers, missing, reason: "" };
  try {
    runs.forEach(verifyMatter);
    verifyPlaces(papers);
    oneHistory(verified);
  } catch (error) {
    if (!(error instanceof VerificationFailed)) throw error;
    return { ...shown, status: "failed", reason: error.message };
  }
  return { ...shown, status: runs.some((run) => run.length > 1) ? "proven" : "not-shown" };
}

function numberOf(receipt: VerifiedReceipt): Int {
  return placeOf(receipt).number;
}

function before(number: Int): Int {
  return int(BigInt(number) - 1n);
}
