// What revocation lists and OCSP responses say about a certificate: ledger/chain/timestamp/revocation.py.

import { equal, hex } from "../bytes.ts";
import * as der from "../der.ts";
import { MalformedData, SealbookError, TooLarge, VerificationFailed } from "../errors.ts";
import { digest, type HashName } from "../hash.ts";
import { loadKey, verifySignature } from "../signatures.ts";
import {
  basicConstraints, CRL_SIGN, DISTRIBUTION_POINTS, extendedKeyUsage, extension, keyUsage, nameKey, readCertificate,
  requireReadable, type Certificate, type Extension,
} from "../x509.ts";
import {
  parseResponse, parseRevocationList, revokedIn, revokedBy, verifyListSignature, type BasicResponse, type Response,
  type Revoked, type RevocationList,
} from "./lists.ts";

export const MAX_VALIDATION = 16 << 20, MAX_ITEMS = 64;

export interface ReadCertificate {
  readonly kind: "certificate";
  readonly certificate: Certificate;
}
export type Validation = ReadCertificate | RevocationList | Response;

const HARMLESS = ["unspecified", "affiliationChanged", "superseded", "cessationOfOperation"];
const HOLD = "certificateHold";
const ISSUING_POINT = "2.5.29.28", DELTA = "2.5.29.27", OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2", OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
const HASHES = new Map<string, HashName>([
  ["1.3.14.3.2.26", "sha1"], ["2.16.840.1.101.3.4.2.1", "sha256"], ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);

/** That a certificate of a token's path was revoked; `listed` is the time of the list. */
export interface Revocation extends Revoked {
  readonly listed: number;
}

/** Return whether tokens from before a revocation stand by themselves. */
export function isHarmless(revocation: Revocation): boolean {
  return revocation.reason !== null && HARMLESS.includes(revocation.reason);
}

/** What one list says: at a time, a revocation or none, and whether it would have named one. */
interface Word {
  readonly time: number;
  readonly revocation: Revocation | null;
  readonly covers: boolean;
}

/** Return a certificate, a CRL or an OCSP response (DER). Throws MalformedData and TooLarge. */
export function parseValidation(data: Uint8Array): Validation {
  if (data.length > MAX_VALIDATION) throw new TooLarge(`a file of validation data is over ${MAX_VALIDATION} bytes`);
  const readers: (() => Validation)[] = [
    () => ({ kind: "certificate", certificate: readCertificate(data) }),
    () => parseRevocationList(data),
    () => parseResponse(data),
  ];
  for (const each of readers) {
    try {
      return each();
    } catch (error) {
      if (!(error instanceof MalformedData)) throw error;
    }
  }
  throw new MalformedData(
    "validation data is neither a certificate nor a revocation list nor an OCSP response, in DER",
  );
}

/** Return the revocations that `lists` name of a certificate of a path with a token at `time`. */
export async function revocationsOf(
  certificate: Certificate, issuer: Certificate, lists: readonly Validation[], time: number,
): Promise<Revocation[]> {
  const words = (await Promise.all(lists.map((each) => wordOf(each, certificate, issuer)))).filter(
    (each) => each !== null,
  );
  // A list may leave out what has expired.
  const checks = words.filter(
    (each) => !each.revocation && each.covers && time < each.time && each.time <= certificate.notAfter.seconds,
  );
  const checked = Math.max(...checks.map((each) => each.time), -Infinity);
  // A hold is lifted by a later list that no longer names it.
  return words.flatMap((each) => {
    const lifted = each.revocation?.reason === HOLD && checked > each.time;
    return each.revocation && !lifted ? [each.revocation] : [];
  });
}

async function wordOf(item: Validation, certificate: Certificate, issuer: Certificate): Promise<Word | null> {
  try {
    requireReadable(certificate.extensions);
    requireReadable(issuer.extensions);
    if (item.kind === "response") return item.basic && (await answered(item.basic, certificate, issuer));
    if (item.kind === "list" && nameKey(item.issuer) === nameKey(issuer.subject) && maySignLists(issuer)) {
      return await listed(item, certificate, issuer);
    }
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
  }
  return null; // of somebody else, or not to be read: it says nothing
}

async function listed(list: RevocationList, certificate: Certificate, issuer: Certificate): Promise<Word | null> {
  requireReadable(list.extensions);
  const covers = coversOf(list, certificate);
  const key = loadKey(issuer);
  if (covers === null) return null;
  await verifyListSignature(key, list.algorithm, list.signature, list.signed.raw);
  const revoked = revokedIn(list, der.parseInteger(certificate.serial));
  return { time: list.thisUpdate, revocation: revoked && { ...revoked, listed: list.thisUpdate }, covers };
}

/** Return whether a list would name this certificate; null for one that is not read. */
function coversOf(list: RevocationList, certificate: Certificate): boolean | null {
  const point = list.extensions.find((each) => each.oid === ISSUING_POINT);
  // A list of changes, or something unknown.
  if (list.extensions.some((each) => each !== point && (each.critical || each.oid === DELTA))) return null;
  return point === undefined || inScope(point, certificate);
}

function inScope(point: Extension, certificate: Certificate): boolean | null {
  const fields = new Map(der.children(der.read(point.value), der.SEQUENCE).map((each) => [each.tag, each]));
  const isSet = (number: number) => fields.get(der.context(number, false))?.content[0] === 0xff;
  const kinds = [1, 2, 4, 5].filter(isSet);
  if (kinds.length > 1) throw new MalformedData("a revocation list is of two kinds");
  if (isSet(4) || isSet(5)) return null;
  const isAuthority = basicConstraints(certificate)?.ca === true;
  if (fields.has(der.context(3, false)) || (isSet(1) && isAuthority) || (isSet(2) && !isAuthority)) return false;
  const name = fields.get(der.context(0));
  if (name === undefined) return true;
  const points = extension(certificate, DISTRIBUTION_POINTS);
  const own = points ? der.children(der.read(points.value), der.SEQUENCE).flatMap((each) => {
    const first = der.children(each, der.SEQUENCE)[0];
    return first?.tag === der.context(0) ? fullNames(first) : [];
  }) : [];
  return fullNames(name).some((each) => own.includes(each));
}

/** Return the general names of a DistributionPointName, as they are encoded. */
function fullNames(name: der.Element): string[] {
  const inner = der.children(name)[0];
  return inner?.tag === der.context(0) ? der.children(inner).map((each) => hex(each.raw)) : [];
}

async function answered(
  response: BasicResponse, certificate: Certificate, issuer: Certificate,
): Promise<Word | null> {
  const [single, ...more] = response.singles;
  if (!single || more.length > 0) return null;
  const hash = HASHES.get(single.hash);
  if (hash === undefined) return null;
  const [name, key] = issuerHashes(issuer, hash);
  if (!equal(single.nameHash, name) || !equal(single.keyHash, key)) return null;
  if (single.serial !== der.parseInteger(certificate.serial)) return null;
  for (const each of [response.extensions, single.extensions]) requireReadable(each);
  const all = [...response.extensions, ...single.extensions];
  if (all.some((each) => each.critical && each.oid !== OCSP_NONCE)) return null;
  await verifyResponder(response, issuer);
  if (single.status === "unknown") return null;
  const revoked = revokedBy(single);
  const revocation = revoked && { ...revoked, listed: single.thisUpdate };
  return { time: single.thisUpdate, revocation, covers: true };
}

/** Throw VerificationFailed unless the issuer, or a responder that it certified, has signed. */
async function verifyResponder(response: BasicResponse, issuer: Certificate): Promise<void> {
  const signer = isResponder(response, issuer) ? issuer : await responderOf(response, issuer);
  await verifySignature(loadKey(signer), response.algorithm, response.signature, response.signed.raw);
}

async function responderOf(response: BasicResponse, issuer: Certificate): Promise<Certificate> {
  for (const each of response.certificates.slice(0, 4)) {
    try {
      requireReadable(each.extensions);
      const purposes = extendedKeyUsage(each);
      if (!equal(each.algorithm.raw, each.innerAlgorithm.raw) || !equal(each.issuer.raw, issuer.subject.raw)) continue;
      await verifyListSignature(loadKey(issuer), each.algorithm, each.signature, each.signed);
      const inTime = each.notBefore.seconds <= response.producedAt && response.producedAt <= each.notAfter.seconds;
      if (purposes?.includes(OCSP_SIGNING) && inTime && isResponder(response, each)) return each;
    } catch (error) {
      if (!(error instanceof SealbookError)) throw error;
    }
  }
  throw new VerificationFailed("an OCSP response is signed by nobody that its issuer has certified");
}

function isResponder(response: BasicResponse, certificate: Certificate): boolean {
  const { responderName, responderKey } = response;
  if (responderName) return nameKey(responderName) === nameKey(certificate.subject);
  return equal(responderKey!, issuerHashes(certificate, "sha1")[1]);
}

/** Return the hashes of name and key by which OCSP names an issuer. */
function issuerHashes(issuer: Certificate, name: HashName): [Uint8Array, Uint8Array] {
  const key = der.children(issuer.keyInfo)[1]!.content.slice(1);
  return [digest(name, issuer.subject.raw), digest(name, key)];
}

function maySignLists(issuer: Certificate): boolean {
  return keyUsage(issuer)?.(CRL_SIGN) ?? true;
}
