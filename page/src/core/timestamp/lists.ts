// Revocation lists (RFC 5280 section 5) and OCSP responses (RFC 6960), read as the core's library reads them.

import { equal } from "../bytes.ts";
import * as der from "../der.ts";
import type { Element } from "../der.ts";
import { MalformedData, VerificationFailed } from "../errors.ts";
import {
  algorithmOid, holdsEcdsa, holdsRsa, verifySignature, type PublicKey,
} from "../signatures.ts";
import {
  parseCertificate, parseExtensions, parseTime, requireAlgorithm, requireBits, requireName, requireReadable,
  type Certificate,
  type Extension,
} from "../x509.ts";

/** That a serial number was revoked: when (POSIX seconds), and why, null where nothing is stated. */
export interface Revoked {
  readonly time: number;
  readonly reason: string | null;
}

export interface RevocationList {
  readonly kind: "list";
  readonly issuer: Element;
  readonly thisUpdate: number;
  readonly revoked: readonly Element[];
  readonly extensions: readonly Extension[];
  readonly signed: Element;
  readonly algorithm: Element;
  readonly signature: Uint8Array;
}

/** An OCSP response. `basic` is null where it was not successful. */
export interface Response {
  readonly kind: "response";
  readonly basic: BasicResponse | null;
}

export interface BasicResponse {
  readonly responderName: Element | null;
  readonly responderKey: Uint8Array | null;
  readonly producedAt: number;
  readonly singles: readonly Single[];
  readonly extensions: readonly Extension[];
  readonly certificates: readonly Certificate[];
  readonly signed: Element;
  readonly algorithm: Element;
  readonly signature: Uint8Array;
}

/** An answer of an OCSP response, its reason as it was written. */
export interface Single {
  readonly hash: string;
  readonly nameHash: Uint8Array;
  readonly keyHash: Uint8Array;
  readonly serial: bigint;
  readonly status: "good" | "revoked" | "unknown";
  readonly revoked: { readonly time: number; readonly reason: Element | null } | null;
  readonly thisUpdate: number;
  readonly extensions: readonly Extension[];
}

const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
const CRL_REASON = "2.5.29.21", INVALIDITY_DATE = "2.5.29.24";
const REASONS = [
  "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
  "certificateHold", null, "removeFromCRL", "privilegeWithdrawn", "aACompromise",
];
const SHA1_RSA = "1.2.840.113549.1.1.5", SHA1_ECDSA = "1.2.840.10045.4.1";

/** Return the revocation list in `data`. Throws MalformedData. */
export function parseRevocationList(data: Uint8Array): RevocationList {
  const [signed, algorithm, signature, ...more] = der.children(der.read(data), der.SEQUENCE);
  if (!signed || !algorithm || !signature || more.length) throw wrong();
  requireAlgorithm(algorithm);
  const fields = der.children(signed, der.SEQUENCE);
  if (fields[0]?.tag === der.INTEGER && der.parseInteger(fields.shift()!) !== 1n) throw wrong();
  const [innerAlgorithm, issuer, thisUpdate, ...rest] = fields;
  if (!innerAlgorithm || !issuer || !thisUpdate) throw wrong();
  requireAlgorithm(innerAlgorithm);
  if (!equal(innerAlgorithm.raw, algorithm.raw)) throw wrong();
  requireName(issuer);
  if (isTime(rest[0])) parseTime(rest.shift()!);
  const revoked = rest[0]?.tag === der.SEQUENCE ? der.children(rest.shift()!) : [];
  for (const each of revoked) {
    const parts = der.children(each, der.SEQUENCE);
    if (parts.length < 2 || parts.length > 3) throw wrong();
    der.parseInteger(parts[0]!);
    parseTime(parts[1]!);
    if (parts[2]) parseExtensions(parts[2]);
  }
  const extensions = rest[0]?.tag === der.context(0) ? explicitExtensions(rest.shift()!) : [];
  if (rest.length) throw wrong();
  requireBits(signature);
  return {
    kind: "list", issuer, thisUpdate: parseTime(thisUpdate).seconds, revoked, extensions, signed,
    algorithm, signature: signature.content.slice(1),
  };
}

/** Return what a list says of a serial number, null for nothing. Throws MalformedData. */
export function revokedIn(list: RevocationList, serial: bigint): Revoked | null {
  const entry = list.revoked.map((each) => der.children(each)).find((each) => der.parseInteger(each[0]!) === serial);
  if (entry === undefined) return null;
  const extensions = entry[2] ? parseExtensions(entry[2]) : [];
  requireReadable(extensions);
  const stated = extensions.find((each) => each.oid === CRL_REASON);
  const reason = stated ? parseReason(der.read(stated.value)) : null;
  return { time: Math.min(parseTime(entry[1]!).seconds, invalidity(extensions)), reason };
}

/** Return the OCSP response in `data`. Throws MalformedData. */
export function parseResponse(data: Uint8Array): Response {
  const [status, bytes, ...more] = der.children(der.read(data), der.SEQUENCE);
  if (!status || more.length) throw wrong();
  const code = der.parseInteger(status, der.ENUMERATED);
  if (![0n, 1n, 2n, 3n, 5n, 6n].includes(code) || (code === 0n && !bytes)) throw wrong();
  if (!bytes) return { kind: "response", basic: null };
  const inner = der.children(bytes, der.context(0));
  const [kind, content, ...behind] = inner.length === 1 ? der.children(inner[0]!, der.SEQUENCE) : [];
  if (!kind || !content || behind.length || der.parseOid(kind) !== BASIC_RESPONSE || content.tag !== der.OCTET_STRING) {
    throw wrong();
  }
  const basic = parseBasic(content.content);
  return { kind: "response", basic: code === 0n ? basic : null };
}

/** Throw VerificationFailed unless a list or a certificate of a responder is signed by `key`. */
export async function verifyListSignature(
  key: PublicKey, algorithm: Element, signature: Uint8Array, message: Uint8Array,
): Promise<void> {
  const oid = algorithmOid(algorithm);
  if (key.kind === "rsa" && oid === SHA1_RSA) {
    if (await holdsRsa(key, "RSASSA-PKCS1-v1_5", "sha1", signature, message)) return;
  } else if (key.kind === "ec" && oid === SHA1_ECDSA) {
    if (await holdsEcdsa(key, "sha1", signature, message)) return;
  } else {
    return verifySignature(key, algorithm, signature, message);
  }
  throw new VerificationFailed("the signature of a revocation list does not hold");
}

function parseSingle(element: Element): Single {
  const [id, status, thisUpdate, ...rest] = der.children(element, der.SEQUENCE);
  const [algorithm, nameHash, keyHash, serial] = id ? der.children(id, der.SEQUENCE) : [];
  if (!status || !thisUpdate || !algorithm || !nameHash || !keyHash || !serial) throw wrong();
  requireAlgorithm(algorithm);
  if ([nameHash, keyHash].some((each) => each.tag !== der.OCTET_STRING)) throw wrong();
  if (rest[0]?.tag === der.context(0)) parseTime(der.children(rest.shift()!)[0]!);
  const extensions = rest[0]?.tag === der.context(1) ? explicitExtensions(rest.shift()!) : [];
  if (rest.length) throw wrong();
  const kinds = new Map<number, Single["status"]>([
    [der.context(0, false), "good"], [der.context(1), "revoked"], [der.context(2, false), "unknown"],
  ]);
  const kind = kinds.get(status.tag);
  if (kind === undefined) throw wrong();
  let revoked: Single["revoked"] = null;
  if (kind === "revoked") {
    const [time, reason] = der.children(status);
    if (time?.tag !== der.GENERALIZED_TIME) throw wrong();
    revoked = { time: parseTime(time).seconds, reason: reason ? der.children(reason, der.context(0))[0]! : null };
  }
  return {
    hash: algorithmOid(algorithm), nameHash: nameHash.content, keyHash: keyHash.content,
    serial: der.parseInteger(serial), status: kind, revoked, thisUpdate: parseTime(thisUpdate).seconds, extensions,
  };
}

function parseBasic(data: Uint8Array): BasicResponse {
  const [signed, algorithm, signature, certificates, ...more] = der.children(der.read(data), der.SEQUENCE);
  if (!signed || !algorithm || !signature || more.length) throw wrong();
  requireAlgorithm(algorithm);
  requireBits(signature);
  const fields = der.children(signed, der.SEQUENCE);
  if (fields[0]?.tag === der.context(0)) throw wrong(); // version 1 is the default, and not written in DER
  const [responder, producedAt, singles, extensions] = fields;
  if (!responder || producedAt?.tag !== der.GENERALIZED_TIME || !singles) throw wrong();
  const identity = der.children(responder)[0];
  if (!identity || ![der.context(1), der.context(2)].includes(responder.tag)) throw wrong();
  const byName = responder.tag === der.context(1);
  if (byName) requireName(identity);
  else if (identity.tag !== der.OCTET_STRING) throw wrong();
  const list = certificates ? der.children(certificates, der.context(0))[0] : undefined;
  return {
    responderName: byName ? identity : null,
    responderKey: byName ? null : identity.content,
    producedAt: parseTime(producedAt).seconds,
    singles: der.children(singles, der.SEQUENCE).map(parseSingle),
    extensions: extensions ? explicitExtensions(extensions) : [],
    certificates: list ? der.children(list, der.SEQUENCE).map((each) => parseCertificate(each.raw)) : [],
    signed,
    algorithm,
    signature: signature.content.slice(1),
  };
}

function explicitExtensions(element: Element): Extension[] {
  const inner = der.children(element);
  if (inner.length !== 1) throw wrong();
  return parseExtensions(inner[0]!);
}

/** Return when and why a response says that a certificate was revoked, null for not. Throws MalformedData. */
export function revokedBy({ revoked, extensions }: Single): Revoked | null {
  if (revoked === null) return null;
  const reason = revoked.reason && parseReason(revoked.reason);
  return { time: Math.min(revoked.time, invalidity(extensions)), reason };
}

function invalidity(extensions: readonly Extension[]): number {
  const found = extensions.find((each) => each.oid === INVALIDITY_DATE);
  return found ? parseTime(der.read(found.value)).seconds : Infinity;
}

function parseReason(element: Element): string {
  const reason = REASONS[Number(der.parseInteger(element, der.ENUMERATED))];
  if (!reason) throw wrong();
  return reason;
}

function isTime(element: Element | undefined): boolean {
  return element?.tag === der.UTC_TIME || element?.tag === der.GENERALIZED_TIME;
}

function wrong(): MalformedData {
  return new MalformedData("a revocation list or an OCSP response is not as specified");
}

