// Path validation (RFC 5280 section 6.1) by the rules of the core's library, `cryptography`.
//
// Those are the CA/Browser Forum's: certificates of version 3, serial numbers of 20 bytes, dates as RFC 5280
// writes them, RSA of 2,048 bits, P-256, P-384, P-521, and no critical extension that is not known. A path whose
// certificates constrain names is refused where the core might still accept it.

import { equal, hex } from "./bytes.ts";
import * as der from "./der.ts";
import { MalformedData, SealbookError, VerificationFailed } from "./errors.ts";
import { publicKey, verifySignature } from "./signatures.ts";
import {
  AUTHORITY_INFORMATION, AUTHORITY_KEY, BASIC_CONSTRAINTS, basicConstraints, EXTENDED_KEY_USAGE, extension,
  KEY_USAGE, NAME_CONSTRAINTS, requireDistinct, SUBJECT_ALT_NAME, SUBJECT_KEY, subjectKeyIdentifier,
  type Certificate,
} from "./x509.ts";

/** What the certificates of a path must be for: of authorities, and of the last one. */
export interface Profile {
  readonly maxDepth: number;
  readonly authority: (certificate: Certificate) => boolean;
  readonly signer: (certificate: Certificate) => boolean;
}

const MAX_SIGNATURES = 128;
const KNOWN = new Set([
  AUTHORITY_INFORMATION, AUTHORITY_KEY, SUBJECT_KEY, KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS,
  NAME_CONSTRAINTS, EXTENDED_KEY_USAGE,
]);
/** AlgorithmIdentifiers of the keys of authorities. */
const KEYS = new Set([
  "300d06092a864886f70d0101010500",
  "301306072a8648ce3d020106082a8648ce3d030107",
  "301006072a8648ce3d020106052b81040022",
  "301006072a8648ce3d020106052b81040023",
]);
/** AlgorithmIdentifiers of signatures: RSA, RSASSA-PSS, ECDSA, each with SHA-256, SHA-384, SHA-512. */
const SIGNATURES = new Set([
  ...["0b", "0c", "0d"].map((last) => `300d06092a864886f70d0101${last}0500`),
  ...[["01", "20"], ["02", "30"], ["03", "40"]].map(([hash, salt]) => {
    const digest = `300d06096086480165030402${hash}0500`;
    return `304106092a864886f70d01010a3034a00f${digest}a11c301a06092a864886f70d010108${digest}a2030201${salt}`;
  }),
  ...["02", "03", "04"].map((last) => `300a06082a8648ce3d0403${last}`),
]);

/**
 * Return the certificates from the signer's to the anchor, valid at `time` (POSIX seconds). Throws
 * VerificationFailed where there is no such path.
 */
export async function buildPath(
  signer: Certificate, pool: readonly Certificate[], anchor: Certificate, time: number, profile: Profile,
): Promise<Certificate[]> {
  if (!permits(signer, time) || !holds(profile.signer, signer)) throw noPath();
  return extend(signer, [anchor, ...pool], anchor, time, profile, 0, { signatures: MAX_SIGNATURES });
}

async function extend(
  certificate: Certificate, issuers: readonly Certificate[], anchor: Certificate, time: number, profile: Profile,
  depth: number, budget: { signatures: number },
): Promise<Certificate[]> {
  if (extension(certificate, NAME_CONSTRAINTS)) throw noPath();
  if (equal(certificate.der, anchor.der)) return [certificate];
  if (depth > profile.maxDepth) throw noPath();
  const wanted = authorityKey(certificate);
  const rank = (each: Certificate) => {
    const own = ownKey(each);
    return wanted === null || own === null ? 1 : equal(wanted, own) ? 0 : 2;
  };
  const candidates = issuers
    .filter((each) => equal(each.subject.raw, certificate.issuer.raw))
    .sort((a, b) => rank(a) - rank(b));
  for (const each of candidates) {
    if (!permitsAuthority(each, time, depth) || !holds(profile.authority, each)) continue;
    if (!(await hasIssued(each, certificate, budget))) continue;
    try {
      return [certificate, ...(await extend(each, issuers, anchor, time, profile, depth + 1, budget))];
    } catch (error) {
      if (!(error instanceof VerificationFailed)) throw error;
    }
  }
  throw noPath();
}

function permits(certificate: Certificate, time: number): boolean {
  const { serial, issuer, notBefore, notAfter, extensions, algorithm, innerAlgorithm } = certificate;
  const written = [notBefore, notAfter].every(
    (each) => !each.generalized || each.seconds < -631152000 || each.seconds >= 2524608000,
  );
  return (
    certificate.version === 2 && equal(algorithm.raw, innerAlgorithm.raw) && serial.content.length <= 21 &&
    serial.content[0]! < 0x80 && issuer.content.length > 0 && written && notBefore.seconds <= time &&
    time <= notAfter.seconds && extensions.every((each) => !each.critical || KNOWN.has(each.oid)) &&
    !isRefused(() => requireDistinct(extensions))
  );
}

function permitsAuthority(certificate: Certificate, time: number, depth: number): boolean {
  return permits(certificate, time) && holds((each) => {
    const length = basicConstraints(each)?.pathLength ?? null;
    return length === null || BigInt(depth) <= length;
  }, certificate);
}

async function hasIssued(issuer: Certificate, child: Certificate, budget: { signatures: number }): Promise<boolean> {
  const keyAlgorithm = der.children(issuer.keyInfo)[0]!;
  if (!KEYS.has(hex(keyAlgorithm.raw)) || !SIGNATURES.has(hex(child.algorithm.raw))) return false;
  if (budget.signatures-- <= 0) throw new MalformedData("too many signatures in the search for a path");
  try {
    const key = publicKey(issuer);
    // The library counts the bytes of the modulus as they are written, with the one before the sign.
    if (key.kind === "rsa" && key.bits <= 2040) return false;
    await verifySignature(key, child.algorithm, child.signature, child.signed);
    return true;
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
    return false;
  }
}

function holds(check: (certificate: Certificate) => boolean, certificate: Certificate): boolean {
  try {
    return check(certificate);
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    return false;
  }
}

function isRefused(check: () => void): boolean {
  try {
    check();
    return false;
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    return true;
  }
}

function authorityKey(certificate: Certificate): Uint8Array | null {
  const found = extension(certificate, AUTHORITY_KEY);
  try {
    const fields = found ? der.children(der.read(found.value), der.SEQUENCE) : [];
    return fields.find((each) => each.tag === der.context(0, false))?.content ?? null;
  } catch {
    return null;
  }
}

function ownKey(certificate: Certificate): Uint8Array | null {
  try {
    return subjectKeyIdentifier(certificate);
  } catch {
    return null;
  }
}

function noPath(): VerificationFailed {
  return new VerificationFailed("no path leads from a certificate to the authority that is trusted");
}
