// The verification core: ledger/verify.py, step by step. No clock, file or network.

import { equal, hex, type Int } from "./bytes.ts";
import { parseBlock, type Block } from "./block.ts";
import { parseEnrolment, verifyRecord, type Enrolment } from "./enrolment.ts";
import { SealbookError, VerificationFailed } from "./errors.ts";
import { isAbout, partFacts, verifyInspection, type InspectionRecord } from "./inspection.ts";
import { leafHash, verifyInclusion } from "./merkle.ts";
import { hasQuorum, type VerifiedCheckpoint } from "./policy.ts";
import { quoted } from "./quoted.ts";
import { hasNoTimes, parseReceipt, type Position, type Receipt } from "./receipt.ts";
import type { Renewed } from "./renewal/renewed.ts";
import {
  CLAIMS, failedClaim, makeClaim, makeReport, type Claim, type Facts, type Report, type Status,
} from "./report.ts";
import { revocation } from "./retired.ts";
import { parseCoseReceipt, verifySeal } from "./seal.ts";
import { parseDeposit, parseStatement, verifyStatement, type Deposit, type Statement } from "./statement.ts";
import { requireStamped, timeClaims } from "./timing.ts";
import {
  DEFAULT_REQUIRED, needsWitnesses, trustPolicyAt, verifyByLog, verifyOwn, type Trust,
} from "./trust.ts";

/**
 * What an opening recomputed from its secrets and the content shown; never taken from a file.
 *
 * `documents` are names and sizes under a full opening, `renditions` what those of them show that software
 * made at the deposit, by their place; `shown` the facts of a report under a partial one. Where the content
 * could not even be read as the opening says, `commitment` is null and `problem` says why.
 */
export interface OpenedDeposit {
  readonly commitment: Uint8Array | null;
  readonly documents?: readonly (readonly [string, Int])[];
  readonly renditions?: ReadonlyMap<number, Facts>;
  readonly shown?: readonly Facts[] | null;
  readonly cover?: Readonly<Record<string, string>>;
  readonly problem?: string;
}

/** A receipt and the deposit in it, parsed; nothing is verified yet. */
export interface DepositReceipt {
  readonly parts: Receipt;
  readonly statement: Statement;
  readonly deposit: Deposit;
}

/** A receipt whose report is good; only `verifyParsed` makes one. */
export interface VerifiedReceipt {
  readonly report: Report;
  readonly statement: Statement;
  readonly deposit: Deposit;
  readonly index: Int;
  readonly checkpoint: VerifiedCheckpoint;
  readonly block: Block;
  readonly enrolment: Enrolment;
}

/** The receipt does not carry every required claim; `report` says which and why. */
export class ReceiptRefused extends VerificationFailed {
  constructor(readonly report: Report) {
    const failed = report.claims.filter((each) => each.status === "failed").map((each) => each.claim);
    super(`The receipt does not prove what is required: ${[...failed, ...report.missing].join(", ")}.`);
  }
}

/** An answer to a step of `ledger.verify.verify_receipt`, by its number there. */
export interface Step {
  readonly number: number;
  readonly claim: Claim;
}

const STEPS: Record<string, number> = {
  witnesses: 3, ledger: 4, block: 5, depositor: 7, matter: 7, identity: 8, seal: 9, time: 10, existence: 10,
  content: 11, provenance: 11, inspection: 12,
};

/** Return a deposit's receipt: steps 1 and 2. Throws MalformedData. */
export function parseDepositReceipt(data: Uint8Array): DepositReceipt {
  const parts = parseReceipt(data);
  const statement = parseStatement(parts.statement);
  return { parts, statement, deposit: parseDeposit(statement) };
}

/**
 * Return what a parsed receipt proves: steps 3 to 10, then step 11 with what `opening` gives, which is called once,
 * with the report on the receipt alone, and step 12 with `inspections`. `renewed` is a record over the file that is the receipt, or holds it.
 * Throws ReceiptRefused, and what `opening` throws.
 */
export async function verifyParsed(
  receipt: DepositReceipt, trust: Trust,
  options: {
    opening?: (report: Report) => Promise<OpenedDeposit | null>;
    renewed?: Renewed | null;
    inspections?: readonly InspectionRecord[];
    onStep?: (step: Step) => void;
  } = {},
): Promise<VerifiedReceipt> {
  const steps = new Steps(receipt, trust, options.renewed ?? null, options.onStep);
  const { checkpoint, block, enrolment } = await steps.run();
  const opened = await options.opening?.(steps.report());
  if (opened) await steps.compare(opened);
  if (checkpoint && options.inspections?.length) await steps.inspected(options.inspections, checkpoint);
  const report = steps.report();
  if (!report.good || !checkpoint || !block || !enrolment) throw new ReceiptRefused(report);
  const { statement, deposit, parts } = receipt;
  return { report, statement, deposit, index: parts.position.index, checkpoint, block, enrolment };
}

/** Return the report on a receipt that was read without a trust file: nothing is shown. */
export function uncheckedReport(): Report {
  const reason = "authenticity not checked: no trust file";
  return makeReport(CLAIMS.map((name) => ({ ...makeClaim(name, "not-shown"), reason })), DEFAULT_REQUIRED);
}

/** What the steps have verified. */
interface Found {
  readonly checkpoint: VerifiedCheckpoint | null;
  readonly block: Block | null;
  readonly enrolment: Enrolment | null;
}

/** Runs the steps, so that one failed claim does not hide what the others show. */
class Steps {
  private readonly claims = new Map<string, Claim>();
  /** The step that is being taken. */
  private step = 2;
  private readonly parts: Receipt;
  private readonly statement: Statement;
  private readonly deposit: Deposit;

  constructor(
    receipt: DepositReceipt,
    private readonly trust: Trust,
    private readonly renewed: Renewed | null,
    private readonly onStep: ((step: Step) => void) | undefined,
  ) {
    ({ parts: this.parts, statement: this.statement, deposit: this.deposit } = receipt);
  }

  async run(): Promise<Found> {
    const checkpoint = await this.claim("ledger", () => this.ledger());
    if (checkpoint === null) return { checkpoint, block: null, enrolment: null };
    const block = await this.claim("block", () => this.block(checkpoint));
    const enrolment = await this.claim("depositor", () => this.depositor(checkpoint));
    if (block !== null) {
      await this.claim("seal", () => this.seal(checkpoint, block));
      await this.claim("time", () => this.time(block));
    }
    if (enrolment !== null) {
      await this.claim("identity", () => this.identity(enrolment));
      const { matter } = this.deposit;
      if (matter) this.say("matter", "stated", "depositor", { id: hex(matter.id), number: matter.number });
    }
    return { checkpoint, block, enrolment };
  }

  async compare(opening: OpenedDeposit): Promise<void> {
    this.step = 11;
    await this.claim("content", () => this.content(opening));
  }

  async inspected(records: readonly InspectionRecord[], checkpoint: VerifiedCheckpoint): Promise<void> {
    this.step = 12;
    await this.claim("inspection", () => this.inspection(records, checkpoint));
  }

  /** Return the claims, also those of which nothing is shown, so that nobody reads one into it. */
  report(): Report {
    const claims = CLAIMS.filter((name) => name !== "matter" || this.claims.has(name)).map(
      (name) => this.claims.get(name) ?? makeClaim(name, "not-shown"),
    );
    return makeReport(claims, this.trust.required);
  }

  private async claim<T>(name: string, step: () => T | Promise<T>): Promise<T | null> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof SealbookError)) throw error;
      this.add(failedClaim(name, error.message));
      return null;
    }
  }

  private say(name: string, status: Status, by: string, facts: Facts): void {
    this.add(makeClaim(name, status, by, facts));
  }

  private add(claim: Claim): void {
    this.claims.set(claim.claim, claim);
    const number = claim.status === "failed" ? this.step : STEPS[claim.claim]!;
    this.onStep?.({ number, claim });
  }

  private async notaryStatement(
    data: Uint8Array, position: Position, { checkpoint }: VerifiedCheckpoint,
  ): Promise<Statement> {
    const statement = parseStatement(data);
    if (statement.issuer !== this.trust.origin) {
      throw new VerificationFailed("a statement in the receipt is not the trusted notary's");
    }
    await verifyByLog(statement, this.trust);
    verifyInclusion(leafHash(data), position.index, checkpoint.size, position.proof, checkpoint.root);
    return statement;
  }

  private async ledger(): Promise<VerifiedCheckpoint> {
    const { trust, parts, deposit } = this;
    if (deposit.origin !== trust.origin) {
      throw new VerificationFailed(
        `the deposit was made for ${quoted(deposit.origin)}, the trust file is for ${quoted(trust.origin)}`,
      );
    }
    this.step = 3;
    const verified = await verifyOwn(trust, parts.note);
    const { checkpoint } = verified;
    const until = revocation(verified, trust.retired);
    if (until !== null) await this.requireStamped(until);
    this.step = 4;
    const { index, proof } = parts.position;
    verifyInclusion(leafHash(this.statement.encoded), index, checkpoint.size, proof, checkpoint.root);
    this.say("ledger", "proven", "inclusion-proof", {
      origin: checkpoint.origin,
      index,
      size: checkpoint.size,
      root: hex(checkpoint.root),
      commitment: hex(deposit.commitment),
    });
    this.witnesses(verified);
    return verified;
  }

  private witnesses(verified: VerifiedCheckpoint): void {
    const { origin, size } = verified.checkpoint;
    const policy = trustPolicyAt(this.trust, size);
    const witnesses = verified.witnesses
      .filter(([, seen]) => seen.key.name !== origin)
      .map(([name, seen]) => ({ name, key: seen.key.name, time: seen.time }));
    if (witnesses.length > 0 && hasQuorum(policy, verified.witnesses.map(([name]) => name))) {
      this.say("witnesses", "proven", "cosignatures", { witnesses });
    } else if (needsWitnesses(policy, this.trust.origin)) {
      this.say("witnesses", "not-shown", "", { witnesses });
    }
  }

  private requireStamped(until: number): Promise<void> {
    return requireStamped(this.parts, this.trust, this.renewed, until);
  }

  private async block(verified: VerifiedCheckpoint): Promise<Block> {
    this.step = 5;
    const { block: data, blockPosition, position } = this.parts;
    const block = parseBlock(await this.notaryStatement(data, blockPosition, verified));
    if (block.origin !== this.trust.origin || block.start !== blockPosition.index) {
      throw new VerificationFailed("the block record does not describe its own place");
    }
    if (!(block.start < position.index && position.index < block.size)) {
      throw new VerificationFailed("the deposit does not lie in the block that the receipt shows");
    }
    if (verified.checkpoint.size < block.size) {
      throw new VerificationFailed("the checkpoint is older than the end of the block");
    }
    this.say("block", "proven", "block-record", {
      height: block.height,
      start: block.start,
      size: block.size,
      previous: hex(block.previous),
      platform: block.platform && hex(block.platform),
    });
    return block;
  }

  private async depositor(checkpoint: VerifiedCheckpoint): Promise<Enrolment> {
    this.step = 6;
    const { enrolment: data, enrolmentPosition, position } = this.parts;
    const enrolment = parseEnrolment(await this.notaryStatement(data, enrolmentPosition, checkpoint));
    if (enrolmentPosition.index >= position.index) {
      throw new VerificationFailed("the key was enrolled only after the deposit");
    }
    if (enrolment.origin !== this.trust.origin || enrolment.account !== this.statement.issuer) {
      throw new VerificationFailed("the enrolment is another account's");
    }
    if (enrolment.role !== "device") throw new VerificationFailed("the enrolled key may not deposit");
    this.step = 7;
    await verifyStatement(this.statement, enrolment.key);
    this.say("depositor", "proven", "depositor-signature", {
      account: enrolment.account,
      key: hex(this.statement.keyId),
      enrolled: enrolmentPosition.index,
      signed: this.statement.issuedAt,
    });
    return enrolment;
  }

  private identity(enrolment: Enrolment): void {
    this.step = 8;
    if (this.parts.record === null) return;
    const { name, registration, checkedBy, checkedAt } = verifyRecord(enrolment, this.parts.record);
    this.say("identity", "stated", "notary", {
      name, registration, checked_by: checkedBy, checked_at: checkedAt,
    });
  }

  private async seal({ checkpoint }: VerifiedCheckpoint, block: Block): Promise<void> {
    this.step = 9;
    const { coseReceipt, position } = this.parts;
    const receipt = parseCoseReceipt(coseReceipt);
    const sameProof =
      receipt.proof.length === position.proof.length &&
      receipt.proof.every((each, i) => equal(each, position.proof[i]!));
    if (
      receipt.origin !== checkpoint.origin || receipt.size !== checkpoint.size ||
      receipt.index !== position.index || !sameProof
    ) {
      throw new VerificationFailed("the COSE Receipt is for another place than the proof");
    }
    for (const each of this.trust.revokedSeals) {
      if (equal(each.key, receipt.keyId)) {
        await this.requireStamped(checkpoint.size <= each.size ? each.revoked : 0);
      }
    }
    const subject = await verifySeal(receipt, checkpoint.root, this.trust.seals, block.time);
    this.say("seal", "proven", "seal-certificate", { subject });
  }

  /** Say when: as trusted authorities attest, else as the block record states. */
  private async time(block: Block): Promise<void> {
    this.step = 10;
    if (hasNoTimes(this.parts.times) && this.renewed === null) {
      this.say("time", "stated", "notary", { time: block.time });
      return;
    }
    for (const claim of await timeClaims(this.parts, block, this.trust, this.renewed)) this.add(claim);
  }

  private content(opening: OpenedDeposit): void {
    if (opening.commitment === null) throw new VerificationFailed(opening.problem ?? "");
    if (!equal(opening.commitment, this.deposit.commitment)) {
      throw new VerificationFailed(
        "the documents shown are not those that were deposited: they give the commitment " +
          `${hex(opening.commitment)}, the deposit is ${hex(this.deposit.commitment)}`,
      );
    }
    const cover = opening.cover ?? {};
    if (Object.keys(cover).length > 0) {
      this.say("provenance", "stated", "depositor-software", { fields: { ...cover } });
    }
    if (opening.shown) {
      this.say("content", "proven", "partial-opening", { documents: opening.shown });
      return;
    }
    const documents = (opening.documents ?? []).map(([name, size], place) => {
      const rendition = opening.renditions?.get(place);
      return rendition ? { name, size, rendition } : { name, size };
    });
    this.say("content", "proven", "full-opening", { documents });
  }

  private async inspection(
    records: readonly InspectionRecord[], { checkpoint }: VerifiedCheckpoint,
  ): Promise<void> {
    const leaf = leafHash(this.statement.encoded);
    const record = records.find((each) => isAbout(each, leaf));
    if (record?.inspection.entry !== this.parts.position.index) {
      throw new VerificationFailed("the inspection record is about another deposit");
    }
    const { index, time, inspection, particulars, size, root } = await verifyInspection(record, this.trust);
    if (size === checkpoint.size && !equal(root, checkpoint.root)) {
      throw new VerificationFailed("the inspection record and the receipt show two histories of the ledger");
    }
    const { officer, role } = particulars;
    this.say("inspection", "stated", "notary", {
      index, time, officer, role, scope: inspection.scope, ...partFacts(particulars, this.claims.get("content")),
    });
  }
}
