// When an entry was made, and until when that is shown: ledger/chain/timing.py.

import { equal, type Int } from "./bytes.ts";
import {
  allOf, attest, attestStatement, standing, verifyEntry, type Attestations, type Attested,
} from "./attesting.ts";
import { CLOCKS_APART, type Block } from "./block.ts";
import { SealbookError, VerificationFailed } from "./errors.ts";
import { sha256 } from "./hash.ts";
import type { Receipt } from "./receipt.ts";
import { parseStamp } from "./renewal/record.ts";
import type { Renewed } from "./renewal/renewed.ts";
import { makeClaim, type Claim, type Facts } from "./report.ts";
import { revocation } from "./retired.ts";
import type { VerifiedToken } from "./timestamp/verifying.ts";
import { verifyOwn, type Trust } from "./trust.ts";

/** Throw VerificationFailed unless a receipt's checkpoint is shown to be from before `until`. */
export async function requireStamped(
  parts: Receipt, trust: Trust, renewed: Renewed | null, until: number,
): Promise<void> {
  try {
    if (allOf(await attested(parts, trust, renewed)).some((each) => each.latest < until)) return;
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
  }
  throw new VerificationFailed(
    "the notary's key was revoked, and no timestamp shows the checkpoint to be from before that",
  );
}

/**
 * Return what a receipt shows of time and, where there is something to say, of existence. Throws
 * VerificationFailed, MalformedData and TooLarge where nothing of the time counts.
 */
export async function timeClaims(
  parts: Receipt, block: Block, trust: Trust, renewed: Renewed | null,
): Promise<Claim[]> {
  const found = await attested(parts, trust, renewed);
  const [own, why] = await attestStatement(
    parts.times, parts.statement, trust.authorities, found.record, trust.at, trust.doubts,
  );
  const leftOut = [...found.leftOut, ...why];
  const earliest = await earliestOf(parts, block, trust, found, leftOut);
  requireOrder(block.time, earliest, found);
  const facts: Facts = { time: block.time };
  if (leftOut.length > 0) facts["left_out"] = leftOut;
  if (own.length > 0) facts["own"] = own.map(attestedFacts);
  if (earliest !== null) facts["earliest"] = earliest;
  const shown = standing(found, trust.at) ?? standing(found, null);
  const existence = existenceClaims(found, trust.at);
  if (shown === null) return [makeClaim("time", "stated", "notary", facts), ...existence];
  const tokens = shown.renewed ? [shown] : found.tokens;
  facts["latest"] = shown.latest;
  facts["authorities"] = tokens.map((each) => each.token.authority);
  return [makeClaim("time", "proven", shown.renewed ? "evidence-record" : "tokens", facts), ...existence];
}

function attested(parts: Receipt, trust: Trust, renewed: Renewed | null): Promise<Attestations> {
  return attest(parts.times, parts.note, trust.authorities, renewed, trust.at, trust.doubts);
}

/** Return until when the time is shown, and by what. */
function existenceClaims(found: Attestations, at: Int | null): Claim[] {
  const facts: Facts = {};
  if (found.tokens.length > 0) facts["tokens"] = found.tokens.map(attestedFacts);
  const { record } = found;
  if (record !== null) {
    const tokens = record.tokens.map((each) => tokenFacts(each, each.until));
    facts["record"] = { since: record.since, until: record.until, tokens };
    if (record.leftOut.length > 0) facts["record_left_out"] = record.leftOut;
  }
  if (found.refused.length > 0) facts["record_refused"] = found.refused;
  const shown = standing(found, at);
  const known = allOf(found).map((each) => each.until);
  if (shown !== null) {
    const carried = record !== null && shown.until === record.until;
    const by = shown.renewed || carried ? "evidence-record" : "tokens";
    return [makeClaim("existence", "proven", by, { until: shown.until, ...facts })];
  }
  if (known.length > 0) {
    const until = known.reduce((a, b) => (b > a ? b : a));
    return [makeClaim("existence", "not-shown", "", { until, ...facts })];
  }
  return Object.keys(facts).length > 0 ? [makeClaim("existence", "not-shown", "", facts)] : [];
}

/** Return before when the block was not made; `leftOut` gets why its token does not count. */
async function earliestOf(
  parts: Receipt, block: Block, trust: Trust, found: Attestations, leftOut: string[],
): Promise<Int | null> {
  const { earlier } = parts.times;
  if (earlier === null) return null;
  const digest = sha256(parseStamp(earlier.token.der).chains[0]![0]!.token.der);
  if (!block.tokens.some((each) => equal(each, digest))) {
    throw new VerificationFailed("the earlier token is not one that the block record names");
  }
  const own = await verifyOwn(trust, earlier.note);
  const until = revocation(own, trust.retired);
  if (own.checkpoint.origin !== trust.origin || own.checkpoint.size > block.start) {
    throw new VerificationFailed("the earlier token is not over an earlier checkpoint");
  }
  const newer = standing(found, trust.at)?.latest ?? null;
  const stamps = await verifyEntry(
    earlier.token, earlier.note, trust.authorities, parts.times.validation, newer, trust.doubts,
  );
  leftOut.push(...stamps.leftOut);
  // A renewal is of a later time, and says nothing of the block.
  const first = stamps.found.map((each) => each.tokens[0]!).find((each) => equal(sha256(each.token.der), digest));
  if (first && until !== null && first.latest >= until) {
    leftOut.push("the earlier checkpoint is by a key that was revoked before its token");
    return null;
  }
  return first?.earliest ?? null;
}

/** Throw VerificationFailed where the block's time is outside of what is attested. */
function requireOrder(stated: Int, earliest: Int | null, found: Attestations): void {
  const [time, apart] = [BigInt(stated), BigInt(CLOCKS_APART)];
  if (earliest !== null && time < BigInt(earliest) - apart) {
    throw new VerificationFailed("the block states a time before a token that it names");
  }
  if (found.tokens.some((each) => time > BigInt(each.latest) + apart)) {
    throw new VerificationFailed("the block states a time after the token over its checkpoint");
  }
  if (found.record !== null && time > BigInt(found.record.since) + apart) {
    throw new VerificationFailed("the block states a time after the evidence record over it");
  }
}

function attestedFacts(each: Attested): Facts {
  return tokenFacts(each.token, each.until);
}

function tokenFacts(token: VerifiedToken, until: Int): Facts {
  return { authority: token.authority, latest: token.latest, until };
}
