// By when an entry was made, in the words of others than the notary, and until when that is shown
// (ledger/chain/attesting.py).

import { utf8, type Int } from "./bytes.ts";
import { SealbookError } from "./errors.ts";
import { digest } from "./hash.ts";
import { firstLines } from "./note.ts";
import type { Times, TokenEntry } from "./receipt.ts";
import { parseStamp, tokenRecord } from "./renewal/record.ts";
import type { Renewed } from "./renewal/renewed.ts";
import { verifyRecord, type VerifiedRecord } from "./renewal/verifying.ts";
import type { Authority, Doubts } from "./timestamp/authority.ts";
import { doubtedFrom, NotTrusted, type VerifiedToken } from "./timestamp/verifying.ts";

/**
 * That what is asked about existed by `latest`, which is shown until `until`. POSIX seconds.
 *
 * `token` is what says so by itself, the oldest that counts with its renewals, and the oldest of the record where
 * `renewed` is all there is.
 */
export interface Attested {
  readonly token: VerifiedToken;
  readonly latest: Int;
  readonly until: Int;
  readonly renewed: boolean;
}

/**
 * What tokens and record say of one note; only `attest` makes one.
 *
 * `tokens` are those of the receipt that count. `record` is the evidence record that holds; of one that does not,
 * `refused` says why. `leftOut` says the same of tokens that count for nothing.
 */
export interface Attestations {
  readonly tokens: readonly Attested[];
  readonly record: VerifiedRecord | null;
  readonly refused: readonly string[];
  readonly leftOut: readonly string[];
}

/** What a token with its renewals proves, and why some of them do not count. */
export interface Stamps {
  readonly found: readonly VerifiedRecord[];
  readonly leftOut: readonly string[];
}

/** Return each token, and the record by itself. */
export function allOf({ tokens, record }: Attestations): Attested[] {
  return record === null ? [...tokens] : [...tokens, attested(record.tokens[0]!, record.until, true)];
}

/** Return what shows the earliest time at `at`, null where nothing shows any then. */
export function standing(attestations: Attestations, at: Int | null): Attested | null {
  const shown = allOf(attestations).filter((each) => at === null || at <= each.until);
  const earlier = (a: Attested, b: Attested) => a.latest < b.latest || (a.latest === b.latest && a.until >= b.until);
  return shown.length ? shown.reduce((best, each) => (earlier(best, each) ? best : each)) : null;
}

/**
 * Return what tokens over `note`, and a record over the file that holds them, attest to.
 *
 * A record counts for a token where it stands at `at`, or at any time where that is null. Throws MalformedData,
 * VerificationFailed and TooLarge for a token that is over something else or does not hold; never for the record.
 */
export async function attest(
  times: Times, note: string, authorities: readonly Authority[], renewed: Renewed | null, at: Int | null,
  doubts: Doubts,
): Promise<Attestations> {
  const [record, refused] = await verified(renewed, authorities, times.validation, doubts);
  const shown = record !== null && (at === null || at <= record.until) ? record.since : null;
  const tokens: Attested[] = [];
  const leftOut: string[] = [];
  for (const entry of times.tokens) {
    const stamps = await verifyEntry(entry, note, authorities, times.validation, shown, doubts);
    leftOut.push(...stamps.leftOut);
    tokens.push(...stamps.found.map((stamp) => carried(stamp, record, doubts)));
  }
  return { tokens, record, refused, leftOut };
}

/**
 * Return what a token with its renewals proves of a note.
 *
 * Where the token was renewed too late it stands by itself, and the renewal beside it.
 */
export function verifyEntry(
  entry: TokenEntry, note: string, authorities: readonly Authority[], validation: readonly Uint8Array[],
  shown: Int | null, doubts: Doubts,
): Promise<Stamps> {
  return verifyStamp(entry.der, utf8(firstLines(note, entry.lines)), authorities, validation, shown, doubts);
}

/** Return what the depositor's own tokens attest to of a statement, and why some do not count. Throws as `attest`. */
export async function attestStatement(
  times: Times, statement: Uint8Array, authorities: readonly Authority[], record: VerifiedRecord | null,
  at: Int | null, doubts: Doubts,
): Promise<[found: Attested[], leftOut: string[]]> {
  const shown = record !== null && (at === null || at <= record.until) ? record.since : null;
  const found: Attested[] = [];
  const leftOut: string[] = [];
  for (const der of times.own) {
    const stamps = await verifyStamp(der, statement, authorities, times.validation, shown, doubts);
    leftOut.push(...stamps.leftOut);
    found.push(...stamps.found.map((stamp) => carried(stamp, record, doubts)));
  }
  return [found, leftOut];
}

function attested(token: VerifiedToken, until: Int, renewed: boolean): Attested {
  return { token, latest: token.latest, until, renewed };
}

function carried(stamp: VerifiedRecord, record: VerifiedRecord | null, doubts: Doubts): Attested {
  let until = proofsEnd(doubts, stamp.until);
  if (record !== null && record.since <= until && record.until > until) until = record.until;
  return attested(stamp.tokens[0]!, until, false);
}

async function verifyStamp(
  der: Uint8Array, stamped: Uint8Array, authorities: readonly Authority[], validation: readonly Uint8Array[],
  shown: Int | null, doubts: Doubts,
): Promise<Stamps> {
  const record = parseStamp(der);
  const document = (name: Parameters<typeof digest>[0]) => digest(name, stamped);
  const first = record.chains[0]![0]!.token;
  const found: VerifiedRecord[] = [];
  try {
    found.push(await verifyRecord(record, document, authorities, validation, doubts, shown));
    if (found[0]!.tokens[0]!.token !== first) {
      found.push(await verifyRecord(tokenRecord(first), document, authorities, validation, doubts));
    }
  } catch (error) {
    if (!(error instanceof NotTrusted)) throw error;
    return { found, leftOut: [...(found[0]?.leftOut ?? []), error.message] };
  }
  return { found, leftOut: found[0]!.leftOut };
}

/** Return `end`, or from when on SHA-256 is doubted: it leads from notes to entries. */
function proofsEnd(doubts: Doubts, end: Int): Int {
  const doubted = doubtedFrom(["sha256"], doubts);
  return doubted === null || end < doubted ? end : doubted;
}

/** Return the record where it holds, else why not. */
async function verified(
  renewed: Renewed | null, authorities: readonly Authority[], validation: readonly Uint8Array[], doubts: Doubts,
): Promise<[VerifiedRecord | null, string[]]> {
  if (renewed === null) return [null, []];
  try {
    if (renewed.record instanceof SealbookError) throw renewed.record;
    const found = await verifyRecord(renewed.record, renewed.digests, authorities, validation, doubts);
    if (found.since > proofsEnd(doubts, found.since)) {
      throw new NotTrusted(
        "the evidence record is from after you doubt SHA-256, on which the receipt's proofs rest",
      );
    }
    return [found, []];
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
    return [null, [error.message]];
  }
}
