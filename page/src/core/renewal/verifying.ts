// Whether an evidence record covers a document, since when, and until when it holds (RFC 4998 sections 4.3 and 5.3;
// ledger/chain/renewal/verifying.py).

import { concat, equal, type Int } from "../bytes.ts";
import * as der from "../der.ts";
import { VerificationFailed } from "../errors.ts";
import { digest, type HashName } from "../hash.ts";
import { quoted } from "../quoted.ts";
import type { Authority, Doubts } from "../timestamp/authority.ts";
import { algorithmOid } from "../signatures.ts";
import { earliestOf, latestOf, type Token } from "../timestamp/token.ts";
import { NotTrusted, verifyToken, type VerifiedToken } from "../timestamp/verifying.ts";
import { formatChains, HASHES, type Chain, type EvidenceRecord } from "./record.ts";
import { rootOf } from "./tree.ts";

/** The hash of one document under the function of that name. */
export type Digests = (algorithm: HashName) => Uint8Array;

/**
 * A record that holds; only `verifyRecord` makes one. Times are POSIX seconds.
 *
 * `tokens` are those that count, oldest first: the document existed by `since`. After `until` something newer must
 * show that the record did. `leftOut` says why other tokens do not count.
 */
export interface VerifiedRecord {
  readonly tokens: readonly VerifiedToken[];
  readonly since: Int;
  readonly until: Int;
  readonly leftOut: readonly string[];
}

/** Return the names of the hash functions that a document's digests are asked of. */
export function hashesUsed(record: EvidenceRecord): HashName[] {
  return [...new Set(record.chains.map((chain) => chain[0]!.algorithm))].filter(isKnown);
}

/**
 * Return the tokens of a record that covers this document, oldest first. Throws VerificationFailed.
 *
 * Every chain is followed: its first timestamp covers the document and all chains before it, each other one the
 * token before it. Nothing is said of signatures.
 */
export function covered(record: EvidenceRecord, document: Digests): Token[] {
  const named = new Set(record.algorithms.map((each) => algorithmOid(der.read(each))));
  const tokens: Token[] = [];
  for (const [number, chain] of record.chains.entries()) {
    const { algorithm } = chain[0]!;
    if (!isKnown(algorithm)) {
      throw new VerificationFailed(
        `an evidence record uses a hash function that is not verified here: ${algorithm}`,
      );
    }
    for (const [position, each] of chain.entries()) {
      if (each.algorithm !== algorithm) {
        throw new VerificationFailed("a chain of an evidence record mixes hash functions");
      }
      const identifier = algorithmOid(der.read(each.identifier));
      if (!named.has(identifier) || identifier !== algorithmOid(der.read(each.token.imprintIdentifier))) {
        throw new VerificationFailed("an evidence record names other hash functions than its timestamps use");
      }
      const leaf = position
        ? digest(algorithm, chain[position - 1]!.token.der)
        : renewedLeaf(algorithm, document(algorithm), record.chains.slice(0, number));
      if (!equal(rootOf(algorithm, each.lists, leaf), each.token.imprint)) {
        throw new VerificationFailed(
          each.lists.length
            ? "a timestamp of an evidence record is over another hash tree than stands there"
            : "a timestamp token is for something else: its hash is another one",
        );
      }
      if (tokens.length && latestOf(each.token) < earliestOf(tokens.at(-1)!)) {
        throw new VerificationFailed("the timestamps of an evidence record are not in the order of time");
      }
      tokens.push(each.token);
    }
  }
  return tokens;
}

/** Return what a chain's first timestamp covers: a document and the chains before it (section 5.2). */
function renewedLeaf(algorithm: HashName, document: Uint8Array, older: readonly Chain[]): Uint8Array {
  if (!older.length) return document;
  return digest(algorithm, concat(document, digest(algorithm, formatChains(older))));
}

/**
 * Return since when a record shows that a document existed, and until when it does.
 *
 * A token counts by the word of an authority that is trusted, where the next one that counts shows it to have
 * existed while it stood. Each covers all that is older: one that is left out makes the record show less and never
 * something else. Throws NotTrusted where no token counts, and VerificationFailed, MalformedData, TooLarge.
 */
export async function verifyRecord(
  record: EvidenceRecord, document: Digests, authorities: readonly Authority[],
  validation: readonly Uint8Array[], doubts: Doubts, shown: Int | null = null,
): Promise<VerifiedRecord> {
  const found: VerifiedToken[] = [];
  const leftOut: NotTrusted[] = [];
  for (const token of covered(record, document).reverse()) {
    const newer = found.at(-1);
    try {
      const each = await verifyToken(
        token, token.imprint, authorities, validation, { shown: newer ? newer.latest : shown, doubts },
      );
      if (newer && newer.latest > each.until) {
        throw new NotTrusted(
          `the timestamp of ${quoted(each.authority)} in an evidence record was renewed when it no longer held`,
        );
      }
      found.push(each);
    } catch (error) {
      if (!(error instanceof NotTrusted)) throw error;
      leftOut.push(error);
    }
  }
  if (!found.length) throw leftOut[0]!;
  return {
    tokens: found.toReversed(),
    since: found.at(-1)!.latest,
    until: found[0]!.until,
    leftOut: leftOut.reverse().map((each) => each.message),
  };
}

const KNOWN: ReadonlySet<string> = new Set(HASHES.values());

function isKnown(name: string): name is HashName {
  return KNOWN.has(name);
}
