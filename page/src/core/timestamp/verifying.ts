// Whether a timestamp token holds, by whose word, and for how long: ledger/chain/timestamp/verifying.py.

import { equal, hex, int, type Int } from "../bytes.ts";
import { dayOf } from "../dates.ts";
import { MalformedData, TooLarge, VerificationFailed } from "../errors.ts";
import { quoted } from "../quoted.ts";
import { DIGESTS, knownDigest } from "../signatures.ts";
import { parseCertificate, type Certificate } from "../x509.ts";
import type { Authority, Doubts } from "./authority.ts";
import { verifyPath } from "./path.ts";
import {
  isHarmless, MAX_ITEMS, MAX_VALIDATION, parseValidation, revocationsOf, type Revocation, type Validation,
} from "./revocation.ts";
import { verifySigner } from "./signature.ts";
import { earliestOf, floorSeconds, latestOf, type Token } from "./token.ts";

/** A token counts for nothing: no trusted authority stands for it, or its key was lost. */
export class NotTrusted extends VerificationFailed {}

/** A token's certificate was revoked, and nothing shows that the token is older than that. */
export class KeyLost extends NotTrusted {}

/** A token that holds; only `verifyToken` makes one. Times are POSIX seconds. */
export interface VerifiedToken {
  readonly token: Token;
  readonly authority: string;
  readonly earliest: Int;
  readonly latest: Int;
  readonly expires: number;
  readonly revoked: Revocation | null;
  readonly path: readonly Uint8Array[];
  readonly doubted: Int | null;
  /** The last second at which it stands without anything newer. */
  readonly until: Int;
}

/**
 * Return what a token proves about `imprint`, a SHA-256, SHA-384 or SHA-512.
 *
 * `validation` are certificates, CRLs and OCSP responses in DER, beside those in the token. `shown` is the POSIX
 * second by which something newer that stands shows the token to have existed: a key that was lost later does not
 * fell it then. Throws NotTrusted, VerificationFailed, MalformedData and TooLarge.
 */
export async function verifyToken(
  token: Token, imprint: Uint8Array, authorities: readonly Authority[], validation: readonly Uint8Array[] = [],
  options: { shown?: Int | null; doubts?: Doubts } = {},
): Promise<VerifiedToken> {
  const { shown = null, doubts = [] } = options;
  if (![...DIGESTS.values()].some((name) => name === token.imprintAlgorithm)) {
    throw new VerificationFailed(
      `a timestamp token's hash function ${quoted(token.imprintAlgorithm)} is not verified here`,
    );
  }
  if (!equal(token.imprint, imprint)) {
    throw new VerificationFailed("a timestamp token is for something else: its hash is another one");
  }
  if (token.critical.length > 0) {
    throw new VerificationFailed(
      `a timestamp token's extension ${quoted(token.critical[0]!)} is critical, and not known here`,
    );
  }
  const items = itemsOf(token, validation);
  const certificates = items.flatMap((each) => (each.kind === "certificate" ? [each.certificate] : []));
  const candidates = [...certificates.map((each) => each.der), ...authorities.map((each) => each.certificate)];
  const signer = parseCertificate(await verifySigner(token, candidates));
  const [authority, path] = await pathOf(token, signer, certificates, authorities);
  const latest = latestOf(token, authority.accuracy);
  const doubted = doubtedOf(token, latest, doubts);
  const revoked = await standingOf(path, items, latest, shown);
  const expires = Math.min(...path.map((each) => each.notAfter.seconds));
  const ends = [expires, doubted, revoked?.time ?? null].filter((each) => each !== null);
  return {
    token, authority: authority.name, earliest: earliestOf(token, authority.accuracy), latest, expires, revoked,
    path: path.map((each) => each.der), doubted, until: ends.reduce((a, b) => (b < a ? b : a)),
  };
}

/** Return from when on one of the hash functions in `used` is doubted, null for never. */
export function doubtedFrom(used: readonly string[], doubts: Doubts): Int | null {
  const times = doubts.filter(([name]) => used.includes(name)).map(([, time]) => time);
  return times.length ? times.reduce((a, b) => (b < a ? b : a)) : null;
}

/** Return certificates and lists: those handed in, and those of the token that can be read. */
function itemsOf(token: Token, validation: readonly Uint8Array[]): Validation[] {
  const size = validation.reduce((sum, each) => sum + each.length, 0);
  if (validation.length > MAX_ITEMS || size > MAX_VALIDATION) {
    throw new TooLarge(
      `the validation data for a timestamp token is over ${MAX_ITEMS} files or ${MAX_VALIDATION} bytes`,
    );
  }
  const items = new Map(validation.map((each) => [hex(each), parseValidation(each)]));
  for (const each of [...token.certificates, ...token.crls]) {
    try {
      items.set(hex(each), parseValidation(each));
    } catch (error) {
      // Outside of the signature: anybody can have put it there.
      if (!(error instanceof MalformedData)) throw error;
    }
  }
  return [...items.values()];
}

/** Return the first authority that stands for the token, and the path to it. */
async function pathOf(
  token: Token, signer: Certificate, others: readonly Certificate[], authorities: readonly Authority[],
): Promise<[Authority, Certificate[]]> {
  let failed = "no timestamp authority is trusted: add it to the trust file";
  for (const each of authorities) {
    if (each.policy !== null && each.policy !== token.policy) {
      failed =
        `a timestamp token was made under the policy ${quoted(token.policy)}, which is not the one that you ` +
        `trust of ${quoted(each.name)}`;
      continue;
    }
    const anchor = parseCertificate(each.certificate);
    try {
      return [each, await verifyPath(signer, others, anchor, int(floorSeconds(token.genTime)))];
    } catch (error) {
      if (!(error instanceof VerificationFailed)) throw error;
      failed = error.message;
    }
  }
  throw new NotTrusted(failed);
}

/** Return the first revocation that leaves the token standing. Throws KeyLost where one fells it. */
async function standingOf(
  path: readonly Certificate[], lists: readonly Validation[], latest: Int, shown: Int | null,
): Promise<Revocation | null> {
  const found: Revocation[] = [];
  for (let i = 0; i + 1 < path.length; i++) {
    found.push(...(await revocationsOf(path[i]!, path[i + 1]!, lists, Number(latest))));
  }
  found.sort((a, b) => a.time - b.time);
  for (const each of found) {
    const known = [...(shown === null ? [] : [shown]), ...(isHarmless(each) ? [latest] : [])];
    if (known.length === 0 || known.every((time) => time >= each.time)) {
      const why = each.reason === null ? "without a reason" : `for ${quoted(each.reason)}`;
      throw new KeyLost(
        `a timestamp token's certificate was revoked on ${dayOf(each.time)} ${why}, as a list of ` +
          `${dayOf(each.listed)} says, and nothing shows that the token is older than that`,
      );
    }
  }
  return found[0] ?? null;
}

/** Return from when on a hash function of the token is doubted; one from after throws NotTrusted. */
function doubtedOf(token: Token, latest: Int, doubts: Doubts): Int | null {
  const used = [token.imprintAlgorithm, knownDigest(token.signer.digest)];
  for (const [name, time] of doubts) {
    if (used.includes(name) && time < latest) {
      throw new NotTrusted(
        `a timestamp token is from after ${dayOf(Number(time))}, from when on you doubt its hash function ` +
          quoted(name),
      );
    }
  }
  return doubtedFrom(used, doubts);
}
