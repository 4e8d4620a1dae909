// The path from a token's certificate to the authority that a verifier trusts: ledger/chain/timestamp/path.py.

import type { Int } from "../bytes.ts";
import { MAX_DATE } from "../dates.ts";
import { SealbookError, TooLarge, VerificationFailed } from "../errors.ts";
import { buildPath, type Profile } from "../path.ts";
import {
  basicConstraints, CONTENT_COMMITMENT, DIGITAL_SIGNATURE, EXTENDED_KEY_USAGE, extendedKeyUsage, extension, keyUsage,
  KEY_CERT_SIGN, nameKey, type Certificate,
} from "../x509.ts";

const MAX_POOL = 16;
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8", ANY_USAGE = "2.5.29.37.0";

/**
 * Return the certificates from the signer's to the anchor's, valid at `time` (POSIX seconds). `others` are those
 * that may lie between. Throws VerificationFailed and TooLarge.
 */
export async function verifyPath(
  signer: Certificate, others: readonly Certificate[], anchor: Certificate, time: Int,
): Promise<Certificate[]> {
  const pool = onTheWay(signer, others);
  try {
    if (time <= MAX_DATE) return await buildPath(signer, pool, anchor, Number(time), STAMPER);
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
  }
  throw new VerificationFailed(
    "a timestamp token's certificate is not one that an authority you trust has issued for timestamps, or it was " +
      "not valid at the token's time",
  );
}

/**
 * Return those of `others` that could have issued the signer's certificate, or one of theirs; not those in which
 * an authority names itself as issuer.
 */
function onTheWay(signer: Certificate, others: readonly Certificate[]): Certificate[] {
  const named = others.map((each) => [each, nameKey(each.subject), nameKey(each.issuer)] as const);
  const found: Certificate[] = [];
  let names = new Set([nameKey(signer.issuer)]);
  let left = named.filter(([, subject, issuer]) => subject !== issuer);
  for (;;) {
    const step = left.filter(([, subject]) => names.has(subject));
    if (step.length === 0) break;
    left = left.filter(([, subject]) => !names.has(subject));
    names = new Set(step.map(([, , issuer]) => issuer));
    found.push(...step.map(([each]) => each));
  }
  if (found.length > MAX_POOL) {
    throw new TooLarge(`over ${MAX_POOL} certificates could lie between a token and its authority`);
  }
  return found;
}

const STAMPER: Profile = {
  maxDepth: 3,
  authority: (each) => {
    const purposes = extendedKeyUsage(each);
    return (
      basicConstraints(each)?.ca === true && keyUsage(each)?.(KEY_CERT_SIGN) === true &&
      (purposes === null || purposes.includes(TIME_STAMPING) || purposes.includes(ANY_USAGE))
    );
  },
  signer: (each) => {
    const usage = keyUsage(each), purposes = extendedKeyUsage(each);
    return (
      basicConstraints(each)?.ca !== true &&
      (usage === null || ((usage(DIGITAL_SIGNATURE) || usage(CONTENT_COMMITMENT)) && !usage(KEY_CERT_SIGN))) &&
      extension(each, EXTENDED_KEY_USAGE)?.critical === true && purposes?.length === 1 &&
      purposes[0] === TIME_STAMPING
    );
  },
};
